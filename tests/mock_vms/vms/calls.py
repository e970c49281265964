"""Webhook calls as a sender of Standard Webhooks makes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import aiohttp
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def alarm(event_id: str, **data: Any) -> dict[str, Any]:
    fields = {
        "object": "AB12CDE",
        "tag": "GB",
        "type": "List match",
        "name": "Stolen car",
        "priority": 1,
        "camera_name": "North gate",
        "list_name": "Wanted",
        "source_id": "match-1",
    }
    return {"id": event_id, "type": "AlarmRaised", "time": "2026-11-22T20:15:30.250Z", "data": fields | data}


def headers(body: bytes, message_id: str, *, secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    moment = at or datetime.now(UTC)
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, moment, body.decode()),
    }


async def call(
    session: aiohttp.ClientSession,
    url: str,
    document: Any,
    message_id: str = "msg-1",
    *,
    name: str = "lpr",
    secret: str = SECRET,
    at: datetime | None = None,
) -> tuple[int, Any]:
    """Post one signed call; gives status and answer."""
    body = json.dumps(document).encode()
    async with session.post(
        f"{url}/webhooks/{name}", data=body, headers=headers(body, message_id, secret=secret, at=at)
    ) as answer:
        return answer.status, await answer.json()
