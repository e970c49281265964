"""What a camera's raw answer means: the body that was asked for, or one of our errors."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import structlog
from lxml import etree

from onvif_client import envelope as soap
from onvif_client.errors import (
    CameraError,
    CameraMisbehaved,
    CameraRefused,
    CameraRejected,
    CameraUnreachable,
    CameraUnsupported,
)
from onvif_client.http import Answer

log = structlog.get_logger(__name__)

# Subcodes by which cameras say "not you": ONVIF's own and those of WS-Security.
NOT_YOU = frozenset(
    {"NotAuthorized", "FailedAuthentication", "InvalidSecurity", "InvalidSecurityToken", "SenderNotAuthorized"}
)

# Subcodes by which cameras say "I have no such thing" (core specification 5.8.2.2 and the services).
NOT_HERE = frozenset(
    {"ActionNotSupported", "OptionalActionNotImplemented", "UnknownAction", "NoImagingForSource", "NoSuchService"}
)


def read_answer(operation: str, answer: Answer) -> etree._Element:
    """The body element of the answer to `operation`; raises what the camera said instead."""
    if not answer.body and answer.status != 200:
        raise status_error(operation, answer)
    try:
        body = soap.body_of(soap.parse(answer.body, asked=operation), asked=operation)
    except CameraMisbehaved:
        if answer.status != 200:
            raise status_error(operation, answer) from None
        raise
    fault = soap.read_fault(body)
    if fault is not None:
        raise fault_error(operation, fault)
    if soap.local_name(body) != f"{operation}Response":
        raise CameraMisbehaved(f"{operation}: the camera answered with <{soap.local_name(body)}>. Update its firmware.")
    return body


def is_refusal(answer: Answer) -> bool:
    """Whether the camera did not let us in, by status or by fault."""
    if answer.status in (401, 403):
        return True
    if answer.status == 200 and b"Fault" not in answer.body:
        return False
    try:
        fault = soap.read_fault(soap.body_of(soap.parse(answer.body, asked="login"), asked="login"))
    except CameraMisbehaved:
        return False
    return fault is not None and not NOT_YOU.isdisjoint(fault.codes)


def fault_error(operation: str, fault: soap.Fault) -> CameraError:
    if not NOT_YOU.isdisjoint(fault.codes):
        return CameraRefused(f"{operation}: the camera does not allow it ({fault}). Check user, password and level.")
    if not NOT_HERE.isdisjoint(fault.codes):
        return CameraUnsupported(f"{operation}: this camera does not offer it ({fault}).")
    return CameraRejected(f"{operation}: the camera rejected it ({fault}).")


def status_error(operation: str, answer: Answer) -> CameraError:
    status = answer.status
    if status in (401, 403):
        return CameraRefused(f"{operation}: the camera wants a login (HTTP {status}). Check user and password.")
    if status in (404, 405, 501):
        return CameraUnsupported(f"{operation}: nothing answers at this address of the camera (HTTP {status}).")
    if status in (429, 502, 503, 504):
        return CameraUnreachable(f"{operation}: the camera is busy (HTTP {status}). Try again later.")
    if 300 <= status < 400:
        return CameraMisbehaved(f"{operation}: the camera redirects elsewhere. Use its https address instead.")
    return CameraMisbehaved(f"{operation}: the camera answered HTTP {status} without an ONVIF fault.")


def camera_time(body: etree._Element) -> datetime | None:
    """UTCDateTime of GetSystemDateAndTime; None when a firmware leaves it out or writes nonsense."""
    found = soap.child(body, "SystemDateAndTime", "UTCDateTime")
    names = (
        ("Date", "Year"),
        ("Date", "Month"),
        ("Date", "Day"),
        ("Time", "Hour"),
        ("Time", "Minute"),
        ("Time", "Second"),
    )
    try:
        year, month, day, hour, minute, second = (int(soap.text(found, *path)) for path in names)
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        log.debug("camera clock unreadable")
        return None


def date_of(header: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(header).astimezone(UTC) if header else None
    except ValueError:
        return None
