"""The Imaging service: what the picture's physics are set to, within the ranges that GetOptions tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mock_vms.camera.encoders import VIDEO_SOURCE
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.services.operation import Access, Call, Operation, number, required_child
from mock_vms.camera.soap import SoapFault, invalid_argument, not_supported
from mock_vms.camera.state import CameraState, ExposureMode
from mock_vms.camera.xml import TIMG, Element, children_of, name_of, timg, tt


@dataclass(frozen=True, slots=True)
class _Number:
    """A number of ImagingSettings20: where it stands, which state field it is, and its range."""

    name: str
    field: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Choice:
    """A mode of ImagingSettings20: its words and what each means in the state."""

    name: str
    field: str
    words: Mapping[str, object]


_OFF_ON: Mapping[str, object] = {"OFF": False, "ON": True}
# Microseconds: from a fast sensor's shortest shutter to one frame at 25 pictures a second. Gain and iris are in dB.
_EXPOSURE = (
    _Choice("Mode", "exposure_mode", {mode.value: mode for mode in ExposureMode}),
    _Number("MinExposureTime", "min_exposure_time_us", 20.0, 40_000.0),
    _Number("MaxExposureTime", "max_exposure_time_us", 20.0, 40_000.0),
    _Number("MinGain", "min_gain_db", 0.0, 36.0),
    _Number("MaxGain", "max_gain_db", 0.0, 36.0),
    _Number("ExposureTime", "exposure_time_us", 20.0, 40_000.0),
    _Number("Gain", "gain_db", 0.0, 36.0),
    _Number("Iris", "iris_db", 0.0, 30.0),
)
# In the order of tt:ImagingSettings20; groups are the elements that have children of their own.
_SETTINGS: tuple[_Number | _Choice | tuple[str, tuple[_Number | _Choice, ...]], ...] = (
    ("BacklightCompensation", (_Choice("Mode", "backlight_compensation", _OFF_ON),)),
    _Number("Brightness", "brightness", 0.0, 100.0),
    _Number("ColorSaturation", "color_saturation", 0.0, 100.0),
    _Number("Contrast", "contrast", 0.0, 100.0),
    ("Exposure", _EXPOSURE),
    _Choice("IrCutFilter", "ir_cut_filter", {word: word for word in ("ON", "OFF", "AUTO")}),
    _Number("Sharpness", "sharpness", 0.0, 100.0),
    (
        "WideDynamicRange",
        (
            _Choice("Mode", "wide_dynamic_range", _OFF_ON),
            _Number("Level", "wide_dynamic_range_level", 0.0, 100.0),
        ),
    ),
)


class ImagingService:
    """Reads and writes `CameraState.imaging`. A refused request changes nothing at all."""

    def __init__(self, *, state: CameraState, quirks: Quirks) -> None:
        self._state = state
        self._quirks = quirks
        read = Access.READ_MEDIA
        rows = {
            "GetServiceCapabilities": Operation(access=Access.PRE_AUTH, handler=self._get_capabilities),
            "GetImagingSettings": Operation(access=read, handler=self._get_settings),
            "SetImagingSettings": Operation(access=Access.ACTUATE, handler=self._set_settings),
            "GetOptions": Operation(access=read, handler=self._get_options),
            "GetMoveOptions": Operation(access=read, handler=self._get_move_options),
            "GetStatus": Operation(access=read, handler=self._get_status),
        }
        self.operations: Mapping[str, Operation] = {f"{{{TIMG}}}{name}": row for name, row in rows.items()}

    def capabilities(self) -> Element:
        return timg("Capabilities", ImageStabilization=False)

    def _get_capabilities(self, call: Call) -> Element:
        return timg("GetServiceCapabilitiesResponse", self.capabilities())

    def _get_settings(self, call: Call) -> Element:
        _require_source(call)
        settings = timg("ImagingSettings")
        for setting in _SETTINGS:
            if isinstance(setting, tuple):
                name, members = setting
                settings.append(tt(name, [self._told(member) for member in members]))
            else:
                settings.append(self._told(setting))
        return timg("GetImagingSettingsResponse", settings)

    def _set_settings(self, call: Call) -> Element:
        _require_source(call)
        wanted = dict(self._wanted(required_child(call.body, "ImagingSettings")))
        self._require_order(wanted, "min_exposure_time_us", "max_exposure_time_us")
        self._require_order(wanted, "min_gain_db", "max_gain_db")
        self._state.change_imaging(**wanted)
        return timg("SetImagingSettingsResponse")

    def _get_options(self, call: Call) -> Element:
        if self._quirks.no_imaging_options:
            raise not_supported("GetOptions is not implemented")
        _require_source(call)
        options = timg("ImagingOptions")
        for setting in _SETTINGS:
            if isinstance(setting, tuple):
                name, members = setting
                if name == "Exposure" and self._quirks.no_exposure_options:
                    continue
                options.append(tt(name, [option for member in members for option in _options(member)]))
            else:
                options.extend(_options(setting))
        return timg("GetOptionsResponse", options)

    def _get_move_options(self, call: Call) -> Element:
        """The lens is fixed, so there are no moves."""
        _require_source(call)
        return timg("GetMoveOptionsResponse", timg("MoveOptions"))

    def _get_status(self, call: Call) -> Element:
        _require_source(call)
        focus = tt("FocusStatus20", tt("Position", 0.0), tt("MoveStatus", "IDLE"))
        return timg("GetStatusResponse", timg("Status", focus))

    def _told(self, setting: _Number | _Choice) -> Element:
        value = getattr(self._state.imaging, setting.field)
        if isinstance(setting, _Number):
            return tt(setting.name, float(value))
        return tt(setting.name, next(word for word, meaning in setting.words.items() if meaning == value))

    def _wanted(self, settings: Element) -> Iterator[tuple[str, object]]:
        """Field and value of all that the client sets; what this camera does not have is passed over."""
        groups = {entry[0]: entry[1] for entry in _SETTINGS if isinstance(entry, tuple)}
        single = {entry.name: entry for entry in _SETTINGS if not isinstance(entry, tuple)}
        for element in children_of(settings):
            name = name_of(element)
            if name in self._quirks.ignore_fields:
                continue
            if name in single:
                yield single[name].field, _read(single[name], element)
            for member in groups.get(name, ()):
                yield from self._wanted_member(member, element)

    def _wanted_member(self, member: _Number | _Choice, group: Element) -> Iterator[tuple[str, object]]:
        for element in children_of(group):
            if name_of(element) == member.name and member.name not in self._quirks.ignore_fields:
                yield member.field, _read(member, element)

    def _require_order(self, wanted: Mapping[str, object], low: str, high: str) -> None:
        values = [wanted.get(field, getattr(self._state.imaging, field)) for field in (low, high)]
        if values[0] > values[1]:  # type: ignore[operator]  # both are floats by the table above
            raise _refused(f"{low} {values[0]} is above {high} {values[1]}")


def _read(setting: _Number | _Choice, element: Element) -> object:
    if isinstance(setting, _Choice):
        word = (element.text or "").strip()
        if word not in setting.words:
            raise _refused(f"{setting.name} {word[:40]!r} is not one of {', '.join(setting.words)}")
        return setting.words[word]
    value = number(element)
    if not setting.low <= value <= setting.high:
        raise _refused(f"{setting.name} {value:g} is not within {setting.low:g} to {setting.high:g}")
    return value


def _options(setting: _Number | _Choice) -> Iterator[Element]:
    if isinstance(setting, _Number):
        yield tt(setting.name, tt("Min", setting.low), tt("Max", setting.high))
        return
    name = "IrCutFilterModes" if setting.name == "IrCutFilter" else setting.name
    yield from (tt(name, word) for word in setting.words)


def _require_source(call: Call) -> None:
    token = call.required("VideoSourceToken")
    if token != VIDEO_SOURCE:
        raise invalid_argument(f"There is no video source {token[:64]!r}; there is {VIDEO_SOURCE!r}", "NoSource")


def _refused(reason: str) -> SoapFault:
    return invalid_argument(reason, "SettingsInvalid")
