"""Nothing is open but the door itself; what comes in is who it says, and means it."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

from adapter.api.app import all_endpoints
from adapter.api.endpoint import PREFIX
from adapter.store.users import Role
from tests.adapter.api.conftest import PASSWORD

PAGES = [
    *("/", "/alarms", "/lists", "/lists/unlisted", "/cameras", "/status", "/password"),
    *("/reactions", "/outputs", "/accounts", "/pictures/x.jpg"),
]
ROUTES = sorted({(one.method, PREFIX + re.sub(r"{\w+}", "x", one.path)) for one in all_endpoints()})


async def csrf_of(console) -> str:
    async with console.client.get("/") as page:
        found = re.search(r'name="csrf" content="([^"]+)"', await page.text())
    assert found
    return found[1]


async def test_nothing_answers_without_login(console):
    for method, path in [*ROUTES, *(("GET", page) for page in [*PAGES, "/cameras/x/funnel"])]:
        async with console.client.request(method, path, allow_redirects=False) as response:
            assert response.status == 401, (method, path)
            assert (await response.json())["error"] == "unauthorized"


async def test_a_browser_without_session_is_sent_to_the_login_page(console):
    async with console.client.get("/", headers={"Accept": "text/html"}, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/login")


async def test_health_and_login_are_open_and_tell_nothing(console):
    async with console.client.get("/health") as response:
        assert await response.json() == {"status": "ok"}
    async with console.client.get("/login") as response:
        assert response.status == 200


async def test_signing_in_gives_a_session_that_opens_every_page(console):
    assert await console.sign_in("anna") == 303
    for page in PAGES[:-1]:
        async with console.client.get(page) as response:
            assert response.status == 200, page
            assert "script-src 'self'" in response.headers["Content-Security-Policy"]
            assert "<script>" not in await response.text()


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(console):
    async with console.client.post(
        "/login", data={"name": "anna", "password": PASSWORD}, allow_redirects=False
    ) as response:
        cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(console):
    answers = []
    for name in ("anna", "nobody"):
        async with console.client.post("/login", data={"name": name, "password": "wrong password"}) as response:
            answers.append((response.status, await response.text()))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


async def test_too_many_wrong_passwords_lock_the_door_for_a_while_even_for_the_right_one(console):
    for _ in range(20):
        assert await console.sign_in("anna", "wrong password") == 401
    assert await console.sign_in("anna") == 429
    console.clock.advance(minutes=2)
    assert await console.sign_in("anna") == 303


async def test_guesses_sent_all_at_once_are_counted_one_by_one(console):
    answers = await asyncio.gather(*(console.sign_in("anna", "wrong password") for _ in range(30)))
    assert sorted(answers) == [401] * 20 + [429] * 10


async def test_a_form_from_another_site_cannot_sign_in(console):
    async with console.client.post(
        "/login", data={"name": "anna", "password": PASSWORD}, headers={"Origin": "https://evil.example"}
    ) as response:
        assert response.status == 403


async def test_a_change_needs_the_csrf_token_of_the_session(console):
    await console.sign_in("anna")
    body = {"name": "Residents", "kind": "allow"}
    async with console.client.post("/api/v1/lists", json=body) as response:
        assert (response.status, (await response.json())["error"]) == (403, "csrf")
    async with console.client.post("/api/v1/lists", json=body, headers={"X-CSRF-Token": "ü"}) as response:
        assert response.status == 403
    headers = {"X-CSRF-Token": await csrf_of(console)}
    async with console.client.post("/api/v1/lists", json=body, headers=headers) as response:
        assert response.status == 201


async def test_signing_out_ends_the_session_on_the_server(console):
    await console.sign_in("anna")
    cookies = {cookie.key: cookie.value for cookie in console.client.session.cookie_jar}
    async with console.client.post("/logout", data={"csrf": await csrf_of(console)}) as response:
        assert response.status == 200
    async with console.client.get("/api/v1/me", cookies=cookies) as response:
        assert response.status == 401


async def test_a_session_ends_when_nobody_uses_it(console):
    await console.sign_in("anna")
    console.clock.advance(minutes=61)
    async with console.client.get("/api/v1/me") as response:
        assert response.status == 401


async def test_a_one_time_password_opens_nothing_but_its_own_replacement(console):
    await console.store.users.add("ben", PASSWORD, Role.OPERATOR, now=console.clock.now)
    assert await console.sign_in("ben") == 303
    async with console.client.get("/api/v1/cameras") as response:
        assert (response.status, (await response.json())["error"]) == (403, "password_change_required")
    async with console.client.get("/password") as response:
        csrf = re.search(r'name="csrf" value="([^"]+)"', await response.text())[1]
    form = {"csrf": csrf, "current": PASSWORD, "password": "another horse", "again": "another horse"}
    async with console.client.post("/password", data=form, allow_redirects=False) as response:
        assert response.status == 303
    assert await console.sign_in("ben", "another horse") == 303
    async with console.client.get("/api/v1/cameras") as response:
        assert response.status == 200


async def test_roles_bound_what_a_token_may_do(console):
    body = {"name": "Residents", "kind": "allow"}
    assert (await console.call("POST", "/lists", role=Role.VIEWER, json=body))[0] == 403
    assert (await console.call("POST", "/lists", role=Role.OPERATOR, json=body))[0] == 403
    assert (await console.call("POST", "/lists", role=Role.ADMINISTRATOR, json=body))[0] == 201
    assert (await console.call("GET", "/users", role=Role.OPERATOR))[0] == 403
    assert (await console.call("GET", "/lists", role=Role.VIEWER))[0] == 200


async def test_an_expired_or_revoked_token_opens_nothing(console):
    headers = await console.token()
    console.clock.now += timedelta(days=1)
    async with console.client.get("/api/v1/me", headers=headers) as response:
        assert response.status == 401
    headers = await console.token()
    for token in await console.store.tokens.all():
        await console.store.tokens.remove(token.token_id)
    async with console.client.get("/api/v1/me", headers=headers) as response:
        assert response.status == 401


async def test_a_disabled_user_is_out_at_once(console):
    await console.sign_in("anna")
    await console.store.users.add("ben", PASSWORD, Role.ADMINISTRATOR, now=console.clock.now)
    await console.store.users.change("anna", role=Role.ADMINISTRATOR, enabled=False)
    async with console.client.get("/api/v1/me") as response:
        assert response.status == 401


async def test_no_answer_holds_a_password_or_a_secret(console):
    camera = {"name": "North", "address": "http://192.0.2.7/", "user": "u", "password": "camera-secret"}
    status, _ = await console.call("POST", "/cameras", json=camera)
    assert status == 201
    _, made = await console.call("POST", "/outputs", json={"name": "Hook", "url": "https://vms.example/hook"})
    await console.call("PUT", "/onvif-users/vms", json={"password": "digest-secret"})
    for path in ("/cameras", "/outputs", "/onvif-users", "/users", "/tokens", "/audit"):
        _, answer = await console.call("GET", path)
        text = str(answer)
        assert "secret" not in text
        assert made["secret"] not in text
        assert "argon2" not in text
