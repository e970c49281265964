"""What drives past which camera, and what shall come of it."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

PICTURES = {".jpg", ".jpeg", ".png"}
CLIPS = {".mp4", ".mkv", ".avi", ".mov"}
# Countries of the labelled sets that come with photos, by the folder's name.
MODULES_BY_FOLDER = {
    "eu": "D,NL,B,F,I,E,P,A,GB,PL,CZ,SK,H,HR,SLO,EST,LT,LV,DK,S,N,FIN,CH,GR,RO,BG,IRL,L,X_EU",
    "us": "US,US-CA,US-FL,US-GA,US-IL,US-MI,US-NC,US-NJ,US-NY,US-OH,US-PA,US-TX,US-VA",
    "br": "BR",
    "video": "NL,B,D,F,I,GR,E,GB,PL,VN,X_EU",
    "nl": "NL,B,D,F,I,GR,E,GB,PL,X_EU",
}
ALL_OF_EUROPE = MODULES_BY_FOLDER["eu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """One vehicle to send past a camera. `plate` is the truth, None when nobody wrote it down."""

    label: str
    plate: str | None
    request: dict[str, Any]
    gate: bool | None = None
    """Shall the gate open? None: this run does not care."""
    alarm_list: str | None = None
    """The list whose alarm shall show; None: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """One camera: how the virtual camera is started, which modules read it, and who drives past."""

    name: str
    arguments: tuple[str, ...]
    modules: tuple[str, ...]
    vehicles: tuple[Vehicle, ...] = ()
    rtsp_url: str | None = None
    """A camera of the user's own instead of a virtual one, its login apart."""
    user: str = ""
    password: str = field(default="", repr=False)
    plays_by_itself: bool = False
    """Clips run one after the other without being asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything the demo shows. `needed` of the vehicles must arrive right, all when None.

    Right is the true plate through every hop; without a truth, any plate through every hop.
    """

    stands: tuple[Stand, ...]
    lists: tuple[tuple[str, str, tuple[str, ...]], ...] = field(
        default=(
            ("Residents", "allow", ("12BKL3", "SN66XMZ")),
            ("Couriers", "allow", ("LB??SEO",)),
            ("Wanted", "deny", ("HHXY7395",)),
        )
    )
    needed: int | None = None
    strangers_allowed: bool = False
    """Plates that are on nobody's label may turn up: the photo shows a second car."""

    @property
    def vehicles(self) -> list[tuple[Stand, Vehicle]]:
        return [(stand, vehicle) for stand in self.stands for vehicle in stand.vehicles]


def street() -> Scenario:
    """The default: rendered streets, plates of four countries, every kind of list."""

    def rendered(plate: str, country: str, **expected: Any) -> Vehicle:
        request = {"plate": plate, "country": country, "speed_kmh": 25}
        return Vehicle(label=country, plate=plate.replace("-", "").replace(" ", ""), request=request, **expected)

    north = Stand(
        name="Gate North",
        arguments=("--countries", "NL,DE"),
        modules=("NL", "D"),
        vehicles=(
            rendered("12-BKL-3", "NL", gate=True, alarm_list="Residents"),
            rendered("HH XY 7395", "DE", gate=False, alarm_list="Wanted"),
        ),
    )
    south = Stand(
        name="Gate South",
        arguments=("--countries", "GB,FR"),
        modules=("GB", "F"),
        vehicles=(
            rendered("LB07 SEO", "GB", gate=True, alarm_list="Couriers"),
            rendered("GL-123-KH", "FR", gate=False, alarm_list="Unlisted license plates"),
        ),
    )
    return Scenario(stands=(north, south))


def photos(folder: Path, count: int) -> Scenario:
    """Photos drive by, each as one vehicle. Labels beside the folder are the truth; eight in ten must arrive."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; PHOTOS takes a folder of photos")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not files:
        raise ValueError(f"{folder} holds no photos (.jpg or .png)")
    labels = read_labels(folder)
    step = max(1, len(files) // count)
    chosen = files[::step][:count]
    vehicles = _vehicles(chosen, labels)
    modules = tuple(MODULES_BY_FOLDER.get(folder.name.lower(), ALL_OF_EUROPE).split(","))
    stand = Stand(name="Photo gate", arguments=("--photos", str(folder)), modules=modules, vehicles=vehicles)
    return Scenario(stands=(stand,), needed=-(-len(vehicles) * 8 // 10))


def clips(path: Path, count: int | None) -> Scenario:
    """Clips run one after the other; of the vehicles on the labels 22 in 25 must arrive right, none twice."""
    if not path.exists():
        raise ValueError(f"{path} does not exist; VIDEO takes a clip, or a folder of clips")
    root = path if path.is_dir() else path.parent
    labels = read_labels(root)
    files = [path] if path.is_file() else sorted(file for file in root.rglob("*") if file.suffix.lower() in CLIPS)
    if not files:
        raise ValueError(f"{path} holds no clips (.mp4, .mkv, .avi or .mov)")
    if count is not None and count < len(files):
        files = files[:: max(1, len(files) // count)][:count]
    vehicles = _vehicles(files, labels)
    modules = tuple(MODULES_BY_FOLDER.get(root.name.lower(), ALL_OF_EUROPE).split(","))
    stand = Stand(name="Clip gate", arguments=("--video", str(path)), modules=modules, vehicles=vehicles)
    # Labels of traffic clips name the vehicle in front; what drives by behind it may be read as well.
    return Scenario(stands=(stand,), needed=max(1, len(vehicles) * 22 // 25), strangers_allowed=True)


def camera_of_yours(url: str) -> Scenario:
    """A stream that exists: nothing is sent past it, what passes is shown."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError(f"RTSP is not an address ({error}); write it like rtsp://user:password@host/stream") from error
    if parts.scheme not in {"rtsp", "rtsps", "http", "https"} or not parts.hostname:
        raise ValueError("RTSP takes the address of a camera, like rtsp://user:password@host/stream")
    login, _, host = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    stand = Stand(
        name="Your camera",
        arguments=(),
        modules=tuple(ALL_OF_EUROPE.split(",")),
        rtsp_url=urlunsplit(parts._replace(netloc=host)),
        user=unquote(user),
        password=unquote(password),
    )
    return Scenario(stands=(stand,))


def _vehicles(files: Sequence[Path], labels: Mapping[str, Sequence[str]]) -> tuple[Vehicle, ...]:
    """A vehicle for each plate on the label of a file, or one of whom nothing is known."""
    vehicles = []
    for file in files:
        plates: Sequence[str | None] = labels.get(file.name) or (None,)
        vehicles += [Vehicle(label=file.name, plate=plate, request={"photo": file.name}) for plate in plates]
    return tuple(vehicles)


def read_labels(folder: Path) -> dict[str, list[str]]:
    """File name to plates, from a labels.csv in the folder or beside it (columns file and plate); empty without one.

    Plates are written as people do, with spaces, hyphens and umlauts; they are read without.
    """
    for place in (folder / "labels.csv", folder.parent / "labels.csv"):
        if place.is_file():
            labels: dict[str, list[str]] = {}
            # Spreadsheets begin a file in UTF-8 with a mark.
            with place.open(encoding="utf-8-sig", newline="") as file:
                for row in csv.DictReader(file):
                    plain = unicodedata.normalize("NFKD", row.get("plate") or "").upper()
                    plate = "".join(character for character in plain if character.isalnum())
                    if row.get("file") and plate:
                        labels.setdefault(Path(row["file"]).name, []).append(plate)
            return labels
    return {}
