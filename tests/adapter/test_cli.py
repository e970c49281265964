"""The command line, as a person types it."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from adapter.cli import app
from adapter.settings import Settings
from inference.bench_report import installed_packs
from inference.modules import installed_modules, select_modules
from inference.packs import PACKS_DIR
from inference.selftest import KNOWN_TEXT, known_picture
from tests.fakes.country_files import country_file

run = CliRunner()


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.photos
def test_read_prints_one_object_per_picture(photos: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not a picture")
    done = run.invoke(app, ["read", "--json", "--modules", "SK", str(photos / "eu" / "test_045.jpg"), str(broken)])
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert set(first) == {"file", "ms", "plates"}
    assert first["plates"][0]["text"] == "RK878AC"
    assert first["plates"][0]["country"] == "SK"
    assert len(first["plates"][0]["box"]) == 4
    assert 0 < first["plates"][0]["likelihood"] <= 1
    assert second["plates"] == []
    assert "no picture" in second["error"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["read", "nothing-here.jpg"], "does not exist"),
        (["read", "--pack", "no-such-pack", "."], "no pictures"),
        (["bench"], "nothing to measure"),
        (["status"], "onvif-lpr serve"),
        (["--settings", "none.toml", "status"], "does not exist"),
        (["--settings", ".", "status"], "cannot be read: Is a directory"),
        (["models", "install", "fast-alpr", "--from", "http://[::1"], "cannot be fetched (Invalid IPv6 URL)"),
        (["models", "install", "no-such-pack", "--from", "."], "no model pack"),
        (["models", "install", "fast-alpr", "--from", "nowhere"], "nowhere is no folder that there is"),
        (["models", "install", "own"], "nothing to download"),
        (["discover", "--timeout", "0.5", "--address", "127.0.0.1:99999"], "ports are 1 to 65535"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ONVIF_LPR_DATA", raising=False)
    monkeypatch.setenv("ONVIF_LPR_DATA_DIR", str(tmp_path / "data"))
    done = run.invoke(app, arguments)
    assert done.exit_code == 1
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.output


def test_a_long_path_in_an_error_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    missing = tmp_path / "a folder with a rather long name [old]" / "settings.toml"
    done = run.invoke(app, ["--settings", str(missing), "status"])
    assert done.exit_code == 1
    assert str(missing) in done.stderr


def test_an_unknown_pack_is_named_with_those_there_are(tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"x")
    done = run.invoke(app, ["read", "--pack", "nonsense", str(picture)])
    assert done.exit_code == 1
    assert "ppocr" in done.stderr


@pytest.mark.requirement("M-028")
def test_every_shipped_module_is_listed_without_a_download() -> None:
    done = run.invoke(app, ["modules", "list"])
    codes = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("│")}
    manual = "HR CZ RCB DK EC ET EST X_EU FO FIN X_XX F D GH GB GR GUY HON HK H IS"
    assert set(manual.split()) <= codes


def test_a_wrong_module_file_is_told_with_exit_code_1(tmp_path: Path) -> None:
    file = tmp_path / "XX.toml"
    file.write_text("code = 7\n", encoding="utf-8")
    done = run.invoke(app, ["modules", "check", str(file)])
    assert done.exit_code == 1
    assert "XX.toml" in done.stdout


def own_pack(data_dir: Path, name: str, text: str | None = None) -> None:
    """A pack of a user's own in the data folder, without weights."""
    folder = data_dir / "models" / name
    folder.mkdir(parents=True)
    shipped = (PACKS_DIR / "fast-alpr" / "pack.toml").read_text(encoding="utf-8")
    (folder / "pack.toml").write_text(text or shipped.replace('"fast-alpr"', f'"{name}"'), encoding="utf-8")


def test_packs_are_listed_from_the_data_folder_with_what_they_lack(tmp_path: Path) -> None:
    own_pack(tmp_path / "data", "mine")
    own_pack(tmp_path / "data", "torn", "name = 3")
    done = run.invoke(app, ["--data-dir", str(tmp_path / "data"), "models", "list"], env={"COLUMNS": "400"})
    assert done.exit_code == 0
    rows = {row.split("│")[1].strip(): row for row in done.stdout.splitlines() if row.startswith("│")}
    assert set(rows) >= {"ppocr", "fast-alpr", "own", "mine", "torn"}
    assert "│ yes" in rows["ppocr"]
    assert "models install mine" in rows["mine"]
    assert "no valid pack" in rows["torn"]


@pytest.mark.models
def test_an_installed_pack_lands_in_the_data_folder_and_is_listed_as_such(tmp_path: Path, peer_weights: Path) -> None:
    own_pack(tmp_path / "data", "mine")
    at = ["--data-dir", str(tmp_path / "data"), "models"]
    done = run.invoke(app, [*at, "install", "mine", "--from", str(peer_weights)])
    assert done.exit_code == 0
    assert "licence: MIT" in done.stdout
    assert list((tmp_path / "data" / "models" / "mine").glob("*.onnx"))
    listed = run.invoke(app, [*at, "list"], env={"COLUMNS": "400"}).stdout
    assert [row for row in listed.splitlines() if "│ mine" in row and "│ yes" in row]


def test_read_looks_for_packs_and_keeps_compiled_models_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "elsewhere"))
    picture = tmp_path / "a.png"
    cv2.imwrite(str(picture), known_picture())
    done = run.invoke(app, ["--data-dir", str(tmp_path / "data"), "read", "--json", "--modules", "X_XX", str(picture)])
    assert json.loads(done.stdout)["plates"][0]["text"] == KNOWN_TEXT
    assert list((tmp_path / "data" / "model-cache").iterdir())
    assert not (tmp_path / "elsewhere").exists()
    own_pack(tmp_path / "data", "mine")
    done = run.invoke(app, ["--data-dir", str(tmp_path / "data"), "read", "--pack", "mine", str(picture)])
    assert str(tmp_path / "data" / "models" / "mine") in done.stderr.replace("\n", "")


def test_bench_measures_a_pack_that_is_installed_in_the_data_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "elsewhere"))
    mine = tmp_path / "data" / "models" / "mine"
    shutil.copytree(PACKS_DIR / "own", mine)
    described = (mine / "pack.toml").read_text(encoding="utf-8").replace('name = "own"', 'name = "mine"')
    (mine / "pack.toml").write_text(described, encoding="utf-8")
    photos = tmp_path / "photos"
    photos.mkdir()
    cv2.imwrite(str(photos / "a.png"), known_picture())
    (photos / "labels.csv").write_text(f"file,plate\na.png,{KNOWN_TEXT}\n", encoding="utf-8")
    command = ["bench", "--photos", str(photos), "--modules", "X_XX", "--no-speed", "--json", "--pack"]
    done = run.invoke(app, ["--data-dir", str(tmp_path / "data"), *command, "mine"])
    assert done.exit_code == 0, done.output
    (result,) = json.loads(done.stdout)["packs"]
    assert (result["pack"], result["photos"][0]["text"]) == ("mine", KNOWN_TEXT)
    assert {"mine", "own"} <= set(installed_packs(tmp_path / "data"))
    other = run.invoke(app, ["--data-dir", str(tmp_path / "other"), *command, "mine"])
    assert other.exit_code == 1
    assert "there is no model pack 'mine'" in other.stderr


def test_names_of_files_and_patterns_in_brackets_are_shown_as_they_are(tmp_path: Path) -> None:
    for name in ("a[red]b.jpg", "[bold].jpg", ":car:.jpg"):
        (tmp_path / name).write_bytes(b"not a picture")
    done = run.invoke(app, ["--data-dir", str(tmp_path / "data"), "read", str(tmp_path)], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output
    assert all(f"│ {name} " in done.stdout for name in ("a[red]b.jpg", "[bold].jpg", ":car:.jpg"))
    module = tmp_path / "data" / "modules" / "[x].toml"
    module.parent.mkdir(parents=True)
    module.write_text(country_file("ZZ", "[abc]D"), encoding="utf-8")
    done = run.invoke(app, ["--data-dir", str(tmp_path / "data"), "modules", "check"])
    assert "[x].toml:" in done.stdout and "[abc]D" in done.stdout
    done = run.invoke(app, ["--data-dir", str(tmp_path / "data"), "modules", "list"])
    assert "[x].toml" in done.stderr and "note:" in done.stderr


def test_the_name_of_a_file_does_nothing_to_the_terminal(tmp_path: Path) -> None:
    for name in ("\x1b[2Jgone.jpg", "two\nlines.jpg", os.fsdecode(b"\xff.jpg")):
        (tmp_path / name).write_bytes(b"not a picture")
    done = run.invoke(app, ["--data-dir", str(tmp_path / "data"), "read", str(tmp_path)], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output
    assert all(f"│ {name} " in done.stdout for name in (r"\x1b[2Jgone.jpg", r"two\nlines.jpg", r"\udcff.jpg"))


@pytest.fixture
def own_modules(tmp_path: Path) -> Path:
    """A data folder with a country of its own, a replaced one, and a file with a mistake."""
    folder = tmp_path / "data" / "modules"
    folder.mkdir(parents=True)
    for code, pattern in (("ZZ", "LL DDD"), ("NL", "LL DDD"), ("YY", "LL-DDD")):
        (folder / f"{code}.toml").write_text(country_file(code, pattern), encoding="utf-8")
    return tmp_path / "data"


def test_modules_of_ones_own_are_listed_and_what_they_replace_is_said(own_modules: Path) -> None:
    done = run.invoke(app, ["--data-dir", str(own_modules), "modules", "list"])
    rows = {line.split()[1]: line for line in done.stdout.splitlines() if line.startswith("│")}
    assert "own" in rows["ZZ"] and "Nowhere" in rows["ZZ"]
    assert "replaces" in rows["NL"] and "Nowhere" in rows["NL"]
    assert "built in" in rows["D"] and "YY" not in rows
    assert "replaces the built-in country module NL" in done.stderr
    assert "YY.toml" in done.stderr and "modules check" in done.stderr


def test_modules_check_without_files_checks_ones_own(own_modules: Path, tmp_path: Path) -> None:
    done = run.invoke(app, ["--data-dir", str(own_modules), "modules", "check"])
    assert done.exit_code == 1
    assert "NL.toml: ok" in done.stdout and "replaces the built-in" in done.stdout
    assert "ZZ.toml: ok\n" in done.stdout and "YY.toml: the syntax" in done.stdout
    nothing = run.invoke(app, ["--data-dir", str(tmp_path / "empty"), "modules", "check"])
    assert nothing.exit_code == 1 and "holds no country module" in nothing.stderr


@pytest.mark.photos
def test_read_uses_modules_of_ones_own(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "modules"
    folder.mkdir(parents=True)
    (folder / "ZZ.toml").write_text(country_file("ZZ", "LL DDDLL"), encoding="utf-8")
    picture = str(photos / "eu" / "test_045.jpg")
    done = run.invoke(app, ["--data-dir", str(tmp_path / "data"), "read", "--json", "--modules", "ZZ", picture])
    plate = json.loads(done.stdout)["plates"][0]
    assert (plate["text"], plate["country"]) == ("RK878AC", "ZZ")


DOCS = Path(__file__).resolve().parents[2] / "docs" / "packs.md"


@pytest.mark.requirement("M-032", "M-222")
def test_a_country_is_added_as_the_docs_say(tmp_path: Path) -> None:
    chapter = DOCS.read_text(encoding="utf-8").split("## Modules of your own")[1]
    folder, command = re.search(r"cp XYZ\.toml (\S+)\n    onvif-lpr (.+)\n", chapter).groups()
    data_dir = str(Settings.model_fields["data_dir"].default)
    assert folder.removeprefix(data_dir) == "/modules/"
    example = DOCS.parents[1] / re.search(r"`(inference/modules/\w+\.toml)` is a short one", chapter)[1]
    mine = tmp_path / "modules" / "XYZ.toml"
    mine.parent.mkdir()
    mine.write_text(example.read_text(encoding="utf-8").replace(f'"{example.stem}"', '"XYZ"', 1), encoding="utf-8")
    done = run.invoke(app, ["--data-dir", str(tmp_path), *command.split()])
    assert done.exit_code == 0 and "XYZ.toml: ok" in done.stdout, done.output
    assert "│ XYZ " in run.invoke(app, ["--data-dir", str(tmp_path), "modules", "list"]).stdout


@pytest.mark.requirement("M-230")
def test_the_docs_choose_denmark_and_the_european_union_as_an_example() -> None:
    (codes,) = re.findall(r"onvif-lpr camera add --modules (\S+)`", DOCS.read_text(encoding="utf-8"))
    modules = select_modules(codes.split(","), installed_modules())
    assert [one.code for one in modules] == ["DK", "X_EU"]
    assert [one.name.split(",")[0] for one in modules] == ["Denmark", "European Union"]
