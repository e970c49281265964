"""The manual's numbers, row by row."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from onvif_client import advice
from onvif_client.advice import PlateRegion, Verdict
from onvif_client.jpeg import jpeg_quality


@pytest.mark.requirement("M-099")
def test_the_longest_shutter_at_50_kmh_is_one_550th():
    assert advice.shutter_limit_s(50) == pytest.approx(1 / 550)


@pytest.mark.requirement("M-100")
def test_the_longest_shutter_at_30_mph_is_one_540th():
    assert advice.shutter_limit_mph_s(30) == pytest.approx(1 / 540)


PRINTED_SHUTTER_TABLE = [
    pytest.param(*row, marks=pytest.mark.requirement(requirement), id=requirement)
    for requirement, row in (
        ("M-101", (50, 4, 2)),
        ("M-102", (100, 9, 5)),
        ("M-103", (200, 18, 11)),
        ("M-104", (250, 22, 13)),
        ("M-105", (500, 45, 27)),
        ("M-106", (750, 68, 41)),
        ("M-107", (1000, 90, 55)),
        ("M-108", (1500, 136, 83)),
        ("M-109", (2000, 181, 111)),
        ("M-110", (3000, 272, 166)),
        ("M-111", (4000, 363, 222)),
    )
]


@pytest.mark.parametrize(("denominator", "kmh", "mph"), PRINTED_SHUTTER_TABLE)
def test_the_shutter_table_has_the_printed_row(denominator, kmh, mph):
    assert (denominator, kmh, mph) in advice.shutter_table()
    assert advice.speed_limit_kmh(denominator) == kmh
    assert advice.speed_limit_mph(denominator) == mph


def test_the_shutter_table_has_no_other_rows():
    assert len(advice.shutter_table()) == len(PRINTED_SHUTTER_TABLE)


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(ValueError, match="speed"):
        advice.shutter_limit_s(speed)


@pytest.mark.parametrize(
    ("region", "interlaced", "width"),
    [
        pytest.param(PlateRegion.US, False, 130, marks=pytest.mark.requirement("M-059")),
        pytest.param(PlateRegion.US, True, 215, marks=pytest.mark.requirement("M-060")),
        pytest.param(PlateRegion.EU, False, 170, marks=pytest.mark.requirement("M-061")),
        pytest.param(PlateRegion.EU, True, 280, marks=pytest.mark.requirement("M-062")),
    ],
)
def test_the_plate_width_table_has_the_printed_value(region, interlaced, width):
    assert advice.min_plate_width_px(region, moving_interlaced=interlaced) == width


@pytest.mark.requirement("M-063")
@pytest.mark.parametrize("region", list(PlateRegion))
def test_interlaced_needs_1_65_times_the_pixels(region):
    progressive = advice.min_plate_width_px(region)
    interlaced = advice.min_plate_width_px(region, moving_interlaced=True)
    assert interlaced / progressive == pytest.approx(1.65, abs=0.005)
    assert advice.interlaced_need_px(progressive) == pytest.approx(interlaced, abs=0.6)


@pytest.mark.requirement("M-058")
@pytest.mark.parametrize(
    ("pixels", "verdict"), [(2.7, Verdict.OK), (5.0, Verdict.OK), (2.69, Verdict.BAD), (0.0, Verdict.BAD)]
)
def test_strokes_of_2_7_pixels_pass(pixels, verdict):
    assert advice.stroke_verdict(pixels) is verdict


@pytest.mark.requirement("M-057")
def test_pixels_per_stroke_follow_the_regions_stroke():
    # A European plate of 52 cm with strokes of 1 cm, 140.4 px wide, has exactly 2.7 px per stroke.
    assert advice.pixels_per_stroke(plate_width_px=140.4, region=PlateRegion.EU) == pytest.approx(2.7)
    us = advice.pixels_per_stroke(plate_width_px=130, region=PlateRegion.US)
    assert us == pytest.approx(130 * 0.27 / 12)


@pytest.mark.requirement("M-066")
def test_the_resolution_formula_works_in_inches_and_centimetres():
    in_inches = advice.pixels_needed(area_width=78, stroke_width=0.27)
    in_centimetres = advice.pixels_needed(area_width=78 * 2.54, stroke_width=0.27 * 2.54)
    assert in_inches == in_centimetres == 780


@pytest.mark.requirement("M-067")
def test_an_area_is_one_car_wide_by_default():
    assert advice.PLATE_SIZES[PlateRegion.EU].car_area_cm == 200
    assert advice.PLATE_SIZES[PlateRegion.US].car_area_cm / advice.INCH_CM == pytest.approx(78)


@pytest.mark.requirement("M-068")
def test_the_european_example_gives_540_pixels_and_vga():
    assert advice.pixels_needed(area_width=200, stroke_width=1) == 540
    assert advice.pixels_needed_for(PlateRegion.EU) == 540
    found = advice.lowest_resolution(540)
    assert (found.name, found.width_px, found.height_px) == ("VGA", 640, 480)


@pytest.mark.requirement("M-069")
def test_the_american_example_gives_780_pixels_and_svga():
    assert advice.pixels_needed_for(PlateRegion.US) == 780
    found = advice.lowest_resolution(780)
    assert (found.name, found.width_px, found.height_px) == ("SVGA", 800, 600)


@pytest.mark.requirement("M-070")
def test_a_measured_area_takes_the_place_of_the_default():
    assert advice.pixels_needed_for(PlateRegion.EU, area_width_cm=350) == 945


@pytest.mark.requirement("M-071")
def test_american_strokes_are_narrower():
    assert advice.PLATE_SIZES[PlateRegion.US].stroke_cm == pytest.approx(0.69, abs=0.005)
    assert advice.PLATE_SIZES[PlateRegion.EU].stroke_cm == 1.0


@pytest.mark.requirement("M-072")
def test_the_table_of_common_resolutions_is_complete_and_720p_corrected():
    table = {each.name: (each.width_px, each.height_px) for each in advice.COMMON_RESOLUTIONS}
    assert table == {
        "QCIF": (176, 120),
        "CIF": (352, 240),
        "2CIF": (704, 240),
        "VGA": (640, 480),
        "4CIF": (704, 480),
        "D1": (720, 576),
        "SVGA": (800, 600),
        "XGA": (1024, 768),
        "720p": (1280, 720),
        "SXGA": (1280, 1024),
    }


def test_no_common_resolution_is_wide_enough_for_everything():
    assert advice.lowest_resolution(5000) is None


def plate(background: int, characters: int, noise: float = 0.0) -> np.ndarray:
    picture = np.full((60, 240), background, dtype=np.float64)
    for x in range(10, 230, 30):
        picture[12:48, x : x + 8] = characters
    picture += np.random.default_rng(7).normal(0, noise, picture.shape) if noise else 0
    return picture.clip(0, 255).astype(np.uint8)


@pytest.mark.requirement("M-113")
@pytest.mark.parametrize(("background", "characters"), [(200, 40), (30, 220), (128, 113), (255, 0)])
def test_contrast_is_the_grey_distance_of_characters_and_background(background, characters):
    assert advice.plate_contrast(plate(background, characters)) == pytest.approx(abs(background - characters))


@pytest.mark.requirement("M-113")
def test_noise_and_single_bright_pixels_do_not_pass_for_contrast():
    noisy = plate(150, 90, noise=8.0)
    noisy[0, :5] = 255
    assert advice.plate_contrast(noisy) == pytest.approx(60, abs=6)


@pytest.mark.requirement("M-115")
def test_contrast_knows_only_the_crop_it_is_given():
    scene = np.zeros((400, 400), dtype=np.uint8)
    scene[100:160, 100:340] = plate(120, 110)
    crop = scene[100:160, 100:340]
    assert advice.plate_contrast(crop) == pytest.approx(10)
    assert advice.plate_contrast(scene) > 50


@pytest.mark.requirement("M-114")
@pytest.mark.requirement("M-116")
@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        (0, Verdict.BAD),
        (14.9, Verdict.BAD),
        (15, Verdict.WARN),
        (39, Verdict.WARN),
        (40, Verdict.OK),
        (200, Verdict.OK),
    ],
)
def test_contrast_has_three_bands(levels, verdict):
    assert advice.contrast_verdict(levels) is verdict


def test_an_even_crop_has_no_contrast_and_an_empty_one_is_refused():
    assert advice.plate_contrast(np.full((20, 20), 99, dtype=np.uint8)) == 0
    with pytest.raises(ValueError, match="crop"):
        advice.plate_contrast(np.empty((0, 0), dtype=np.uint8))


@pytest.mark.requirement("M-123")
@pytest.mark.parametrize(
    ("quality", "verdict"),
    [(100, Verdict.OK), (80, Verdict.OK), (79, Verdict.WARN), (51, Verdict.WARN), (50, Verdict.BAD), (10, Verdict.BAD)],
)
def test_jpeg_quality_has_three_bands(quality, verdict):
    assert advice.jpeg_quality_verdict(quality) is verdict


@pytest.mark.requirement("M-123")
@pytest.mark.parametrize("quality", [15, 30, 50, 65, 80, 95])
def test_jpeg_quality_is_read_from_the_file(quality):
    written, data = cv2.imencode(".jpg", plate(200, 40), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert written
    assert jpeg_quality(data.tobytes()) == quality


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\x89PNG", b"\xff\xd8\xff\xdb\x00\x03\x00", b"\xff\xd8\xff\xdb"])
def test_jpeg_quality_of_something_else_is_unknown(data):
    assert jpeg_quality(data) is None


@pytest.mark.requirement("M-051")
def test_one_horizontal_line_must_cross_both_edges_of_the_plate():
    assert advice.roll_verdict(edge_offset_px=30, plate_height_px=30) is Verdict.OK
    assert advice.roll_verdict(edge_offset_px=-31, plate_height_px=30) is Verdict.BAD


@pytest.mark.requirement("M-052")
@pytest.mark.parametrize(
    ("degrees", "verdict"), [(14.9, Verdict.WARN), (15, Verdict.OK), (30, Verdict.OK), (31, Verdict.WARN)]
)
def test_the_camera_should_look_down_15_to_30_degrees(degrees, verdict):
    assert advice.vertical_angle_verdict(degrees) is verdict


@pytest.mark.requirement("M-053")
@pytest.mark.parametrize(
    ("degrees", "verdict"),
    [(0, Verdict.OK), (15, Verdict.OK), (-15.1, Verdict.WARN), (25, Verdict.WARN), (25.1, Verdict.BAD)],
)
def test_the_camera_should_not_look_from_the_side(degrees, verdict):
    assert advice.horizontal_angle_verdict(degrees) is verdict
