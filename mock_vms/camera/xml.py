"""Building and reading XML: namespaces, element makers, and one hardened parser.

Nothing here knows SOAP or ONVIF operations; it only makes sure that what goes out is well formed by construction and
that what comes in cannot reach the disk, the network or all of the memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from lxml import etree

from mock_vms.camera.times import format_datetime, format_duration

Element = etree._Element
Child = Element | str | bool | int | float | datetime | timedelta | None
Value = str | bool | int | float

ENV = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
WSNT = "http://docs.oasis-open.org/wsn/b-2"
WSTOP = "http://docs.oasis-open.org/wsn/t-1"
WSRF_BF = "http://docs.oasis-open.org/wsrf/bf-2"
WSRF_R = "http://docs.oasis-open.org/wsrf/r-2"
TDS = "http://www.onvif.org/ver10/device/wsdl"
TRT = "http://www.onvif.org/ver10/media/wsdl"
TR2 = "http://www.onvif.org/ver20/media/wsdl"
TIMG = "http://www.onvif.org/ver20/imaging/wsdl"
TEV = "http://www.onvif.org/ver10/events/wsdl"
TMD = "http://www.onvif.org/ver10/deviceIO/wsdl"
TT = "http://www.onvif.org/ver10/schema"
TER = "http://www.onvif.org/ver10/error"
TNS1 = "http://www.onvif.org/ver10/topics"
XS = "http://www.w3.org/2001/XMLSchema"
XML = "http://www.w3.org/XML/1998/namespace"
WSADIS = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
DN = "http://www.onvif.org/ver10/network/wsdl"

PREFIXES = {
    "env": ENV,
    "wsa": WSA,
    "wsnt": WSNT,
    "wstop": WSTOP,
    "wsrf-bf": WSRF_BF,
    "wsrf-r": WSRF_R,
    "tds": TDS,
    "trt": TRT,
    "tr2": TR2,
    "timg": TIMG,
    "tev": TEV,
    "tmd": TMD,
    "tt": TT,
    "ter": TER,
    "tns1": TNS1,
    "xs": XS,
    "wsadis": WSADIS,
    "d": DISCOVERY,
    "dn": DN,
}


def text_of(value: Value | datetime | timedelta) -> str:
    """The lexical form of a value in XML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return format_datetime(value)
    if isinstance(value, timedelta):
        return format_duration(value)
    return str(value)


class Maker:
    """Makes elements of one namespace: `tt("Width", 1280)`. Children that are None are left out."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace

    def __call__(self, name: str, *children: Child | Iterable[Element], **attributes: Value) -> Element:
        element = etree.Element(f"{{{self._namespace}}}{name}", nsmap=PREFIXES)
        for key, value in attributes.items():
            element.set(key, text_of(value))
        for child in children:
            if child is None:
                continue
            if isinstance(child, Element):
                element.append(child)
            elif isinstance(child, str | bool | int | float | datetime | timedelta):
                element.text = (element.text or "") + text_of(child)
            else:
                element.extend(child)
        return element


env, wsa, wsnt, wstop = Maker(ENV), Maker(WSA), Maker(WSNT), Maker(WSTOP)
tds, trt, tr2, timg, tev, tmd, tt = (Maker(namespace) for namespace in (TDS, TRT, TR2, TIMG, TEV, TMD, TT))


def parse(document: bytes) -> Element:
    """The root of a document; XMLSyntaxError when it is not well formed, ValueError when it carries a DTD.

    No DTD, no entities, no network, no giant texts: a document type has no place in SOAP and is where bombs live.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    root = etree.fromstring(document, parser)
    docinfo = root.getroottree().docinfo
    if docinfo.internalDTD is not None or docinfo.externalDTD is not None:
        raise ValueError("a document type declaration is not allowed in SOAP")
    return root


def serialize(root: Element) -> bytes:
    """The document, with all namespaces declared once at the root and the prefixes used inside text kept."""
    etree.cleanup_namespaces(root, top_nsmap=PREFIXES, keep_ns_prefixes=["tns1", "ter", "tt", "xs", "tds", "dn"])
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def name_of(element: Element) -> str:
    """The local name of an element."""
    return etree.QName(element).localname


def children_of(element: Element) -> list[Element]:
    """The child elements, without comments and processing instructions."""
    return [child for child in element if isinstance(child.tag, str)]
