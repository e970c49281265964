"""From a site to a plan: which camera settings to change for plates, each with its reason. No camera is asked here.

Two choices of ours:

* AUTO exposure with a ceiling on the exposure time, where the camera has one, rather than MANUAL exposure: the
  shutter never blurs a plate, and the camera can still shorten it when the sun comes out.
* The codec stays what it is. The manual prefers JPEG because its decoder reads key frames only; ours reads every
  frame, so any codec does. A short GOP stays useful: a reconnect or a lost packet costs at most one second. A site
  whose VMS runs a key-frame-only reader on the same stream says so and gets JPEG, or four key frames a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from onvif_client.imaging_fields import settable
from onvif_client.tuning_advice import CHECKLIST, advise, knobs
from onvif_client.tuning_encoder import plan_encoder
from onvif_client.tuning_exposure import plan_exposure
from onvif_client.tuning_types import Change, Part, Plan, SiteProfile, Wish
from onvif_client.types import (
    EncoderChange,
    EncoderConfiguration,
    EncoderOptions,
    ImagingOptions,
    ImagingSettings,
    shown,
)

LOW_SHARPNESS_SHARE = 0.1
LOW_NOISE_REDUCTION_SHARE = 0.2

# A switch the camera must not have on, and why.
SWITCHES_OFF = {
    "wide_dynamic_range": "Wide dynamic range flattens the contrast of plates and joins two exposures, which shows"
    " moving characters twice.",
    "backlight_compensation": "Backlight compensation brightens the picture until retro-reflective plates burn out.",
    "tone_compensation": "Tone compensation bends the grey levels that the characters stand out by.",
    "defogging": "Defogging is a contrast enhancement; it draws edges where there are none.",
}


def plan(
    site: SiteProfile,
    *,
    imaging: ImagingSettings,
    imaging_options: ImagingOptions | None,
    encoder: EncoderConfiguration | None = None,
    encoder_options: EncoderOptions | None = None,
) -> Plan:
    """What to change on this camera for this site. Fields that are already right are not in the plan.

    Without imaging options, a field that the camera reads out is taken as settable, but no value is chosen for a
    field whose scale is unknown.
    """
    warnings: list[str] = []
    wishes = [*plan_exposure(site, imaging, imaging_options, warnings), *_picture(imaging, imaging_options, warnings)]
    changes, imaging_values = _compare(Part.IMAGING, wishes, imaging)
    warnings += advise(site, imaging, replace(imaging, **imaging_values), imaging_options)
    encoder_values: dict[str, Any] = {}
    if encoder is not None:
        options = encoder_options or EncoderOptions()
        more, encoder_values = _compare(Part.ENCODER, plan_encoder(site, encoder, options, warnings), encoder)
        changes += more
    return Plan(
        changes=tuple(changes),
        imaging=ImagingSettings(**imaging_values),
        encoder=EncoderChange(**encoder_values),
        warnings=tuple(warnings),
        knobs=knobs(imaging),
        checklist=CHECKLIST,
    )


def _compare(
    part: Part, wishes: list[Wish], current: ImagingSettings | EncoderConfiguration
) -> tuple[list[Change], dict[str, Any]]:
    """The wishes that differ from what is set, as changes and as field values."""
    wanted = [wish for wish in wishes if getattr(current, wish.field) != wish.value]
    changes = [
        Change(
            part=part,
            field=wish.field,
            current=shown(getattr(current, wish.field)),
            desired=shown(wish.value),
            reason=wish.reason,
        )
        for wish in wanted
    ]
    return changes, {wish.field: wish.value for wish in wanted}


def _picture(now: ImagingSettings, options: ImagingOptions | None, warnings: list[str]) -> Iterator[Wish]:
    yield from _lower(
        "sharpness",
        LOW_SHARPNESS_SHARE,
        now,
        options,
        "Sharpening draws rims around strokes that the reader takes for strokes.",
    )
    yield from _lower(
        "noise_reduction",
        LOW_NOISE_REDUCTION_SHARE,
        now,
        options,
        "Noise reduction smears moving plates over several frames.",
    )
    limits = options.range_of("contrast") if options is not None else None
    if limits is not None and now.contrast is not None:
        middle = limits.at(0.5)
        if abs(now.contrast - middle) > 0.02 * (limits.maximum - limits.minimum):
            reason = "Contrast enhancement burns out bright plates and drowns dark ones; the middle leaves both alone."
            yield Wish(field="contrast", value=middle, reason=reason)
    for field, reason in SWITCHES_OFF.items():
        if getattr(now, field) is not True:
            continue
        if settable(field, False, now, options):
            yield Wish(field=field, value=False, reason=reason)
        else:
            warnings.append(f"{reason} This camera does not let it be switched off by ONVIF; look in its own pages.")


def _lower(
    field: str, share: float, now: ImagingSettings, options: ImagingOptions | None, reason: str
) -> Iterator[Wish]:
    limits = options.range_of(field) if options is not None else None
    present = getattr(now, field)
    if limits is not None and present is not None and present > limits.at(share):
        yield Wish(field=field, value=limits.at(share), reason=reason)
