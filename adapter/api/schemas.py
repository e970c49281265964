"""The bodies and queries the API accepts. Unknown fields are refused, texts and numbers are bounded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator

from adapter.api.addresses import camera_address, web_address
from adapter.auto_capture import MOST_HOURS, MOST_VEHICLES
from adapter.camera_recognition import recognition_schema
from adapter.store.onvif_users import UserLevel
from adapter.store.outputs import OutputKind
from adapter.store.users import Role
from adapter.workers.names import NAME_PATTERN
from events.types import ListKind
from inference.snapshots import Approval, Light, VehicleType, Weather
from rules.alarms import AlarmState
from rules.importing import FileFormat, ImportMode
from rules.types import MatchPolicy


def _printable(text: str) -> str:
    if any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in text):
        raise ValueError("control characters are not allowed")
    return text


def _utc(moment: datetime) -> datetime:
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is out of range") from error
    if not 1970 <= moment.year < 2200:
        raise ValueError("the year must be between 1970 and 2199")
    return moment


_Stripped = StringConstraints(strip_whitespace=True, max_length=200)
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_printable)
]
ShortText = Annotated[str, _Stripped, AfterValidator(_printable)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Address = Annotated[str, StringConstraints(max_length=1000), AfterValidator(camera_address)]
WebUrl = Annotated[str, StringConstraints(max_length=1000), AfterValidator(web_address)]
Password = Annotated[str, StringConstraints(max_length=200)]
PersonRole = Literal[Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR]
ServerChoice = Annotated[str, StringConstraints(pattern=f"^$|{NAME_PATTERN}")]
"""The name of a worker; empty for the controller itself."""
UtcMoment = Annotated[datetime, AfterValidator(_utc)]
PageSize = Literal[50, 100, 200, 500, 1000]  # M-285
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
# Read as given and judged as a whole, with what is stored already: `adapter.camera_recognition.CameraRecognition`.
Recognition = Annotated[dict[Id, Any], Field(max_length=100), WithJsonSchema(recognition_schema())]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerName(Body):
    name: Name


class NewCamera(Body):
    name: Name
    address: Address
    user: ShortText = ""
    password: Password | None = None
    modules: list[Id] = Field(default=[], max_length=100)
    recognition: Recognition = {}
    selected_lists: list[Id] | None = Field(default=None, max_length=1000)
    max_speed_kmh: float | None = Field(default=None, gt=0, le=300, allow_inf_nan=False)
    description: ShortText = ""
    server: ServerChoice = ""
    verify_tls: bool = True


class CameraChange(Body):
    """Only the fields that are given change, and of `recognition` only the settings; null there is the default."""

    name: Name | None = None
    address: Address | None = None
    user: ShortText | None = None
    password: Password | None = None
    enabled: bool | None = None
    modules: list[Id] | None = Field(default=None, max_length=100)
    recognition: Recognition | None = None
    selected_lists: list[Id] | None = Field(default=None, max_length=1000)
    max_speed_kmh: float | None = Field(default=None, gt=0, le=300, allow_inf_nan=False)
    description: ShortText | None = None
    server: ServerChoice | None = None
    verify_tls: bool | None = None


class ConnectionTest(Body):
    """Data that need not be stored. `camera_id`: whose stored password and `verify_tls` count when none are given."""

    address: Address
    user: ShortText = ""
    password: Password | None = None
    camera_id: Annotated[str, StringConstraints(max_length=64)] = ""
    verify_tls: bool | None = None


class TuneRequest(Body):
    """Without a speed the camera's stored one counts. `area_width_cm` is the width in view where plates are read."""

    max_speed_kmh: float | None = Field(default=None, gt=0, le=300, allow_inf_nan=False)
    area_width_cm: float | None = Field(default=None, gt=0, le=10_000, allow_inf_nan=False)
    apply: bool = False


class SnapshotChange(Body):
    """Only the fields that are given change; null takes a tag away."""

    approval: Approval = Approval.NEW
    plates: list[Name] = Field(default=[], max_length=20)
    weather: Weather | None = None
    light: Light | None = None
    vehicle: VehicleType | None = None


class ValidateRequest(Body):
    """`recognition` is only tried; null means the camera's own settings."""

    recognition: Recognition | None = None


class SettingsTrial(Body):
    """Only the settings that are to differ from the stored ones; null is the default."""

    recognition: Recognition = {}


class CaptureRequest(Body):
    """Ends after so many vehicles, or when the time is over."""

    vehicles: int = Field(default=10, ge=1, le=MOST_VEHICLES)
    hours: float = Field(default=24, gt=0, le=MOST_HOURS, allow_inf_nan=False)


class AutoconfigureRequest(Body):
    """`apply` overwrites manual changes of the area, the heights, the preset and the thresholds."""

    apply: bool = False


class ListBody(Body):
    name: Name
    kind: ListKind
    policy: MatchPolicy = MatchPolicy.STRICT
    camera_ids: list[Id] = Field(default=[], max_length=1000)
    columns: list[Name] = Field(default=[], max_length=30)

    @model_validator(mode="after")
    def _gates_do_not_guess(self) -> ListBody:
        if self.kind is ListKind.ALLOW and self.policy is not MatchPolicy.STRICT:
            raise ValueError("an allow list must be strict: a gate must not open for a look-alike")
        return self


class ListChange(ListBody):
    """`renamed_columns` says which old column each new name was, so that what stands in it goes along."""

    renamed_columns: dict[Name, Name] = Field(default={}, max_length=30)

    @model_validator(mode="after")
    def _new_names_are_columns(self) -> ListChange:
        for old, new in self.renamed_columns.items():
            if new not in self.columns:
                raise ValueError(f"renamed_columns: {old!r} is to become {new!r}, which is not among the columns")
        if len(set(self.renamed_columns.values())) < len(self.renamed_columns):
            raise ValueError("renamed_columns: two columns cannot become one")
        return self


class EntryBody(Body):
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=40), AfterValidator(_printable)]
    valid_from: UtcMoment | None = None
    valid_until: UtcMoment | None = None
    fields: dict[Name, Annotated[str, StringConstraints(max_length=500)]] = Field(default={}, max_length=30)

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> EntryBody:
        if self.valid_from and self.valid_until and self.valid_until <= self.valid_from:
            raise ValueError("valid_until must be later than valid_from")
        return self


class EntryQuery(Body):
    search: ShortText = ""
    limit: Annotated[PageSize, Field(validate_default=True)] = 50
    offset: int = Field(default=0, ge=0, le=10_000_000)

    @model_validator(mode="before")
    @classmethod
    def _number(cls, values: Any) -> Any:
        """Query values are texts; Literal compares without converting."""
        if isinstance(values, dict) and str(values.get("limit", "")).isdecimal():
            return {**values, "limit": int(str(values["limit"])[:6])}
        return values


class EntryIds(Body):
    entry_ids: list[Id] = Field(min_length=1, max_length=10_000)


class EntriesChange(Body):
    """Only what is given changes, in all these entries alike; null takes a date away."""

    entry_ids: list[Id] = Field(min_length=1, max_length=10_000)
    valid_from: UtcMoment | None = None
    valid_until: UtcMoment | None = None
    fields: dict[Name, Annotated[str, StringConstraints(max_length=500)]] = Field(default={}, max_length=30)


class ImportQuery(Body):
    format: FileFormat
    mode: ImportMode = ImportMode.ADD
    confirm: bool = False


class ExportQuery(Body):
    format: FileFormat = FileFormat.CSV


class AlarmDefinitionBody(Body):
    name: Name
    list_id: Annotated[str, StringConstraints(max_length=64)] = ""
    event_kind: Literal["", "CameraLost", "CameraRestored", "ServerLost", "ServerRestored", "ActionFailed"] = ""
    priority: int = Field(default=2, ge=1, le=10)
    enabled: bool = True

    @model_validator(mode="after")
    def _one_trigger(self) -> AlarmDefinitionBody:
        if bool(self.list_id) == bool(self.event_kind):
            raise ValueError("give either list_id or event_kind")
        return self


class RelayActionBody(Body):
    list_id: Id
    camera_id: Annotated[str, StringConstraints(max_length=64)] = ""
    relay_token: Name
    pulse_s: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 2.0
    likelihood_floor: float = Field(default=0.7, ge=0, le=1, allow_inf_nan=False)
    agreeing_reads: int = Field(default=2, ge=1, le=100)
    minimum_interval_s: float = Field(default=5.0, ge=0, le=3600, allow_inf_nan=False)
    deadline_s: Annotated[float, Field(gt=0, le=30, allow_inf_nan=False)] = 5.0
    enabled: bool = True


class OutputBody(Body):
    kind: OutputKind = OutputKind.WEBHOOK
    name: Name
    url: WebUrl
    event_kinds: list[Name] = Field(default=[], max_length=20)
    enabled: bool = True


class Replay(Body):
    delivery_id: int | None = Field(default=None, ge=1, le=2**62)


class EventQuery(Body):
    plate: ShortText = ""
    list_id: ShortText = ""
    camera_id: ShortText = ""
    kind: Literal[
        "",
        "PlateRecognized",
        "ListMatched",
        "AlarmRaised",
        "CameraLost",
        "CameraRestored",
        "ServerLost",
        "ServerRestored",
        "ActionFailed",
    ] = "PlateRecognized"
    since: UtcMoment | None = None
    until: UtcMoment | None = None
    limit: int = Field(default=100, ge=1, le=1000)
    before_id: ShortText = ""


class AlarmQuery(Body):
    state: AlarmState | Literal[""] = ""
    limit: int = Field(default=100, ge=1, le=1000)
    before_id: ShortText = ""


class AlarmChange(Body):
    state: AlarmState
    note: Annotated[str, StringConstraints(max_length=1000)] = ""


class NewUser(Body):
    name: Name
    password: Password
    role: PersonRole


class UserChange(Body):
    role: PersonRole
    enabled: bool = True


class NewPassword(Body):
    password: Password


class OwnPassword(Body):
    current: Password
    password: Password


class NewToken(Body):
    name: Name
    role: Role
    days: int = Field(default=90, ge=1, le=3650)


class OnvifUserBody(Body):
    password: Annotated[str, StringConstraints(min_length=8, max_length=100), AfterValidator(_printable)]
    level: UserLevel = UserLevel.OPERATOR


class LimitQuery(Body):
    limit: int = Field(default=100, ge=1, le=1000)
