"""One request on its way through the face, and how operations are registered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from adapter.onvif_device.ports import FaceUser, UserLevel
from events import soap
from events.xmlns import Element, name


class Access(StrEnum):
    """The access classes of Core 5.9.4."""

    PRE_AUTH = "PRE_AUTH"
    READ_SYSTEM = "READ_SYSTEM"
    READ_MEDIA = "READ_MEDIA"
    READ_SYSTEM_SENSITIVE = "READ_SYSTEM_SENSITIVE"
    ACTUATE = "ACTUATE"
    READ_SYSTEM_SECRET = "READ_SYSTEM_SECRET"
    WRITE_SYSTEM = "WRITE_SYSTEM"
    UNRECOVERABLE = "UNRECOVERABLE"


LEAST_LEVEL: Mapping[Access, UserLevel] = {
    Access.PRE_AUTH: UserLevel.ANONYMOUS,
    Access.READ_SYSTEM: UserLevel.USER,
    Access.READ_MEDIA: UserLevel.USER,
    Access.READ_SYSTEM_SENSITIVE: UserLevel.OPERATOR,
    Access.ACTUATE: UserLevel.OPERATOR,
    Access.READ_SYSTEM_SECRET: UserLevel.ADMINISTRATOR,
    Access.WRITE_SYSTEM: UserLevel.ADMINISTRATOR,
    Access.UNRECOVERABLE: UserLevel.ADMINISTRATOR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A parsed and authorised request."""

    request: Element
    base_url: str
    """Scheme and host as the client reached us; every address in the answer starts with it."""
    host: str
    """The host alone, for addresses of other ports."""
    user: FaceUser | None
    subscription_id: str | None
    connected: Callable[[], bool]

    def text(self, qualified: str) -> str:
        """The text of a required child. Raises Fault when it is missing or empty."""
        found = self.optional_text(qualified)
        if not found:
            local = qualified.partition(":")[2]
            raise soap.sender_fault("ter:InvalidArgs", reason=f"The request lacks {local}.")
        return found

    def optional_text(self, qualified: str) -> str | None:
        """The text of a child, or None when it is not there."""
        found = self.request.find(name(qualified))
        return None if found is None else (found.text or "").strip()


Answer = Callable[[Call], Awaitable[Element]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of one service. `action` is the wsa:Action of the answer, for those that must carry one."""

    request: str
    access: Access
    answer: Answer
    action: str | None = None
    may_wait: bool = False


def table(operations: Iterable[Operation]) -> dict[str, Operation]:
    """Operations by the Clark name of their request. Names are unique over all services, so one table serves all."""
    found: dict[str, Operation] = {}
    for operation in operations:
        key = name(operation.request)
        if key in found:
            raise ValueError(f"{operation.request} is registered twice")
        found[key] = operation
    return found


def not_supported(what: str) -> soap.Fault:
    """For operations that ONVIF knows and this device has not."""
    return soap.receiver_fault("ter:ActionNotSupported", reason=f"{what} is not supported by this device.")
