"""What the device service says about its network: one interface, at the address the client itself used."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from mock_vms.camera.services.operation import Addresses
from mock_vms.camera.xml import Element, tds, tt

_DEFAULT_PORTS = {"http": 80, "https": 443}


def network_interface(mac_address: str, addresses: Addresses) -> Element:
    config = tt(
        "Config",
        tt("Manual", tt("Address", _ipv4(addresses.host)), tt("PrefixLength", 24)),
        tt("DHCP", False),
    )
    return tds(
        "NetworkInterfaces",
        tt("Enabled", True),
        tt("Info", tt("Name", "eth0"), tt("HwAddress", mac_address), tt("MTU", 1500)),
        tt("IPv4", tt("Enabled", True), config),
        token="eth0",
    )


def network_protocols(addresses: Addresses) -> Iterable[Element]:
    port = addresses.authority.removeprefix(addresses.host).removeprefix(":")
    http = int(port) if port.isdecimal() else _DEFAULT_PORTS.get(addresses.scheme, 80)
    for name, number in (("HTTP", http), ("RTSP", addresses.rtsp_port)):
        yield tds("NetworkProtocols", tt("Name", name), tt("Enabled", True), tt("Port", number))


def _ipv4(host: str) -> str:
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:  # asked by name or over IPv6
        return "127.0.0.1"
