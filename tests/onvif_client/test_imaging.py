"""Imaging on cameras that leave things out, refuse things and pretend."""

from __future__ import annotations

import pytest

from onvif_client.camera import Camera
from onvif_client.errors import CameraUnsupported
from onvif_client.types import ExposureMode, ImagingSettings, IrCutFilter, Range
from tests.fakes.camera import FakeCamera, Quirks

SOURCE = "source_1"
FOR_PLATES = ImagingSettings(
    max_exposure_time_us=1818.0, max_gain_db=7.0, sharpness=10.0, contrast=50.0, wide_dynamic_range=False
)


def client(fake: FakeCamera) -> Camera:
    return Camera(fake.address, fake.user, fake.password)


def by_field(report):
    return {each.field: each for each in report}


async def test_settings_and_options_are_read():
    async with FakeCamera() as fake, client(fake) as camera:
        settings = await camera.imaging(SOURCE)
        assert settings.exposure_mode is ExposureMode.AUTO
        assert (settings.max_exposure_time_us, settings.max_gain_db) == (40000.0, 36.0)
        assert (settings.wide_dynamic_range, settings.backlight_compensation) == (True, False)
        assert settings.ir_cut_filter is IrCutFilter.AUTO
        assert settings.defogging is None
        options = await camera.imaging_options(SOURCE)
        assert options is not None
        assert options.exposure_modes == {ExposureMode.AUTO, ExposureMode.MANUAL}
        assert options.range_of("max_gain_db") == Range(minimum=0.0, maximum=36.0)
        assert options.can_switch("wide_dynamic_range", False)


async def test_numbers_with_a_comma_are_numbers():
    async with FakeCamera(quirks=Quirks(comma_floats=True)) as fake, client(fake) as camera:
        assert (await camera.imaging(SOURCE)).contrast == 80.0


@pytest.mark.requirement("M-112")
async def test_a_change_is_sent_once_and_read_back():
    async with FakeCamera() as fake, client(fake) as camera:
        report = await camera.apply_imaging(SOURCE, FOR_PLATES)
        assert all(each.ok for each in report)
        assert by_field(report)["max_exposure_time_us"].got == "1818"
        assert fake.imaging["Exposure/MaxExposureTime"] == "1818"
        assert fake.imaging["WideDynamicRange/Mode"] == "OFF"
        assert fake.count("SetImagingSettings") == 1


async def test_what_the_options_do_not_list_is_not_sent():
    quirks = Quirks(options={"Sharpness": "", "WideDynamicRange/Mode": "ON", "Contrast": "80..80"})
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        del fake.imaging_options["Sharpness"]
        report = by_field(await camera.apply_imaging(SOURCE, FOR_PLATES))
        refused = {name for name, each in report.items() if not each.ok}
        assert refused == {"sharpness", "wide_dynamic_range", "contrast"}
        assert "does not let this be set" in report["sharpness"].detail
        sent = next(each.body for each in fake.asked if each.operation == "SetImagingSettings")
        for name in ("Sharpness", "WideDynamicRange", "Contrast", "Focus", "ExposureTime"):
            assert sent.find(f".//{{*}}{name}") is None, name


async def test_values_outside_the_range_are_moved_into_it_and_said_so():
    quirks = Quirks(options={"Exposure/MaxExposureTime": "4000..40000"})
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        report = by_field(await camera.apply_imaging(SOURCE, FOR_PLATES))
        assert report["max_exposure_time_us"].got == "4000"
        assert "range ends at 4000" in report["max_exposure_time_us"].detail


async def test_fields_that_are_ignored_are_reported_and_not_asked_again():
    quirks = Quirks(ignored_fields=frozenset({"Exposure/MaxExposureTime", "Sharpness"}))
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        report = by_field(await camera.apply_imaging(SOURCE, FOR_PLATES))
        assert {name for name, each in report.items() if not each.ok} == {"max_exposure_time_us", "sharpness"}
        assert report["sharpness"].detail == "The camera accepted the change and kept another value."
        assert (report["sharpness"].asked, report["sharpness"].got) == ("10", "50")
        assert fake.count("SetImagingSettings") == 1


async def test_a_fault_over_one_field_does_not_cost_the_others():
    quirks = Quirks(rejected_fields=frozenset({"Sharpness"}))
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        report = by_field(await camera.apply_imaging(SOURCE, FOR_PLATES))
        assert {name for name, each in report.items() if not each.ok} == {"sharpness"}
        assert "settings invalid" in report["sharpness"].detail
        # Everything at once, then exposure, wide dynamic range, sharpness and contrast apart; nothing twice.
        assert fake.count("SetImagingSettings") == 5


async def test_a_camera_that_takes_one_group_at_a_time_gets_them_so():
    async with FakeCamera(quirks=Quirks(rejects_everything_together=True)) as fake, client(fake) as camera:
        assert all(each.ok for each in await camera.apply_imaging(SOURCE, FOR_PLATES))


async def test_without_options_what_is_read_can_be_set():
    async with FakeCamera(quirks=Quirks(options_missing=True)) as fake, client(fake) as camera:
        assert await camera.imaging_options(SOURCE) is None
        report = by_field(await camera.apply_imaging(SOURCE, FOR_PLATES))
        assert report["max_exposure_time_us"].ok
        assert report["wide_dynamic_range"].ok


async def test_nothing_is_sent_when_everything_is_as_asked():
    async with FakeCamera() as fake, client(fake) as camera:
        report = await camera.apply_imaging(SOURCE, ImagingSettings(sharpness=50.0, wide_dynamic_range=True))
        assert [each.ok for each in report] == [True, True]
        assert fake.count("SetImagingSettings") == 0


async def test_a_manual_shutter_takes_the_automatic_limits_out():
    async with FakeCamera() as fake, client(fake) as camera:
        desired = ImagingSettings(exposure_mode=ExposureMode.MANUAL, exposure_time_us=1818.0, gain_db=6.0)
        assert all(each.ok for each in await camera.apply_imaging(SOURCE, desired))
        sent = next(each.body for each in fake.asked if each.operation == "SetImagingSettings")
        assert sent.find(".//{*}MaxExposureTime") is None
        assert sent.findtext(".//{*}Exposure/{*}Mode") == "MANUAL"


async def test_rollback_restores_what_was_read():
    async with FakeCamera() as fake, client(fake) as camera:
        before = dict(fake.imaging)
        previous = await camera.imaging(SOURCE)
        await camera.apply_imaging(SOURCE, FOR_PLATES)
        assert fake.imaging != before
        report = await camera.rollback_imaging(SOURCE, previous)
        assert all(each.ok for each in report)
        assert fake.imaging == before


async def test_newer_switches_live_in_the_extension_and_go_apart_from_the_rest():
    newer = "Extension/Extension/Extension"
    quirks = Quirks(
        options={f"{newer}/DefoggingOptions/Mode": "ON OFF", f"{newer}/NoiseReductionOptions/Level": "true"}
    )
    async with FakeCamera(quirks=quirks) as fake:
        fake.imaging |= {f"{newer}/Defogging/Mode": "ON", f"{newer}/NoiseReduction/Level": "0.8"}
        fake.imaging_options |= {f"{newer}/Defogging/Mode": "ON OFF", f"{newer}/NoiseReduction/Level": "0..1"}
        async with client(fake) as camera:
            settings = await camera.imaging(SOURCE)
            assert (settings.defogging, settings.noise_reduction) == (True, 0.8)
            desired = ImagingSettings(defogging=False, noise_reduction=0.2)
            assert all(each.ok for each in await camera.apply_imaging(SOURCE, desired))
            assert fake.imaging[f"{newer}/Defogging/Mode"] == "OFF"
            await camera.apply_imaging(SOURCE, ImagingSettings(sharpness=20.0))
            last = [each.body for each in fake.asked if each.operation == "SetImagingSettings"][-1]
            assert last.find(".//{*}Extension") is None


async def test_limits_can_be_set_where_the_mode_cannot():
    quirks = Quirks(options={"Exposure/Mode": ""})
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        report = await camera.apply_imaging(SOURCE, ImagingSettings(max_exposure_time_us=1000.0))
        assert [each.ok for each in report] == [True]


async def test_what_is_sent_stands_in_schema_order():
    async with FakeCamera() as fake, client(fake) as camera:
        await camera.apply_imaging(SOURCE, FOR_PLATES)
        sent = next(each.body for each in fake.asked if each.operation == "SetImagingSettings")
        names = [each.tag.rpartition("}")[2] for each in sent.find("{*}ImagingSettings")]
        order = ["BacklightCompensation", "Brightness", "ColorSaturation", "Contrast", "Exposure", "IrCutFilter"]
        assert names == [*order, "Sharpness", "WideDynamicRange"]
        exposure = [each.tag.rpartition("}")[2] for each in sent.find(".//{*}Exposure")]
        assert exposure == ["Mode", "MinExposureTime", "MaxExposureTime", "MinGain", "MaxGain"]


async def test_a_camera_without_imaging_says_so():
    async with FakeCamera() as fake, client(fake) as camera:
        del camera.services.addresses["http://www.onvif.org/ver20/imaging/wsdl"]
        with pytest.raises(CameraUnsupported, match="imaging"):
            await camera.imaging(SOURCE)
