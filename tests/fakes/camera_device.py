"""What the fake camera answers about itself, its profiles, its relays and its events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from lxml import etree

from tests.fakes.camera_quirks import ENV, NS, PATHS, Quirks, Reject, tds, tev, tr2, trt, tt, wsa, wsnt
from tests.fakes.camera_settings import SettingsAnswers


class DeviceAnswers(SettingsAnswers):
    """One method per operation, named after it."""

    quirks: Quirks
    port: int
    relays: dict[str, str]
    switched: list[tuple[str, str]]
    pull_points: int
    events: list[etree._Element]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def now(self) -> datetime:
        return datetime.now(UTC) + self.quirks.clock_skew

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
                raise Reject("broken")
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

    def _GetOSDs(self, body: etree._Element) -> etree._Element:
        """Those of another channel are told as well, whatever was asked."""
        if self.quirks.no_osds:
            raise Reject("no OSD here")
        maker = tr2 if etree.QName(body).namespace == NS["tr2"] else trt
        answer = maker.GetOSDsResponse()
        for token, source, position, content in (
            ("clock", "vsc", tt.Position(tt.Type("UpperRight")), tt.TextString(tt.Type("DateAndTime"))),
            (
                "name", "vsc", tt.Position(tt.Type("Custom"), tt.Pos(x="-0,9", y="-0,8")),
                tt.TextString(tt.Type("Plain"), tt.PlainText("GATE 12 NORTH")),
            ),
            ("logo", "vsc", tt.Position(tt.Type("LowerRight")), tt.Image(tt.ImgPath("logo.png"))),
            ("other", "vsc 2", tt.Position(tt.Type("LowerLeft")), tt.TextString(tt.Type("Date"))),
        ):  # fmt: skip
            kind = "Image" if content.tag.endswith("Image") else "Text"
            answer.append(
                maker.OSDs(tt.VideoSourceConfigurationToken(source), tt.Type(kind), position, content, token=token)
            )
        return answer

    def _media_uri(self, uri: str) -> etree._Element:
        rest = (tt.InvalidAfterConnect("false"), tt.InvalidAfterReboot("false"), tt.Timeout("PT0S"))
        return trt.MediaUri(tt.Uri(uri), *rest)

    def _GetRelayOutputs(self, body: etree._Element) -> etree._Element:
        answer = tds.GetRelayOutputsResponse()
        for token, mode in self.relays.items():
            properties = tt.Properties(tt.Mode(mode), tt.DelayTime("PT2S"), tt.IdleState("open"))
            answer.append(tds.RelayOutputs(properties, token=token))
        return answer

    def _SetRelayOutputState(self, body: etree._Element) -> etree._Element:
        token, state = body.findtext("{*}RelayOutputToken"), body.findtext("{*}LogicalState")
        if token not in self.relays:
            raise Reject("no such relay")
        if state == "inactive" and self.quirks.relay_stuck:
            raise Reject("stuck")
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
            raise Reject("WS-Addressing is missing")
        if self.quirks.reference_parameters and headers.findtext("{urn:v}Id") != "77":
            raise Reject("unknown subscription")
        if self.pull_points < 1:
            raise Reject("unknown subscription")

    def _check_time(self, end: str | None) -> None:
        refused = self.quirks.refuses_relative_time and end is not None and end.startswith("PT")
        if end is None or refused or self.quirks.refuses_subscriptions:
            raise Reject("unacceptable termination time")

    def _life(self, current: Callable[..., etree._Element], end: Callable[..., etree._Element]) -> list[etree._Element]:
        now = self.now()
        return [current(now.isoformat()), end((now + timedelta(seconds=60)).isoformat())]
