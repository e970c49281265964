"""Passwords and secrets: hashed, or encrypted with a key that is not in the database."""

from __future__ import annotations

import stat
from datetime import timedelta

import pytest

from adapter.store.cameras import CameraRecord
from adapter.store.errors import Conflict, NotFound, Refused, SecretLost, StoreUnavailable
from adapter.store.onvif_users import OnvifUser, UserLevel
from adapter.store.outputs import OutputRecord
from adapter.store.store import Store
from adapter.store.users import Role
from adapter.store.vault import Vault
from tests.rules.examples import NOON

CAMERA = CameraRecord(
    camera_id="c1", name="North", address="http://192.0.2.7/", user="u", password="cam-pass", created_at=NOON
)


async def test_the_first_start_makes_one_administrator_with_a_one_time_password(store):
    password = await store.users.ensure_first(NOON)
    assert password is not None
    user = await store.users.check("admin", password)
    assert (user.role, user.must_change) == (Role.ADMINISTRATOR, True)
    assert await store.users.ensure_first(NOON) is None
    await store.users.set_password("admin", "a new password")
    assert await store.users.check("admin", password) is None
    assert not (await store.users.check("admin", "a new password")).must_change


async def test_a_disabled_or_unknown_user_does_not_come_in(store):
    await store.users.add("anna", "a long password", Role.ADMINISTRATOR, now=NOON)
    await store.users.add("ben", "a long password", Role.VIEWER, now=NOON)
    await store.users.change("ben", role=Role.VIEWER, enabled=False)
    assert await store.users.check("ben", "a long password") is None
    assert await store.users.check("nobody", "a long password") is None
    with pytest.raises(Conflict):
        await store.users.add("anna", "a long password", Role.VIEWER, now=NOON)
    with pytest.raises(Refused, match="at least 10"):
        await store.users.set_password("anna", "short")
    with pytest.raises(Refused, match="administrator has to remain"):
        await store.users.remove("anna")
    assert (await store.users.get("anna")).role is Role.ADMINISTRATOR


async def test_a_token_ends_when_it_expires_or_is_revoked(store):
    token, text = await store.tokens.add(
        "ci", Role.VIEWER, created_by="anna", now=NOON, expires_at=NOON + timedelta(days=1)
    )
    assert await store.tokens.check(text, NOON) == token
    assert await store.tokens.check(text, NOON + timedelta(days=1)) is None
    assert await store.tokens.check(text + "x", NOON) is None
    await store.tokens.remove(token.token_id)
    assert await store.tokens.check(text, NOON) is None
    with pytest.raises(NotFound):
        await store.tokens.remove(token.token_id)


async def test_no_secret_is_readable_in_the_files(store, tmp_path):
    await store.cameras.add(CAMERA)
    await store.outputs.save(
        OutputRecord(output_id="o", name="o", url="https://x.example", secret="whsec_hook-pass", created_at=NOON)
    )
    await store.onvif_users.save(OnvifUser(name="vms", password="vms-pass", level=UserLevel.USER), now=NOON)
    await store.users.add("anna", "anna-password", Role.VIEWER, now=NOON)
    _, token = await store.tokens.add("t", Role.VIEWER, created_by="a", now=NOON, expires_at=NOON)
    assert (await store.cameras.get("c1")).password == "cam-pass"
    assert (await store.outputs.get("o")).secret == "whsec_hook-pass"
    assert (await store.onvif_users.all())[0].password == "vms-pass"
    await store.aclose()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in ("cam-pass", "hook-pass", "vms-pass", "anna-password", token):
        assert secret.encode() not in content


async def test_secrets_do_not_show_when_records_are_printed():
    assert "cam-pass" not in repr(CAMERA)
    assert "pw" not in repr(OnvifUser(name="v", password="pw", level=UserLevel.USER))


async def test_a_database_with_another_key_file_says_so(store, tmp_path):
    await store.cameras.add(CAMERA)
    await store.aclose()
    (tmp_path / "secret.key").unlink()
    async with Store.in_folder(tmp_path) as again:
        with pytest.raises(SecretLost, match="Restore the key file"):
            await again.cameras.all()


def test_the_key_file_is_for_its_owner_alone(tmp_path):
    Vault.open(tmp_path / "secret.key")
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_a_broken_key_file_is_refused(tmp_path):
    (tmp_path / "secret.key").write_text("not a key")
    with pytest.raises(StoreUnavailable, match="key file"):
        Vault.open(tmp_path / "secret.key")


async def test_a_first_vms_user_is_made_once(store):
    user = await store.onvif_users.ensure_first(NOON)
    assert [user] == list(await store.onvif_users.all())
    assert await store.onvif_users.ensure_first(NOON) is None
