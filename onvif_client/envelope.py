"""SOAP envelopes: built with lxml, read with lxml, and never trusted.

An answer is read without entity resolution, DTDs, network or huge trees. Elements are found by local name, because
firmwares mix up ONVIF's namespaces (tds for tmd, tt for tr2) far more often than they mix up names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from onvif_client.errors import CameraMisbehaved

SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
TDS = "http://www.onvif.org/ver10/device/wsdl"
TRT = "http://www.onvif.org/ver10/media/wsdl"
TR2 = "http://www.onvif.org/ver20/media/wsdl"
TIMG = "http://www.onvif.org/ver20/imaging/wsdl"
TMD = "http://www.onvif.org/ver10/deviceIO/wsdl"
TEV = "http://www.onvif.org/ver10/events/wsdl"
TT = "http://www.onvif.org/ver10/schema"
WSNT = "http://docs.oasis-open.org/wsn/b-2"
WSA = "http://www.w3.org/2005/08/addressing"

NSMAP = {"env": SOAP12, "tds": TDS, "trt": TRT, "tr2": TR2, "timg": TIMG, "tmd": TMD, "tev": TEV, "tt": TT}

# The parser errors we read past: a fault that uses an undeclared prefix (seen on several firmwares), and a device name
# that is not UTF-8. Anything else, a cut document above all, is an error.
FORGIVABLE = frozenset({"NS_ERR_UNDEFINED_NAMESPACE", "ERR_INVALID_CHAR", "ERR_INVALID_ENCODING"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A SOAP fault: code and subcodes without prefixes, outermost first, and the reason in words."""

    codes: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        return f"{'/'.join(self.codes) or 'unknown fault'}: {self.reason or 'no reason given'}"


def element(name: str, *children: etree._Element, text: str | None = None, **attributes: str) -> etree._Element:
    """An element from a prefixed name, for example `element("tr2:GetProfiles", ...)`."""
    prefix, _, local = name.partition(":")
    built = etree.Element(f"{{{NSMAP[prefix]}}}{local}", nsmap={prefix: NSMAP[prefix]}, attrib=attributes)
    built.text = text
    built.extend(children)
    return built


def wrap(body: etree._Element, headers: tuple[etree._Element, ...] = ()) -> etree._Element:
    """A SOAP 1.2 envelope around one body element."""
    envelope = etree.Element(f"{{{SOAP12}}}Envelope", nsmap={"env": SOAP12})
    if headers:
        etree.SubElement(envelope, f"{{{SOAP12}}}Header").extend(headers)
    etree.SubElement(envelope, f"{{{SOAP12}}}Body").append(body)
    return envelope


def serialize(envelope: etree._Element) -> bytes:
    return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)


def parse(data: bytes, *, asked: str) -> etree._Element:
    """The envelope in `data`; CameraMisbehaved names what came instead."""
    head = data[:512].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if not head:
        raise CameraMisbehaved(f"{asked}: the camera sent an empty answer. Restart the camera or update its firmware.")
    if head.startswith((b"<!doctype html", b"<html")):
        raise CameraMisbehaved(
            f"{asked}: the camera answered with a web page instead of ONVIF. Check the port and the path of the"
            " address, and that ONVIF is switched on in the camera."
        )
    doctype = CameraMisbehaved(f"{asked}: the answer carries a document type, which SOAP forbids. It was not read.")
    if b"<!DOCTYPE" in data:
        raise doctype
    root = _read(data, asked)
    # In UTF-16 the search above is blind.
    if root.getroottree().docinfo.internalDTD is not None:
        raise doctype
    if local_name(root) != "Envelope":
        raise CameraMisbehaved(f"{asked}: expected a SOAP envelope, got <{local_name(root)}>.")
    return root


def body_of(envelope: etree._Element, *, asked: str) -> etree._Element:
    """The first element inside the SOAP body."""
    body = child(envelope, "Body")
    first = next(elements(body), None) if body is not None else None
    if first is None:
        raise CameraMisbehaved(f"{asked}: the camera sent an envelope with nothing in it.")
    return first


def read_fault(body: etree._Element) -> Fault | None:
    """The fault in a SOAP body (1.2 or 1.1), None when it is an ordinary answer."""
    if local_name(body) != "Fault":
        return None
    codes = [value_of(found) for found in body.iter("{*}Value", "{*}faultcode", "faultcode")]
    reason = next((value_of(found) for found in body.iter("{*}Text", "{*}faultstring", "faultstring")), "")
    return Fault(codes=tuple(code.rpartition(":")[2] for code in codes if code), reason=reason)


def local_name(element: etree._Element) -> str:
    """The name without its namespace. A repaired document may hold names that lxml's QName refuses; this does not."""
    return str(element.tag).rpartition("}")[2]


def elements(parent: etree._Element) -> Iterator[etree._Element]:
    """The child elements, without comments and processing instructions."""
    return (each for each in parent if isinstance(each.tag, str))


def child(parent: etree._Element | None, *path: str) -> etree._Element | None:
    """The first element along a path of local names, whatever the namespaces."""
    found = parent
    for name in path:
        if found is None:
            return None
        found = next((each for each in elements(found) if local_name(each) == name), None)
    return found


def children(parent: etree._Element | None, name: str) -> tuple[etree._Element, ...]:
    """All child elements of one local name."""
    if parent is None:
        return ()
    return tuple(each for each in elements(parent) if local_name(each) == name)


def value_of(found: etree._Element | None) -> str:
    """The text of an element, trimmed; empty when it is not there."""
    return (found.text or "").strip() if found is not None else ""


def text(parent: etree._Element | None, *path: str) -> str:
    return value_of(child(parent, *path))


def number(value: str | None) -> float | None:
    """A number as cameras write it (`0,5` from firmwares with a European locale), None when it is none."""
    try:
        return float((value or "").strip().replace(",", "."))
    except ValueError:
        return None


def _read(data: bytes, asked: str) -> etree._Element:
    try:
        return etree.fromstring(data, _parser(recover=False))
    except etree.XMLSyntaxError as error:
        parser = _parser(recover=True)
        try:
            root: etree._Element | None = etree.fromstring(data, parser)
        except etree.XMLSyntaxError:
            root = None
        problems = {entry.type_name for entry in parser.error_log}
        if root is None or not problems <= FORGIVABLE:
            raise CameraMisbehaved(
                f"{asked}: the camera's answer is broken XML ({error.msg}). Update the camera's firmware."
            ) from error
        return root


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, recover=recover
    )
