"""Model packs: found, checked, installed, refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from inference.errors import PackError
from inference.packs import describe_pack, find_pack, install_pack, pack_names


def test_the_default_pack_finds_its_weights_in_the_installed_package() -> None:
    pack = find_pack("ppocr")
    assert pack.detector_path.is_file()
    assert pack.file.licence == "Apache-2.0"


def test_an_unknown_pack_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(PackError, match="ppocr"):
        find_pack("nonsense")


def test_a_pack_without_weights_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="models install fast-alpr"):
        find_pack("fast-alpr", data_dir=tmp_path)


def test_a_folder_without_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="has no"):
        install_pack("fast-alpr", source_dir=tmp_path, data_dir=tmp_path / "data")


def test_a_file_with_another_checksum_is_refused(tmp_path: Path) -> None:
    for spec in (describe_pack("fast-alpr").detector, describe_pack("fast-alpr").reader):
        (tmp_path / spec.file).write_bytes(b"not a model")
    with pytest.raises(PackError, match="sha256"):
        install_pack("fast-alpr", source_dir=tmp_path, data_dir=tmp_path / "data")
    assert not list((tmp_path / "data").rglob("*.onnx"))


@pytest.mark.models
def test_the_peers_weights_install_and_a_damaged_copy_is_noticed(tmp_path: Path, peer_weights: Path) -> None:
    install_pack("fast-alpr", source_dir=peer_weights, data_dir=tmp_path)
    pack = find_pack("fast-alpr", data_dir=tmp_path)
    with pack.reader_path.open("r+b") as file:
        file.write(b"damage")
    with pytest.raises(PackError, match="sha256"):
        find_pack("fast-alpr", data_dir=tmp_path)


def test_a_pack_of_the_users_own_is_listed_and_a_wrong_one_named(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    shipped = Path(describe_pack.__code__.co_filename).parent / "packs" / "fast-alpr" / "pack.toml"
    shutil.copyfile(shipped, folder / "pack.toml")
    assert "mine" in pack_names(tmp_path)
    (folder / "pack.toml").write_text("name = 3", encoding="utf-8")
    with pytest.raises(PackError, match="no valid pack"):
        describe_pack("mine", data_dir=tmp_path)
