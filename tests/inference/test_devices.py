"""A device that answers wrongly is refused by name, whatever part of it is wrong; AUTO goes on to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from inference.detector import PlateDetector, PlateMapDetector
from inference.devices import candidates, first_right
from inference.errors import DeviceStuck, PackError
from inference.models import Engine, Network, PerformanceHint
from inference.reader import ALPHABET, RowsReader
from inference.recognizer import RecognitionSettings, open_recognizer
from inference.selftest import KNOWN_TEXT, check_answers, checked_shapes, known_picture
from inference.types import Box


class WrongNetwork(Network):
    """Computes, and then shifts the answer: what a driver with a broken kernel does."""

    def __init__(self, network: Network) -> None:
        self.name, self.requests = network.name, network.requests
        self._network = network

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        return [np.roll(answer, answer.shape[-1] // 3, axis=-1) for answer in self._network.run(batch)]


class Machine:
    """A machine with a processor and a GPU that answers wrongly in the networks whose names hold `wrong`."""

    def __init__(self, wrong: str) -> None:
        self.wrong = wrong
        self.opened: list[str] = []

    def engine(self, *, device: str, **rest: Any) -> Engine:
        self.opened.append(device)
        return MachineEngine(self, device=device, **rest)


class MachineEngine(Engine):
    """All computing is the processor's; the GPU only shifts it."""

    def __init__(self, machine: Machine, *, device: str, **rest: Any) -> None:
        super().__init__(device=device, **rest)
        self._machine = machine
        self._processor = Engine(device="CPU", **rest)

    def devices(self) -> tuple[str, ...]:
        return ("CPU", "GPU")

    def compile(self, model: Any, *, name: str, keep: bool = True) -> Network:
        network = self._processor.compile(model, name=name, keep=keep)
        return WrongNetwork(network) if self.device == "GPU" and self._machine.wrong in name else network


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled models are kept between these tests, which would compile the same ones again and again."""
    return tmp_path_factory.getbasetemp() / "devices"


@pytest.mark.parametrize(
    ("wrong", "what"),
    [("reader", f"reader says .* where '{KNOWN_TEXT}' is drawn"), ("detector", "detector does not find")],
)
def test_a_device_that_computes_one_network_wrongly_is_refused_by_name(wrong: str, what: str, folder: Path) -> None:
    machine = Machine(wrong)
    with pytest.raises(PackError, match=f"ppocr answers wrongly on GPU: its {what}"):
        open_recognizer("ppocr", device="GPU", threads=1, data_dir=folder, open_engine=machine.engine)


def test_auto_passes_over_a_device_that_answers_wrongly_and_says_so(folder: Path) -> None:
    machine = Machine("reader")
    with capture_logs() as logs:
        recognizer = open_recognizer("ppocr", device="AUTO", threads=1, data_dir=folder, open_engine=machine.engine)
    assert recognizer.device == "CPU"
    assert machine.opened == ["AUTO", "GPU", "CPU"]
    (refused,) = [log for log in logs if log["event"] == "inference device refused"]
    assert refused["device"] == "GPU"
    assert KNOWN_TEXT in refused["error"]
    settings = RecognitionSettings(modules=("X_XX",), max_seconds_per_frame=None)
    assert recognizer.recognize(known_picture(), settings).readings[0].plate.plate_number == KNOWN_TEXT


class Broken:
    """A compiled model that a device takes and then cannot compute."""

    outputs = (0,)

    def create_infer_request(self) -> Broken:
        return self

    def start_async(self, inputs: Any, *, share_inputs: bool) -> None:
        pass

    def wait_for(self, timeout_ms: int) -> bool:
        raise RuntimeError("Exception from src/plugins/intel_gpu:\n[GPU] clEnqueueNDRangeKernel, CL_OUT_OF_RESOURCES")


class BrokenChip(MachineEngine):
    def compile(self, model: Any, *, name: str, keep: bool = True) -> Network:
        if self.device == "GPU":
            return Network(name=f"{name} on GPU", compiled=Broken(), requests=1)
        return super().compile(model, name=name, keep=keep)


def test_auto_passes_over_a_device_that_compiles_and_then_fails(folder: Path) -> None:
    def engine(*, device: str, **rest: Any) -> Engine:
        return BrokenChip(Machine(""), device=device, **rest)

    with capture_logs() as logs:
        assert open_recognizer("own", device="AUTO", threads=1, data_dir=folder, open_engine=engine).device == "CPU"
    (refused,) = [log for log in logs if log["event"] == "inference device refused"]
    assert "own detector on GPU fails ([GPU] clEnqueueNDRangeKernel, CL_OUT_OF_RESOURCES)" in refused["error"]


def test_an_answer_of_another_kind_is_refused_by_name() -> None:
    class Words:
        def run(self, batch: np.ndarray) -> list[np.ndarray]:
            return [np.zeros((1, 5), np.float32)]

    detector = PlateMapDetector(network=Words())
    reader = RowsReader(network=Words(), alphabet=ALPHABET, width_px=144, height_px=64)
    with pytest.raises(PackError, match=r"mine fails on CPU: its detector \(.*\); use another device"):
        check_answers(pack="mine", device="CPU", detector=detector, reader=reader, tight=False)


def test_auto_passes_over_a_device_that_hangs() -> None:
    def open_on(device: str) -> str:
        if device == "GPU":
            raise DeviceStuck("own reader on GPU: the device gave no answer within 30 s")
        return device

    assert first_right(("GPU", "CPU"), open_on) == "CPU"


@pytest.mark.parametrize(
    ("device", "offered", "tried"),
    [
        ("CPU", ("CPU", "GPU"), ("CPU",)),
        ("AUTO", ("CPU",), ("CPU",)),
        ("AUTO", ("CPU", "GPU.0", "GPU.1", "NPU"), ("GPU.1", "GPU.0", "CPU")),
        ("AUTO:NPU, CPU", ("CPU", "GPU", "NPU"), ("NPU", "CPU")),
        ("HETERO:GPU,CPU", ("CPU", "GPU"), ("HETERO:GPU,CPU",)),
    ],
)
def test_auto_is_a_list_of_devices(device: str, offered: tuple[str, ...], tried: tuple[str, ...]) -> None:
    assert candidates(device, offered) == tried


def test_when_no_device_can_be_used_each_says_why() -> None:
    def refuse(device: str) -> None:
        raise PackError(f"{device} is broken")

    with pytest.raises(PackError, match="GPU is broken; CPU is broken"):
        first_right(("GPU", "CPU"), refuse)


class Finds(Network):
    """A compiled detector that sees one plate at this place, or none."""

    def __init__(self, box: Box | None) -> None:
        self.box = box

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        if self.box is None:
            return [np.zeros((0, 7), np.float32)]
        return [np.array([[0, self.box.x, self.box.y, self.box.right, self.box.bottom, 0, 0.9]], np.float32)]


@pytest.mark.parametrize(
    ("seen", "is_right"),
    [
        (Box(x=102, y=101, width=78, height=20), True),
        (Box(x=200, y=100, width=80, height=20), False),
        (None, False),
    ],
)
def test_a_shape_compiled_later_must_find_what_the_processor_finds(seen: Box | None, is_right: bool) -> None:
    right = Finds(Box(x=100, y=100, width=80, height=20))
    compiled = []

    def opened(height: int, width: int) -> Network:
        compiled.append((height, width))
        return Finds(seen)

    shapes = checked_shapes(opened, lambda height, width: right, pack="fast-alpr", device="GPU")
    detector = PlateDetector(open_network=shapes)
    picture = np.zeros((224, 416, 3), np.uint8)
    if is_right:
        assert len(detector.detect(picture, longest_px=416)) == 1
        detector.detect(picture, longest_px=416)
        assert compiled == [(224, 416)]
    else:
        with pytest.raises(PackError, match=r"fast-alpr answers wrongly on GPU.*416x224"):
            detector.detect(picture, longest_px=416)


def test_latency_gives_one_picture_all_threads(folder: Path) -> None:
    recognizer = open_recognizer("ppocr", threads=2, hint=PerformanceHint.LATENCY, data_dir=folder)
    assert recognizer.at_once == 1
