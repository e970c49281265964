"""What the API answers with. No view holds a password; secrets that are shown once have views of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from adapter.api import schemas
from adapter.store.onvif_users import UserLevel
from adapter.store.outputs import OutputKind
from adapter.store.users import Role
from events.types import ListKind
from inference.types import Box, PlateType, RejectionReason
from rules.alarms import AlarmState
from rules.types import MatchPolicy


class Ok(BaseModel):
    ok: bool = True


class CameraView(BaseModel):
    """A camera without its password."""

    model_config = ConfigDict(from_attributes=True)

    camera_id: str
    name: str
    address: str
    user: str
    enabled: bool
    modules: list[str]
    recognition: schemas.Recognition
    selected_lists: list[str] | None
    max_speed_kmh: float | None
    description: str
    server: str
    verify_tls: bool
    profile_token: str | None
    video_source_token: str | None


class AppliedChangeView(BaseModel):
    """One field asked of a camera, and what it says afterwards."""

    field: str
    asked: str
    got: str
    ok: bool
    detail: str


class RollbackView(BaseModel):
    """`complete`: the camera is as it was before the first tuning. Otherwise the rollback can be tried again."""

    complete: bool
    applied: list[AppliedChangeView]


class FunnelHourView(BaseModel):
    """Up to `read`, stages count in frames; from `accepted` on, in passages. Times are sums over analysed frames.

    `without_plate`: analysed frames in which no plate was. `average_delay_ms`: how long after the first sight of its
    plate a vehicle's result was told.
    """

    model_config = ConfigDict(from_attributes=True)

    starts_at: datetime
    frames: int
    motion: int
    analysed: int
    without_plate: int
    found: int
    read: int
    accepted: int
    matched: int
    delivered: int
    detect_ms: float
    read_ms: float
    busy_ms: float
    average_ms: float | None
    average_delay_ms: float | None
    rejected: dict[RejectionReason, int]


class RejectView(BaseModel):
    """A find that was not read. Newer ones take its place; its picture is at `rejects/{reject_id}.jpg`."""

    model_config = ConfigDict(from_attributes=True)

    reject_id: int
    at: datetime
    reason: RejectionReason
    cure: str
    text: str
    likelihood: float
    box: Box


class ModuleView(BaseModel):
    """A country module: what plates it knows, whether it is the user's own, and the cameras that name it."""

    code: str
    name: str
    iso: str | None
    region: str | None
    generic: bool
    priority: int
    own: bool
    replaces_built_in: bool
    sizes_cm: list[tuple[float, float]]
    character_height_cm: float
    stroke_cm: float
    retro_reflective: bool
    plate_types: list[PlateType]
    camera_ids: list[str]


class ListView(BaseModel):
    list_id: str
    name: str
    kind: ListKind
    policy: MatchPolicy
    camera_ids: list[str]
    columns: list[str]
    entry_count: int


class EntryView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    entry_id: str
    pattern: str
    valid_from: datetime | None
    valid_until: datetime | None
    fields: dict[str, str]


class EntriesChanged(BaseModel):
    changed: int


class EntryPage(BaseModel):
    total: int
    entries: list[EntryView]


class RejectedView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    line: int
    text: str
    reason: str


class ImportResult(BaseModel):
    """`applied` false: this is a preview, nothing was changed; send the same file again with `confirm=true`."""

    applied: bool
    added: int
    updated: int
    unchanged: int
    removed: int
    rejected_count: int
    rejected: list[RejectedView]


class AlarmDefinitionView(schemas.AlarmDefinitionBody):
    model_config = ConfigDict(from_attributes=True)

    definition_id: str


class RelayActionView(schemas.RelayActionBody):
    action_id: str


class OutputView(BaseModel):
    output_id: str
    kind: OutputKind
    name: str
    url: str
    event_kinds: list[str]
    enabled: bool
    pending: int = 0
    parked: int = 0
    delivered: int = 0
    oldest_pending_at: datetime | None = None
    error: str = Field(default="", description="Why the last attempt failed; empty when it did not.")


class NewOutputView(OutputView):
    """`secret` signs the webhook (Standard Webhooks); it is shown this once."""

    secret: str


class TestResult(BaseModel):
    ok: bool
    detail: str


class DeadLetter(BaseModel):
    delivery_id: int
    event_id: str
    kind: str
    attempts: int
    error: str


class Replayed(BaseModel):
    replayed: int


class DecisionView(BaseModel):
    decision_id: str
    event_id: str
    camera_id: str
    relay_token: str
    state: str
    because: str
    detail: str
    decided_at: datetime
    claimed_at: datetime | None
    finished_at: datetime | None


class EventView(BaseModel):
    """`refusals` answers why a gate did not open, `decisions` why it did."""

    event: dict[str, Any]
    stored_at: datetime
    refusals: list[str]
    decisions: list[DecisionView] = []


class AlarmView(BaseModel):
    """Object, Tag and Type are the columns of M-303."""

    alarm_id: str
    utc_time: datetime
    name: str
    priority: int
    object: str
    tag: str
    type: str
    camera_id: str
    camera_name: str
    list_name: str
    likelihood: float
    frame_picture: str | None
    plate_picture: str | None
    state: AlarmState
    changed_at: datetime
    changed_by: str
    note: str


class UserView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    role: Role
    enabled: bool
    must_change: bool
    created_at: datetime


class TokenView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    token_id: str
    name: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime


class NewTokenView(TokenView):
    """`token` is shown this once."""

    token: str


class OnvifUserView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    level: UserLevel


class AuditView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    at: datetime
    actor: str
    action: str
    subject: str
    detail: str
