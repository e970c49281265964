"""What looking costs, side by side in one run: every pack and rapidocr's own pipeline on the same 1280x720 frames.

Times are processor time of one inference thread, so that neighbours on the machine hardly count, and every pipeline
takes its turn on each frame: ratios within one run hold, single figures are those of the machine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import cv2
import numpy as np

from inference.bench import Label, same_plate
from inference.motion import MotionGate
from inference.read import FILE_SETTINGS, load_picture
from inference.recognition import Polygon, Preset, Recognition, RecognitionSettings
from inference.recognizer import Recognizer
from inference.regions import grow, quad_of_box
from inference.shapes import OFTEN
from inference.thresholds import LEAST_GAP
from inference.types import Box, Frame, Picture

WIDTH, HEIGHT = 1280, 720
REFERENCE = "rapidocr"
SMALL_GAP = "small gap"
GATE = "motion gate"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
# What plate detectors are trained with and run at where nothing else is said.
PLAIN_PX = 416
# A plate's characters are about this share of its labelled height.
CHARACTERS = 0.7
# Installers set the height band with a hand's breadth of room to either side.
BAND = (0.8, 1.25)
# Sensor noise of a camera by day, grey levels.
NOISE = 2.0
FPS = 4
# A frame is read so many times, and one crop, which takes less than a millisecond, so many; the mean is told.
TIMES, CROP_TIMES = 3, 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Still:
    """A labelled photo as a camera of 1280x720 would send it; `box` in its pixels, where it is known."""

    label: Label
    picture: Picture
    box: Box | None

    @property
    def center(self) -> tuple[float, float]:
        """Of the plate; of the frame when nobody drew a box."""
        return self.box.center if self.box is not None else (WIDTH / 2, HEIGHT / 2)


@dataclass(slots=True, kw_only=True)
class Cost:
    """What one pipeline spent on every frame in one scenario, and how often it was right."""

    pipeline: str
    scenario: str
    cpu_ms: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)

    @property
    def mean_ms(self) -> float:
        return statistics.fmean(self.cpu_ms)

    @property
    def match(self) -> float | None:
        """The share of frames whose plate was read; None where nothing was to be read."""
        return statistics.fmean(self.right) if self.right else None


def still_of(label: Label) -> Still:
    """The photo scaled into the frame, the rest of the frame grey."""
    photo = load_picture(label.path)
    scale = min(WIDTH / photo.shape[1], HEIGHT / photo.shape[0])
    size = round(photo.shape[1] * scale), round(photo.shape[0] * scale)
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    picture = np.full((HEIGHT, WIDTH, 3), 114, np.uint8)
    picture[: size[1], : size[0]] = small
    box = label.box
    if box is not None:
        box = Box(x=box.x * scale, y=box.y * scale, width=box.width * scale, height=box.height * scale)
    return Still(label=label, picture=picture, box=box)


def quarter(still: Still) -> Polygon:
    """A quarter of the frame around the plate."""
    x, y = still.center
    left = min(max(x / WIDTH - 0.25, 0.0), 0.5)
    top = min(max(y / HEIGHT - 0.25, 0.0), 0.5)
    return ((left, top), (left + 0.5, top), (left + 0.5, top + 0.5), (left, top + 0.5))


def trimmed(still: Still, settings: RecognitionSettings) -> RecognitionSettings:
    """What an installer sets for this scene: a quarter of the frame and the height band of its characters."""
    if still.box is None:
        return settings
    height = still.box.height * CHARACTERS / HEIGHT
    return replace(
        settings,
        areas=(quarter(still),),
        character_height_min=height * BAND[0],
        character_height_max=height * BAND[1],
    )


@cache
def _rapidocr() -> Any:
    """Made once and kept: each of its models has an OpenVINO core, and cores must not go (`inference.models`)."""
    from rapidocr import EngineType, RapidOCR  # noqa: PLC0415  # for this comparison only

    engines = {f"{part}.engine_type": EngineType.OPENVINO for part in ("Det", "Cls", "Rec")}
    one = {"EngineConfig.openvino.inference_num_threads": 1, "Global.log_level": "critical"}
    return RapidOCR(params={**engines, **one})


class RapidOcr:
    """rapidocr's own pipeline on the same engine; its plate is its surest text that could be one."""

    def __init__(self) -> None:
        self._ocr = _rapidocr()

    def plate(self, picture: Picture) -> str:
        """The surest text of 4 to 10 letters and digits with a digit among them; empty when there is none."""
        answer: Any = self._ocr(picture)
        texts = zip(answer.scores or (), answer.txts or (), strict=True)
        plain = [(score, "".join(c for c in text.upper() if c.isascii() and c.isalnum())) for score, text in texts]
        return max((one for one in plain if 4 <= len(one[1]) <= 10 and any(map(str.isdigit, one[1]))), default=(0, ""))[
            1
        ]


def measure_costs(
    recognizers: Mapping[str, Recognizer],
    labels: Sequence[Label],
    *,
    modules: Mapping[str, tuple[str, ...]],
    fold: frozenset[str],
    reference: RapidOcr | None,
    on_photo: Callable[[], None] = lambda: None,
) -> list[Cost]:
    """Every pipeline in every scenario on every photo, taking turns."""
    costs: dict[tuple[str, str], Cost] = {}

    def run(name: str, scenario: str, still: Still, read: Callable[[], str], *, times: int = TIMES) -> None:
        # Compiling, and getting ready for shapes that a camera's frames keep, are no part of what a frame costs.
        for _ in range(OFTEN):
            read()
        cost = costs.setdefault((name, scenario), Cost(pipeline=name, scenario=scenario))
        started_s = time.process_time()
        for _ in range(times):
            text = read()
        cost.cpu_ms.append((time.process_time() - started_s) * 1000 / times)
        cost.right.append(same_plate(still.label, text, folded=still.label.group in fold))

    for label in labels:
        still = still_of(label)
        # Each photo stands for a camera, whose frames keep their shapes.
        for recognizer in recognizers.values():
            recognizer.forget_shapes()
        if reference is not None:
            run(REFERENCE, "whole", still, lambda still=still: reference.plate(still.picture))  # type: ignore[misc]
        for name, recognizer in recognizers.items():
            if recognizer.pack.file.detector.kind == "plates":
                run(name, "plain", still, lambda r=recognizer, p=still.picture: plain(r, p))  # type: ignore[misc]
            if still.box is not None:
                crop = partial(read_box, recognizer, still.picture, still.box)
                run(name, "reader", still, crop, times=CROP_TIMES)
            for scenario, settings in _scenarios(still, modules.get(label.group, ())):
                if scenario == "area":
                    # The shapes of whole frames took the room; a camera has the one or the other.
                    recognizer.forget_shapes()
                run(name, scenario, still, lambda s=settings, r=recognizer, p=still.picture: _best(r.recognize(p, s)))  # type: ignore[misc]
        on_photo()
    gate = Cost(pipeline=GATE, scenario="still")
    gate.cpu_ms = measure_gate(still_of(labels[0]).picture)
    return [*costs.values(), gate]


def plain(recognizer: Recognizer, picture: Picture) -> str:
    """What the networks of a plate pack give used plainly: a square at full size, one crop, no country's syntax."""
    side = max(picture.shape[:2])
    square = np.full((side, side, 3), 114, np.uint8)
    square[: picture.shape[0], : picture.shape[1]] = picture
    regions = recognizer.detector.detect(square, longest_px=PLAIN_PX)
    texts = [slots.raw_text for slots in recognizer.reader.read(picture, [region.quad for region in regions])]
    return texts[0] if texts else ""


def read_box(recognizer: Recognizer, picture: Picture, box: Box) -> str:
    """What the reader alone makes of the plate's labelled box, in one crop."""
    crop = recognizer.pack.file.reader.crops[0].model_dump()
    (slots,) = recognizer.reader.read(picture, [grow(quad_of_box(box), **crop)])
    return slots.raw_text


def _scenarios(still: Still, modules: tuple[str, ...]) -> Iterator[tuple[str, RecognitionSettings]]:
    whole = replace(FILE_SETTINGS, modules=modules)
    yield "whole", whole
    yield "fast", replace(whole, preset=Preset.FAST)
    yield "accurate", replace(whole, preset=Preset.ACCURATE)
    yield SMALL_GAP, replace(whole, stop_above=whole.discard_below + LEAST_GAP)
    if still.box is None:
        return
    yield "area", replace(whole, areas=(quarter(still),))
    yield "area+band", trimmed(still, whole)
    yield "fast a+b", trimmed(still, replace(whole, preset=Preset.FAST))


def _best(recognition: Recognition) -> str:
    return recognition.readings[0].plate.plate_number if recognition.readings else ""


def measure_gate(picture: Picture, *, frames: int = 100) -> list[float]:
    """Processor milliseconds of the motion gate per frame of a scene where nothing but the sensor's noise moves."""
    gate = MotionGate()
    spent = []
    for frame in noisy_frames(picture, frames):
        started_s = time.process_time()
        gate.moved(frame)
        spent.append((time.process_time() - started_s) * 1000)
    return spent[1:]


def noisy_frames(picture: Picture, count: int) -> Iterator[Frame]:
    """One scene again and again, as a sensor delivers it."""
    noise = np.random.default_rng(0)
    noisy = [with_noise(picture, noise) for _ in range(4)]
    for index in range(count):
        yield Frame(picture=noisy[index % 4], captured_at=EPOCH, monotonic_s=index / FPS, sequence=index)


def with_noise(picture: Picture, noise: np.random.Generator) -> Picture:
    """The picture as a sensor sees it."""
    grain = noise.normal(0, NOISE, picture.shape[:2])[..., None]
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def cost_curve(recognizer: Recognizer, still: Still) -> dict[str, list[tuple[float, float]]]:
    """Processor milliseconds over the frame's width (pixels) and over the searched share of the frame (0 to 1)."""
    by_width, by_area = [], []
    for width in (640, 1280, 1920, 2560, 3840):
        picture = np.asarray(cv2.resize(still.picture, (width, width * HEIGHT // WIDTH)), np.uint8)
        by_width.append((float(width), _cost(recognizer, picture, FILE_SETTINGS)))
    x, y = still.center
    for share in (0.0625, 0.125, 0.25, 0.5, 0.75, 1.0):
        side = share**0.5
        left, top = min(max(x / WIDTH - side / 2, 0.0), 1 - side), min(max(y / HEIGHT - side / 2, 0.0), 1 - side)
        area = ((left, top), (left + side, top), (left + side, top + side), (left, top + side))
        by_area.append((share, _cost(recognizer, still.picture, replace(FILE_SETTINGS, areas=(area,)))))
    return {"width_px": by_width, "area": by_area}


def _cost(recognizer: Recognizer, picture: Picture, settings: RecognitionSettings, *, times: int = 3) -> float:
    recognizer.recognize(picture, settings)
    spent = []
    for _ in range(times):
        started_s = time.process_time()
        recognizer.recognize(picture, settings)
        spent.append((time.process_time() - started_s) * 1000)
    return min(spent)
