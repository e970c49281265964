"""A camera whose login may not ask for everything."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from adapter.lpr_camera import LprCamera
from adapter.store.cameras import CameraRecord
from adapter.workers.hub import Hub
from inference.recognition import Recognition, RecognitionSettings
from inference.types import Box, Picture
from onvif_client.errors import CameraError
from tests.fakes.camera import FakeCamera, Quirks
from tests.fakes.waiting import until


class ReadsNothing:
    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        return Recognition()


class NobodyIsTold:
    async def system(self, event: object) -> None:
        """No picture comes; nobody minds here."""


def connected(camera: LprCamera) -> bool:
    try:
        return camera.onvif is not None
    except CameraError:
        return False


async def test_a_login_that_may_not_ask_for_relays_or_texts_watches_all_the_same_and_that_is_said_once() -> None:
    quirks = Quirks(low_level_for=frozenset({"GetRelayOutputs", "GetOSDs"}))
    async with FakeCamera(quirks=quirks) as fake:
        with ThreadPoolExecutor(1) as executor, capture_logs() as logs:
            camera = LprCamera(
                hub=Hub(),
                record=CameraRecord(
                    camera_id="north",
                    name="North",
                    address=f"http://{fake.address}/onvif/device_service",
                    user=fake.user,
                    password=fake.password,
                    created_at=datetime.now(UTC),
                ),
                recognizer=ReadsNothing(),
                executor=executor,
                pipeline=NobodyIsTold(),
                lost_after=timedelta(minutes=1),
            )
            for _ in range(2):
                running = asyncio.create_task(camera.run(), name="camera")
                await until(lambda: connected(camera))
                assert (camera.relays, camera.on_screen) == ((), ())
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
        said = [(one["what"], one["log_level"]) for one in logs if one["event"] == "camera does without"]
        assert said == [
            *(("relay outputs", "warning"), ("on-screen texts", "warning")),
            *(("relay outputs", "debug"), ("on-screen texts", "debug")),
        ]
        assert fake.failed_logins == 0
