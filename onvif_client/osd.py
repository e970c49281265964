"""What the camera writes into its own picture (clock, name, logo): asked with GetOSDs, told as places in the picture.

ONVIF says where a text begins and not how large it is, so its size is estimated generously: a clock that is read as a
plate is worse than a corner that is not looked at.
"""

from __future__ import annotations

from lxml import etree

from onvif_client import envelope as soap
from onvif_client.services import OPTIONAL, Services
from onvif_client.types import MediaVersion, OnScreenText, Profile

# The largest font of common firmware is 64 px on 1080 lines; its characters are half as wide as high, on 16:9.
LINE_HEIGHT = 0.07
CHARACTER_WIDTH = 0.02
# Firmware keeps its texts a little off the border.
MARGIN = 0.04
# A logo has no size in ONVIF either.
LOGO_SIZE = 0.16
# Characters of the longest forms that firmware writes: "Wednesday 2026-05-27", "11:59:59 PM", both with a blank.
LONGEST = {"Date": 20, "Time": 11, "DateAndTime": 32}
# What a text of unknown kind is taken for.
UNKNOWN_LENGTH = 32
# More than this on one picture is no answer of a camera.
MOST_TEXTS = 32


async def read_osds(services: Services, profile: Profile) -> tuple[OnScreenText, ...]:
    """The texts and pictures in the profile's video; none from a camera that cannot say."""
    prefix, namespace = ("tr2", soap.TR2) if profile.media is MediaVersion.MEDIA2 else ("trt", soap.TRT)
    source = profile.video_source_configuration
    only = [soap.element(f"{prefix}:ConfigurationToken", text=source)] if source else []
    try:
        answer = await services.ask(namespace, soap.element(f"{prefix}:GetOSDs", *only))
    except OPTIONAL:
        return ()
    told = soap.children(answer, "OSDs")[:MOST_TEXTS]
    # Several firmwares answer with those of all their channels whatever was asked.
    return tuple(_osd(each) for each in told if not source or _source_of(each) in ("", source))


def _source_of(element: etree._Element) -> str:
    return soap.text(element, "VideoSourceConfigurationToken")


def _osd(element: etree._Element) -> OnScreenText:
    text = soap.child(element, "TextString")
    kind = soap.text(text, "Type") if text is not None else ""
    plain = soap.text(text, "PlainText") if text is not None else ""
    if text is not None:
        width, height = CHARACTER_WIDTH * (len(plain) or LONGEST.get(kind, UNKNOWN_LENGTH)), LINE_HEIGHT
    else:
        width = height = LOGO_SIZE
    left, top, right, bottom = _place(soap.child(element, "Position"), width, height)
    return OnScreenText(
        token=element.get("token") or "",
        text=plain or kind,
        left=max(0.0, left),
        top=max(0.0, top),
        right=min(1.0, right),
        bottom=min(1.0, bottom),
    )


def _place(position: etree._Element | None, width: float, height: float) -> tuple[float, float, float, float]:
    """Left, top, right, bottom in shares of the picture. ONVIF's own coordinates are -1 to 1 with y up."""
    where = soap.text(position, "Type") if position is not None else ""
    at = soap.child(position, "Pos")
    x, y = (soap.number(at.get(axis)) if at is not None else None for axis in ("x", "y"))
    if where not in _CORNERS and x is not None and y is not None:
        # The text begins at its upper left; firmware that means the foot of the line is within the height.
        left, top = (x + 1) / 2, (1 - y) / 2
        return left - MARGIN / 2, top - height, left + width, top + height + MARGIN / 2
    lower, right = _CORNERS.get(where, (False, False))
    across, down = width + MARGIN, height + MARGIN
    left, top = (1 - across if right else 0.0), (1 - down if lower else 0.0)
    return left, top, left + across, top + down


# Whether a corner is below, and whether it is on the right.
_CORNERS = {
    "UpperLeft": (False, False),
    "UpperRight": (False, True),
    "LowerLeft": (True, False),
    "LowerRight": (True, True),
}
