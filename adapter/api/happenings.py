"""What happened, over the API: events, alarms, relay decisions, and all of it live."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from aiohttp import web

from adapter.api import schemas, views
from adapter.api.endpoint import Call, Endpoint
from adapter.api.errors import ApiError
from adapter.api.security import COOKIE, HEADERS, SESSIONS
from adapter.store.decisions import StoredDecision
from adapter.store.errors import NotFound
from adapter.store.journal import Search, StoredEvent
from adapter.store.users import Role
from events.codec import to_plain
from events.types import Event
from rules.alarms import Alarm, AlarmState

# Proxies cut connections that are silent for a minute.
HEARTBEAT = timedelta(seconds=15)
# Each open console page is one; beyond this it is not a console.
MOST_LISTENERS = 200

_LISTENERS = web.AppKey("listeners", list[int])


def endpoints() -> Sequence[Endpoint]:
    operator = Role.OPERATOR
    return (
        Endpoint(
            method="GET",
            path="/events",
            summary="Stored events, newest first; `?` and `*` in the plate",
            run=_events,
            query=schemas.EventQuery,
            answer=list[views.EventView],
        ),
        Endpoint(
            method="GET",
            path="/events/{event_id}",
            summary="One event with what followed: why did the gate open, or not?",
            run=_event,
            answer=views.EventView,
        ),
        Endpoint(
            method="GET",
            path="/decisions",
            summary="Relay decisions, newest first",
            run=_decisions,
            query=schemas.LimitQuery,
            answer=list[views.DecisionView],
        ),
        Endpoint(
            method="GET",
            path="/alarms",
            summary="Alarms, newest first",
            run=_alarms,
            query=schemas.AlarmQuery,
            answer=list[views.AlarmView],
        ),
        Endpoint(method="GET", path="/alarms/{alarm_id}", summary="One alarm", run=_alarm, answer=views.AlarmView),
        Endpoint(
            method="PATCH",
            path="/alarms/{alarm_id}",
            summary="Acknowledge, put on hold, close",
            run=_change_alarm,
            role=operator,
            body=schemas.AlarmChange,
            answer=views.AlarmView,
        ),
        Endpoint(
            method="GET",
            path="/live",
            summary="Events as they happen (server-sent events)",
            run=_live,
            media_type="text/event-stream",
        ),
    )


async def _events(call: Call) -> list[views.EventView]:
    query = call.query
    found = await call.services.store.journal.search(
        Search(
            plate=query.plate,
            list_id=query.list_id,
            camera_id=query.camera_id,
            kinds=(query.kind,) if query.kind else (),
            since=query.since,
            until=query.until,
            limit=query.limit,
            before_id=query.before_id,
        )
    )
    return [_event_view(stored) for stored in found]


async def _event(call: Call) -> views.EventView:
    event_id = call.path["event_id"]
    stored = await call.services.store.journal.get(event_id)
    if stored is None:
        raise NotFound("There is no such event; its retention time may be over.")
    return _event_view(stored, await call.services.store.decisions.of_event(event_id))


async def _decisions(call: Call) -> list[views.DecisionView]:
    return [_decision_view(one) for one in await call.services.store.decisions.latest(call.query.limit)]


async def _alarms(call: Call) -> list[views.AlarmView]:
    states = (AlarmState(call.query.state),) if call.query.state else ()
    found = await call.services.store.alarms.all(states=states, limit=call.query.limit, before_id=call.query.before_id)
    return [alarm_view(alarm) for alarm in found]


async def _alarm(call: Call) -> views.AlarmView:
    return alarm_view(await call.services.store.alarms.get(call.path["alarm_id"]))


async def _change_alarm(call: Call) -> views.AlarmView:
    alarm = await call.services.store.alarms.change(
        call.path["alarm_id"], call.body.state, by=call.identity.actor, now=call.now, note=call.body.note
    )
    await call.audit("alarm.change", alarm.alarm_id, alarm.state)
    return alarm_view(alarm)


async def _live(call: Call) -> web.StreamResponse:
    """Events until the browser leaves, the session ends or the service stops."""
    open_now = call.request.app[_LISTENERS]
    if len(open_now) >= MOST_LISTENERS:
        raise ApiError(503, "too_many_listeners", f"{MOST_LISTENERS} live views are open already; close one.")
    response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    open_now.append(id(response))
    try:
        with call.services.live.subscribe(f"console {call.identity.actor}") as listener:
            await response.prepare(call.request)
            await response.write(b"retry: 3000\n\n")
            await _send_events(call, response, aiter(listener))
    except ConnectionError:
        pass  # the browser left
    finally:
        open_now.remove(id(response))
    return response


async def _send_events(call: Call, response: web.StreamResponse, events: AsyncIterator[Event]) -> None:
    waiting = asyncio.ensure_future(anext(events))
    asked_s = time.monotonic()
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=HEARTBEAT.total_seconds())
            # However busy the road is: who was signed out sees no more plates.
            if not done or time.monotonic() - asked_s >= HEARTBEAT.total_seconds():
                asked_s = time.monotonic()
                if not await _still_allowed(call):
                    return
            if not done:
                await response.write(b": still here\n\n")
                continue
            try:
                event = waiting.result()
            except StopAsyncIteration:
                return
            data = json.dumps(to_plain(event), separators=(",", ":"))
            await response.write(f"event: {event.kind}\nid: {event.event_id}\ndata: {data}\n\n".encode())
            waiting = asyncio.ensure_future(anext(events))
    finally:
        waiting.cancel()


async def _still_allowed(call: Call) -> bool:
    """A page that was left open must not show plates after its session or token has ended."""
    if call.identity.is_token:
        text = call.request.headers.get("Authorization", "").partition(" ")[2].strip()
        return await call.services.store.tokens.check(text, call.now) is not None
    cookie = call.request.cookies.get(COOKIE, "")
    return call.request.app[SESSIONS].lasts(cookie, call.now)


def add_state(app: web.Application) -> None:
    app[_LISTENERS] = []


def _event_view(stored: StoredEvent, decisions: Sequence[StoredDecision] = ()) -> views.EventView:
    return views.EventView(
        event=to_plain(stored.event),
        stored_at=stored.stored_at,
        refusals=list(stored.refusals),
        decisions=[_decision_view(one) for one in decisions],
    )


def _decision_view(stored: StoredDecision) -> views.DecisionView:
    return views.DecisionView(
        decision_id=stored.decision.decision_id,
        event_id=stored.event_id,
        camera_id=stored.decision.camera_id,
        relay_token=stored.decision.relay_token,
        state=stored.state,
        because=stored.decision.because,
        detail=stored.detail,
        decided_at=stored.decided_at,
        claimed_at=stored.claimed_at,
        finished_at=stored.finished_at,
    )


def alarm_view(alarm: Alarm) -> views.AlarmView:
    """An alarm as the API and the pages show it."""
    raised = alarm.raised
    return views.AlarmView(
        alarm_id=alarm.alarm_id,
        utc_time=raised.utc_time,
        name=raised.name,
        priority=raised.priority,
        object=raised.object,
        tag=raised.tag,
        type=raised.type,
        camera_id=raised.camera_id,
        camera_name=raised.camera_name,
        list_name=raised.list_name,
        likelihood=raised.likelihood,
        frame_picture=raised.frame_picture,
        plate_picture=raised.plate_picture,
        state=alarm.state,
        changed_at=alarm.changed_at,
        changed_by=alarm.changed_by,
        note=alarm.note,
    )
