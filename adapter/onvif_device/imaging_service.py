"""The Imaging service: what a VMS asks of the picture is passed through to the camera behind it."""

from __future__ import annotations

from collections.abc import Iterable

from adapter.onvif_device import configurations as conf
from adapter.onvif_device.call import Access, Answer, Call, Operation
from adapter.onvif_device.ports import Cameras, Imaging, ImagingRefused, NoImaging
from events import soap
from events.xmlns import Element, name, node

# What the answer to each must hold: a camera that leaves it out would make this device's answer invalid.
_READS = {
    "GetImagingSettings": "timg:ImagingSettings",
    "GetOptions": "timg:ImagingOptions",
    "GetMoveOptions": "timg:MoveOptions",
    "GetStatus": "timg:Status",
}
_WRITES: dict[str, None] = {"SetImagingSettings": None}


class ImagingService:
    """Answers `timg` requests."""

    def __init__(self, *, cameras: Cameras, imaging: Imaging) -> None:
        self._cameras = cameras
        self._imaging = imaging

    def operations(self) -> Iterable[Operation]:
        yield Operation(request="timg:GetServiceCapabilities", access=Access.PRE_AUTH, answer=self._capabilities)
        for access, rows in ((Access.READ_MEDIA, _READS), (Access.ACTUATE, _WRITES)):
            for operation, content in rows.items():
                yield Operation(request=f"timg:{operation}", access=access, answer=self._forward(operation, content))

    def capabilities(self) -> Element:
        return node("timg:Capabilities", ImageStabilization="false")

    async def _capabilities(self, call: Call) -> Element:
        return node("timg:GetServiceCapabilitiesResponse", self.capabilities())

    def _forward(self, operation: str, content: str | None) -> Answer:
        async def answer(call: Call) -> Element:
            camera = conf.by_video_source(self._cameras.cameras(), call.text("timg:VideoSourceToken"))
            arguments = [child for child in call.request if child.tag != name("timg:VideoSourceToken")]
            try:
                found = await self._imaging.forward(
                    camera_id=camera.camera_id, operation=operation, arguments=arguments
                )
            except NoImaging as error:
                raise soap.receiver_fault(
                    "ter:ActionNotSupported",
                    "ter:NoImagingForSource",
                    reason=f"The camera {camera.name} has no ONVIF imaging service.",
                ) from error
            except ImagingRefused as error:
                raise soap.sender_fault(
                    "ter:InvalidArgVal", "ter:SettingsInvalid", reason=f"The camera {camera.name} says: {error}"
                ) from error
            if found.tag != name(f"timg:{operation}Response"):
                raise soap.receiver_fault(
                    "ter:Action", reason=f"The camera {camera.name} answered something else than {operation}Response."
                )
            if content is not None and found.find(name(content)) is None:
                raise soap.receiver_fault(
                    "ter:Action", reason=f"The camera {camera.name} answered {operation} without saying anything."
                )
            return found

        return answer
