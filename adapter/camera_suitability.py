"""What is known of one camera, gathered for its suitability report: settings, stream, and what its plates measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapter.api.ports import CameraProblem
from adapter.camera_recognition import CameraRecognition
from adapter.camera_tuning import CameraTuning, Setup
from adapter.lpr_camera import LprCamera
from adapter.snapshot_control import SnapshotControl
from adapter.store.cameras import CameraRecord
from adapter.suitability import suitability
from adapter.suitability_types import FEW_PLATES, Known, Shutter, Suitability
from inference.areas import width_share, within
from inference.funnel import total
from inference.plate_views import PlateView
from onvif_client.tuning import plan
from onvif_client.tuning_types import Part, SiteProfile
from onvif_client.types import ExposureMode, ImagingOptions, ImagingSettings

NOTHING = Setup(imaging=None, imaging_options=None, encoder=None, encoder_options=None)
# What has a check of its own (the shutter), and what a plan only changes to make up for it (the iris).
NOT_OF_THE_PICTURE = ("exposure", "iris")
# Where nobody said how fast vehicles are, the plan leaves the shutter as it is.
STANDING_KMH = 1.0

# What is read would else speak for what is not.
SILENT = (
    "On {count} of {asked} snapshots no plate is read in the recognition area. Where there is one, approve the snapshot"
    " with its text, and it counts; reject the others."
)


class CameraSuitability:
    """Nothing here changes a camera."""

    def __init__(self, *, snapshots: SnapshotControl, tuning: CameraTuning) -> None:
        self._snapshots = snapshots
        self._tuning = tuning

    async def report(self, camera: LprCamera) -> Suitability:
        """A camera that does not answer over ONVIF is judged by its pictures. Raises SnapshotsProblem."""
        record = camera.record
        chosen, _ = CameraRecognition.usable(record.recognition)
        setup, notes = await self._setup(camera)
        views, basis, silent = await self._views(camera, chosen)
        counted = total(camera.funnel.hours)
        known = Known(
            region=self._tuning.region(record),
            views=views,
            picture_px=camera.last_frame.size if camera.last_frame is not None else None,
            area_width=width_share(chosen.areas),
            frame_rate=camera.stream_rate,
            interlaced=camera.interlaced,
            max_speed_kmh=record.max_speed_kmh,
            is_onvif=camera.is_onvif,
            looks=counted.analysed,
            looks_without_plate=counted.without_plate,
            refused=counted.rejected,
            **self._told(record, setup),
        )
        return suitability(known, basis=basis, notes=(*notes, *silent))

    async def _setup(self, camera: LprCamera) -> tuple[Setup, Sequence[str]]:
        if not camera.is_onvif:
            return NOTHING, ("A plain stream tells no settings: its pictures alone are judged.",)
        try:
            return await self._tuning.look(camera.record), ()
        except CameraProblem as problem:
            return NOTHING, (f"The camera's settings could not be asked, its pictures alone are judged. {problem}",)

    async def _views(
        self, camera: LprCamera, chosen: CameraRecognition
    ) -> tuple[Sequence[PlateView], str, Sequence[str]]:
        """Vehicles show how the camera is now; snapshots are asked while too few have passed."""
        passed = [view for view in camera.views.all() if within(view.center, chosen.areas)]
        if len(passed) >= FEW_PLATES:
            return passed, f"the last {len(passed)} passing vehicles", ()
        shown = await self._snapshots.plate_views(camera.record, chosen)
        parts = ((len(passed), "passing vehicle(s)"), (len(shown.views), "plate(s) on snapshots"))
        basis = " and ".join(f"{count} {what}" for count, what in parts if count)
        silent = (SILENT.format(count=shown.silent, asked=shown.asked),) if shown.silent else ()
        return [*passed, *shown.views], basis, silent

    def _told(self, record: CameraRecord, setup: Setup) -> dict[str, Any]:
        """What the camera says about itself, by the names of `Known`."""
        imaging, options = setup.imaging, setup.imaging_options
        told: dict[str, Any] = {"quality_percent": _quality_percent(setup)}
        if imaging is None:
            return told
        widening = options is not None and options.can_switch("wide_dynamic_range", True)
        return told | {
            "shutter": _shutter(imaging),
            "untuned": self._untuned(record, imaging, options),
            "can_widen_range": widening and imaging.wide_dynamic_range is not True,
            "has_iris": options is not None and any(map(options.range_of, ("iris_db", "max_iris_db"))),
        }

    def _untuned(self, record: CameraRecord, imaging: ImagingSettings, options: ImagingOptions | None) -> Sequence[str]:
        site = SiteProfile(max_speed_kmh=record.max_speed_kmh or STANDING_KMH, plate_region=self._tuning.region(record))
        made = plan(site, imaging=imaging, imaging_options=options)
        return [
            f"{change.field} {change.current}, not {change.desired}"
            for change in made.changes
            if change.part is Part.IMAGING and not any(word in change.field for word in NOT_OF_THE_PICTURE)
        ]


def _shutter(imaging: ImagingSettings) -> Shutter | None:
    mode = imaging.exposure_mode or ExposureMode.AUTO
    exposure_us = imaging.max_exposure_time_us if mode is ExposureMode.AUTO else imaging.exposure_time_us
    return Shutter(mode=mode, exposure_us=exposure_us) if exposure_us else None


def _quality_percent(setup: Setup) -> float | None:
    """Where the quality lies in the range that the camera offers."""
    encoder, options = setup.encoder, setup.encoder_options
    offered = options.of(encoder.encoding) if encoder is not None and options is not None else None
    if encoder is None or offered is None or offered.quality is None or not offered.quality.settable:
        return None
    return 100 * (encoder.quality - offered.quality.minimum) / (offered.quality.maximum - offered.quality.minimum)
