"""What a camera is worth for plates: each verdict flips at its limit, and what nobody measured is not made up."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from adapter.suitability import MOST_WITH_BAD, suitability
from adapter.suitability_types import Check, Factor, Judgement, Known, Shutter, Suitability
from inference.plate_views import PlateView, Slant
from inference.types import Direction, RejectionReason
from onvif_client.advice import PlateRegion, Verdict
from onvif_client.types import ExposureMode

OK, WARN, BAD, UNKNOWN = Verdict.OK, Verdict.WARN, Verdict.BAD, Verdict.UNKNOWN

CLEAR = PlateView(
    width_px=200.0,
    height_px=44.0,
    picture_width_px=1280,
    center=(0.5, 0.6),
    contrast=110.0,
    sharpness=0.5,
    brightness=150.0,
    burnt_out=0.02,
    slant=Slant(edge_offset_px=6.0, shear_deg=4.0),
    direction=Direction.APPROACHING,
)
TUNED = Known(
    views=(CLEAR,) * 8,
    picture_px=(1280, 720),
    frame_rate=12.0,
    quality_percent=85.0,
    max_speed_kmh=50.0,
    is_onvif=True,
    shutter=Shutter(mode=ExposureMode.AUTO, exposure_us=1800.0),
    looks=1000,
    looks_without_plate=300,
)


def with_views(known: Known = TUNED, **changes: Any) -> Known:
    return replace(known, views=tuple(replace(view, **changes) for view in known.views))


def judgement(report: Suitability, factor: Factor) -> Judgement:
    return next(one for one in report.judgements if one.factor is factor)


def check(known: Known, name: str) -> Check:
    (found,) = (one for judged in suitability(known).judgements for one in judged.checks if one.name == name)
    return found


@pytest.mark.requirement("M-019", "M-038")
def test_a_camera_that_is_as_it_should_be_has_the_full_score_and_five_verdicts() -> None:
    report = suitability(TUNED)
    assert [one.factor.value for one in report.judgements] == [
        "exposure",
        "field of view",
        "shutter",
        "resolution",
        "positioning",
    ]
    assert {one.verdict for one in report.judgements} == {OK}
    assert (report.score, report.verdict, report.judged, report.notes) == (100, OK, 5, ())
    for one in report.judgements:
        assert one.measured and one.limit and not one.cause and not one.cure


FIGURES: list[tuple[Factor, str, dict[str, Any], Verdict]] = [
    (Factor.EXPOSURE, "contrast", {"contrast": 40.0}, OK),
    (Factor.EXPOSURE, "contrast", {"contrast": 39.9}, WARN),
    (Factor.EXPOSURE, "contrast", {"contrast": 15.0}, WARN),
    (Factor.EXPOSURE, "contrast", {"contrast": 14.9}, BAD),
    (Factor.EXPOSURE, "light", {"brightness": 15.0, "contrast": 50.0}, OK),
    (Factor.EXPOSURE, "light", {"brightness": 14.9, "contrast": 50.0}, BAD),
    (Factor.EXPOSURE, "over-exposure", {"burnt_out": 0.5}, OK),
    (Factor.EXPOSURE, "over-exposure", {"burnt_out": 0.51}, WARN),
    (Factor.EXPOSURE, "over-exposure", {"burnt_out": 0.76}, BAD),
    (Factor.SHUTTER, "sharpness", {"sharpness": 0.25}, OK),
    (Factor.SHUTTER, "sharpness", {"sharpness": 0.249}, WARN),
    (Factor.SHUTTER, "sharpness", {"sharpness": 0.179}, BAD),
    (Factor.FIELD_OF_VIEW, "width in view", {"width_px": 1280 * 52 / 600}, OK),
    (Factor.FIELD_OF_VIEW, "width in view", {"width_px": 1280 * 52 / 601}, WARN),
    (Factor.FIELD_OF_VIEW, "width in view", {"width_px": 1280 * 52 / 200}, OK),
    (Factor.FIELD_OF_VIEW, "width in view", {"width_px": 1280 * 52 / 199}, WARN),
    (Factor.RESOLUTION, "plate width", {"width_px": 170.0}, OK),
    (Factor.RESOLUTION, "plate width", {"width_px": 169.0}, WARN),
    (Factor.RESOLUTION, "plate width", {"width_px": 2.7 * 52 + 0.01}, WARN),
    (Factor.RESOLUTION, "plate width", {"width_px": 2.7 * 52 - 0.1}, BAD),
    (Factor.POSITIONING, "tilt", {"slant": Slant(edge_offset_px=-44.0, shear_deg=0.0)}, OK),
    (Factor.POSITIONING, "tilt", {"slant": Slant(edge_offset_px=-45.0, shear_deg=0.0)}, BAD),
    (Factor.POSITIONING, "angle from the side", {"slant": Slant(edge_offset_px=0.0, shear_deg=15.0)}, OK),
    (Factor.POSITIONING, "angle from the side", {"slant": Slant(edge_offset_px=0.0, shear_deg=-15.1)}, WARN),
    (Factor.POSITIONING, "angle from the side", {"slant": Slant(edge_offset_px=0.0, shear_deg=25.1)}, BAD),
    (Factor.POSITIONING, "place in the picture", {"center": (0.5, 0.34)}, OK),
    (Factor.POSITIONING, "place in the picture", {"center": (0.5, 0.33)}, WARN),
    (Factor.POSITIONING, "direction", {"direction": Direction.LEFT}, WARN),
]


@pytest.mark.requirement("M-038", "M-051")
@pytest.mark.parametrize(("factor", "name", "changes", "verdict"), FIGURES)
def test_a_figure_of_the_plates_flips_its_verdict_at_its_limit(
    factor: Factor, name: str, changes: dict[str, Any], verdict: Verdict
) -> None:
    known = with_views(**changes)
    found = check(known, name)
    assert found.verdict is verdict
    assert bool(found.cause) is bool(found.cure) is (verdict is not OK)
    whole = judgement(suitability(known), factor)
    assert whole.verdict is verdict
    if verdict is not OK:
        assert (whole.measured, whole.limit, whole.cause, whole.cure) == (
            found.measured,
            found.limit,
            found.cause,
            found.cure,
        )


SETTINGS: list[tuple[Factor, str, dict[str, Any], Verdict]] = [
    (Factor.SHUTTER, "exposure time", {"shutter": Shutter(mode=ExposureMode.MANUAL, exposure_us=1819.0)}, OK),
    (Factor.SHUTTER, "exposure time", {"shutter": Shutter(mode=ExposureMode.MANUAL, exposure_us=1821.0)}, WARN),
    (Factor.SHUTTER, "exposure time", {"shutter": Shutter(mode=ExposureMode.MANUAL, exposure_us=3637.0)}, BAD),
    (Factor.SHUTTER, "exposure time", {"shutter": Shutter(mode=ExposureMode.AUTO, exposure_us=1821.0)}, WARN),
    (Factor.SHUTTER, "exposure time", {"shutter": Shutter(mode=ExposureMode.AUTO, exposure_us=40_000.0)}, WARN),
    (Factor.SHUTTER, "exposure time", {"max_speed_kmh": 51.0}, WARN),
    (Factor.RESOLUTION, "frame rate", {"frame_rate": 4.0}, OK),
    (Factor.RESOLUTION, "frame rate", {"frame_rate": 3.9}, WARN),
    (Factor.RESOLUTION, "frame rate", {"frame_rate": 1.9}, BAD),
    (Factor.RESOLUTION, "compression", {"quality_percent": 80.0}, OK),
    (Factor.RESOLUTION, "compression", {"quality_percent": 79.0}, WARN),
    (Factor.RESOLUTION, "compression", {"quality_percent": 50.0}, BAD),
    (Factor.RESOLUTION, "plate width", {"region": PlateRegion.US}, OK),
    (Factor.RESOLUTION, "plate width", {"interlaced": True}, BAD),
    (Factor.FIELD_OF_VIEW, "looks without plate", {"looks_without_plate": 800}, OK),
    (Factor.FIELD_OF_VIEW, "looks without plate", {"looks_without_plate": 801}, WARN),
    (Factor.EXPOSURE, "picture settings", {"untuned": ("wide_dynamic_range on, not off",)}, WARN),
]


@pytest.mark.requirement("M-038")
@pytest.mark.parametrize(("factor", "name", "changes", "verdict"), SETTINGS)
def test_what_the_camera_tells_flips_its_verdict_at_its_limit(
    factor: Factor, name: str, changes: dict[str, Any], verdict: Verdict
) -> None:
    known = replace(TUNED, **changes)
    assert check(known, name).verdict is verdict
    assert judgement(suitability(known), factor).verdict is verdict


@pytest.mark.parametrize(("cut", "verdict"), [(1, OK), (2, WARN), (3, WARN), (4, BAD)])
def test_vehicles_that_were_never_seen_whole_weaken_the_field_of_view(cut: int, verdict: Verdict) -> None:
    views = tuple(replace(CLEAR, cut=number < cut) for number in range(10))
    assert judgement(suitability(replace(TUNED, views=views)), Factor.FIELD_OF_VIEW).verdict is verdict


@pytest.mark.parametrize(("poor", "verdict"), [(2, OK), (4, BAD)])
def test_one_dirty_plate_decides_nothing_and_a_worse_half_does(poor: int, verdict: Verdict) -> None:
    views = tuple(replace(CLEAR, contrast=10.0 if number < poor else 110.0) for number in range(10))
    assert judgement(suitability(replace(TUNED, views=views)), Factor.EXPOSURE).verdict is verdict


@pytest.mark.requirement("M-035")
def test_the_width_in_view_is_that_of_the_recognition_area() -> None:
    wide = with_views(width_px=100.0)
    assert check(wide, "width in view").verdict is WARN
    narrowed = check(replace(wide, area_width=0.5), "width in view")
    assert (narrowed.verdict, narrowed.measured) == (OK, "333 cm across the recognition area")


def test_plates_on_snapshots_of_another_size_are_measured_at_the_size_of_the_stream() -> None:
    known = replace(TUNED, picture_px=(640, 360))
    found = check(known, "plate width")
    assert (found.verdict, found.measured) == (BAD, "1.9 pixels per stroke, plates 100 px wide")


@pytest.mark.requirement("M-085")
@pytest.mark.parametrize(
    ("offers", "advice"),
    [
        ({}, "a camera with a wide dynamic range or an auto-iris lens helps"),
        ({"can_widen_range": True}, "switch its wide dynamic range on."),
        ({"has_iris": True}, "let its iris close by itself."),
        ({"can_widen_range": True, "has_iris": True}, "wide dynamic range on or let its iris close by itself."),
    ],
)
def test_burnt_out_plates_get_the_advice_that_the_camera_can_follow(offers: dict[str, bool], advice: str) -> None:
    found = check(replace(with_views(burnt_out=0.6), **offers), "over-exposure")
    assert (found.verdict, found.measured) == (WARN, "60% of a plate burnt out")
    assert advice in found.cure


def test_a_camera_of_which_nothing_is_known_gets_no_score_and_is_told_how_to_measure() -> None:
    report = suitability(Known())
    assert (report.score, report.verdict, report.judged) == (None, UNKNOWN, 0)
    for one in report.judgements:
        assert one.verdict is UNKNOWN
        assert one.measured == "not measured"
        assert "Take snapshots of vehicles" in one.cure


@pytest.mark.requirement("M-019")
@pytest.mark.parametrize(
    ("sharpness", "verdict", "score"), [(0.5, OK, 100), (0.2, WARN, 92), (0.1, BAD, MOST_WITH_BAD)]
)
def test_a_plain_stream_is_judged_by_its_pictures_and_its_shutter_by_blur(
    sharpness: float, verdict: Verdict, score: int
) -> None:
    stream = Known(
        views=(replace(CLEAR, sharpness=sharpness),) * 8, picture_px=(1280, 720), frame_rate=12.0, max_speed_kmh=50.0
    )
    report = suitability(stream)
    shutter = judgement(report, Factor.SHUTTER)
    assert (shutter.verdict, report.judged, report.score) == (verdict, 5, score)
    time, compression = check(stream, "exposure time"), check(stream, "compression")
    assert (time.verdict, compression.verdict) == (UNKNOWN, UNKNOWN)
    assert "plain stream" in time.cause
    if verdict is not OK:
        assert "focus" in shutter.cause


def test_good_settings_alone_do_not_make_a_factor_well() -> None:
    report = suitability(replace(TUNED, views=()))
    verdicts = {one.factor: one.verdict for one in report.judgements}
    # The shutter's limit needs no plate; all else is seen on plates only.
    assert verdicts == {factor: OK if factor is Factor.SHUTTER else UNKNOWN for factor in Factor}
    assert report.judged == 1


def test_without_a_speed_the_shutter_is_judged_by_blur_and_the_speed_asked_for() -> None:
    known = replace(TUNED, max_speed_kmh=None)
    time = check(known, "exposure time")
    assert (time.verdict, "--max-speed" in time.cure) == (UNKNOWN, True)
    assert judgement(suitability(known), Factor.SHUTTER).verdict is OK


def test_blur_in_spite_of_a_fast_shutter_is_told_as_one_of_the_focus() -> None:
    blurred = with_views(sharpness=0.1)
    assert "although the shutter is fast enough" in check(blurred, "sharpness").cause
    slow = replace(blurred, shutter=Shutter(mode=ExposureMode.AUTO, exposure_us=40_000.0))
    assert check(slow, "sharpness").cure.startswith("Shorten the shutter")


def test_where_nothing_is_read_the_reason_most_finds_are_refused_for_is_a_warning() -> None:
    blind = replace(TUNED, views=(), shutter=None)
    refused = Counter({RejectionReason.BLURRED: 6, RejectionReason.NO_SYNTAX: 14})
    shutter = judgement(suitability(replace(blind, refused=refused)), Factor.SHUTTER)
    assert (shutter.verdict, shutter.measured) == (WARN, "6 of 20 finds blurred")
    assert "focus" in shutter.cure
    for counts in ({RejectionReason.BLURRED: 5, RejectionReason.NO_SYNTAX: 15}, {RejectionReason.BLURRED: 19}):
        other = suitability(replace(blind, refused=Counter(counts)))
        assert judgement(other, Factor.SHUTTER).verdict is UNKNOWN
    # Where plates are read, they say more than signs that are refused.
    assert suitability(replace(TUNED, refused=refused)).score == 100


def test_a_detector_without_corners_leaves_the_position_unknown_and_says_why() -> None:
    known = with_views(slant=None)
    positioning = judgement(suitability(known), Factor.POSITIONING)
    assert (positioning.verdict, "corners" in positioning.cause, "own" in positioning.cure) == (UNKNOWN, True, True)


def test_few_plates_are_told_as_few() -> None:
    report = suitability(replace(TUNED, views=(CLEAR,) * 2), notes=("asked in vain",))
    assert report.score == 100
    assert report.notes[0] == "asked in vain"
    assert report.notes[1].startswith("Few plates were measured (2)")


def test_one_bad_factor_bounds_the_score_and_warnings_lower_it() -> None:
    assert suitability(with_views(sharpness=0.2)).score == 92
    bad = suitability(with_views(sharpness=0.1))
    assert (bad.score, bad.verdict) == (MOST_WITH_BAD, BAD)
    assert suitability(with_views(sharpness=0.1, contrast=5.0, width_px=60.0)).score == 32
