"""Cameras behind https: with a certificate that is known, and with one they made up themselves."""

from __future__ import annotations

import ssl

import pytest

from onvif_client.camera import Camera
from onvif_client.errors import CameraUnreachable
from tests.fakes.camera import JPEG, FakeCamera
from tests.fakes.certificate import self_signed_context


@pytest.fixture
def self_signed(tmp_path) -> ssl.SSLContext:
    return self_signed_context(tmp_path)


async def test_a_made_up_certificate_is_refused_with_the_cure(self_signed):
    async with FakeCamera(tls=self_signed) as fake:
        with pytest.raises(CameraUnreachable, match=r"secure connection failed .* switch certificate checks off"):
            await Camera(f"https://{fake.address}", fake.user, fake.password).connect()
        assert fake.asked == []


async def test_certificate_checks_can_be_switched_off_for_one_camera(self_signed):
    async with (
        FakeCamera(tls=self_signed) as fake,
        Camera(f"https://{fake.address}", fake.user, fake.password, verify_tls=False) as camera,
    ):
        # The camera claims http addresses; what worked was https, and so every call stays on it.
        assert (await camera.snapshot_uri("p1")).startswith(f"https://{fake.address}/")
        assert await camera.snapshot("p1") == JPEG
        assert camera.login == "username_token"
