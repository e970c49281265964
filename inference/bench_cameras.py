"""What cameras cost: one camera's clip by share of motion, and many cameras that really run together.

Cameras of one run share one recogniser and one thread for it, as in the service; each has its own decode thread and
motion gate and plays at its own pace. Processor time is that of the whole process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import psutil

from inference.bench_speed import EPOCH, FPS, HEIGHT, WIDTH, Still, trimmed, with_noise
from inference.motion import KNOWN_AFTER_S
from inference.recognition import Recognition, RecognitionSettings
from inference.recognizer import Recognizer
from inference.source import Source, open_source
from inference.types import Frame, Picture
from inference.video import watch_video
from inference.watch import Reads, Watch, WatchSettings, watch_settings

# The usual share of frames with motion at a gate.
USUAL_SHARE = 0.05
# At first every camera looks, as nothing is known yet; that is over when each has skipped a frame and knows its scene.
SETTLE_WITHIN_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is filmed and watched."""

    clip_s: int = 60
    motion_shares: tuple[float, ...] = (0.0, USUAL_SHARE, 0.2, 0.5)
    camera_counts: tuple[int, ...] = (1, 2, 4, 8, 16)
    fleet_clip_s: int = 20
    fleet_clips: int = 8
    """Cameras that run together show their vehicles at different times: one clip for so many of them."""
    fleet_settle_s: float = KNOWN_AFTER_S
    """How long they run before they are measured: until each knows its scene."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraCost:
    """Processor time for one camera's clip: all of it, decoding alone, and what that means per core."""

    pipeline: str
    motion_share: float
    trimmed: bool
    looks: int
    cpu_s: float
    decode_cpu_s: float
    seconds: float

    @property
    def cameras_per_core(self) -> float:
        return self.seconds / self.cpu_s


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetCost:
    """What so many cameras cost that ran together for so many seconds."""

    pipeline: str
    cameras: int
    seconds: float
    cpu_s: float
    frames: int
    """Frames that went through the motion gate; those a camera could not take in time are not among them."""
    looks: int
    memory_mb: float
    """What all these cameras added to the process, MiB."""

    @property
    def cameras_per_core(self) -> float:
        """Cameras at full rate that one core would do; frames that were left out count as not done."""
        return self.frames / FPS / self.cpu_s

    @property
    def frames_per_second(self) -> float:
        """Of each camera."""
        return self.frames / self.cameras / self.seconds


def measure_cameras(
    recognizers: Mapping[str, Recognizer], still: Still, folder: Path, extent: Extent
) -> list[CameraCost]:
    """One camera's clip for each share of motion, on the whole frame and with area and height band."""
    costs = []
    for share in extent.motion_shares:
        clip = folder / f"{share}.mp4"
        write_clip(still, clip, motion_share=share, seconds=extent.clip_s)
        for name, recognizer in recognizers.items():
            for trim in (False, True) if still.box is not None else (False,):
                costs.append(measure_camera(name, recognizer, clip, still, motion_share=share, trim=trim))
    return costs


def measure_camera(
    name: str, recognizer: Recognizer, clip: Path, still: Still, *, motion_share: float, trim: bool
) -> CameraCost:
    """One camera's clip, H.264 to passages, by the code that watches cameras."""
    recognition = RecognitionSettings(max_seconds_per_frame=None)
    settings = watch_settings(trimmed(still, recognition) if trim else recognition)
    looks = 0

    def count(_frame: Frame, _recognition: Recognition) -> None:
        nonlocal looks
        looks += 1

    decode_cpu_s, frames = measure_decoding(clip)
    started_s = time.process_time()
    for _ in watch_video(clip, recognizer, settings, epoch=EPOCH, on_look=count):
        pass
    cpu_s = time.process_time() - started_s
    return CameraCost(
        pipeline=name,
        motion_share=motion_share,
        trimmed=trim,
        looks=looks,
        cpu_s=cpu_s,
        decode_cpu_s=decode_cpu_s,
        seconds=frames / FPS,
    )


def measure_decoding(clip: Path) -> tuple[float, int]:
    """Processor seconds to decode a clip into pictures, and how many there are."""
    frames = 0
    started_s = time.process_time()
    with av.open(str(clip)) as container:
        container.streams.video[0].thread_count = 1
        for decoded in container.decode(video=0):
            decoded.to_ndarray(format="bgr24")
            frames += 1
    return time.process_time() - started_s, frames


def write_fleet_clips(still: Still, folder: Path, extent: Extent) -> list[Path]:
    """Clips with the usual share of motion, each at another time."""
    clips = []
    for number in range(extent.fleet_clips):
        clips.append(folder / f"camera-{number}.mp4")
        write_clip(
            still,
            clips[-1],
            motion_share=USUAL_SHARE,
            seconds=extent.fleet_clip_s,
            at=(number + 0.5) / extent.fleet_clips,
        )
    return clips


def measure_fleet(
    name: str,
    recognizer: Reads,
    clips: Sequence[Path],
    count: int,
    *,
    seconds: float,
    settle_s: float = KNOWN_AFTER_S,
) -> FleetCost:
    """So many cameras together for so long: once through their clips, so that each shows its vehicle once."""
    chosen = [clips[number % len(clips)] for number in range(count)]
    return asyncio.run(_fleet(name, recognizer, chosen, seconds, settle_s))


async def _fleet(name: str, recognizer: Reads, clips: Sequence[Path], seconds: float, settle_s: float) -> FleetCost:
    settings = watch_settings(RecognitionSettings(max_seconds_per_frame=None))
    before = psutil.Process().memory_info().rss
    with ThreadPoolExecutor(1, thread_name_prefix="bench recogniser") as executor:
        cameras = [_Camera(str(number), clip, recognizer, settings, executor) for number, clip in enumerate(clips)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one.watch.run(), name=f"bench camera {one.name}") for one in cameras]
            # A machine too slow for so many cameras never settles; its figure then shows the frames left out.
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_WITHIN_S):
                    for camera in cameras:
                        await camera.settled.wait()
                    await asyncio.sleep(settle_s)
            started = _Tally.of(cameras)
            await asyncio.sleep(seconds)
            ended = _Tally.of(cameras)
            memory_mb = (psutil.Process().memory_info().rss - before) / 2**20
            for task in tasks:
                task.cancel()
    return FleetCost(
        pipeline=name,
        cameras=len(clips),
        seconds=ended.at_s - started.at_s,
        cpu_s=ended.cpu_s - started.cpu_s,
        frames=ended.frames - started.frames,
        looks=ended.looks - started.looks,
        memory_mb=memory_mb,
    )


class _Camera:
    """One camera of the fleet, and how much it did."""

    def __init__(
        self, name: str, clip: Path, recognizer: Reads, settings: WatchSettings, executor: ThreadPoolExecutor
    ) -> None:
        self.name = name
        self.frames = self.looks = 0
        self.settled = asyncio.Event()
        self.watch = Watch(
            source=_source(clip, name),
            recognizer=recognizer,
            settings=settings,
            executor=executor,
            on_passage=lambda _: None,
            on_frame=self._count,
            name=name,
        )

    def _count(self, _: Frame, recognition: Recognition | None) -> None:
        self.frames += 1
        self.looks += recognition is not None
        if recognition is None:
            self.settled.set()


def _source(clip: Path, name: str) -> Source:
    return open_source(clip, name=f"bench {name}", loop=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tally:
    at_s: float
    cpu_s: float
    frames: int
    looks: int

    @classmethod
    def of(cls, cameras: Sequence[_Camera]) -> _Tally:
        return cls(
            at_s=time.monotonic(),
            cpu_s=time.process_time(),
            frames=sum(camera.frames for camera in cameras),
            looks=sum(camera.looks for camera in cameras),
        )


def write_clip(still: Still, path: Path, *, motion_share: float, seconds: float, at: float = 0.5) -> None:
    """A 720p H.264 camera at 4 frames a second: an empty scene, then around `at` a vehicle for its share of frames."""
    noise = np.random.default_rng(0)
    empty = cv2.GaussianBlur(still.picture, (0, 0), 25)
    count = round(FPS * seconds)
    moving = round(count * motion_share)
    first = min(max(0, round(count * at) - moving // 2), count - moving)
    with _encoder(path) as encode:
        for index in range(count):
            step = index - first
            scene = _passing(empty, still.picture, step / max(moving, 1)) if 0 <= step < moving else empty
            encode(with_noise(scene, noise))


@contextmanager
def _encoder(path: Path) -> Iterator[Callable[[Picture], None]]:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size = FPS
        stream.time_base = Fraction(1, FPS)
        count = 0

        def encode(picture: Picture) -> None:
            nonlocal count
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = count
            count += 1
            container.mux(stream.encode(frame))

        yield encode
        container.mux(stream.encode(None))


def _passing(empty: Picture, vehicle: Picture, progress: float) -> Picture:
    """The vehicle's picture slides through the frame from left to right, in full view half-way."""
    shift = round((progress * 2 - 1) * WIDTH)
    scene = empty.copy()
    if shift < 0:
        scene[:, : WIDTH + shift] = vehicle[:, -shift:]
    else:
        scene[:, shift:] = vehicle[:, : WIDTH - shift]
    return scene
