"""The words of WS-Discovery, April 2005, as Core 7 uses them: reading probes, matching them, writing answers."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from lxml import etree

from mock_vms.camera.xml import (
    DISCOVERY,
    DN,
    ENV,
    PREFIXES,
    TDS,
    WSADIS,
    Element,
    Maker,
    children_of,
    env,
    parse,
    serialize,
)

_ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
_EVERYBODY = "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
_RFC3986 = f"{DISCOVERY}/rfc3986"
_STRCMP = f"{DISCOVERY}/strcmp0"
_TYPES = ((DN, "NetworkVideoTransmitter"), (TDS, "Device"))
d, wsadis = Maker(DISCOVERY), Maker(WSADIS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Who is out there with these types and scopes? Empty means all."""

    message_id: str
    types: tuple[tuple[str, str], ...] = ()
    scopes: tuple[str, ...] = ()
    match_by: str = _RFC3986


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    """Where is the one with this endpoint address?"""

    message_id: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is told about a camera, and whether a probe means it."""

    endpoint_reference: str
    scopes: Sequence[str]
    metadata_version: int = 1

    def matches(self, probe: Probe) -> bool:
        """Every type and every scope must match (WS-Discovery 5.1)."""
        if any(wanted not in _TYPES for wanted in probe.types):
            return False
        if probe.match_by == _STRCMP:
            return all(wanted in self.scopes for wanted in probe.scopes)
        if probe.match_by == _RFC3986:
            return all(any(scope_within(wanted, ours) for ours in self.scopes) for wanted in probe.scopes)
        return False


@dataclass(slots=True, kw_only=True)
class AppSequence:
    """Counts messages so that a receiver can order them; a new instance id means that the device has restarted."""

    instance_id: int
    _message_number: int = field(default=0)

    def next(self) -> Element:
        self._message_number += 1
        return d("AppSequence", InstanceId=self.instance_id, MessageNumber=self._message_number)

    def restart(self) -> None:
        self.instance_id += 1
        self._message_number = 0


def read_request(datagram: bytes) -> Probe | Resolve | None:
    """The request in a datagram; None for everything else, because a multicast group is full of other traffic."""
    try:
        root = parse(datagram)
    except (etree.XMLSyntaxError, ValueError):
        return None
    message_id = (root.findtext(f"{{{ENV}}}Header/{{{WSADIS}}}MessageID") or "").strip()
    body = root.find(f"{{{ENV}}}Body")
    requests = children_of(body) if body is not None else []
    if not message_id or len(requests) != 1:
        return None
    request = requests[0]
    if request.tag == f"{{{DISCOVERY}}}Probe":
        scopes = request.find(f"{{{DISCOVERY}}}Scopes")
        return Probe(
            message_id=message_id,
            types=_qnames(request.find(f"{{{DISCOVERY}}}Types")),
            scopes=tuple((scopes.text or "").split()) if scopes is not None else (),
            match_by=(scopes.get("MatchBy") if scopes is not None else None) or _RFC3986,
        )
    if request.tag == f"{{{DISCOVERY}}}Resolve":
        address = request.findtext(f"{{{WSADIS}}}EndpointReference/{{{WSADIS}}}Address") or ""
        return Resolve(message_id=message_id, address=address.strip())
    return None


def probe_matches(target: Target, xaddr: str, relates_to: str, sequence: AppSequence) -> bytes:
    return _message("ProbeMatches", d("ProbeMatches", d("ProbeMatch", _about(target, xaddr))), sequence, relates_to)


def resolve_matches(target: Target, xaddr: str, relates_to: str, sequence: AppSequence) -> bytes:
    match = d("ResolveMatches", d("ResolveMatch", _about(target, xaddr)))
    return _message("ResolveMatches", match, sequence, relates_to)


def hello(target: Target, xaddr: str, sequence: AppSequence) -> bytes:
    return _message("Hello", d("Hello", _about(target, xaddr)), sequence)


def bye(target: Target, sequence: AppSequence) -> bytes:
    return _message("Bye", d("Bye", _endpoint(target)), sequence)


def scope_within(wanted: str, ours: str) -> bool:
    """The rfc3986 rule: same scheme and authority without regard to case, and our path begins with whole segments."""
    asked, offered = urlsplit(wanted), urlsplit(ours)
    if (asked.scheme.lower(), asked.netloc.lower()) != (offered.scheme.lower(), offered.netloc.lower()):
        return False
    segments, own = (tuple(unquote(s) for s in parts.path.split("/") if s) for parts in (asked, offered))
    return own[: len(segments)] == segments


def _qnames(element: Element | None) -> tuple[tuple[str, str], ...]:
    """QNames in text, with the prefixes resolved by the declarations in scope. An unknown prefix matches nothing."""
    names = []
    for word in (element.text or "").split() if element is not None else []:
        prefix, _, local = word.rpartition(":")
        names.append(((element.nsmap.get(prefix or None) or "") if element is not None else "", local))
    return tuple(names)


def _about(target: Target, xaddr: str) -> list[Element]:
    return [
        _endpoint(target),
        d("Types", "dn:NetworkVideoTransmitter tds:Device"),
        d("Scopes", " ".join(target.scopes)),
        d("XAddrs", xaddr),
        d("MetadataVersion", target.metadata_version),
    ]


def _endpoint(target: Target) -> Element:
    return wsadis("EndpointReference", wsadis("Address", target.endpoint_reference))


def _message(kind: str, body: Element, sequence: AppSequence, relates_to: str | None = None) -> bytes:
    header = env(
        "Header",
        wsadis("MessageID", f"urn:uuid:{uuid.uuid4()}"),
        wsadis("RelatesTo", relates_to) if relates_to else None,
        wsadis("To", _ANONYMOUS if relates_to else _EVERYBODY),
        wsadis("Action", f"{DISCOVERY}/{kind}"),
        sequence.next(),
    )
    root = etree.Element(f"{{{ENV}}}Envelope", nsmap=PREFIXES)
    root.append(header)
    root.append(env("Body", body))
    return serialize(root)
