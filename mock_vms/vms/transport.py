"""HTTP as the judge does it: bounded in time and size, without redirects, with Digest when a server asks for it.

The zeep transport also mends, in memory, what keeps onvif-zeep 0.2.12 from reading topics: its WS-BaseNotification
schema declares TopicExpressionType as mixed content with any element, and zeep drops the text of mixed content. The
files on the disk stay as they were shipped.
"""

from __future__ import annotations

import time
from typing import Any

import requests
from lxml import etree
from requests.adapters import HTTPAdapter
from requests.auth import HTTPDigestAuth
from zeep.transports import Transport

XSD = "http://www.w3.org/2001/XMLSchema"
# A full pull of 100 messages with embedded plate crops is about 3 MB; ten times that is nobody's event.
MAX_ANSWER = 32_000_000
CONNECT_TIMEOUT_S = 5.0
_CHUNK = 65_536


class BoundedAdapter(HTTPAdapter):
    """Reads every answer to its end within a size and a time, so that no server can hold a thread or fill memory."""

    def __init__(self, *, max_bytes: int, total_s: float) -> None:
        self._max_bytes = max_bytes
        self._total_s = total_s
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """As HTTPAdapter.send, with the body already read; requests.ConnectionError when it is too much or too slow."""
        deadline = time.monotonic() + self._total_s
        kwargs["stream"] = True
        response = super().send(request, *args, **kwargs)
        chunks: list[bytes] = []
        size = 0
        try:
            for chunk in response.iter_content(_CHUNK):
                chunks.append(chunk)
                size += len(chunk)
                if size > self._max_bytes:
                    raise requests.ConnectionError(f"the answer is larger than {self._max_bytes} bytes")
                if time.monotonic() > deadline:
                    raise requests.ConnectionError(f"the answer took longer than {self._total_s:g} s")
        except BaseException:
            response.close()
            raise
        response._content = b"".join(chunks)
        return response


def bounded_session(*, user: str, password: str, max_bytes: int, total_s: float) -> requests.Session:
    """A session that answers a Digest challenge, follows no redirect and takes nothing from the environment."""
    session = requests.Session()
    session.trust_env = False
    session.max_redirects = 0
    adapter = BoundedAdapter(max_bytes=max_bytes, total_s=total_s)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    if user:
        session.auth = HTTPDigestAuth(user, password)
    return session


class OnvifTransport(Transport):  # type: ignore[misc]  # zeep has no types
    """A zeep transport with time-outs whose `load` mends the schema that hides topics."""

    def __init__(self, *, user: str, password: str, operation_timeout_s: float) -> None:
        session = bounded_session(
            user=user, password=password, max_bytes=MAX_ANSWER, total_s=operation_timeout_s + CONNECT_TIMEOUT_S
        )
        super().__init__(session=session, timeout=CONNECT_TIMEOUT_S)
        self.operation_timeout = (CONNECT_TIMEOUT_S, operation_timeout_s)

    def load(self, url: str) -> bytes:
        """The schema file at `url`, mended when it is WS-BaseNotification."""
        content: bytes = super().load(url)
        return _topics_as_text(content) if url.endswith("b-2.xsd") else content


def _topics_as_text(schema: bytes) -> bytes:
    root = etree.fromstring(schema, etree.XMLParser(resolve_entities=False, no_network=True))
    for old in root.findall(f"{{{XSD}}}complexType[@name='TopicExpressionType']"):
        new = etree.Element(f"{{{XSD}}}complexType", name="TopicExpressionType")
        content = etree.SubElement(new, f"{{{XSD}}}simpleContent")
        extension = etree.SubElement(content, f"{{{XSD}}}extension", base="xsd:string")
        etree.SubElement(extension, f"{{{XSD}}}attribute", name="Dialect", type="xsd:anyURI")
        root.replace(old, new)
    return etree.tostring(root)
