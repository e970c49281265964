"""Pictures of alarms: fetched from the device with its credentials, bounded, checked, kept as files.

A picture URL comes from outside, so it is only followed to hosts the operator named: those of the added devices and of
`--picture-host`. Otherwise anyone who can send an event could make this machine call any address it can reach.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog

from mock_vms.vms.database import Database
from mock_vms.vms.errors import PictureRefused
from mock_vms.vms.transport import CONNECT_TIMEOUT_S, bounded_session
from mock_vms.vms.types import DeviceAccount, PictureKind

MAX_PICTURE = 8_000_000  # a 4K frame as JPEG is 2 to 4 MB
FETCH_TIMEOUT_S = 10.0
MAX_ATTEMPTS = 5
PARALLEL = 4
_MEDIA_TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_log = structlog.get_logger()


def media_type(picture: bytes) -> str | None:
    """`image/jpeg` or `image/png` by the first bytes, whatever the sender called it; None for anything else."""
    return next((name for magic, name in _MEDIA_TYPES.items() if picture.startswith(magic)), None)


class PictureFiles:
    """The pictures folder. File names are hashes, because event ids are whatever a stranger wrote."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def open(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def keep(self, event_id: str, kind: PictureKind, picture: bytes) -> str:
        """Write the picture in one step and give its file name; PictureRefused when it is no picture."""
        if len(picture) > MAX_PICTURE or media_type(picture) is None:
            raise PictureRefused("neither a JPEG nor a PNG picture of at most 8 MB", final=True)
        name = hashlib.sha256(f"{event_id}\0{kind}".encode()).hexdigest()
        temporary = self._directory / f"{name}.part"
        temporary.write_bytes(picture)
        temporary.replace(self._directory / name)
        return name

    def read(self, name: str) -> bytes:
        """The bytes of a kept picture; FileNotFoundError when retention has taken it."""
        return (self._directory / Path(name).name).read_bytes()

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self._directory / Path(name).name).unlink(missing_ok=True)


class PictureFetcher:
    """Works through the pictures that the journal wants. `fetched` is told the event id of each one that ends."""

    def __init__(
        self,
        *,
        database: Database,
        files: PictureFiles,
        accounts: Callable[[], Iterable[DeviceAccount]],
        hosts: frozenset[str],
        wanted: asyncio.Event,
        fetched: Callable[[str], None],
    ) -> None:
        self._database = database
        self._files = files
        self._accounts = accounts
        self._hosts = hosts
        self._fetched = fetched
        self._wanted = wanted
        """Set by whoever stored an event that may have pictures."""

    async def run(self) -> None:
        """Fetch until cancelled."""
        while True:
            self._wanted.clear()
            rows = await asyncio.to_thread(self._due)
            if rows:
                async with asyncio.TaskGroup() as group:
                    for row in rows:
                        group.create_task(asyncio.to_thread(self._fetch_one, row), name=f"picture {row['event_id']}")
                for event_id in {str(row["event_id"]) for row in rows}:
                    self._fetched(event_id)
                continue
            try:
                async with asyncio.timeout(await asyncio.to_thread(self._idle_s)):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    def _due(self) -> list[dict[str, Any]]:
        return self._database.rows(
            "SELECT * FROM pictures WHERE state = 'wanted' AND next_at <= ? ORDER BY next_at LIMIT ?",
            (time.time(), PARALLEL),
        )

    def _idle_s(self) -> float | None:
        row = self._database.rows("SELECT min(next_at) AS next_at FROM pictures WHERE state = 'wanted'")[0]
        return None if row["next_at"] is None else max(0.05, float(row["next_at"]) - time.time())

    def _fetch_one(self, row: dict[str, Any]) -> None:
        attempts = row["attempts"] + 1
        state, name, reason = "stored", None, None
        try:
            picture = self._get(str(row["url"]), str(row["origin"]))
            name = self._files.keep(str(row["event_id"]), PictureKind(row["kind"]), picture)
        except (PictureRefused, OSError) as error:
            final = isinstance(error, PictureRefused) and error.final
            state = "failed" if final or attempts >= MAX_ATTEMPTS else "wanted"
            reason = str(error)[:300]
            _log.debug("picture not fetched", event_id=row["event_id"], attempts=attempts, reason=reason)
        key = (row["event_id"], row["kind"], row["url"])
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE pictures SET state = ?, attempts = ?, next_at = ?, file = ?, error = ? "
                "WHERE event_id = ? AND kind = ? AND url = ?",
                (state, attempts, time.time() + 2.0**attempts / 2, name, reason, *key),
            )

    def _get(self, url: str, origin: str) -> bytes:
        host = _host(url)
        accounts = [account for account in self._accounts() if _host(account.address) == host]
        if not accounts and host not in self._hosts:
            raise PictureRefused(f"{host} is neither an added device nor named by --picture-host", final=True)
        account = next((a for a in accounts if a.device_id == origin), accounts[0] if accounts else None)
        with bounded_session(
            user=account.user if account else "",
            password=account.password if account else "",
            max_bytes=MAX_PICTURE,
            total_s=FETCH_TIMEOUT_S,
        ) as session:
            try:
                answer = session.get(url, timeout=(CONNECT_TIMEOUT_S, FETCH_TIMEOUT_S))
            except requests.RequestException as error:
                raise PictureRefused(f"not reachable: {error}", final=False) from error
        if answer.status_code != requests.codes.ok:
            raise PictureRefused(f"the server answers {answer.status_code}", final=False)
        return answer.content


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise PictureRefused(f"not a URL: {error}", final=True) from error
    if parts.scheme not in {"http", "https"} or not host:
        raise PictureRefused("not an http or https URL", final=True)
    return host
