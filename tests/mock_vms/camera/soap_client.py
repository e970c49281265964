"""A plain SOAP client, written from the standards and not from our own code, and a camera to point it at."""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
from lxml import etree
from multidict import CIMultiDictProxy

from mock_vms.camera.app import VirtualCamera
from mock_vms.camera.identity import User, UserLevel
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.state import CameraState
from tests.mock_vms.camera.still_stage import StillStage
from tests.schemas import first_body_child

NS = {
    "env": "http://www.w3.org/2003/05/soap-envelope",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "timg": "http://www.onvif.org/ver20/imaging/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tmd": "http://www.onvif.org/ver10/deviceIO/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
    "ter": "http://www.onvif.org/ver10/error",
    "tns1": "http://www.onvif.org/ver10/topics",
    "wsrf-r": "http://docs.oasis-open.org/wsrf/r-2",
}
_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
PATHS = {
    "tds": "device_service",
    "trt": "media_service",
    "tr2": "media2_service",
    "timg": "imaging_service",
    "tev": "event_service",
    "tmd": "deviceio_service",
}
USERS = (
    User(name="admin", password="secret"),
    User(name="guard", password="word", level=UserLevel.OPERATOR),
    User(name="guest", password="pass", level=UserLevel.USER),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers, and the envelope when there is one."""

    status: int
    headers: CIMultiDictProxy[str]
    content: bytes

    @property
    def envelope(self) -> etree._Element:
        return etree.fromstring(self.content)

    @property
    def body(self) -> etree._Element:
        return first_body_child(self.envelope)

    @property
    def subcodes(self) -> list[str]:
        """The fault's subcodes from outer to inner, without prefix; empty when this is no fault."""
        if self.body.tag != f"{{{NS['env']}}}Fault":
            return []
        values = self.body.findall(".//env:Subcode/env:Value", NS)
        return [(value.text or "").partition(":")[2] for value in values]

    @property
    def reason(self) -> str:
        return self.body.findtext("env:Reason/env:Text", "", NS)

    def text(self, path: str) -> str | None:
        return self.body.findtext(path, None, NS)


@dataclass(slots=True)
class SoapClient:
    """Sends bodies written as XML text with the prefixes above. Credentials go by UsernameToken; no user, none."""

    camera: VirtualCamera
    session: aiohttp.ClientSession
    user: str | None = "admin"
    password: str = "secret"
    clock_offset: timedelta = timedelta()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.camera.http_port}"

    async def call(self, body: str, *, path: str | None = None, url: str | None = None, header: str = "") -> Answer:
        """`<trt:GetProfiles/>` goes to the media service by its prefix, unless a path or URL says otherwise."""
        if url is None:
            url = f"{self.root}/onvif/{path or PATHS[body[1:].partition(':')[0]]}"
        if self.user is not None:
            header = self.security() + header
        return await self.post(url, envelope(body, header))

    async def post(self, url: str, document: bytes) -> Answer:
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        async with self.session.post(url, data=document, headers=headers) as response:
            return Answer(response.status, response.headers, await response.read())

    def security(self, *, nonce: bytes | None = None, created: str | None = None, password: str | None = None) -> str:
        """A UsernameToken by WSS UsernameToken Profile 1.0."""
        nonce = nonce or os.urandom(16)
        moment = datetime.now(UTC) + self.clock_offset
        created = created or moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        proof = hashlib.sha1(nonce + created.encode() + (password or self.password).encode()).digest()
        return (
            f'<wsse:Security xmlns:wsse="{_WSS}-wssecurity-secext-1.0.xsd" env:mustUnderstand="1"><wsse:UsernameToken>'
            f"<wsse:Username>{self.user}</wsse:Username>"
            f'<wsse:Password Type="{_WSS}-username-token-profile-1.0#PasswordDigest">{_b64(proof)}</wsse:Password>'
            f'<wsse:Nonce EncodingType="{_WSS}-soap-message-security-1.0#Base64Binary">{_b64(nonce)}</wsse:Nonce>'
            f'<wsu:Created xmlns:wsu="{_WSS}-wssecurity-utility-1.0.xsd">{created}</wsu:Created>'
            "</wsse:UsernameToken></wsse:Security>"
        )

    async def subscribe(self, inside: str = "") -> str:
        """A new pull point's address."""
        answer = await self.call(f"<tev:CreatePullPointSubscription>{inside}</tev:CreatePullPointSubscription>")
        address = answer.text("tev:SubscriptionReference/wsa:Address")
        assert address, answer.content.decode()
        return address

    async def pull(self, address: str, *, timeout: str = "PT5S", limit: int = 10) -> Answer:
        body = f"<tev:PullMessages><tev:Timeout>{timeout}</tev:Timeout><tev:MessageLimit>{limit}</tev:MessageLimit>"
        return await self.call(f"{body}</tev:PullMessages>", url=address)


def envelope(body: str, header: str = "") -> bytes:
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())
    block = f"<env:Header>{header}</env:Header>" if header else ""
    return f"<env:Envelope {names}>{block}<env:Body>{body}</env:Body></env:Envelope>".encode()


def addressing(action: str) -> tuple[str, str]:
    """A message id and the header blocks that carry it."""
    message_id = f"urn:uuid:{uuid.uuid4()}"
    return message_id, f"<wsa:Action>{action}</wsa:Action><wsa:MessageID>{message_id}</wsa:MessageID>"


def relay_states(answer: Answer) -> list[tuple[str, str, str]]:
    """(token, state, property operation) of each notification in a PullMessagesResponse."""
    states = []
    for message in answer.body.findall("wsnt:NotificationMessage/wsnt:Message/tt:Message", NS):
        token = message.find("tt:Source/tt:SimpleItem[@Name='RelayToken']", NS)
        state = message.find("tt:Data/tt:SimpleItem[@Name='LogicalState']", NS)
        assert token is not None
        assert state is not None
        states.append((token.get("Value", ""), state.get("Value", ""), message.get("PropertyOperation", "")))
    return states


@asynccontextmanager
async def running_camera(*quirks: str, **changes: object) -> AsyncIterator[VirtualCamera]:
    """A camera on loopback with free ports."""
    settings = VirtualCameraSettings(users=USERS, quirks=Quirks.parse(quirks), **changes)
    async with VirtualCamera(settings, state=CameraState(name=settings.name), stage=StillStage()) as camera:
        yield camera


@asynccontextmanager
async def camera_and_client(*quirks: str, **changes: object) -> AsyncIterator[tuple[VirtualCamera, SoapClient]]:
    timeout = aiohttp.ClientTimeout(total=10)
    async with running_camera(*quirks, **changes) as camera, aiohttp.ClientSession(timeout=timeout) as session:
        yield camera, SoapClient(camera, session)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
