"""Settings: four places that must agree, and clear words when a file is wrong."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from adapter.cli_bench import DATA_VARIABLE
from adapter.settings import OTHER_VARIABLES, Settings, SettingsError, load_settings

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "adapter" / "settings.sample.toml"


def sample_keys() -> list[str]:
    return re.findall(r"^(?:# )?([a-z_]+) = ", SAMPLE.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_setting_has_a_line_in_the_sample_file_and_a_paragraph_in_the_docs() -> None:
    documented = re.findall(r"^### `([a-z_]+)`$", (ROOT / "docs/settings.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sample_keys() == documented == list(Settings.model_fields)


def test_the_docs_tell_each_setting_and_its_default_in_the_words_of_the_code() -> None:
    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    told = {
        key: (
            " ".join(words.split()),
            None if default == "none" else tomllib.loads(f"value = {default.strip('`')}")["value"],
        )
        for key, words, default in re.findall(r"^### `(\w+)`\n\n(.+?) Default: (`[^`]*`|none)\.$", text, re.M | re.S)
    }
    fields = Settings.model_fields.items()
    assert {key: words for key, (words, _) in told.items()} == {key: field.description for key, field in fields}
    defaults = {key: str(field.default) if isinstance(field.default, Path) else field.default for key, field in fields}
    assert {key: default for key, (_, default) in told.items()} == defaults
    assert {key: type(default) for key, (_, default) in told.items()} == {
        key: type(default) for key, default in defaults.items()
    }


def test_the_sample_file_explains_each_setting_in_the_words_of_the_code() -> None:
    blocks = re.findall(r"((?:^# .+\n)+)(?:# )?(\w+) = ", SAMPLE.read_text(encoding="utf-8"), re.M)
    explained = {key: " ".join(line.removeprefix("# ") for line in words.splitlines()) for words, key in blocks}
    assert explained == {key: field.description for key, field in Settings.model_fields.items()}


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


@pytest.mark.parametrize(
    ("variable", "near"),
    [("ONVIF_LPR_HTTP_PROT", "ONVIF_LPR_HTTP_PORT"), ("onvif_lpr_http_prot", "ONVIF_LPR_HTTP_PORT")],
)
def test_an_unknown_variable_is_refused_by_name_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, near: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, "80")
    with pytest.raises(SettingsError, match=rf"{variable}: no such setting.*did you mean {near}"):
        load_settings()


def test_variables_that_are_read_elsewhere_are_let_through(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in OTHER_VARIABLES:
        monkeypatch.setenv(variable, "x")
    assert DATA_VARIABLE in OTHER_VARIABLES
    assert load_settings() == Settings()


def test_a_missing_file_is_told_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"settings\.sample\.toml"):
        load_settings(tmp_path / "none.toml")
