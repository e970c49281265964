"""The laws of the picture, measured on pictures and not on parameters."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from mock_vms.camera.physics import Exposure, Noise, Shutter, Tone, expose, noise_sigma, smear
from mock_vms.camera.sensor import Region, Sensor, View
from mock_vms.camera.state import ExposureMode, ImagingSettings

PLAIN = ImagingSettings(max_exposure_time_us=1500, sharpness=15, wide_dynamic_range=False)


def stripes(width=320, height=180, *, dark=60, bright=190):
    picture = np.full((height, width, 3), dark, dtype=np.uint8)
    picture[:, width // 2 :] = bright
    return picture


def luma(picture, imaging, *, light=1.0):
    view = View(background=picture, picture=picture, changed=None)
    height = picture.shape[0]
    return Sensor().develop(view, imaging, expose(imaging, light), light=light)[:height].astype(float)


def edge_width(picture):
    """How many pixels an upright edge needs to rise from a tenth to nine tenths of its height."""
    row = np.interp(
        np.linspace(0, picture.shape[1] - 1, 40 * picture.shape[1]), range(picture.shape[1]), picture.mean(0)
    )
    low, high = row.min(), row.max()
    share = (row - low) / (high - low)
    return (np.argmax(share > 0.9) - np.argmax(share > 0.1)) / 40


def manual(**fields):
    return ImagingSettings(exposure_mode=ExposureMode.MANUAL, sharpness=15, wide_dynamic_range=False, **fields)


def test_the_longer_the_exposure_the_wider_a_moving_edge():
    edge = stripes()[..., 0]
    widths = [
        edge_width(smear(edge, (400.0, 0.0), Shutter(exposure_s=1 / part))) for part in (2000, 550, 200, 100, 50, 25)
    ]
    assert all(shorter < longer for shorter, longer in itertools.pairwise(widths))


@pytest.mark.parametrize("way_px", [2.0, 5.0, 9.0, 17.0, 40.0])
def test_blur_is_as_long_as_the_way_travelled(way_px):
    edge = stripes()[..., 0]
    blurred = edge_width(smear(edge, (way_px * 100, 0.0), Shutter(exposure_s=0.01)))
    assert blurred == pytest.approx(0.8 * way_px, abs=1.2)


@pytest.mark.parametrize("velocity", [(0.0, 900.0), (900.0, 0.0), (600.0, 650.0), (-300.0, 800.0)])
def test_blur_lies_along_the_motion_and_does_not_shift_the_picture(velocity):
    spot = np.zeros((101, 101), dtype=np.uint8)
    spot[49:52, 49:52] = 255
    blurred = smear(spot, velocity, Shutter(exposure_s=1 / 25)).astype(float)
    y, x = (grid.astype(float) - 50 for grid in np.mgrid[0:101, 0:101])
    weight = blurred / blurred.sum()
    centre = (weight * x).sum(), (weight * y).sum()
    assert centre == pytest.approx((0, 0), abs=1.0)
    covariance = np.cov(np.stack((x.ravel(), y.ravel())), aweights=weight.ravel())
    main = np.linalg.eigh(covariance)[1][:, -1]
    direction = np.array(velocity) / np.hypot(*velocity)
    assert abs(main @ direction) > 0.99


def test_what_stands_still_is_not_blurred_by_any_exposure():
    edge = stripes()[..., 0]
    assert np.array_equal(smear(edge, (0.0, 0.0), Shutter(exposure_s=0.04)), edge)


def test_wide_dynamic_range_gives_a_moving_edge_a_second_one():
    edge = stripes(dark=0, bright=200)[..., 0]
    plain = smear(edge, (1200.0, 0.0), Shutter(exposure_s=1 / 2000))
    ghosted = smear(edge, (1200.0, 0.0), Shutter(exposure_s=1 / 2000, ghost=0.3))
    assert len(np.unique(plain.mean(0).round())) < len(np.unique(ghosted.mean(0).round()))
    assert edge_width(ghosted) > edge_width(plain) + 5


def test_manual_exposure_time_gain_and_open_iris_each_brighten_the_picture():
    picture = stripes()
    for name, values in (
        ("exposure_time_us", [200, 700, 1500, 4000]),
        ("gain_db", [0, 6, 12]),
        ("iris_db", [20, 10, 0]),
    ):
        base = {"exposure_time_us": 500, "gain_db": 0.0, "iris_db": 0.0}
        means = [luma(picture, manual(**{**base, name: value})).mean() for value in values]
        assert all(darker < brighter for darker, brighter in itertools.pairwise(means)), name


def test_a_long_manual_exposure_burns_out_in_daylight():
    assert luma(stripes(), manual(exposure_time_us=40_000)).min() > 230


def test_automatic_exposure_keeps_the_brightness_while_its_means_last():
    picture = stripes()
    wanted = luma(picture, PLAIN).mean()
    for light in (4.0, 1.0, 0.3, 0.1):
        for longest_us in (1000, 10_000, 40_000):
            auto = ImagingSettings(max_exposure_time_us=longest_us, sharpness=15, wide_dynamic_range=False)
            assert luma(picture, auto, light=light).mean() == pytest.approx(wanted, abs=3)


def test_automatic_exposure_without_gain_leaves_the_dusk_dark():
    capped = ImagingSettings(max_exposure_time_us=1818, max_gain_db=6, sharpness=15, wide_dynamic_range=False)
    assert luma(stripes(), capped, light=0.02).mean() < 0.6 * luma(stripes(), capped, light=1.0).mean()


@pytest.mark.parametrize("light", [0.001, 0.05, 1.0, 500.0])
def test_automatic_exposure_stays_inside_its_limits(light):
    imaging = ImagingSettings(
        min_exposure_time_us=200, max_exposure_time_us=4000, min_gain_db=3, max_gain_db=18, wide_dynamic_range=False
    )
    exposure = expose(imaging, light)
    assert 200e-6 <= exposure.time_s <= 4000e-6
    assert 3 <= exposure.gain_db <= 18
    assert exposure.iris_db >= 0


def test_the_more_gain_the_more_noise():
    flat = np.full((180, 320, 3), 120, dtype=np.uint8)
    deviations = []
    for gain_db in (0, 12, 24, 36):
        dimmed = manual(exposure_time_us=1500 / 10 ** (gain_db / 20), gain_db=gain_db)
        deviations.append(luma(flat, dimmed).std())
    assert all(quieter < noisier for quieter, noisier in itertools.pairwise(deviations))
    assert deviations[0] < 1
    assert deviations[-1] > 8


def test_noise_is_as_strong_as_stated_and_different_in_each_picture():
    noise = Noise()
    flat = np.full((180, 320), 120, dtype=np.uint8)
    first, second = noise.add(flat, 6.0).astype(float), noise.add(flat, 6.0).astype(float)
    assert first.std() == pytest.approx(6.0, rel=0.1)
    assert first.mean() == pytest.approx(120, abs=1)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1


def test_noise_grows_with_gain_without_a_step():
    sigmas = [noise_sigma(Exposure(time_s=0.001, gain_db=gain, iris_db=0, level=1)) for gain in range(0, 37, 3)]
    assert all(lower < higher for lower, higher in itertools.pairwise(sigmas))


def test_sharpness_rings_when_high_and_softens_when_low():
    def developed(sharpness):
        return luma(
            stripes(), ImagingSettings(max_exposure_time_us=1500, sharpness=sharpness, wide_dynamic_range=False)
        )

    neutral, ringing = developed(15), [developed(value).max() - developed(15).max() for value in (50, 75, 100)]
    assert ringing[0] > 5
    assert all(less < more for less, more in itertools.pairwise(ringing))
    assert developed(15).min() - developed(100).min() > 10
    assert edge_width(developed(0)) > edge_width(neutral)


def test_wide_dynamic_range_flattens_and_more_of_it_flattens_more():
    def spread(level, *, on=True):
        imaging = ImagingSettings(
            max_exposure_time_us=1500, sharpness=15, wide_dynamic_range=on, wide_dynamic_range_level=level
        )
        return luma(stripes(), imaging).std()

    spreads = [spread(50, on=False), spread(25), spread(50), spread(100)]
    assert all(wider > flatter for wider, flatter in itertools.pairwise(spreads))


def test_brightness_contrast_and_saturation_do_what_they_say():
    def developed(**fields):
        imaging = ImagingSettings(max_exposure_time_us=1500, sharpness=15, wide_dynamic_range=False, **fields)
        picture = stripes()
        picture[..., 2] = 200
        planes = (
            Sensor()
            .develop(View(background=picture, picture=picture, changed=None), imaging, expose(imaging, 1.0), light=1.0)
            .astype(float)
        )
        return planes[:180], np.abs(planes[180:] - 128).mean()

    assert developed(brightness=20)[0].mean() < developed()[0].mean() < developed(brightness=80)[0].mean()
    assert developed(contrast=20)[0].std() < developed()[0].std() < developed(contrast=70)[0].std()
    assert developed(color_saturation=10)[1] < developed()[1] < developed(color_saturation=80)[1]


@pytest.mark.parametrize(
    ("infrared", "light", "is_grey"), [("ON", 1, False), ("OFF", 1, True), ("AUTO", 1, False), ("AUTO", 0.005, True)]
)
def test_without_its_infrared_filter_the_camera_sees_no_colour(infrared, light, is_grey):
    imaging = ImagingSettings(ir_cut_filter=infrared, wide_dynamic_range=False, max_exposure_time_us=1500)
    picture = np.full((180, 320, 3), (40, 60, 200), dtype=np.uint8)
    view = View(background=picture, picture=picture, changed=None)
    planes = Sensor().develop(view, imaging, expose(imaging, light), light=light)
    assert (np.abs(planes[180:].astype(int) - 128).max() <= 1) == is_grey


def test_a_well_exposed_neutral_picture_comes_out_as_it_went_in():
    picture = cv2.GaussianBlur(np.random.default_rng(2).integers(20, 235, (180, 320, 3), dtype=np.uint8), (9, 9), 3)
    expected = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)[:180]
    assert np.abs(luma(picture, PLAIN) - expected).mean() < 1
    tone = Tone(PLAIN, expose(PLAIN, 1.0), light=1.0)
    assert tone.is_neutral
    assert tone.keeps_colour


@pytest.mark.parametrize("wide_dynamic_range", [False, True])
def test_developing_only_what_changed_gives_the_same_picture_as_developing_all(wide_dynamic_range):
    imaging = ImagingSettings(max_exposure_time_us=1500, sharpness=60, wide_dynamic_range=wide_dynamic_range)
    background = stripes(640, 360)
    picture = background.copy()
    picture[101:161, 203:283] = (30, 60, 220)
    exposure = Exposure(time_s=0.0015, gain_db=-60, iris_db=0, level=1)
    sensor = Sensor()
    sensor.develop(View(background=background, picture=background, changed=None), imaging, exposure, light=1.0)
    partly = sensor.develop(
        View(background=background, picture=picture, changed=Region(203, 101, 80, 60)), imaging, exposure, light=1.0
    ).astype(int)
    wholly = Sensor().develop(View(background=picture, picture=picture, changed=None), imaging, exposure, light=1.0)
    # WDR judges the neighbourhood by what stands in it, so the ring around the region may differ by a few levels.
    assert np.abs(partly - wholly).max() <= (16 if wide_dynamic_range else 1)
    assert np.abs(partly - wholly).mean() < 1
