"""API tokens for programs. Only a hash is kept: a token has 256 random bits, so a fast hash cannot be guessed back."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select

from adapter.store.database import Database
from adapter.store.errors import NotFound
from adapter.store.tables import api_tokens
from adapter.store.users import Role

PREFIX = "olpr_"  # lets secret scanners recognise a token that leaked into a repository


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """What is known about a token; the token itself is shown once, when it is made."""

    token_id: str
    name: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime


class Tokens:
    """Tokens with a role as their scope, and an end."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def add(
        self, name: str, role: Role, *, created_by: str, now: datetime, expires_at: datetime
    ) -> tuple[ApiToken, str]:
        """Make a token; the text is returned this once."""
        text = PREFIX + secrets.token_urlsafe(32)
        token = ApiToken(
            token_id=secrets.token_hex(8),
            name=name,
            role=role,
            created_by=created_by,
            created_at=now,
            expires_at=expires_at,
        )
        async with self._database.write() as connection:
            await connection.execute(
                insert(api_tokens).values(
                    token_id=token.token_id,
                    name=name,
                    role=role.value,
                    token_hash=_hash(text),
                    created_by=created_by,
                    created_at=now,
                    expires_at=expires_at,
                )
            )
        return token, text

    async def check(self, text: str, now: datetime) -> ApiToken | None:
        """The token behind the text when it exists and has not expired."""
        query = select(api_tokens).where(api_tokens.c.token_hash == _hash(text), api_tokens.c.expires_at > now)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _token(row)

    async def all(self) -> Sequence[ApiToken]:
        async with self._database.read() as connection:
            rows = await connection.execute(select(api_tokens).order_by(api_tokens.c.created_at))
            return [_token(row) for row in rows]

    async def remove(self, token_id: str) -> None:
        """Revoke at once; NotFound when there is none."""
        async with self._database.write() as connection:
            done = await connection.execute(delete(api_tokens).where(api_tokens.c.token_id == token_id))
        if done.rowcount == 0:
            raise NotFound("There is no such token (any more).")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _token(row: Any) -> ApiToken:
    return ApiToken(
        token_id=row.token_id,
        name=row.name,
        role=Role(row.role),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
