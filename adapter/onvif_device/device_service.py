"""The Device service: who we are, what we can, what time it is here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from adapter.onvif_device import addresses
from adapter.onvif_device.call import Access, Call, Operation
from adapter.onvif_device.ports import Cameras, DeviceIdentity, Relays, UserLevel, Users
from events.xmlns import Element, node, xs_bool

_LEVELS = {
    UserLevel.USER: "User",
    UserLevel.OPERATOR: "Operator",
    UserLevel.ADMINISTRATOR: "Administrator",
}


class DeviceService:
    """Answers `tds` requests, except those about relays."""

    def __init__(
        self,
        *,
        identity: DeviceIdentity,
        users: Users,
        cameras: Cameras,
        relays: Relays,
        clock: Callable[[], datetime],
        capabilities: Mapping[addresses.Service, Callable[[], Element]],
    ) -> None:
        """`capabilities` makes the Capabilities element of each other service, for GetServices."""
        self._identity = identity
        self._users = users
        self._cameras = cameras
        self._relays = relays
        self._clock = clock
        self._capabilities = capabilities

    def operations(self) -> Iterable[Operation]:
        pre_auth, system = Access.PRE_AUTH, Access.READ_SYSTEM
        yield Operation(request="tds:GetSystemDateAndTime", access=pre_auth, answer=self._date_and_time)
        yield Operation(request="tds:GetServices", access=pre_auth, answer=self._services)
        yield Operation(request="tds:GetServiceCapabilities", access=pre_auth, answer=self._service_capabilities)
        yield Operation(request="tds:GetCapabilities", access=pre_auth, answer=self._all_capabilities)
        yield Operation(request="tds:GetHostname", access=pre_auth, answer=self._hostname)
        yield Operation(request="tds:GetWsdlUrl", access=pre_auth, answer=self._wsdl_url)
        yield Operation(request="tds:GetEndpointReference", access=pre_auth, answer=self._endpoint_reference)
        yield Operation(request="tds:GetDeviceInformation", access=system, answer=self._information)
        yield Operation(request="tds:GetScopes", access=system, answer=self._scopes)
        yield Operation(request="tds:GetNetworkInterfaces", access=system, answer=self._network_interfaces)
        yield Operation(request="tds:GetNetworkProtocols", access=system, answer=self._network_protocols)
        yield Operation(request="tds:GetDNS", access=system, answer=self._dns)
        yield Operation(request="tds:GetNTP", access=system, answer=self._ntp)
        yield Operation(request="tds:GetDiscoveryMode", access=system, answer=self._discovery_mode)
        yield Operation(request="tds:GetNetworkDefaultGateway", access=system, answer=self._default_gateway)
        yield Operation(request="tds:GetUsers", access=Access.READ_SYSTEM_SECRET, answer=self._get_users)

    async def _date_and_time(self, call: Call) -> Element:
        now = self._clock().astimezone(UTC)
        return node(
            "tds:GetSystemDateAndTimeResponse",
            node(
                "tds:SystemDateAndTime",
                node("tt:DateTimeType", "NTP"),
                node("tt:DaylightSavings", "false"),
                node("tt:TimeZone", node("tt:TZ", "UTC0")),
                _date_time("tt:UTCDateTime", now),
                _date_time("tt:LocalDateTime", now),
            ),
        )

    async def _services(self, call: Call) -> Element:
        include = call.optional_text("tds:IncludeCapability") in {"true", "1"}
        answer = node("tds:GetServicesResponse")
        for service in addresses.SERVICES:
            entry = node(
                "tds:Service", node("tds:Namespace", service.namespace), node("tds:XAddr", call.base_url + service.path)
            )
            if include:
                made = _device_capabilities if service is addresses.DEVICE else self._capabilities[service]
                entry.append(node("tds:Capabilities", made()))
            entry.append(
                node(
                    "tds:Version",
                    node("tt:Major", str(addresses.VERSION_MAJOR)),
                    node("tt:Minor", str(addresses.VERSION_MINOR)),
                )
            )
            answer.append(entry)
        return answer

    async def _service_capabilities(self, call: Call) -> Element:
        return node("tds:GetServiceCapabilitiesResponse", _device_capabilities())

    async def _all_capabilities(self, call: Call) -> Element:
        """The old path that many clients still use alone. Media2 has no place in it."""

        def address(service: addresses.Service) -> Element:
            return node("tt:XAddr", call.base_url + service.path)

        streaming = node(
            "tt:StreamingCapabilities",
            node("tt:RTPMulticast", "false"),
            node("tt:RTP_TCP", "true"),
            node("tt:RTP_RTSP_TCP", "true"),
        )
        count = str(len(self._cameras.cameras()))
        device_io = node(
            "tt:DeviceIO",
            address(addresses.DEVICE_IO),
            node("tt:VideoSources", count),
            node("tt:VideoOutputs", "0"),
            node("tt:AudioSources", "0"),
            node("tt:AudioOutputs", "0"),
            node("tt:RelayOutputs", str(len(self._relays.relays()))),
        )
        sections = {
            "Analytics": node(
                "tt:Analytics",
                address(addresses.ANALYTICS),
                node("tt:RuleSupport", "true"),
                node("tt:AnalyticsModuleSupport", "true"),
            ),
            "Device": node("tt:Device", address(addresses.DEVICE)),
            "Events": node(
                "tt:Events",
                address(addresses.EVENTS),
                node("tt:WSSubscriptionPolicySupport", "true"),
                node("tt:WSPullPointSupport", "true"),
                node("tt:WSPausableSubscriptionManagerInterfaceSupport", "false"),
            ),
            "Imaging": node("tt:Imaging", address(addresses.IMAGING)),
            "Media": node("tt:Media", address(addresses.MEDIA), streaming),
            "Extension": node("tt:Extension", device_io),
        }
        categories = {(found.text or "").strip() for found in call.request.iterfind("{*}Category")} - {""}
        everything = not categories or "All" in categories
        chosen = [section for key, section in sections.items() if everything or key in categories]
        return node("tds:GetCapabilitiesResponse", node("tds:Capabilities", *chosen))

    async def _hostname(self, call: Call) -> Element:
        information = node("tds:HostnameInformation", node("tt:FromDHCP", "false"), node("tt:Name", "onvif-lpr"))
        return node("tds:GetHostnameResponse", information)

    async def _wsdl_url(self, call: Call) -> Element:
        return node("tds:GetWsdlUrlResponse", node("tds:WsdlUrl", "http://www.onvif.org/"))

    async def _endpoint_reference(self, call: Call) -> Element:
        return node("tds:GetEndpointReferenceResponse", node("tds:GUID", self._identity.device_uuid))

    async def _information(self, call: Call) -> Element:
        who = self._identity
        return node(
            "tds:GetDeviceInformationResponse",
            node("tds:Manufacturer", who.manufacturer),
            node("tds:Model", who.model),
            node("tds:FirmwareVersion", who.firmware_version),
            node("tds:SerialNumber", who.serial_number),
            node("tds:HardwareId", who.hardware_id),
        )

    async def _scopes(self, call: Call) -> Element:
        answer = node("tds:GetScopesResponse")
        for scope in scopes(self._identity):
            answer.append(node("tds:Scopes", node("tt:ScopeDef", "Fixed"), node("tt:ScopeItem", scope)))
        return answer

    async def _network_interfaces(self, call: Call) -> Element:
        """One interface: clients use its hardware address to tell devices apart."""
        information = node(
            "tt:Info", node("tt:Name", "eth0"), node("tt:HwAddress", self._identity.mac_address), node("tt:MTU", "1500")
        )
        interface = node("tds:NetworkInterfaces", node("tt:Enabled", "true"), information, token="eth0")
        return node("tds:GetNetworkInterfacesResponse", interface)

    async def _network_protocols(self, call: Call) -> Element:
        scheme, _, authority = call.base_url.partition("://")
        port = authority.rpartition(":")[2]
        number = port if port.isdecimal() else {"http": "80", "https": "443"}[scheme]
        protocol = node(
            "tds:NetworkProtocols",
            node("tt:Name", scheme.upper()),
            node("tt:Enabled", "true"),
            node("tt:Port", number),
        )
        return node("tds:GetNetworkProtocolsResponse", protocol)

    async def _dns(self, call: Call) -> Element:
        return node("tds:GetDNSResponse", node("tds:DNSInformation", node("tt:FromDHCP", "true")))

    async def _ntp(self, call: Call) -> Element:
        return node("tds:GetNTPResponse", node("tds:NTPInformation", node("tt:FromDHCP", "true")))

    async def _discovery_mode(self, call: Call) -> Element:
        return node("tds:GetDiscoveryModeResponse", node("tds:DiscoveryMode", "Discoverable"))

    async def _default_gateway(self, call: Call) -> Element:
        return node("tds:GetNetworkDefaultGatewayResponse", node("tds:NetworkGateway"))

    async def _get_users(self, call: Call) -> Element:
        """Names and levels; passwords never leave."""
        answer = node("tds:GetUsersResponse")
        for user in self._users.all():
            level = node("tt:UserLevel", _LEVELS.get(user.level, "User"))
            answer.append(node("tds:User", node("tt:Username", user.name), level))
        return answer


def scopes(identity: DeviceIdentity) -> list[str]:
    """The scopes of discovery and GetScopes, percent-encoded."""
    found = [f"onvif://www.onvif.org/Profile/{profile}" for profile in identity.profiles]
    found.append(f"onvif://www.onvif.org/hardware/{quote(identity.hardware_id, safe='')}")
    found.append(f"onvif://www.onvif.org/name/{quote(identity.name, safe='')}")
    if identity.location:
        found.append(f"onvif://www.onvif.org/location/{quote(identity.location, safe='')}")
    return found


def _date_time(tag: str, moment: datetime) -> Element:
    return node(
        tag,
        node(
            "tt:Time",
            node("tt:Hour", str(moment.hour)),
            node("tt:Minute", str(moment.minute)),
            node("tt:Second", str(moment.second)),
        ),
        node(
            "tt:Date",
            node("tt:Year", str(moment.year)),
            node("tt:Month", str(moment.month)),
            node("tt:Day", str(moment.day)),
        ),
    )


def _device_capabilities() -> Element:
    security = node(
        "tds:Security",
        **{
            "TLS1.0": "false",
            "TLS1.1": "false",
            "TLS1.2": "false",
            "OnboardKeyGeneration": "false",
            "AccessPolicyConfig": "false",
            "DefaultAccessPolicy": "true",
            "Dot1X": "false",
            "RemoteUserHandling": "false",
            "X.509Token": "false",
            "SAMLToken": "false",
            "KerberosToken": "false",
            "UsernameToken": "true",
            "HttpDigest": "true",
            "RELToken": "false",
        },
    )
    system = node("tds:System", DiscoveryResolve="true", DiscoveryBye="true", RemoteDiscovery=xs_bool(False))
    return node("tds:Capabilities", node("tds:Network"), security, system)
