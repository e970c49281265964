"""Which services there are and where: GetServices, and GetCapabilities for clients from before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mock_vms.camera.services.operation import Addresses
from mock_vms.camera.soap import not_supported
from mock_vms.camera.xml import TDS, TEV, TIMG, TMD, TRT, Element, tds, tt

# The release of the service specifications that the answers follow.
_VERSION = (22, 12)
_CATEGORIES = ("Device", "Events", "Imaging", "Media")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One service: its namespace, the last part of its address, and its own Capabilities element."""

    namespace: str
    path: str
    capabilities: Callable[[], Element]


class Directory:
    """The services of one camera, filled once while it is put together."""

    def __init__(self, *, profile_count: Callable[[], int], io_counters: Callable[[], list[Element]]) -> None:
        self._entries: list[Entry] = []
        self._profile_count = profile_count
        self._io_counters = io_counters

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)

    def services(self, addresses: Addresses, *, detailed: bool) -> Iterable[Element]:
        major, minor = _VERSION
        for entry in self._entries:
            yield tds(
                "Service",
                tds("Namespace", entry.namespace),
                tds("XAddr", addresses.service(entry.path)),
                tds("Capabilities", entry.capabilities()) if detailed else None,
                tds("Version", tt("Major", major), tt("Minor", minor)),
            )

    def capabilities(self, addresses: Addresses, category: str) -> Element:
        """The Capabilities of one category or of All, in the schema's order."""
        if category != "All" and category not in _CATEGORIES:
            raise not_supported(f"There is no service for the category {category[:40]!r}", "NoSuchService")
        paths = {entry.namespace: addresses.service(entry.path) for entry in self._entries}
        made = {
            "Device": self._device(paths[TDS]),
            "Events": self._events(paths[TEV]),
            "Imaging": tt("Imaging", tt("XAddr", paths[TIMG])),
            "Media": self._media(paths[TRT]),
        }
        told = [element for name, element in made.items() if category in ("All", name)]
        if category == "All":
            told.append(tt("Extension", tt("DeviceIO", tt("XAddr", paths[TMD]), self._io_counters())))
        return tds("Capabilities", told)

    def _device(self, xaddr: str) -> Element:
        relays = self._io_counters()[-1].text or "0"
        major, minor = _VERSION
        return tt(
            "Device",
            tt("XAddr", xaddr),
            tt("Network", _flags("IPFilter", "ZeroConfiguration", "IPVersion6", "DynDNS")),
            tt(
                "System",
                tt("DiscoveryResolve", True),
                tt("DiscoveryBye", True),
                _flags("RemoteDiscovery", "SystemBackup", "SystemLogging", "FirmwareUpgrade"),
                tt("SupportedVersions", tt("Major", major), tt("Minor", minor)),
            ),
            tt("IO", tt("InputConnectors", 0), tt("RelayOutputs", relays)),
            tt(
                "Security",
                _flags("TLS1.1", "TLS1.2", "OnboardKeyGeneration", "AccessPolicyConfig"),
                _flags("X.509Token", "SAMLToken", "KerberosToken", "RELToken"),
            ),
        )

    def _events(self, xaddr: str) -> Element:
        return tt(
            "Events",
            tt("XAddr", xaddr),
            tt("WSSubscriptionPolicySupport", False),
            tt("WSPullPointSupport", True),
            tt("WSPausableSubscriptionManagerInterfaceSupport", False),
        )

    def _media(self, xaddr: str) -> Element:
        streaming = tt(
            "StreamingCapabilities", tt("RTPMulticast", False), tt("RTP_TCP", False), tt("RTP_RTSP_TCP", True)
        )
        count = tt("ProfileCapabilities", tt("MaximumNumberOfProfiles", self._profile_count()))
        return tt("Media", tt("XAddr", xaddr), streaming, tt("Extension", count))


def _flags(*names: str) -> list[Element]:
    return [tt(name, False) for name in names]
