"""Does a network fit its pack? Its input and output are compared with what its kind in `pack.toml` says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from inference.errors import PackError
from inference.models import Engine
from inference.packs import DetectorSpec, ModelPack, ReaderSpec
from inference.reader import LineReader

Part = Literal["detector", "reader"]
Shape = tuple[int, ...]
ANY = -1

_DETECTORS: dict[str, tuple[Shape, Shape]] = {
    "text-lines": ((ANY, 3, ANY, ANY), (ANY, 1, ANY, ANY)),
    "plates": ((ANY, 3, ANY, ANY), (ANY, 7)),
    "plate-map": ((ANY, ANY, ANY, 3), (ANY, 13, ANY, ANY)),
}


def read_fitting(engine: Engine, pack: ModelPack, part: Part) -> Any:
    """The uncompiled model of a part; raises PackError when it takes or gives other numbers than the pack says."""
    spec, path = _part(pack, part)
    model, (takes, gives) = engine.read(path), _expected(spec)
    taken, given = model.inputs[0].partial_shape, model.outputs[0].partial_shape
    if not (_fits(taken, takes) and _fits(given, gives)):
        raise PackError(
            f'{path} is no {part} of kind "{spec.kind}" as the pack {pack.file.name} says: it takes {taken} and gives'
            f" {given}, where {_said(takes)} and {_said(gives)} are needed; {_cure(pack, part)}"
        )
    return model


def characters_of(model: Any, pack: ModelPack) -> list[str]:
    """The characters that a reader of lines brings in its file, in the order of its classes from 1 on."""
    if not model.has_rt_info(["framework", "character"]):
        raise PackError(
            f'{pack.reader_path} does not say which characters it reads (the metadata "character"), as a reader of kind'
            f' "line" must; {_cure(pack, "reader")}'
        )
    return list(model.rt_info["framework"]["character"].astype(str).split("\n"))


def _part(pack: ModelPack, part: Part) -> tuple[DetectorSpec | ReaderSpec, Path]:
    if part == "detector":
        return pack.file.detector, pack.detector_path
    return pack.file.reader, pack.reader_path


def _cure(pack: ModelPack, part: Part) -> str:
    return f"correct [{part}] in the pack.toml of {pack.file.name} (kind, sizes, alphabet), or name another file there"


def _expected(spec: DetectorSpec | ReaderSpec) -> tuple[Shape, Shape]:
    """What the network takes and gives first, as `inference.detector` and `inference.reader` use it."""
    if isinstance(spec, DetectorSpec):
        return _DETECTORS[spec.kind]
    height, width, classes = spec.height_px, spec.width_px, len(spec.alphabet)
    if spec.kind == "line":
        return (ANY, 3, LineReader.height_px, ANY), (ANY, ANY, ANY)
    if spec.kind == "slots":
        return (ANY, height, width, 3), (ANY, ANY, classes)
    return (ANY, height, width, 1), (ANY, 2, ANY, classes + 1)


def _fits(shape: Any, wanted: Shape) -> bool:
    if shape.rank.is_dynamic:
        return True
    sizes = [ANY if size.is_dynamic else size.get_length() for size in shape]
    return len(sizes) == len(wanted) and all(
        ANY in pair or pair[0] == pair[1] for pair in zip(sizes, wanted, strict=True)
    )


def _said(wanted: Shape) -> str:
    """As OpenVINO writes shapes."""
    return f"[{','.join('?' if size == ANY else str(size) for size in wanted)}]"
