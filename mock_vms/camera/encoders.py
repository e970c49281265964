"""What the encoders of a virtual camera can do, stated once for Media and Media2, and what a client may not ask."""

from __future__ import annotations

from dataclasses import dataclass

from mock_vms.camera.soap import SoapFault, invalid_argument
from mock_vms.camera.state import CameraState, EncoderSettings, Encoding

VIDEO_SOURCE = "video_source"
VIDEO_SOURCE_CONFIGURATION = "video_source_config"
SENSOR_SIZE = (1920, 1080)
SENSOR_FRAME_RATE = 25.0
RESOLUTIONS = ((1920, 1080), (1280, 720), (640, 360))
FRAME_RATES = (25, 20, 15, 12, 10, 8, 6, 5, 4, 3, 2, 1)
FRAME_RATE = (1.0, SENSOR_FRAME_RATE)
QUALITY = (0.0, 100.0)
BITRATE_KBPS = (64, 16_384)
GOV_LENGTH = (1, 100)
H264_PROFILE = "Main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A media profile: the one video source through one encoder."""

    token: str
    name: str
    encoder: EncoderSettings


def profiles(state: CameraState) -> list[Profile]:
    """One fixed profile per encoder, in the encoders' order."""
    return [
        Profile(token=_profile_token(token), name=token.removeprefix("encoder_"), encoder=encoder)
        for token, encoder in state.encoders.items()
    ]


def profile_of(state: CameraState, token: str) -> Profile:
    for profile in profiles(state):
        if profile.token == token:
            return profile
    raise invalid_argument(f"There is no profile {token[:64]!r}", "NoProfile")


def encoder_of(state: CameraState, token: str) -> EncoderSettings:
    try:
        return state.encoder(token)
    except KeyError:
        raise invalid_argument(f"There is no encoder configuration {token[:64]!r}", "NoConfig") from None


def require_modifiable(wanted: EncoderSettings) -> None:
    """A ConfigModify fault when an encoder cannot be set so; it names the field and what is possible."""
    size = (wanted.width_px, wanted.height_px)
    if size not in RESOLUTIONS:
        raise _unmodifiable(f"Resolution {size[0]}x{size[1]} is not one of {RESOLUTIONS}")
    _require_within("Quality", wanted.quality, QUALITY)
    _require_within("FrameRateLimit", wanted.frame_rate, FRAME_RATE)
    _require_within("BitrateLimit", wanted.bitrate_kbps, BITRATE_KBPS)
    if wanted.encoding is Encoding.H264:
        _require_within("GovLength", wanted.gov_length, GOV_LENGTH)


def encoding_of(text: str) -> Encoding:
    try:
        return Encoding(text.strip().upper())
    except ValueError:
        raise _unmodifiable(f"Encoding {text[:40]!r} is not one of {', '.join(Encoding)}") from None


def _require_within(name: str, value: float, bounds: tuple[float, float]) -> None:
    if not bounds[0] <= value <= bounds[1]:
        raise _unmodifiable(f"{name} {value:g} is not within {bounds[0]:g} to {bounds[1]:g}")


def _unmodifiable(reason: str) -> SoapFault:
    return invalid_argument(reason, "ConfigModify")


def _profile_token(encoder_token: str) -> str:
    return "profile_" + encoder_token.removeprefix("encoder_")
