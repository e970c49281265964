"""A small SOAP client for tests that need to say exactly what goes over the wire."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
from lxml import etree

ENV = "http://www.w3.org/2003/05/soap-envelope"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
PREFIXES = {
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "timg": "http://www.onvif.org/ver20/imaging/wsdl",
    "tan": "http://www.onvif.org/ver20/analytics/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tmd": "http://www.onvif.org/ver10/deviceIO/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "tns1": "http://www.onvif.org/ver10/topics",
    "ter": "http://www.onvif.org/ver10/error",
    "env": ENV,
}
_DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in PREFIXES.items())


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def root(self) -> etree._Element:
        return etree.fromstring(self.raw)

    @property
    def content(self) -> etree._Element:
        (content,) = self.root.find(f"{{{ENV}}}Body")
        return content

    @property
    def codes(self) -> list[str]:
        """The fault's code and subcodes, outermost first."""
        return [value.text for value in self.content.iterfind(f".//{{{ENV}}}Value")]

    @property
    def reason(self) -> str:
        return self.content.findtext(f"{{{ENV}}}Reason/{{{ENV}}}Text", "")

    def find(self, path: str) -> etree._Element | None:
        return self.root.find(path, PREFIXES)

    def text(self, path: str) -> str | None:
        return self.root.findtext(path, None, PREFIXES)

    def all(self, path: str) -> list[etree._Element]:
        return self.root.findall(path, PREFIXES)


def username_token(
    name: str, password: str, *, created: datetime | None = None, created_text: str | None = None, nonce: bytes = b""
) -> str:
    """A wsse:Security header."""
    nonce = nonce or os.urandom(16)
    text = created_text or (created or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = base64.b64encode(hashlib.sha1(nonce + text.encode() + password.encode()).digest()).decode()
    kind = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
    return (
        f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}"><wsse:UsernameToken>'
        f'<wsse:Username>{name}</wsse:Username><wsse:Password Type="{kind}">{digest}</wsse:Password>'
        f"<wsse:Nonce>{base64.b64encode(nonce).decode()}</wsse:Nonce><wsu:Created>{text}</wsu:Created>"
        "</wsse:UsernameToken></wsse:Security>"
    )


def envelope(body: str, header: str = "") -> bytes:
    return (
        f"<env:Envelope {_DECLARED}><env:Header>{header}</env:Header><env:Body>{body}</env:Body></env:Envelope>"
    ).encode()


class SoapCaller:
    """Posts envelopes; logs in with a fresh UsernameToken unless told otherwise."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, login: tuple[str, str] | None) -> None:
        self.session = session
        self.base_url = base_url
        self.login = login

    async def call(self, body: str, *, path: str = "/onvif/device_service", header: str | None = None) -> Answered:
        if header is None:
            header = username_token(*self.login) if self.login else ""
        url = path if path.startswith("http") else self.base_url + path
        return await self.post(url, envelope(body, header))

    async def post(self, url: str, data: bytes, **headers: str) -> Answered:
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"} | headers
        timeout = aiohttp.ClientTimeout(total=20)
        async with self.session.post(url, data=data, headers=headers, timeout=timeout) as answer:
            return Answered(status=answer.status, headers=dict(answer.headers), raw=await answer.read())
