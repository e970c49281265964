"""Every recognition setting with its default, unit, range, effect and cost, from the model itself, for all who show it.

python -m adapter.setting_catalog > docs/recognition-settings.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from adapter.camera_recognition import MOST_POINTS, MOST_POLYGONS, CameraRecognition


class SettingKind(StrEnum):
    """How a value is typed in."""

    NUMBER = "number"
    INTEGER = "integer"
    SWITCH = "switch"
    CHOICE = "choice"
    POLYGONS = "polygons"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInfo:
    """One recognition setting. `unlimited`: the word "unlimited" is a value too; `live`: no stream is opened again."""

    name: str
    group: str
    kind: SettingKind
    default: Any
    unit: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str | int, ...]
    unlimited: bool
    live: bool
    description: str
    effect: str
    cost: str
    requirements: tuple[str, ...]

    @property
    def title(self) -> str:
        """The name as a heading; its unit stands beside the value."""
        return self.name.removesuffix("_percent").removesuffix("_s").replace("_", " ").capitalize()

    @property
    def range(self) -> str:
        """What it takes, in words."""
        if self.kind is SettingKind.SWITCH:
            return "true, false"
        if self.kind is SettingKind.CHOICE:
            return ", ".join(str(choice) for choice in self.choices)
        if self.kind is SettingKind.POLYGONS:
            return f"up to {MOST_POLYGONS} polygons of 3 to {MOST_POINTS} points, 0 to 1"
        whole = f"{self.minimum:g} to {self.maximum:g}" if self.minimum is not None else "any"
        return f"{whole}, or unlimited" if self.unlimited else whole


def catalog() -> tuple[SettingInfo, ...]:
    """All settings, in the order a person meets them."""
    schema = CameraRecognition.model_json_schema()
    return tuple(_info(name, known, schema.get("$defs", {})) for name, known in schema["properties"].items())


def shown(value: Any) -> str:
    """A value as a person reads and types it."""
    if value is None:
        return "none"
    if isinstance(value, bool | list | tuple):
        return json.dumps(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def as_markdown(settings: Sequence[SettingInfo]) -> str:
    """The page `docs/recognition-settings.md`."""
    lines = [_INTRODUCTION]
    for group in dict.fromkeys(one.group for one in settings):
        lines.append(f"## {group.capitalize()}\n")
        for one in settings:
            if one.group == group:
                lines.append(_paragraph(one))
    return "\n".join(lines).rstrip() + "\n"


def _paragraph(one: SettingInfo) -> str:
    unit = f" {one.unit}" if one.unit and one.default is not None and one.default != [] else ""
    facts = [
        f"* Default: {shown(one.default)}{unit}",
        f"* Range: {one.range}" + (f" ({one.unit})" if one.unit else ""),
        f"* Effect: {one.effect}",
        f"* Cost: {one.cost}",
        "* Changes at once, in place." if one.live else "* A change opens the stream again.",
    ]
    ids = f" ({', '.join(one.requirements)})" if one.requirements else ""
    return f"### `{one.name}`\n\n{one.description}{ids}\n\n" + "\n".join(facts) + "\n"


def _info(name: str, known: Mapping[str, Any], definitions: Mapping[str, Any]) -> SettingInfo:
    choices = [_resolved(one, definitions) for one in known.get("anyOf", [known])]
    main = choices[0]
    return SettingInfo(
        name=name,
        group=known.get("group", "source"),
        kind=_kind(main),
        default=known.get("default"),
        unit=known.get("unit", ""),
        minimum=main.get("minimum"),
        maximum=main.get("maximum"),
        choices=tuple(main.get("enum", ())),
        unlimited=any(one.get("const") == "unlimited" for one in choices),
        live=bool(known.get("live")),
        description=known.get("description", ""),
        effect=known.get("effect", ""),
        cost=known.get("cost", ""),
        requirements=tuple(known.get("ids", "").split()),
    )


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return definitions[reference.rsplit("/", 1)[1]] if reference else schema


def _kind(schema: Mapping[str, Any]) -> SettingKind:
    if "enum" in schema:
        return SettingKind.CHOICE
    kinds = {"boolean": SettingKind.SWITCH, "array": SettingKind.POLYGONS, "integer": SettingKind.INTEGER}
    return kinds.get(schema.get("type", ""), SettingKind.NUMBER)


_INTRODUCTION = """\
# Recognition settings

What may be set for one camera: in the console under *Cameras > Settings*, with `onvif-lpr camera settings NAME` and
`onvif-lpr camera set NAME key=value ...`, or over the API: `GET /api/v1/recognition-settings` lists them,
`PATCH /api/v1/cameras/{id}` with `{"recognition": {"max_fps": 6}}` changes single ones, and null puts a default back.

The console tries changes on the camera's snapshots and estimates their cost before they are saved, as
`POST /api/v1/cameras/{id}/recognition-settings/try` does. The recognition area and the motion masks are drawn
there on a picture of the camera, and the character heights are boxes that are laid on plates.
This page is written by `python -m adapter.setting_catalog`, and a test compares it.

Where a change applies in place, vehicles in view keep their readings and are told once. Where the stream has to be
opened again, what is in view is told first. Validate the configuration after every change.

`onvif-lpr read` and `onvif-lpr bench` read files without a time limit per frame: nobody waits there for another camera.
"""


if __name__ == "__main__":
    sys.stdout.write(as_markdown(catalog()))
