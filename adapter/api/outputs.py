"""Outputs over the API: where events are sent, their queues, dead letters and replay."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from adapter.api import schemas, views
from adapter.api.endpoint import Call, Endpoint
from adapter.api.ports import Services
from adapter.store.outbox import QueueFigures
from adapter.store.outputs import OutputRecord
from adapter.store.users import Role


def endpoints() -> Sequence[Endpoint]:
    admin, operator = Role.ADMINISTRATOR, Role.OPERATOR
    one = "/outputs/{output_id}"
    view, body = views.OutputView, schemas.OutputBody
    return (
        Endpoint(
            method="GET",
            path="/outputs",
            summary="Outputs with their queues",
            run=_all,
            role=operator,
            answer=list[views.OutputView],
        ),
        Endpoint(
            method="POST",
            path="/outputs",
            summary="Add an output; the answer holds the signing secret, once",
            run=_add,
            role=admin,
            body=body,
            answer=views.NewOutputView,
            status=201,
        ),
        Endpoint(method="PUT", path=one, summary="Change an output", run=_change, role=admin, body=body, answer=view),
        Endpoint(
            method="DELETE",
            path=one,
            summary="Remove an output and what it is owed",
            run=_remove,
            role=admin,
            answer=views.Ok,
        ),
        Endpoint(
            method="POST",
            path=one + "/test",
            summary="Send a test message now",
            run=_test,
            role=operator,
            answer=views.TestResult,
        ),
        Endpoint(
            method="GET",
            path=one + "/dead-letters",
            summary="Deliveries that were given up",
            run=_dead_letters,
            role=operator,
            query=schemas.LimitQuery,
            answer=list[views.DeadLetter],
        ),
        Endpoint(
            method="POST",
            path=one + "/replay",
            summary="Send dead letters again",
            run=_replay,
            role=operator,
            body=schemas.Replay,
            answer=views.Replayed,
        ),
    )


async def with_queues(services: Services) -> list[views.OutputView]:
    """Every output with its queue and what is wrong with it, as the API and the pages show it."""
    figures = await services.store.outbox.figures()
    counts = services.server.output_counts()
    return [
        views.OutputView(
            **_fields(record, figures.get(record.output_id)),
            error=counts[record.output_id].error if record.output_id in counts else "",
        )
        for record in await services.store.outputs.all()
    ]


async def _all(call: Call) -> list[views.OutputView]:
    return await with_queues(call.services)


async def _add(call: Call) -> views.NewOutputView:
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    record = OutputRecord(
        output_id=uuid4().hex[:12],
        kind=call.body.kind,
        name=call.body.name,
        url=call.body.url,
        secret=secret,
        event_kinds=frozenset(call.body.event_kinds),
        enabled=call.body.enabled,
        created_at=call.now,
    )
    await call.services.store.outputs.save(record)
    await _changed(call, "output.add", record.name)
    return views.NewOutputView(**_fields(record, None), secret=secret)


async def _change(call: Call) -> views.OutputView:
    record = replace(
        await call.services.store.outputs.get(call.path["output_id"]),
        kind=call.body.kind,
        name=call.body.name,
        url=call.body.url,
        event_kinds=frozenset(call.body.event_kinds),
        enabled=call.body.enabled,
    )
    await call.services.store.outputs.save(record)
    await _changed(call, "output.change", record.name)
    return views.OutputView(**_fields(record, None))


async def _remove(call: Call) -> views.Ok:
    await call.services.store.outputs.remove(call.path["output_id"])
    await _changed(call, "output.remove", call.path["output_id"])
    return views.Ok()


async def _test(call: Call) -> views.TestResult:
    record = await call.services.store.outputs.get(call.path["output_id"])
    problem = await call.services.server.test_output(record.output_id)
    return views.TestResult(ok=not problem, detail=problem or "The receiver took the test message.")


async def _dead_letters(call: Call) -> list[views.DeadLetter]:
    record = await call.services.store.outputs.get(call.path["output_id"])
    return [
        views.DeadLetter(
            delivery_id=parked.delivery.delivery_id,
            event_id=parked.delivery.event.event_id,
            kind=parked.delivery.event.kind,
            attempts=parked.delivery.attempts,
            error=parked.error,
        )
        for parked in await call.services.store.outbox.parked(record.output_id, call.query.limit)
    ]


async def _replay(call: Call) -> views.Replayed:
    record = await call.services.store.outputs.get(call.path["output_id"])
    count = await call.services.store.outbox.replay(record.output_id, call.now, call.body.delivery_id)
    await _changed(call, "output.replay", record.name, f"{count} deliveries")
    return views.Replayed(replayed=count)


async def _changed(call: Call, action: str, subject: str, detail: str = "") -> None:
    await call.audit(action, subject, detail)
    await call.services.server.outputs_changed()


def _fields(record: OutputRecord, figures: QueueFigures | None) -> dict[str, object]:
    fields: dict[str, object] = {
        "output_id": record.output_id,
        "kind": record.kind,
        "name": record.name,
        "url": record.url,
        "event_kinds": sorted(record.event_kinds),
        "enabled": record.enabled,
    }
    if figures is not None:
        fields |= {
            "pending": figures.pending,
            "parked": figures.parked,
            "delivered": figures.delivered,
            "oldest_pending_at": figures.oldest_pending_at,
        }
    return fields
