"""A stage without a picture worth the name: the services' tests need an answer, not a scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from events.metadata.rtsp_stream import Stream
from mock_vms.camera.ports import VehicleRequest
from mock_vms.camera.sources import PassageTruth, UnknownVehicleError

# The smallest thing that a client takes for a JPEG: start and end of image.
JPEG = b"\xff\xd8\xff\xd9"


class StillStage:
    """Remembers what it was asked to show and shows nothing."""

    def __init__(self) -> None:
        self.requests: list[VehicleRequest] = []

    def snapshot_jpeg(self) -> bytes:
        return JPEG

    async def drive(self, request: VehicleRequest) -> int:
        if request.plate == "UNKNOWN":
            raise UnknownVehicleError("there is no such plate here")
        self.requests.append(request)
        return len(self.requests)

    def passages(self) -> Sequence[PassageTruth]:
        return [
            PassageTruth(
                number=number,
                label="still",
                plate=request.plate,
                country=request.country,
                appeared_at=datetime(2026, 11, 22, 20, 15, tzinfo=UTC),
            )
            for number, request in enumerate(self.requests, 1)
        ]

    def rtsp_streams(self) -> Mapping[str, Stream]:
        return {}
