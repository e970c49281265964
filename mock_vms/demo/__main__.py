"""`python -m mock_vms.demo`: two virtual cameras, the service and the mock VMS on one desk.

With `--once` it runs headless, sends its vehicles, prints a row per vehicle with the time of each hop, and ends with a
code other than 0 naming the first hop that failed. Without, it runs until Ctrl-C and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from mock_vms.demo import scenario as scenarios
from mock_vms.demo.follow import Follower, Stage
from mock_vms.demo.processes import Program, ProgramFailed, program
from mock_vms.demo.report import print_rows
from mock_vms.demo.rest import Rest, RestFailed
from mock_vms.demo.scenario import Scenario, Stand
from mock_vms.demo.stopping import Stopped, until_stopped

console = Console(width=None if sys.stdout.isatty() else 160)
CAMERA_PASSWORD = "demo camera"
VMS_PASSWORD = "demo vms face"
READY_S = 60.0
# The manual's rule turns 50 km/h into 1/550 s: every vehicle of the demo is slower.
MAX_SPEED_KMH = 50


def main(
    once: Annotated[bool, typer.Option("--once", help="Headless: check every hop, print a table, exit.")] = False,
    photos: Annotated[Path | None, typer.Option(help="Folder of photos that drive by.")] = None,
    video: Annotated[Path | None, typer.Option(help="Clip, or folder of clips.")] = None,
    rtsp: Annotated[str | None, typer.Option(help="A camera of your own.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="How many photos or clips.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep logs and data here instead of throwing them away.")] = None,
) -> None:
    """Run the demo."""
    try:
        chosen = _choose(photos, video, rtsp, count, once)
        code = asyncio.run(until_stopped(lambda: _run(chosen, once=once, keep=keep)))
    except Stopped as stopped:
        console.print("\nAll programs have stopped and left nothing behind.")
        # Without --once this is how the demo ends; with it, the check was not finished.
        code = stopped.exit_code if once else 0
    except (ProgramFailed, RestFailed, ValueError, OSError) as error:
        console.print(f"[red]The demo cannot run:[/red] {str(error) or type(error).__name__}", highlight=False)
        code = 2
    raise typer.Exit(code)


def _choose(photos: Path | None, video: Path | None, rtsp: str | None, count: int | None, once: bool) -> Scenario:
    if photos is not None:
        return scenarios.photos(photos.expanduser().resolve(), count or 10)
    if video is not None:
        return scenarios.clips(video.expanduser().resolve(), count)
    if rtsp is not None:
        if once:
            raise ValueError("ONCE=1 needs vehicles whose plates are known; a camera of your own has none")
        return scenarios.camera_of_yours(rtsp)
    return scenarios.street()


async def _run(chosen: Scenario, *, once: bool, keep: Path | None) -> int:
    async with AsyncExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onvif-lpr-demo-")))
        folder.mkdir(parents=True, exist_ok=True)
        demo = Demo(chosen, folder, stack, autoplay=not once)
        await demo.start()
        if once:
            return await demo.once()
        demo.tell_where_to_look()
        await asyncio.Event().wait()  # until a signal cancels it
    return 0


class Demo:
    """The programs of one demo."""

    def __init__(self, chosen: Scenario, folder: Path, stack: AsyncExitStack, *, autoplay: bool) -> None:
        self._scenario = chosen
        self._folder = folder
        self._stack = stack
        self._autoplay = autoplay
        self._stages: list[Stage] = []
        self._service: Rest
        self._vms: Rest
        self._addresses: dict[str, Any] = {}

    async def start(self) -> None:
        """Everything up and set, in an order in which nothing has to be retried."""
        console.print("starting two programs and the cameras ...")
        cameras = [
            self._program(stand.name, "virtual-camera", *self._camera_arguments(stand)) for stand in self._virtual
        ]
        service = self._program(
            "service", "onvif-lpr", "--data-dir", str(self._folder / "service"), "serve", "--host", "127.0.0.1",
            "--http-port", str(_port(8080)), "--onvif-port", str(_port(8000)), "--rtsp-port", "0", "--no-discovery",
        )  # fmt: skip
        for each in (*cameras, service):
            await self._stack.enter_async_context(each)
        self._addresses["service"] = await service.wait_ready(READY_S)
        token = (self._folder / "service" / "local.token").read_text(encoding="utf-8").strip()
        self._service = await self._stack.enter_async_context(Rest(self._addresses["service"]["console"], token))
        self._password = next((line.split()[-1] for line in service.said if line.strip().startswith("admin ")), "?")
        secret, vms_port = await self._set_rules()
        await self._start_vms(secret, vms_port)
        for stand, camera in zip(self._virtual, cameras, strict=True):
            await self._add_camera(stand, await camera.wait_ready(READY_S))
        for stand in self._scenario.stands:
            if stand.rtsp_url is not None:
                await self._add_stream(stand, stand.rtsp_url)
        await self._until_running()

    async def once(self) -> int:
        """Send the vehicles, follow them, print the table."""
        console.print("sending the vehicles ...")
        follower = Follower(service=self._service, vms=self._vms, stages=self._stages, scenario=self._scenario)
        findings = await follower.run()
        print_rows(console, findings.rows)
        counts = await self._vms.get("/api/counts")
        console.print(
            f"the VMS received {counts['received']} messages with {counts['unique']} ids, "
            f"showed {counts['alarms']} alarms, {counts['duplicates_shown']} twice"
        )
        right = sum(row.problem is None for row in findings.rows)
        console.print(f"{right} of {len(findings.rows)} vehicles went through every hop right")
        for failure in findings.failures:
            console.print(f"[red]FAILED:[/red] {failure}", highlight=False)
        return 1 if findings.failures or counts["duplicates_shown"] else 0

    def tell_where_to_look(self) -> None:
        """What a person opens in a browser, and what happens there."""
        service = self._addresses["service"]
        console.print()
        console.print(f"  [bold]The VMS's alarms[/bold]   {self._addresses['vms']['login_url']}")
        console.print(f"  [bold]The LPR console[/bold]    {service['console']}   user admin, password {self._password}")
        console.print(f"  [bold]As an ONVIF device[/bold] {service['onvif']}   user demo, password '{VMS_PASSWORD}'")
        console.print()
        console.print(
            "  Cars drive by every few seconds. Watch the VMS: residents and couriers open the gate, the wanted"
        )
        console.print("  car raises an alarm, everybody else is a visitor. Ctrl-C ends it and leaves nothing behind.")

    # -- setting up -------------------------------------------------------------------------------------------------

    @property
    def _virtual(self) -> list[Stand]:
        return [stand for stand in self._scenario.stands if stand.rtsp_url is None]

    def _camera_arguments(self, stand: Stand) -> list[str]:
        arguments = ["--no-multicast", "--name", stand.name, "--relay", "gate", *stand.arguments]
        if not self._autoplay:
            arguments += ["--autoplay", "0"]
        else:
            plates = [vehicle.request["plate"] for vehicle in stand.vehicles if "plate" in vehicle.request]
            arguments += ["--autoplay", "4", *(["--plates", ",".join(plates)] if plates else [])]
        return arguments

    def _program(self, name: str, command: str, *arguments: str) -> Program:
        log = self._folder / f"{name.replace(' ', '-').lower()}.log"
        return Program(
            name=name,
            arguments=[program(command), *arguments],
            log=log,
            environment={"VIRTUAL_CAMERA_PASSWORD": CAMERA_PASSWORD, "NO_COLOR": "1"},
        )

    async def _set_rules(self) -> tuple[str, int]:
        """Lists, alarms, and the webhook to a VMS that does not run yet; its secret and port."""
        service, vms_port = self._service, _port(8090)
        await service.put("/api/v1/onvif-users/demo", {"password": VMS_PASSWORD, "level": "Operator"})
        self._list_ids = {}
        for name, kind, plates in self._scenario.lists:
            made = await service.post("/api/v1/lists", {"name": name, "kind": kind})
            self._list_ids[name] = made["list_id"]
            for plate in plates:
                await service.post(f"/api/v1/lists/{made['list_id']}/entries", {"pattern": plate})
        alarms = [
            ("Resident arrives", "Residents", 5),
            ("Courier arrives", "Couriers", 5),
            ("Wanted vehicle", "Wanted", 1),
        ]
        for name, of_list, priority in alarms:
            body = {"name": name, "list_id": self._list_ids[of_list], "priority": priority}
            await service.post("/api/v1/alarm-definitions", body)
        await service.post(
            "/api/v1/alarm-definitions", {"name": "Visitor at the gate", "list_id": "unlisted", "priority": 3}
        )
        for of_list in ("Residents", "Couriers"):
            await service.post("/api/v1/relay-actions", {"list_id": self._list_ids[of_list], "relay_token": "gate"})
        output = await service.post(
            "/api/v1/outputs",
            {"name": "VMS", "url": f"http://127.0.0.1:{vms_port}/webhooks/lpr", "event_kinds": ["AlarmRaised"]},
        )
        return output["secret"], vms_port

    async def _start_vms(self, secret: str, port: int) -> None:
        vms = self._program(
            "mock VMS", "mock-vms", "serve", "--data", str(self._folder / "vms"), "--port", str(port),
            "--webhook", f"lpr={secret}", "--device", self._addresses["service"]["onvif"],
            "--device-user", "demo", "--device-password", VMS_PASSWORD,
        )  # fmt: skip
        await self._stack.enter_async_context(vms)
        self._addresses["vms"] = await vms.wait_ready(READY_S)
        self._vms = await self._stack.enter_async_context(
            Rest(self._addresses["vms"]["url"], self._addresses["vms"]["token"])
        )

    async def _add_camera(self, stand: Stand, ready: dict[str, Any]) -> None:
        body = {
            "name": stand.name,
            "address": ready["device"],
            "user": ready["user"],
            "password": CAMERA_PASSWORD,
            "modules": list(stand.modules),
        }
        added = await self._service.post("/api/v1/cameras", body)
        tuned = await self._service.post(
            f"/api/v1/cameras/{added['camera_id']}/tune", {"max_speed_kmh": MAX_SPEED_KMH, "apply": True}
        )
        done = sum(row["ok"] for row in tuned["applied"])
        console.print(f"added {stand.name}: {done} of {len(tuned['applied'])} settings tuned for plates and read back")
        control = await self._stack.enter_async_context(Rest(ready["control"]))
        self._stages.append(Stage(stand=stand, camera_id=added["camera_id"], control=control))

    async def _add_stream(self, stand: Stand, url: str) -> None:
        body = {
            "name": stand.name,
            "address": url,
            "user": stand.user,
            "password": stand.password or None,
            "modules": list(stand.modules),
        }
        await self._service.post("/api/v1/cameras", body)

    async def _until_running(self) -> None:
        """Cameras stream and the VMS has its pull point."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_S):
                while True:
                    cameras = (await self._service.get("/api/v1/status"))["cameras"]
                    devices = (await self._vms.get("/api/devices"))["devices"]
                    if all(c["state"] == "running" for c in cameras) and any(d["subscriptions"] for d in devices):
                        return
                    await asyncio.sleep(0.3)
        raise ProgramFailed(f"the chain did not come up: cameras {cameras}, devices of the VMS {devices}")


def _port(wanted: int) -> int:
    """The usual port when it is free, else any: the demo must run beside whatever else does."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            bound: int = probe.getsockname()[1]
            return bound
    raise OSError("no free port on 127.0.0.1")


if __name__ == "__main__":
    typer.run(main)
