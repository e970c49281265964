"""The XML namespaces we speak, by their usual prefixes, and a small builder that knows them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from lxml import etree

Element = etree._Element

NAMESPACES: dict[str, str] = {
    "env": "http://www.w3.org/2003/05/soap-envelope",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "wstop": "http://docs.oasis-open.org/wsn/t-1",
    "wsrf-bf": "http://docs.oasis-open.org/wsrf/bf-2",
    "wsrf-r": "http://docs.oasis-open.org/wsrf/r-2",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "timg": "http://www.onvif.org/ver20/imaging/wsdl",
    "tan": "http://www.onvif.org/ver20/analytics/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tmd": "http://www.onvif.org/ver10/deviceIO/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
    "tns1": "http://www.onvif.org/ver10/topics",
    "ter": "http://www.onvif.org/ver10/error",
    "xs": "http://www.w3.org/2001/XMLSchema",
    "lpr": "urn:onvif-lpr:topics",
}

# Prefixes that occur inside text (topics, fault codes, type names): they must stay declared although no tag uses them.
QUOTED_PREFIXES = frozenset({"env", "tns1", "ter", "tt", "xs", "lpr"})

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def name(qualified: str) -> str:
    """`tt:Message` in Clark notation."""
    prefix, _, local = qualified.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}" if local else prefix


def node(qualified: str, *content: Element | str | None, **attributes: str) -> Element:
    """An element with text, children and unqualified attributes; None is left out.

    Characters that XML cannot carry (a bell in a name somebody typed) become spaces.
    """
    prefix, _, local = qualified.partition(":")
    nsmap = {prefix: NAMESPACES[prefix]} if local else None
    element = etree.Element(name(qualified), {key: _legal(value) for key, value in attributes.items()}, nsmap=nsmap)
    for part in content:
        if isinstance(part, str):
            element.text = _legal(part)
        elif part is not None:
            element.append(part)
    return element


def xs_time(moment: datetime) -> str:
    """xs:dateTime in UTC with `Z`, milliseconds only when there are any."""
    utc = moment.astimezone(UTC)
    timespec = "milliseconds" if utc.microsecond >= 1000 else "seconds"
    return utc.isoformat(timespec=timespec).replace("+00:00", "Z")


def xs_duration(span: timedelta) -> str:
    """xs:duration in seconds."""
    return f"PT{span.total_seconds():g}S"


def xs_bool(value: bool) -> str:
    return "true" if value else "false"


def xs_float(value: float) -> str:
    """A decimal without exponent, at most six places: some parsers of small devices know no more."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


def _legal(text: str) -> str:
    return _ILLEGAL.sub(" ", text)
