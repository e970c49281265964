"""One ONVIF camera: what it is, where its pictures are, what can be set, and its relays.

    async with Camera(address="192.0.2.10", user="operator", password="...") as camera:
        profile = camera.choose_profile(await camera.profiles())
        uri = await camera.stream_uri(profile.token)

Every method raises the errors of `onvif_client.errors` and nothing else, and ends within its time-outs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Self

from onvif_client import encoder, imaging, media, osd, relays
from onvif_client.address import device_url, picture_url, stream_url, with_credentials
from onvif_client.connection import Connection
from onvif_client.errors import CameraMisbehaved, CameraUnreachable, CameraUnsupported
from onvif_client.media import choose_profile
from onvif_client.pullpoint import PullPoint
from onvif_client.services import Services
from onvif_client.types import (
    AppliedChange,
    CameraInformation,
    EncoderChange,
    EncoderConfiguration,
    EncoderOptions,
    ImagingOptions,
    ImagingSettings,
    OnScreenText,
    Profile,
    PulseResult,
    RelayOutput,
)

# A 4K JPEG at full quality is about 6 MB.
SNAPSHOT_LIMIT_BYTES = 16 * 1024 * 1024

JPEG_START = b"\xff\xd8"
PNG_START = b"\x89PNG"


class Camera:
    """`connect` (or `async with`) before use, `aclose` after. Safe for several tasks of one event loop."""

    def __init__(
        self,
        address: str,
        user: str = "",
        password: str = "",
        *,
        timeout_s: float = 10.0,
        verify_tls: bool = True,
        rewrite_addresses: bool = True,
        rtsp_port: int | None = None,
    ) -> None:
        self.address = device_url(address)
        self._user = user
        self._password = password
        self._timeout_s = timeout_s
        self._rewrite_addresses = rewrite_addresses
        self._rtsp_port = rtsp_port
        self._connection = Connection(
            url=self.address, user=user, password=password, timeout_s=timeout_s, verify_tls=verify_tls
        )
        self._services = Services(connection=self._connection, rewrite_addresses=rewrite_addresses)
        self._information: CameraInformation | None = None
        self._profiles: dict[str, Profile] = {}
        self._relays: dict[str, RelayOutput] = {}

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def connect(self) -> CameraInformation:
        """Read the clock, log in, learn who the camera is and what it offers. Cleans up after itself on failure."""
        await self._connection.open()
        try:
            await self._connection.read_clock()
            answer = await self._services.call("devicemgmt", "GetDeviceInformation")
            await self._services.find()
        except BaseException:
            await self.aclose()
            raise
        self._information = CameraInformation(
            manufacturer=answer.Manufacturer or "",
            model=answer.Model or "",
            firmware_version=answer.FirmwareVersion or "",
            serial_number=answer.SerialNumber or "",
            hardware_id=answer.HardwareId or "",
        )
        return self._information

    async def aclose(self) -> None:
        """A relay may still be pulsed, and is let go, by who has the camera in hand: see `pulse_relay`."""
        await self._connection.aclose()

    @property
    def information(self) -> CameraInformation:
        if self._information is None:
            raise RuntimeError("connect to the camera before asking what it is")
        return self._information

    @property
    def clock_offset(self) -> timedelta:
        """How far the camera's clock is ahead of ours."""
        return self._connection.clock_offset

    @property
    def login(self) -> str:
        """How the camera let us in: `username_token`, `digest` or `unknown` (it asked for nothing)."""
        return self._connection.login.value

    @property
    def services(self) -> Services:
        """The seam for the other modules of this room."""
        return self._services

    async def profiles(self) -> tuple[Profile, ...]:
        found = await media.read_profiles(self._services)
        self._profiles = {each.token: each for each in found}
        return found

    def choose_profile(self, profiles: tuple[Profile, ...], wanted: str | None = None) -> Profile:
        """The wanted profile by token or name, else the one with the largest picture."""
        return choose_profile(profiles, wanted)

    async def stream_uri(self, profile_token: str) -> str:
        """The RTSP address of a profile, at the host that worked and without credentials."""
        claimed = await media.read_stream_uri(self._services, await self._profile(profile_token))
        if not self._rewrite_addresses:
            return claimed
        url = stream_url(claimed, worked=self.address, rtsp_port=self._rtsp_port)
        if url is None:
            raise CameraMisbehaved("GetStreamUri: the camera answered with something that is no address.")
        return str(url)

    def with_credentials(self, uri: str) -> str:
        """The address with user and password in it, for a decoder. Never store or log the result."""
        return with_credentials(uri, user=self._user, password=self._password)

    async def snapshot_uri(self, profile_token: str) -> str:
        """The address of still pictures, at the host that worked."""
        claimed = await media.read_snapshot_uri(self._services, await self._profile(profile_token))
        url = picture_url(claimed, worked=self.address)
        if url is None:
            raise CameraMisbehaved("GetSnapshotUri: the camera answered with something that is no address.")
        return str(url)

    async def snapshot(self, profile_token: str) -> bytes:
        """A JPEG (or PNG) of the picture now."""
        url = device_url(await self.snapshot_uri(profile_token))
        data, kind = await self._connection.get(url, limit_bytes=SNAPSHOT_LIMIT_BYTES)
        if not data.startswith((JPEG_START, PNG_START)):
            raise CameraMisbehaved(
                f"The snapshot address answered with '{kind or 'unknown data'}', not a picture. Open it in a browser"
                " to see what the camera says."
            )
        return data

    async def on_screen_texts(self, profile_token: str) -> tuple[OnScreenText, ...]:
        """What the camera writes into this profile's picture; none when it cannot say."""
        return await osd.read_osds(self._services, await self._profile(profile_token))

    async def imaging(self, video_source_token: str) -> ImagingSettings:
        return await imaging.read_imaging(self._services, video_source_token)

    async def imaging_options(self, video_source_token: str) -> ImagingOptions | None:
        """What can be set; None when the camera cannot say."""
        return await imaging.read_imaging_options(self._services, video_source_token)

    async def apply_imaging(self, video_source_token: str, desired: ImagingSettings) -> tuple[AppliedChange, ...]:
        """Change the given fields; one report line for each."""
        return await imaging.apply_imaging(self._services, video_source_token, desired)

    async def rollback_imaging(self, video_source_token: str, previous: ImagingSettings) -> tuple[AppliedChange, ...]:
        """Put settings back that were read before a change."""
        return await imaging.rollback_imaging(self._services, video_source_token, previous)

    async def encoder_options(self, configuration: EncoderConfiguration) -> EncoderOptions:
        return await encoder.read_encoder_options(self._services, configuration)

    async def apply_encoder(
        self, configuration: EncoderConfiguration, change: EncoderChange
    ) -> tuple[AppliedChange, ...]:
        """Change the given fields; one report line for each. Open the stream again afterwards."""
        options = await encoder.read_encoder_options(self._services, configuration)
        return await encoder.apply_encoder(self._services, configuration, change, options)

    async def relay_outputs(self) -> tuple[RelayOutput, ...]:
        found = await relays.read_relays(self._services)
        self._relays = {each.token: each for each in found}
        return found

    async def set_relay(self, token: str, active: bool) -> None:
        await relays.set_relay(self._services, token, active)

    async def pulse_relay(
        self,
        token: str,
        *,
        duration_s: float = 1.0,
        deadline_s: float = 3.0,
        on_active: Callable[[], None] = lambda: None,
    ) -> PulseResult:
        """Open a gate once, now or not at all; it is let go even when the camera is closed meanwhile.

        A camera that was connected and is closed by now opens its connection for the pulse: who decided to open the
        gate need not hold up who closes the camera. See `relays.pulse_relay`.
        """
        started = time.monotonic()
        async with self._connection.held():
            if token not in self._relays:
                await self._learn_relays(token, deadline_s)
            return await relays.pulse_relay(
                self._services,
                self._relays[token],
                duration_s=duration_s,
                deadline_s=deadline_s - (time.monotonic() - started),
                on_active=on_active,
            )

    async def _learn_relays(self, token: str, deadline_s: float) -> None:
        try:
            async with asyncio.timeout(deadline_s):
                await self.relay_outputs()
        except TimeoutError as error:
            raise CameraUnreachable(
                f"The camera did not say within {deadline_s:g} s which relays it has. Relay '{token}' was not switched."
            ) from error
        if token not in self._relays:
            names = ", ".join(self._relays) or "none"
            raise CameraUnsupported(f"The camera has no relay '{token}'. It has: {names}.")

    def pull_point(self, *, topics: tuple[str, ...] = ()) -> PullPoint:
        """A subscription to the camera's events, not open yet: `async with camera.pull_point() as point`."""
        return PullPoint(self._services, topics=topics)

    async def _profile(self, token: str) -> Profile:
        if token not in self._profiles:
            await self.profiles()
        try:
            return self._profiles[token]
        except KeyError:
            names = ", ".join(self._profiles) or "none"
            raise CameraUnsupported(f"The camera has no profile '{token}'. It has: {names}.") from None
