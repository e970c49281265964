"""Our own pack: its files, how its answers become regions and characters, and that it sees real plates."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.detector import PlateMapDetector
from inference.errors import PackError
from inference.models import Engine
from inference.modules import installed_modules
from inference.packs import PACKS_DIR, find_pack, install_pack
from inference.reader import RowsReader
from inference.recognizer import Preset, RecognitionSettings, Recognizer
from inference.regions import cut
from inference.types import Box, RejectionReason

SIX_MEGABYTES = 6_000_000
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class FixedNetwork:
    """Answers every input with the same arrays, and remembers the input."""

    name = "fixed"

    def __init__(self, *answers: NDArray[Any]) -> None:
        self._answers = answers
        self.inputs: list[NDArray[Any]] = []

    def run(self, batch: NDArray[Any]) -> list[NDArray[Any]]:
        self.inputs.append(batch)
        return list(self._answers)


def plate_map(rows: int, columns: int, plates: list[tuple[NDArray[Any], float]]) -> NDArray[Any]:
    """The network's answer for plates given as corners in input pixels, with their likelihoods."""
    answer = np.zeros((1, 13, rows, columns), np.float32)
    for quad, likelihood in plates:
        cells = quad / 8
        low, high = cells.min(axis=0), cells.max(axis=0)
        x, y = ((low + high) / 2).astype(int)
        for dx in (-1, 0, 1):
            at = np.array([x + dx + 0.5, y + 0.5])
            answer[0, 0, y, x + dx] = likelihood if dx == 0 else likelihood * 0.8
            answer[0, 1:3, y, x + dx] = at - low
            answer[0, 3:5, y, x + dx] = high - at
            answer[0, 5:, y, x + dx] = (cells - at).ravel()
    return answer


def test_the_pack_is_small_and_its_files_are_the_named_ones() -> None:
    pack = find_pack("own")
    files = [*pack.file.detector.files, *pack.file.reader.files]
    assert len(files) == 4
    assert sum((PACKS_DIR / "own" / name).stat().st_size for name, _ in files) <= SIX_MEGABYTES
    assert pack.file.licence == "Apache-2.0"


def test_weights_beside_the_graph_are_checked_too(tmp_path: Path) -> None:
    shutil.copytree(PACKS_DIR / "own", tmp_path / "own")
    (tmp_path / "own" / "reader.bin").write_bytes(b"something else")
    with pytest.raises(PackError, match=r"reader\.bin is not the file the pack own names"):
        install_pack("own", source_dir=tmp_path / "own", data_dir=tmp_path / "data")


def test_installing_copies_graph_and_weights(tmp_path: Path) -> None:
    install_pack("own", source_dir=PACKS_DIR / "own", data_dir=tmp_path)
    names = sorted(path.name for path in (tmp_path / "models" / "own").iterdir())
    assert names == ["detector.bin", "detector.xml", "reader.bin", "reader.xml"]


def test_a_tilted_plate_becomes_its_four_corners_in_the_pictures_pixels() -> None:
    quad = np.array([[100, 90], [180, 70], [184, 96], [104, 116]], np.float32)
    network = FixedNetwork(plate_map(32, 40, [(quad, 0.9)]))
    regions = PlateMapDetector(network=network).detect(np.zeros((512, 640, 3), np.uint8), longest_px=320)
    assert len(regions) == 1
    assert np.allclose(regions[0].quad, quad * 2, atol=0.01)
    assert regions[0].likelihood == pytest.approx(0.9)
    assert network.inputs[0].shape == (1, 256, 320, 3) and network.inputs[0].dtype == np.uint8


def test_of_two_boxes_on_one_plate_the_surer_stays_and_a_neighbour_is_kept() -> None:
    first = np.array([[40, 40], [120, 40], [120, 64], [40, 64]], np.float32)
    shifted, other = first + np.float32([16, 0]), first + np.float32([130, 0])
    network = FixedNetwork(plate_map(32, 40, [(shifted, 0.6), (first, 0.8), (other, 0.5)]))
    regions = PlateMapDetector(network=network).detect(np.zeros((256, 320, 3), np.uint8), longest_px=320)
    assert [round(region.likelihood, 2) for region in regions] == [0.8, 0.5]


def test_folded_corners_give_way_to_the_box() -> None:
    quad = np.array([[40, 40], [120, 40], [120, 64], [40, 64]], np.float32)
    answer = plate_map(32, 40, [(quad, 0.9)])
    answer[0, 5:7], answer[0, 7:9] = answer[0, 7:9].copy(), answer[0, 5:7].copy()
    regions = PlateMapDetector(network=FixedNetwork(answer)).detect(np.zeros((256, 320, 3), np.uint8), longest_px=320)
    assert np.allclose(regions[0].quad, quad, atol=0.01)


def test_an_empty_street_has_no_regions_and_any_size_is_padded_to_whole_cells() -> None:
    network = FixedNetwork(np.zeros((1, 13, 24, 40), np.float32))
    assert PlateMapDetector(network=network).detect(np.zeros((211, 377, 3), np.uint8), longest_px=317) == []
    assert network.inputs[0].shape[1] % 32 == 0 and network.inputs[0].shape[2] % 32 == 0


def test_corners_make_the_crop_upright() -> None:
    flat = np.full((60, 200, 3), 230, np.uint8)
    flat[:, 95:105] = 20
    quad = np.array([[60, 100], [250, 60], [252, 118], [62, 158]], np.float32)
    matrix = cv2.getPerspectiveTransform(np.array([[0, 0], [200, 0], [200, 60], [0, 60]], np.float32), quad)
    scene = np.asarray(cv2.warpPerspective(flat, matrix, (320, 256)), np.uint8)
    network = FixedNetwork(plate_map(32, 40, [(quad, 0.9)]))
    region = PlateMapDetector(network=network).detect(scene, longest_px=320)[0]
    crop = cut(scene, region.quad, width=200, height=60)
    darkest = crop[5:55].mean(axis=2).argmin(axis=1)
    assert np.abs(darkest - 100).max() <= 8


def test_two_rows_are_read_upper_first_and_double_letters_stay_two() -> None:
    shares = np.zeros((1, 2, 36, 37), np.float32)
    shares[..., 36] = 1.0
    for row, column, char in ((0, 4, "A"), (0, 5, "A"), (0, 9, "A"), (0, 20, "B"), (1, 8, "7"), (1, 15, "0")):
        shares[0, row, column] = 0
        shares[0, row, column, LETTERS.index(char)] = 0.75
        shares[0, row, column, 36] = 0.25
    reader = RowsReader(network=FixedNetwork(shares), alphabet=LETTERS, width_px=144, height_px=64)
    quad = np.array([[0, 0], [80, 0], [80, 30], [0, 30]], np.float32)
    slots = reader.read(np.zeros((100, 100, 3), np.uint8), [quad])[0]
    assert slots.raw_text == "AAB70"
    assert slots.shares.shape == (5, 36)
    assert np.allclose(slots.shares.sum(axis=1), 1.0)
    assert np.allclose(slots.presence, 0.75)


@pytest.mark.parametrize(("between", "text"), [(0.2, "11"), (0.4, "1")])
def test_a_clear_gap_between_two_frames_of_one_character_makes_two_of_it(between: float, text: str) -> None:
    shares = np.zeros((1, 2, 36, 37), np.float32)
    shares[..., 36] = 1.0
    for column, filled in ((10, 0.9), (11, between), (12, 0.9)):
        shares[0, 0, column, LETTERS.index("1")] = filled
        shares[0, 0, column, 36] = 1 - filled
    reader = RowsReader(network=FixedNetwork(shares), alphabet=LETTERS, width_px=144, height_px=64)
    quad = np.array([[0, 0], [80, 0], [80, 30], [0, 30]], np.float32)
    assert reader.read(np.zeros((100, 100, 3), np.uint8), [quad])[0].raw_text == text


def test_what_the_reader_says_of_the_whole_plate_is_carried_by_name() -> None:
    rows, facts = np.zeros((1, 2, 36, 37), np.float32), np.array([[0.1, 0.2, 0.6, 0.1, 0.75]], np.float32)
    world = ("europe", "north america", "south america", "asia")
    quad = np.array([[0, 0], [80, 0], [80, 30], [0, 30]], np.float32)
    for network, names, told in (
        (FixedNetwork(rows, facts), world, True),
        (FixedNetwork(rows, facts), (), False),
        (FixedNetwork(rows), world, False),
    ):
        reader = RowsReader(network=network, alphabet=LETTERS, width_px=144, height_px=64, world=names)
        slots = reader.read(np.zeros((100, 100, 3), np.uint8), [quad])[0]
        assert slots.two_lines == (0.75 if told else None)
        assert {part: round(share, 3) for part, share in slots.world.items()} == (
            dict(zip(world, (0.1, 0.2, 0.6, 0.1), strict=True)) if told else {}
        )


def test_crops_go_through_in_bounded_batches() -> None:
    network = FixedNetwork(np.zeros((8, 2, 36, 37), np.float32))
    reader = RowsReader(network=network, alphabet=LETTERS, width_px=144, height_px=64)
    quad = np.array([[0, 0], [80, 0], [80, 30], [0, 30]], np.float32)
    reader.read(np.zeros((100, 100, 3), np.uint8), [quad] * 19)
    assert [len(batch) for batch in network.inputs] == [8, 8, 3]
    assert network.inputs[0].shape[1:] == (64, 144, 1)


def test_characters_lower_than_twelve_pixels_are_refused_as_too_small() -> None:
    small = np.array([[40, 40], [88, 40], [88, 58], [40, 58]], np.float32)  # 18 px high: characters of 11
    network = FixedNetwork(plate_map(32, 40, [(small, 0.9)]))
    recognizer = Recognizer(
        pack=find_pack("own"),
        detector=PlateMapDetector(network=network),
        reader=RowsReader(network=FixedNetwork(np.zeros((0,))), alphabet=LETTERS, width_px=144, height_px=64),
        modules=installed_modules(),
    )
    picture = np.zeros((256, 320, 3), np.uint8)
    answer = recognizer.recognize(picture, RecognitionSettings(preset=Preset.FAST))
    assert answer.readings == ()
    assert [rejection.reason for rejection in answer.rejections] == [RejectionReason.TOO_SMALL]


def test_the_shipped_detector_finds_plates_on_real_photos(photos: Path) -> None:
    engine = Engine(device="CPU", threads=1, cache_dir=None)
    network = engine.compile(engine.read(find_pack("own").detector_path), name="own detector")
    detector = PlateMapDetector(network=network)
    with (photos / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[::14]
    found = 0
    for row in rows:
        picture = np.asarray(cv2.imread(str(photos / row["file"])), np.uint8)
        box = Box(x=float(row["x"]), y=float(row["y"]), width=float(row["w"]), height=float(row["h"]))
        regions = detector.detect(picture, longest_px=640)
        found += any(region.box.overlap(box) > 0.5 * box.area for region in regions)
    assert found >= 0.9 * len(rows)
