"""The tokens by which a VMS knows our cameras and relays. They must stay the same for life, so they follow from ids.

ONVIF limits a tt:ReferenceToken to 64 characters.
"""

from __future__ import annotations

import hashlib

_LONGEST = 64


def video_source_token(camera_id: str) -> str:
    return _fit(f"vs_{camera_id}")


def profile_token(camera_id: str) -> str:
    return _fit(f"profile_{camera_id}")


def configuration_token(kind: str, camera_id: str) -> str:
    """`kind` is vsc, vec, vac or meta: video source, video encoder, analytics or metadata configuration."""
    return _fit(f"{kind}_{camera_id}")


def relay_output_token(camera_id: str, relay_token: str) -> str:
    """Two cameras may both call their relay `gate`; ours carries the camera's id."""
    return _fit(f"{camera_id}.{relay_token}")


def _fit(token: str) -> str:
    if len(token) <= _LONGEST:
        return token
    digest = hashlib.sha256(token.encode()).hexdigest()[:16]
    return f"{token[: _LONGEST - 17]}_{digest}"
