"""Model packs: found, checked, installed, refused."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from inference.errors import PackError
from inference.fit import characters_of
from inference.models import Engine
from inference.packs import FEATURES, PACKS_DIR, describe_pack, find_pack, install_pack, pack_names
from inference.rank import features
from inference.recognition import RecognitionSettings
from inference.recognizer import open_recognizer
from tests.fakes.spoken_reader import SpokenReader, candidate_reader, decoder_of, region, window


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


def own_pack(data_dir: Path, changes: Mapping[str, str] | None = None, *, of: str = "own", name: str = "mine") -> Path:
    """A pack of the user's own that is a copy of ours with other lines in its `pack.toml`."""
    folder = data_dir / "models" / name
    shutil.copytree(PACKS_DIR / of, folder)
    text = (folder / "pack.toml").read_text(encoding="utf-8")
    for old, new in {f'name = "{of}"': f'name = "{name}"', **(changes or {})}.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "pack.toml").write_text(text, encoding="utf-8")
    return folder


ALPHABET = 'alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"'


@pytest.mark.parametrize(
    ("of", "changes", "wrong"),
    [
        ("own", {ALPHABET: 'alphabet = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"'}, "reader: .*the alphabet lacks IOQ"),
        ("own", {ALPHABET: ALPHABET[:-1] + 'A"'}, "reader: .*has a character twice"),
        ("own", {"width_px = 144": ""}, r"reader: .*kind \"rows\" needs the width_px and height_px"),
        ("own", {'kind = "rows"': 'kind = "slots"'}, r"reader: .*kind \"slots\" needs its pad"),
        ("fast-alpr", {'pad = "_"': 'pad = "-"'}, r"reader: .*kind \"slots\" needs its pad"),
        ("own", {"margin = 0.512": "margni = 0.512"}, "likelihood: .*there is no margni; there are bias, .*margin"),
    ],
)
def test_what_a_pack_of_ones_own_lacks_is_said_with_its_file(
    of: str, changes: Mapping[str, str], wrong: str, tmp_path: Path
) -> None:
    folder = own_pack(tmp_path, changes, of=of)
    with pytest.raises(PackError, match=f"{folder / 'pack.toml'} is no valid pack: {wrong}"):
        describe_pack("mine", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        (
            {"width_px = 144": "width_px = 140"},
            r"reader.xml is no reader .*\[\?,64,140,1\].*\[reader\] in the pack.toml",
        ),
        ({ALPHABET: ALPHABET[:-1] + '-"'}, r"reader.xml is no reader .*\[\?,2,\?,38\] are needed"),
        ({'kind = "rows"': 'kind = "line"'}, 'reader.xml is no reader of kind "line"'),
        ({'kind = "plate-map"': 'kind = "text-lines"'}, r"detector.xml is no detector .*\[detector\] in the pack.toml"),
        ({'kind = "plate-map"': 'kind = "plates"'}, 'detector.xml is no detector of kind "plates"'),
    ],
)
def test_a_network_that_does_not_fit_its_pack_is_refused_with_file_and_cure(
    changes: Mapping[str, str], wrong: str, tmp_path: Path
) -> None:
    own_pack(tmp_path, changes)
    with pytest.raises(PackError, match=wrong):
        open_recognizer("mine", threads=1, data_dir=tmp_path)


def test_a_pack_of_ones_own_replaces_ours_with_its_own_weights(tmp_path: Path) -> None:
    folder = own_pack(tmp_path, name="own")
    pack = find_pack("own", data_dir=tmp_path)
    assert (pack.detector_path.parent, pack.reader_path.parent) == (folder, folder)
    pack.reader_path.unlink()
    with pytest.raises(PackError, match=r"lacks reader\.xml"):
        find_pack("own", data_dir=tmp_path)


@pytest.mark.parametrize("package", ["not.there", ""])
def test_a_package_that_is_not_there_is_named(package: str, tmp_path: Path) -> None:
    own_pack(tmp_path, {'package = "rapidocr"': f'package = "{package}"'}, of="ppocr")
    with pytest.raises(PackError, match=f"package {package} is not installed"):
        find_pack("mine", data_dir=tmp_path)


def test_packs_weigh_what_is_measured() -> None:
    spoken, decoder = SpokenReader({(370, 317): "AYO9034"}, share=0.9), decoder_of(("BR",))
    settings = RecognitionSettings(modules=("BR",))
    ((candidate, _),), _ = candidate_reader(spoken, decoder).read(window(), [region(300, 300)], settings, deadline=None)
    assert set(features(candidate)) == FEATURES


def test_a_reader_of_lines_that_brings_no_characters_is_refused_with_file_and_cure() -> None:
    model = Engine(device="CPU", threads=1, cache_dir=None).read(find_pack("own").reader_path)
    with pytest.raises(
        PackError, match=r"reader.xml does not say which characters.*\[reader\] in the pack.toml of own"
    ):
        characters_of(model, find_pack("own"))
