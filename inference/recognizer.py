"""One picture in, plates out: find regions, read them, let the country modules decide, say why not when not."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from inference.areas import Window, search_longest_px, search_window
from inference.decoding import Decoder, confusion
from inference.detector import Detector, PlateDetector, TextLineDetector
from inference.models import Engine
from inference.modules import CountryModule, installed_modules, select_modules
from inference.packs import ModelPack, default_data_dir, find_pack
from inference.reader import LineReader, Reader, SlotReader
from inference.reading import PlateReader
from inference.recognition import Preset, Recognition, RecognitionSettings
from inference.types import Box, Picture, StageTimes

__all__ = ["Preset", "Recognition", "RecognitionSettings", "Recognizer", "open_recognizer"]


class Recognizer:
    """Reads plates with one model pack on one device. Safe from any thread; `recognize` blocks."""

    def __init__(
        self, *, pack: ModelPack, detector: Detector, reader: Reader, modules: dict[str, CountryModule]
    ) -> None:
        self.pack = pack
        self.modules = modules
        self._detector = detector
        self._reader = reader
        self._decoders: dict[tuple[str, ...], Decoder] = {}
        self._lock = threading.Lock()

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        """Every plate in the picture, best first, and every find that did not become one."""
        window = search_window(picture, settings.areas, region)
        if window is None:
            return Recognition()
        started = time.perf_counter()
        regions = self._detector.detect(window.picture, longest_px=self._longest_px(window, settings))
        detected = time.perf_counter()
        deadline = None if settings.max_seconds_per_frame is None else started + settings.max_seconds_per_frame
        plates = PlateReader(reader=self._reader, decoder=self._decoder(settings.modules))
        readings, rejections = plates.read(window, regions, settings, deadline=deadline)
        done = time.perf_counter()
        stages = StageTimes(detect_ms=(detected - started) * 1000, read_ms=(done - detected) * 1000)
        return Recognition(readings=readings, rejections=rejections, stages=stages)

    def _longest_px(self, window: Window, settings: RecognitionSettings) -> int:
        spec = self.pack.file.detector
        whole_px: int = getattr(spec.longest_px, settings.preset.value)
        return search_longest_px(window, settings, whole_px=whole_px, character_px=spec.character_px)

    def _decoder(self, codes: tuple[str, ...]) -> Decoder:
        """Compiled once per set of modules: cameras of one site share it."""
        with self._lock:
            if codes not in self._decoders:
                modules = select_modules(codes, self.modules) if codes else tuple(self.modules.values())
                self._decoders[codes] = Decoder(modules=modules, confusion_matrix=confusion(LOOK_ALIKES))
            return self._decoders[codes]


LOOK_ALIKES = {"O0": 0.7, "I1": 0.7, "Q0": 0.2, "D0": 0.05, "B8": 0.1, "S5": 0.05, "Z2": 0.05, "G6": 0.03, "OQ": 0.1}


def open_recognizer(
    pack: str = "ppocr",
    *,
    device: str = "CPU",
    data_dir: Path | None = None,
    threads: int | None = None,
    modules_dir: Path | None = None,
) -> Recognizer:
    """Load a pack, compile it for a device and check that it answers rightly; raises PackError with cause and cure."""
    found = find_pack(pack, data_dir=data_dir)
    cache_dir = (data_dir or default_data_dir()) / "model-cache"
    engine = Engine(device=device, threads=threads or max(1, (os.cpu_count() or 1)), cache_dir=cache_dir)
    detector_model, reader_model = engine.read(found.detector_path), engine.read(found.reader_path)
    detector_network = engine.compile(detector_model, name=f"{pack} detector")
    reader_network = engine.compile(reader_model, name=f"{pack} reader")
    detector: Detector
    if found.file.detector.kind == "text-lines":
        detector = TextLineDetector(network=detector_network)
    else:
        shape = detector_model.inputs[0].get_partial_shape()
        detector = PlateDetector(
            network=detector_network, input_height=shape[2].get_length(), input_width=shape[3].get_length()
        )
    reader: Reader
    spec = found.file.reader
    if spec.kind == "line":
        dictionary = reader_model.rt_info["framework"]["character"].astype(str).split("\n")
        reader = LineReader(network=reader_network, characters=dictionary)
    else:
        reader = SlotReader(
            network=reader_network,
            alphabet=spec.alphabet,
            pad=spec.pad,
            width_px=spec.width_px,
            height_px=spec.height_px,
        )
    return Recognizer(pack=found, detector=detector, reader=reader, modules=installed_modules(modules_dir))
