"""Model packs: which weights, from where, under which licence, and how to run them.

A pack is a folder with a `pack.toml`. Its weights lie beside it, inside an installed Python package (`package`), or in
the user's data directory after `onvif-lpr models install`. A file whose sha256 differs from the pack's is refused.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import string
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from inference.errors import PackError
from inference.modules import WorldPart
from inference.recognition import Preset

DEFAULT_PACK = "own"
PACKS_DIR = Path(__file__).parent / "packs"

CHARACTERS = frozenset(string.digits + string.ascii_uppercase)
"""What a reader must be able to say."""
FEATURES = frozenset(
    {
        *("bias", "margin", "fit", "fit_per_character", "syntax", "worst", "extra", "only_letters", "only_digits"),
        *("short", "wide", "narrow", "small", "large", "found", "contrast", "sharpness", "dark_on_light", "tilt"),
    }
)
"""What `inference.rank.features` measures, named here so that a pack can be checked without its networks."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Px = Annotated[float, Field(ge=4, le=4096)]
_Looks = Annotated[tuple[_Px, ...], Field(min_length=1, max_length=4)]


class Looks(_Strict):
    """How large to look, per preset: one look after another until something sure is read."""

    fast: _Looks
    balanced: _Looks
    accurate: _Looks

    def of(self, preset: Preset) -> tuple[float, ...]:
        """The looks of one preset."""
        looks: tuple[float, ...] = getattr(self, preset.value)
        return looks


class Download(_Strict):
    """Where a network's file can be had, and how it must come."""

    file: str
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
    sha256: Sha256
    size_bytes: Annotated[int, Field(gt=0, le=512 * 2**20)]


class _Weights(_Strict):
    """Files of one network. OpenVINO's own format keeps the numbers apart from the graph: `numbers` beside `file`."""

    file: str
    sha256: Sha256
    numbers: str | None = None
    numbers_sha256: Sha256 | None = None
    download: Download | None = None
    """What its project releases: `file` itself, or another export of the same network that stands in for it."""

    @model_validator(mode="after")
    def _numbers_are_checked(self) -> Self:
        if (self.numbers is None) != (self.numbers_sha256 is None):
            raise ValueError("numbers and numbers_sha256 come together or not at all")
        return self

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """Name and digest of each file, the graph first."""
        named = ((self.file, self.sha256), (self.numbers, self.numbers_sha256))
        return tuple((name, digest) for name, digest in named if name and digest)

    @property
    def variants(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """The sets of files that will do, the best known first."""
        released = self.download
        other = released is not None and (released.file, released.sha256) != (self.file, self.sha256)
        return (self.files, ((released.file, released.sha256),)) if released and other else (self.files,)


class DetectorSpec(_Weights):
    """How to find."""

    kind: Literal["text-lines", "plates", "plate-map"]
    longest_px: Looks
    """The longer side in pixels that a whole picture is scaled to while no character height is set."""
    character_px: Looks
    """The height in pixels that the lowest character of the camera's height band is scaled to."""


class Crop(_Strict):
    """How a region's sides move before it is read, as fractions of its width and height; negative is inwards."""

    left: Annotated[float, Field(ge=-0.4, le=0.6)] = 0.0
    right: Annotated[float, Field(ge=-0.4, le=0.6)] = 0.0
    top: Annotated[float, Field(ge=-0.4, le=0.6)] = 0.0
    bottom: Annotated[float, Field(ge=-0.4, le=0.6)] = 0.0


class ReaderSpec(_Weights):
    """How to read."""

    kind: Literal["line", "slots", "rows"]
    alphabet: str = ""
    pad: str = ""
    width_px: Annotated[int, Field(ge=0, le=1024)] = 0
    height_px: Annotated[int, Field(ge=0, le=1024)] = 0
    smallest_character_px: Annotated[float, Field(ge=0, le=100)] = 0
    """Lower characters (pixels in the picture) are refused as too small rather than guessed."""
    crops: Annotated[tuple[Crop, ...], Field(min_length=1, max_length=9)] = (Crop(),)
    """The first crop of every region is read; the others of those that may be plates."""
    look_alikes: dict[
        Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{2}$")], Annotated[float, Field(ge=0, lt=1)]
    ] = {}
    """"XY": how often this reader takes a true X for Y although it is sure; replaces `recognizer.LOOK_ALIKES`."""
    world: tuple[WorldPart, ...] = ()
    """Parts of the world that the reader tells by a plate's look, in the order of its second output."""
    max_bend: Annotated[float, Field(ge=0, le=20)] = 4.5
    """A syntax may overrule the reader by this much in all (log likelihood): 4.5 is two or three look-alikes, not a
    rewritten text. The better the reader, the less."""

    @model_validator(mode="after")
    def _says_what_its_network_takes(self) -> Self:
        if self.kind == "line":
            return self  # it is as wide as the line, and its file has the alphabet
        if not (self.width_px and self.height_px):
            raise ValueError(f'a reader of kind "{self.kind}" needs the width_px and height_px of its pictures')
        if lacking := "".join(sorted(CHARACTERS - set(self.alphabet))):
            raise ValueError(f"the alphabet lacks {lacking}: all of 0-9 and A-Z are needed, in the network's order")
        if len(set(self.alphabet)) != len(self.alphabet):
            raise ValueError("the alphabet has a character twice")
        if self.kind == "slots" and (len(self.pad) != 1 or self.pad not in self.alphabet):
            raise ValueError(
                'a reader of kind "slots" needs its pad: the character of the alphabet that says "nothing"'
            )
        return self


class PackFile(_Strict):
    """What `pack.toml` says."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,32}$")]
    title: str
    licence: str
    source: str
    package: str | None = None
    detector: DetectorSpec
    reader: ReaderSpec
    likelihood: dict[str, float] = {}
    """Weights of `inference.rank.features`; all of `DEFAULT_WEIGHTS` where there is none but `bias`."""

    @field_validator("likelihood")
    @classmethod
    def _weighs_what_there_is(cls, weights: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(set(weights) - FEATURES):
            raise ValueError(f"there is no {', no '.join(unknown)}; there are {', '.join(sorted(FEATURES))}")
        return weights


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPack:
    """A pack whose weights were found and are the ones the pack names."""

    file: PackFile
    detector_path: Path
    reader_path: Path


def pack_names(data_dir: Path | None = None) -> tuple[str, ...]:
    """Every pack that has a `pack.toml`, installed or not."""
    folders = [PACKS_DIR, *([_models_dir(data_dir)] if data_dir else [])]
    return tuple(sorted({path.parent.name for folder in folders for path in folder.glob("*/pack.toml")}))


def find_pack(name: str, *, data_dir: Path | None = None) -> ModelPack:
    """The pack with verified weights; raises PackError saying how to get them."""
    described = describe_pack(name, data_dir=data_dir)
    folder = _weights_dir(described, name, data_dir)
    detector, reader = (_find_weights(described, spec, folder) for spec in (described.detector, described.reader))
    return ModelPack(file=described, detector_path=detector, reader_path=reader)


def describe_pack(name: str, *, data_dir: Path | None = None) -> PackFile:
    """What the pack's `pack.toml` says, whether or not its weights are there."""
    path = _pack_dir(name, data_dir) / "pack.toml"
    if path.is_file():
        return _parse(path)
    raise PackError(f"there is no model pack {name!r}; there are {', '.join(pack_names(data_dir))}")


def pack_problem(name: str, *, data_dir: Path | None = None) -> str:
    """Why a pack cannot be used now, in words; empty when its weights are installed and whole."""
    try:
        find_pack(name, data_dir=data_dir)
    except PackError as error:
        return str(error)
    return ""


def install_pack(name: str, *, source_dir: Path, data_dir: Path | None = None) -> PackFile:
    """Copy a pack's weights from a folder into the data directory, refusing files whose sha256 is not the pack's.

    The caller shows `licence` and `source` of the result.
    """
    described = describe_pack(name, data_dir=data_dir)
    if described.package is not None:
        raise PackError(f"the weights of {name} come with the Python package {described.package}; nothing to install")
    if not source_dir.is_dir():
        raise PackError(f"{source_dir} is no folder that there is")
    target = _models_dir(data_dir) / name
    files = [one for spec in (described.detector, described.reader) for one in _present(spec, source_dir)]
    for file, digest in files:
        path = source_dir / file
        if not path.is_file():
            raise PackError(f"{source_dir} has no {file}; download it from {described.source}")
        if _sha256(path) != digest:
            raise PackError(f"{path} is not the file the pack {name} names (its sha256 differs); download it again")
    target.mkdir(parents=True, exist_ok=True)
    for file, _ in files:
        # A file appears whole or not at all, also when the disk fills or the power goes.
        part = target / f"{file}.part"
        shutil.copyfile(source_dir / file, part)
        part.replace(target / file)
    return described


def default_data_dir() -> Path:
    """Where a user's own models live when no data directory is given."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "onvif-lpr"


def _models_dir(data_dir: Path | None) -> Path:
    return (data_dir or default_data_dir()) / "models"


def _pack_dir(name: str, data_dir: Path | None) -> Path:
    """Where the pack's `pack.toml` is: one of the user's own replaces ours of that name."""
    own = _models_dir(data_dir) / name
    return own if data_dir is not None and (own / "pack.toml").is_file() else PACKS_DIR / name


def _weights_dir(described: PackFile, name: str, data_dir: Path | None) -> Path:
    if described.package is None:
        beside = _pack_dir(name, data_dir)
        return beside if (beside / described.detector.file).is_file() else _models_dir(data_dir) / name
    # Finding a package without importing it: rapidocr would load its own engines.
    try:
        spec = importlib.util.find_spec(described.package)
    except (ImportError, ValueError):  # of a package in another that is not there; of no name at all
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise PackError(f"the Python package {described.package} is not installed; {_cure(described)}")
    return Path(next(iter(spec.submodule_search_locations)))


def _present(spec: _Weights, folder: Path) -> tuple[tuple[str, str], ...]:
    """The best known set of files that the folder has; what is asked for first when it has none."""
    return next((files for files in spec.variants if (folder / files[0][0]).is_file()), spec.files)


def _find_weights(described: PackFile, spec: _Weights, folder: Path) -> Path:
    files = _present(spec, folder)
    for file, digest in files:
        path = folder / file
        if not path.is_file():
            raise PackError(f"the pack {described.name} lacks {path.name} (looked in {folder}); {_cure(described)}")
        if _sha256(path) != digest:
            raise PackError(
                f"{path} is not the file the pack {described.name} names (its sha256 differs); {_cure(described)}"
            )
    return folder / files[0][0]


def _cure(described: PackFile) -> str:
    if described.package is not None:
        return f"run: pip install {described.package}"
    if described.detector.download and described.reader.download:
        return f"run: onvif-lpr models install {described.name}"
    return f"run: onvif-lpr models install {described.name} --from DIR (files of {described.source})"


def _parse(path: Path) -> PackFile:
    try:
        return PackFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PackError(f"{path} is no valid pack: {wrong}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
