from __future__ import annotations

import random
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest
from rapidocr import EngineType, RapidOCR

from mock_vms.camera.encode import encode_jpeg
from mock_vms.camera.lens import Lens
from mock_vms.camera.physics import Shutter, expose, shutter_of
from mock_vms.camera.plates import STYLES, could_be, draw_plate, normalized, random_plate, style_of, written
from mock_vms.camera.ports import VehicleRequest
from mock_vms.camera.scene import ENTER_M, StreetScene, velocity_px_s
from mock_vms.camera.sensor import Sensor
from mock_vms.camera.sources import PlayMode, UnknownVehicleError
from mock_vms.camera.state import ExposureMode, ImagingSettings
from mock_vms.camera.vehicles import PLATE_HEIGHT_M

SIZE = (1280, 720)
SMALL = (640, 360)
SHARP = Shutter(exposure_s=1 / 2000)
PLANNED = ImagingSettings(
    exposure_mode=ExposureMode.AUTO,
    max_exposure_time_us=1e6 / 550,
    max_gain_db=12,
    sharpness=15,
    wide_dynamic_range=False,
)


@cache
def reader() -> RapidOCR:
    engines = {f"{part}.engine_type": EngineType.OPENVINO for part in ("Det", "Cls", "Rec")}
    return RapidOCR(params={**engines, "Global.log_level": "critical"})


def text_of(plate) -> str:
    """What a general reader sees on a picture of one plate."""
    return normalized("".join(reader()(plate, use_det=False, use_cls=False, use_rec=True).txts or ()))


def filmed(imaging, *, plate, country, speed_kmh, distance_m, size=SIZE):
    """The plate in what the camera sends, as a client decodes it, when the vehicle is this far away."""
    scene = StreetScene(mode=PlayMode.ON_DEMAND, seed=5)
    exposure = expose(imaging, 1.0)
    scene.render(0, size, shutter_of(imaging, exposure))
    scene.drive(VehicleRequest(plate=plate, country=country, speed_kmh=speed_kmh))
    scene.render(2, size, shutter_of(imaging, exposure))
    view = scene.render(2 + (ENTER_M - distance_m) / (speed_kmh / 3.6), size, shutter_of(imaging, exposure))
    planes = Sensor().develop(view, imaging, exposure, light=1.0)
    picture = cv2.imdecode(np.frombuffer(encode_jpeg(planes, 85), np.uint8), cv2.IMREAD_COLOR)
    lens, style = Lens.for_size(size), style_of(country)
    approach, _ = scene.on_road(2 + (ENTER_M - distance_m) / (speed_kmh / 3.6))
    x, y = lens.point(approach.x_m, PLATE_HEIGHT_M, distance_m)
    half = 0.5 * lens.pixels_per_metre(distance_m) / 1000 + 0.5e-3
    across, up = round(half * (style.width_mm + 30)), round(half * (style.height_mm + 40))
    return picture[round(y) - up : round(y) + up, round(x) - across : round(x) + across]


def test_a_plate_at_50_kmh_is_readable_at_the_planned_shutter_and_not_at_a_25th():
    passing = {"plate": "B AB 1234", "country": "DE", "speed_kmh": 50, "distance_m": 11}
    slow = ImagingSettings(
        exposure_mode=ExposureMode.MANUAL, exposure_time_us=40_000, iris_db=28.5, sharpness=15, wide_dynamic_range=False
    )
    assert "BAB1234" in text_of(filmed(PLANNED, **passing))
    assert "BAB1234" not in text_of(filmed(slow, **passing))
    assert "BAB1234" not in text_of(filmed(ImagingSettings(), **passing))


def test_a_25th_is_enough_for_a_plate_that_creeps():
    slow = ImagingSettings(max_exposure_time_us=40_000, sharpness=15, wide_dynamic_range=False)
    assert "BAB1234" in text_of(filmed(slow, plate="B AB 1234", country="DE", speed_kmh=3, distance_m=11))


@pytest.mark.parametrize(
    ("country", "plate"), [("NL", "TK-821-P"), ("US", "7ABC249"), ("BR", "RKD3F58"), ("BE", "1-VGH-627")]
)
def test_plates_of_other_countries_are_readable_too(country, plate):
    assert normalized(plate) in text_of(filmed(PLANNED, plate=plate, country=country, speed_kmh=40, distance_m=10))


def test_blur_of_a_passing_plate_grows_with_speed_and_with_exposure():
    def detail(speed_kmh, shutter_part):
        imaging = ImagingSettings(max_exposure_time_us=1e6 / shutter_part, sharpness=15, wide_dynamic_range=False)
        plate = filmed(imaging, plate="B AB 1234", country="DE", speed_kmh=speed_kmh, distance_m=12)
        return cv2.Laplacian(cv2.cvtColor(plate, cv2.COLOR_BGR2GRAY), cv2.CV_64F).var()

    for sharper, softer in pairwise([detail(50, part) for part in (2000, 500, 200, 100, 50)]):
        assert sharper > softer
    for sharper, softer in pairwise([detail(speed, 200) for speed in (10, 30, 60, 120)]):
        assert sharper > softer


def test_metres_become_pixels_so_that_the_way_during_an_exposure_is_true():
    scene = StreetScene(mode=PlayMode.ON_DEMAND, seed=1)
    scene.drive(VehicleRequest(speed_kmh=36))
    scene.on_road(0)
    approach, _ = scene.on_road(2)
    lens = Lens.for_size(SIZE)
    _, vertical = velocity_px_s(lens, approach, 12.0)
    before = lens.point(approach.x_m, PLATE_HEIGHT_M, 12.0)[1]
    after = lens.point(approach.x_m, PLATE_HEIGHT_M, 12.0 - 10.0 * 0.01)[1]
    assert vertical * 0.01 == pytest.approx(after - before, rel=0.02)


def test_the_plate_is_wide_enough_for_the_manual_where_it_is_read():
    # 170 pixels for a European plate of 52 cm, progressive; it must still be inside the picture there.
    lens = Lens.for_size(SIZE)
    at_m = next(z / 10 for z in range(300, 50, -1) if 0.52 * lens.pixels_per_metre(z / 10) >= 170)
    assert lens.point(0, PLATE_HEIGHT_M - 0.06, at_m)[1] < SIZE[1] - 10


def test_a_vehicle_grows_and_leaves_the_street_as_it_was():
    scene = StreetScene(mode=PlayMode.ON_DEMAND, seed=3)
    empty = scene.render(0, SMALL, SHARP)
    scene.drive(VehicleRequest(plate="AB-123-CD", country="FR", speed_kmh=60))
    views = [scene.render(2 + step / 4, SMALL, SHARP) for step in range(16)]
    areas = [view.changed.width * view.changed.height for view in views[2:10]]
    assert all(smaller <= larger for smaller, larger in pairwise(areas))
    assert views[-1].changed is None
    assert views[-1].background is empty.background
    (passage,) = scene.passages()
    assert (passage.plate, passage.country, passage.label) == ("AB123CD", "FR", "AB123CD")
    assert (passage.left_at - passage.appeared_at).total_seconds() == pytest.approx((ENTER_M - 1) / (60 / 3.6))


def test_only_what_is_said_to_have_changed_differs_from_the_street():
    scene = StreetScene(mode=PlayMode.ON_DEMAND, seed=8)
    scene.render(0, SMALL, SHARP)
    scene.drive(VehicleRequest(speed_kmh=40))
    for step in range(30):
        view = scene.render(2 + step / 5, SMALL, Shutter(exposure_s=1 / 25, ghost=0.3))
        if view.changed is None:
            continue
        differs = np.any(view.picture != view.background, axis=2)
        region = view.changed
        differs[region.y : region.y + region.height, region.x : region.x + region.width] = False
        assert not differs.any()


def test_given_plates_come_in_turn_once_and_in_the_style_of_their_country():
    scene = StreetScene(plates=["AB-123-CD", "1234 BCD"], mode=PlayMode.ONCE, every_s=1.5, speed_kmh=200)
    for step in range(80):
        scene.render(step / 4, (160, 90), SHARP)
    assert [(passage.plate, passage.country) for passage in scene.passages()] == [("AB123CD", "FR"), ("1234BCD", "ES")]


def test_random_traffic_keeps_coming_with_plates_of_the_chosen_countries():
    scene = StreetScene(countries=["PL", "CZ"], every_s=1.5, speed_kmh=250, seed=2)
    for step in range(120):
        scene.render(step / 4, (160, 90), SHARP)
    passages = scene.passages()
    assert len(passages) >= 8
    assert {passage.country for passage in passages} == {"PL", "CZ"}
    assert all(could_be(passage.plate, style_of(passage.country)) for passage in passages)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"plate": "ÄÖ 1"}, "A-Z"),
        ({"plate": " - "}, "A-Z"),
        ({"plate": "ABCDEFGHIJKLM"}, "12"),
        ({"country": "XX"}, "DE"),
        ({"speed_kmh": 900}, "km/h"),
        ({"speed_kmh": 0}, "km/h"),
        ({"speed_kmh": float("nan")}, "km/h"),
        ({"photo": "a.jpg"}, "no photos"),
    ],
)
def test_a_vehicle_that_cannot_be_drawn_is_refused_with_the_reason(fields, reason):
    scene = StreetScene(mode=PlayMode.ON_DEMAND)
    with pytest.raises(UnknownVehicleError, match=reason):
        scene.drive(VehicleRequest(**fields))


def test_separators_are_put_in_where_the_country_has_them():
    assert written("ab123cd", style_of("FR")) == "AB-123-CD"
    assert written("9XTK21", style_of("FR")) == "9XTK21"
    assert written("M-XY 12", style_of("DE")) == "M-XY 12"


@pytest.mark.parametrize("country", sorted(STYLES))
def test_every_country_has_a_plate_that_can_be_drawn_and_is_its_own(country):
    style = style_of(country)
    plate = random_plate(style, random.Random(country))
    drawn = draw_plate(written(plate, style), style)
    assert drawn.shape == (round(style.height_mm * 2), round(style.width_mm * 2), 3)
    assert could_be(plate, style)
    assert normalized(plate) in text_of(on_a_car(drawn))


def on_a_car(plate):
    """The plate 220 pixels wide, as a camera sees it from near."""
    small = cv2.resize(plate, (220, round(220 * plate.shape[0] / plate.shape[1])), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(small, 4, 4, 6, 6, cv2.BORDER_CONSTANT, value=(60, 60, 60))
