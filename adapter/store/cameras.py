"""The cameras that somebody added, with their passwords encrypted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from adapter.store.database import Database
from adapter.store.errors import Conflict, NotFound
from adapter.store.tables import cameras, funnel_hours
from adapter.store.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraRecord:
    """One configured camera. `address` is an ONVIF device URL or an rtsp:// URL without credentials.

    `modules` are country module codes in order of priority; `recognition` the recognition settings that differ from the
    defaults; `selected_lists` None means all lists, present and future (M-216). `server` names the worker that watches
    it; empty is the controller itself. Without `verify_tls` the certificate of an https:// address is not checked.
    """

    camera_id: str
    name: str
    address: str
    user: str = ""
    password: str | None = field(default=None, repr=False)
    profile_token: str | None = None
    video_source_token: str | None = None
    enabled: bool = True
    modules: tuple[str, ...] = ()
    recognition: Mapping[str, Any] = field(default_factory=dict)
    selected_lists: frozenset[str] | None = None
    max_speed_kmh: float | None = None
    description: str = ""
    server: str = ""
    verify_tls: bool = True
    created_at: datetime


class Cameras:
    """Camera records. Names are unique: they are how people and VMSs tell cameras apart."""

    def __init__(self, *, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def all(self) -> Sequence[CameraRecord]:
        """Every camera, by name."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(cameras).order_by(cameras.c.name))
            return [self._from_row(row) for row in rows]

    async def get(self, camera_id: str) -> CameraRecord:
        """One camera; NotFound when there is none."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(cameras).where(cameras.c.camera_id == camera_id))).one_or_none()
        if row is None:
            raise NotFound(f"There is no camera {camera_id!r}.")
        return self._from_row(row)

    async def add(self, record: CameraRecord) -> None:
        """Keep a new camera; Conflict when its name or id is taken."""
        try:
            async with self._database.write() as connection:
                await connection.execute(insert(cameras).values(self._to_row(record)))
        except IntegrityError as error:
            raise Conflict(f"There is a camera named {record.name!r} already; choose another name.") from error

    async def save(self, record: CameraRecord) -> None:
        """Replace a camera's record; NotFound or Conflict."""
        try:
            async with self._database.write() as connection:
                done = await connection.execute(
                    update(cameras).where(cameras.c.camera_id == record.camera_id).values(self._to_row(record))
                )
        except IntegrityError as error:
            raise Conflict(f"There is a camera named {record.name!r} already; choose another name.") from error
        if done.rowcount == 0:
            raise NotFound(f"There is no camera {record.camera_id!r}.")

    async def remove(self, camera_id: str) -> None:
        """Forget a camera; its events stay until retention removes them. NotFound when there is none."""
        async with self._database.write() as connection:
            done = await connection.execute(delete(cameras).where(cameras.c.camera_id == camera_id))
            await connection.execute(delete(funnel_hours).where(funnel_hours.c.camera_id == camera_id))
        if done.rowcount == 0:
            raise NotFound(f"There is no camera {camera_id!r}.")

    def _to_row(self, record: CameraRecord) -> dict[str, Any]:
        return {
            "camera_id": record.camera_id,
            "name": record.name,
            "address": record.address,
            "user": record.user,
            "password": self._vault.encrypt(record.password),
            "profile_token": record.profile_token,
            "video_source_token": record.video_source_token,
            "enabled": record.enabled,
            "modules": list(record.modules),
            "recognition": dict(record.recognition),
            "selected_lists": None if record.selected_lists is None else sorted(record.selected_lists),
            "max_speed_kmh": record.max_speed_kmh,
            "description": record.description,
            "server": record.server,
            "verify_tls": record.verify_tls,
            "created_at": record.created_at,
        }

    def _from_row(self, row: Row[Any]) -> CameraRecord:
        values = dict(row._mapping)
        selected = values["selected_lists"]
        return CameraRecord(
            **{
                **values,
                "password": self._vault.decrypt(values["password"]),
                "modules": tuple(values["modules"]),
                "selected_lists": None if selected is None else frozenset(selected),
            }
        )
