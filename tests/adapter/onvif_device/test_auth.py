"""Who is let in, and who is not: Digest, UsernameToken, levels, replays, guessing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from adapter.onvif_device.http_digest import HttpDigest
from events.metadata.rtsp_stream import TooManyLogins
from tests.fakes.device_face import FakeUsers, RunningFace
from tests.fakes.soap_caller import SoapCaller, envelope, username_token
from tests.schemas import validate

INFORMATION = "<tds:GetDeviceInformation/>"


def test_the_fake_clients_hash_is_that_of_the_published_example() -> None:
    """RFC 2617, section 3.5."""
    ha1 = hashlib.md5(b"Mufasa:testrealm@host.com:Circle Of Life").hexdigest()
    ha2 = hashlib.md5(b"GET:/dir/index.html").hexdigest()
    chain = f"{ha1}:dcd98b7102dd2f0e8b11d0f600bfb0c093:00000001:0a4f113b:auth:{ha2}"
    assert hashlib.md5(chain.encode()).hexdigest() == "6629fae49393a05397450978507c4ef1"


async def test_without_a_login_there_is_a_digest_challenge_and_a_fault(
    face: RunningFace, session: aiohttp.ClientSession
) -> None:
    answer = await SoapCaller(session, face.base_url, None).call(INFORMATION)
    assert answer.status == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("Digest ") and 'qop="auth"' in challenge and "algorithm=MD5" in challenge
    assert answer.codes == ["env:Sender", "ter:NotAuthorized"]
    validate(answer.raw)


@pytest.mark.parametrize(
    "request_xml", ["<tds:GetSystemDateAndTime/>", "<tds:GetCapabilities/>", "<tds:GetServices/>", "<tds:GetHostname/>"]
)
async def test_what_clients_need_before_they_log_in_is_open(
    face: RunningFace, session: aiohttp.ClientSession, request_xml: str
) -> None:
    assert (await SoapCaller(session, face.base_url, None).call(request_xml)).status == 200


async def test_an_http_digest_client_gets_in(face: RunningFace) -> None:
    digest = aiohttp.DigestAuthMiddleware("admin", "admin-pass")
    async with aiohttp.ClientSession(middlewares=(digest,)) as session:
        caller = SoapCaller(session, face.base_url, None)
        for _ in range(3):
            assert (await caller.call(INFORMATION)).status == 200


async def test_an_http_digest_client_with_a_wrong_password_stays_out(face: RunningFace) -> None:
    digest = aiohttp.DigestAuthMiddleware("admin", "wrong")
    async with aiohttp.ClientSession(middlewares=(digest,)) as session:
        answer = await SoapCaller(session, face.base_url, None).call(INFORMATION)
    assert answer.status == 401
    assert answer.codes == ["env:Sender", "ter:NotAuthorized"]


@pytest.mark.parametrize(("name", "password"), [("admin", "wrong"), ("nobody", "admin-pass"), ("admin", "")])
async def test_a_wrong_login_is_refused_without_telling_which_part_was_wrong(
    face: RunningFace, session: aiohttp.ClientSession, name: str, password: str
) -> None:
    answer = await SoapCaller(session, face.base_url, (name, password)).call(INFORMATION)
    assert (answer.status, answer.codes) == (400, ["env:Sender", "ter:NotAuthorized"])
    assert answer.reason == "Not authorized: user name or password is wrong."


async def test_a_token_works_once(face: RunningFace, session: aiohttp.ClientSession) -> None:
    caller = SoapCaller(session, face.base_url, None)
    token = username_token("admin", "admin-pass")
    assert (await caller.call(INFORMATION, header=token)).status == 200
    again = await caller.call(INFORMATION, header=token)
    assert again.status == 400
    assert "used before" in again.reason


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_off_by_an_hour_is_told_how_to_help_itself(
    face: RunningFace, session: aiohttp.ClientSession, hours: int
) -> None:
    created = datetime.now(UTC) + timedelta(hours=hours)
    answer = await SoapCaller(session, face.base_url, None).call(
        INFORMATION, header=username_token("admin", "admin-pass", created=created)
    )
    assert answer.status == 400
    assert "GetSystemDateAndTime" in answer.reason


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%dT%H:%M:%S.000Z"])
async def test_every_way_in_which_clients_write_the_time_is_understood(
    face: RunningFace, session: aiohttp.ClientSession, form: str
) -> None:
    token = username_token("admin", "admin-pass", created_text=datetime.now(UTC).strftime(form))
    assert (await SoapCaller(session, face.base_url, None).call(INFORMATION, header=token)).status == 200


@pytest.mark.parametrize("missing", ["Nonce", "Created", "Password"])
async def test_a_token_that_lacks_a_part_is_refused(
    face: RunningFace, session: aiohttp.ClientSession, missing: str
) -> None:
    token = username_token("admin", "admin-pass").replace(f":{missing}", ":Other")
    answer = await SoapCaller(session, face.base_url, None).call(INFORMATION, header=token)
    assert (answer.status, answer.codes) == (400, ["env:Sender", "ter:NotAuthorized"])


async def test_a_clear_password_is_refused(face: RunningFace, session: aiohttp.ClientSession) -> None:
    token = username_token("admin", "admin-pass").replace("#PasswordDigest", "#PasswordText")
    answer = await SoapCaller(session, face.base_url, None).call(INFORMATION, header=token)
    assert "never a clear password" in answer.reason


async def test_when_both_logins_are_given_both_must_hold(face: RunningFace) -> None:
    digest = aiohttp.DigestAuthMiddleware("admin", "admin-pass")
    async with aiohttp.ClientSession(middlewares=(digest,)) as session:
        caller = SoapCaller(session, face.base_url, None)
        assert (await caller.call(INFORMATION)).status == 200
        answer = await caller.call(INFORMATION, header=username_token("admin", "wrong"))
    assert answer.status == 400


@pytest.mark.parametrize(
    ("login", "request_xml", "allowed"),
    [
        (("viewer", "viewer-pass"), "<trt:GetProfiles/>", True),
        (("viewer", "viewer-pass"), "<tev:CreatePullPointSubscription/>", True),
        (("viewer", "viewer-pass"), "<tds:SetRelayOutputState/>", False),
        (("viewer", "viewer-pass"), "<tds:GetUsers/>", False),
        (("guard", "guard-pass"), "<tds:GetUsers/>", False),
        (("admin", "admin-pass"), "<tds:GetUsers/>", True),
    ],
)
async def test_each_level_may_do_what_its_class_allows(
    face: RunningFace, session: aiohttp.ClientSession, login: tuple[str, str], request_xml: str, allowed: bool
) -> None:
    answer = await SoapCaller(session, face.base_url, login).call(request_xml)
    assert (answer.status == 200) is allowed
    if not allowed:
        assert answer.codes == ["env:Sender", "ter:NotAuthorized"]


async def test_an_operator_may_drive_a_relay_and_a_viewer_may_not(
    face: RunningFace, session: aiohttp.ClientSession
) -> None:
    body = (
        "<tds:SetRelayOutputState><tds:RelayOutputToken>north.gate</tds:RelayOutputToken>"
        "<tds:LogicalState>active</tds:LogicalState></tds:SetRelayOutputState>"
    )
    await SoapCaller(session, face.base_url, ("viewer", "viewer-pass")).call(body)
    assert face.relays.asked == []
    await SoapCaller(session, face.base_url, ("guard", "guard-pass")).call(body)
    assert [asked[3] for asked in face.relays.asked] == ["guard"]


async def test_an_address_that_guesses_is_not_listened_to_until_a_minute_has_passed(
    face: RunningFace, session: aiohttp.ClientSession
) -> None:
    guesser = SoapCaller(session, face.base_url, ("admin", "guess"))
    for _ in range(20):
        assert (await guesser.call(INFORMATION)).status == 400
    right = SoapCaller(session, face.base_url, ("admin", "admin-pass"))
    refused = await right.call(INFORMATION)
    assert refused.status == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 61
    # What needs no login stays open.
    assert (await right.call("<tds:GetSystemDateAndTime/>")).status == 200
    face.clock.offset_s = 61
    created = face.clock()
    answer = await right.call(INFORMATION, header=username_token("admin", "admin-pass", created=created))
    assert answer.status == 200


def rtsp_login(challenge: str, password: str) -> str:
    """What live555 answers to a challenge without `qop`."""
    nonce = challenge.partition('nonce="')[2].partition('"')[0]
    ha1 = hashlib.md5(f"viewer:onvif-lpr:{password}".encode()).hexdigest()
    ha2 = hashlib.md5(b"DESCRIBE:rtsp://host/north").hexdigest()
    response = hashlib.md5(f"{ha1}:{nonce}:{ha2}".encode()).hexdigest()
    names = 'Digest username="viewer", realm="onvif-lpr", uri="rtsp://host/north"'
    return f'{names}, nonce="{nonce}", response="{response}"'


async def test_guesses_at_the_streams_count_with_those_over_http(
    face: RunningFace, session: aiohttp.ClientSession
) -> None:
    doorkeeper = face.face.doorkeeper

    def describe(password: str | None, address: str = "127.0.0.1") -> Sequence[str]:
        asked = ("DESCRIBE", "rtsp://host/north")
        (challenge,) = doorkeeper.authorize_rtsp(*asked, None, address)
        return doorkeeper.authorize_rtsp(*asked, rtsp_login(challenge, password), address) if password else (challenge,)

    assert describe("viewer-pass") == ()
    for _ in range(30):
        assert describe(None)  # being asked for a login is no failed login
    for _ in range(20):
        assert describe("guess")
    with pytest.raises(TooManyLogins) as refused:
        describe("viewer-pass")
    assert timedelta(0) < refused.value.retry_after <= timedelta(minutes=1)
    assert (await SoapCaller(session, face.base_url, ("admin", "admin-pass")).call(INFORMATION)).status == 429
    assert describe("viewer-pass", "192.0.2.9") == ()
    face.clock.offset_s = 61
    assert describe("viewer-pass") == ()


class DigestClient:
    """Answers a challenge by hand, so that a test can answer it wrongly."""

    def __init__(self, challenge: str) -> None:
        self.nonce = challenge.partition('nonce="')[2].partition('"')[0]

    def header(
        self, *, uri: str, nc: int = 1, qop: bool = True, method: str = "POST", password: str = "admin-pass"
    ) -> str:
        ha1 = hashlib.md5(f"admin:onvif-lpr:{password}".encode()).hexdigest()
        ha2 = hashlib.md5(f"{method}:{uri}".encode()).hexdigest()
        cnonce = os.urandom(4).hex()
        chain = f"{ha1}:{self.nonce}:{nc:08x}:{cnonce}:auth:{ha2}" if qop else f"{ha1}:{self.nonce}:{ha2}"
        tail = f', qop=auth, nc={nc:08x}, cnonce="{cnonce}"' if qop else ""
        response = hashlib.md5(chain.encode()).hexdigest()
        return (
            f'Digest username="admin", realm="onvif-lpr", nonce="{self.nonce}", uri="{uri}", '
            f'response="{response}"{tail}'
        )


async def test_a_digest_answer_works_once_and_for_its_own_address(
    face: RunningFace, session: aiohttp.ClientSession
) -> None:
    caller = SoapCaller(session, face.base_url, None)
    client = DigestClient((await caller.call(INFORMATION)).headers["WWW-Authenticate"])
    header = client.header(uri="/onvif/device_service")
    assert (await caller.post(face.url(), envelope(INFORMATION), Authorization=header)).status == 200
    repeated = await caller.post(face.url(), envelope(INFORMATION), Authorization=header)
    assert repeated.status == 401
    elsewhere = await caller.post(
        face.url("media_service"), envelope(INFORMATION), Authorization=client.header(uri="/onvif/device_service", nc=2)
    )
    assert elsewhere.status == 401


async def test_an_expired_nonce_is_called_stale_so_that_the_client_tries_again(
    face: RunningFace, session: aiohttp.ClientSession
) -> None:
    caller = SoapCaller(session, face.base_url, None)
    client = DigestClient((await caller.call(INFORMATION)).headers["WWW-Authenticate"])
    face.clock.offset_s = 400
    header = client.header(uri="/onvif/device_service")
    answer = await caller.post(face.url(), envelope(INFORMATION), Authorization=header)
    assert answer.status == 401
    assert "stale=true" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "header",
    ["Digest", "Digest x", 'Digest username="admin"', "Basic YWRtaW46YWRtaW4tcGFzcw==", "Digest nonce=\x80", "\xff"],
)
async def test_a_broken_authorization_header_is_a_challenge_and_not_an_error(
    face: RunningFace, session: aiohttp.ClientSession, header: str
) -> None:
    caller = SoapCaller(session, face.base_url, None)
    answer = await caller.post(face.url(), envelope(INFORMATION), Authorization=header)
    assert answer.status == 401
    assert answer.codes == ["env:Sender", "ter:NotAuthorized"]


def test_an_rtsp_client_that_knows_only_the_older_digest_gets_in() -> None:
    digest = HttpDigest(users=FakeUsers(), clock=lambda: datetime.now(UTC), qop=False)
    (challenge,) = digest.challenges()
    assert "qop" not in challenge
    client = DigestClient(challenge)
    url = "rtsp://127.0.0.1:8554/north"
    found = digest.check(client.header(uri=url, qop=False, method="DESCRIBE"), method="DESCRIBE", path=url)
    assert found is not None and found.name == "admin"


async def test_pictures_of_events_need_a_login_and_come_with_it(face: RunningFace, tmp_path: Path) -> None:
    name = "0" * 31 + "1"
    (tmp_path / f"{name}-frame.jpg").write_bytes(b"\xff\xd8picture\xff\xd9")
    url = f"{face.base_url}/onvif/images/{name}/frame.jpg"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Digest ")
    async with aiohttp.ClientSession(middlewares=(aiohttp.DigestAuthMiddleware("viewer", "viewer-pass"),)) as session:
        async with session.get(url) as answer:
            assert (answer.status, answer.content_type) == (200, "image/jpeg")
            assert await answer.read() == b"\xff\xd8picture\xff\xd9"
        for missing in (f"{name}/plate.jpg", f"{name}/other.jpg", "..%2f..%2fetc/frame.jpg"):
            async with session.get(f"{face.base_url}/onvif/images/{missing}") as answer:
                assert answer.status == 404
        async with session.get(f"{face.base_url}/onvif/snapshot/profile_north.jpg") as answer:
            assert (answer.status, await answer.read()) == (200, b"\xff\xd8jpeg\xff\xd9")
        async with session.get(f"{face.base_url}/onvif/snapshot/profile_south.jpg") as answer:
            assert answer.status == 503
