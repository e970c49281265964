"""Whatever is sent to the judge, it answers with a refusal that says why, and goes on."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as fuzzing
from hypothesis import strategies as st

from tests.fakes.odd_requests import FORM, ODD_TEXTS, OddRequest, odd_forms, odd_objects, odd_requests
from tests.mock_vms.vms.conftest import Client

JSON = "application/json"
MULTIPART = "multipart/form-data; boundary=a"
UNKNOWN_ENCODING = (
    b"--a\r\nContent-Disposition: form-data; name=token\r\nContent-Transfer-Encoding: nonsense\r\n\r\nx\r\n--a--"
)


@pytest.mark.parametrize(
    ("path", "kind", "body", "status", "words"),
    [
        ("/login", f"{FORM}; charset=nope", b"token=%ff", 400, "UTF-8"),
        ("/login", FORM, b"token=\xff", 400, "UTF-8"),
        ("/login", MULTIPART, UNKNOWN_ENCODING, 415, FORM),
        ("/login", MULTIPART, b"--a\r\n\r\n", 415, FORM),
        ("/outputs/gate", JSON, b'{"state": []}', 400, "state"),
        ("/outputs/gate", JSON, b'{"state": {}}', 400, "state"),
        ("/outputs/gate", JSON, b'{"state": "active", "because": "\\ud800"}', 400, "because"),
        ("/api/failures", JSON, b'{"delay": ' + b"9" * 400 + b"}", 400, "delay"),
        ("/api/failures", JSON, b'{"delay": NaN}', 400, "delay"),
        ("/api/devices", JSON, b"[" * 100_000, 400, "not JSON"),
        ("/api/devices", JSON, b"\xff", 400, "not JSON"),
        ("/api/devices", JSON, b'{"address": "http://[::1"}', 400, "no address"),
        ("/api/devices", JSON, b'{"address": "http://a..b"}', 400, "no address"),
        ("/api/devices", JSON, b'{"address": "http://127.0.0.1:1", "user": "\\ud800"}', 400, "user"),
    ],
)  # fmt: skip
async def test_a_wrong_body_is_refused_with_the_reason(
    client: Client, path: str, kind: str, body: bytes, status: int, words: str
) -> None:
    async with client.session.post(client.vms.url + path, data=body, headers={"Content-Type": kind}) as answer:
        assert answer.status == status
        assert words in (await answer.json())["error"]


@pytest.mark.parametrize("path", ["/webhooks/lpr", "/api/devices", "/login", "/outputs/gate", "/api/failures"])
async def test_a_body_that_is_not_what_its_encoding_says_is_refused(client: Client, path: str) -> None:
    for encoding in ("gzip", "deflate"):
        headers = {"Content-Encoding": encoding, "Content-Type": FORM if path == "/login" else JSON}
        async with client.session.post(client.vms.url + path, data=b"not packed", headers=headers) as answer:
            assert answer.status == 400
            assert "Content-Encoding" in (await answer.json())["error"]
    await client.get("/api/counts")


@pytest.mark.parametrize("head", ["Host: [::1", "Host: x\r\nOrigin: http://[::1", "Host: x\r\nCookie: mock_vms=\xfc"])
async def test_a_header_that_cannot_be_read_is_no_failure(client: Client, head: str) -> None:
    port = int(client.vms.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"POST /api/failures HTTP/1.1\r\n{head}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
    )
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    assert answer.split()[1] in {b"400", b"401", b"403"}


_POSTS = {
    "/api/devices": ["address", "user", "password"],
    "/api/failures": ["refuse", "delay", "error", "drop", "lose_answer", "forget"],
    "/outputs/gate": ["state", "pulse_s", "because"],
    "/outputs/%ff%00": ["state", "pulse_s", "because"],
    "/api/alarms/%ED%A0%80/acknowledge": [],
    "/webhooks/lpr": ["id", "type", "time", "data"],
    "/webhooks/%00": [],
}
_CALLS = st.one_of(
    *(
        st.tuples(st.just(path), odd_requests(odd_objects(fields), JSON).filter(lambda r: b"127.0.0.1" not in r.body))
        for path, fields in _POSTS.items()
    ),
    st.tuples(st.just("/login"), odd_requests(odd_forms(["token"]), FORM)),
)
_QUERIES = st.tuples(
    st.sampled_from(["/api/alarms", "/api/events", "/login", "/pictures/x/plate", "/"]),
    st.dictionaries(st.sampled_from(["limit", "before", "event_id", "token"]), ODD_TEXTS, max_size=3),
)


@fuzzing(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(call=_CALLS, query=_QUERIES)
async def test_no_request_makes_the_judge_fail(
    client: Client, call: tuple[str, OddRequest], query: tuple[str, dict[str, str]]
) -> None:
    path, odd = call
    # A failure switch that was set by chance answers 5xx on purpose.
    await client.post("/api/failures", {"refuse": False, "delay": 0, "error": 0, "drop": False, "lose_answer": False})
    timeout = aiohttp.ClientTimeout(total=10)
    async with client.session.post(
        client.vms.url + path, data=odd.body, headers=odd.headers, allow_redirects=False, timeout=timeout
    ) as answer:
        assert answer.status < 500, (path, odd, await answer.text())
    async with client.session.get(client.vms.url + query[0], params=query[1], allow_redirects=False) as answer:
        assert answer.status < 500, (query, await answer.text())
