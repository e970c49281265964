"""One camera's recognition settings as a person wants to see them: value, automatic value, cost, what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapter.camera_recognition import CameraRecognition, SettingsRefused
from adapter.camera_runs import AutoValues, Run
from adapter.setting_catalog import SettingInfo, catalog
from adapter.setting_cost import Cost
from adapter.store.cameras import CameraRecord
from adapter.watching import TUNED

PROMPT = "Changed since the last validation: {names}. Validate the configuration."
NEVER = "This configuration has never been validated. Validate it with approved snapshots."


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingState:
    """One setting of one camera. `auto` is what auto-configuration chose last, when it chose this one (M-189)."""

    info: SettingInfo
    value: Any
    is_default: bool
    auto: Any = None
    has_auto: bool = False
    overridden: bool = False
    """A person changed it after auto-configuration had chosen it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationState:
    """Whether the settings are those that were validated last. `prompt` is empty when they are (M-194, M-248)."""

    at: datetime | None
    changed: tuple[str, ...]
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsState:
    """All settings of one camera."""

    camera_id: str
    settings: tuple[SettingState, ...]
    cost: Cost
    validation: ValidationState


def settings_state(
    record: CameraRecord, chosen: CameraRecognition, cost: Cost, *, auto: AutoValues | None, last_run: Run | None
) -> SettingsState:
    """Plain code: everything it needs is given."""
    values = chosen.model_dump(mode="json")
    defaults = CameraRecognition().model_dump(mode="json")
    # What was chosen and is a default is not written down, and chosen all the same.
    tuned = _complete(auto.new) if auto is not None else {}
    settings = tuple(
        SettingState(
            info=info,
            value=values[info.name],
            is_default=values[info.name] == defaults[info.name],
            auto=tuned.get(info.name) if info.name in TUNED else None,
            has_auto=info.name in TUNED and bool(tuned),
            overridden=info.name in TUNED and bool(tuned) and tuned[info.name] != values[info.name],
        )
        for info in catalog()
    )
    return SettingsState(
        camera_id=record.camera_id, settings=settings, cost=cost, validation=_validation(record, values, last_run)
    )


def _validation(record: CameraRecord, values: Mapping[str, Any], last_run: Run | None) -> ValidationState:
    if last_run is None:
        return ValidationState(at=None, changed=(), prompt=NEVER)
    then = _complete(last_run.recognition)
    changed = [name for name, value in values.items() if then.get(name) != value]
    if last_run.modules != record.modules:
        changed.append("modules")
    lists = None if record.selected_lists is None else tuple(sorted(record.selected_lists))
    if last_run.selected_lists != lists:
        changed.append("selected_lists")
    prompt = PROMPT.format(names=", ".join(changed)) if changed else ""
    return ValidationState(at=last_run.at, changed=tuple(changed), prompt=prompt)


def _complete(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Stored values with the defaults of all others; what an older version kept and this one refuses counts as none."""
    try:
        return CameraRecognition.from_stored(stored).model_dump(mode="json")
    except SettingsRefused:
        return {}
