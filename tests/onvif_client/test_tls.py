"""Cameras behind https: with a certificate that is known, and with one they made up themselves."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from onvif_client.camera import Camera
from onvif_client.errors import CameraUnreachable
from tests.fakes.camera import JPEG, FakeCamera


@pytest.fixture
def self_signed(tmp_path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    both = tmp_path / "both.pem"
    both.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context


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
