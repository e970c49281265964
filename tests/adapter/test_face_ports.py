"""What a VMS is told of cameras that run, that are lost, and that nobody knows of yet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from adapter.api.ports import CameraState
from adapter.face_ports import FaceCameras
from adapter.fleet import Fleet
from adapter.store.cameras import CameraRecord
from adapter.tasks import Tasks
from tests.adapter.test_live_change import NOON, Told, until
from tests.inference.test_watch import PaintedPlates, film, scene


async def test_whether_a_picture_comes_is_told_once_it_is_known(tmp_path: Path) -> None:
    road = film(tmp_path / "road.mp4", lambda number: scene(car_x=None), 42, 16)
    with ThreadPoolExecutor(1) as executor:
        async with Tasks() as tasks:
            fleet = Fleet(recognizer=PaintedPlates(), executor=executor, lost_after=timedelta(seconds=1.5), tasks=tasks)
            fleet.report_to(Told())  # type: ignore[arg-type]  # it takes what cameras tell
            for camera_id, address in (("gate", road), ("yard", tmp_path / "missing.mp4")):
                await fleet.put(
                    CameraRecord(camera_id=camera_id, name=camera_id, address=str(address), created_at=NOON)
                )
            face = FaceCameras(fleet=fleet)
            assert [camera.online for camera in face.cameras()] == [None, None]
            gate, yard = fleet.cameras
            await until(lambda: gate.health.state is CameraState.RUNNING)
            await until(lambda: yard.health.state is CameraState.LOST)
            assert [camera.online for camera in face.cameras()] == [True, False]
            for camera_id in ("gate", "yard"):
                await fleet.drop(camera_id)
