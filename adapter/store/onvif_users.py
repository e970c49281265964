"""Users of the ONVIF face, for VMSs. HTTP Digest needs the clear password, so it is encrypted, not hashed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, func, insert, select, update

from adapter.store.database import Database
from adapter.store.errors import NotFound
from adapter.store.tables import onvif_users
from adapter.store.vault import Vault

FIRST_USER = "vms"


class UserLevel(StrEnum):
    """ONVIF tt:UserLevel."""

    ADMINISTRATOR = "Administrator"
    OPERATOR = "Operator"
    USER = "User"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnvifUser:
    name: str
    password: str = field(repr=False)
    level: UserLevel


class OnvifUsers:
    """Credentials a VMS uses towards us."""

    def __init__(self, *, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def ensure_first(self, now: datetime) -> OnvifUser | None:
        """Make the first user when there is none, with a generated password to print; None otherwise."""
        user = OnvifUser(name=FIRST_USER, password=secrets.token_urlsafe(9), level=UserLevel.OPERATOR)
        async with self._database.write() as connection:
            if await connection.scalar(select(func.count()).select_from(onvif_users)):
                return None
            await connection.execute(insert(onvif_users).values({**self._to_row(user), "created_at": now}))
        return user

    async def all(self) -> Sequence[OnvifUser]:
        async with self._database.read() as connection:
            rows = await connection.execute(select(onvif_users).order_by(onvif_users.c.name))
            return [
                OnvifUser(name=row.name, password=self._vault.decrypt(row.password) or "", level=UserLevel(row.level))
                for row in rows
            ]

    async def save(self, user: OnvifUser, *, now: datetime) -> None:
        """Add a user or change the one of that name."""
        values = self._to_row(user)
        async with self._database.write() as connection:
            done = await connection.execute(update(onvif_users).where(onvif_users.c.name == user.name).values(values))
            if done.rowcount == 0:
                await connection.execute(insert(onvif_users).values({**values, "created_at": now}))

    async def remove(self, name: str) -> None:
        """NotFound when there is none."""
        async with self._database.write() as connection:
            done = await connection.execute(delete(onvif_users).where(onvif_users.c.name == name))
        if done.rowcount == 0:
            raise NotFound(f"There is no ONVIF user {name!r}.")

    def _to_row(self, user: OnvifUser) -> dict[str, object]:
        return {"name": user.name, "password": self._vault.encrypt(user.password), "level": user.level.value}
