"""Drives a device with onvif-python: drive_onvif_python.py camera|device HOST PORT USER PASSWORD WRONG [digest].

This client does not correct for a camera's clock, so a device whose clock is off is driven with `digest`, after it has
been seen to refuse the UsernameToken of another hour.
"""

import json
import sys

from lxml import etree
from onvif import ONVIFClient
from onvif.operator import CacheMode
from onvif.utils.exceptions import ONVIFOperationException


def tell(step: str, **detail: object) -> None:
    print(json.dumps({"step": step, **detail}, default=str), flush=True)


def open_client(host: str, port: int, user: str, password: str, *, digest: bool) -> ONVIFClient:
    return ONVIFClient(
        host, port, user, password, http_digest=digest, cache=CacheMode.NONE, apply_patch=False, capture_xml=True
    )


def pull_until(client: ONVIFClient, pullpoint: object, needle: str) -> str:
    for _ in range(12):
        answer = pullpoint.PullMessages(Timeout="PT5S", MessageLimit=10)
        for message in answer.NotificationMessage or []:
            value = message.Message._value_1
            content = etree.tostring(value).decode() if isinstance(value, etree._Element) else str(message)
            if needle in content:
                return content
    raise SystemExit(f"no message with {needle!r} was pulled")


def refusal(client: ONVIFClient) -> dict[str, object]:
    """Whether the client is kept out of what needs a login, and with which words."""
    try:
        client.devicemgmt().GetDeviceInformation()
    except ONVIFOperationException as error:
        return {"refused": True, "message": str(error)}
    return {"refused": False, "message": ""}


def main(role: str, host: str, port: int, user: str, password: str, wrong: str, *, digest: bool) -> None:
    if digest:
        tell("token_of_another_hour", **refusal(open_client(host, port, user, password, digest=False)))
    client = open_client(host, port, user, password, digest=digest)
    tell("connect", manufacturer=client.devicemgmt().GetDeviceInformation().Manufacturer)
    profiles = client.media().GetProfiles()
    tell("profiles", tokens=[profile.token for profile in profiles])
    tell("profiles2", tokens=[profile.token for profile in client.media2().GetProfiles(Type=["All"])])
    if role == "camera":
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        tell("stream", uri=client.media().GetStreamUri(StreamSetup=setup, ProfileToken=profiles[0].token).Uri)
        imaging = client.imaging()
        source = profiles[0].VideoSourceConfiguration.SourceToken
        maximum = imaging.GetOptions(VideoSourceToken=source).Sharpness.Max
        imaging.SetImagingSettings(
            VideoSourceToken=source,
            ImagingSettings={"Sharpness": 7, "Exposure": {"Mode": "MANUAL", "ExposureTime": 1500, "Gain": 3}},
            ForcePersistence=True,
        )
        now = imaging.GetImagingSettings(VideoSourceToken=source)
        tell("imaging", sharpness=now.Sharpness, exposure=now.Exposure.ExposureTime, maximum=maximum)
    reference = client.events().CreatePullPointSubscription(InitialTerminationTime="PT60S")
    pullpoint = client.pullpoint(reference)
    subscription = client.subscription(reference)
    tell("subscribed")
    if role == "camera":
        device = client.devicemgmt()
        token = device.GetRelayOutputs()[0].token
        device.SetRelayOutputState(RelayOutputToken=token, LogicalState="active")
        content = pull_until(client, pullpoint, "active")
    else:
        content = pull_until(client, pullpoint, "PlateNumber")
    tell("event", content=content)
    renewed = subscription.Renew(TerminationTime="PT90S")
    tell("renew", seconds=round((renewed.TerminationTime - renewed.CurrentTime).total_seconds()))
    subscription.Unsubscribe()
    tell("unsubscribe")
    tell("wrong_password", **refusal(open_client(host, port, user, wrong, digest=digest)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:7], digest="digest" in sys.argv[7:])
