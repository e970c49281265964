"""Events as JSON: what the journal stores and what later versions must still be able to read.

The text carries a `version`. Fields may be added within a version (unknown ones are ignored, missing ones take their
default); a field that is renamed or removed needs a new version and a step in `_UPGRADES`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from events.errors import CodecError
from events.types import Event

VERSION = 1

_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""From version n to n + 1. Empty until there is a second version."""

_ADAPTER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def to_plain(event: Event) -> dict[str, Any]:
    """The event as JSON-ready values, without the version: times as ISO 8601 with `Z`."""
    plain: dict[str, Any] = _ADAPTER.dump_python(event, mode="json")
    return plain


def encode(event: Event) -> str:
    """The event as one line of JSON; the same event always gives the same text."""
    return json.dumps(
        {"version": VERSION, **to_plain(event)}, separators=(",", ":"), ensure_ascii=False, sort_keys=True
    )


def decode(text: str | bytes) -> Event:
    """The event that `encode` wrote, by this version or an earlier one. Raises CodecError."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"not JSON: {error}") from error
    if not isinstance(plain, dict):
        raise CodecError(f"an event is a JSON object, not {type(plain).__name__}")
    version = plain.pop("version", None)
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        raise CodecError(f"event version {version!r} is not known here (newest known: {VERSION}); upgrade onvif-lpr")
    for step in range(version, VERSION):
        plain = _UPGRADES[step](plain)
    try:
        return _ADAPTER.validate_python(plain, strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CodecError(f"{where}: {first['msg']}") from error
