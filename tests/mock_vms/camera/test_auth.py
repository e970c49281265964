"""Who may ask what: UsernameToken, HTTP Digest, both, none; user levels; replays; the clock."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from mock_vms.camera.digest import NONCE_LIFE_S, DigestAuthority
from tests.mock_vms.camera.soap_client import Answer, SoapClient, camera_and_client, envelope
from tests.schemas import validate

PROFILES = "<trt:GetProfiles/>"


async def test_pre_auth_operations_are_open_and_others_challenge_for_digest() -> None:
    async with camera_and_client() as (_, client):
        client.user = None
        assert (await client.call("<tds:GetSystemDateAndTime/>")).status == 200
        answer = await client.call(PROFILES)
        assert answer.status == 401
        assert answer.subcodes == ["NotAuthorized"]
        validate(answer.envelope)
        challenges = answer.headers.getall("WWW-Authenticate")
        assert [challenge.rpartition("=")[2] for challenge in challenges] == ["MD5", "SHA-256"]


async def test_a_wrong_token_does_not_keep_a_client_from_reading_the_clock() -> None:
    async with camera_and_client() as (_, client):
        client.password = "wrong"
        assert (await client.call("<tds:GetSystemDateAndTime/>")).status == 200


async def test_a_wrong_password_is_a_not_authorized_fault() -> None:
    async with camera_and_client() as (_, client):
        client.password = "wrong"
        answer = await client.call(PROFILES)
        assert (answer.status, answer.subcodes) == (400, ["NotAuthorized"])
        assert "wrong password" in answer.reason


async def test_a_token_counts_once() -> None:
    async with camera_and_client() as (_, client):
        header = client.security()
        first, second = [await _with_header(client, header) for _ in range(2)]
        assert first.status == 200
        assert second.subcodes == ["NotAuthorized"]
        assert "used before" in second.reason


@pytest.mark.parametrize(("offset_s", "status"), [(-290, 200), (290, 200), (-310, 400), (310, 400)])
async def test_a_token_must_be_made_within_five_minutes(offset_s: float, status: int) -> None:
    async with camera_and_client() as (_, client):
        client.clock_offset = timedelta(seconds=offset_s)
        answer = await client.call(PROFILES)
        assert answer.status == status
        if status == 400:
            assert "GetSystemDateAndTime" in answer.reason


@pytest.mark.parametrize("suffix", ["Z", "+00:00", ".250Z"])
async def test_the_literal_text_of_created_is_what_is_hashed(suffix: str) -> None:
    async with camera_and_client() as (_, client):
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S") + suffix
        assert (await _with_header(client, client.security(created=created))).status == 200


@pytest.mark.parametrize("lost", ["wsse:Nonce", "wsu:Created", "wsse:Username", "wsse:Password"])
async def test_a_token_without_one_of_its_parts_is_refused(lost: str) -> None:
    async with camera_and_client() as (_, client):
        header = re.sub(rf"<{lost}[ >].*</{lost}>", "", client.security())
        answer = await _with_header(client, header)
        assert answer.subcodes == ["NotAuthorized"]
        assert lost.partition(":")[2] in answer.reason


async def test_a_password_in_the_clear_is_refused() -> None:
    async with camera_and_client() as (_, client):
        answer = await _with_header(client, client.security().replace("#PasswordDigest", "#PasswordText"))
        assert answer.subcodes == ["NotAuthorized"]


@pytest.mark.parametrize(
    ("user", "password", "allowed"),
    [("admin", "secret", True), ("guard", "word", True), ("guest", "pass", False)],
)
async def test_a_mere_user_may_look_and_not_touch(user: str, password: str, allowed: bool) -> None:
    async with camera_and_client() as (_, client):
        client.user, client.password = user, password
        assert (await client.call(PROFILES)).status == 200
        body = "<tds:RelayOutputToken>gate</tds:RelayOutputToken><tds:LogicalState>active</tds:LogicalState>"
        answer = await client.call(f"<tds:SetRelayOutputState>{body}</tds:SetRelayOutputState>")
        assert (answer.status == 200) is allowed
        reboot = await client.call("<tds:SystemReboot/>")
        assert (reboot.status == 200) is (user == "admin")


async def test_users_are_told_without_their_passwords() -> None:
    async with camera_and_client() as (_, client):
        answer = await client.call("<tds:GetUsers/>")
        assert answer.status == 200
        assert b"Password" not in answer.content
        assert b"secret" not in answer.content


async def test_a_digest_client_that_nobody_here_wrote_is_let_in() -> None:
    async with camera_and_client() as (_, client):
        async with aiohttp.ClientSession(middlewares=(aiohttp.DigestAuthMiddleware("admin", "secret"),)) as session:
            digest = SoapClient(client.camera, session, user=None)
            assert (await digest.call(PROFILES)).status == 200
            assert (await digest.call(PROFILES)).status == 200  # the same nonce, counted up
        async with aiohttp.ClientSession(middlewares=(aiohttp.DigestAuthMiddleware("admin", "wrong"),)) as session:
            assert (await SoapClient(client.camera, session, user=None).call(PROFILES)).status == 401


async def test_of_two_credentials_both_must_be_right() -> None:
    async with camera_and_client() as (camera, client):
        url = f"{client.root}/onvif/media_service"
        signer = Signer(camera.authentication.digest.challenge(), uri="/onvif/media_service")
        right = {"Authorization": signer.header(method="POST", realm="virtual-camera")}
        wrong = {"Authorization": signer.header(method="PUT", realm="virtual-camera", count=2)}
        async with client.session.post(url, data=envelope(PROFILES, client.security()), headers=wrong) as response:
            assert response.status == 401, "HTTP comes first, even beside a good token"
        async with client.session.post(url, data=envelope(PROFILES, client.security()), headers=right) as response:
            assert response.status == 200
        right = {"Authorization": signer.header(method="POST", realm="virtual-camera", count=3)}
        bad_token = client.security(password="wrong")
        async with client.session.post(url, data=envelope(PROFILES, bad_token), headers=right) as response:
            assert response.status == 400


async def test_the_snapshot_needs_digest_and_a_known_profile() -> None:
    async with camera_and_client() as (camera, client):
        url = f"{client.root}/onvif/snapshot/profile_main"
        async with client.session.get(url) as response:
            assert response.status == 401
        async with aiohttp.ClientSession(middlewares=(aiohttp.DigestAuthMiddleware("admin", "secret"),)) as session:
            async with session.get(url) as response:
                assert (response.status, response.content_type) == (200, "image/jpeg")
                assert await response.read() == camera.stage.snapshot_jpeg()
            async with session.get(url.replace("profile_main", "nobody")) as response:
                assert response.status == 404


# The examples of RFC 2617 cannot be replayed, because the nonce is ours; so its formulas are written out again.
class Signer:
    """A client's side of RFC 2617 for MD5, with every field within reach of the test."""

    def __init__(self, challenge: str, *, password: str = "secret", uri: str = "/x") -> None:
        self.nonce = challenge.partition('nonce="')[2].partition('"')[0]
        self.password = password
        self.uri = uri

    def header(self, *, method: str = "GET", qop: bool = True, count: int = 1, realm: str = "r") -> str:
        ha1 = _md5(f"admin:{realm}:{self.password}")
        ha2 = _md5(f"{method}:{self.uri}")
        parts = f'Digest username="admin", realm="{realm}", nonce="{self.nonce}", uri="{self.uri}", '
        if not qop:
            return parts + f'response="{_md5(f"{ha1}:{self.nonce}:{ha2}")}"'
        response = _md5(f"{ha1}:{self.nonce}:{count:08x}:abc:auth:{ha2}")
        return parts + f'qop=auth, nc={count:08x}, cnonce="abc", response="{response}"'


def test_a_digest_is_bound_to_method_address_and_count() -> None:
    authority = DigestAuthority(realm="r", users={"admin": "secret"})
    signer = Signer(authority.challenge())
    assert not authority.authorize("GET", "/x", None)
    assert not authority.authorize("POST", "/x", signer.header())
    assert not authority.authorize("GET", "/y", signer.header())
    assert not authority.authorize("GET", "/x", signer.header(realm="other"))
    assert authority.authorize("GET", "/x", signer.header())
    assert not authority.authorize("GET", "/x", signer.header()), "a replay"
    assert authority.authorize("GET", "/x", signer.header(count=2))
    assert not authority.authorize("GET", "/x", Signer(authority.challenge(), password="no").header())


def test_a_nonce_is_forgotten_after_its_life_and_cannot_be_made_up() -> None:
    now = [1000.0]
    authority = DigestAuthority(realm="r", users={"admin": "secret"}, clock=lambda: now[0])
    signer = Signer(authority.challenge())
    now[0] += NONCE_LIFE_S + 2
    assert not authority.authorize("GET", "/x", signer.header())
    signer.nonce = f"{int(now[0]):x}.{os.urandom(8).hex()}.{os.urandom(16).hex()}"
    assert not authority.authorize("GET", "/x", signer.header())
    signer.nonce = "not a nonce at all"
    assert not authority.authorize("GET", "/x", signer.header())


def test_a_used_up_nonce_is_called_stale_and_a_wrong_password_is_not() -> None:
    now = [1000.0]
    authority = DigestAuthority(realm="r", users={"admin": "secret"}, clock=lambda: now[0])
    right, wrong = (Signer(authority.challenge(), password=password).header() for password in ("secret", "no"))
    now[0] += NONCE_LIFE_S + 2
    assert authority.is_stale("GET", "/x", right)
    assert not authority.is_stale("GET", "/x", wrong)
    assert not authority.is_stale("GET", "/x", None)
    assert "stale=true" in authority.challenge(stale=True)
    assert "stale" not in authority.challenge()


async def test_a_repeated_digest_is_told_to_sign_again() -> None:
    async with camera_and_client() as (camera, client):
        path = "/onvif/snapshot/profile_main"
        signer = Signer(camera.authentication.digest.challenge(), uri=path)
        headers = {"Authorization": signer.header(realm="virtual-camera")}
        first, second = [await client.session.get(client.root + path, headers=headers) for _ in range(2)]
        assert (first.status, second.status) == (200, 401)
        assert "stale=true" in second.headers["WWW-Authenticate"]


def test_an_rtsp_client_may_sign_the_presentation_for_each_of_its_tracks() -> None:
    authority = DigestAuthority(realm="r", users={"admin": "secret"}, qop=False)
    signer = Signer(authority.challenge(), uri="rtsp://camera/encoder_main")
    assert authority.authorize(
        "SETUP", "rtsp://camera/encoder_main/trackID=0", signer.header(method="SETUP", qop=False)
    )
    assert not authority.authorize("SETUP", "rtsp://camera/encoder_other", signer.header(method="SETUP", qop=False))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


async def _with_header(client: SoapClient, header: str) -> Answer:
    return await client.post(f"{client.root}/onvif/media_service", envelope(PROFILES, header))
