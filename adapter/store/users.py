"""People who sign in to the console. Passwords are kept as argon2 hashes; the first one is made here and used once."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from adapter.store.database import Database
from adapter.store.errors import Conflict, NotFound, Refused
from adapter.store.tables import users

FIRST_USER = "admin"

MIN_PASSWORD_LENGTH = 10
# argon2 hashes any length, but time must not grow with what a stranger sends.
MAX_PASSWORD_LENGTH = 200


class Role(StrEnum):
    """What somebody may do. Each role of a person may do what the ones before it may; a worker may join, no more."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"
    WORKER = "worker"
    """Of tokens only."""

    def covers(self, needed: Role) -> bool:
        if Role.WORKER in (self, needed):
            return self is needed
        order = list(PERSONS)
        return order.index(self) >= order.index(needed)


PERSONS = (Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A console user; `must_change` until the one-time password was replaced."""

    name: str
    role: Role
    must_change: bool = False
    enabled: bool = True
    created_at: datetime


class Users:
    """Users and their passwords. Hashing runs in a thread: it takes tens of milliseconds on purpose."""

    def __init__(self, *, database: Database, hasher: PasswordHasher | None = None) -> None:
        self._database = database
        self._hasher = hasher or PasswordHasher()
        self._decoy: str | None = None

    async def ensure_first(self, now: datetime) -> str | None:
        """Make the administrator when there is no user at all; the one-time password to print, or None."""
        password = secrets.token_urlsafe(12)
        hashed = await asyncio.to_thread(self._hasher.hash, password)
        async with self._database.write() as connection:
            if await connection.scalar(select(func.count()).select_from(users)):
                return None
            await connection.execute(insert(users).values(_row(FIRST_USER, Role.ADMINISTRATOR, hashed, True, now)))
        return password

    async def all(self) -> Sequence[User]:
        async with self._database.read() as connection:
            return [_user(row) for row in await connection.execute(select(users).order_by(users.c.name))]

    async def get(self, name: str) -> User | None:
        async with self._database.read() as connection:
            row = (await connection.execute(select(users).where(users.c.name == name))).one_or_none()
        return None if row is None else _user(row)

    async def add(self, name: str, password: str, role: Role, *, now: datetime, must_change: bool = True) -> User:
        """Conflict when the name is taken, Refused when the password is too weak."""
        check_password(password)
        hashed = await asyncio.to_thread(self._hasher.hash, password)
        try:
            async with self._database.write() as connection:
                await connection.execute(insert(users).values(_row(name, role, hashed, must_change, now)))
        except IntegrityError as error:
            raise Conflict(f"There is a user named {name!r} already.") from error
        return User(name=name, role=role, must_change=must_change, created_at=now)

    async def check(self, name: str, password: str) -> User | None:
        """The user when name and password fit and the account is enabled, else None."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(users).where(users.c.name == name))).one_or_none()
        hashed = await self._decoy_hash() if row is None else row.password_hash
        fits = await asyncio.to_thread(self._verify, hashed, password[:MAX_PASSWORD_LENGTH])
        return _user(row) if fits and row is not None and row.enabled else None

    async def set_password(self, name: str, password: str, *, must_change: bool = False) -> None:
        """NotFound, or Refused when the password is too weak."""
        check_password(password)
        hashed = await asyncio.to_thread(self._hasher.hash, password)
        async with self._database.write() as connection:
            done = await connection.execute(
                update(users).where(users.c.name == name).values(password_hash=hashed, must_change=must_change)
            )
        if done.rowcount == 0:
            raise NotFound(f"There is no user {name!r}.")

    async def change(self, name: str, *, role: Role, enabled: bool) -> None:
        """NotFound; Refused when it would leave nobody who can administer."""
        async with self._database.write() as connection:
            done = await connection.execute(
                update(users).where(users.c.name == name).values(role=role.value, enabled=enabled)
            )
            if done.rowcount == 0:
                raise NotFound(f"There is no user {name!r}.")
            await _require_administrator(connection)

    async def remove(self, name: str) -> None:
        """NotFound; Refused for the last administrator."""
        async with self._database.write() as connection:
            done = await connection.execute(delete(users).where(users.c.name == name))
            if done.rowcount == 0:
                raise NotFound(f"There is no user {name!r}.")
            await _require_administrator(connection)

    async def _decoy_hash(self) -> str:
        """Checked when there is no such user, so that the time to answer does not tell which names exist."""
        if self._decoy is None:
            self._decoy = await asyncio.to_thread(self._hasher.hash, secrets.token_urlsafe())
        return self._decoy

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False


def check_password(password: str) -> None:
    """Refused, saying what a password needs."""
    if len(password) < MIN_PASSWORD_LENGTH:
        raise Refused(f"The password needs at least {MIN_PASSWORD_LENGTH} characters.")
    if len(password) > MAX_PASSWORD_LENGTH:
        raise Refused(f"The password may have at most {MAX_PASSWORD_LENGTH} characters.")


async def _require_administrator(connection: AsyncConnection) -> None:
    left = (users.c.role == Role.ADMINISTRATOR.value) & users.c.enabled
    if not await connection.scalar(select(func.count()).select_from(users).where(left)):
        raise Refused("One enabled administrator has to remain.")


def _row(name: str, role: Role, hashed: str, must_change: bool, now: datetime) -> dict[str, Any]:
    return {
        "name": name,
        "role": role.value,
        "password_hash": hashed,
        "must_change": must_change,
        "enabled": True,
        "created_at": now,
    }


def _user(row: Any) -> User:
    return User(
        name=row.name,
        role=Role(row.role),
        must_change=row.must_change,
        enabled=row.enabled,
        created_at=row.created_at,
    )
