"""Events as wsnt:NotificationMessage, exactly as annex G.3 of the Analytics specification spells the plate event.

A message is built once and rendered per receiver, because picture links carry the address the receiver knows us by.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from events.onvif import topics
from events.onvif.coordinates import normalize
from events.onvif.filters import CONCRETE_SET
from events.onvif.tokens import relay_output_token, video_source_token
from events.onvif.topics import Topic
from events.picture_links import Which, picture_url
from events.types import (
    ActionFailed,
    AlarmRaised,
    CameraLost,
    CameraRestored,
    Event,
    ListKind,
    ListMatched,
    PlateRecognized,
    RelayChanged,
    RelayState,
    ServerLost,
    ServerRestored,
)
from events.xmlns import Element, name, node, xs_bool, xs_float, xs_time
from inference.types import LicensePlate, PassageState

LPR_RULE_NAME = "lpr_1"
"""The name of the one fixed rule of each camera's analytics configuration."""

# ONVIF's words for what a list means; lists of other kinds have none.
_LABELS = {ListKind.ALLOW: "Whitelisted", ListKind.DENY: "Blacklisted"}
# A plate that is on a deny list must not look welcome because it is on an allow list too.
_LABEL_ORDER = (ListKind.DENY, ListKind.ALLOW)

_EVENT_ID = "lpr:EventId"

_RENDERED_BASES = 4  # receivers know us by one or two addresses; a made-up Host header must not fill the memory


class PropertyOperation(StrEnum):
    """tt:PropertyOperation."""

    INITIALIZED = "Initialized"
    DELETED = "Deleted"
    CHANGED = "Changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event as ONVIF says it. `operation` is None for what is not a property."""

    topic: Topic
    event_id: str
    utc_time: datetime
    source: tuple[tuple[str, str], ...] = ()
    data: tuple[tuple[str, str], ...] = ()
    elements: tuple[tuple[str, Element], ...] = ()
    operation: PropertyOperation | None = None
    camera_id: str = ""
    """Whose property it is."""
    event: Event | None = None
    _rendered: dict[str, Element] = field(default_factory=dict, compare=False, repr=False)

    @property
    def property_key(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What a later value of the same property shares with this one."""
        return self.topic.expression, self.source

    @property
    def state(self) -> tuple[tuple[str, str], ...]:
        """The value of a property, whichever event told it."""
        return tuple(item for item in self.data if item[0] != _EVENT_ID)

    def restated(self, operation: PropertyOperation) -> Message:
        """The same property value under another operation: Initialized for who is new, Deleted when it ends."""
        return replace(self, operation=operation, _rendered={})

    @property
    def content(self) -> Element:
        """The tt:Message, for filters. Read it only."""
        found = self._element("").find(f"{name('wsnt:Message')}/{name('tt:Message')}")
        assert found is not None
        return found

    def render(self, base_url: str) -> Element:
        """A fresh wsnt:NotificationMessage with links below `base_url`."""
        return copy.deepcopy(self._element(base_url))

    def _element(self, base_url: str) -> Element:
        known = self._rendered.get(base_url)
        if known is None:
            while len(self._rendered) >= _RENDERED_BASES:
                del self._rendered[next(iter(self._rendered))]
            known = self._rendered[base_url] = self._build(base_url)
        return known

    def _build(self, base_url: str) -> Element:
        message = node("tt:Message", UtcTime=xs_time(self.utc_time))
        if self.operation is not None:
            message.set("PropertyOperation", self.operation.value)
        if self.source:
            message.append(node("tt:Source", *_simple_items(self.source)))
        data = list(self.data)
        link = picture_url(self.event, _picture_of(self.event), base_url) if self.event is not None else None
        if link is not None:
            data.append(("ImageURI", link))
        if data or self.elements:
            # The schema wants all SimpleItems before the ElementItems.
            element_items = [node("tt:ElementItem", copy.deepcopy(value), Name=key) for key, value in self.elements]
            message.append(node("tt:Data", *_simple_items(data), *element_items))
        topic = node("wsnt:Topic", self.topic.expression, Dialect=CONCRETE_SET)
        return node("wsnt:NotificationMessage", topic, node("wsnt:Message", message))


def from_event(event: Event) -> Message | None:
    """The message of an event, or None for what ONVIF subscribers are not told: previews, lost tracks, servers."""
    if isinstance(event, PlateRecognized | ServerLost | ServerRestored):
        # Until the vote is closed the text may change; the standard topic has no way to take a plate back.
        # A VMS knows one device: of the servers behind it the alarm tells that somebody defined on them.
        return _plate(event) if isinstance(event, PlateRecognized) and event.state is PassageState.FINAL else None
    if isinstance(event, ListMatched):
        return _list_match(event)
    if isinstance(event, AlarmRaised):
        return _alarm(event)
    if isinstance(event, CameraLost | CameraRestored):
        return signal_loss(
            camera_id=event.camera_id,
            lost=isinstance(event, CameraLost),
            utc_time=event.utc_time,
            event_id=event.event_id,
        )
    if isinstance(event, RelayChanged):
        return relay_state(
            camera_id=event.camera_id,
            relay_token=event.relay_token,
            state=event.state,
            utc_time=event.utc_time,
            event_id=event.event_id,
        )
    return _action_failed(event)


def relay_state(
    *, camera_id: str, relay_token: str, state: RelayState, utc_time: datetime, event_id: str = ""
) -> Message:
    """The property of one relay output, also for its state at start when no event has happened yet."""
    return Message(
        topic=topics.RELAY,
        event_id=event_id,
        utc_time=utc_time,
        source=(("RelayToken", relay_output_token(camera_id, relay_token)),),
        data=(("LogicalState", state.value), *_event_id(event_id)),
        operation=PropertyOperation.CHANGED,
        camera_id=camera_id,
    )


def signal_loss(*, camera_id: str, lost: bool, utc_time: datetime, event_id: str = "") -> Message:
    """The property that says whether a camera's picture is gone."""
    return Message(
        topic=topics.SIGNAL_LOSS,
        event_id=event_id,
        utc_time=utc_time,
        source=(("Source", video_source_token(camera_id)),),
        data=(("State", xs_bool(lost)), *_event_id(event_id)),
        operation=PropertyOperation.CHANGED,
        camera_id=camera_id,
    )


def buffer_begin(utc_time: datetime) -> Message:
    """The mark that Seek leaves where the stored events begin."""
    return Message(topic=topics.BUFFER_BEGIN, event_id="", utc_time=utc_time)


def license_plate_info(plate: LicensePlate, likelihood: float, country_likelihood: float | None = None) -> Element:
    """tt:LicensePlateInfo: PlateNumber, PlateType?, CountryCode?, IssuingEntity?, in that order."""
    info = node("tt:LicensePlateInfo", node("tt:PlateNumber", plate.plate_number, Likelihood=xs_float(likelihood)))
    if plate.plate_type is not None:
        info.append(node("tt:PlateType", plate.plate_type.value))
    if plate.country_code is not None:
        country = node("tt:CountryCode", plate.country_code)
        if country_likelihood is not None:
            country.set("Likelihood", xs_float(country_likelihood))
        info.append(country)
    if plate.issuing_entity is not None:
        info.append(node("tt:IssuingEntity", plate.issuing_entity))
    return info


def _plate(event: PlateRecognized) -> Message:
    data = [("Likelihood", xs_float(event.likelihood))]
    label = next((_LABELS[kind] for kind in _LABEL_ORDER if kind in event.list_kinds), None)
    if label is not None:
        data.append(("Label", label))
    data += [("Direction", event.direction.value), (_EVENT_ID, event.event_id)]
    box = normalize(event.box, event.frame_width_px, event.frame_height_px)
    rectangle = node(
        "tt:Rectangle",
        bottom=xs_float(box.bottom),
        top=xs_float(box.top),
        right=xs_float(box.right),
        left=xs_float(box.left),
    )
    return Message(
        topic=topics.LICENSE_PLATE,
        event_id=event.event_id,
        utc_time=event.utc_time,
        source=_source(event.camera_id),
        data=tuple(data),
        elements=(
            ("BoundingBox", rectangle),
            ("LicensePlateInfo", license_plate_info(event.plate, event.likelihood, event.country_likelihood)),
        ),
        event=event,
    )


def _list_match(event: ListMatched) -> Message:
    return Message(
        topic=topics.LIST_MATCH,
        event_id=event.event_id,
        utc_time=event.utc_time,
        source=_source(event.camera_id),
        data=(
            ("Likelihood", xs_float(event.likelihood)),
            (_EVENT_ID, event.event_id),
            ("lpr:SourceId", event.recognized_id),
            ("lpr:ListName", event.list_name),
            ("lpr:ListKind", event.list_kind.value),
            ("lpr:Pattern", event.pattern),
        ),
        elements=(("LicensePlateInfo", license_plate_info(event.plate, event.likelihood)),),
        event=event,
    )


def _alarm(event: AlarmRaised) -> Message:
    return Message(
        topic=topics.ALARM,
        event_id=event.event_id,
        utc_time=event.utc_time,
        # An alarm about a server is about no video source.
        source=_source(event.camera_id) if event.camera_id else (),
        data=(
            ("Likelihood", xs_float(event.likelihood)),
            (_EVENT_ID, event.event_id),
            ("lpr:SourceId", event.source_id),
            ("lpr:Name", event.name),
            ("lpr:Priority", str(event.priority)),
            ("lpr:Object", event.object),
            ("lpr:Tag", event.tag),
            ("lpr:Type", event.type),
            ("lpr:ListName", event.list_name),
            ("lpr:CameraName", event.camera_name),
        ),
        event=event,
    )


def _action_failed(event: ActionFailed) -> Message:
    return Message(
        topic=topics.ACTION_FAILED,
        event_id=event.event_id,
        utc_time=event.utc_time,
        source=_source(event.camera_id),
        data=(
            (_EVENT_ID, event.event_id),
            ("lpr:SourceId", event.decision_id),
            ("lpr:Action", event.action),
            ("lpr:Detail", event.detail),
        ),
        event=event,
    )


def _source(camera_id: str) -> tuple[tuple[str, str], ...]:
    return (("VideoSource", video_source_token(camera_id)), ("Rule", LPR_RULE_NAME))


def _event_id(event_id: str) -> tuple[tuple[str, str], ...]:
    return ((_EVENT_ID, event_id),) if event_id else ()


def _picture_of(event: Event) -> Which:
    """The whole picture, unless only the plate's was kept."""
    return "frame" if getattr(event, "frame_picture", None) else "plate"


def _simple_items(items: Sequence[tuple[str, str]]) -> list[Element]:
    return [node("tt:SimpleItem", Name=key, Value=value) for key, value in items]
