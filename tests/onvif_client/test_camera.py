"""What a camera offers, through every quirk we know of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from onvif_client.camera import Camera
from onvif_client.errors import CameraError, CameraUnreachable, CameraUnsupported
from onvif_client.types import MediaVersion
from tests.fakes.camera import JPEG, FakeCamera, Quirks


def client(fake: FakeCamera, **options) -> Camera:
    return Camera(fake.address, fake.user, fake.password, **options)


async def test_a_camera_says_who_it_is():
    async with FakeCamera() as fake, client(fake) as camera:
        assert camera.information.manufacturer == "Fake & Sons"
        assert camera.information.serial_number == "42"
        assert camera.login == "username_token"


@pytest.mark.parametrize(
    ("quirks", "media"),
    [
        (Quirks(), MediaVersion.MEDIA2),
        (Quirks(media1_only=True), MediaVersion.MEDIA1),
        (Quirks(media2_broken=True), MediaVersion.MEDIA1),
        (Quirks(no_get_services=True), MediaVersion.MEDIA1),
        (Quirks(no_get_capabilities=True), MediaVersion.MEDIA2),
    ],
)
async def test_profiles_come_from_whichever_media_service_works(quirks, media):
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        (profile,) = await camera.profiles()
        assert (profile.token, profile.media, profile.video_source_token) == ("p1", media, "source_1")
        assert profile.encoder is not None
        assert (profile.encoder.encoding, profile.encoder.width_px, profile.encoder.frame_rate) == ("H264", 1920, 25.0)
        assert profile.encoder.gov_length == 100


async def test_the_largest_profile_is_chosen_unless_one_is_named():
    async with FakeCamera() as fake, client(fake) as camera:
        profiles = await camera.profiles()
        assert camera.choose_profile(profiles).token == "p1"
        assert camera.choose_profile(profiles, "Main").token == "p1"
        with pytest.raises(CameraUnsupported, match=r"no profile 'p9'.*It has: p1"):
            camera.choose_profile(profiles, "p9")


@pytest.mark.parametrize("media1_only", [False, True])
async def test_stream_addresses_carry_the_host_that_worked_and_no_credentials(media1_only):
    quirks = Quirks(wrong_xaddr="http://10.20.30.40", media1_only=media1_only)
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        uri = await camera.stream_uri("p1")
        assert uri == "rtsp://127.0.0.1:554/live?profile=p1&x=%20y"
        assert camera.with_credentials(uri) == "rtsp://operator:right%20horse@127.0.0.1:554/live?profile=p1&x=%20y"


async def test_the_rtsp_port_can_be_given_for_a_camera_behind_a_nat():
    async with FakeCamera() as fake, client(fake, rtsp_port=10554) as camera:
        assert (await camera.stream_uri("p1")).startswith("rtsp://127.0.0.1:10554/")


async def test_wrong_service_addresses_are_mended():
    async with FakeCamera(quirks=Quirks(wrong_xaddr="http://10.20.30.40:81")) as fake, client(fake) as camera:
        assert await camera.profiles()
        assert await camera.imaging("source_1")
        assert await camera.relay_outputs()


async def test_wrong_service_addresses_are_believed_when_mending_is_off():
    quirks = Quirks(wrong_xaddr="http://127.0.0.1:1")
    async with FakeCamera(quirks=quirks) as fake, client(fake, rewrite_addresses=False) as camera:
        with pytest.raises(CameraUnreachable, match=r"127\.0\.0\.1:1"):
            await camera.profiles()


@pytest.mark.parametrize("quirks", [Quirks(), Quirks(digest_only=True), Quirks(wrong_xaddr="http://10.1.1.1")])
async def test_a_snapshot_is_fetched_with_a_login(quirks):
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        assert await camera.snapshot("p1") == JPEG
        assert fake.failed_logins == 0


async def test_the_camera_clock_is_read_before_anything_else_and_kept():
    async with FakeCamera(quirks=Quirks(clock_skew=timedelta(hours=-7))) as fake, client(fake) as camera:
        assert fake.operations()[0] == "GetSystemDateAndTime"
        assert abs(camera.clock_offset + timedelta(hours=7)) < timedelta(seconds=5)
        assert fake.failed_logins == 0


async def test_an_unknown_profile_is_named_with_those_that_exist():
    async with FakeCamera() as fake, client(fake) as camera:
        with pytest.raises(CameraUnsupported, match=r"'nope'.*It has: p1"):
            await camera.stream_uri("nope")


async def test_a_camera_that_is_not_there_is_unreachable():
    camera = Camera("127.0.0.1:1", "user", "password", timeout_s=2)
    with pytest.raises(CameraUnreachable, match="Check address, port"):
        await camera.connect()


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("ftp://192.0.2.1", "http or https"),
        ("http://", "http or https"),
        ("http://u:p@192.0.2.1", "Leave user and password out"),
        ("192.0.2.1:port", "not an address"),
        ("http://[::1", "not an address"),
        ("http://a..b", "not an address"),
        ("a" * 64 + ".example", "not an address"),
        ("", "http or https"),
    ],
)
def test_a_bad_address_is_refused_with_the_way_to_write_it(address, problem):
    with pytest.raises(CameraError, match=problem):
        Camera(address)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("192.0.2.1", "http://192.0.2.1/onvif/device_service"),
        ("192.0.2.1:8080", "http://192.0.2.1:8080/onvif/device_service"),
        ("https://cam.example", "https://cam.example/onvif/device_service"),
        ("http://192.0.2.1/custom/path", "http://192.0.2.1/custom/path"),
        ("2001:db8::7", "http://[2001:db8::7]/onvif/device_service"),
        (" cam.example ", "http://cam.example/onvif/device_service"),
    ],
)
def test_addresses_are_read_as_people_write_them(address, url):
    assert str(Camera(address).address) == url


async def test_closing_twice_and_closing_unopened_is_fine():
    camera = Camera("192.0.2.1")
    await camera.aclose()
    await camera.aclose()
