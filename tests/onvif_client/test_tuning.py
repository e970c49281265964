"""Plans: what a site needs, what a camera can, what is already right."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onvif_client.advice import PlateRegion
from onvif_client.camera import Camera
from onvif_client.imaging_fields import settable
from onvif_client.tuning import plan
from onvif_client.tuning_types import Part, SiteProfile
from onvif_client.types import (
    EncoderConfiguration,
    EncoderOptions,
    EncodingOptions,
    ExposureMode,
    ImagingOptions,
    ImagingSettings,
    IrCutFilter,
    Range,
)
from tests.fakes.camera import FakeCamera

SITE = SiteProfile(max_speed_kmh=50)
NOW = ImagingSettings(
    exposure_mode=ExposureMode.AUTO,
    min_exposure_time_us=100.0,
    max_exposure_time_us=40000.0,
    max_gain_db=36.0,
    sharpness=50.0,
    contrast=80.0,
    wide_dynamic_range=True,
    backlight_compensation=False,
    defogging=True,
)
CAN = ImagingOptions(
    exposure_modes=frozenset(ExposureMode),
    ranges={
        "min_exposure_time_us": Range(minimum=10, maximum=40000),
        "max_exposure_time_us": Range(minimum=10, maximum=40000),
        "exposure_time_us": Range(minimum=10, maximum=40000),
        "max_gain_db": Range(minimum=0, maximum=36),
        "gain_db": Range(minimum=0, maximum=36),
        "sharpness": Range(minimum=0, maximum=100),
        "contrast": Range(minimum=0, maximum=100),
    },
    switches={
        "wide_dynamic_range": frozenset({True, False}),
        "backlight_compensation": frozenset({True, False}),
        "defogging": frozenset({True}),
    },
)
ENCODER = EncoderConfiguration(
    token="e", name="e", encoding="H264", width_px=1920, height_px=1080, quality=50.0, frame_rate=25.0, gov_length=100
)
SIZES = ((1920, 1080), (1280, 720), (1024, 768), (854, 480), (640, 360), (640, 480))
OFFERED = EncoderOptions(
    encodings=tuple(
        EncodingOptions(
            encoding=encoding,
            resolutions=SIZES,
            quality=Range(minimum=0, maximum=100),
            frame_rate=Range(minimum=1, maximum=25),
            gov_length=Range(minimum=1, maximum=300) if encoding == "H264" else None,
        )
        for encoding in ("H264", "JPEG")
    )
)


def imaging_plan(site=SITE, now=NOW, options=CAN):
    return plan(site, imaging=now, imaging_options=options)


def encoder_plan(site=SITE, encoder=ENCODER, options=OFFERED):
    return plan(site, imaging=NOW, imaging_options=CAN, encoder=encoder, encoder_options=options)


@pytest.mark.requirement("M-081", "M-082", "M-112")
@pytest.mark.parametrize(("speed", "limit_us"), [(30, 3030), (50, 1818), (90, 1010), (130, 699)])
def test_the_longest_exposure_is_the_formulas_rounded_down(speed, limit_us):
    made = imaging_plan(SiteProfile(max_speed_kmh=speed))
    assert made.imaging.max_exposure_time_us == limit_us
    assert made.imaging.max_exposure_time_us <= 1e6 / (11 * speed)
    (reason,) = (each.reason for each in made.changes if each.field == "max_exposure_time_us")
    assert f"1/{11 * speed} s ({limit_us} us)" in reason


def test_every_change_has_a_sentence_for_a_reason():
    made = encoder_plan()
    assert {each.part for each in made.changes} == {Part.IMAGING, Part.ENCODER}
    for change in made.changes:
        assert len(change.reason.split()) > 6
        assert change.reason.endswith(".")
        assert change.current != change.desired


def test_a_shutter_that_is_short_enough_is_left_alone():
    made = imaging_plan(now=replace(NOW, max_exposure_time_us=1000.0))
    assert made.imaging.max_exposure_time_us is None
    assert "max_exposure_time_us" not in {each.field for each in made.changes}


def test_a_camera_without_a_ceiling_gets_a_manual_shutter():
    ranges = {name: limits for name, limits in CAN.ranges.items() if name != "max_exposure_time_us"}
    made = imaging_plan(options=replace(CAN, ranges=ranges))
    assert (made.imaging.exposure_mode, made.imaging.exposure_time_us) == (ExposureMode.MANUAL, 1818)
    assert made.imaging.gain_db == 7.2
    assert made.imaging.max_gain_db is None


def test_a_manual_shutter_stays_manual():
    made = imaging_plan(now=replace(NOW, exposure_mode=ExposureMode.MANUAL, exposure_time_us=20000.0, gain_db=30.0))
    assert made.imaging.exposure_mode is None
    assert (made.imaging.exposure_time_us, made.imaging.gain_db) == (1818, 7.2)


def test_a_camera_whose_shutter_cannot_be_set_is_warned_about():
    made = imaging_plan(options=replace(CAN, ranges={}))
    assert made.imaging.max_exposure_time_us is None
    assert any("does not let the shutter be set" in each for each in made.warnings)


def test_a_camera_that_is_too_slow_gets_its_shortest_shutter_and_a_warning():
    ranges = CAN.ranges | {"max_exposure_time_us": Range(minimum=5000, maximum=40000)}
    made = imaging_plan(options=replace(CAN, ranges=ranges))
    assert made.imaging.max_exposure_time_us == 5000
    assert any("faster vehicles will blur" in each for each in made.warnings)


def test_the_shortest_exposure_makes_room_below_the_longest():
    made = imaging_plan(now=replace(NOW, min_exposure_time_us=8000.0))
    assert made.imaging.min_exposure_time_us == 10


@pytest.mark.requirement("M-118")
def test_gain_is_lowered_and_never_raised():
    assert imaging_plan().imaging.max_gain_db == pytest.approx(7.2)
    assert imaging_plan(now=replace(NOW, max_gain_db=3.0)).imaging.max_gain_db is None


@pytest.mark.requirement("M-120", "M-164")
def test_enhancements_are_turned_down_and_what_cannot_be_is_listed():
    made = imaging_plan()
    assert (made.imaging.sharpness, made.imaging.contrast) == (10.0, 50.0)
    assert made.imaging.wide_dynamic_range is False
    assert made.imaging.backlight_compensation is None, "it is off already"
    assert made.imaging.defogging is None, "the camera offers ON only"
    assert any("Defogging" in each for each in made.warnings)


def test_without_options_only_what_needs_no_scale_is_planned():
    made = imaging_plan(options=None)
    assert made.imaging.max_exposure_time_us == 1818
    assert made.imaging.wide_dynamic_range is False
    assert made.imaging.max_gain_db is None
    assert made.imaging.sharpness is None


@pytest.mark.requirement("M-122", "M-162")
def test_quality_is_raised_to_eighty_percent_of_the_range():
    assert encoder_plan().encoder.quality == 80
    six_steps = replace(OFFERED.encodings[0], quality=Range(minimum=1, maximum=6))
    assert (
        encoder_plan(
            encoder=replace(ENCODER, quality=3.0), options=EncoderOptions(encodings=(six_steps,))
        ).encoder.quality
        == 5
    )
    assert encoder_plan(encoder=replace(ENCODER, quality=95.0)).encoder.quality is None


def test_the_codec_stays_and_key_frames_come_every_second():
    made = encoder_plan().encoder
    assert (made.encoding, made.gov_length) == (None, 25)


@pytest.mark.requirement("M-159")
def test_a_key_frame_reader_gets_jpeg_or_four_key_frames_a_second():
    site = replace(SITE, key_frames_only=True)
    assert encoder_plan(site).encoder.encoding == "JPEG"
    assert encoder_plan(site).encoder.gov_length is None
    without_jpeg = EncoderOptions(encodings=(OFFERED.encodings[0],))
    made = encoder_plan(site, options=without_jpeg)
    assert (made.encoder.encoding, made.encoder.gov_length) == (None, 6)
    assert any("no JPEG, so H264 stays" in each for each in made.warnings)
    assert not any("no JPEG" in each for each in encoder_plan(site).warnings)


def test_four_frames_a_second_are_the_least():
    assert encoder_plan(encoder=replace(ENCODER, frame_rate=2.0)).encoder.frame_rate == 4
    assert encoder_plan(encoder=replace(ENCODER, frame_rate=4.0)).encoder.frame_rate is None


@pytest.mark.requirement("M-056", "M-064", "M-065", "M-163")
@pytest.mark.parametrize(
    ("region", "width_cm", "size"),
    [(PlateRegion.EU, 200, (854, 480)), (PlateRegion.EU, 300, (1280, 720)), (PlateRegion.EU, 180, (640, 360))],
)
def test_the_lowest_resolution_that_meets_the_plate_width_is_chosen(region, width_cm, size):
    made = encoder_plan(SiteProfile(max_speed_kmh=50, plate_region=region, area_width_cm=width_cm))
    assert (made.encoder.width_px, made.encoder.height_px) == size
    # Below a megapixel, and still 2.7 pixels for each stroke of 1 cm.
    assert size[0] * size[1] < 1_000_000
    assert size[0] / width_cm >= 2.7
    (reason,) = (each.reason for each in made.changes if each.field == "width_px")
    assert "more pixels cost computing time without more reads" in reason


def test_without_a_measured_area_the_resolution_stays():
    made = encoder_plan()
    assert made.encoder.width_px is None
    assert any("measure the width" in each for each in made.warnings)


def test_an_area_that_is_too_wide_for_the_camera_is_warned_about():
    made = encoder_plan(SiteProfile(max_speed_kmh=50, area_width_cm=1500))
    assert made.encoder.width_px is None
    assert any("zoom in optically" in each for each in made.warnings)


def test_interlaced_pictures_need_more_pixels():
    progressive = encoder_plan(SiteProfile(max_speed_kmh=50, area_width_cm=200)).encoder
    interlaced = encoder_plan(SiteProfile(max_speed_kmh=50, area_width_cm=200, moving_interlaced=True)).encoder
    assert (progressive.width_px, interlaced.width_px) == (854, 1280)


async def test_a_plan_holds_on_a_camera_and_a_second_plan_is_empty():
    async with FakeCamera() as fake, Camera(fake.address, fake.user, fake.password) as camera:
        profile = camera.choose_profile(await camera.profiles())

        async def make():
            encoder = (await camera.profiles())[0].encoder
            return plan(
                replace(SITE, area_width_cm=250),
                imaging=await camera.imaging(profile.video_source_token),
                imaging_options=await camera.imaging_options(profile.video_source_token),
                encoder=encoder,
                encoder_options=await camera.encoder_options(encoder),
            )

        made = await make()
        assert not made.empty
        reports = await camera.apply_imaging(profile.video_source_token, made.imaging)
        reports += await camera.apply_encoder(profile.encoder, made.encoder)
        assert all(each.ok for each in reports)
        assert len(reports) == len(made.changes)
        assert (await make()).empty


NUMBERS = st.floats(min_value=0, max_value=50000, allow_nan=False).map(lambda value: round(value, 1))
RANGES = st.tuples(NUMBERS, NUMBERS).map(lambda pair: Range(minimum=min(pair), maximum=max(pair)))
FIELDS = (*CAN.ranges, "noise_reduction", "brightness", "iris_db", "min_iris_db", "max_iris_db")


@given(
    speed=st.floats(min_value=1, max_value=300),
    mode=st.sampled_from([None, *ExposureMode]),
    values=st.dictionaries(st.sampled_from(FIELDS), NUMBERS),
    ranges=st.dictionaries(st.sampled_from(FIELDS), RANGES),
    modes=st.frozensets(st.sampled_from(list(ExposureMode))),
    switch=st.sampled_from([None, True, False]),
)
def test_any_plan_stays_inside_the_options_and_needs_no_second_one(speed, mode, values, ranges, modes, switch):
    now = ImagingSettings(exposure_mode=mode, wide_dynamic_range=switch, **values)
    options = ImagingOptions(
        exposure_modes=modes, ranges=ranges, switches={"wide_dynamic_range": frozenset({True, False})}
    )
    site = SiteProfile(max_speed_kmh=speed)
    made = imaging_plan(site, now, options)
    wanted = {each.field: getattr(made.imaging, each.field) for each in made.changes}
    for name, value in wanted.items():
        assert settable(name, value, now, options)
        if name in ranges:
            # Gain is rounded to tenths of a decibel.
            assert ranges[name].minimum - 0.05 <= value <= ranges[name].maximum + 0.05
    shutter = made.imaging.max_exposure_time_us or made.imaging.exposure_time_us
    if shutter is not None:
        assert shutter <= 1e6 / (11 * speed) or any("will blur" in each for each in made.warnings)
    assert imaging_plan(site, replace(now, **wanted), options).changes == ()


@pytest.mark.requirement("M-119")
def test_gain_that_cannot_be_limited_is_met_with_the_advice_to_add_light():
    ranges = {name: limits for name, limits in CAN.ranges.items() if name != "max_gain_db"}
    assert any("more light" in each for each in imaging_plan(options=replace(CAN, ranges=ranges)).warnings)


def test_settable_follows_the_options():
    assert settable("sharpness", 1.0, NOW, CAN)
    assert not settable("defogging", False, NOW, CAN)
    assert not settable("iris_db", 1.0, NOW, None)


def test_a_gain_that_the_camera_tells_below_its_own_limits_is_raised_into_them() -> None:
    limits = {"exposure_time_us": Range(minimum=0, maximum=1000), "gain_db": Range(minimum=7, maximum=8)}
    told = ImagingSettings(exposure_mode=ExposureMode.MANUAL, exposure_time_us=2000.0, gain_db=0.0)
    assert imaging_plan(now=told, options=ImagingOptions(ranges=limits)).imaging.gain_db == 7.0


IRIS = replace(CAN, ranges=CAN.ranges | {"iris_db": Range(minimum=0, maximum=30)})
BY_HAND = ImagingSettings(
    exposure_mode=ExposureMode.MANUAL, exposure_time_us=18180.0, iris_db=12.0, gain_db=0.0, max_gain_db=36.0
)


def brightness_db(settings: ImagingSettings) -> float:
    return 20 * math.log10(settings.exposure_time_us) + settings.gain_db - settings.iris_db


@pytest.mark.requirement("M-073", "M-077", "M-083")
@pytest.mark.parametrize(
    ("iris_db", "changed"),
    [
        (30.0, {"exposure_time_us": 1818.0, "iris_db": 10.0}),
        (15.0, {"exposure_time_us": 1818.0, "iris_db": 0.0, "gain_db": 5.0}),
        (0.0, {"exposure_time_us": 1818.0, "gain_db": 7.2}),
    ],
    ids=["the iris gives all", "the gain gives the rest", "the gain stops at its limit"],
)
def test_the_shutter_is_capped_first_then_the_iris_opens_and_gain_comes_last(iris_db, changed):
    now = replace(BY_HAND, iris_db=iris_db)
    made = imaging_plan(now=now, options=IRIS)
    assert {each.field: getattr(made.imaging, each.field) for each in made.changes} == changed
    # The plan names them in this order, too.
    assert [each.field for each in made.changes] == list(changed)
    after = replace(now, **changed)
    if iris_db:
        # Another combination, and the picture is as bright as it was.
        assert brightness_db(after) == pytest.approx(brightness_db(now), abs=0.11)
    assert imaging_plan(now=after, options=IRIS).empty
    assert [knob.name for knob in made.knobs] == ["shutter", "iris", "gain"]


@pytest.mark.requirement("M-073")
def test_an_automatic_iris_may_open_all_the_way_before_gain_is_limited():
    options = replace(CAN, ranges=CAN.ranges | {"min_iris_db": Range(minimum=0, maximum=30)})
    made = imaging_plan(now=replace(NOW, min_iris_db=10.0), options=options)
    assert made.imaging.min_iris_db == 0
    order = [each.field for each in made.changes]
    assert order.index("max_exposure_time_us") < order.index("min_iris_db") < order.index("max_gain_db")


@pytest.mark.requirement("M-074", "M-075", "M-076", "M-078")
def test_each_knob_is_told_in_the_cameras_unit_with_what_it_does_and_costs():
    shutter, iris, gain = imaging_plan(now=BY_HAND, options=IRIS).knobs
    assert (shutter.now, iris.now, gain.now) == ("1/55 s (18180 us)", "12 dB", "0 dB")
    assert "how long light is collected" in shutter.does and "motion blur" in shutter.costs
    assert "how much light" in iris.does and "depth of field" in iris.costs
    assert "0 dB is fully open" in iris.does and "grows as the f-number falls" in iris.does
    assert "sensitivity of the sensor" in gain.does and "noise" in gain.costs
    automatic = imaging_plan().knobs
    assert [knob.now for knob in automatic] == ["up to 1/25 s (40000 us)", "automatic", "automatic, - to 36 dB"]


@pytest.mark.requirement("M-084")
def test_the_gain_limit_is_low_and_the_camera_unit_is_told_in_iso():
    limit = imaging_plan().imaging.max_gain_db
    # Where 0 dB is ISO 100, as the text says, the limit lies inside the range that is often acceptable.
    assert "each 6 dB doubles it; where 0 dB is ISO 100, 18 dB is ISO 800" in imaging_plan().knobs[2].does
    assert 50 <= 100 * 2 ** (limit / 6) <= 800


@pytest.mark.requirement("M-079")
def test_a_small_iris_at_the_end_of_the_shutter_is_warned_about():
    def warned(**changes) -> bool:
        made = imaging_plan(now=replace(BY_HAND, **changes), options=IRIS)
        return any("iris is nearly closed" in each and "long distance is in focus" in each for each in made.warnings)

    assert warned(exposure_time_us=1818.0, iris_db=20.0)
    assert not warned(exposure_time_us=1818.0, iris_db=6.0)
    assert not warned(exposure_time_us=500.0, iris_db=20.0), "the shutter has room"
    assert not warned(iris_db=20.0), "the plan opens it"


@pytest.mark.requirement("M-080")
def test_a_wide_iris_for_fast_vehicles_is_warned_about():
    def warned(speed: float, iris_db: float) -> bool:
        now = replace(BY_HAND, exposure_time_us=500.0, iris_db=iris_db)
        made = imaging_plan(SiteProfile(max_speed_kmh=speed), now=now, options=IRIS)
        return any("wide open" in each and "suits low light and slow vehicles" in each for each in made.warnings)

    assert warned(130, 0.0)
    assert not warned(130, 12.0)
    assert not warned(30, 0.0)


@pytest.mark.requirement("M-088", "M-089")
@pytest.mark.parametrize(
    "at_the_end",
    [
        NOW,
        replace(NOW, exposure_mode=ExposureMode.MANUAL, exposure_time_us=40000.0, gain_db=36.0),
    ],
    ids=["automatic", "by hand"],
)
def test_gain_and_exposure_at_their_end_bring_the_chain_of_causes_and_the_remedy(at_the_end):
    def told(now: ImagingSettings) -> str:
        return " ".join(imaging_plan(now=now).warnings)

    chain = told(at_the_end)
    words = ["raises the gain", "noise", "lengthens the exposure", "blur", "under-exposed", "hardly any contrast"]
    places = [chain.index(word) for word in words]
    assert places == sorted(places)
    assert "more light from outside, or a camera that is sensitive without gain" in chain
    for limited in ({"max_gain_db": 20.0, "gain_db": 20.0}, {"max_exposure_time_us": 9000.0, "exposure_time_us": 9.0}):
        assert "under-exposed" not in told(replace(at_the_end, **limited))


@pytest.mark.requirement("M-098")
def test_a_camera_without_its_infrared_cut_filter_needs_a_lamp_by_day():
    def told(mode: IrCutFilter | None) -> bool:
        made = imaging_plan(now=replace(NOW, ir_cut_filter=mode))
        return any("infrared lamp in the daytime" in each for each in made.warnings)

    assert [mode for mode in (*IrCutFilter, None) if told(mode)] == [IrCutFilter.OFF]


@pytest.mark.requirement("M-046", "M-086", "M-096")
def test_what_no_setting_mends_is_a_checklist():
    close, smear, focus = imaging_plan().checklist
    assert "as close as possible" in close and "2.7 pixels" in close and "170" in close and "130" in close
    assert "smear" in smear and "vertical lines" in smear
    assert "neutral density filter" in focus and "takes light away" in focus and "darkens the exposure" in focus
