"""One picture in, plates out: find regions, read them, let the country modules decide, say why not when not."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import cv2

from inference.areas import Window, of_few_shapes, search_longest_px, search_window
from inference.candidates import CandidateReader
from inference.close_up import CloseUp
from inference.decoding import Decoder, confusion
from inference.detector import Detector, PlateDetector, PlateMapDetector, TextLineDetector
from inference.devices import AUTO, candidates, first_right
from inference.fit import Part, characters_of, read_fitting
from inference.grids import fit_to_shape
from inference.models import Engine, Network, PerformanceHint, Runs
from inference.module_library import ModuleLibrary
from inference.modules import CountryModule, select_modules
from inference.packs import DEFAULT_PACK, ModelPack, default_data_dir, find_pack
from inference.rank import DEFAULT_WEIGHTS
from inference.reader import LineReader, Reader, RowsReader, SlotReader
from inference.reading import CHARACTER_SHARE, PlateReader, best_first, without_overlaps
from inference.recognition import Preset, Recognition, RecognitionSettings
from inference.selftest import OpenShape, check_answers, checked_shapes
from inference.shapes import Shape, ShapedNetwork
from inference.turns import working_s
from inference.types import Box, Picture, Reading, Rejection, RejectionReason, StageTimes

__all__ = ["Preset", "Recognition", "RecognitionSettings", "Recognizer", "open_recognizer"]


class Recognizer:
    """Reads plates with one model pack on one device. Safe from any thread; `recognize` blocks."""

    def __init__(
        self,
        *,
        pack: ModelPack,
        detector: Detector,
        reader: Reader,
        modules: Mapping[str, CountryModule],
        device: str = "CPU",
        at_once: int = 1,
        shaped: Sequence[ShapedNetwork] = (),
    ) -> None:
        self.pack = pack
        self.modules = modules
        self.device = device
        self.at_once = at_once
        """How many pictures are worked on at the same time; callers beyond that wait for each other."""
        self._detector = detector
        self._reader = reader
        self._shaped = tuple(shaped)
        self._decoders: dict[tuple[str, ...], Decoder] = {}
        self._lock = threading.Lock()

    @property
    def reader(self) -> Reader:
        """The reader by itself, for scoring it on known boxes."""
        return self._reader

    @property
    def detector(self) -> Detector:
        """The detector by itself, for fitting and scoring."""
        return self._detector

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        """Every plate in the picture, best first, and every find that did not become one."""
        limit = settings.max_seconds_per_frame
        deadline = None if limit is None else time.perf_counter() + limit
        found = look = Recognition()
        before: tuple[Box | None, int] | None = None
        for number, size in enumerate(self._looks(settings)):
            where = region if number < LOOKS_EVERYWHERE else _around(look, picture, region)
            window = search_window(picture, settings.areas, where, masks=settings.masks)
            if window is None:
                break
            longest_px = self._longest_px(window, settings, size)
            if (where, longest_px) == before:
                continue
            before = where, longest_px
            look = self._look(window, settings, longest_px, deadline)
            found = _merged(found, look, settings) if number else look
            if _enough(found) or (deadline is not None and time.perf_counter() > deadline):
                break
        return found

    def together(self, looks: Sequence[Reading | Rejection], settings: RecognitionSettings) -> Reading | None:
        """What this recogniser's looks at one plate in several pictures say together; None when that is nothing."""
        return self.plate_reader(settings).together(looks)

    def forget_shapes(self) -> None:
        """Make room for the shapes of another camera's pictures; crops have the same shapes everywhere."""
        for network in self._shaped:
            network.forget()

    def use_modules(self, modules: Mapping[str, CountryModule]) -> None:
        """Decide by these country modules from the next picture on."""
        with self._lock:
            if modules != self.modules:
                self.modules = modules
                self._decoders.clear()

    def check(self, settings: RecognitionSettings) -> None:
        """Raise ModuleError when the settings name a module that is not installed."""
        self._decoder(settings.modules)

    def _look(
        self, window: Window, settings: RecognitionSettings, longest_px: int, deadline: float | None
    ) -> Recognition:
        started = working_s()
        close_up = self.close_up(window, longest_px)
        regions = [close_up.whole(find) for find in self._detector.detect(window.picture, longest_px=longest_px)]
        detected = working_s()
        readings, rejections = self.plate_reader(settings).read(
            window, regions, settings, deadline=deadline, closer=close_up.look
        )
        done = working_s()
        stages = StageTimes(detect_ms=(detected - started) * 1000, read_ms=(done - detected) * 1000)
        return Recognition(readings=readings, rejections=rejections, stages=stages)

    def close_up(self, window: Window, longest_px: int) -> CloseUp:
        """Closer looks at what was found in the window at this size; none help a detector that is not scaled so."""
        longest = max(window.picture.shape[:2])
        scale = longest_px / longest if self.pack.file.detector.kind == "plate-map" else math.inf
        return CloseUp(detector=self._detector, picture=window.picture, scale=scale)

    def plate_reader(self, settings: RecognitionSettings) -> PlateReader:
        """The second half of recognition under these settings."""
        decoder, weights = self._decoder(settings.modules), _weights(self.pack)
        spec = self.pack.file
        candidates = CandidateReader(
            reader=self._reader,
            decoder=decoder,
            crops=[crop.model_dump() for crop in spec.reader.crops],
            weights=weights,
            max_bend=spec.reader.max_bend,
            finds_lines=spec.detector.kind == "text-lines",
        )
        return PlateReader(
            candidates=candidates,
            decoder=decoder,
            weights=weights,
            character_share=CHARACTER_SHARE[spec.detector.kind],
            smallest_character_px=spec.reader.smallest_character_px,
        )

    def _looks(self, settings: RecognitionSettings) -> tuple[float, ...]:
        """How large each look is, in what the settings scale by (`search_longest_px`)."""
        spec = self.pack.file.detector
        return (spec.character_px if settings.character_height_min else spec.longest_px).of(settings.preset)

    def _longest_px(self, window: Window, settings: RecognitionSettings, look: float) -> int:
        most_px = max(self.pack.file.detector.longest_px.of(settings.preset))
        return search_longest_px(window, settings, look=look, most_px=most_px)

    def _decoder(self, codes: tuple[str, ...]) -> Decoder:
        """Compiled once per set of modules: cameras of one site share it."""
        with self._lock:
            if codes not in self._decoders:
                modules = select_modules(codes, self.modules) if codes else tuple(self.modules.values())
                look_alikes = self.pack.file.reader.look_alikes or LOOK_ALIKES
                self._decoders[codes] = Decoder(modules=modules, confusion_matrix=confusion(look_alikes))
            return self._decoders[codes]


# "XY": how often a true X is read as Y, measured on labelled crops of many countries. O and 0, I and 1 are set higher:
# many countries draw them alike, and a reader of text in general cannot know. A pack may bring its own.
LOOK_ALIKES = {
    **{"O0": 0.4, "0O": 0.3, "I1": 0.25, "1I": 0.25},
    **{"Q0": 0.1, "QO": 0.03, "OQ": 0.02, "0Q": 0.005, "DO": 0.02, "D0": 0.01, "OD": 0.015, "0D": 0.01},
    **{"Z2": 0.04, "2Z": 0.01, "B8": 0.02, "8B": 0.02, "S5": 0.015, "5S": 0.015, "G6": 0.01, "6G": 0.01},
    **{"GC": 0.01, "VY": 0.01, "YV": 0.01, "LI": 0.01, "1L": 0.005, "MW": 0.005, "WM": 0.005},
}


# Another look is taken when nothing better than this was found. On 433 photos `own` reads the same with 0.6 and 0.3;
# `ppocr`, whose looks are dear, reads one of 218 less than with 0.6.
DOUBTFUL = 0.4
# The first look misses small plates, so the second searches everywhere as well. What neither saw a sign of, no larger
# look found in 433 pictures: those search around the finds, so many widths and heights to each side.
LOOKS_EVERYWHERE = 2
AROUND = 1.0, 3.0


def open_recognizer(
    pack: str = DEFAULT_PACK,
    *,
    device: str = "CPU",
    data_dir: Path | None = None,
    threads: int | None = None,
    hint: PerformanceHint = PerformanceHint.THROUGHPUT,
    open_engine: Callable[..., Engine] = Engine,
) -> Recognizer:
    """Load a pack, compile it for a device and check that it answers rightly; raises PackError with cause and cure.

    `threads` pictures are worked on at the same time; None or 0 is as many as the device is best at. OpenCV keeps to
    the thread that calls it from then on.
    Compiled models, installed packs and country modules of the user's own lie in `data_dir`.
    """
    # A picture is one thread's work. OpenCV's helpers wait for their next part at full speed: a fifth of all processor
    # time, and no picture is done sooner.
    cv2.setNumThreads(1)
    found = find_pack(pack, data_dir=data_dir)
    modules = ModuleLibrary.open(data_dir or default_data_dir()).modules
    cache_dir = (data_dir or default_data_dir()) / "model-cache"

    def open_on(name: str) -> Recognizer:
        engine = open_engine(device=name, threads=threads or 0, cache_dir=cache_dir, hint=hint)
        return _open_on(engine, found, modules)

    # Asking what there is wakes every driver of the machine, so only AUTO asks.
    offered = open_engine(device=device, threads=1, cache_dir=None).devices() if device.upper() == AUTO else ()
    return first_right(candidates(device, offered), open_on)


def _open_on(engine: Engine, found: ModelPack, modules: Mapping[str, CountryModule]) -> Recognizer:
    name, spec = found.file.name, found.file.reader
    reader_network, requests = _open_network(engine, found, "reader")
    networks: list[Runs] = []
    detector: Detector
    if found.file.detector.kind == "plates":
        detector = PlateDetector(open_network=_shapes(engine, found))
    else:
        detector_network, _ = _open_network(engine, found, "detector")
        networks.append(detector_network)
        finds_lines = found.file.detector.kind == "text-lines"
        detector = (TextLineDetector if finds_lines else PlateMapDetector)(network=detector_network)
    reader: Reader
    if spec.kind == "line":
        characters = characters_of(read_fitting(engine, found, "reader"), found)
        reader = LineReader(network=reader_network, characters=characters)
    elif spec.kind == "rows":
        reader = RowsReader(
            network=reader_network,
            alphabet=spec.alphabet,
            width_px=spec.width_px,
            height_px=spec.height_px,
            world=spec.world,
        )
    else:
        reader = SlotReader(
            network=reader_network,
            alphabet=spec.alphabet,
            pad=spec.pad,
            width_px=spec.width_px,
            height_px=spec.height_px,
        )
    tight = found.file.detector.kind == "text-lines"
    longest_px = round(min(480, *found.file.detector.longest_px.balanced))
    check_answers(pack=name, device=engine.device, detector=detector, reader=reader, tight=tight, longest_px=longest_px)
    return Recognizer(
        pack=found,
        detector=detector,
        reader=reader,
        modules=modules,
        device=engine.device,
        at_once=requests,
        shaped=[network for network in networks if isinstance(network, ShapedNetwork)],
    )


def _weights(pack: ModelPack) -> Mapping[str, float]:
    """The pack's own weights; one that has only a bias was never fitted."""
    return pack.file.likelihood if len(pack.file.likelihood) > 1 else DEFAULT_WEIGHTS


def _open_network(engine: Engine, pack: ModelPack, part: Part) -> tuple[Runs, int]:
    """A network for inputs of any shape, and how many pictures it works on at the same time."""
    name = f"{pack.file.name} {part}"
    general = engine.compile(read_fitting(engine, pack, part), name=name)
    if not engine.is_processor:
        # Other devices take seconds to compile a shape, and their drivers would have to be checked for each.
        return general, general.requests

    def compile_for(shape: Shape) -> Network:
        model = read_fitting(engine, pack, part)
        model.reshape(list(shape))
        return engine.compile(model, name=f"{name} {shape}", keep=False)

    return ShapedNetwork(general=general, compile_for=compile_for), general.requests


def _shapes(engine: Engine, pack: ModelPack) -> OpenShape:
    """How a detector's shapes are compiled; those of another device than the processor are checked against it."""
    opened = partial(_open_shape, engine, pack)
    if engine.is_processor:
        return opened
    reference = partial(_open_shape, engine.processor(), pack)
    return checked_shapes(opened, reference, pack=pack.file.name, device=engine.device)


def _open_shape(engine: Engine, pack: ModelPack, height: int, width: int) -> Network:
    model = fit_to_shape(read_fitting(engine, pack, "detector"), height=height, width=width)
    return engine.compile(model, name=f"{pack.file.name} detector {width}x{height}")


def _enough(found: Recognition) -> bool:
    """Whether a look gave what a closer one would give; most plates are large enough for the first."""
    return bool(found.readings) and found.readings[0].likelihood >= DOUBTFUL


def _around(look: Recognition, picture: Picture, region: Box | None) -> Box:
    """Where in the region something was found that may be a plate; an empty box where nothing was."""
    finds = [reading.box for reading in look.readings]
    finds += [refused.box for refused in look.rejections if refused.reason is not RejectionReason.STATIC_TEXT]
    if not finds:
        return Box(x=0, y=0, width=0, height=0)
    left = min(box.x - AROUND[0] * box.width for box in finds)
    top = min(box.y - AROUND[1] * box.height for box in finds)
    right = max(box.right + AROUND[0] * box.width for box in finds)
    bottom = max(box.bottom + AROUND[1] * box.height for box in finds)
    height, width = picture.shape[:2]
    around = of_few_shapes(Box(x=left, y=top, width=right - left, height=bottom - top), width, height)
    return around if region is None else around.within(region)


def _merged(first: Recognition, second: Recognition, settings: RecognitionSettings) -> Recognition:
    """Both looks together: the surer reading of each place, and refusals only where nothing was read."""
    readings = without_overlaps(sorted((*first.readings, *second.readings), key=best_first, reverse=True))
    rejections = [
        rejection
        for rejection in (*second.rejections, *first.rejections)
        if not any(rejection.box.overlap(reading.box) > 0 for reading in readings)
    ]
    return Recognition(
        readings=tuple(readings[: settings.max_plates]),
        rejections=tuple(rejections),
        stages=StageTimes(
            detect_ms=first.stages.detect_ms + second.stages.detect_ms,
            read_ms=first.stages.read_ms + second.stages.read_ms,
        ),
    )
