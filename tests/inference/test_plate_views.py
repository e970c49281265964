"""What is measured of a plate, and of which vehicles it is remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import cv2
import numpy as np
import pytest

from inference.areas import width_share, within
from inference.plate_views import MOST_VIEWS, PlateViews, view_of
from inference.quality import measure
from inference.rank import Candidate
from inference.recognition import Recognition
from inference.regions import Quad, Region, bounding_box
from inference.types import Box, Direction, Frame, PassageState, Picture, Reading, Rejection, RejectionReason
from tests.adapter.api.test_auto_capture import passage
from tests.fakes.vehicles import reading
from tests.rules.examples import NOON

LEVEL = Box(x=500, y=400, width=200, height=44)


def plate(*, ground: int = 180, strokes: int = 40) -> Picture:
    """A plate of eleven strokes, level and straight on."""
    picture = np.full((44, 200), ground, np.uint8)
    for x in range(12, 188, 16):
        picture[8:36, x : x + 6] = strokes
    return picture


def scene(shape: Quad, **levels: int) -> Picture:
    """A street of even grey with a plate of this shape in it."""
    drawn = plate(**levels)
    flat = np.array([[0, 0], [200, 0], [200, 44], [0, 44]], np.float32)
    moved = cv2.warpPerspective(
        drawn, cv2.getPerspectiveTransform(flat, shape), (1280, 720), borderMode=cv2.BORDER_CONSTANT, borderValue=110
    )
    return np.repeat(moved[..., None], 3, axis=2)


def found(shape: Quad, picture: Picture) -> Reading:
    """A reading as a recogniser makes it."""
    region = Region(quad=shape.astype(np.float32), likelihood=0.9)
    candidate = Candidate(
        region=region,
        crops=(),
        hypotheses=(),
        quality=measure(picture, shape),
        picture_height_px=720,
        max_bend=1.0,
    )
    return replace(reading("AB12CD", bounding_box(shape)), seen=candidate)


def quad(*, drop: float = 0.0, lean: float = 0.0) -> Quad:
    """The level plate with its right edge lowered and its lower edge moved to the right, in pixels."""
    x, y, right, bottom = LEVEL.x, LEVEL.y, LEVEL.right, LEVEL.bottom
    return np.array([[x, y], [right, y + drop], [right + lean, bottom + drop], [x + lean, bottom]], np.float32)


def test_a_plate_is_measured_along_itself_and_where_it_is() -> None:
    shape = quad(drop=50.0)
    picture = scene(shape)
    view = view_of(found(shape, picture), picture)
    assert view.width_px == pytest.approx(np.hypot(200, 50), abs=0.1)
    assert view.height_px == pytest.approx(44, abs=0.1)
    assert view.picture_width_px == 1280
    assert view.center == pytest.approx((600 / 1280, 447 / 720), abs=1e-3)
    assert view.contrast == pytest.approx(140, abs=3)
    assert view.brightness == pytest.approx(180, abs=3)


@pytest.mark.parametrize(
    ("drop", "lean", "offset_px", "shear_deg"),
    [(50.0, 0.0, 50.0, 14.0), (-30.0, 0.0, -30.0, -8.5), (0.0, 12.0, 0.0, 15.3), (40.0, -8.8, 40.0, 0.0)],
)
def test_a_turned_plate_is_no_sheared_one(drop: float, lean: float, offset_px: float, shear_deg: float) -> None:
    shape = quad(drop=drop, lean=lean)
    picture = scene(shape)
    slant = view_of(found(shape, picture), picture).slant
    assert slant is not None
    assert slant.edge_offset_px == pytest.approx(offset_px, abs=0.1)
    assert slant.shear_deg == pytest.approx(shear_deg, abs=0.1)


def test_an_upright_box_says_nothing_about_slant() -> None:
    picture = scene(quad())
    view = view_of(reading("AB12CD", LEVEL), picture)
    assert (view.slant, view.width_px) == (None, 200)
    assert view.contrast == pytest.approx(140, abs=3)


@pytest.mark.requirement("M-085")
@pytest.mark.parametrize(("ground", "least", "most"), [(180, 0.0, 0.0), (249, 0.0, 0.0), (252, 0.6, 0.85)])
def test_burnt_out_is_the_white_of_the_plate_alone(ground: int, least: float, most: float) -> None:
    picture = scene(quad(), ground=ground)
    picture[:300] = 255
    assert least <= view_of(reading("AB12CD", LEVEL), picture).burnt_out <= most


def test_blur_lowers_the_sharpness() -> None:
    picture = scene(quad())
    blurred = np.asarray(cv2.blur(picture, (15, 1)), np.uint8)
    sharp, soft = (view_of(reading("AB12CD", LEVEL), one).sharpness for one in (picture, blurred))
    assert soft < 0.5 * sharp


def test_a_refused_find_is_measured_as_well_and_is_cut_when_that_is_why() -> None:
    picture = scene(quad())
    views = [
        view_of(Rejection(reason=reason, box=LEVEL), picture)
        for reason in (RejectionReason.CUT, RejectionReason.BLURRED)
    ]
    assert [view.cut for view in views] == [True, False]
    assert views[0].contrast == pytest.approx(140, abs=3)


def frame(picture: Picture, at_s: float = 0.0) -> Frame:
    return Frame(picture=picture, captured_at=NOON + timedelta(seconds=at_s), monotonic_s=at_s, sequence=1)


def test_a_vehicle_gives_one_view_from_the_frame_it_was_read_best_in() -> None:
    shape, views = quad(drop=20.0), PlateViews()
    picture = scene(shape)
    best = found(shape, picture)
    passed = replace(passage(1), box=best.box, frame_picture=picture, direction=Direction.APPROACHING)
    views.note(frame(scene(shape, ground=90), at_s=-1.0), Recognition(readings=(best,)))
    views.note(frame(picture), Recognition(readings=(reading("XY99", Box(x=9, y=9, width=90, height=20)), best)))
    for state in (PassageState.PREVIEW, PassageState.FINAL, PassageState.LOST):
        views.passed(replace(passed, state=state))
    (view,) = views.all()
    assert view == replace(view_of(best, picture), direction=Direction.APPROACHING)
    assert view.slant is not None
    views.forget()
    assert views.all() == ()


def test_a_vehicle_whose_frame_is_long_gone_is_measured_on_its_kept_picture() -> None:
    views, picture = PlateViews(), scene(quad())
    views.passed(replace(passage(1), box=LEVEL, frame_picture=picture))
    (view,) = views.all()
    assert (view.slant, round(view.width_px)) == (None, 200)
    assert view.contrast == pytest.approx(140, abs=3)


def test_only_the_last_vehicles_are_remembered() -> None:
    views, picture = PlateViews(), scene(quad())
    for number in range(MOST_VIEWS + 3):
        box = replace(LEVEL, width=100.0 + number)
        views.passed(replace(passage(number + 1), box=box, frame_picture=picture))
    assert [round(view.width_px) for view in views.all()] == [100 + number for number in range(3, MOST_VIEWS + 3)]


def test_areas_are_asked_in_shares_of_the_picture() -> None:
    left, right = (((0.1, 0.2), (0.3, 0.2), (0.3, 0.9)), ((0.6, 0.2), (0.8, 0.2), (0.8, 0.9), (0.6, 0.9)))
    assert within((0.7, 0.5), (left, right)) and not within((0.5, 0.5), (left, right))
    assert within((0.5, 0.5), ())
    assert width_share((left, right)) == pytest.approx(0.7)
    assert width_share(()) == 1.0
