"""Country modules of the user's own: found in the data folder, replacing ours with a notice, stopping nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.errors import ModuleError
from inference.module_library import ModuleLibrary, own_modules_folder
from inference.modules import MODULES_DIR, installed_modules
from tests.fakes.country_files import MINIMAL


def own(data_dir: Path, code: str, text: str) -> Path:
    folder = own_modules_folder(data_dir)
    folder.mkdir(exist_ok=True)
    path = folder / f"{code}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_folder_of_ones_own_there_are_the_built_in_modules_and_nothing_to_tell(tmp_path: Path) -> None:
    library = ModuleLibrary.open(tmp_path)
    assert dict(library.modules) == installed_modules()
    assert (dict(library.own), library.replaced, library.notices) == ({}, (), ())


def test_a_file_in_the_data_folder_adds_a_country(tmp_path: Path) -> None:
    path = own(tmp_path, "ZZ", MINIMAL)
    library = ModuleLibrary.open(tmp_path)
    assert library.modules["ZZ"].allows("AB123")
    assert library.own == {"ZZ": path}
    assert library.notices == ()


def test_a_file_with_the_code_of_a_built_in_module_replaces_it_and_says_so(tmp_path: Path) -> None:
    path = own(tmp_path, "NL", MINIMAL.replace("ZZ", "NL"))
    library = ModuleLibrary.open(tmp_path)
    assert library.modules["NL"].name == "Nowhere"
    assert library.replaced == ("NL",)
    assert library.notices == (f"{path} replaces the built-in country module NL",)
    assert installed_modules()["NL"].name == "Netherlands"


def test_a_wrong_file_is_left_out_with_cause_and_cure_and_the_built_in_one_stays(tmp_path: Path) -> None:
    path = own(tmp_path, "NL", MINIMAL.replace("ZZ", "NL").replace("LL DDD", "LL-DDD"))
    own(tmp_path, "ZZ", MINIMAL)
    library = ModuleLibrary.open(tmp_path)
    assert library.modules["NL"].name == "Netherlands"
    assert "ZZ" in library.modules
    (notice,) = library.notices
    assert "not understood" in notice and f"modules check {path}" in notice


def test_a_file_that_breaks_the_parser_is_left_out_like_any_other(tmp_path: Path) -> None:
    own(tmp_path, "YY", "a = " + "[" * 10_000)
    own(tmp_path, "ZZ", MINIMAL)
    library = ModuleLibrary.open(tmp_path)
    assert "ZZ" in library.modules
    assert "YY.toml" in library.notices[0]


def test_codes_are_taken_as_the_modules_write_them_and_each_once() -> None:
    library = ModuleLibrary()
    assert library.checked([" de", "D", "US", "us-ca", "x_eu"]) == ("D", "US", "US-CA", "X_EU")
    assert set(library.checked(["AU"])) == {"AUS"}


@pytest.mark.requirement("M-220")
def test_a_code_that_is_not_installed_is_refused_by_name() -> None:
    with pytest.raises(ModuleError, match="'QQ'"):
        ModuleLibrary().checked(["D", "QQ"])


def test_the_built_in_files_are_not_touched_by_opening_a_library(tmp_path: Path) -> None:
    before = {path.name for path in MODULES_DIR.iterdir()}
    ModuleLibrary.open(tmp_path)
    assert {path.name for path in MODULES_DIR.iterdir()} == before
    assert not own_modules_folder(tmp_path).exists()
