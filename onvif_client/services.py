"""Which services a camera offers and where, and the two ways to call them.

Both GetServices and GetCapabilities are asked: old firmwares lack the first, many leave things out of the second.
"""

from __future__ import annotations

from typing import Any

from lxml import etree
from yarl import URL

from onvif_client import envelope as soap
from onvif_client.address import service_url
from onvif_client.connection import Connection
from onvif_client.errors import CameraMisbehaved, CameraRejected, CameraUnsupported
from onvif_client.soap import SoapService, soap_service

# What an optional question may end in without ending the conversation. A refusal or silence always ends it.
OPTIONAL = (CameraUnsupported, CameraRejected, CameraMisbehaved)

NAMESPACES = {"devicemgmt": soap.TDS, "media": soap.TRT, "deviceio": soap.TMD}

# Where GetCapabilities names the address of each service.
CAPABILITY_PATHS = {
    soap.TRT: ("Media",),
    soap.TIMG: ("Imaging",),
    soap.TEV: ("Events",),
    soap.TMD: ("Extension", "DeviceIO"),
}


class Services:
    """The services of one camera. `find` first; then `call` (zeep) or `ask` (lxml)."""

    def __init__(self, *, connection: Connection, rewrite_addresses: bool = True) -> None:
        self.connection = connection
        self.addresses: dict[str, URL] = {soap.TDS: connection.url}
        self._rewrite = rewrite_addresses
        self._proxies: dict[str, SoapService] = {}

    def has(self, namespace: str) -> bool:
        return namespace in self.addresses

    async def find(self) -> None:
        """Learn the addresses. A camera that answers neither question keeps its device service only."""
        problems = []
        for question in (self._from_services, self._from_capabilities):
            try:
                await question()
            except OPTIONAL as error:
                problems.append(error)
        if len(problems) == 2:
            raise problems[0]

    async def call(self, service: str, operation: str, **parameters: Any) -> Any:
        """Call through onvif-zeep; `service` is its name for the service."""
        return await (await self._proxy(service)).call(operation, **parameters)

    async def ask(
        self,
        namespace: str,
        request: etree._Element,
        *,
        headers: tuple[etree._Element, ...] = (),
        timeout_s: float | None = None,
    ) -> etree._Element:
        """Call a service whose WSDL onvif-zeep does not have (Media2) or has wrong (Events)."""
        return await self.connection.call(self.address(namespace), request, headers=headers, timeout_s=timeout_s)

    def address(self, namespace: str) -> URL:
        try:
            return self.addresses[namespace]
        except KeyError:
            raise CameraUnsupported(f"The camera offers no service {namespace}.") from None

    def reachable(self, claimed: str, *, fallback: URL | None = None) -> URL:
        """A service address as claimed, mended when the camera claims one nobody can reach."""
        worked = fallback or self.connection.url
        return service_url(claimed, worked=worked) if self._rewrite or not claimed else URL(claimed)

    async def _proxy(self, service: str) -> SoapService:
        if service not in self._proxies:
            url = self.address(NAMESPACES[service])
            self._proxies[service] = await soap_service(self.connection, service, url)
        return self._proxies[service]

    async def _from_services(self) -> None:
        answer = await self.call("devicemgmt", "GetServices", IncludeCapability=False)
        for each in answer or ():
            if each.Namespace and each.XAddr and each.Namespace != soap.TDS:
                self.addresses[each.Namespace.strip()] = self.reachable(each.XAddr)

    async def _from_capabilities(self) -> None:
        answer = await self.call("devicemgmt", "GetCapabilities", Category="All")
        for namespace, path in CAPABILITY_PATHS.items():
            found = answer
            for name in (*path, "XAddr"):
                found = getattr(found, name, None)
            if found and namespace not in self.addresses:
                self.addresses[namespace] = self.reachable(str(found))
