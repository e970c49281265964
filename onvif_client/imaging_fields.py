"""Where each imaging field stands in ImagingSettings20 and in its options: one table, one reader, one writer.

The rows stand in schema order (onvif.xsd, ImagingSettings20); the writer relies on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lxml import etree

from onvif_client import envelope as soap
from onvif_client.types import ExposureMode, ImagingOptions, ImagingSettings, IrCutFilter, Range


class Kind(StrEnum):
    NUMBER = "number"
    SWITCH = "switch"
    MODE = "mode"
    IR_CUT = "ir_cut"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One field: its path in the settings, and in the options when that is another one."""

    field: str
    path: tuple[str, ...]
    kind: Kind = Kind.NUMBER
    options_path: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Fields that stand in one element and are sent together. `needs` is the element's mandatory Mode."""

    fields: tuple[str, ...]
    needs: str | None = None
    extension: bool = False


NEWER = ("Extension", "Extension", "Extension")

ROWS = (
    Row(field="backlight_compensation", path=("BacklightCompensation", "Mode"), kind=Kind.SWITCH),
    Row(field="backlight_compensation_level", path=("BacklightCompensation", "Level")),
    Row(field="brightness", path=("Brightness",)),
    Row(field="color_saturation", path=("ColorSaturation",)),
    Row(field="contrast", path=("Contrast",)),
    Row(field="exposure_mode", path=("Exposure", "Mode"), kind=Kind.MODE),
    Row(field="min_exposure_time_us", path=("Exposure", "MinExposureTime")),
    Row(field="max_exposure_time_us", path=("Exposure", "MaxExposureTime")),
    Row(field="min_gain_db", path=("Exposure", "MinGain")),
    Row(field="max_gain_db", path=("Exposure", "MaxGain")),
    Row(field="min_iris_db", path=("Exposure", "MinIris")),
    Row(field="max_iris_db", path=("Exposure", "MaxIris")),
    Row(field="exposure_time_us", path=("Exposure", "ExposureTime")),
    Row(field="gain_db", path=("Exposure", "Gain")),
    Row(field="iris_db", path=("Exposure", "Iris")),
    Row(field="ir_cut_filter", path=("IrCutFilter",), kind=Kind.IR_CUT, options_path=("IrCutFilterModes",)),
    Row(field="sharpness", path=("Sharpness",)),
    Row(field="wide_dynamic_range", path=("WideDynamicRange", "Mode"), kind=Kind.SWITCH),
    Row(field="wide_dynamic_range_level", path=("WideDynamicRange", "Level")),
    Row(
        field="tone_compensation",
        path=(*NEWER, "ToneCompensation", "Mode"),
        kind=Kind.SWITCH,
        options_path=(*NEWER, "ToneCompensationOptions", "Mode"),
    ),
    Row(
        field="defogging",
        path=(*NEWER, "Defogging", "Mode"),
        kind=Kind.SWITCH,
        options_path=(*NEWER, "DefoggingOptions", "Mode"),
    ),
    Row(
        field="noise_reduction",
        path=(*NEWER, "NoiseReduction", "Level"),
        options_path=(*NEWER, "NoiseReductionOptions", "Level"),
    ),
)

AUTO_FIELDS = (
    "min_exposure_time_us",
    "max_exposure_time_us",
    "min_gain_db",
    "max_gain_db",
    "min_iris_db",
    "max_iris_db",
)
MANUAL_FIELDS = ("exposure_time_us", "gain_db", "iris_db")

GROUPS = (
    Group(fields=("exposure_mode", *AUTO_FIELDS, *MANUAL_FIELDS), needs="exposure_mode"),
    Group(fields=("wide_dynamic_range", "wide_dynamic_range_level"), needs="wide_dynamic_range"),
    Group(fields=("backlight_compensation", "backlight_compensation_level"), needs="backlight_compensation"),
    Group(fields=("sharpness",)),
    Group(fields=("contrast",)),
    Group(fields=("brightness",)),
    Group(fields=("color_saturation",)),
    Group(fields=("ir_cut_filter",)),
    Group(fields=("tone_compensation",), extension=True),
    Group(fields=("defogging",), extension=True),
    Group(fields=("noise_reduction",), extension=True),
)


def settings_from_element(element: etree._Element) -> ImagingSettings:
    """A timg:ImagingSettings element as our type; what is absent or unreadable is None."""
    values: dict[str, Any] = {row.field: _value(row.kind, soap.text(element, *row.path)) for row in ROWS}
    return ImagingSettings(**values)


def options_from_element(element: etree._Element) -> ImagingOptions:
    """A timg:ImagingOptions element as our type."""
    ranges: dict[str, Range] = {}
    switches: dict[str, frozenset[bool]] = {}
    listed: dict[Kind, frozenset[str]] = {Kind.MODE: frozenset(), Kind.IR_CUT: frozenset()}
    for row in ROWS:
        *way, last = row.options_path or row.path
        found = soap.children(soap.child(element, *way), last)
        if not found:
            continue
        words = frozenset(soap.value_of(each).upper() for each in found)
        if row.kind is Kind.SWITCH:
            switches[row.field] = frozenset(word == "ON" for word in words & {"ON", "OFF"})
        elif row.kind is Kind.NUMBER and (limits := _range(found[0])) is not None:
            ranges[row.field] = limits
        elif row.kind in listed:
            listed[row.kind] = words
    return ImagingOptions(
        exposure_modes=frozenset(mode for mode in ExposureMode if mode in listed[Kind.MODE]),
        ir_cut_filters=frozenset(mode for mode in IrCutFilter if mode in listed[Kind.IR_CUT]),
        ranges=ranges,
        switches=switches,
    )


def settable(name: str, value: Any, before: ImagingSettings, options: ImagingOptions | None) -> bool:
    """Whether the camera lets this field take this value. Without options, what it reads out is settable."""
    if options is None:
        return getattr(before, name) is not None
    if name == "exposure_mode":
        return value in options.exposure_modes
    if name == "ir_cut_filter":
        return value in options.ir_cut_filters and len(options.ir_cut_filters) > 1
    if isinstance(value, bool):
        return options.can_switch(name, value)
    return options.range_of(name) is not None


def build(settings: ImagingSettings, options: ImagingOptions | None, groups: Iterable[Group]) -> etree._Element:
    """The timg:ImagingSettings of some groups, without anything the camera does not let us set."""
    root = soap.element("timg:ImagingSettings")
    idle = MANUAL_FIELDS if settings.exposure_mode is not ExposureMode.MANUAL else AUTO_FIELDS
    sent: set[str] = set()
    for group in groups:
        names = {
            name
            for name in group.fields
            if name not in idle
            and (value := getattr(settings, name)) is not None
            and settable(name, value, settings, options)
        }
        if group.needs is None or names & {group.needs}:
            sent |= names
        elif names and group.needs == "exposure_mode" and settings.exposure_mode is not None:
            # A camera with a single mode lists none; its limits are settable, and the element cannot be without Mode.
            sent |= names | {"exposure_mode"}
    for row in ROWS:
        if row.field in sent:
            _put(root, row.path, _written(getattr(settings, row.field)))
    return root


def _value(kind: Kind, text: str) -> Any:
    if kind is Kind.NUMBER:
        return soap.number(text)
    word = text.upper()
    if kind is Kind.SWITCH:
        return {"ON": True, "OFF": False}.get(word)
    choices: type[StrEnum] = ExposureMode if kind is Kind.MODE else IrCutFilter
    return next((each for each in choices if each.value == word), None)


def _range(element: etree._Element) -> Range | None:
    # Noise reduction says only whether its level can be set; the level then runs from 0 to 1 (onvif.xsd).
    if soap.value_of(element).lower() in ("true", "1"):
        return Range(minimum=0.0, maximum=1.0)
    minimum, maximum = soap.number(soap.text(element, "Min")), soap.number(soap.text(element, "Max"))
    return Range(minimum=minimum, maximum=maximum) if minimum is not None and maximum is not None else None


def _put(root: etree._Element, path: tuple[str, ...], value: str) -> None:
    place = root
    for name in path:
        found = soap.child(place, name)
        place = found if found is not None else etree.SubElement(place, f"{{{soap.TT}}}{name}")
    place.text = value


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "ON" if value else "OFF"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
