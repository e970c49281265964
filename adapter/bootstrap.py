"""What the first start makes up, and every later start finds again."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from adapter.onvif_device.ports import DeviceIdentity
from adapter.store.store import Store
from adapter.store.users import FIRST_USER, Role

UUID_FACT = "device-uuid"
# A new one is made at any start after this; until then a copied file would do, so it is not for ever.
LOCAL_TOKEN_LIFE = timedelta(days=90)
RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStart:
    """Passwords that were made up just now, to be printed once; None at every later start."""

    administrator: str
    administrator_password: str | None
    """One-time: it must be changed at the first login."""
    vms_password: str | None
    """Of the ONVIF user `vms`, with which a VMS adds this device."""


async def first_start(store: Store, now: datetime) -> FirstStart:
    """Make the first administrator and the first ONVIF user where there are none."""
    password = await store.users.ensure_first(now)
    vms_user = await store.onvif_users.ensure_first(now)
    vms_password = vms_user.password if vms_user else None
    return FirstStart(administrator=FIRST_USER, administrator_password=password, vms_password=vms_password)


async def device_identity(store: Store, *, name: str, version: str) -> DeviceIdentity:
    """The same ONVIF device for the life of the installation, whatever its addresses."""
    device_uuid = await store.facts.get(UUID_FACT)
    if device_uuid is None:
        device_uuid = str(uuid4())
        await store.facts.put(UUID_FACT, device_uuid)
    return DeviceIdentity(
        device_uuid=device_uuid,
        name=name or "onvif-lpr",
        firmware_version=version,
        serial_number=device_uuid[:8],
    )


async def local_token(store: Store, path: Path, now: datetime) -> str:
    """The API token of this machine's command line, in a file that only the service's own user can read."""
    kept = await asyncio.to_thread(_read, path)
    known = await store.tokens.check(kept, now) if kept else None
    if known is not None and known.expires_at - now > RENEW_BEFORE:
        return kept
    _, text = await store.tokens.add(
        f"command line {now:%Y-%m-%d %H:%M:%S}",
        Role.ADMINISTRATOR,
        now=now,
        expires_at=now + LOCAL_TOKEN_LIFE,
        created_by="system",
    )
    await asyncio.to_thread(_write, path, text)
    return text


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")
