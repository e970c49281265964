"""An ONVIF device with a socket: enough of Device and Events to be added, pulled, renewed and sought.

It keeps what it sends (so that Seek can replay it), checks WS-UsernameToken, records every request by name, and has
switches for what real devices do wrong. XML is built with lxml.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web
from lxml import etree
from lxml.builder import ElementMaker

NAMESPACES = {
    "env": "http://www.w3.org/2003/05/soap-envelope",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
    "tns1": "http://www.onvif.org/ver10/topics",
    "ter": "http://www.onvif.org/ver10/error",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "lpr": "urn:onvif-lpr:topics",
}
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DIALECT = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
JPEG = b"\xff\xd8\xff\xe0" + b"a picture" + b"\xff\xd9"


def _maker(prefix: str) -> ElementMaker:
    return ElementMaker(namespace=NAMESPACES[prefix], nsmap=NAMESPACES)


ENV, TDS, TEV, TRT, TT, WSNT, WSA, TER = map(_maker, ("env", "tds", "tev", "trt", "tt", "wsnt", "wsa", "ter"))


@dataclass(slots=True)
class Stored:
    """One message as the device keeps it."""

    topic: str
    message: etree._Element
    utc_time: datetime
    is_property: bool = False


@dataclass(slots=True)
class PullPoint:
    queue: list[Stored] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    expires_at: datetime = datetime.max


@dataclass
class FakeOnvifDevice:
    """Start it with `async with`; `url` is where it answers."""

    user: str = "vms"
    password: str = "secret"
    can_seek: bool = True
    clock_offset: timedelta = timedelta()
    html_instead_of_soap: bool = False
    has_media: bool = False
    port: int = 0
    stored: list[Stored] = field(default_factory=list)
    pull_points: dict[str, PullPoint] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    seeks: list[datetime] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=lambda: {"plate.jpg": JPEG})
    picture_requests: list[str] = field(default_factory=list)
    created: int = 0
    _runner: web.AppRunner | None = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def __aenter__(self) -> FakeOnvifDevice:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Boot: subscriptions of an earlier life are gone, what is stored is not."""
        app = web.Application()
        app.router.add_post("/onvif/{service}", self._soap)
        app.router.add_post("/onvif/pull/{name}", self._soap)
        app.router.add_get("/pictures/{name}", self._picture)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Power off: connections break, pull points are forgotten, the port stays ours for the next start."""
        runner, self._runner = self._runner, None
        for point in self.pull_points.values():
            point.changed.set()
        self.pull_points.clear()
        if runner is not None:
            await runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock_offset

    def send(self, topic: str, message: etree._Element, *, is_property: bool = False) -> Stored:
        """Store a message and put it into every pull point."""
        utc_time = datetime.fromisoformat(message.get("UtcTime").replace("Z", "+00:00"))
        entry = Stored(topic, message, utc_time, is_property)
        self.stored.append(entry)
        for point in self.pull_points.values():
            point.queue.append(entry)
            point.changed.set()
        return entry

    def store_unseen(self, topic: str, message: etree._Element) -> Stored:
        """Store a message that no pull point will ever carry: only Seek brings it."""
        utc_time = datetime.fromisoformat(message.get("UtcTime").replace("Z", "+00:00"))
        entry = Stored(topic, message, utc_time)
        self.stored.append(entry)
        return entry

    async def until(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Wait until something about the requests that came in is true."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(condition)

    async def until_subscribed(self) -> None:
        await self.until(lambda: bool(self.pull_points) and "PullMessages" in self.requests)

    def forget_subscriptions(self) -> None:
        """What a device does that was rebooted or whose pull point ran out."""
        for point in self.pull_points.values():
            point.changed.set()
        self.pull_points.clear()

    async def _soap(self, request: web.Request) -> web.Response:
        if self.html_instead_of_soap:
            return web.Response(text="<html><body>Please log in</body></html>", content_type="text/html")
        envelope = etree.fromstring(await request.read())
        body = envelope.find(f"{{{NAMESPACES['env']}}}Body")
        operation = etree.QName(body[0]).localname
        self.requests.append(operation)
        async with self._changed:
            self._changed.notify_all()
        if operation != "GetSystemDateAndTime" and not self._is_authorized(envelope):
            return _fault("Sender", "ter:NotAuthorized", "Sender not authorized", status=400)
        answer = getattr(self, f"_{operation}", None)
        if answer is None:
            return _fault("Receiver", "ter:ActionNotSupported", f"{operation} is not supported")
        result = answer(body[0], request)
        if asyncio.iscoroutine(result):
            result = await result
        async with self._changed:
            self._changed.notify_all()
        return result if isinstance(result, web.Response) else _soap(result)

    def _is_authorized(self, envelope: etree._Element) -> bool:
        token = envelope.find(f".//{{{SECURITY}}}UsernameToken")
        if token is None:
            return False
        texts = {etree.QName(child).localname: child.text or "" for child in token}
        created = datetime.fromisoformat(texts["Created"].replace("Z", "+00:00"))
        if abs(created - self.now()) > timedelta(seconds=60):
            return False
        nonce = base64.b64decode(texts["Nonce"])
        digest = hashlib.sha1(nonce + texts["Created"].encode() + self.password.encode()).digest()
        return texts["Username"] == self.user and texts["Password"] == base64.b64encode(digest).decode()

    def _GetSystemDateAndTime(self, *_: object) -> etree._Element:
        now = self.now()
        return TDS.GetSystemDateAndTimeResponse(
            TDS.SystemDateAndTime(
                TT.DateTimeType("NTP"),
                TT.DaylightSavings("false"),
                TT.UTCDateTime(
                    TT.Time(TT.Hour(str(now.hour)), TT.Minute(str(now.minute)), TT.Second(str(now.second))),
                    TT.Date(TT.Year(str(now.year)), TT.Month(str(now.month)), TT.Day(str(now.day))),
                ),
            )
        )

    def _GetCapabilities(self, _: object, request: web.Request) -> etree._Element:
        base = f"http://{request.host}/onvif"
        parts = [
            TT.Device(TT.XAddr(f"{base}/device_service")),
            TT.Events(
                TT.XAddr(f"{base}/event_service"),
                TT.WSSubscriptionPolicySupport("false"),
                TT.WSPullPointSupport("true"),
                TT.WSPausableSubscriptionManagerInterfaceSupport("false"),
            ),
        ]
        if self.has_media:
            streaming = TT.StreamingCapabilities(TT.RTPMulticast("false"))
            parts.append(TT.Media(TT.XAddr(f"{base}/media_service"), streaming))
        return TDS.GetCapabilitiesResponse(TDS.Capabilities(*parts))

    def _GetDeviceInformation(self, *_: object) -> etree._Element:
        names = {
            "Manufacturer": "Fake",
            "Model": "Gate",
            "FirmwareVersion": "1.0",
            "SerialNumber": "1",
            "HardwareId": "h",
        }
        return TDS.GetDeviceInformationResponse(*(TDS(name, value) for name, value in names.items()))

    def _GetProfiles(self, *_: object) -> etree._Element:
        source = TT.VideoSourceConfiguration(
            {"token": "vsc1"},
            TT.Name("North gate"),
            TT.UseCount("1"),
            TT.SourceToken("vs1"),
            TT.Bounds(x="0", y="0", width="1280", height="720"),
        )
        return TRT.GetProfilesResponse(TRT.Profiles({"token": "p1", "fixed": "true"}, TT.Name("profile"), source))

    def _CreatePullPointSubscription(self, _: object, request: web.Request) -> etree._Element:
        name = f"p{next(self._numbers)}"
        self.created += 1
        point = PullPoint(queue=[entry for entry in self._properties()])
        point.expires_at = self.now() + timedelta(seconds=60)
        self.pull_points[name] = point
        return TEV.CreatePullPointSubscriptionResponse(
            TEV.SubscriptionReference(WSA.Address(f"http://{request.host}/onvif/pull/{name}")),
            WSNT.CurrentTime(_text(self.now())),
            WSNT.TerminationTime(_text(point.expires_at)),
        )

    def _properties(self) -> list[Stored]:
        newest = {}
        for entry in self.stored:
            if entry.is_property:
                newest[entry.topic] = entry
        return list(newest.values())

    async def _PullMessages(self, body: etree._Element, request: web.Request) -> object:
        point = self.pull_points.get(request.match_info.get("name", ""))
        if point is None:
            return _fault("Receiver", "ter:Action", "The subscription is unknown")
        limit = int(body.findtext(f"{{{NAMESPACES['tev']}}}MessageLimit"))
        text = body.findtext(f"{{{NAMESPACES['tev']}}}Timeout")
        if not point.queue:
            point.changed.clear()
            try:
                async with asyncio.timeout(float(text.removeprefix("PT").removesuffix("S"))):
                    await point.changed.wait()
            except TimeoutError:
                pass
        if request.match_info["name"] not in self.pull_points:
            return _fault("Receiver", "ter:Action", "The subscription is unknown")
        batch, point.queue = point.queue[:limit], point.queue[limit:]
        now = self.now()
        answer = TEV.PullMessagesResponse(TEV.CurrentTime(_text(now)), TEV.TerminationTime(_text(point.expires_at)))
        for entry in batch:
            answer.append(
                WSNT.NotificationMessage(
                    WSNT.Topic({"Dialect": DIALECT}, entry.topic),
                    WSNT.Message(etree.fromstring(etree.tostring(entry.message))),
                )
            )
        return answer

    def _Seek(self, body: etree._Element, request: web.Request) -> object:
        if not self.can_seek:
            return _fault("Receiver", "ter:ActionNotSupported", "Seek is not supported")
        text = body.findtext(f"{{{NAMESPACES['tev']}}}UtcTime")
        start = datetime.fromisoformat(text.replace("Z", "+00:00"))
        self.seeks.append(start)
        point = self.pull_points[request.match_info["name"]]
        replay = [entry for entry in self.stored if entry.utc_time >= start and not entry.is_property]
        point.queue = sorted(replay, key=lambda entry: entry.utc_time)
        point.changed.set()
        return TEV.SeekResponse()

    def _SetSynchronizationPoint(self, _: object, request: web.Request) -> object:
        point = self.pull_points[request.match_info["name"]]
        point.queue += self._properties()
        point.changed.set()
        return TEV.SetSynchronizationPointResponse()

    def _Renew(self, _: object, request: web.Request) -> object:
        point = self.pull_points.get(request.match_info.get("name", ""))
        if point is None:
            return _fault("Receiver", "ter:Action", "The subscription is unknown")
        point.expires_at = self.now() + timedelta(seconds=60)
        return WSNT.RenewResponse(WSNT.TerminationTime(_text(point.expires_at)), WSNT.CurrentTime(_text(self.now())))

    def _Unsubscribe(self, _: object, request: web.Request) -> object:
        self.pull_points.pop(request.match_info.get("name", ""), None)
        return WSNT.UnsubscribeResponse()

    async def _picture(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.picture_requests.append(request.headers.get("Authorization", ""))
        if not self._digest_is_right(request):
            challenge = 'Digest realm="device", nonce="n1", qop="auth", algorithm=MD5'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        if name not in self.pictures:
            return web.Response(status=404)
        return web.Response(body=self.pictures[name], content_type="image/jpeg")

    def _digest_is_right(self, request: web.Request) -> bool:
        kind, _, rest = request.headers.get("Authorization", "").partition(" ")
        if kind != "Digest":
            return False
        values = {k.strip(): v.strip().strip('"') for k, _, v in (part.partition("=") for part in rest.split(","))}

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        login = md5(f"{self.user}:device:{self.password}")
        call = md5(f"{request.method}:{values.get('uri')}")
        return values.get("response") == md5(f"{login}:n1:{values.get('nc')}:{values.get('cnonce')}:auth:{call}")


def plate_message(
    plate: str,
    *,
    event_id: str | None = None,
    utc_time: datetime | None = None,
    country: str = "GB",
    image_uri: str | None = None,
    items: dict[str, str] | None = None,
) -> etree._Element:
    """A tt:Message with the standard items and, with `event_id` or `items`, vendor items."""
    data = [TT.SimpleItem(Name="Likelihood", Value="0.93")]
    if image_uri:
        data.append(TT.SimpleItem(Name="ImageURI", Value=image_uri))
    vendor = ({"lpr:EventId": event_id} if event_id else {}) | (items or {})
    data += [TT.SimpleItem(Name=name, Value=value) for name, value in vendor.items()]
    info = TT.LicensePlateInfo(
        TT.PlateNumber({"Likelihood": "0.9"}, plate), TT.CountryCode({"Likelihood": "0.8"}, country)
    )
    return TT.Message(
        {"UtcTime": _text(utc_time or datetime.now(UTC))},
        TT.Source(TT.SimpleItem(Name="VideoSource", Value="vs1"), TT.SimpleItem(Name="Rule", Value="lpr_1")),
        TT.Data(*data, TT.ElementItem({"Name": "LicensePlateInfo"}, info)),
    )


def relay_message(token: str, state: str, *, utc_time: datetime | None = None) -> etree._Element:
    return TT.Message(
        {"UtcTime": _text(utc_time or datetime.now(UTC)), "PropertyOperation": "Changed"},
        TT.Source(TT.SimpleItem(Name="RelayToken", Value=token)),
        TT.Data(TT.SimpleItem(Name="LogicalState", Value=state)),
    )


PLATE_TOPIC = "tns1:RuleEngine/Recognition/LicensePlate"
LIST_TOPIC = "tns1:RuleEngine/Recognition/lpr:ListMatch"
ALARM_TOPIC = "tns1:RuleEngine/Recognition/lpr:Alarm"
RELAY_TOPIC = "tns1:Device/Trigger/Relay"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _soap(content: etree._Element, status: int = 200) -> web.Response:
    envelope = ENV.Envelope(ENV.Body(content))
    return web.Response(body=etree.tostring(envelope), status=status, content_type="application/soap+xml")


def _fault(code: str, subcode: str, reason: str, status: int = 500) -> web.Response:
    fault = ENV.Fault(
        ENV.Code(ENV.Value(f"env:{code}"), ENV.Subcode(ENV.Value(subcode))),
        ENV.Reason(ENV.Text({"{http://www.w3.org/XML/1998/namespace}lang": "en"}, reason)),
    )
    return _soap(fault, status)
