"""What a person may set for one camera's recognition: each field with its default, unit, range, effect and cost.

The store keeps only what differs from the defaults, so a better default of a new version reaches every camera. Unknown
or impossible values are refused. The API, the command line, the console and the docs show the fields from here
(`adapter.setting_catalog`); what a watch makes of them stands in `adapter.watching`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic_core import ErrorDetails

from inference.av_feed import Transport
from inference.recognition import Preset

# More than anybody draws by hand; every find of a frame is held against every corner.
MOST_POLYGONS = 16
MOST_POINTS = 64

Share = Annotated[float, Field(ge=0, le=1)]
Polygon = Annotated[tuple[tuple[Share, Share], ...], Field(min_length=3, max_length=MOST_POINTS)]
Unlimited = Literal["unlimited"]
FramesPerSecond = Annotated[float, Field(ge=0.1, le=60)]
# None stands for no limit, so nothing is gained by a height of 0; a hundredth of a percent is less than a pixel.
Percent = Annotated[float, Field(ge=0.01, le=100)]

HardwareDecode = Literal["off", "auto", "vaapi", "cuda", "qsv", "amf", "drm", "vulkan", "d3d11va", "videotoolbox"]
"""FFmpeg's names for the devices that decode."""


class SettingsRefused(ValueError):
    """A recognition setting cannot be used; the message names it and what it takes."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.fields = {f"recognition.{name}": reason}


def setting(default: Any, description: str, **facts: Any) -> Any:
    """A field with what a person should know: `group`, `unit`, `effect`, `cost`, `ids` of the manual's requirements.

    `live` settings change a running camera in place; the others, and those that say nothing, start its stream again.
    """
    names = ("group", "unit", "effect", "cost", "ids", "live")
    known: dict[str, JsonValue] = {name: facts.pop(name) for name in names if name in facts}
    return Field(default=default, description=description, json_schema_extra=known, **facts)


class CameraRecognition(BaseModel):
    """What a person may set for one camera. A null, where a change is sent, puts the default back."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    areas: tuple[Polygon, ...] = setting(
        (),
        "Recognition area: polygons; none is the whole picture.",
        group="where to look",
        unit="shares of the picture",
        effect="Plates outside are not read.",
        cost="A smaller area costs proportionally less.",
        ids="M-191",
        live=True,
        max_length=MOST_POLYGONS,
    )
    masks: tuple[Polygon, ...] = setting(
        (),
        "Where motion means nothing: clocks, trees, flags.",
        group="where to look",
        unit="shares of the picture",
        effect="Motion there starts no recognition; plates there are still read when something else moves.",
        cost="Each needless look saved is a look's time saved.",
        live=True,
        max_length=MOST_POLYGONS,
    )
    character_height_min_percent: Percent | None = setting(
        None,
        "The lowest characters, of the picture's height.",
        group="where to look",
        unit="%",
        effect="Lower characters are not read and counted as too small. Close to the real heights is faster and surer.",
        cost="A higher minimum costs less: the picture is searched at the size it needs.",
        ids="M-195 M-196 M-199",
        live=True,
    )
    character_height_max_percent: Percent | None = setting(
        None,
        "The highest characters, of the picture's height; above the minimum.",
        group="where to look",
        unit="%",
        effect="Higher characters are not read and counted as too large.",
        cost="None worth naming.",
        ids="M-195 M-196 M-200",
        live=True,
    )
    preset: Preset = setting(
        Preset.BALANCED,
        "Speed against quality.",
        group="effort",
        effect="accurate searches at a larger size, fast at a smaller one and reads each plate in one crop.",
        cost="fast takes about 0.6 and accurate about 1.85 of the time that balanced takes. With a minimum character "
        "height they differ less: the picture is searched at the size that this height needs.",
        ids="M-202 M-203",
        live=True,
    )
    max_fps: FramesPerSecond | Unlimited = setting(
        8.0,
        "The most frames processed per second; never exceeded.",
        group="effort",
        unit="frames/s",
        effect="Higher reads fast vehicles more often; the camera's own rate may be higher without extra load.",
        cost="Proportional while a vehicle is in view. unlimited risks a core that is never idle.",
        ids="M-206 M-207 M-209",
        live=True,
    )
    moving_fps: FramesPerSecond | None = setting(
        None,
        "The rate while a plate in view has been read too little; none is max_fps. Never below calm_fps.",
        group="effort",
        unit="frames/s",
        effect="Higher gives each vehicle more readings to vote with.",
        cost="Proportional while a vehicle is in view.",
        live=True,
    )
    calm_fps: FramesPerSecond = setting(
        4.0,
        "The rate at all other times; max_fps limits it too.",
        group="effort",
        unit="frames/s",
        effect="Lower may miss the first half second of a fast vehicle.",
        cost="Without motion a frame costs little more than its decoding.",
        ids="M-161",
        live=True,
    )
    max_seconds_per_frame: Annotated[float, Field(ge=0.01, le=10)] | Unlimited = setting(
        0.2,
        "The longest time spent on one frame.",
        group="effort",
        unit="s",
        effect="When it is over, no further look is taken and no further plate is read in more crops. "
        "Snapshots are read without this limit.",
        cost="unlimited risks that one crowded frame keeps the other cameras waiting.",
        ids="M-208 M-209",
        live=True,
    )
    max_plates: Annotated[int, Field(ge=1, le=50)] | Unlimited = setting(
        5,
        "The most plates told per frame, the likeliest first.",
        group="effort",
        unit="plates",
        effect="Several lanes need several at once.",
        cost="Each plate is read on its own. unlimited risks long frames in a car park.",
        ids="M-213 M-209",
        live=True,
    )
    stop_above: Share = setting(
        0.95,
        "A plate is final at once above this likelihood.",
        group="result",
        unit="likelihood",
        effect="Lower is sooner and less sure; 1 always waits until the vehicle has gone or stands.",
        cost="Lower costs less. A smaller gap to discard_below saves time and processor load.",
        ids="M-204 M-210 M-212",
        live=True,
    )
    discard_below: Share = setting(
        0.5,
        "Below this likelihood there is no result.",
        group="result",
        unit="likelihood",
        effect="Higher gives fewer and better results, lower more and worse ones. What is discarded is counted.",
        cost="A smaller gap to stop_above saves time and processor load.",
        ids="M-211 M-212",
        live=True,
    )
    partial_span_s: float = setting(
        0.0,
        "Time span for avoiding partial recognitions.",
        group="result",
        unit="s",
        effect="All results come later by this time, and the most complete reading of it is kept. Before raising it, "
        "make sure that no moving objects block the view of the plates.",
        cost="No processor load, but latency: an alarm or a gate waits as long.",
        ids="M-214 M-215 M-231 M-232",
        live=True,
        ge=0,
        le=5,
    )
    rearm_s: float = setting(
        10.0,
        "The same plate again within this time is the same vehicle.",
        group="result",
        unit="s",
        effect="Longer tells a vehicle that turns back once, shorter twice.",
        cost="None.",
        live=True,
        ge=0,
        le=3600,
    )
    parked_rearm_s: float = setting(
        1800.0,
        "The same plate again in the same place within this time never left.",
        group="result",
        unit="s",
        effect="Longer tells a parked vehicle that is hidden for a while only once.",
        cost="None.",
        live=True,
        ge=0,
        le=86400,
    )
    lost_after_s: float = setting(
        0.9,
        "A plate not seen for this long, and in two frames, has gone.",
        group="result",
        unit="s",
        effect="Longer joins what a post hides for a moment, and tells the loss later.",
        cost="Frames are looked at so much longer after each vehicle.",
        live=True,
        ge=0.2,
        le=30,
    )
    motion_gate: bool = setting(
        True,
        "Look only when something has moved.",
        group="motion",
        effect="Off looks at every frame: for scenes where a vehicle appears without motion.",
        cost="Off costs a whole look per frame, day and night.",
        live=True,
    )
    motion_sensitivity: float = setting(
        1.0,
        "How little change counts as motion; 2 takes half the change.",
        group="motion",
        unit="times",
        effect="Higher sees dim vehicles at night and more rain; lower sees less of both.",
        cost="Higher looks more often.",
        live=True,
        ge=0.2,
        le=5,
    )
    look_at_motion_only: bool = setting(
        False,
        "Search only around what moves and around known plates.",
        group="motion",
        effect="A plate away from all motion is found later.",
        cost="On costs less where small vehicles cross a large picture.",
        live=True,
    )
    reread_s: float = setting(
        5.0,
        "A plate that stands still is read again this seldom.",
        group="motion",
        unit="s",
        effect="Shorter notices sooner that a parked vehicle has been replaced by another.",
        cost="One look each time while a vehicle is parked in view.",
        live=True,
        ge=0.5,
        le=3600,
    )
    deinterlace: bool = setting(
        False,
        "Compensate for interlacing (combed edges of moving things).",
        group="source",
        effect="Half the lines are used, of one moment each.",
        cost="None worth naming.",
        ids="M-205",
    )
    rotation: Literal[0, 90, 180, 270] = setting(
        0,
        "Turn the picture clockwise.",
        group="source",
        unit="degrees",
        effect="For a camera mounted on its side or head. Where the camera can turn, flip or invert its picture "
        "itself, set it there: the VMS then shows the same.",
        cost="None worth naming.",
    )
    key_frames_only: bool = setting(
        False,
        "Decode key frames only.",
        group="source",
        effect="Most cameras send one key frame a second or fewer: too few for moving vehicles.",
        cost="On saves nearly all decoding.",
        ids="M-160",
    )
    transport: Transport = setting(
        Transport.AUTO,
        "How RTSP brings the pictures: tcp, udp, or auto, which tries tcp first.",
        group="source",
        effect="udp for cameras and networks that stall over tcp; lost packets then spoil pictures.",
        cost="None worth naming.",
    )
    hardware_decode: HardwareDecode = setting(
        "off",
        "Decode on a graphics chip: off, auto, or by name; the processor where it cannot.",
        group="source",
        effect="The pictures are the same; a device that fails is named in the camera's detail.",
        cost="On saves most of the processor time of decoding.",
    )
    decode_apart: bool = setting(
        False,
        "Decode in a process of its own.",
        group="source",
        effect="On: a stream that brings the decoder down ends that process, which is started again, not the service.",
        cost="On takes some 60 MB, and a millisecond for each picture of 1280x720 that is looked at.",
    )
    mask_osd: bool = setting(
        True,
        "Do not read texts that the camera says it writes into its picture (ONVIF OSD).",
        group="where to look",
        effect="Off reads there too: where the camera names places that are not covered by text.",
        cost="None.",
        live=True,
    )

    @model_validator(mode="after")
    def _consistent(self) -> CameraRecognition:
        low, high = self.character_height_min_percent, self.character_height_max_percent
        if low is not None and high is not None and low >= high:
            raise ValueError("character_height_min_percent must be below character_height_max_percent")
        if self.discard_below > self.stop_above:
            raise ValueError("discard_below must not be above stop_above")
        return self

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> CameraRecognition:
        """Raises SettingsRefused. A null is a default."""
        try:
            return cls(**{name: value for name, value in stored.items() if value is not None})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"][:1]) or "recognition"
            raise SettingsRefused(key, _reason(key, first)) from error

    @classmethod
    def usable(cls, stored: Mapping[str, Any]) -> tuple[CameraRecognition, dict[str, str]]:
        """What this version can use of settings that another one kept, and of each that it cannot, why."""
        kept = dict(stored)
        refused: dict[str, str] = {}
        while True:
            try:
                return cls.from_stored(kept), refused
            except SettingsRefused as error:
                # Values that are only wrong together are left out together; their message names them.
                reason = str(error).partition(": ")[2]
                names = [error.name] if error.name in kept else [name for name in kept if name in reason] or [*kept]
                refused |= {name: reason for name in names}
                kept = {name: value for name, value in kept.items() if name not in names}

    def stored(self) -> dict[str, Any]:
        """What the store keeps: the values that differ from the defaults, as JSON has them."""
        return self.model_dump(mode="json", exclude_defaults=True)


def is_live(name: str) -> bool:
    """Whether this setting changes a running camera in place."""
    extra = CameraRecognition.model_fields[name].json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("live"))


def recognition_schema() -> dict[str, Any]:
    """A JSON schema of any choice of these settings, each of them or null."""
    schema = CameraRecognition.model_json_schema()
    definitions = schema.get("$defs", {})
    properties = {}
    for name, known in schema["properties"].items():
        reference = known.get("$ref", "").rsplit("/", 1)[-1]
        one = {**definitions.get(reference, {}), **{key: value for key, value in known.items() if key != "$ref"}}
        properties[name] = {"anyOf": [one, {"type": "null"}]}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def needs_restart(old: CameraRecognition, new: CameraRecognition) -> bool:
    """Whether the stream has to be opened again to go from one to the other."""
    return any(getattr(old, name) != getattr(new, name) for name in CameraRecognition.model_fields if not is_live(name))


def _reason(key: str, problem: ErrorDetails) -> str:
    """What is wrong, and for an unknown name where the known ones are."""
    if problem["type"] == "extra_forbidden" and key not in CameraRecognition.model_fields:
        return "there is no such setting; see docs/recognition-settings.md or GET /api/v1/recognition-settings"
    return problem["msg"].removeprefix("Value error, ")
