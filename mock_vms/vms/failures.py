"""Failure switches: how this VMS misbehaves on command, so that others can prove that they cope.

`forget` is the one that must be found out: it answers 200 and stores nothing, so a run that still claims to have lost
nothing has a judge that cannot see.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

MAX_DELAY_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """All off by default. They act on webhooks; `forget` acts on pulled messages too."""

    refuse: bool = False
    """Reset the connection before the body is read."""
    delay: float = 0.0
    """Wait so many seconds before anything else."""
    error: int = 0
    """Answer with this HTTP status and store nothing."""
    drop: bool = False
    """Read the body, store nothing, close the connection without an answer."""
    lose_answer: bool = False
    """Store, then close the connection without an answer: the sender must try again and the repeat must not show."""
    forget: bool = False
    """Answer 200 and store nothing."""

    def __post_init__(self) -> None:
        if not 0 <= self.delay <= MAX_DELAY_S:
            raise ValueError(f"delay must be 0 to {MAX_DELAY_S:g} seconds, not {self.delay}")
        if self.error and not 400 <= self.error <= 599:
            raise ValueError(f"error must be an HTTP status from 400 to 599, or 0 for none, not {self.error}")

    def changed(self, values: dict[str, Any]) -> Failures:
        """These switches with some of them changed; ValueError names an unknown switch or a wrong value."""
        kinds = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        checked: dict[str, Any] = {}
        for name, value in values.items():
            if name not in kinds:
                raise ValueError(f"there is no failure switch {name!r}; there are: {', '.join(kinds)}")
            kind = kinds[name]
            if kind is bool:
                fits = isinstance(value, bool)
            else:
                fits = not isinstance(value, bool) and isinstance(value, (int, float) if kind is float else int)
            if not fits:
                raise ValueError(f"{name} must be a {kind.__name__}, not {value!r}")
            try:
                checked[name] = kind(value)
            except OverflowError as error:
                raise ValueError(f"{name} is out of range") from error
        return replace(self, **checked)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def parse(cls, text: str) -> Failures:
        """From the command line: `delay=2,error=500,forget`. ValueError says what is wrong."""
        values: dict[str, Any] = {}
        for part in filter(None, (p.strip() for p in text.split(","))):
            name, has_value, value = part.partition("=")
            if not has_value:
                values[name] = True
            elif name == "delay":
                values[name] = float(value)
            elif name == "error":
                values[name] = int(value)
            else:
                values[name] = value.lower() in {"1", "true", "yes", "on"}
        return cls().changed(values)


@dataclass(slots=True, kw_only=True)
class FailureSwitches:
    """The switches as they are now; they change while the VMS runs."""

    now: Failures
