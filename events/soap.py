"""SOAP 1.2 envelopes: read what others send with a parser that can be trusted, write what we answer.

Used by the ONVIF device face and by the Notify sender. Requests are recognised by the name of the first Body child,
never by SOAPAction: old WSDLs send wrong ones and some clients send none.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from events.xmlns import NAMESPACES, QUOTED_PREFIXES, name, node

Element = etree._Element

CONTENT_TYPE = "application/soap+xml; charset=utf-8"
FAULT_ACTION = "http://www.w3.org/2005/08/addressing/soap/fault"
ANONYMOUS = "http://www.w3.org/2005/08/addressing/anonymous"
# For names in texts whose namespace the client chose; the declaration stays where it is made.
FOREIGN_PREFIX = "foreign"

_SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
_MAX_REASON = 500  # a reason is for a person; a client's own 1 MB of nonsense is not echoed back


class Fault(Exception):
    """A SOAP fault on its way to the client. `codes` runs from `env:Sender` or `env:Receiver` inwards (`ter:`)."""

    def __init__(
        self, codes: Sequence[str], reason: str, *, detail: Element | None = None, http_status: int | None = None
    ) -> None:
        super().__init__(reason)
        self.codes = tuple(codes)
        self.reason = reason
        self.detail = detail
        self.http_status = http_status if http_status is not None else (400 if codes[0] == "env:Sender" else 500)


def sender_fault(*subcodes: str, reason: str, http_status: int | None = None) -> Fault:
    """The client asked for something wrong."""
    return Fault(("env:Sender", *subcodes), reason, http_status=http_status)


def receiver_fault(*subcodes: str, reason: str, http_status: int | None = None) -> Fault:
    """We cannot do what was asked."""
    return Fault(("env:Receiver", *subcodes), reason, http_status=http_status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A parsed request. `request` is the first Body child."""

    request: Element
    header: Element | None
    message_id: str | None
    action: str | None

    @property
    def request_name(self) -> str:
        """The request's name in Clark notation, `{namespace}Local`."""
        return str(self.request.tag)


def parser() -> etree.XMLParser:
    """A parser for what strangers send: no entities, no DTD, no network, libxml2's own limits on depth and size."""
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def parse(body: bytes) -> Envelope:
    """The envelope in `body`. Raises Fault (WellFormed, Tag) with a reason that names what is wrong."""
    if not body.strip():
        raise sender_fault("ter:WellFormed", reason="The request body is empty; a SOAP 1.2 envelope is expected.")
    try:
        root = etree.fromstring(body, parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise sender_fault("ter:WellFormed", reason=f"The request is not well-formed XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise sender_fault("ter:WellFormed", reason="A SOAP message must not contain a document type declaration.")
    if root.tag == f"{{{_SOAP11}}}Envelope":
        raise Fault(("env:VersionMismatch",), "SOAP 1.1 is not spoken here; send a SOAP 1.2 envelope.", http_status=400)
    if root.tag != name("env:Envelope"):
        raise sender_fault("ter:Tag", reason=f"The root element is {_shown(root)}, not a SOAP 1.2 Envelope.")
    content = root.find(name("env:Body"))
    if content is None:
        raise sender_fault("ter:Tag", reason="The envelope has no Body.")
    request = next((child for child in content if isinstance(child.tag, str)), None)
    if request is None:
        raise sender_fault("ter:Tag", reason="The Body is empty; it must hold one request.")
    header = root.find(name("env:Header"))
    return Envelope(
        request=request,
        header=header,
        message_id=_header_text(header, "wsa:MessageID"),
        action=_header_text(header, "wsa:Action"),
    )


def envelope(content: Element, *, action: str | None = None, relates_to: str | None = None) -> bytes:
    """A whole message around one Body child. With `action`, WS-Addressing headers are added (events need them)."""
    root = node("env:Envelope")
    if action is not None:
        header = node("env:Header", node("wsa:Action", action), node("wsa:MessageID", f"urn:uuid:{uuid.uuid4()}"))
        if relates_to is not None:
            header.append(node("wsa:RelatesTo", relates_to))
        root.append(header)
    root.append(node("env:Body", content))
    quoted = _quoted_prefixes(root)
    etree.cleanup_namespaces(
        root,
        top_nsmap={prefix: NAMESPACES[prefix] for prefix in quoted},
        keep_ns_prefixes=[*quoted, FOREIGN_PREFIX],
    )
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def fault_envelope(fault: Fault, *, relates_to: str | None = None) -> bytes:
    """The fault as a whole message."""
    value: Element | None = None
    for code in reversed(fault.codes[1:]):
        inner = node("env:Subcode", node("env:Value", code))
        if value is not None:
            inner.append(value)
        value = inner
    code_element = node("env:Code", node("env:Value", fault.codes[0]))
    if value is not None:
        code_element.append(value)
    text = node("env:Text", fault.reason[:_MAX_REASON] or "Unspecified")
    text.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    element = node("env:Fault", code_element, node("env:Reason", text))
    if fault.detail is not None:
        element.append(node("env:Detail", fault.detail))
    return envelope(element, action=FAULT_ACTION if relates_to is not None else None, relates_to=relates_to)


def _header_text(header: Element | None, wanted: str) -> str | None:
    found = header.find(name(wanted)) if header is not None else None
    text = (found.text or "").strip() if found is not None else ""
    return text[:1024] or None


def _quoted_prefixes(root: Element) -> list[str]:
    """Prefixes that stand in text or attribute values, where lxml cannot see that they are in use."""
    used: set[str] = set()
    for element in root.iter():
        for value in (element.text or "", *(str(value) for value in element.attrib.values())):
            if ":" in value:
                used.update(prefix for prefix in QUOTED_PREFIXES if f"{prefix}:" in value)
    return sorted(used)


def _shown(element: Element) -> str:
    return str(element.tag)[:200]
