"""A request for every operation of the face that needs more than its name, and the operations it refuses."""

from __future__ import annotations

NORTH = "profile_north"
STREAM_SETUP = (
    "<trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport>"
    "</trt:StreamSetup>"
)
IMAGING = (
    "<timg:ImagingSettings><tt:Exposure><tt:Mode>MANUAL</tt:Mode><tt:ExposureTime>500</tt:ExposureTime></tt:Exposure>"
    "</timg:ImagingSettings>"
)


def _element(qualified: str, text: str) -> str:
    return f"<{qualified}>{text}</{qualified}>"


def _profile(prefix: str) -> str:
    return _element(f"{prefix}:ProfileToken", NORTH)


def _configuration(prefix: str, token: str) -> str:
    return _element(f"{prefix}:ConfigurationToken", token)


_ANALYTICS = _configuration("tan", "vac_north")
_SOURCE = _element("timg:VideoSourceToken", "vs_north")
RULE_CHANGES = ("CreateRules", "DeleteRules", "ModifyRules")
MODULE_CHANGES = ("CreateAnalyticsModules", "DeleteAnalyticsModules", "ModifyAnalyticsModules")

# What is inside the request, by operation; operations that need nothing are not listed.
INSIDE = {
    "tds:GetServices": _element("tds:IncludeCapability", "true"),
    "tds:SetRelayOutputState": _element("tds:RelayOutputToken", "north.gate") + _element("tds:LogicalState", "active"),
    "trt:GetProfile": _profile("trt"),
    "trt:GetVideoSourceConfiguration": _configuration("trt", "vsc_north"),
    "trt:GetVideoEncoderConfiguration": _configuration("trt", "vec_north"),
    "trt:GetMetadataConfiguration": _configuration("trt", "meta_north"),
    "trt:GetVideoAnalyticsConfiguration": _configuration("trt", "vac_north"),
    "trt:GetStreamUri": STREAM_SETUP + _profile("trt"),
    "trt:GetSnapshotUri": _profile("trt"),
    "trt:SetSynchronizationPoint": _profile("trt"),
    "tr2:GetProfiles": _element("tr2:Type", "All"),
    "tr2:GetStreamUri": _element("tr2:Protocol", "RTSP") + _profile("tr2"),
    "tr2:GetSnapshotUri": _profile("tr2"),
    "tr2:SetSynchronizationPoint": _profile("tr2"),
    "tev:PullMessages": _element("tev:Timeout", "PT1S") + _element("tev:MessageLimit", "10"),
    "tev:Seek": _element("tev:UtcTime", "2026-01-01T00:00:00Z"),
    "wsnt:Renew": _element("wsnt:TerminationTime", "PT90S"),
    **{
        f"tan:{name}": _ANALYTICS
        for name in (
            *("GetSupportedRules", "GetRules", "GetRuleOptions", "GetSupportedAnalyticsModules"),
            *("GetAnalyticsModules", "GetAnalyticsModuleOptions", "GetSupportedMetadata"),
            *(*RULE_CHANGES, *MODULE_CHANGES),
        )
    },
    **{f"timg:{name}": _SOURCE for name in ("GetImagingSettings", "GetOptions", "GetMoveOptions", "GetStatus")},
    "timg:SetImagingSettings": _SOURCE + IMAGING,
}

# Further ways to ask the same, whose answers are built by other branches.
VARIANTS = (
    ("tds:GetServices", _element("tds:IncludeCapability", "false")),
    ("tds:GetCapabilities", _element("tds:Category", "All")),
    ("tds:GetCapabilities", _element("tds:Category", "Events")),
    ("trt:GetProfile", _element("trt:ProfileToken", "profile_south")),
    ("trt:GetVideoEncoderConfigurationOptions", _element("trt:ProfileToken", "profile_south")),
    ("tr2:GetProfiles", ""),
    ("tr2:GetProfiles", _element("tr2:Token", NORTH) + _element("tr2:Type", "VideoEncoder")),
    ("wsnt:Renew", ""),
)

_NOT_SUPPORTED = ["env:Receiver", "ter:ActionNotSupported"]
# What ONVIF knows and this device refuses, whatever is asked, with the codes that say so.
REFUSED = {
    **{f"tan:{name}": ["env:Sender", "ter:Action", "ter:FixedRules"] for name in RULE_CHANGES},
    **{f"tan:{name}": ["env:Sender", "ter:Action", "ter:FixedModules"] for name in MODULE_CHANGES},
    **{f"tev:{name}": _NOT_SUPPORTED for name in ("GetEventBrokers", "AddEventBroker", "DeleteEventBroker")},
    **{
        f"trt:Set{name}": _NOT_SUPPORTED
        for name in ("VideoSourceConfiguration", "VideoEncoderConfiguration", "MetadataConfiguration")
    },
    "wsnt:Subscribe": _NOT_SUPPORTED,
    "tds:SetRelayOutputSettings": _NOT_SUPPORTED,
    "tmd:SetRelayOutputSettings": _NOT_SUPPORTED,
}
