"""The WS-Discovery messages: the Probe we send, and the ProbeMatches that devices send in many spellings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from lxml import etree
from yarl import URL

from onvif_client.envelope import SOAP12, child, children, text, value_of

WSADIS = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSD = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
NETWORK_WSDL = "http://www.onvif.org/ver10/network/wsdl"
DEVICE_WSDL = "http://www.onvif.org/ver10/device/wsdl"

TYPE_NAMESPACES = {"NetworkVideoTransmitter": NETWORK_WSDL, "Device": DEVICE_WSDL}
ONVIF_SCOPE = "onvif://www.onvif.org/"

# UDP carries no more than this; longer ones cannot be real.
DATAGRAM_LIMIT_BYTES = 65_507


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredDevice:
    """A device that answered. Names are what the device was called by its owner, often nothing useful."""

    endpoint: str
    xaddrs: tuple[str, ...]
    name: str
    hardware: str
    location: str
    scopes: tuple[str, ...]
    source_address: str

    @property
    def address(self) -> str:
        """The device service address most likely to work: one at the host that answered, if the device names one.

        Devices behind a NAT and in containers name addresses nobody reaches; then the answering host is put in.
        """
        urls = [url for each in self.xaddrs if (url := _http(each)) is not None]
        for url in urls:
            if url.host == self.source_address:
                return str(url)
        for url in urls:
            return str(url.with_host(self.source_address))
        return f"http://{self.source_address}/onvif/device_service"


def build_probe(device_type: str, *, message_id: str) -> bytes:
    """A Probe for one of PROBED_TYPES."""
    namespaces = {"env": SOAP12, "a": WSADIS, "d": WSD, "x": TYPE_NAMESPACES[device_type]}
    envelope = etree.Element(f"{{{SOAP12}}}Envelope", nsmap=namespaces)
    header = etree.SubElement(envelope, f"{{{SOAP12}}}Header")
    etree.SubElement(header, f"{{{WSADIS}}}Action").text = f"{WSD}/Probe"
    etree.SubElement(header, f"{{{WSADIS}}}MessageID").text = message_id
    etree.SubElement(header, f"{{{WSADIS}}}To").text = "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
    body = etree.SubElement(envelope, f"{{{SOAP12}}}Body")
    probe = etree.SubElement(body, f"{{{WSD}}}Probe")
    etree.SubElement(probe, f"{{{WSD}}}Types").text = f"x:{device_type}"
    return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)


def read_matches(data: bytes, source_address: str) -> tuple[DiscoveredDevice, ...]:
    """The ONVIF devices in one packet. A packet that is none of ours, or broken, holds none: never raises."""
    if len(data) > DATAGRAM_LIMIT_BYTES or b"<!DOCTYPE" in data or b"ProbeMatch" not in data:
        return ()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, recover=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        return ()
    if root is None:
        return ()
    found = (_device(match, source_address) for match in _matches(root))
    return tuple(device for device in found if device is not None)


def _matches(root: etree._Element) -> Iterator[etree._Element]:
    """Quirk of ipycam 1.3: ProbeMatch may stand in the body without ProbeMatches around it."""
    return root.iter("{*}ProbeMatch")


def _device(match: etree._Element, source_address: str) -> DiscoveredDevice | None:
    scopes = _scopes(text(match, "Scopes"))
    types = {each.rpartition(":")[2] for each in text(match, "Types").split()}
    if types.isdisjoint(TYPE_NAMESPACES) and not any(each.startswith(ONVIF_SCOPE) for each in scopes):
        return None
    xaddrs = tuple(text(match, "XAddrs").split())
    # Quirk of ipycam 1.3: the endpoint reference may be in the discovery namespace; local names do not mind.
    endpoint = text(match, "EndpointReference", "Address") or _first_text(match, "EndpointReference")
    return DiscoveredDevice(
        endpoint=endpoint or (xaddrs[0] if xaddrs else source_address),
        xaddrs=xaddrs,
        name=_named(scopes, "name"),
        hardware=_named(scopes, "hardware"),
        location=_named(scopes, "location"),
        scopes=scopes,
        source_address=source_address.partition("%")[0],
    )


def _scopes(value: str) -> tuple[str, ...]:
    """Quirk of ipycam 1.3 and others: spaces inside a scope; a word that starts no URI belongs to the one before."""
    found: list[str] = []
    for word in value.split():
        if "://" in word or word.startswith("urn:") or not found:
            found.append(word)
        else:
            found[-1] += f" {word}"
    return tuple(found)


def _named(scopes: tuple[str, ...], kind: str) -> str:
    start = f"{ONVIF_SCOPE}{kind}/"
    parts = [unquote(each[len(start) :]).strip("/") for each in scopes if each.lower().startswith(start)]
    return ", ".join(part for part in parts if part)


def _first_text(match: etree._Element, name: str) -> str:
    found = child(match, name)
    return value_of(found) or next((value_of(each) for each in children(found, "Address")), "")


def _http(address: str) -> URL | None:
    try:
        url = URL(address)
    except ValueError:
        return None
    return url if url.scheme in ("http", "https") and url.host else None
