"""The real service with plates pouring in, for tests that kill it: busy_service DATA ONVIF_PORT HTTP_PORT PLATES_PER_S.

Nothing is read here; passages come straight into the pipeline, so that a kill may hit any step from there on. At a rate
above 0 they come at once; SIGUSR2 holds them back, SIGUSR1 lets them come, at the rate given or at the usual one.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import numpy as np

from adapter.service import running
from adapter.settings import load_settings
from inference.recognition import Recognition
from inference.types import Box, Direction, LicensePlate, Passage, PassageState

USUAL_PLATES_PER_S = 15.0
HOLDING = "holding"


@dataclass
class Gate:
    camera_id: str = "busy"
    name: str = "Busy gate"


class NoReader:
    """No camera is configured, so nobody asks."""

    def recognize(self, picture: object, settings: object, *, region: object = None) -> Recognition:
        raise AssertionError("nothing shall be read here")


def passage(number: int) -> Passage:
    now = datetime.now(UTC)
    picture = np.full((36, 64, 3), number % 256, np.uint8)
    return Passage(
        object_id=number,
        state=PassageState.FINAL,
        plate=LicensePlate(plate_number=f"K{number:05d}" if number % 3 else "AB12CD", country_code="NL"),
        likelihood=0.95,
        country_likelihood=0.9,
        characters=(),
        module_code="NL",
        direction=Direction.APPROACHING,
        started_at=now,
        ended_at=now,
        read_at=now,
        read_count=3,
        agreeing_reads=3,
        box=Box(x=1, y=1, width=10, height=4),
        frame_picture=picture,
        plate_picture=picture[:10, :20],
    )


async def main(data: Path, onvif_port: int, http_port: int, plates_per_s: float) -> None:
    settings = load_settings(
        data_dir=data, host="127.0.0.1", http_port=http_port, onvif_port=onvif_port, rtsp_port=0, discovery=False
    )
    async with running(settings, NoReader()) as service:
        pouring, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, pouring.set)
        loop.add_signal_handler(signal.SIGUSR2, pouring.clear)
        if plates_per_s:
            pouring.set()
        print(json.dumps({"console": service.console_url, "onvif": service.onvif_url}), flush=True)
        number = int(datetime.now(UTC).timestamp() * 1000) % 100_000
        while True:
            if not pouring.is_set():
                print(HOLDING, flush=True)  # what came before is stored
            await pouring.wait()
            number = (number + 1) % 100_000
            await service.pipeline.passage(Gate(), uuid4().hex, passage(number))
            await asyncio.sleep(1 / (plates_per_s or USUAL_PLATES_PER_S))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
