"""`onvif-lpr serve` with a `virtual-camera` in front, both started by their console scripts, as on a person's desk."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mock_vms.demo.processes import Program, program
from mock_vms.demo.rest import Rest
from tests.e2e.waiting import READY_S, ROOT, free_port

CAMERA_PASSWORD = "camera password"


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Where both are. The service does not know the camera yet."""

    data: Path
    service: Program
    camera: Program
    http_port: int
    onvif_port: int
    probe_port: int
    """Where the camera answers unicast probes of WS-Discovery."""

    @property
    def environment(self) -> dict[str, str]:
        """With this, `onvif-lpr` finds the running service."""
        return {
            "ONVIF_LPR_DATA_DIR": str(self.data),
            "ONVIF_LPR_HTTP_PORT": str(self.http_port),
            "CAMERA_PASSWORD": CAMERA_PASSWORD,
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }

    def rest(self) -> Rest:
        token = (self.data / "local.token").read_text(encoding="utf-8").strip()
        return Rest(f"http://127.0.0.1:{self.http_port}/api/v1", token)


@asynccontextmanager
async def running_chain(folder: Path, *camera_arguments: str) -> AsyncIterator[Chain]:
    """Both processes, until the block is left."""
    data, http_port, onvif_port = folder / "data", free_port(), free_port()
    probe_port = free_port(socket.SOCK_DGRAM)
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))}
    service = Program(
        name="onvif-lpr serve",
        arguments=[
            *(program("onvif-lpr"), "--data-dir", str(data), "serve", "--host", "127.0.0.1", "--no-discovery"),
            *("--http-port", str(http_port), "--onvif-port", str(onvif_port), "--rtsp-port", "0"),
        ],
        log=folder / "service.log",
        environment=paths,
    )
    camera = Program(
        name="virtual-camera",
        arguments=[
            *(program("virtual-camera"), "--no-multicast", "--discovery-port", str(probe_port)),
            *("--name", "Gate North", *camera_arguments),
        ],
        log=folder / "camera.log",
        environment={**paths, "VIRTUAL_CAMERA_PASSWORD": CAMERA_PASSWORD},
    )
    async with AsyncExitStack() as stack:
        for each in (camera, service):
            await stack.enter_async_context(each)
        for each in (camera, service):
            await each.wait_ready(READY_S)
        yield Chain(
            data=data,
            service=service,
            camera=camera,
            http_port=http_port,
            onvif_port=onvif_port,
            probe_port=probe_port,
        )
