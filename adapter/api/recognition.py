"""Recognition settings over the API: what there is to set, and how one camera is set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from adapter.api import schemas
from adapter.api.endpoint import Call, Endpoint
from adapter.camera_recognition import CameraRecognition
from adapter.setting_catalog import SettingInfo, SettingKind, catalog
from adapter.setting_state import SettingsState
from adapter.store.users import Role
from inference.recognition import Preset


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class SettingInfoView(_View):
    """One setting; `unlimited`: the word "unlimited" is a value too; `live`: a change opens no stream again."""

    name: str
    title: str
    group: str
    kind: SettingKind
    default: Any
    unit: str
    minimum: float | None
    maximum: float | None
    choices: list[str | int]
    unlimited: bool
    live: bool
    range: str
    description: str
    effect: str
    cost: str
    requirements: list[str]


class SettingStateView(_View):
    """A setting of one camera; `auto` is what auto-configuration chose, `overridden` that a person changed it since."""

    info: SettingInfoView
    value: Any
    is_default: bool
    auto: Any
    has_auto: bool
    overridden: bool


class LoadView(_View):
    """What a preset costs this camera; null before anything was looked at. Shares are of one processor core."""

    preset: Preset
    ms_per_look: float | None
    core_share_average: float | None
    core_share_busy: float | None
    measured: bool


class CostView(_View):
    looks: int
    loads: list[LoadView]
    result_delay_s: float
    measured_delay_s: float | None
    beside: dict[str, str]
    notes: list[str]


class ValidationStateView(_View):
    """`prompt` is empty while the settings are those that were validated last."""

    at: datetime | None
    changed: list[str]
    prompt: str


class SettingsView(_View):
    camera_id: str
    settings: list[SettingStateView]
    cost: CostView
    validation: ValidationStateView


class TrialView(_View):
    """`read` is what validation answers, over at most a dozen snapshots; `left_out` of them were not asked."""

    cost: CostView
    read: dict[str, Any]


def endpoints() -> Sequence[Endpoint]:
    return (
        Endpoint(
            method="GET",
            path="/recognition-settings",
            summary="Every recognition setting with its default, unit, range, effect and cost",
            run=_catalog,
            answer=list[SettingInfoView],
        ),
        Endpoint(
            method="GET",
            path="/cameras/{camera_id}/recognition-settings",
            summary="One camera's recognition settings, what they cost, and what changed since the last validation",
            run=_settings,
            answer=SettingsView,
        ),
        Endpoint(
            method="POST",
            path="/cameras/{camera_id}/recognition-settings/try",
            summary="What changed settings would cost and read on the snapshots, before they are stored",
            run=_try,
            role=Role.OPERATOR,
            body=schemas.SettingsTrial,
            answer=TrialView,
        ),
    )


def merged(stored: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Stored settings with some changed; null puts a default back. Raises SettingsRefused."""
    usable, _ = CameraRecognition.usable(stored)
    return CameraRecognition.from_stored({**usable.stored(), **change}).stored()


async def _catalog(_call: Call) -> Sequence[SettingInfo]:
    return catalog()


async def _settings(call: Call) -> SettingsState:
    return await call.services.cameras.settings(call.path["camera_id"])


async def _try(call: Call) -> Mapping[str, Any]:
    return await call.services.cameras.try_settings(call.path["camera_id"], call.body.recognition)
