"""The structure of what the schemas of 2014 lack: Media2 and the options of analytics, as their specifications say.

A shape names an element's children in their order (`?` may be missing, `*` any number, `+` at least one), its
attributes, and what is inside. Where the value has a type that the schemas of 2014 do know, they check it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from tests.schemas import TT, validate

TR2 = "http://www.onvif.org/ver20/media/wsdl"
TAN = "http://www.onvif.org/ver20/analytics/wsdl"
TMD = "http://www.onvif.org/ver10/deviceIO/wsdl"

_NUMBER = r"-?\d+(\.\d+)?"
_NUMBERS = rf"{_NUMBER}( {_NUMBER})*"
_BOOLEAN = "true|false|1|0"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """`text` is a pattern for an element that holds no other; `known` the declared element that has the same type."""

    children: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Patterns by name; a name that ends in `?` may be missing."""
    inside: Mapping[str, Shape] = field(default_factory=dict)
    text: str | None = None
    known: str | None = None


_TEXT, _COUNT, _FLOAT = Shape(text=r".+"), Shape(text=r"\d+"), Shape(text=_NUMBER)
_URI = Shape(text=r"(rtsp|http)s?://\S+")
_TOKEN = {"token": r"\S+"}
_LIKELIHOOD = {"Likelihood": r"[01](\.\d+)?"}
_RANGE = Shape(children="Min Max", inside={"Min": _FLOAT, "Max": _FLOAT})
_SIZE = Shape(children="Width Height", inside={"Width": _COUNT, "Height": _COUNT})
_RATE = Shape(children="FrameRateLimit BitrateLimit", inside={"FrameRateLimit": _FLOAT, "BitrateLimit": _COUNT})
_SOURCE = Shape(known="VideoSourceConfiguration")
_ANALYTICS = Shape(known="VideoAnalyticsConfiguration")
_METADATA = Shape(known="MetadataConfiguration")
# tt:VideoEncoder2Configuration
_ENCODER = Shape(
    children="Name UseCount Encoding Resolution RateControl? Multicast? Quality",
    attributes={**_TOKEN, "GovLength?": r"\d+", "Profile?": r"\w+"},
    inside={
        "Name": _TEXT,
        "UseCount": _COUNT,
        "Encoding": Shape(text="JPEG|H264|H265"),
        "Resolution": _SIZE,
        "RateControl": _RATE,
        "Multicast": Shape(known="MulticastConfiguration"),
        "Quality": _FLOAT,
    },
)
# tt:VideoEncoder2ConfigurationOptions
_ENCODER_OPTIONS = Shape(
    children="Encoding QualityRange ResolutionsAvailable+ BitrateRange",
    attributes={"FrameRatesSupported?": _NUMBERS, "GovLengthRange?": _NUMBERS, "ProfilesSupported?": r"\w+( \w+)*"},
    inside={
        "Encoding": Shape(text="JPEG|H264|H265"),
        "QualityRange": _RANGE,
        "ResolutionsAvailable": _SIZE,
        "BitrateRange": _RANGE,
    },
)
_CONFIGURATION_SET = Shape(
    children="VideoSource? AudioSource? VideoEncoder? AudioEncoder? Analytics? PTZ? Metadata?",
    inside={"VideoSource": _SOURCE, "VideoEncoder": _ENCODER, "Analytics": _ANALYTICS, "Metadata": _METADATA},
)
_PROFILE = Shape(
    children="Name Configurations?",
    attributes={**_TOKEN, "fixed?": _BOOLEAN},
    inside={"Name": _TEXT, "Configurations": _CONFIGURATION_SET},
)
_CAPABILITIES = Shape(
    children="ProfileCapabilities StreamingCapabilities",
    attributes={"SnapshotUri?": _BOOLEAN, "Rotation?": _BOOLEAN},
    inside={
        "ProfileCapabilities": Shape(
            attributes={"MaximumNumberOfProfiles?": r"\d+", "ConfigurationsSupported?": r"\w+( \w+)*"}
        ),
        "StreamingCapabilities": Shape(
            attributes={"RTSPStreaming?": _BOOLEAN, "RTPMulticast?": _BOOLEAN, "RTP_RTSP_TCP?": _BOOLEAN}
        ),
    },
)
_CODEC = Shape(children="Encoding Number", inside={"Encoding": Shape(text="JPEG|H264|H265"), "Number": _COUNT})
_RELAY = Shape(children="Properties", attributes=_TOKEN, inside={"Properties": Shape(known="RelayOutputSettings")})
_EMPTY = Shape()


# A frame of the scene with a plate in it, as of the release that has plates.
_OBJECT = Shape(
    children="Appearance",
    attributes={"ObjectId": r"\d+"},
    inside={
        "Appearance": Shape(
            children="Shape Class LicensePlateInfo",
            inside={
                "Shape": Shape(known="ShapeDescriptor"),
                "Class": Shape(children="Type", inside={"Type": Shape(text=r"\w+", attributes=_LIKELIHOOD)}),
                "LicensePlateInfo": Shape(
                    children="PlateNumber", inside={"PlateNumber": Shape(text=r"[A-Z0-9]+", attributes=_LIKELIHOOD)}
                ),
            },
        )
    },
)
_FRAME = Shape(children="Object+", attributes={"UtcTime": r"\S+Z", "Source?": r"\w+"}, inside={"Object": _OBJECT})


def _all(name: str, shape: Shape, children: str = "{}*") -> Shape:
    return Shape(children=children.format(name), inside={name: shape})


SHAPES: Mapping[str, Shape] = {
    f"{{{TR2}}}GetServiceCapabilitiesResponse": _all("Capabilities", _CAPABILITIES, "{}"),
    f"{{{TR2}}}GetProfilesResponse": _all("Profiles", _PROFILE),
    f"{{{TR2}}}GetVideoSourceConfigurationsResponse": _all("Configurations", _SOURCE),
    f"{{{TR2}}}GetVideoEncoderConfigurationsResponse": _all("Configurations", _ENCODER),
    f"{{{TR2}}}GetAnalyticsConfigurationsResponse": _all("Configurations", _ANALYTICS),
    f"{{{TR2}}}GetMetadataConfigurationsResponse": _all("Configurations", _METADATA),
    f"{{{TR2}}}GetVideoEncoderConfigurationOptionsResponse": _all("Options", _ENCODER_OPTIONS),
    f"{{{TR2}}}GetVideoEncoderInstancesResponse": _all(
        "Info",
        Shape(children="Codec+ Total", inside={"Codec": _CODEC, "Total": _COUNT}),
        "{}",
    ),
    f"{{{TR2}}}SetVideoEncoderConfigurationResponse": _EMPTY,
    f"{{{TR2}}}GetOSDsResponse": _all("OSDs", Shape(known="OSDConfiguration")),
    f"{{{TR2}}}GetStreamUriResponse": _all("Uri", _URI, "{}"),
    f"{{{TR2}}}GetSnapshotUriResponse": _all("Uri", _URI, "{}"),
    f"{{{TR2}}}SetSynchronizationPointResponse": _EMPTY,
    f"{{{TAN}}}GetRuleOptionsResponse": _all(
        "RuleOptions",
        Shape(
            children="StringList",
            attributes={"RuleType?": r"\w+:\w+", "Name": r"\w+"},
            inside={"StringList": _TEXT},
        ),
    ),
    f"{{{TAN}}}GetAnalyticsModuleOptionsResponse": _EMPTY,
    f"{{{TAN}}}GetSupportedMetadataResponse": _all(
        "AnalyticsModule",
        Shape(
            children="SampleFrame",
            attributes={"Type": r"\w+:\w+"},
            inside={"SampleFrame": _FRAME},
        ),
    ),
    # The relays, written in the namespace of DeviceIO as some clients do; the schemas know those of the device.
    f"{{{TMD}}}GetRelayOutputsResponse": _all("RelayOutputs", _RELAY),
    f"{{{TMD}}}SetRelayOutputStateResponse": _EMPTY,
    f"{{{TMD}}}GetVideoSourcesResponse": _all("Token", _TEXT),
}


def check_shape(element: etree._Element) -> None:
    """Raises AssertionError when the element, one that the schemas do not know, is not what its specification says."""
    name = str(element.tag)
    assert name in SHAPES, f"nobody has written down what {name} looks like; add it to tests/shapes.py"
    _check(element, SHAPES[name], etree.QName(element).localname)


def _check(element: etree._Element, shape: Shape, path: str) -> None:
    if shape.known is not None:
        _check_known(element, shape.known, path)
        return
    children = list(element.iterchildren(etree.Element))
    names = [etree.QName(child).localname for child in children]
    pattern = "".join(_as_pattern(part) for part in shape.children.split())
    assert re.fullmatch(pattern, "".join(f"{name} " for name in names)), f"{path}: {names}, not {shape.children!r}"
    _check_attributes(element, shape.attributes, path)
    if shape.text is not None:
        assert re.fullmatch(shape.text, element.text or ""), f"{path}: {element.text!r}"
    for child, name in zip(children, names, strict=True):
        assert name in shape.inside, f"{path}/{name}: nobody has written down what is inside"
        _check(child, shape.inside[name], f"{path}/{name}")


def _as_pattern(part: str) -> str:
    name, often = (part[:-1], part[-1]) if part[-1] in "?*+" else (part, "")
    return f"(?:{name} ){often}"


def _check_attributes(element: etree._Element, wanted: Mapping[str, str], path: str) -> None:
    patterns = {name.removesuffix("?"): pattern for name, pattern in wanted.items()}
    needed = {name for name in wanted if not name.endswith("?")}
    assert needed <= set(element.attrib) <= set(patterns), f"{path}: attributes {sorted(element.attrib)}"
    for name, value in element.attrib.items():
        assert re.fullmatch(patterns[str(name)], str(value)), f"{path}@{name}: {value!r}"


def _check_known(element: etree._Element, known: str, path: str) -> None:
    """Under a name that the schemas of 2014 know, so that they check the type."""
    named = copy.deepcopy(element)
    named.tag = f"{{{TT}}}{known}"
    unknown = validate(named)
    assert not unknown, f"{path}: {unknown}"
