"""Under which paths the services answer, and what their versions are."""

from __future__ import annotations

from dataclasses import dataclass

from events.xmlns import NAMESPACES

SUBSCRIPTION_PATH = "/onvif/subscription/"
SNAPSHOT_PATH = "/onvif/snapshot/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One ONVIF service: the prefix of its namespace and its path."""

    prefix: str
    path: str

    @property
    def namespace(self) -> str:
        return NAMESPACES[self.prefix]


DEVICE = Service(prefix="tds", path="/onvif/device_service")
MEDIA = Service(prefix="trt", path="/onvif/media_service")
MEDIA2 = Service(prefix="tr2", path="/onvif/media2_service")
EVENTS = Service(prefix="tev", path="/onvif/event_service")
ANALYTICS = Service(prefix="tan", path="/onvif/analytics_service")
DEVICE_IO = Service(prefix="tmd", path="/onvif/deviceio_service")
IMAGING = Service(prefix="timg", path="/onvif/imaging_service")

SERVICES = (DEVICE, MEDIA, MEDIA2, EVENTS, ANALYTICS, DEVICE_IO, IMAGING)

# The release of the specifications that the answers follow.
VERSION_MAJOR, VERSION_MINOR = 26, 6
