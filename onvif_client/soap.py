"""zeep and onvif-zeep on our own wire: Device, Media and DeviceIO calls from the WSDLs that onvif-zeep installs.

Of onvif-zeep we use its service table, its WSDLs and its `ONVIFService` proxy, and not its `ONVIFCamera`: that class
talks to the camera inside its constructor, leaves a pull point open, knows GetCapabilities only and has no time-outs.
zeep's asynchronous client asks its transport for one thing, `post_xml`. Ours hands the envelope to `Connection`, so
zeep calls need no threads and share time-outs, limits and login with everything else. Parsed WSDLs are kept for all
cameras: one costs about 0.1 s, which is spent in a thread.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import zeep
import zeep.exceptions
from lxml import etree
from yarl import URL
from zeep.proxy import AsyncServiceProxy
from zeep.wsdl import Document

from onvif_client.connection import Connection
from onvif_client.envelope import serialize, wrap
from onvif_client.errors import CameraMisbehaved

# What zeep raises over an answer it cannot make sense of.
ZEEP_ERRORS = (zeep.exceptions.Error, ValueError, AttributeError, AssertionError, LookupError)

SETTINGS = zeep.Settings(strict=False, xml_huge_tree=False, forbid_dtd=True, forbid_entities=True)

_documents: dict[str, Document] = {}
_documents_lock = threading.Lock()


class SoapService:
    """The calls of one service of one camera. Answers are zeep objects; callers turn them into our types at once."""

    def __init__(self, *, proxy: Any, name: str) -> None:
        self._proxy = proxy
        self._name = name

    async def call(self, operation: str, **parameters: Any) -> Any:
        """Ask; raises the room's errors only."""
        try:
            return await getattr(self._proxy, operation)(parameters)
        except zeep.exceptions.ValidationError as error:
            raise CameraMisbehaved(
                f"{operation}: what the camera said before is too incomplete to ask it this ({error})."
            ) from error
        except ZEEP_ERRORS as error:
            raise CameraMisbehaved(
                f"{operation}: the camera's answer does not follow the ONVIF {self._name} schema"
                f" ({type(error).__name__}: {error})."
            ) from error


async def soap_service(connection: Connection, name: str, url: URL) -> SoapService:
    """A service by onvif-zeep's name for it: `devicemgmt`, `media` or `deviceio`."""
    document = await asyncio.to_thread(_document, name)
    onvif = _onvif_zeep()
    definition = onvif.definition.SERVICES[name]
    client = _Client(wsdl=document, transport=_Transport(connection), settings=SETTINGS)
    proxy = onvif.ONVIFService(
        str(url),
        "",  # The connection logs in; the proxy never learns user and password.
        "",
        str(_wsdl_path(name)),
        zeep_client=client,
        binding_name=f"{{{definition['ns']}}}{definition['binding']}",
    )
    return SoapService(proxy=proxy, name=name)


class _Client(zeep.AsyncClient):  # type: ignore[misc]  # zeep carries no types
    """zeep's asynchronous client; its `create_service` still makes a blocking proxy (zeep 4.3)."""

    def create_service(self, binding_name: str, address: str) -> AsyncServiceProxy:
        return AsyncServiceProxy(self, self.wsdl.bindings[binding_name], address=address)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """What zeep reads of a requests.Response."""

    status_code: int
    headers: dict[str, str]
    content: bytes
    encoding: str


class _Transport:
    """The one method that zeep's asynchronous service proxy calls."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def post_xml(self, address: str, envelope: etree._Element, headers: dict[str, str]) -> _Reply:
        body = await self._connection.exchange(URL(address), envelope, content_headers=headers)
        # Faults, HTML, bombs and wrong elements ended above; zeep sees a clean document.
        return _Reply(
            status_code=200,
            headers={"Content-Type": "application/soap+xml; charset=utf-8"},
            content=serialize(wrap(body)),
            encoding="utf-8",
        )


def _document(name: str) -> Document:
    with _documents_lock:
        if name not in _documents:
            _documents[name] = Document(str(_wsdl_path(name)), zeep.Transport(), settings=SETTINGS)
        return _documents[name]


def _wsdl_path(name: str) -> Path:
    onvif = _onvif_zeep()
    assert onvif.__file__ is not None
    return Path(onvif.__file__).parent.parent / "wsdl" / str(onvif.definition.SERVICES[name]["wsdl"])


@functools.cache
def _onvif_zeep() -> ModuleType:
    """The onvif-zeep package. Importing it configures the root logger and hushes zeep's; both are put back."""
    root, client = logging.getLogger(), logging.getLogger("zeep.client")
    before = (root.level, list(root.handlers), client.level)
    onvif = importlib.import_module("onvif")
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    client.setLevel(before[2])
    return onvif
