"""What real cameras get wrong, as switches: `--quirk clock-skew=3600 --quirk no-imaging-options`.

`QUIRKS` is the documentation: the command line prints it, and `Quirks.parse` refuses what is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

_LONGEST_S = 10 * 365 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """The quirks of one camera. The defaults are a camera without any."""

    clock_skew: timedelta = timedelta()
    digest_only: bool = False
    wsse_only: bool = False
    no_imaging_options: bool = False
    no_exposure_options: bool = False
    ignore_fields: frozenset[str] = frozenset()
    wrong_xaddr: bool = False
    wrong_discovery_xaddr: bool = False
    media1_only: bool = False
    no_stream: bool = False
    dead_stream: bool = False
    html_answer: bool = False
    slow: timedelta = timedelta()
    relative_time_refused: bool = False

    def __post_init__(self) -> None:
        if self.digest_only and self.wsse_only:
            raise ValueError("digest-only and wsse-only together would leave no way in; choose one")

    @classmethod
    def parse(cls, words: Iterable[str]) -> Quirks:
        """From `NAME` or `NAME=VALUE` words; ValueError names what is wrong and what there is."""
        fields: dict[str, object] = {}
        known = {quirk.name: quirk for quirk in QUIRKS}
        for word in words:
            name, equals, value = word.partition("=")
            quirk = known.get(name)
            if quirk is None:
                raise ValueError(f"there is no quirk {name!r}; there are: {', '.join(known)}")
            if bool(equals) != (quirk.read is not None):
                raise ValueError(f"write it as --quirk {quirk.usage}")
            fields[name.replace("-", "_")] = quirk.value(value)
        return cls(**fields)  # type: ignore[arg-type]  # names and types come from the table below


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """One line of the table: how it is written, what it does, how its value is read (None: a plain switch)."""

    name: str
    does: str
    argument: str = ""
    read: Callable[[str], object] | None = None

    @property
    def usage(self) -> str:
        return f"{self.name}={self.argument}" if self.argument else self.name

    def value(self, text: str) -> object:
        if self.read is None:
            return True
        try:
            return self.read(text)
        except ValueError as error:
            raise ValueError(f"--quirk {self.usage}: {text!r} does not fit") from error


def _seconds(text: str) -> timedelta:
    seconds = float(text)
    if not abs(seconds) <= _LONGEST_S:
        raise ValueError(text)
    return timedelta(seconds=seconds)


def _delay(text: str) -> timedelta:
    delay = _seconds(text)
    if delay < timedelta(0):
        raise ValueError(text)
    return delay


def _names(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise ValueError(text)
    return names


QUIRKS = (
    Quirk(
        name="clock-skew",
        argument="SECONDS",
        read=_seconds,
        does="the camera's clock is wrong by so much, and WS-UsernameToken is checked against that clock",
    ),
    Quirk(name="digest-only", does="WS-UsernameToken counts for nothing; the refusal is a 401 with an HTML page"),
    Quirk(name="wsse-only", does="the SOAP services know only WS-UsernameToken and never challenge"),
    Quirk(name="no-imaging-options", does="Imaging GetOptions faults with ActionNotSupported"),
    Quirk(name="no-exposure-options", does="Imaging GetOptions leaves out Exposure"),
    Quirk(
        name="ignore-fields",
        argument="NAME,...",
        read=_names,
        does="setting these fields (Sharpness, ExposureTime, Quality, ...) is answered OK and changes nothing",
    ),
    Quirk(name="wrong-xaddr", does="service addresses, stream and snapshot URIs name a host that cannot be reached"),
    Quirk(name="wrong-discovery-xaddr", does="discovery answers name a host that cannot be reached"),
    Quirk(name="media1-only", does="there is no Media2 service"),
    Quirk(name="no-stream", does="GetStreamUri faults: there are only snapshots"),
    Quirk(name="dead-stream", does="the stream address names a port where nobody answers"),
    Quirk(name="html-answer", does="every SOAP request is answered with an HTML page and status 200"),
    Quirk(name="slow", argument="SECONDS", read=_delay, does="every SOAP answer takes so much longer"),
    Quirk(name="relative-time-refused", does="durations as termination times fault; only absolute times are taken"),
)
