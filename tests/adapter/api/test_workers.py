"""The workers' door: who comes in, who does not, and that nobody else suffers from what one of them sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from adapter.api.app import all_endpoints
from adapter.api.endpoint import PREFIX
from adapter.store.errors import StoreUnavailable
from adapter.store.users import Role
from adapter.workers.messages import (
    FROM_CONTROLLER,
    JOIN_PATH,
    MAX_MESSAGE_BYTES,
    PROTOCOL,
    Bye,
    FromWorker,
    Heard,
    Hello,
    Told,
    TurnedAway,
    Welcome,
    decode,
    encode,
)
from events.types import ServerLost, ServerRestored
from inference.funnel import Funnel, FunnelHour
from inference.types import Passage
from tests.adapter.api.conftest import Console
from tests.adapter.api.test_modules import add_camera
from tests.adapter.api.test_security import PAGES, ROUTES
from tests.adapter.workers.test_messages import passage

HELLO = Hello(
    protocol=PROTOCOL,
    name="north",
    session="one run",
    host_name="north.example.org",
    version="1.0",
    pack="own",
    device="CPU",
    started_at=datetime(2026, 5, 1, tzinfo=UTC),
)


@dataclass
class Remembers:
    """A camera that only remembers what a worker told it."""

    server: str = "north"
    passages: list[tuple[str, Passage]] = field(default_factory=list)
    funnel: Funnel = field(default_factory=Funnel)

    async def passed(self, event_id: str, passage: Passage, view: object) -> None:
        self.passages.append((event_id, passage))

    def counted(self, hours: tuple[FunnelHour, ...]) -> None:
        self.funnel.add(hours)


@asynccontextmanager
async def joined(console: Console, hello: Hello = HELLO) -> AsyncIterator[ClientWebSocketResponse]:
    headers = await console.token(Role.WORKER)
    async with console.client.ws_connect(JOIN_PATH, headers=headers, max_msg_size=MAX_MESSAGE_BYTES) as socket:
        await say(socket, hello)
        yield socket


async def say(socket: ClientWebSocketResponse, message: FromWorker) -> None:
    await socket.send_str(encode(message))


async def hear(socket: ClientWebSocketResponse) -> Any:
    return decode(FROM_CONTROLLER, await socket.receive_str(timeout=20))


async def heard(socket: ClientWebSocketResponse, number: int) -> None:
    """Wait until everything up to this is dealt with."""
    async with asyncio.timeout(20):
        while True:
            message = await hear(socket)
            if isinstance(message, Heard) and message.number >= number:
                return


async def test_the_store_may_fail_while_a_worker_is_told_as_lost_or_back(console):
    told: list[str] = []
    failures = [StoreUnavailable("disk full"), None, StoreUnavailable("disk full"), None]

    async def tell(event: ServerLost | ServerRestored) -> None:
        if failure := failures.pop(0):
            raise failure
        told.append(event.kind)

    async with joined(console) as socket:
        await hear(socket)
    watching = asyncio.create_task(console.workers.watch_over(timedelta(0), tell))
    try:
        await until(lambda: told == ["ServerLost"] or watching.done())
        async with joined(console) as socket:
            await until(lambda: told == ["ServerLost", "ServerRestored"] or watching.done())
        assert not watching.done()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def closed(socket: ClientWebSocketResponse) -> None:
    async with asyncio.timeout(20):
        while (await socket.receive()).type not in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED}:
            pass


async def listed(console: Console) -> dict[str, str]:
    status, answer = await console.call("GET", "/workers", role=Role.VIEWER)
    assert status == 200
    return {one["name"]: one["status"] for one in answer}


async def status_is(console: Console, name: str, text: str) -> None:
    async with asyncio.timeout(20):
        while (await listed(console)).get(name) != text:
            await asyncio.sleep(0.01)


def told(number: int, passage_id: str = "p", **changes: Any) -> Told:
    one = Told.from_passage(passage(), camera_id="gate", passage_id=passage_id, view=None)
    return replace(one, number=number, **changes)


def camera_at(console: Console) -> Remembers:
    camera = Remembers()
    console.workers.report_to(lambda camera_id: camera if camera_id == "gate" else None)
    return camera


async def test_a_worker_with_a_token_comes_in_and_is_listed(console: Console) -> None:
    async with joined(console) as socket:
        assert isinstance(await hear(socket), Welcome)
        assert await listed(console) == {"north": "No LPR cameras configured"}
        await say(socket, Bye())
        await closed(socket)
    await status_is(console, "north", "Service not running")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR])
async def test_no_other_token_lets_a_worker_join(console: Console, role: Role) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await console.client.ws_connect(JOIN_PATH, headers=await console.token(role))
    assert refused.value.status == 403


async def test_an_unknown_token_and_none_at_all_are_refused(console: Console) -> None:
    for headers in ({}, {"Authorization": "Bearer olpr_made-up"}):
        with pytest.raises(WSServerHandshakeError) as refused:
            await console.client.ws_connect(JOIN_PATH, headers=headers)
        assert refused.value.status == 401


@pytest.mark.requirement("M-128")
async def test_a_workers_token_opens_nothing_else(console: Console) -> None:
    headers = await console.token(Role.WORKER)
    assert len(all_endpoints()) > 50
    others = [(method, path) for method, path in ROUTES if path != JOIN_PATH]
    assert all(path.startswith(PREFIX) for _, path in others)
    for method, path in [*others, *(("GET", page) for page in PAGES), ("GET", "/metrics"), ("POST", "/logout")]:
        async with console.client.request(method, path, headers=headers, allow_redirects=False) as response:
            assert response.status == 403, (method, path)
    status, _ = await console.call("POST", "/users", json={"name": "w", "password": "long enough", "role": "worker"})
    assert status == 422


async def test_a_token_that_is_revoked_ends_the_link(console: Console) -> None:
    async with joined(console) as socket:
        assert isinstance(await hear(socket), Welcome)
        for token in await console.store.tokens.all():
            await console.store.tokens.remove(token.token_id)
        await closed(socket)


async def test_the_door_is_for_websockets(console: Console) -> None:
    async with console.client.get(JOIN_PATH, headers=await console.token(Role.WORKER)) as response:
        assert (response.status, (await response.json())["error"]) == (426, "upgrade_required")


async def test_a_name_that_is_taken_is_refused_with_the_cause_and_the_first_one_stays(console: Console) -> None:
    async with joined(console) as first, joined(console, replace(HELLO, session="another run")) as second:
        assert isinstance(await hear(first), Welcome)
        answer = await hear(second)
        assert isinstance(answer, TurnedAway)
        assert answer.reason.startswith("a worker named north is here already, on north.example.org;")
        await closed(second)
        assert await listed(console) == {"north": "No LPR cameras configured"}


async def test_the_same_worker_takes_its_own_place_when_its_old_link_is_not_yet_known_to_be_dead(
    console: Console,
) -> None:
    async with joined(console) as first:
        assert isinstance(await hear(first), Welcome)
        closing = asyncio.create_task(closed(first))
        async with joined(console) as second:
            assert isinstance(await hear(second), Welcome)
            await closing
            await heard(second, 0)
            assert await listed(console) == {"north": "No LPR cameras configured"}


async def test_another_version_of_the_link_is_refused_with_the_cure(console: Console) -> None:
    async with joined(console, replace(HELLO, protocol=PROTOCOL + 1)) as socket:
        assert "install the same release on both hosts" in (await hear(socket)).reason


@pytest.mark.parametrize("text", ["{", '{"kind": "told"}', '{"kind": "welcome"}', "x" * (MAX_MESSAGE_BYTES + 1)])
async def test_a_message_that_is_wrong_or_too_large_ends_its_link_and_no_other(console: Console, text: str) -> None:
    async with joined(console) as bad, joined(console, replace(HELLO, name="south", session="two")) as good:
        assert isinstance(await hear(good), Welcome)
        with suppress(ConnectionError):  # it may be closed before the last byte
            await bad.send_str(text)
        await closed(bad)
        await status_is(console, "north", "Service not responding")
        assert (await listed(console))["south"] == "No LPR cameras configured"
        await heard(good, 0)


async def test_what_is_said_again_is_told_once(console: Console) -> None:
    camera = camera_at(console)
    async with joined(console) as socket:
        await say(socket, told(1))
        await say(socket, told(1))
        await heard(socket, 1)
    await status_is(console, "north", "Service not responding")
    async with joined(console) as socket:
        for number in (1, 2):
            await say(socket, told(number, f"p{number}"))
        await heard(socket, 2)
    assert len(camera.passages) == 2
    assert len({event_id for event_id, _ in camera.passages}) == 2


async def test_a_worker_tells_only_of_cameras_that_it_has(console: Console) -> None:
    camera = camera_at(console)
    camera.server = "south"
    async with joined(console) as socket:
        await say(socket, told(1))
        await heard(socket, 1)
    assert camera.passages == []


@pytest.mark.parametrize("ahead_s", [-3600, 0, 3600])
async def test_a_passage_is_as_old_as_it_is_whatever_the_workers_clock_says(console: Console, ahead_s: int) -> None:
    camera = camera_at(console)
    now = datetime.now(UTC)
    async with joined(console) as socket:
        await say(socket, told(1, read_at=now + timedelta(seconds=ahead_s), waited_s=60))
        await heard(socket, 1)
    ((_, got),) = camera.passages
    assert got.read_at <= datetime.now(UTC) - timedelta(seconds=60)
    if ahead_s < 0:
        assert got.read_at == now + timedelta(seconds=ahead_s)


@pytest.mark.requirement("M-137")
async def test_the_page_of_the_server_lists_workers_and_says_how_another_joins(console: Console) -> None:
    await console.sign_in("anna")
    async with joined(console) as socket:
        assert isinstance(await hear(socket), Welcome)
        async with console.client.get("/status") as page:
            text = await page.text()
    assert "north.example.org" in text
    origin = str(console.client.make_url("/")).rstrip("/")
    assert f"onvif-lpr worker --controller {origin} --token-file worker.token" in text


@pytest.mark.parametrize("name", ["-north", "north south", "n" * 64, "../north"])
async def test_a_camera_is_not_given_to_what_no_worker_can_be_called(console: Console, name: str) -> None:
    camera_id = await add_camera(console, "Gate")
    status, answer = await console.call("PATCH", f"/cameras/{camera_id}", json={"server": name})
    assert (status, list(answer["fields"])) == (422, ["server"])
