"""Getting in, and not locking accounts when that fails."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from yarl import URL

from onvif_client.address import device_url
from onvif_client.auth import DigestLogin, username_token
from onvif_client.camera import Camera
from onvif_client.connection import Connection, Login
from onvif_client.envelope import element
from onvif_client.errors import REFUSED_RETRY, CameraRefused
from tests.fakes.camera import FakeCamera, Quirks

# What we promise: a wrong password costs the account this many failed logins, however often we are called.
PROMISED_FAILED_LOGINS = 2


def client(fake: FakeCamera) -> Camera:
    return Camera(fake.address, fake.user, fake.password)


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(clock_skew=timedelta(hours=1)),
        Quirks(clock_skew=timedelta(days=-20000)),
        Quirks(clock_needs_login=True, clock_skew=timedelta(hours=3)),
        Quirks(digest_only=True),
        Quirks(digest_only=True, clock_needs_login=True),
        Quirks(digest_only=True, basic_first=True),
        Quirks(digest_only=True, digest_algorithms=("SHA-256", "MD5")),
        Quirks(digest_only=True, digest_algorithms=("SHA-512-256", "MD5")),
        Quirks(refusal_as_fault=True),
    ],
    ids=str,
)
async def test_the_right_password_gets_in_without_a_failed_login(quirks):
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        await camera.profiles()
        assert camera.login == ("digest" if quirks.digest_only else "username_token")
        assert fake.failed_logins == 0


async def test_digest_requests_carry_no_username_token_and_the_winner_is_remembered():
    async with FakeCamera(quirks=Quirks(digest_only=True)) as fake, client(fake) as camera:
        await camera.profiles()
        logins = [each.login for each in fake.asked if each.operation != "GetSystemDateAndTime"]
        assert logins[:2] == ["token", "digest"]
        assert set(logins[1:]) == {"digest"}
        digests = [each.body.getparent().getparent() for each in fake.asked if each.login == "digest"]
        assert all(envelope.find("{*}Header/{*}Security") is None for envelope in digests)


@pytest.mark.parametrize(
    "quirks",
    [Quirks(), Quirks(digest_only=True), Quirks(refusal_as_fault=True), Quirks(clock_needs_login=True)],
    ids=["both", "digest only", "fault", "clock needs login"],
)
async def test_a_wrong_password_costs_no_more_failed_logins_than_promised(quirks):
    async with FakeCamera(quirks=quirks) as fake:
        camera = Camera(fake.address, fake.user, "wrong")
        for _ in range(5):
            with pytest.raises(CameraRefused, match=r"user 'operator'.*cameras lock"):
                await camera.connect()
        assert 1 <= fake.failed_logins <= PROMISED_FAILED_LOGINS


async def test_calls_side_by_side_share_one_login_attempt():
    async with FakeCamera() as fake:
        connection = Connection(url=device_url(fake.address), user=fake.user, password="wrong")
        await connection.open()
        try:
            calls = [connection.call(connection.url, element("tds:GetDeviceInformation")) for _ in range(8)]
            results = await asyncio.gather(*calls, return_exceptions=True)
        finally:
            await connection.aclose()
        assert all(isinstance(each, CameraRefused) for each in results)
        assert fake.failed_logins <= PROMISED_FAILED_LOGINS


async def test_a_refused_login_is_tried_again_only_after_the_lock_has_run_out():
    async with FakeCamera() as fake:
        clock = [0.0]
        connection = Connection(
            url=device_url(fake.address), user=fake.user, password="wrong", monotonic=lambda: clock[0]
        )
        await connection.open()
        try:
            counts = []
            for seconds in (0, 1, REFUSED_RETRY.total_seconds() - 1, REFUSED_RETRY.total_seconds() + 1):
                clock[0] = seconds
                with pytest.raises(CameraRefused):
                    await connection.call(connection.url, element("tds:GetDeviceInformation"))
                counts.append(fake.count("GetDeviceInformation"))
        finally:
            await connection.aclose()
        assert counts[0] == counts[1] == counts[2] < counts[3]


async def test_too_low_a_user_level_is_told_apart_and_closes_nothing():
    quirks = Quirks(low_level_for=frozenset({"SetRelayOutputState"}))
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        with pytest.raises(CameraRefused, match="Raise its level"):
            await camera.set_relay("gate", True)
        assert await camera.profiles()
        assert fake.switched == []


async def test_a_camera_that_wants_a_login_and_gets_none_says_what_is_missing():
    async with FakeCamera() as fake:
        with pytest.raises(CameraRefused, match=r"Check user and password|Give the camera's user"):
            await Camera(fake.address).connect()
        assert fake.failed_logins == 0


async def test_a_clock_that_jumps_after_a_restart_is_read_again_and_the_call_repeated_once():
    async with FakeCamera() as fake, client(fake) as camera:
        fake.quirks.clock_skew = timedelta(days=-10)
        assert await camera.profiles()
        assert fake.failed_logins == 1
        assert abs(camera.clock_offset + timedelta(days=10)) < timedelta(seconds=5)


async def test_an_expired_digest_nonce_is_renewed():
    async with FakeCamera(quirks=Quirks(digest_only=True)) as fake, client(fake) as camera:
        fake.new_nonce()
        assert await camera.profiles()
        assert await camera.snapshot("p1")


async def test_a_password_changed_behind_our_back_stops_us_after_a_few_calls():
    async with FakeCamera() as fake, client(fake) as camera:
        fake.password = "changed"
        for _ in range(10):
            with pytest.raises(CameraRefused):
                await camera.profiles()
        assert fake.failed_logins <= 3


def test_the_username_token_is_the_one_of_the_profile():
    # Worked example: SHA-1 over nonce, created and password, computed apart with openssl.
    token = username_token(
        user="admin",
        password="userpassword",
        created=datetime(2010, 9, 16, 7, 50, 45, 999999, tzinfo=UTC),
        nonce=bytes.fromhex("2c88d89a1b5a4f29a6a5e2b2f0a1c3d4"),
    )
    assert token.findtext("{*}UsernameToken/{*}Created") == "2010-09-16T07:50:45Z"
    assert token.findtext("{*}UsernameToken/{*}Password") == "8auAHKW35Qx5V7jm3D1oTxxd5Tk="


def test_the_digest_answer_is_that_of_the_standard():
    # RFC 7616, section 3.9.1.
    for algorithm, response in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        challenge = (
            'Digest realm="http-auth@example.org", qop="auth, auth-int", '
            f"algorithm={algorithm}, "
            'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
            'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
        )
        login = DigestLogin.from_challenges((challenge,))
        assert login is not None
        header = login.header(
            method="GET",
            url=URL("http://www.example.org/dir/index.html"),
            user="Mufasa",
            password="Circle of Life",
            cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        )
        assert f'response="{response}"' in header
        assert "nc=00000001" in header


@pytest.mark.parametrize(
    "challenges", [(), ("Basic realm=x",), ("Digest realm=x",), ('Digest nonce="n", algorithm=FOO',), ("Digest ",)]
)
def test_a_challenge_nobody_can_answer_is_none(challenges):
    assert DigestLogin.from_challenges(challenges) is None


@pytest.mark.parametrize("skew", [timedelta(0), timedelta(hours=5)])
async def test_a_camera_without_a_clock_service_is_timed_by_its_http_date(skew):
    quirks = Quirks(clock_skew=skew)
    async with FakeCamera(quirks=quirks) as fake:
        quirks.answers["GetSystemDateAndTime"] = lambda: fake.fault("ActionNotSupported", "no clock", sender=False)
        async with client(fake) as camera:
            assert abs(camera.clock_offset - skew) < timedelta(seconds=5)
        assert fake.failed_logins == 0


def test_the_login_state_starts_unknown():
    assert Connection(url=URL("http://192.0.2.1"), user="u", password="p").login is Login.UNKNOWN
