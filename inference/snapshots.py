"""The snapshot set of one camera: pictures of real vehicles at the site, tagged, approved or rejected by a person.

Approved snapshots with their plates are the truth that validation measures against and auto-configuration works from.
A folder per camera holds the pictures as they came and `index.json`; a picture is named after its content, so the same
file imported twice is one snapshot.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from inference.picture_files import PictureFile, PictureRefused, open_picture
from inference.types import Picture, as_read

# The manual asks for five to ten; a hundred cover every weather, light and vehicle, and bound what a run costs.
MOST_SNAPSHOTS = 100
RECOMMENDED = 5
# The widest road a camera reads shows fewer plates than this at once.
MOST_PLATES = 20
INDEX = "index.json"
_NAME = re.compile(r"[0-9a-f]{16}\.(jpg|png)")


class Weather(StrEnum):
    SUN = "sun"
    CLOUDS = "clouds"
    RAIN = "rain"
    SNOW = "snow"
    FOG = "fog"


class Light(StrEnum):
    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"
    BACKLIGHT = "backlight"


class VehicleType(StrEnum):
    CAR = "car"
    VAN = "van"
    TRUCK = "truck"
    BUS = "bus"
    MOTORCYCLE = "motorcycle"


class Approval(StrEnum):
    """What a person said about a snapshot."""

    NEW = "new"
    APPROVED = "approved"
    REJECTED = "rejected"


class SnapshotsProblem(Exception):
    """A snapshot cannot be kept, found or changed; the message names the cause and the cure."""


class NoSuchSnapshot(SnapshotsProblem):
    """It is not there (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One picture of the set. `plates` is the truth: letters and digits only; empty while nobody said."""

    name: str
    added_at: datetime
    origin: str
    width_px: int
    height_px: int
    approval: Approval = Approval.NEW
    plates: tuple[str, ...] = ()
    weather: Weather | None = None
    light: Light | None = None
    vehicle: VehicleType | None = None

    @property
    def valid(self) -> bool:
        """Whether it can teach: approved, with at least one plate told."""
        return self.approval is Approval.APPROVED and bool(self.plates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What the set covers and what it still lacks, in words for a person."""

    total: int
    valid: int
    hints: tuple[str, ...]

    @property
    def enough(self) -> bool:
        """One valid snapshot completes a first configuration (M-167); more are only recommended."""
        return self.valid > 0


_INDEX: TypeAdapter[tuple[Snapshot, ...]] = TypeAdapter(tuple[Snapshot, ...])


class SnapshotSet:
    """The snapshots in one folder. Calls block (files); one caller at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> tuple[Snapshot, ...]:
        """In the order they were added. Raises SnapshotsProblem when the index is damaged."""
        try:
            return _INDEX.validate_json((self._folder / INDEX).read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError) as error:
            raise SnapshotsProblem(
                f"{self._folder / INDEX} cannot be read; restore it from a backup, or remove it to begin anew."
            ) from error

    def get(self, name: str) -> Snapshot:
        """Raises NoSuchSnapshot."""
        for snapshot in self.all():
            if snapshot.name == name:
                return snapshot
        raise NoSuchSnapshot(f"There is no snapshot {name!r}.")

    def add(self, content: bytes, *, added_at: datetime, origin: str) -> Snapshot:
        """Keep a JPEG or PNG; the snapshot that is there already when it is the same file. Raises SnapshotsProblem."""
        try:
            file = open_picture(content)
        except PictureRefused as error:
            raise SnapshotsProblem(str(error)) from error
        kept = self.all()
        name = hashlib.sha256(content).hexdigest()[:16] + file.ending
        for snapshot in kept:
            if snapshot.name == name:
                return snapshot
        if len(kept) >= MOST_SNAPSHOTS:
            raise SnapshotsProblem(f"There are {MOST_SNAPSHOTS} snapshots already; remove some that teach nothing new.")
        height, width = file.picture.shape[:2]
        snapshot = Snapshot(name=name, added_at=added_at, origin=origin, width_px=width, height_px=height)
        self._write(name, file)
        self._keep((*kept, snapshot))
        return snapshot

    def change(self, snapshot: Snapshot) -> Snapshot:
        """Keep an approval, plates and tags. Raises SnapshotsProblem."""
        plates = tuple(dict.fromkeys(filter(None, map(plate_text, snapshot.plates))))
        if len(plates) > MOST_PLATES:
            raise SnapshotsProblem(f"A snapshot has at most {MOST_PLATES} plates.")
        if snapshot.approval is Approval.APPROVED and not plates:
            raise SnapshotsProblem("No plate is known for this snapshot: give its text to approve it, or reject it.")
        self.get(snapshot.name)
        changed = replace(snapshot, plates=plates)
        self._keep([changed if one.name == changed.name else one for one in self.all()])
        return changed

    def remove(self, name: str) -> None:
        """Raises NoSuchSnapshot."""
        self.get(name)
        self._keep([one for one in self.all() if one.name != name])
        (self._folder / name).unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        """The picture's file. Raises NoSuchSnapshot."""
        path = self._folder / name
        if not _NAME.fullmatch(name) or not path.is_file():
            raise NoSuchSnapshot(f"There is no snapshot {name!r}.")
        return path

    def picture(self, name: str) -> Picture:
        """Decoded. Raises SnapshotsProblem."""
        try:
            return open_picture(self.path(name).read_bytes()).picture
        except (OSError, PictureRefused) as error:
            raise SnapshotsProblem(f"The picture of snapshot {name} is lost or damaged; remove it.") from error

    def _write(self, name: str, file: PictureFile) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._folder / name).write_bytes(file.content)
        except OSError as error:
            raise SnapshotsProblem(f"Cannot write snapshots below {self._folder}: {error.strerror}.") from error

    def _keep(self, snapshots: Sequence[Snapshot]) -> None:
        """The old index stays until the new one is whole."""
        written = self._folder / (INDEX + ".new")
        try:
            written.write_bytes(_INDEX.dump_json(tuple(snapshots), indent=1))
            written.replace(self._folder / INDEX)
        except OSError as error:
            raise SnapshotsProblem(f"Cannot write snapshots below {self._folder}: {error.strerror}.") from error


def plate_text(text: str) -> str:
    """A plate as readings give it: capital letters and digits, nothing between them. Look-alikes stay apart.

    Raises SnapshotsProblem for letters that no reading has: what is left without them is not what the picture shows.
    """
    plain = "".join(character for character in as_read(text) if character.isalnum())
    if not plain.isascii():
        raise SnapshotsProblem(f"{text!r} cannot be read: a plate has the letters A to Z and digits.")
    return plain


def coverage(snapshots: Sequence[Snapshot]) -> Coverage:
    """How far the set is (M-167 to M-174): a counter, and hints that never stop anybody."""
    valid = [one for one in snapshots if one.valid]
    hints = []
    if not valid:
        hints.append("Approve at least one snapshot with its plate: nothing can be configured from none.")
    elif len(valid) < RECOMMENDED:
        hints.append(f"{len(valid)} of the {RECOMMENDED} to 10 recommended snapshots are approved; add more.")
    if valid and not {Light.DAY, Light.NIGHT} <= {one.light for one in valid}:
        hints.append("Add snapshots by day and by night, and tag their light.")
    if valid and not {Weather.SUN, Weather.RAIN} <= {one.weather for one in valid}:
        hints.append("Add snapshots in sun and in rain, and tag their weather.")
    if valid and len({one.vehicle for one in valid} - {None}) < 2:
        hints.append("Add low and high vehicles, such as cars and trucks: they set the area's top and bottom.")
    return Coverage(total=len(snapshots), valid=len(valid), hints=tuple(hints))
