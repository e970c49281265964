"""A real ONVIF camera on a socket of its own: it records what it is asked and misbehaves on request.

async with FakeCamera(quirks=Quirks(digest_only=True)) as camera:
    Camera(camera.address, camera.user, camera.password)
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web
from lxml import etree
from lxml.builder import ElementMaker

ENV = "http://www.w3.org/2003/05/soap-envelope"
NS = {
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "timg": "http://www.onvif.org/ver20/imaging/wsdl",
    "tmd": "http://www.onvif.org/ver10/deviceIO/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "tns1": "http://www.onvif.org/ver10/topics",
    "ter": "http://www.onvif.org/ver10/error",
}
tds, trt, tr2, timg, tmd, tev, tt, wsnt, wsa = (
    ElementMaker(namespace=NS[name], nsmap=NS)
    for name in ("tds", "trt", "tr2", "timg", "tmd", "tev", "tt", "wsnt", "wsa")
)
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 64 + b"\xff\xd9"
PATHS = {
    "device_service": "tds",
    "media": "trt",
    "media2": "tr2",
    "imaging": "timg",
    "deviceio": "tmd",
    "events": "tev",
}


@dataclass(kw_only=True)
class Quirks:
    """What this camera does wrong. Everything off is a well-behaved camera."""

    clock_skew: timedelta = timedelta(0)
    clock_needs_login: bool = False
    digest_only: bool = False
    digest_algorithms: tuple[str, ...] = ("MD5",)
    basic_first: bool = False
    refusal_as_fault: bool = False
    strict_created: bool = False
    low_level_for: frozenset[str] = frozenset()
    wrong_xaddr: str | None = None
    no_get_services: bool = False
    no_get_capabilities: bool = False
    media1_only: bool = False
    media2_broken: bool = False
    no_deviceio: bool = False
    relays_only_on_device: bool = False
    options_missing: bool = False
    options: dict[str, str] = field(default_factory=dict)
    ignored_fields: frozenset[str] = frozenset()
    rejected_fields: frozenset[str] = frozenset()
    rejects_everything_together: bool = False
    comma_floats: bool = False
    answers: dict[str, Callable[[], web.Response]] = field(default_factory=dict)
    slow: dict[str, float] = field(default_factory=dict)
    relay_stuck: bool = False
    subscription_address: str | None = None
    refuses_relative_time: bool = False
    refuses_subscriptions: bool = False
    reference_parameters: bool = False

    def __str__(self) -> str:
        """Only what is switched on, for the names of tests."""
        usual = Quirks()
        on = {name: value for name, value in vars(self).items() if value != getattr(usual, name)}
        return ", ".join(name if value is True else f"{name}={value}" for name, value in on.items()) or "none"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request: its operation, the path, and how it logged in."""

    operation: str
    path: str
    login: str
    body: etree._Element


def imaging_defaults() -> dict[str, str]:
    return {
        "BacklightCompensation/Mode": "OFF",
        "Brightness": "50",
        "ColorSaturation": "50",
        "Contrast": "80",
        "Exposure/Mode": "AUTO",
        "Exposure/MinExposureTime": "100",
        "Exposure/MaxExposureTime": "40000",
        "Exposure/MinGain": "0",
        "Exposure/MaxGain": "36",
        "Focus/AutoFocusMode": "AUTO",
        "IrCutFilter": "AUTO",
        "Sharpness": "50",
        "WideDynamicRange/Mode": "ON",
        "WideDynamicRange/Level": "50",
        "WhiteBalance/Mode": "AUTO",
    }


def imaging_options_defaults() -> dict[str, str]:
    """Ranges as `min..max`, modes as words."""
    return {
        "BacklightCompensation/Mode": "OFF ON",
        "Brightness": "0..100",
        "ColorSaturation": "0..100",
        "Contrast": "0..100",
        "Exposure/Mode": "AUTO MANUAL",
        "Exposure/MinExposureTime": "100..40000",
        "Exposure/MaxExposureTime": "100..40000",
        "Exposure/MinGain": "0..36",
        "Exposure/MaxGain": "0..36",
        "Exposure/ExposureTime": "100..40000",
        "Exposure/Gain": "0..36",
        "IrCutFilterModes": "ON OFF AUTO",
        "Sharpness": "0..100",
        "WideDynamicRange/Mode": "OFF ON",
        "WideDynamicRange/Level": "0..100",
    }


class FakeCamera:
    """One camera on 127.0.0.1 and a free port."""

    user = "operator"
    password = "right horse"

    def __init__(self, *, quirks: Quirks | None = None) -> None:
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

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

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
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.quirks.clock_skew

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
            return self._fault("ActionNotSupported", "Optional action not implemented", sender=False)
        try:
            return self._answer(answer(body))
        except _Reject as error:
            return self._fault("InvalidArgVal", str(error))

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
            return self._fault("NotAuthorized", "Operator level needed", status=400)
        return None

    def _no_entry(self) -> web.Response:
        if self.quirks.refusal_as_fault:
            return self._fault("NotAuthorized", "Sender not authorized", status=400)
        answer = web.Response(status=401, text="<html>401</html>", content_type="text/html")
        if self.quirks.basic_first:
            answer.headers.add("WWW-Authenticate", 'Basic realm="cam"')
        for algorithm in self.quirks.digest_algorithms:
            answer.headers.add(
                "WWW-Authenticate",
                f'Digest realm="cam", nonce="{self._nonce}", qop="auth", algorithm={algorithm}, opaque="o"',
            )
        answer.headers["Date"] = self.now().strftime("%a, %d %b %Y %H:%M:%S GMT")
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

    def new_nonce(self) -> None:
        """Let every nonce handed out so far expire."""
        self._nonce = secrets.token_hex(8)

    # Answers, one method per operation.

    def _url(self, service: str) -> str:
        return f"{self.quirks.wrong_xaddr or f'http://{self.address}'}/onvif/{service}"

    def _GetSystemDateAndTime(self, body: etree._Element) -> etree._Element:
        now = self.now()
        time = tt.Time(tt.Hour(str(now.hour)), tt.Minute(str(now.minute)), tt.Second(str(now.second)))
        date = tt.Date(tt.Year(str(now.year)), tt.Month(str(now.month)), tt.Day(str(now.day)))
        return tds.GetSystemDateAndTimeResponse(
            tds.SystemDateAndTime(tt.DateTimeType("NTP"), tt.DaylightSavings("false"), tt.UTCDateTime(time, date))
        )

    def _GetDeviceInformation(self, body: etree._Element) -> etree._Element:
        return tds.GetDeviceInformationResponse(
            tds.Manufacturer("Fake & Sons"), tds.Model("F1"), tds.FirmwareVersion("1.2"), tds.SerialNumber("42"),
            tds.HardwareId("hw"),
        )  # fmt: skip

    def _GetServices(self, body: etree._Element) -> etree._Element:
        answer = tds.GetServicesResponse()
        for service, prefix in PATHS.items():
            if (service == "media2" and self.quirks.media1_only) or (service == "deviceio" and self.quirks.no_deviceio):
                continue
            version = tds.Version(tt.Major("2"), tt.Minor("60"))
            answer.append(tds.Service(tds.Namespace(NS[prefix]), tds.XAddr(self._url(service)), version))
        return answer

    def _GetCapabilities(self, body: etree._Element) -> etree._Element:
        return tds.GetCapabilitiesResponse(
            tds.Capabilities(
                tt.Device(tt.XAddr(self._url("device_service"))),
                tt.Events(
                    tt.XAddr(self._url("events")), tt.WSSubscriptionPolicySupport("true"),
                    tt.WSPullPointSupport("true"),
                    tt.WSPausableSubscriptionManagerInterfaceSupport("false"),
                ),
                tt.Imaging(tt.XAddr(self._url("imaging"))),
                tt.Media(tt.XAddr(self._url("media")), tt.StreamingCapabilities()),
                tt.Extension(
                    tt.DeviceIO(
                        tt.XAddr(self._url("deviceio")), tt.VideoSources("1"), tt.VideoOutputs("0"),
                        tt.AudioSources("0"), tt.AudioOutputs("0"), tt.RelayOutputs("2"),
                    )
                ),
            )
        )  # fmt: skip

    def _GetProfiles(self, body: etree._Element) -> etree._Element:
        if etree.QName(body).namespace == NS["tr2"]:
            if self.quirks.media2_broken:
                raise _Reject("broken")
            source = tr2.VideoSource(tt.Name("vs"), tt.UseCount("1"), tt.SourceToken("source_1"), token="vsc")
            return tr2.GetProfilesResponse(
                tr2.Profiles(tr2.Name("Main"), tr2.Configurations(source, self._encoder2(tr2.VideoEncoder)), token="p1")
            )
        source = tt.VideoSourceConfiguration(
            tt.Name("vs"), tt.UseCount("1"), tt.SourceToken("source_1"),
            tt.Bounds(x="0", y="0", width="1920", height="1080"), token="vsc",
        )  # fmt: skip
        return trt.GetProfilesResponse(
            trt.Profiles(tt.Name("Main"), source, self._encoder1(tt.VideoEncoderConfiguration), token="p1")
        )

    def _GetStreamUri(self, body: etree._Element) -> etree._Element:
        host = self.quirks.wrong_xaddr.removeprefix("http://") if self.quirks.wrong_xaddr else "127.0.0.1"
        uri = f"rtsp://{host}:554/live?profile=p1&x=%20y"
        if etree.QName(body).namespace == NS["tr2"]:
            return tr2.GetStreamUriResponse(tr2.Uri(uri))
        return trt.GetStreamUriResponse(self._media_uri(uri))

    def _GetSnapshotUri(self, body: etree._Element) -> etree._Element:
        uri = f"{self.quirks.wrong_xaddr or f'http://{self.address}'}/snapshot.jpg?channel=1"
        if etree.QName(body).namespace == NS["tr2"]:
            return tr2.GetSnapshotUriResponse(tr2.Uri(uri))
        return trt.GetSnapshotUriResponse(self._media_uri(uri))

    def _media_uri(self, uri: str) -> etree._Element:
        rest = (tt.InvalidAfterConnect("false"), tt.InvalidAfterReboot("false"), tt.Timeout("PT0S"))
        return trt.MediaUri(tt.Uri(uri), *rest)

    def _encoder1(self, tag: Callable[..., etree._Element]) -> etree._Element:
        now = self.encoder
        built = tag(
            tt.Name("main"), tt.UseCount("1"), tt.Encoding(now["Encoding"]),
            tt.Resolution(tt.Width(now["Width"]), tt.Height(now["Height"])), tt.Quality(now["Quality"]),
            tt.RateControl(
                tt.FrameRateLimit(now["FrameRateLimit"]), tt.EncodingInterval("1"), tt.BitrateLimit(now["BitrateLimit"])
            ),
            token="enc_1",
        )  # fmt: skip
        if now["Encoding"] == "H264":
            built.append(tt.H264(tt.GovLength(now["GovLength"]), tt.H264Profile("Main")))
        address = tt.Address(tt.Type("IPv4"), tt.IPv4Address("0.0.0.0"))
        built.append(tt.Multicast(address, tt.Port("0"), tt.TTL("1"), tt.AutoStart("false")))
        built.append(tt.SessionTimeout("PT60S"))
        return built

    def _encoder2(self, tag: Callable[..., etree._Element]) -> etree._Element:
        now = self.encoder
        return tag(
            tt.Name("main"), tt.UseCount("1"), tt.Encoding(now["Encoding"]),
            tt.Resolution(tt.Width(now["Width"]), tt.Height(now["Height"])),
            tt.RateControl(tt.FrameRateLimit(now["FrameRateLimit"]), tt.BitrateLimit(now["BitrateLimit"])),
            tt.Quality(now["Quality"]), token="enc_1", GovLength=now["GovLength"], Profile="Main",
        )  # fmt: skip

    def _GetVideoEncoderConfiguration(self, body: etree._Element) -> etree._Element:
        return trt.GetVideoEncoderConfigurationResponse(self._encoder1(trt.Configuration))

    def _GetVideoEncoderConfigurations(self, body: etree._Element) -> etree._Element:
        return tr2.GetVideoEncoderConfigurationsResponse(self._encoder2(tr2.Configurations))

    def _GetVideoEncoderConfigurationOptions(self, body: etree._Element) -> etree._Element:
        sizes = (("1920", "1080"), ("1280", "720"), ("640", "480"))
        resolutions = [tt.ResolutionsAvailable(tt.Width(w), tt.Height(h)) for w, h in sizes]

        def limits(name: str, low: str, high: str) -> etree._Element:
            return tt(name, tt.Min(low), tt.Max(high))

        if etree.QName(body).namespace == NS["tr2"]:
            answer = tr2.GetVideoEncoderConfigurationOptionsResponse()
            for encoding in ("H264", "JPEG"):
                copies = [etree.fromstring(etree.tostring(each)) for each in resolutions]
                answer.append(
                    tr2.Options(
                        tt.Encoding(encoding), limits("QualityRange", "0", "100"), *copies,
                        limits("BitrateRange", "64", "16384"), GovLengthRange="1 300",
                        FrameRatesSupported="25 12.5 6 3 1", ProfilesSupported="Main High",
                    )
                )  # fmt: skip
            return answer
        rates = (limits("FrameRateRange", "1", "25"), limits("EncodingIntervalRange", "1", "1"))
        jpeg = [etree.fromstring(etree.tostring(each)) for each in (*resolutions, *rates)]
        h264 = tt.H264(*resolutions, limits("GovLengthRange", "1", "300"), *rates, tt.H264ProfilesSupported("Main"))
        return trt.GetVideoEncoderConfigurationOptionsResponse(
            trt.Options(limits("QualityRange", "0", "100"), tt.JPEG(*jpeg), h264)
        )

    def _SetVideoEncoderConfiguration(self, body: etree._Element) -> etree._Element:
        sent = body.find("{*}Configuration")
        media2 = etree.QName(body).namespace == NS["tr2"]
        if not media2 and (sent.find("{*}Multicast") is None or sent.find("{*}SessionTimeout") is None):
            raise _Reject("incomplete configuration")
        if sent.findtext("{*}Encoding") == "JPEG" and (sent.find("{*}H264") is not None or sent.get("GovLength")):
            raise _Reject("H264 settings on a JPEG encoder")
        wanted = {
            name: found.text for name in self.encoder for found in sent.iter(f"{{*}}{name}") if name != "GovLength"
        }
        gov = sent.get("GovLength") or sent.findtext("{*}H264/{*}GovLength")
        wanted |= {"GovLength": gov} if gov else {}
        changed = {name for name, value in wanted.items() if float_or_text(value) != float_or_text(self.encoder[name])}
        if changed & self.quirks.rejected_fields or (len(changed) > 2 and self.quirks.rejects_everything_together):
            raise _Reject("not with these values")
        self.encoder |= {name: wanted[name] for name in changed - self.quirks.ignored_fields}
        maker = tr2 if media2 else trt
        return maker.SetVideoEncoderConfigurationResponse()

    def _GetImagingSettings(self, body: etree._Element) -> etree._Element:
        answer = timg.ImagingSettings()
        for path, value in self.imaging.items():
            shown = f"{value},0" if self.quirks.comma_floats and value.isdigit() else value
            _place(answer, path).text = shown
        return timg.GetImagingSettingsResponse(answer)

    def _GetOptions(self, body: etree._Element) -> etree._Element:
        answer = timg.ImagingOptions()
        for path, value in self.imaging_options.items():
            if ".." in value:
                low, high = value.split("..")
                _place(answer, path).extend([tt.Min(low), tt.Max(high)])
            elif value:
                *way, last = path.split("/")
                parent = _place(answer, "/".join(way)) if way else answer
                parent.extend([tt(last, word) for word in value.split()])
        return timg.GetOptionsResponse(answer)

    def _SetImagingSettings(self, body: etree._Element) -> etree._Element:
        settings = body.find("{*}ImagingSettings")
        leaves = [leaf for leaf in settings.iter("*") if len(leaf) == 0 and leaf is not settings]
        sent = {_path(leaf, settings): leaf.text for leaf in leaves}
        top = {path.split("/")[0] for path in sent}
        if set(sent) & self.quirks.rejected_fields or (len(top) > 1 and self.quirks.rejects_everything_together):
            raise _Reject("settings invalid")
        for path in sent:
            offered = self.imaging_options.get({"IrCutFilter": "IrCutFilterModes"}.get(path, path))
            if offered is None and not self.quirks.options_missing:
                raise _Reject(f"{path} is not settable")
        self.imaging |= {path: value for path, value in sent.items() if path not in self.quirks.ignored_fields}
        return timg.SetImagingSettingsResponse()

    def _GetRelayOutputs(self, body: etree._Element) -> etree._Element:
        answer = tds.GetRelayOutputsResponse()
        for token, mode in self.relays.items():
            properties = tt.Properties(tt.Mode(mode), tt.DelayTime("PT2S"), tt.IdleState("open"))
            answer.append(tds.RelayOutputs(properties, token=token))
        return answer

    def _SetRelayOutputState(self, body: etree._Element) -> etree._Element:
        token, state = body.findtext("{*}RelayOutputToken"), body.findtext("{*}LogicalState")
        if token not in self.relays:
            raise _Reject("no such relay")
        if state == "inactive" and self.quirks.relay_stuck:
            raise _Reject("stuck")
        self.switched.append((token, state))
        return tds.SetRelayOutputStateResponse()

    def _CreatePullPointSubscription(self, body: etree._Element) -> etree._Element:
        end = body.findtext("{*}InitialTerminationTime")
        self._check_time(end)
        self.pull_points += 1
        if self.quirks.subscription_address is None:
            address = self._url("subscription")
        else:
            address = self.quirks.subscription_address.format(port=self.port)
        reference = tev.SubscriptionReference(wsa.Address(address))
        if self.quirks.reference_parameters:
            reference.append(wsa.ReferenceParameters(etree.fromstring('<v:Id xmlns:v="urn:v">77</v:Id>')))
        return tev.CreatePullPointSubscriptionResponse(reference, *self._life(wsnt.CurrentTime, wsnt.TerminationTime))

    def _PullMessages(self, body: etree._Element) -> etree._Element:
        self._check_subscription(body)
        events, self.events = self.events, []
        return tev.PullMessagesResponse(*self._life(tev.CurrentTime, tev.TerminationTime), *events)

    def _Renew(self, body: etree._Element) -> etree._Element:
        self._check_subscription(body)
        self._check_time(body.findtext("{*}TerminationTime"))
        return wsnt.RenewResponse(*reversed(self._life(wsnt.CurrentTime, wsnt.TerminationTime)))

    def _Unsubscribe(self, body: etree._Element) -> etree._Element:
        self._check_subscription(body)
        self.pull_points -= 1
        return wsnt.UnsubscribeResponse()

    def relay_event(self, token: str, state: str, operation: str = "Changed") -> None:
        """Put a property event of a relay into the pull points."""
        message = tt.Message(
            tt.Source(tt.SimpleItem(Name="RelayToken", Value=token)),
            tt.Data(tt.SimpleItem(Name="LogicalState", Value=state)),
            UtcTime="2026-11-22T20:15:31Z",
            PropertyOperation=operation,
        )
        topic = wsnt.Topic("tns1:Device/Trigger/Relay", Dialect="x")
        self.events.append(wsnt.NotificationMessage(topic, wsnt.Message(message)))

    def _check_subscription(self, body: etree._Element) -> None:
        headers = body.getparent().getparent().find(f"{{{ENV}}}Header")
        if headers is None or headers.find("{*}Action") is None:
            raise _Reject("WS-Addressing is missing")
        if self.quirks.reference_parameters and headers.findtext("{urn:v}Id") != "77":
            raise _Reject("unknown subscription")
        if self.pull_points < 1:
            raise _Reject("unknown subscription")

    def _check_time(self, end: str | None) -> None:
        refused = self.quirks.refuses_relative_time and end is not None and end.startswith("PT")
        if end is None or refused or self.quirks.refuses_subscriptions:
            raise _Reject("unacceptable termination time")

    def _life(self, current: Callable[..., etree._Element], end: Callable[..., etree._Element]) -> list[etree._Element]:
        now = self.now()
        return [current(now.isoformat()), end((now + timedelta(seconds=60)).isoformat())]

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

    def _fault(self, code: str, reason: str, *, sender: bool = True, status: int = 500) -> web.Response:
        env = ElementMaker(namespace=ENV, nsmap={"env": ENV, "ter": NS["ter"]})
        subcode = env.Subcode(env.Value(f"ter:{code}"))
        fault = env.Fault(
            env.Code(env.Value("env:Sender" if sender else "env:Receiver"), subcode), env.Reason(env.Text(reason))
        )
        response = self._answer(fault)
        response.set_status(status)
        return response


class _Reject(Exception):
    """The request is understood and its values are not taken."""


def float_or_text(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


def _place(root: etree._Element, path: str) -> etree._Element:
    place = root
    for name in path.split("/"):
        found = place.find(f"{{*}}{name}")
        place = found if found is not None else etree.SubElement(place, f"{{{NS['tt']}}}{name}")
    return place


def _path(leaf: etree._Element, root: etree._Element) -> str:
    names = [etree.QName(leaf).localname]
    parent = leaf.getparent()
    while parent is not None and parent is not root:
        names.append(etree.QName(parent).localname)
        parent = parent.getparent()
    return "/".join(reversed(names))
