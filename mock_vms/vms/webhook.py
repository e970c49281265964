"""A signed webhook (Standard Webhooks) to what a VMS shows: signature first, then the body.

Body: `{"id": "...", "type": "AlarmRaised", "time": "...Z", "data": {...}}`. The `webhook-id` header names the delivery
and stays the same when the sender tries again; `id` names the event and is the same on every channel.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from mock_vms.vms.errors import WebhookRefused
from mock_vms.vms.notification import MAX_WHOLE
from mock_vms.vms.types import PictureKind, Received, clip, from_text

# What the library and the JSON parser let through when a stranger writes headers and bodies of their own choice.
BAD_SIGNATURE = (WebhookVerificationError, ValueError, OverflowError)
BAD_SECRET = (EmptyWebhookSecretError, ValueError, RuntimeError)
BAD_JSON = (ValueError, RecursionError)
PICTURE_FIELDS = {PictureKind.PLATE: "plate_picture_url", PictureKind.FRAME: "frame_picture_url"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A webhook whose signature is good."""

    message_id: str
    event: Received


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Call:
    """The call when its signature, its age and its body are good; WebhookRefused says what is wrong otherwise."""
    message_id = headers.get("webhook-id", "")
    if not 0 < len(message_id) <= 256:
        raise WebhookRefused(401, "The webhook-id header is missing or too long. Sign calls as Standard Webhooks says.")
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except BAD_SIGNATURE as error:
        raise WebhookRefused(
            401, f"The signature is not good: {error}. Check the shared secret and the clocks of both machines."
        ) from error
    return Call(message_id=message_id, event=_event(body, now))


def check_secret(secret: str) -> None:
    """ValueError when this can be no webhook secret (`whsec_` and Base64)."""
    try:
        Webhook(secret)
    except BAD_SECRET as error:
        raise ValueError(f"not a webhook secret: {error}") from error


def _event(body: bytes, now: datetime) -> Received:
    try:
        document = json.loads(body)
    except BAD_JSON as error:
        raise WebhookRefused(400, f"The body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise WebhookRefused(400, "The body must be a JSON object with id, type, time and data.")
    event_id, kind = clip(document.get("id")), clip(document.get("type"))
    if not event_id or not kind:
        raise WebhookRefused(400, "The body lacks `id` or `type`.")
    data = document.get("data")
    fields: dict[str, Any] = data if isinstance(data, dict) else {}
    nested = fields.get("plate")
    plate: dict[str, Any] = nested if isinstance(nested, dict) else {"plate_number": nested}
    return Received(
        event_id=event_id,
        type=kind,
        utc_time=_time(fields.get("utc_time") or document.get("time"), now),
        object=clip(fields.get("object") or plate.get("plate_number") or fields.get("plate_number")),
        tag=clip(fields.get("tag") or fields.get("module_code") or plate.get("country_code")),
        alarm_type=clip(fields.get("type")),
        name=clip(fields.get("name")),
        list_name=clip(fields.get("list_name")),
        camera_name=clip(fields.get("camera_name")),
        priority=_whole(fields.get("priority")),
        likelihood=_number(fields.get("likelihood")),
        source_id=clip(fields.get("source_id") or fields.get("recognized_id")),
        picture_urls={
            kind: url
            for kind, name in PICTURE_FIELDS.items()
            if isinstance(url := fields.get(name), str) and 0 < len(url) <= 2048
        },
    )


def _time(value: object, now: datetime) -> datetime:
    try:
        return from_text(value) if isinstance(value, str) else now
    except (ValueError, OverflowError) as error:
        raise WebhookRefused(400, f"`time` is not an ISO 8601 time: {error}") from error


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(max(-MAX_WHOLE, min(number, MAX_WHOLE)))
