"""Bodies that are not what they say, and addresses that lead nowhere: each is refused with cause and cure."""

from __future__ import annotations

import gzip

from adapter.api.app import all_endpoints

FORM = "application/x-www-form-urlencoded"
WRONG_FORMS = [
    (FORM, b"name=anna&password=\xff", 400, "UTF-8"),
    (FORM, b"name=%ff&password=x", 400, "UTF-8"),
    (FORM, b"name=%ED%A0%80&password=x", 400, "UTF-8"),
    (FORM, b"&".join(b"f%d=x" % number for number in range(100)), 400, "at most 50 fields"),
    (f"{FORM}; charset=nope", b"name=anna&password=x", 415, "UTF-8"),
    (f"{FORM}; charset=utf-16", "name=anna&password=x".encode("utf-16"), 415, "UTF-8"),
    ("multipart/form-data; boundary=a", b"--a\r\n\r\n", 415, FORM),
    ("multipart/form-data", b"x", 415, FORM),
    ("application/json", b"{}", 415, FORM),
]
WRONG_ADDRESSES = [
    ("rtsp://[::1", "cannot be read"),
    ("http://[::1", "cannot be read"),
    ("http://a..b", "longer than 63"),
    ("http://" + "a" * 64 + ".example", "longer than 63"),
    ("http://h:99999", "cannot be read"),
    ("http://h:0/", "port"),
    ("http://", "names no host"),
    ("rtsp:///stream", "names no host"),
    ("gopher://h", "only http"),
    ("192.0.2.1", "only http"),
    ("http://h /x", "spaces"),
    ("http://h\x00/x", "control"),
    ("rtsp://user:secret@h/stream", "leave user and password out"),
    ("http://user:secret@[::1", "leave user and password out"),
]


async def body_of(response):
    return (await response.json())["detail"] if response.content_type == "application/json" else await response.text()


async def test_a_wrong_sign_in_form_is_refused_with_the_reason(console):
    for kind, body, status, words in WRONG_FORMS:
        async with console.client.post("/login", data=body, headers={"Content-Type": kind}) as response:
            assert response.status == status, (kind, body)
            assert words in await body_of(response)


async def test_a_wrong_password_form_is_refused_with_the_reason(console):
    await console.sign_in("anna")
    page = await (await console.client.get("/password")).text()
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    for kind, body, status, words in WRONG_FORMS:
        headers = {"Content-Type": kind, "X-CSRF-Token": csrf}
        async with console.client.post("/password", data=body, headers=headers) as response:
            assert response.status == status, (kind, body)
            assert words in await body_of(response)
        # Without the header the guard has to read the form itself, and must not stumble either.
        async with console.client.post("/password", data=body, headers={"Content-Type": kind}) as response:
            assert response.status in {status, 403}, (kind, body)


async def test_the_password_form_still_works_without_a_script(console):
    await console.sign_in("anna")
    page = await (await console.client.get("/password")).text()
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    fields = {"csrf": csrf, "current": "correct horse", "password": "zebra Größe 8", "again": "zebra Größe 8"}
    async with console.client.post("/password", data=fields, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/login")
    assert await console.sign_in("anna", "zebra Größe 8") == 303


async def test_a_body_that_is_not_what_its_encoding_says_is_refused(console):
    for path, kind in (("/login", FORM), ("/api/v1/lists", "application/json")):
        for encoding in ("gzip", "deflate"):
            headers = {**await console.token(), "Content-Type": kind, "Content-Encoding": encoding}
            async with console.client.post(path, data=b"not packed at all", headers=headers) as response:
                assert response.status == 400
                assert "Content-Encoding" in await body_of(response)


async def test_no_entry_of_the_api_fails_on_a_wrong_encoding(console):
    for endpoint in all_endpoints():
        if endpoint.body is None and not endpoint.raw_body:
            continue
        kind = "application/json" if endpoint.body else endpoint.raw_kinds[0]
        headers = {"Content-Type": kind, "Content-Encoding": "gzip"}
        path = endpoint.path.replace("{list_id}", "unlisted")
        status, answer = await console.call(endpoint.method, path, data=b"not gzip", headers=headers)
        assert 400 <= status < 500, (endpoint.path, status, answer)


async def test_a_packed_body_is_unpacked_and_a_small_one_that_unpacks_to_a_huge_one_is_refused(console):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    packed = gzip.compress(b'{"name": "Staff", "kind": "allow"}')
    assert (await console.call("POST", "/lists", data=packed, headers=headers))[0] == 201
    bomb = gzip.compress(b" " * 20_000_000)
    assert (await console.call("POST", "/lists", data=bomb, headers=headers))[0] == 413


async def test_an_address_that_leads_nowhere_is_refused_when_a_camera_is_added_or_changed(console):
    added = await console.call("POST", "/cameras", json={"name": "Gate", "address": "rtsp://192.0.2.1/stream"})
    one = f"/cameras/{added[1]['camera_id']}"
    for address, words in WRONG_ADDRESSES:
        for method, path in (("POST", "/cameras"), ("PATCH", one)):
            status, answer = await console.call(method, path, json={"name": "Other", "address": address})
            assert status == 422, address
            assert words in answer["fields"]["address"]
            assert "secret" not in str(answer)
            assert "pattern" not in str(answer)
    assert (await console.call("GET", one))[1]["address"] == "rtsp://192.0.2.1/stream"
    assert len((await console.call("GET", "/cameras"))[1]) == 1


async def test_an_output_that_leads_nowhere_is_refused(console):
    for address, words in WRONG_ADDRESSES:
        if address.startswith("http"):
            status, answer = await console.call("POST", "/outputs", json={"name": "VMS", "url": address})
            assert status == 422, address
            assert words in answer["fields"]["url"]
            assert "secret" not in str(answer)


async def test_odd_addresses_that_do_lead_somewhere_are_taken(console):
    for number, address in enumerate(
        ["http://[::1]:8080/x", "rtsp://camera.example/live?user=a@b", "https://straße.example/", "rtsps://10.0.0.1/"]
    ):
        status, answer = await console.call("POST", "/cameras", json={"name": f"Gate {number}", "address": address})
        assert (status, answer["address"]) == (201, address)
