"""An ONVIF notification, as any device may write it, to what a VMS shows.

Lenient by design, because devices differ: items are found by name without regard to case, an ElementItem's content is
its first child whatever that child is called, and topics are compared by local names. A device that sends only the
standard items is as welcome as one that adds vendor items (`lpr:EventId` and friends).
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from mock_vms.vms.types import PictureKind, Received, RelayReport, clip, from_text

RELAY_TOPIC = "Device/Trigger/Relay"
EVENT_TYPES = {
    "RuleEngine/Recognition/LicensePlate": "PlateRecognized",
    "RuleEngine/Recognition/ListMatch": "ListMatched",
    "RuleEngine/Recognition/Alarm": "AlarmRaised",
}
SIGNAL_LOSS_TOPIC = "VideoSource/SignalLoss"
_TRUE = frozenset({"active", "true", "1"})
# A plate crop is some tens of kilobytes. Whoever puts a megabyte into an event means a frame, and frames are fetched.
MAX_EMBEDDED_PICTURE = 1_000_000
MAX_WHOLE = 2**31 - 1  # a priority beyond this fits no database column and means nothing


def parse(
    topic: str, message: etree._Element, *, origin: str, now: datetime
) -> tuple[Received | None, RelayReport | None]:
    """What the notification says: an event, the state of a relay, both, or nothing that concerns a plate VMS."""
    path = topic_path(topic)
    items = Items(message)
    utc_time = _utc_time(message, now)
    relay = _relay(items, utc_time) if path == RELAY_TOPIC else None
    event_id = clip(items.text("lpr:EventId"))
    kind = _event_type(path, items)
    if not event_id and (kind is None or message.get("PropertyOperation") == "Initialized"):
        return None, relay  # a state that was so before we asked is no event
    plate, country = _plate(items)
    event = Received(
        event_id=event_id or fingerprint(path, message, origin),
        type=kind or path.rsplit("/", 1)[-1],
        utc_time=utc_time,
        object=clip(items.text("lpr:Object") or plate),
        tag=clip(items.text("lpr:Tag") or country),
        alarm_type=clip(items.text("lpr:Type")),
        name=clip(items.text("lpr:Name")),
        list_name=clip(items.text("lpr:ListName")),
        camera_name=clip(items.text("lpr:CameraName")),
        video_source=clip(items.text("VideoSource", "VideoSourceConfigurationToken", "Source")),
        priority=_whole(items.text("lpr:Priority")),
        likelihood=_number(items.text("Likelihood")),
        source_id=clip(items.text("lpr:SourceId")),
        picture_urls=_picture_urls(items),
        pictures=_pictures(items),
    )
    return event, relay


def topic_path(topic: str) -> str:
    """`tns1:RuleEngine/Recognition/lpr:ListMatch` as `RuleEngine/Recognition/ListMatch`."""
    return "/".join(part.rsplit(":", 1)[-1].strip() for part in topic.strip().split("/"))


def fingerprint(path: str, message: etree._Element, origin: str) -> str:
    """An id for a message that carries none: the same bytes from the same device are the same event."""
    canonical = etree.tostring(message, method="c14n", exclusive=True)
    return "onvif-" + hashlib.sha256(b"\0".join((origin.encode(), path.encode(), canonical))).hexdigest()[:32]


class Items:
    """The items of one tt:Message by lower-case name; the first of a name wins."""

    def __init__(self, message: etree._Element) -> None:
        self._simple: dict[str, str] = {}
        self._elements: dict[str, etree._Element] = {}
        for element in message.iter("{*}SimpleItem", "{*}ElementItem"):
            name = (element.get("Name") or "").lower()
            if etree.QName(element).localname == "SimpleItem":
                self._simple.setdefault(name, element.get("Value") or "")
            else:
                self._elements.setdefault(name, element)

    def text(self, *names: str) -> str:
        """The value of the first SimpleItem that has one of these names; empty when there is none."""
        return next((self._simple[n.lower()] for n in names if self._simple.get(n.lower())), "")

    def element(self, name: str) -> etree._Element | None:
        """The content of an ElementItem: its first child element, or itself when somebody left that out."""
        item = self._elements.get(name.lower())
        if item is None:
            return None
        return next(_children(item), item)


def _children(element: etree._Element) -> Iterator[etree._Element]:
    return (child for child in element if isinstance(child.tag, str))


def _plate(items: Items) -> tuple[str, str]:
    info = items.element("LicensePlateInfo")
    found = {"PlateNumber": items.text("PlateNumber"), "CountryCode": items.text("CountryCode")}
    if info is not None:
        for element in info.iter("{*}PlateNumber", "{*}CountryCode"):
            found[etree.QName(element).localname] = element.text or ""
    return found["PlateNumber"], found["CountryCode"]


def _event_type(path: str, items: Items) -> str | None:
    if path == SIGNAL_LOSS_TOPIC:
        return "CameraLost" if items.text("State").strip().lower() in _TRUE else "CameraRestored"
    if path == RELAY_TOPIC and items.text("lpr:EventId"):
        return "RelayChanged"
    return EVENT_TYPES.get(path)


def _relay(items: Items, utc_time: datetime) -> RelayReport | None:
    token = clip(items.text("RelayToken"))
    state = items.text("LogicalState").strip().lower()
    if not token or not state:
        return None
    return RelayReport(relay_token=token, active=state in _TRUE, utc_time=utc_time)


def _picture_urls(items: Items) -> dict[PictureKind, str]:
    named = {
        PictureKind.IMAGE: items.text("ImageURI"),
        PictureKind.FRAME: items.text("VehicleImageURI"),
    }
    return {kind: url.strip() for kind, url in named.items() if url.strip()}


def _pictures(items: Items) -> dict[PictureKind, bytes]:
    found: dict[PictureKind, bytes] = {}
    for kind, name in ((PictureKind.IMAGE, "Image"), (PictureKind.FRAME, "VehicleImage")):
        element = items.element(name)
        text = "" if element is None else "".join((element.text or "").split())
        if text and len(text) * 3 // 4 <= MAX_EMBEDDED_PICTURE:
            try:
                found[kind] = base64.b64decode(text, validate=True)
            except ValueError:
                continue  # the event counts, with or without its picture
    return found


def _utc_time(message: etree._Element, now: datetime) -> datetime:
    try:
        return from_text(message.get("UtcTime") or "")
    except (ValueError, OverflowError):
        return now


def _number(text: str) -> float | None:
    try:
        value = float(text.strip().replace(",", "."))  # some firmware writes numbers in the language of its menu
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _whole(text: str) -> int | None:
    number = _number(text)
    return None if number is None else int(max(-MAX_WHOLE, min(number, MAX_WHOLE)))
