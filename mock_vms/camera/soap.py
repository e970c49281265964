"""SOAP 1.2 envelopes and faults, the way ONVIF words them (Core 5.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from lxml import etree

from mock_vms.camera.xml import ENV, PREFIXES, WSA, WSSE, XML, Element, children_of, env, parse, serialize, wsa

CONTENT_TYPE = "application/soap+xml"
ACTION_FAULT = "http://www.w3.org/2005/08/addressing/soap/fault"
_SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
# Characters that XML 1.0 cannot carry. A parser's complaint about such a character may quote it.
_UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Header blocks that a sender may mark mustUnderstand and that are indeed understood here.
_UNDERSTOOD = (WSSE, WSA)


class SoapFault(Exception):
    """An answer that is a fault. `subcodes` nest from the outer to the inner, for example InvalidArgVal, NoConfig."""

    def __init__(
        self,
        reason: str,
        *subcodes: str,
        code: Literal["Sender", "Receiver", "VersionMismatch", "MustUnderstand"] = "Sender",
        detail: Element | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = _UNPRINTABLE.sub("?", reason)
        self.code = code
        self.subcodes = subcodes
        self.detail = detail

    @property
    def http_status(self) -> int:
        """SOAP 1.2 part 2, table 20: the sender's mistakes are 400, all others 500."""
        return 400 if self.code == "Sender" else 500

    def element(self) -> Element:
        return env(
            "Fault",
            env("Code", env("Value", f"env:{self.code}"), self._subcode()),
            env("Reason", self._text()),
            env("Detail", self.detail) if self.detail is not None else None,
        )

    def _subcode(self) -> Element | None:
        nested: Element | None = None
        for name in reversed(self.subcodes):
            nested = env("Subcode", env("Value", f"ter:{name}"), nested)
        return nested

    def _text(self) -> Element:
        text = env("Text", self.reason)
        text.set(f"{{{XML}}}lang", "en")
        return text


def invalid_argument(reason: str, *inner: str) -> SoapFault:
    """env:Sender / ter:InvalidArgVal / what exactly."""
    return SoapFault(reason, "InvalidArgVal", *inner)


def not_supported(reason: str, *inner: str) -> SoapFault:
    """env:Receiver / ter:ActionNotSupported."""
    return SoapFault(reason, "ActionNotSupported", *inner, code="Receiver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A request that has been read: its first body child, its header blocks, its addressing."""

    body: Element
    headers: tuple[Element, ...] = field(default=())

    @property
    def name(self) -> str:
        """The QName of the operation in Clark notation; what requests are dispatched on."""
        return str(self.body.tag)

    def header(self, namespace: str, name: str) -> Element | None:
        wanted = f"{{{namespace}}}{name}"
        return next((block for block in self.headers if block.tag == wanted), None)

    @property
    def message_id(self) -> str | None:
        block = self.header(WSA, "MessageID")
        return block.text.strip() if block is not None and block.text else None


def read_envelope(document: bytes) -> Envelope:
    """The request in a document; a SoapFault that names the mistake when it is not one."""
    try:
        root = parse(document)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SoapFault(f"The request is not well-formed XML: {error}"[:300], "WellFormed") from error
    if root.tag != f"{{{ENV}}}Envelope":
        if root.tag == f"{{{_SOAP_11}}}Envelope":
            raise SoapFault("SOAP 1.1 is not supported; send SOAP 1.2", code="VersionMismatch")
        raise SoapFault(f"The root element is {root.tag}, not a SOAP 1.2 Envelope"[:300], "Tag")
    body = root.find(f"{{{ENV}}}Body")
    operations = children_of(body) if body is not None else []
    if len(operations) != 1:
        raise SoapFault(f"The Body must hold exactly one element, not {len(operations)}", "Tag")
    header = root.find(f"{{{ENV}}}Header")
    blocks = tuple(children_of(header)) if header is not None else ()
    _require_understood(blocks)
    return Envelope(body=operations[0], headers=blocks)


def _require_understood(blocks: tuple[Element, ...]) -> None:
    for block in blocks:
        required = block.get(f"{{{ENV}}}mustUnderstand", "false").strip() in ("1", "true")
        if required and etree.QName(block).namespace not in _UNDERSTOOD:
            raise SoapFault(f"The header {block.tag} is not understood"[:300], code="MustUnderstand")


def write_envelope(body: Element, *, action: str | None = None, relates_to: str | None = None) -> bytes:
    """The answer as bytes. Addressing headers are written only when there is something to say."""
    header = None
    if action or relates_to:
        header = env(
            "Header",
            wsa("Action", action) if action else None,
            wsa("RelatesTo", relates_to) if relates_to else None,
        )
    root = etree.Element(f"{{{ENV}}}Envelope", nsmap=PREFIXES)
    if header is not None:
        root.append(header)
    root.append(env("Body", body))
    return serialize(root)
