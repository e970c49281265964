"""Whatever is sent, the answer is a refusal that says why, never a failure of the server."""

from __future__ import annotations

import asyncio
import io
import random
import re
import string

from adapter.api.app import all_endpoints
from adapter.api.endpoint import PREFIX

WRONG_BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"1e999",
    b"\xff\xfe\x00",
    b'{"name": "\\ud800"}',
    b'{"name": "a\\u0000b", "kind": "allow"}',
    b"[" * 100_000,
    b'{"name": {"$ne": 1}, "kind": [], "pattern": 5, "password": true, "role": "root", "days": -1}',
    b'{"name": "x", "kind": "allow", "surprise": 1}',
    b'{"max_speed_kmh": NaN}',
    b'{"max_speed_kmh": 1e400, "apply": "maybe"}',
]
WRONG_VALUES = [
    "",
    "x",
    "-1",
    "1e9",
    "9" * 30,
    "\x00",
    "%",
    "'; DROP TABLE events;--",
    "0001-01-01",
    "9999-12-31T23:59:59-14:00",
    "ü" * 300,
]


async def test_no_body_makes_the_server_fail(console):
    headers = {"Content-Type": "application/json"}
    for endpoint in all_endpoints():
        if endpoint.body is None:
            continue
        path = re.sub(r"{\w+}", "unlisted", endpoint.path)
        for body in WRONG_BODIES:
            status, answer = await console.call(endpoint.method, path, data=body, headers=headers)
            assert 400 <= status < 500, (endpoint.path, body[:50], status, answer)
            assert answer["detail"]


async def test_a_wrong_type_is_refused_with_the_field_named(console):
    status, answer = await console.call(
        "POST", "/relay-actions", json={"list_id": "unlisted", "relay_token": "gate", "pulse_s": "long"}
    )
    assert status == 422
    assert list(answer["fields"]) == ["pulse_s"]
    assert "pulse_s" in answer["detail"]


async def test_no_query_value_makes_the_server_fail(console):
    for endpoint in all_endpoints():
        if endpoint.query is None:
            continue
        path = re.sub(r"{\w+}", "unlisted", endpoint.path)
        for name in endpoint.query.model_fields:
            for value in WRONG_VALUES:
                status, answer = await console.call(endpoint.method, path, params={name: value})
                assert status < 500, (path, name, value, answer)


async def test_no_path_makes_the_server_fail(console):
    pieces = ["%00", "%ff", "..%2f..%2fetc", "%F0%9F%9A%97", "a" * 3000, "%25", "'"]
    for endpoint in all_endpoints():
        if "{" not in endpoint.path:
            continue
        for piece in pieces:
            path = re.sub(r"{\w+}", piece, endpoint.path)
            body = {"json": {}} if endpoint.body else {}
            status, answer = await console.call(endpoint.method, path, **body)
            assert status < 500, (path, answer)


async def test_random_calls_never_make_the_server_fail(console):
    """A seeded storm over all routes, half valid, half not."""
    dice = random.Random(20260504)
    words = ["unlisted", "ABC123", "allow", "operator", "a" * 500, "", "\u202e", "2026-05-04T12:00:00", "whsec_"]

    def value(depth: int = 0):
        kind = dice.randrange(8 if depth < 3 else 5)
        if kind < 2:
            return dice.choice(words)
        if kind == 2:
            return dice.choice([0, -1, 2**63, 2**64, 1.5, -0.0])
        if kind < 5:
            return dice.choice([None, True, False])
        if kind == 5:
            return [value(depth + 1) for _ in range(dice.randrange(4))]
        return {dice.choice(string.ascii_letters): value(depth + 1) for _ in range(dice.randrange(4))}

    endpoints = [one for one in all_endpoints() if not one.path.endswith(("/live",))]
    headers = await console.token()
    for _ in range(250):
        endpoint = dice.choice(endpoints)
        path = PREFIX + re.sub(r"{\w+}", lambda _: dice.choice(["unlisted", "anna", "x"]), endpoint.path)
        options = {}
        if endpoint.body:
            names = list(endpoint.body.model_fields)
            options["json"] = {dice.choice(names): value() for _ in range(dice.randrange(len(names) + 1))}
        elif endpoint.raw_body:
            options["data"] = dice.randbytes(dice.randrange(300))
        if endpoint.query:
            options["params"] = {
                name: dice.choice(words) for name in endpoint.query.model_fields if dice.random() < 0.3
            }
        async with console.client.request(endpoint.method, path, headers=headers, **options) as response:
            assert response.status < 500, (endpoint.method, path, options, await response.text())


async def test_too_large_a_body_is_refused_without_being_read_to_the_end(console):
    headers = {"Content-Type": "application/json"}
    status, answer = await console.call("POST", "/lists", data=io.BytesIO(b" " * (1024 * 1024 + 1)), headers=headers)
    assert (status, answer["error"]) == (413, "too_large")


async def test_a_body_that_does_not_say_its_length_is_bounded_too(console):
    async def endless():
        while True:
            yield b" " * 65536
            await asyncio.sleep(0)

    headers = {**await console.token(), "Content-Type": "application/json"}
    async with console.client.post("/api/v1/lists", data=endless(), headers=headers) as response:
        assert response.status == 413


async def test_a_form_too_large_is_refused(console):
    async with console.client.post("/login", data={"name": "x" * 100_000, "password": "y"}) as response:
        assert response.status == 413


async def test_json_has_to_be_called_json(console):
    status, answer = await console.call("POST", "/lists", data=b"{}", headers={"Content-Type": "text/plain"})
    assert (status, answer["error"]) == (415, "unsupported_media_type")


async def test_unknown_paths_and_methods_are_answered_in_json(console):
    assert (await console.call("GET", "/nothing"))[0] == 404
    status, answer = await console.call("DELETE", "/lists")
    assert (status, answer["error"]) == (405, "method_not_allowed")


async def test_a_malformed_authorization_is_refused(console):
    for header in ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer \u00fc", "bearer " + "x" * 5000]:
        async with console.client.get("/api/v1/me", headers={"Authorization": header}) as response:
            assert response.status == 401, header


async def test_no_picture_name_leads_out_of_the_folder(console):
    headers = await console.token()
    for name in ["..%2f..%2fsecret.key", "x.jpg", "%00.jpg", "0" * 32 + "-frame.jpg"]:
        async with console.client.get(f"/pictures/{name}", headers=headers) as response:
            assert response.status == 404, name
