"""The switches of the fake camera, its namespaces, and the words its parts share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import web
from lxml import etree
from lxml.builder import ElementMaker

ENV = "http://www.w3.org/2003/05/soap-envelope"
NS = {
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "timg": "http://www.onvif.org/ver20/imaging/wsdl",
    "tmd": "http://www.onvif.org/ver10/deviceIO/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "tns1": "http://www.onvif.org/ver10/topics",
    "ter": "http://www.onvif.org/ver10/error",
}
tds, trt, tr2, timg, tmd, tev, tt, wsnt, wsa = (
    ElementMaker(namespace=NS[name], nsmap=NS)
    for name in ("tds", "trt", "tr2", "timg", "tmd", "tev", "tt", "wsnt", "wsa")
)
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 64 + b"\xff\xd9"
PATHS = {
    "device_service": "tds",
    "media": "trt",
    "media2": "tr2",
    "imaging": "timg",
    "deviceio": "tmd",
    "events": "tev",
}


@dataclass(kw_only=True)
class Quirks:
    """What this camera does wrong. Everything off is a well-behaved camera."""

    clock_skew: timedelta = timedelta(0)
    clock_needs_login: bool = False
    digest_only: bool = False
    digest_algorithms: tuple[str, ...] = ("MD5",)
    basic_first: bool = False
    refusal_as_fault: bool = False
    strict_created: bool = False
    low_level_for: frozenset[str] = frozenset()
    wrong_xaddr: str | None = None
    no_get_services: bool = False
    no_get_capabilities: bool = False
    media1_only: bool = False
    media2_broken: bool = False
    no_multicast: bool = False
    no_osds: bool = False
    no_deviceio: bool = False
    relays_only_on_device: bool = False
    options_missing: bool = False
    options: dict[str, str] = field(default_factory=dict)
    ignored_fields: frozenset[str] = frozenset()
    rejected_fields: frozenset[str] = frozenset()
    rejects_everything_together: bool = False
    comma_floats: bool = False
    answers: dict[str, Callable[[], web.Response]] = field(default_factory=dict)
    slow: dict[str, float] = field(default_factory=dict)
    relay_stuck: bool = False
    subscription_address: str | None = None
    refuses_relative_time: bool = False
    refuses_subscriptions: bool = False
    reference_parameters: bool = False

    def __str__(self) -> str:
        """Only what is switched on, for the names of tests."""
        usual = Quirks()
        on = {name: value for name, value in vars(self).items() if value != getattr(usual, name)}
        return ", ".join(name if value is True else f"{name}={value}" for name, value in on.items()) or "none"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request: its operation, the path, and how it logged in."""

    operation: str
    path: str
    login: str
    body: etree._Element


class Reject(Exception):
    """The request is understood and its values are not taken."""
