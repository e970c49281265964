"""Drives a device with onvif-zeep-async: drive_zeep_async.py camera|device HOST PORT USER PASSWORD WRONG_PASSWORD."""

import asyncio
import datetime as dt
import json
import sys

from lxml import etree
from onvif import ONVIFCamera
from zeep.exceptions import Fault
from zeep.helpers import serialize_object


def tell(step: str, **detail: object) -> None:
    print(json.dumps({"step": step, **detail}, default=str), flush=True)


def text_of(value: object) -> str:
    """All of a message as text: what zeep left as XML, and what it made objects of."""
    if isinstance(value, etree._Element):
        return etree.tostring(value).decode()
    if isinstance(value, dict):
        return " ".join(f"{key}={text_of(item)}" for key, item in value.items())
    if isinstance(value, list):
        return " ".join(map(text_of, value))
    return str(value)


async def pull_until(service: object, needle: str) -> str:
    for _ in range(12):
        answer = await service.PullMessages({"Timeout": dt.timedelta(seconds=5), "MessageLimit": 10})
        for message in answer.NotificationMessage or []:
            if needle in (content := text_of(serialize_object(message, dict))):
                return content
    raise SystemExit(f"no message with {needle!r} was pulled")


async def main(role: str, host: str, port: int, user: str, password: str, wrong: str) -> None:
    camera = ONVIFCamera(host, port, user, password, adjust_time=True)
    await camera.update_xaddrs()
    management = await camera.create_devicemgmt_service()
    information = await management.GetDeviceInformation()
    tell("connect", manufacturer=information.Manufacturer, clock_offset_s=round(camera.dt_diff.total_seconds()))
    media = await camera.create_media_service()
    profiles = await media.GetProfiles()
    tell("profiles", tokens=[profile.token for profile in profiles])
    if role == "camera":
        uri = await media.GetStreamUri(
            {
                "StreamSetup": {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}},
                "ProfileToken": profiles[0].token,
            }
        )
        tell("stream", uri=uri.Uri)
        imaging = await camera.create_imaging_service()
        source = profiles[0].VideoSourceConfiguration.SourceToken
        options = await imaging.GetOptions({"VideoSourceToken": source})
        await imaging.SetImagingSettings(
            {
                "VideoSourceToken": source,
                "ImagingSettings": {"Sharpness": 7, "Exposure": {"Mode": "MANUAL", "ExposureTime": 1500, "Gain": 3}},
                "ForcePersistence": True,
            }
        )
        now = await imaging.GetImagingSettings({"VideoSourceToken": source})
        tell("imaging", sharpness=now.Sharpness, exposure=now.Exposure.ExposureTime, maximum=options.Sharpness.Max)
    manager = await camera.create_pullpoint_manager(dt.timedelta(seconds=60), lambda: None)
    tell("subscribed")
    service = manager.get_service()
    if role == "camera":
        relays = await management.GetRelayOutputs()
        await management.SetRelayOutputState({"RelayOutputToken": relays[0].token, "LogicalState": "active"})
        content = await pull_until(service, "active")
    else:
        content = await pull_until(service, "PlateNumber")
    tell("event", content=content)
    subscription = await camera.create_subscription_service("PullPointSubscription")
    renewed = await subscription.Renew(camera.get_next_termination_time(dt.timedelta(seconds=90)))
    tell("renew", seconds=round((renewed.TerminationTime - renewed.CurrentTime).total_seconds()))
    await subscription.Unsubscribe()
    tell("unsubscribe")
    await manager.shutdown()
    await camera.close()
    intruder = ONVIFCamera(host, port, user, wrong, adjust_time=True)
    try:
        await intruder.update_xaddrs()
        await (await intruder.create_devicemgmt_service()).GetDeviceInformation()
        tell("wrong_password", refused=False)
    except Fault as fault:
        tell("wrong_password", refused=True, message=fault.message)
    await intruder.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:7]))
