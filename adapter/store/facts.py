"""Single values of this installation: the server's name, its device identity."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from adapter.store.database import Database
from adapter.store.tables import facts


class Facts:
    """Named texts."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> str | None:
        async with self._database.read() as connection:
            value: str | None = await connection.scalar(select(facts.c.value).where(facts.c.name == name))
        return value

    async def put(self, name: str, value: str) -> None:
        async with self._database.write() as connection:
            done = await connection.execute(update(facts).where(facts.c.name == name).values(value=value))
            if done.rowcount == 0:
                await connection.execute(insert(facts).values(name=name, value=value))

    async def remove(self, name: str) -> None:
        """Forget a text; one that is not there is no mistake."""
        async with self._database.write() as connection:
            await connection.execute(delete(facts).where(facts.c.name == name))
