"""A real ONVIF camera on a socket of its own: it records what it is asked and misbehaves on request.

async with FakeCamera(quirks=Quirks(digest_only=True)) as camera:
    Camera(camera.address, camera.user, camera.password)
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import ssl
from datetime import datetime, timedelta

from aiohttp import web
from lxml import etree
from lxml.builder import ElementMaker

from tests.fakes.camera_device import DeviceAnswers
from tests.fakes.camera_quirks import ENV, JPEG, NS, Asked, Quirks, Reject, tds
from tests.fakes.camera_settings import imaging_defaults, imaging_options_defaults

__all__ = ["JPEG", "FakeCamera", "Quirks"]


class FakeCamera(DeviceAnswers):
    """One camera on 127.0.0.1 and a free port."""

    user = "operator"
    password = "right horse"

    def __init__(self, *, quirks: Quirks | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.quirks = quirks or Quirks()
        self.asked: list[Asked] = []
        self.failed_logins = 0
        self.imaging = imaging_defaults()
        self.imaging_options = imaging_options_defaults() | self.quirks.options
        self.encoder = {
            "Encoding": "H264", "Width": "1920", "Height": "1080", "Quality": "50", "FrameRateLimit": "25",
            "BitrateLimit": "4096", "GovLength": "100",
        }  # fmt: skip
        self.relays: dict[str, str] = {"gate": "Monostable", "lamp": "Bistable"}
        self.switched: list[tuple[str, str]] = []
        self.pull_points = 0
        self.events: list[etree._Element] = []
        self._nonce = secrets.token_hex(8)
        self._runner: web.AppRunner | None = None
        self.port = 0

    def operations(self) -> list[str]:
        return [each.operation for each in self.asked]

    def count(self, operation: str) -> int:
        return self.operations().count(operation)

    async def __aenter__(self) -> FakeCamera:
        app = web.Application()
        app.router.add_post("/onvif/{service}", self._soap)
        app.router.add_get("/snapshot.jpg", self._snapshot)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self.tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _soap(self, request: web.Request) -> web.Response:
        service = request.match_info["service"]
        envelope = etree.fromstring(await request.read())
        body = envelope.find(f"{{{ENV}}}Body")[0]
        operation = etree.QName(body).localname
        login = "digest" if "Authorization" in request.headers else "token" if self._token(envelope) is not None else ""
        self.asked.append(Asked(operation=operation, path=request.path, login=login, body=body))
        if operation in self.quirks.slow:
            await asyncio.sleep(self.quirks.slow[operation])
        refused = self._refuse(request, envelope, operation)
        if refused is not None:
            return refused
        if operation in self.quirks.answers:
            return self.quirks.answers[operation]()
        answer = getattr(self, f"_{operation}", None)
        if answer is None or not self._here(service, body):
            return self.not_supported()
        try:
            return self._answer(answer(body))
        except Reject as error:
            return self.fault("InvalidArgVal", str(error))

    def _here(self, service: str, body: etree._Element) -> bool:
        quirks, operation = self.quirks, etree.QName(body).localname
        off = {
            "GetServices": quirks.no_get_services,
            "GetCapabilities": quirks.no_get_capabilities,
            "GetOptions": quirks.options_missing,
        }
        if service == "deviceio" and (quirks.no_deviceio or quirks.relays_only_on_device):
            return False
        return not off.get(operation, False)

    # Logging in.

    def _refuse(self, request: web.Request, envelope: etree._Element, operation: str) -> web.Response | None:
        if operation == "GetSystemDateAndTime" and not self.quirks.clock_needs_login:
            return None
        token, authorization = self._token(envelope), request.headers.get("Authorization")
        if authorization is not None:
            good = self._digest_is_good(request.method, authorization)
        else:
            good = token is not None and not self.quirks.digest_only and self._token_is_good(token)
        if not good:
            if authorization is not None or (token is not None and not self.quirks.digest_only):
                self.failed_logins += 1
            return self._no_entry()
        if operation in self.quirks.low_level_for:
            return self.fault("NotAuthorized", "Operator level needed", status=400)
        return None

    def _no_entry(self) -> web.Response:
        if self.quirks.refusal_as_fault:
            return self.fault("NotAuthorized", "Sender not authorized", status=400)
        answer = web.Response(status=401, text="<html>401</html>", content_type="text/html")
        if self.quirks.basic_first:
            answer.headers.add("WWW-Authenticate", 'Basic realm="cam"')
        for algorithm in self.quirks.digest_algorithms:
            answer.headers.add(
                "WWW-Authenticate",
                f'Digest realm="cam", nonce="{self._nonce}", qop="auth", algorithm={algorithm}, opaque="o"',
            )
        answer.headers["Date"] = self.http_date()
        return answer

    def _token(self, envelope: etree._Element) -> etree._Element | None:
        return envelope.find("{*}Header/{*}Security/{*}UsernameToken")

    def _token_is_good(self, token: etree._Element) -> bool:
        created, nonce = token.findtext("{*}Created"), base64.b64decode(token.findtext("{*}Nonce"))
        if not created.endswith("Z") or "." in created:
            return False
        if abs(datetime.fromisoformat(created) - self.now()) > timedelta(seconds=5):
            return False
        wanted = base64.b64encode(hashlib.sha1(nonce + created.encode() + self.password.encode()).digest()).decode()
        return token.findtext("{*}Username") == self.user and token.findtext("{*}Password") == wanted

    def _digest_is_good(self, method: str, authorization: str) -> bool:
        scheme, _, rest = authorization.partition(" ")
        if scheme == "Basic":
            return base64.b64decode(rest).decode() == f"{self.user}:{self.password}"
        pairs = dict(part.strip().split("=", 1) for part in rest.split(","))
        pairs = {name: value.strip('"') for name, value in pairs.items()}
        name = {"MD5": "md5", "SHA-256": "sha256"}[pairs["algorithm"]]

        def hashed(value: str) -> str:
            return hashlib.new(name, value.encode()).hexdigest()

        ha1, ha2 = hashed(f"{self.user}:cam:{self.password}"), hashed(f"{method}:{pairs['uri']}")
        wanted = hashed(f"{ha1}:{self._nonce}:{pairs['nc']}:{pairs['cnonce']}:auth:{ha2}")
        return pairs["nonce"] == self._nonce and pairs["response"] == wanted and pairs["username"] == self.user

    def http_date(self) -> str:
        return self.now().strftime("%a, %d %b %Y %H:%M:%S GMT")

    def new_nonce(self) -> None:
        """Let every nonce handed out so far expire."""
        self._nonce = secrets.token_hex(8)

    async def _snapshot(self, request: web.Request) -> web.Response:
        self.asked.append(Asked(operation="GET", path=request.path_qs, login="", body=tds.none()))
        authorization = request.headers.get("Authorization")
        if authorization is None or not self._digest_is_good("GET", authorization):
            self.failed_logins += authorization is not None
            return self._no_entry()
        special = self.quirks.answers.get("GET")
        return special() if special is not None else web.Response(body=JPEG, content_type="image/jpeg")

    def _answer(self, body: etree._Element) -> web.Response:
        env = ElementMaker(namespace=ENV, nsmap={"env": ENV})
        data = etree.tostring(env.Envelope(env.Body(body)), xml_declaration=True, encoding="UTF-8")
        return web.Response(body=data, content_type="application/soap+xml")

    def not_supported(self) -> web.Response:
        return self.fault("ActionNotSupported", "Optional action not implemented", sender=False)

    def fault(self, code: str, reason: str, *, sender: bool = True, status: int = 500) -> web.Response:
        env = ElementMaker(namespace=ENV, nsmap={"env": ENV, "ter": NS["ter"]})
        subcode = env.Subcode(env.Value(f"ter:{code}"))
        fault = env.Fault(
            env.Code(env.Value("env:Sender" if sender else "env:Receiver"), subcode), env.Reason(env.Text(reason))
        )
        response = self._answer(fault)
        response.set_status(status)
        response.headers["Date"] = self.http_date()
        return response
