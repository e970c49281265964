"""A camera without ONVIF: one picture per request, with a car in it while one drives past."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import cv2
from aiohttp import web

from tests.inference.test_watch import scene

STEP_PX = 12
WIDTH_PX = 640


class Street:
    def __init__(self) -> None:
        self.url = ""
        self.asked = 0
        self._car_x: int | None = None

    def send_car(self) -> None:
        """It comes in from the left and leaves on the right, or at `take_car_away`."""
        self._car_x = 20

    def take_car_away(self) -> None:
        self._car_x = None

    async def picture(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self._car_x is not None:
            self._car_x += STEP_PX
            if self._car_x > WIDTH_PX - 180:
                self._car_x = None
        done, data = cv2.imencode(".jpg", scene(car_x=self._car_x), [cv2.IMWRITE_JPEG_QUALITY, 95])
        assert done
        return web.Response(body=data.tobytes(), content_type="image/jpeg")


@asynccontextmanager
async def street() -> AsyncIterator[Street]:
    one = Street()
    app = web.Application()
    app.router.add_get("/street.jpg", one.picture)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/street.jpg"
        yield one
    finally:
        await runner.cleanup()
