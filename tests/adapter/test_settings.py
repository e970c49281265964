"""Settings: four places that must agree, and clear words when a file is wrong."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from adapter.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "adapter" / "settings.sample.toml"


def sample_keys() -> list[str]:
    return re.findall(r"^(?:# )?([a-z_]+) = ", SAMPLE.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_setting_has_a_line_in_the_sample_file_and_a_paragraph_in_the_docs() -> None:
    documented = re.findall(r"^### `([a-z_]+)`$", (ROOT / "docs/settings.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sample_keys() == documented == list(Settings.model_fields)


def test_the_sample_file_states_the_defaults() -> None:
    assert load_settings(SAMPLE) == Settings()
    assert set(tomllib.loads(SAMPLE.read_text(encoding="utf-8"))) <= set(Settings.model_fields)


def test_an_unknown_key_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("http_prot = 80\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"http_prot: no such setting"):
        load_settings(file)


@pytest.mark.parametrize(("text", "message"), [("http_port = 70000", "http_port"), ("http_port = [", "not valid TOML")])
def test_a_bad_value_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        load_settings(file)


def test_the_environment_is_stronger_than_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("http_port = 1111\nonvif_port = 2222\n", encoding="utf-8")
    monkeypatch.setenv("ONVIF_LPR_HTTP_PORT", "3333")
    settings = load_settings(file, onvif_port=4444)
    assert (settings.http_port, settings.onvif_port) == (3333, 4444)


def test_a_missing_file_is_told_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"settings\.sample\.toml"):
        load_settings(tmp_path / "none.toml")
