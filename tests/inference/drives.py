"""Drive-bys with truth, filmed from labelled photos by the virtual camera's physics and encoders.

A photo gives one vehicle: the part around its plate. It drives on a path through the rendered street, blurred by its
speed and the camera's shake, and passes the sensor's noise, tone and sharpening and a real encoder and decoder. Each
drive follows from its photo and seed alone, so that two runs show the same pictures.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import av
import cv2
import numpy as np

from inference.bench import Label
from inference.types import Box, Picture
from mock_vms.camera.encode import H264Encoder, encode_jpeg
from mock_vms.camera.photos import LARGEST_SCALE, read_picture
from mock_vms.camera.physics import Plane, expose, shutter_of, smear
from mock_vms.camera.sensor import Region, Sensor, View
from mock_vms.camera.state import EncoderSettings, Encoding, ExposureMode, ImagingSettings
from mock_vms.camera.street import paint_street

SIZE = (1280, 720)
FPS = 8.0
# What is shown of the photo, in plate widths: to either side, above and below the plate's centre.
ASIDE, ABOVE, BELOW = 2.1, 2.0, 0.85
# How much smaller the plate is where the vehicle comes into view.
FAR = 0.38
ROAD_AFTER_S = 1.6


class Scenario(StrEnum):
    """What the vehicles of a drive do."""

    SINGLE = "single"
    PAIR = "two at once"
    FOLLOWING = "following 1 s behind"
    STOP_AND_GO = "stop and go"
    REVERSING = "reversing"
    CROSSING = "crossing"

    @property
    def vehicles(self) -> int:
        return 2 if self in {Scenario.PAIR, Scenario.FOLLOWING, Scenario.CROSSING} else 1


class Light(StrEnum):
    """Every second drive is at night."""

    DAY = "day"
    NIGHT = "night"


class Site(StrEnum):
    """Where the camera is."""

    GATE = "gate"
    ROAD = "road"


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """Between which bounds a drive's camera is set: microseconds, dB, pixels of shake, encoder quality 0 to 100."""

    exposure_us: tuple[float, float]
    gain_db: tuple[float, float]
    level: tuple[float, float]
    quality: tuple[float, float]
    bitrates_kbps: tuple[int, ...]
    shake_px: tuple[float, float]
    encodings: tuple[Encoding, ...] = (Encoding.H264, Encoding.H264, Encoding.JPEG)
    fps: float = FPS
    """How many pictures a second are encoded; more than are looked at share the bits."""
    nearest_px: tuple[float, float] = (150.0, 150.0)
    """How wide a plate is at its nearest."""
    lens_px: tuple[float, float] = (0.0, 0.0)
    """The spread of a point of light on the sensor, as a Gaussian's standard deviation."""
    way_s: tuple[float, float] = (2.2, 3.8)
    """From coming into view until below the picture."""


# The gate: a camera hung for plates, every picture with bits of its own, as the demo and the tuning tests have it.
# The road: a general camera in view of plates, as most are found before anybody tunes them.
# - A stream of 24 pictures a second of which a third is looked at: what a camera spends is per second, so each picture
#   gets a third of the bits. Cameras' encoders need about half of what the fastest preset used here does: these rates
#   stand for 1 to 2 Mbit/s.
# - Characters of 12 to 24 pixels (Europe) at the nearest, not 22 always.
# - A sensor that sees each colour in every other pixel only, behind a lens focused somewhere in the lane, spreads a
#   point by 0.5 to 1 pixel; focus moves under infra-red light, so by night more. A photo shrunk on a computer has none.
# - 30 to 60 km/h with the shutter at 1/250 s or shorter; gain as far as cameras let it be by themselves.
CAMERAS = {
    (Site.GATE, Light.DAY): Camera(
        exposure_us=(1000, 4000),
        gain_db=(12, 30),
        level=(0.6, 1.2),
        quality=(25, 60),
        bitrates_kbps=(1000, 2000, 4000),
        shake_px=(0.3, 2.5),
    ),
    (Site.GATE, Light.NIGHT): Camera(
        exposure_us=(2000, 6000),
        gain_db=(27, 36),
        level=(0.35, 0.9),
        quality=(20, 45),
        bitrates_kbps=(1000, 2000, 4000),
        shake_px=(0.5, 4.0),
    ),
    (Site.ROAD, Light.DAY): Camera(
        exposure_us=(1000, 4000),
        gain_db=(6, 24),
        level=(0.6, 1.2),
        quality=(25, 60),
        bitrates_kbps=(1500, 2000, 3000),
        shake_px=(0.3, 2.5),
        encodings=(Encoding.H264,),
        fps=3 * FPS,
        nearest_px=(80.0, 160.0),
        lens_px=(0.5, 1.0),
        way_s=(1.8, 3.8),
    ),
    (Site.ROAD, Light.NIGHT): Camera(
        exposure_us=(2000, 4000),
        gain_db=(24, 33),
        level=(0.35, 0.9),
        quality=(20, 45),
        bitrates_kbps=(1500, 2000, 3000),
        shake_px=(0.5, 4.0),
        encodings=(Encoding.H264,),
        fps=3 * FPS,
        nearest_px=(80.0, 160.0),
        lens_px=(0.7, 1.3),
        way_s=(1.8, 3.8),
    ),
}


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the plate's centre is, in pixels, and how large it is, as a share of its nearest size."""

    x: float
    y: float
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A vehicle as it was photographed, with the truth about its plate."""

    label: Label
    photo: Plane

    @classmethod
    def of(cls, label: Label) -> Subject:
        return cls(label=label, photo=read_picture(label.path))


Course = Callable[[float], Pose | None]
"""Seconds since the drive began to a pose; None while out of sight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """What is shown of a photo, at its nearest size; `plate` is the plate's box in it, in pixels."""

    label: Label
    picture: Plane
    plate: Box
    path: Course

    def box(self, at_s: float) -> Box | None:
        """The plate in the picture, without the camera's shake."""
        pose = self.path(at_s)
        if pose is None:
            return None
        width, height = self.plate.width * pose.scale, self.plate.height * pose.scale
        return Box(x=pose.x - width / 2, y=pose.y - height / 2, width=width, height=height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """One clip and its truth."""

    scenario: Scenario
    light: Light
    vehicles: tuple[Vehicle, ...]
    duration_s: float
    imaging: ImagingSettings
    encoder: EncoderSettings
    light_level: float
    shake_px: float
    lens_px: float
    seed: int

    def frames(self) -> Iterator[tuple[float, Picture]]:
        """Time in seconds and the decoded picture, in order."""
        codec = _codec(self.encoder)
        sensor = Sensor()
        fps = self.encoder.frame_rate
        for number in range(round(self.duration_s * fps)):
            at_s = number / fps
            yield at_s, codec(self._film(at_s, sensor))

    def box(self, vehicle: Vehicle, at_s: float) -> Box | None:
        """Where this vehicle's plate is in the picture; None while out of sight."""
        where = vehicle.box(at_s)
        dx, dy = self._shake(at_s)
        return Box(x=where.x + dx, y=where.y + dy, width=where.width, height=where.height) if where else None

    def _film(self, at_s: float, sensor: Sensor) -> Plane:
        """The picture that the encoder gets, I420."""
        exposure = expose(self.imaging, self.light_level)
        shutter = shutter_of(self.imaging, exposure)
        dx, dy = self._shake(at_s)
        swing = self._speed(self._shake, at_s)
        street = cv2.warpAffine(
            paint_street(SIZE), np.array([[1, 0, dx], [0, 1, dy]]), SIZE, borderMode=cv2.BORDER_REPLICATE
        )
        picture = smear(np.asarray(street, dtype=np.uint8), swing, shutter)
        seen = [
            (pose.scale * vehicle.plate.width, vehicle) for vehicle in self.vehicles if (pose := vehicle.path(at_s))
        ]
        for _, vehicle in sorted(seen, key=lambda one: one[0]):
            region = self._place(picture, vehicle, at_s)
            if region is None:
                continue
            patch, inside = region
            vx, vy = self._speed(lambda moment, moving=vehicle: _centre(moving, moment, at_s), at_s)
            picture[inside] = smear(patch, (vx + swing[0], vy + swing[1]), shutter)
        if self.lens_px:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), self.lens_px), dtype=np.uint8)
        view = View(background=picture, picture=picture, changed=Region(0, 0, *SIZE))
        return sensor.develop(view, self.imaging, exposure, light=self.light_level)

    def _place(self, picture: Plane, vehicle: Vehicle, at_s: float) -> tuple[Plane, tuple[slice, slice]] | None:
        """The vehicle's pixels and where they go; None when none are in the picture."""
        pose = vehicle.path(at_s)
        assert pose is not None
        dx, dy = self._shake(at_s)
        x, y = vehicle.plate.center
        left, top = pose.x + dx - x * pose.scale, pose.y + dy - y * pose.scale
        height, width = vehicle.picture.shape[:2]
        x0, y0 = max(0, math.ceil(left)), max(0, math.ceil(top))
        x1, y1 = min(SIZE[0], int(left + width * pose.scale)), min(SIZE[1], int(top + height * pose.scale))
        if x1 - x0 < 4 or y1 - y0 < 4:
            return None
        # Averaging before shrinking, as a lens and a sensor do.
        soft = cv2.GaussianBlur(vehicle.picture, (0, 0), 0.45 / pose.scale) if pose.scale < 0.75 else vehicle.picture
        patch = cv2.warpAffine(
            soft,
            np.array([[pose.scale, 0, left - x0], [0, pose.scale, top - y0]]),
            (x1 - x0, y1 - y0),
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(patch, dtype=np.uint8), (slice(y0, y1), slice(x0, x1))

    def _shake(self, at_s: float) -> tuple[float, float]:
        """A mast in the wind: two slow swings and a quick one."""
        a, b, c = (random.Random(self.seed * 31 + place).uniform(0, 6.28) for place in range(3))
        quick = 0.35 * math.sin(2 * math.pi * 6.3 * at_s + c)
        across = math.sin(2 * math.pi * 1.1 * at_s + a) + quick
        down = math.sin(2 * math.pi * 1.7 * at_s + b) + quick
        return self.shake_px * across, 0.6 * self.shake_px * down

    @staticmethod
    def _speed(where: Callable[[float], tuple[float, float]], at_s: float) -> tuple[float, float]:
        """Pixels per second."""
        step_s = 0.004
        (x, y), (x0, y0) = where(at_s + step_s), where(at_s - step_s)
        return (x - x0) / (2 * step_s), (y - y0) / (2 * step_s)


def make_drive(scenario: Scenario, subjects: Sequence[Subject], seed: int, site: Site = Site.GATE) -> Drive:
    """A drive of the scenario with the first of these vehicles, as many as it takes."""
    chance = random.Random(f"{scenario} {seed}")
    light = Light.DAY if seed % 2 == 0 else Light.NIGHT
    camera = CAMERAS[site, light]
    hung = random.Random(f"{site} {scenario} {seed}")
    nearest_px, lens_px = hung.uniform(*camera.nearest_px), hung.uniform(*camera.lens_px)
    vehicles = []
    duration_s = 0.0
    for place, subject in enumerate(subjects[: scenario.vehicles]):
        path, until_s = _path(scenario, place, chance, camera.way_s)
        vehicles.append(_vehicle(subject, path, nearest_px))
        duration_s = max(duration_s, until_s)
    exposure_us, gain_db = chance.uniform(*camera.exposure_us), chance.uniform(*camera.gain_db)
    level = chance.uniform(*camera.level)
    imaging = ImagingSettings(
        exposure_mode=ExposureMode.MANUAL,
        exposure_time_us=exposure_us,
        gain_db=gain_db,
        sharpness=chance.uniform(5.0, 60.0),
        wide_dynamic_range=False,
        ir_cut_filter="ON" if light is Light.DAY else "OFF",
    )
    encoder = EncoderSettings(
        token="drive",
        encoding=chance.choice(camera.encodings),
        width_px=SIZE[0],
        height_px=SIZE[1],
        frame_rate=camera.fps,
        # A key frame every two seconds.
        gov_length=round(2 * camera.fps),
        quality=chance.uniform(*camera.quality),
        bitrate_kbps=chance.choice(camera.bitrates_kbps),
    )
    return Drive(
        scenario=scenario,
        light=light,
        vehicles=tuple(vehicles),
        duration_s=duration_s + ROAD_AFTER_S,
        imaging=imaging,
        encoder=encoder,
        # So much light that this shutter and gain give a picture of this level.
        light_level=level / (exposure_us / 1500.0 * 10 ** (gain_db / 20)),
        shake_px=chance.uniform(*camera.shake_px),
        lens_px=lens_px,
        seed=seed,
    )


def _vehicle(subject: Subject, path: Course, nearest_px: float) -> Vehicle:
    photo, label = subject.photo, subject.label
    height, width = photo.shape[:2]
    (x, y), plate = label.box.center, label.box
    left, right = int(max(0, x - ASIDE * plate.width)), int(min(width, x + ASIDE * plate.width))
    top, bottom = int(max(0, y - ABOVE * plate.width)), int(min(height, y + BELOW * plate.width))
    # Beyond twice its size a photo shows nothing more.
    scale = min(LARGEST_SCALE, nearest_px / plate.width)
    smoothing = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    shown = cv2.resize(photo[top:bottom, left:right], None, fx=scale, fy=scale, interpolation=smoothing)
    box = Box(
        x=(plate.x - left) * scale, y=(plate.y - top) * scale, width=plate.width * scale, height=plate.height * scale
    )
    return Vehicle(label=label, picture=np.asarray(shown, dtype=np.uint8), plate=box, path=path)


def _path(scenario: Scenario, place: int, chance: random.Random, way_s: tuple[float, float]) -> tuple[Course, float]:
    """The path of the vehicle at this place, and when it is out of sight."""
    for_s = chance.uniform(*way_s)
    sway = chance.uniform(-90, 90)
    if scenario is Scenario.PAIR:
        begin_s = place * chance.uniform(0.0, 0.6)
        return _approach(begin_s, for_s, 330.0 + 620.0 * place, 0.3 * sway), begin_s + for_s
    if scenario is Scenario.FOLLOWING:
        # One speed for both: the second neither falls back nor runs into the first.
        return _approach(1.0 * place, 3.0, 640.0, 20.0), 3.0 + place
    if scenario is Scenario.CROSSING:
        return _across(for_s, place, chance), for_s
    straight = _approach(0.0, for_s, 640.0 + chance.uniform(-200, 200), sway)
    stop_s = for_s * chance.uniform(0.55, 0.75)
    if scenario is Scenario.STOP_AND_GO:
        stands_s = 3.0
        return _clocked(straight, lambda at_s: _stopping(at_s, stop_s, stands_s)), for_s + stands_s
    if scenario is Scenario.REVERSING:
        return _clocked(straight, lambda at_s: stop_s * math.sin(math.pi * at_s / (2 * stop_s))), 2 * stop_s
    return straight, for_s


def _approach(begin_s: float, for_s: float, x: float, sway: float) -> Course:
    """From far away until below the picture, at a steady speed on a level road."""

    def where(at_s: float) -> Pose | None:
        part = (at_s - begin_s) / for_s
        if not 0 <= part <= 1:
            return None
        # The distance falls evenly, and what is seen goes with its inverse.
        scale = FAR / (1 - (1 - FAR / 1.08) * part)
        down = (scale - FAR) / (1.08 - FAR)
        return Pose(x + sway * down, 170 + (SIZE[1] + 30 - 170) * down, scale)

    return where


def _across(for_s: float, place: int, chance: random.Random) -> Course:
    """Through the picture from side to side, the first one to the right and nearer, the second one to the left."""
    y, scale = (500.0, 0.95) if place == 0 else (390.0, 0.8)
    slope = chance.uniform(-30, 30)

    def where(at_s: float) -> Pose | None:
        part = at_s / for_s
        if not 0 <= part <= 1:
            return None
        along = part if place == 0 else 1 - part
        return Pose(-150 + (SIZE[0] + 300) * along, y + slope * along, scale)

    return where


def _clocked(path: Course, clock: Callable[[float], float]) -> Course:
    """The path with another progress over time."""
    return lambda at_s: path(moment) if (moment := clock(at_s)) >= 0 else None


def _stopping(at_s: float, stop_s: float, stands_s: float) -> float:
    if at_s <= stop_s:
        return at_s
    return stop_s if at_s <= stop_s + stands_s else at_s - stands_s


def _centre(vehicle: Vehicle, moment: float, otherwise: float) -> tuple[float, float]:
    pose = vehicle.path(moment) or vehicle.path(otherwise)
    assert pose is not None
    return pose.x, pose.y


def _codec(settings: EncoderSettings) -> Callable[[Plane], Picture]:
    """Encodes and decodes one picture after the other."""
    if settings.encoding is Encoding.JPEG:
        return lambda plane: _decoded_jpeg(encode_jpeg(plane, settings.quality))
    encoder = H264Encoder(settings)
    decoder = av.CodecContext.create("h264", "r")
    decoder.options = {"flags": "low_delay"}
    decoder.thread_count = 1
    last: Picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)

    def through(plane: Plane) -> Picture:
        nonlocal last
        stream = b"".join(b"\0\0\0\1" + unit for unit in encoder.nal_units(plane, force_key=False))
        for frame in decoder.decode(av.Packet(stream)):
            assert isinstance(frame, av.VideoFrame)
            last = np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)
        return last

    return through


def _decoded_jpeg(data: bytes) -> Picture:
    picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, dtype=np.uint8)
