"""A stage without pictures, for tests of a virtual camera's services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np


class BlankStage:
    """Grey pictures, no streams, nobody drives by."""

    def snapshot_jpeg(self) -> bytes:
        return cv2.imencode(".jpg", np.full((72, 128, 3), 90, np.uint8))[1].tobytes()

    async def drive(self, request: Any) -> int:
        raise AssertionError(f"nobody drives past a blank stage: {request}")

    def passages(self) -> Sequence[Any]:
        return ()

    def rtsp_streams(self) -> Mapping[str, Any]:
        return {}
