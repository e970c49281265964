"""What an operation is: who may call it, what it is handed, and the addresses it may put into its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from mock_vms.camera.identity import UserLevel
from mock_vms.camera.soap import Envelope, SoapFault
from mock_vms.camera.xml import Element, children_of, name_of

# The discard port: nobody listens there any more.
DEAD_PORT = 9
# TEST-NET-1 of RFC 5737: never routed, so a client that trusts the address waits in vain, as behind a real NAT.
UNREACHABLE_HOST = "192.0.2.99"


class Access(Enum):
    """Access classes (Core 5.9.4), each with the lowest user level that may call; None means everybody."""

    PRE_AUTH = ("PRE_AUTH", None)
    READ_SYSTEM = ("READ_SYSTEM", UserLevel.USER)
    READ_MEDIA = ("READ_MEDIA", UserLevel.USER)
    ACTUATE = ("ACTUATE", UserLevel.OPERATOR)
    READ_SYSTEM_SECRET = ("READ_SYSTEM_SECRET", UserLevel.ADMINISTRATOR)
    WRITE_SYSTEM = ("WRITE_SYSTEM", UserLevel.ADMINISTRATOR)
    UNRECOVERABLE = ("UNRECOVERABLE", UserLevel.ADMINISTRATOR)

    def allows(self, level: UserLevel) -> bool:
        lowest = self.value[1]
        ladder = (UserLevel.USER, UserLevel.OPERATOR, UserLevel.ADMINISTRATOR)
        return lowest is None or ladder.index(level) >= ladder.index(lowest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Addresses as this client can reach them: built from the scheme and Host of its own request."""

    scheme: str
    authority: str
    """Host and port, as in the Host header."""
    rtsp_port: int

    @property
    def host(self) -> str:
        """The host alone, with the brackets that an IPv6 address needs."""
        if self.authority.startswith("["):
            return self.authority.partition("]")[0] + "]"
        return self.authority.partition(":")[0]

    def service(self, name: str) -> str:
        return f"{self.scheme}://{self.authority}/onvif/{name}"

    def subscription(self, subscription_id: str) -> str:
        return f"{self.scheme}://{self.authority}/onvif/subscription/{subscription_id}"

    def snapshot(self, profile_token: str) -> str:
        return f"{self.scheme}://{self.authority}/onvif/snapshot/{profile_token}"

    def stream(self, encoder_token: str) -> str:
        return f"rtsp://{self.host}:{self.rtsp_port}/{encoder_token}"

    def unreachable(self) -> Addresses:
        """The same addresses at a host that nobody can reach: a camera behind a NAT that knows only its inside."""
        _, colon, port = self.authority.removeprefix(self.host).partition(":")
        return Addresses(scheme=self.scheme, authority=UNREACHABLE_HOST + colon + port, rtsp_port=self.rtsp_port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request on its way into an operation."""

    envelope: Envelope
    addresses: Addresses
    subscription_id: str | None = None

    @property
    def body(self) -> Element:
        return self.envelope.body

    def optional(self, name: str) -> str | None:
        """The text of a direct child, None when it is missing or empty. Its namespace is that of the operation."""
        child = self.child(name)
        return (child.text or "").strip() or None if child is not None else None

    def required(self, name: str) -> str:
        value = self.optional(name)
        if value is None:
            raise SoapFault(f"{name_of(self.body)} needs a {name}", "InvalidArgs")
        return value

    def child(self, name: str) -> Element | None:
        return next((child for child in children_of(self.body) if name_of(child) == name), None)


Handler = Callable[[Call], Element | Awaitable[Element]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of a service's table. `action` is the wsa:Action of the answer, where WS-Addressing is in use."""

    access: Access
    handler: Handler
    action: str | None = None


class Service(Protocol):
    """A service is a table from the QName of the request to the operation, and what it can do."""

    @property
    def operations(self) -> Mapping[str, Operation]: ...

    def capabilities(self) -> Element: ...


def required_child(parent: Element, name: str) -> Element:
    """The child element of that local name; a fault that says where it is missing."""
    child = optional_child(parent, name)
    if child is None:
        raise SoapFault(f"{name_of(parent)} needs a {name}", "InvalidArgs")
    return child


def optional_child(parent: Element, name: str) -> Element | None:
    return next((child for child in children_of(parent) if name_of(child) == name), None)


def number(element: Element) -> float:
    """The number in an element. A comma for the decimal point is a fault, not a guess."""
    text = (element.text or "").strip()
    try:
        return float(text)
    except ValueError as error:
        raise SoapFault(f"{name_of(element)} must be a number, not {text[:40]!r}", "InvalidArgs") from error


def whole_number(element: Element) -> int:
    """The whole number in an element; infinity and fractions are faults."""
    value = number(element)
    if not value.is_integer():
        raise SoapFault(f"{name_of(element)} must be a whole number", "InvalidArgs")
    return int(value)


def boolean(text: str) -> bool:
    value = {"true": True, "1": True, "false": False, "0": False}.get(text.strip())
    if value is None:
        raise SoapFault(f"{text[:40]!r} is not an xs:boolean", "InvalidArgs")
    return value
