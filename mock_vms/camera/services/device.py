"""The Device service: who the camera is, what time it thinks it is, and what else can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from mock_vms.camera.identity import HARDWARE, MANUFACTURER, MODEL, Identity, User
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.services.directory import Directory
from mock_vms.camera.services.network import network_interface, network_protocols
from mock_vms.camera.services.operation import Access, Call, Operation, boolean, required_child, whole_number
from mock_vms.camera.services.relay_outputs import RelayOutputs
from mock_vms.camera.soap import invalid_argument
from mock_vms.camera.times import EARLIEST_YEAR, LATEST_YEAR, CameraClock
from mock_vms.camera.xml import TDS, Element, tds, tt


class DeviceService:
    """Knows the other services only through the `Directory`; `reboot` is called by SystemReboot."""

    def __init__(
        self,
        *,
        identity: Identity,
        users: Iterable[User],
        clock: CameraClock,
        directory: Directory,
        relays: RelayOutputs,
        quirks: Quirks,
        reboot: Callable[[], None],
    ) -> None:
        self._identity = identity
        self._users = tuple(users)
        self._clock = clock
        self._directory = directory
        self._relays = relays
        self._quirks = quirks
        self._reboot = reboot
        self.discoverable = True
        self.operations: Mapping[str, Operation] = {**relays.operations, **self._rows()}

    def _rows(self) -> Mapping[str, Operation]:
        tables = {
            Access.PRE_AUTH: {
                "GetSystemDateAndTime": self._get_date_and_time,
                "GetServices": self._get_services,
                "GetCapabilities": self._get_capabilities,
                "GetServiceCapabilities": self._get_service_capabilities,
                "GetHostname": self._get_hostname,
                "GetWsdlUrl": self._get_wsdl_url,
                "GetEndpointReference": self._get_endpoint_reference,
            },
            Access.READ_SYSTEM: {
                "GetDeviceInformation": self._get_device_information,
                "GetScopes": self._get_scopes,
                "GetNetworkInterfaces": self._get_network_interfaces,
                "GetNetworkProtocols": self._get_network_protocols,
                "GetNetworkDefaultGateway": self._get_default_gateway,
                "GetDNS": self._get_dns,
                "GetNTP": self._get_ntp,
                "GetDiscoveryMode": self._get_discovery_mode,
            },
            Access.READ_SYSTEM_SECRET: {"GetUsers": self._get_users},
            Access.WRITE_SYSTEM: {
                "SetSystemDateAndTime": self._set_date_and_time,
                "SetDiscoveryMode": self._set_discovery_mode,
            },
            Access.UNRECOVERABLE: {"SystemReboot": self._system_reboot},
        }
        return {
            f"{{{TDS}}}{name}": Operation(access=access, handler=handler)
            for access, rows in tables.items()
            for name, handler in rows.items()
        }

    def capabilities(self) -> Element:
        return tds(
            "Capabilities",
            tds("Network", IPFilter=False, ZeroConfiguration=False, IPVersion6=False, DynDNS=False),
            tds("Security", UsernameToken=not self._quirks.digest_only, HttpDigest=not self._quirks.wsse_only),
            tds("System", DiscoveryResolve=True, DiscoveryBye=True, RemoteDiscovery=False, FirmwareUpgrade=False),
        )

    def _get_date_and_time(self, call: Call) -> Element:
        now = self._clock.now()
        told = tds(
            "SystemDateAndTime",
            tt("DateTimeType", "Manual"),
            tt("DaylightSavings", False),
            tt("TimeZone", tt("TZ", "UTC0")),
            _date_time("UTCDateTime", now),
            _date_time("LocalDateTime", now),
        )
        return tds("GetSystemDateAndTimeResponse", told)

    def _set_date_and_time(self, call: Call) -> Element:
        kind = call.required("DateTimeType")
        if kind not in ("Manual", "NTP"):
            raise invalid_argument(f"DateTimeType {kind[:40]!r} is neither Manual nor NTP", "InvalidDateTime")
        boolean(call.required("DaylightSavings"))
        moment = call.child("UTCDateTime")
        if kind == "Manual" and moment is not None:
            self._clock.set(_read_date_time(moment))
        return tds("SetSystemDateAndTimeResponse")

    def _get_device_information(self, call: Call) -> Element:
        return tds(
            "GetDeviceInformationResponse",
            tds("Manufacturer", MANUFACTURER),
            tds("Model", MODEL),
            tds("FirmwareVersion", self._identity.firmware),
            tds("SerialNumber", self._identity.serial_number),
            tds("HardwareId", HARDWARE),
        )

    def _get_services(self, call: Call) -> Element:
        detailed = boolean(call.optional("IncludeCapability") or "false")
        return tds("GetServicesResponse", self._directory.services(call.addresses, detailed=detailed))

    def _get_capabilities(self, call: Call) -> Element:
        category = call.optional("Category") or "All"
        return tds("GetCapabilitiesResponse", self._directory.capabilities(call.addresses, category))

    def _get_service_capabilities(self, call: Call) -> Element:
        return tds("GetServiceCapabilitiesResponse", self.capabilities())

    def _get_scopes(self, call: Call) -> Element:
        scopes = (tds("Scopes", tt("ScopeDef", "Fixed"), tt("ScopeItem", scope)) for scope in self._identity.scopes)
        return tds("GetScopesResponse", scopes)

    def _get_hostname(self, call: Call) -> Element:
        name = tt("Name", f"camera-{self._identity.serial_number.lower()}")
        return tds("GetHostnameResponse", tds("HostnameInformation", tt("FromDHCP", False), name))

    def _get_wsdl_url(self, call: Call) -> Element:
        return tds("GetWsdlUrlResponse", tds("WsdlUrl", "https://www.onvif.org/profiles/specifications/"))

    def _get_endpoint_reference(self, call: Call) -> Element:
        return tds("GetEndpointReferenceResponse", tds("GUID", self._identity.endpoint_reference))

    def _get_network_interfaces(self, call: Call) -> Element:
        interface = network_interface(self._identity.mac_address, call.addresses)
        return tds("GetNetworkInterfacesResponse", interface)

    def _get_network_protocols(self, call: Call) -> Element:
        return tds("GetNetworkProtocolsResponse", network_protocols(call.addresses))

    def _get_default_gateway(self, call: Call) -> Element:
        return tds("GetNetworkDefaultGatewayResponse", tds("NetworkGateway"))

    def _get_dns(self, call: Call) -> Element:
        return tds("GetDNSResponse", tds("DNSInformation", tt("FromDHCP", False)))

    def _get_ntp(self, call: Call) -> Element:
        return tds("GetNTPResponse", tds("NTPInformation", tt("FromDHCP", False)))

    def _get_discovery_mode(self, call: Call) -> Element:
        mode = "Discoverable" if self.discoverable else "NonDiscoverable"
        return tds("GetDiscoveryModeResponse", tds("DiscoveryMode", mode))

    def _set_discovery_mode(self, call: Call) -> Element:
        mode = call.required("DiscoveryMode")
        if mode not in ("Discoverable", "NonDiscoverable"):
            raise invalid_argument(f"{mode[:40]!r} is neither Discoverable nor NonDiscoverable")
        self.discoverable = mode == "Discoverable"
        return tds("SetDiscoveryModeResponse")

    def _get_users(self, call: Call) -> Element:
        users = (tds("User", tt("Username", user.name), tt("UserLevel", user.level.value)) for user in self._users)
        return tds("GetUsersResponse", users)

    def _system_reboot(self, call: Call) -> Element:
        self._reboot()
        return tds("SystemRebootResponse", tds("Message", "Rebooting: all subscriptions are gone"))


def _date_time(name: str, moment: datetime) -> Element:
    time = tt("Time", tt("Hour", moment.hour), tt("Minute", moment.minute), tt("Second", moment.second))
    date = tt("Date", tt("Year", moment.year), tt("Month", moment.month), tt("Day", moment.day))
    return tt(name, time, date)


def _read_date_time(element: Element) -> datetime:
    time, date = required_child(element, "Time"), required_child(element, "Date")
    parts = [
        whole_number(required_child(parent, name))
        for parent, name in (
            (date, "Year"),
            (date, "Month"),
            (date, "Day"),
            (time, "Hour"),
            (time, "Minute"),
            (time, "Second"),
        )
    ]
    try:
        year, month, day, hour, minute, second = parts
        if not EARLIEST_YEAR <= year <= LATEST_YEAR:
            raise ValueError(f"the year must be within {EARLIEST_YEAR} to {LATEST_YEAR}")
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise invalid_argument(f"{parts} is not a date and time: {error}", "InvalidDateTime") from error
