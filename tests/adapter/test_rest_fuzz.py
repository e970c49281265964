"""Whatever is sent to the console of the real service, pages, forms and API, it refuses with a reason and goes on."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as fuzzing
from hypothesis import strategies as st

from adapter.api.app import all_endpoints
from adapter.api.endpoint import PREFIX, Endpoint
from adapter.service import Running, running
from tests.adapter.test_service import OnePlate, settings
from tests.fakes.odd_requests import FORM, ODD_ADDRESSES, ODD_TEXTS, odd_forms, odd_objects, odd_requests

# Discovery sends into the network, the streams never end, and no token may go on the way.
LEFT_OUT = re.compile(r"/discovery|/live|/tokens/")
# The camera did not answer, which is what the odd addresses are for.
CAMERA_PROBLEM = 502
# Bodies that would be taken, so that one odd field in them gets past the others.
VALID: dict[str, dict[str, object]] = {
    "/cameras": {"name": "Gate 9", "address": "rtsp://127.0.0.1:1/none", "user": "", "modules": ["NL"]},
    "/cameras/{camera_id}": {"enabled": False, "modules": [], "recognition": {}, "user": "", "max_speed_kmh": 30},
    "/outputs": {"name": "VMS", "url": "http://127.0.0.1:1/hook", "event_kinds": []},
    "/lists": {"name": "Staff", "kind": "allow", "policy": "strict", "camera_ids": [], "columns": []},
    "/lists/{list_id}/entries": {"pattern": "AB12*", "fields": {}, "valid_from": None},
    "/alarm-definitions": {"name": "Visitor", "list_id": "unlisted", "priority": 3},
    "/relay-actions": {"list_id": "unlisted", "relay_token": "gate", "pulse_s": 1},
    "/connection-test": {"address": "rtsp://127.0.0.1:1/none", "user": "", "password": None, "camera_id": ""},
    "/users": {"name": "bert", "password": "correct horse", "role": "viewer"},
}
PAGES = [
    *("/", "/login", "/password", "/alarms", "/lists", "/lists/unlisted", "/status", "/pictures/x.jpg"),
    *("/reactions", "/outputs", "/accounts", "/cameras/CAMERA/info", "/cameras/CAMERA/tuning"),
    *("/cameras", "/cameras/CAMERA/settings", "/cameras/CAMERA/funnel", "/cameras/x/settings", "/cameras/%00/funnel"),
]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[tuple[Running, aiohttp.ClientSession]]:
    async with (
        running(settings(tmp_path), OnePlate()) as service,
        aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {service.local_token}"}, timeout=aiohttp.ClientTimeout(total=10)
        ) as session,
    ):
        for number in range(2):
            body = {"name": f"Gate {number}", "address": "rtsp://127.0.0.1:1/none", "user": "", "password": None}
            async with session.post(service.console_url + PREFIX + "/cameras", json=body) as answer:
                assert answer.status == 201
        yield service, session


@st.composite
def api_calls(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    endpoint: Endpoint = draw(st.sampled_from([one for one in all_endpoints() if not LEFT_OUT.search(one.path)]))
    ids = st.sampled_from(["unlisted", "CAMERA", "CAMERA", "anna", "x", "%00", "%ED%A0%80", "%2e%2e%2f", "a" * 300])
    path = PREFIX + re.sub(r"{\w+}", lambda _: draw(ids), endpoint.path)
    options: dict[str, Any] = {}
    if endpoint.body is not None:
        fields = list(endpoint.body.model_fields)
        bodies = odd_objects(fields, _ODD)
        if endpoint.path in VALID:
            valid = VALID[endpoint.path]
            odd_field = st.dictionaries(st.sampled_from(fields), _ODD, max_size=1)
            bodies = st.one_of(odd_field.map(lambda odd: json.dumps(valid | odd).encode()), bodies)
        odd = draw(odd_requests(bodies, "application/json"))
        options = {"data": odd.body, "headers": dict(odd.headers)}
    elif endpoint.raw_body:
        odd = draw(odd_requests(st.binary(max_size=100), endpoint.raw_kinds[0]))
        options = {"data": odd.body, "headers": dict(odd.headers)}
    if endpoint.query is not None:
        options["params"] = draw(
            st.dictionaries(st.sampled_from(list(endpoint.query.model_fields)), ODD_TEXTS, max_size=3)
        )
    return endpoint.method, path, options


@st.composite
def page_calls(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    path = draw(st.sampled_from(PAGES))
    if path in {"/login", "/password"} and draw(st.booleans()):
        odd = draw(odd_requests(odd_forms(["name", "password", "current", "again", "csrf"]), FORM))
        return "POST", path, {"data": odd.body, "headers": dict(odd.headers)}
    names = st.sampled_from(["page", "search", "plate", "state", "since", "until"]) | ODD_TEXTS
    return "GET", path, {"params": draw(st.dictionaries(names, ODD_TEXTS, max_size=3))}


_ODD = (
    st.sampled_from(ODD_ADDRESSES)
    | ODD_TEXTS
    | st.none()
    | st.integers()
    | st.floats()
    | st.lists(ODD_TEXTS, max_size=2)
)


# The strategies draw from nothing of the kind; the retries of the cameras do, in their own threads at the same time.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@fuzzing(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(calls=st.lists(st.one_of(api_calls(), page_calls()), min_size=1, max_size=3))
async def test_no_request_makes_the_service_fail(
    service: tuple[Running, aiohttp.ClientSession], calls: list[tuple[str, str, dict[str, Any]]]
) -> None:
    running_service, session = service
    async with session.get(running_service.console_url + PREFIX + "/cameras") as answer:
        cameras = await answer.json()
    for method, path, options in calls:
        url = running_service.console_url + path.replace("CAMERA", cameras[0]["camera_id"] if cameras else "none")
        async with session.request(method, url, allow_redirects=False, **options) as answer:
            text = await answer.text()
        assert answer.status < 500 or answer.status == CAMERA_PROBLEM, (method, path, options, text)
        if path.startswith(PREFIX) and answer.status >= 400 and answer.content_type == "application/json":
            assert '"detail"' in text
    async with session.get(running_service.console_url + "/health") as answer:
        assert answer.status == 200
