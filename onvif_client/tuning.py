"""From a site to a plan: which camera settings to change for plates, each with its reason. No camera is asked here.

Two choices of ours:

* AUTO exposure with a ceiling on the exposure time, where the camera has one, rather than MANUAL exposure: the
  shutter never blurs a plate, and the camera can still shorten it when the sun comes out.
* The codec stays what it is. The manual prefers JPEG because its decoder reads key frames only; ours reads every
  frame, so any codec does. A short GOP stays useful: a reconnect or a lost packet costs at most one second. A site
  whose VMS runs a key-frame-only reader on the same stream says so and gets JPEG, or four key frames a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from onvif_client.advice import KMH_FACTOR, shutter_limit_s
from onvif_client.imaging_fields import settable
from onvif_client.tuning_encoder import plan_encoder
from onvif_client.tuning_types import Change, Part, Plan, SiteProfile, Wish
from onvif_client.types import (
    EncoderChange,
    EncoderConfiguration,
    EncoderOptions,
    ExposureMode,
    ImagingOptions,
    ImagingSettings,
    shown,
)

LOW_GAIN_SHARE = 0.2
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
    wishes = [*_exposure(site, imaging, imaging_options, warnings), *_picture(imaging, imaging_options, warnings)]
    changes, imaging_values = _compare(Part.IMAGING, wishes, imaging)
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


def _exposure(
    site: SiteProfile, now: ImagingSettings, options: ImagingOptions | None, warnings: list[str]
) -> Iterator[Wish]:
    limit_us = float(math.floor(1e6 * shutter_limit_s(site.max_speed_kmh)))
    why = (
        f"At {site.max_speed_kmh:g} km/h a plate stays sharp up to 1/{KMH_FACTOR * site.max_speed_kmh:.0f} s"
        f" ({limit_us:.0f} us) of exposure."
    )
    mode = now.exposure_mode or ExposureMode.AUTO
    field = "max_exposure_time_us" if mode is ExposureMode.AUTO else "exposure_time_us"
    by_hand = settable("exposure_time_us", 0.0, now, options) and settable(
        "exposure_mode", ExposureMode.MANUAL, now, options
    )
    if mode is ExposureMode.AUTO and by_hand and not settable(field, 0.0, now, options):
        mode, field = ExposureMode.MANUAL, "exposure_time_us"
        reason = "The camera cannot limit its automatic shutter, so the shutter is set by hand."
        yield Wish(field="exposure_mode", value=mode, reason=reason)
    if not settable(field, 0.0, now, options):
        warnings.append(f"{why} This camera does not let the shutter be set; set it in the camera's own pages.")
        return
    limits = options.range_of(field) if options is not None else None
    value = limits.clamp(limit_us) if limits is not None else limit_us
    if value > limit_us:
        warnings.append(f"{why} The camera's shortest setting is {value:.0f} us: faster vehicles will blur.")
    if (present := getattr(now, field)) is None or present > value or mode is not now.exposure_mode:
        yield Wish(field=field, value=value, reason=why)
    yield from _room_below(value, mode, now, options)
    yield from _gain(mode, now, options, warnings)


def _room_below(
    ceiling_us: float, mode: ExposureMode, now: ImagingSettings, options: ImagingOptions | None
) -> Iterator[Wish]:
    """The shortest automatic exposure must not be above the longest; cameras refuse the pair."""
    if mode is not ExposureMode.AUTO or (now.min_exposure_time_us or 0.0) <= ceiling_us:
        return
    limits = options.range_of("min_exposure_time_us") if options is not None else None
    if limits is not None:
        reason = "The shortest exposure must lie below the longest, and a shorter one helps in bright sun."
        yield Wish(field="min_exposure_time_us", value=limits.minimum, reason=reason)


def _gain(
    mode: ExposureMode, now: ImagingSettings, options: ImagingOptions | None, warnings: list[str]
) -> Iterator[Wish]:
    field = "max_gain_db" if mode is ExposureMode.AUTO else "gain_db"
    limits = options.range_of(field) if options is not None else None
    if limits is None:
        warnings.append("The camera does not let the gain be limited; noise at night can only be met with more light.")
        return
    value = round(limits.at(LOW_GAIN_SHARE), 1)
    if (present := getattr(now, field)) is None or present > value:
        reason = "Gain turns darkness into noise that hides thin strokes; more light is the better answer to the dark."
        yield Wish(field=field, value=value, reason=reason)


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
