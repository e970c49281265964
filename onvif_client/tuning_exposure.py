"""The exposure's part of a tuning plan: the shutter first, then the iris, the gain last.

One brightness can be had in many ways, and each costs something else. The shutter is bound by the speed of the
vehicles; what a shorter one takes away the iris gives back as far as it opens, for that costs depth of focus only; the
gain gives the rest, up to a low limit, for noise hides strokes.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator

from onvif_client.advice import KMH_FACTOR, shutter_limit_s
from onvif_client.imaging_fields import settable
from onvif_client.tuning_advice import more_light
from onvif_client.tuning_types import SiteProfile, Wish
from onvif_client.types import ExposureMode, ImagingOptions, ImagingSettings, Range

LOW_GAIN_SHARE = 0.2


def plan_exposure(
    site: SiteProfile, now: ImagingSettings, options: ImagingOptions | None, warnings: list[str]
) -> Iterator[Wish]:
    """The wishes for shutter, iris and gain, in this order."""
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
    lost_db = _lost_db(value, mode, now)
    opened_db = yield from _iris(lost_db, mode, now, options)
    field = "max_gain_db" if mode is ExposureMode.AUTO else "gain_db"
    if (limits := options.range_of(field) if options is not None else None) is None:
        warnings.append(f"The gain cannot be limited here, so noise comes with the dark. {more_light(site)}")
    else:
        yield from _gain(lost_db - opened_db, field, now, limits)


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


def _lost_db(value_us: float, mode: ExposureMode, now: ImagingSettings) -> float:
    """How much a picture darkens by the shorter shutter. An automatic exposure makes up for it by itself."""
    present = now.exposure_time_us
    if mode is not ExposureMode.MANUAL or now.exposure_mode is not ExposureMode.MANUAL or not present:
        return 0.0
    return max(0.0, 20 * math.log10(present / value_us))


def _iris(
    lost_db: float, mode: ExposureMode, now: ImagingSettings, options: ImagingOptions | None
) -> Generator[Wish, None, float]:
    """ONVIF counts in dB how far the iris is closed. Returns by how much it is opened to make up for the shutter."""
    field = "min_iris_db" if mode is ExposureMode.AUTO else "iris_db"
    limits = options.range_of(field) if options is not None else None
    present = getattr(now, field)
    if limits is None or present is None:
        return 0.0
    value = limits.minimum if mode is ExposureMode.AUTO else limits.clamp(round(present - lost_db, 1))
    if value >= present:
        return 0.0
    reason = (
        "The iris may open all the way: it gives light back before the gain has to, and costs depth of focus only."
        if mode is ExposureMode.AUTO
        else "The iris opens by what the shorter shutter takes away, as far as it can: it costs depth of focus only."
    )
    yield Wish(field=field, value=value, reason=reason)
    return float(present - value)


def _gain(missing_db: float, field: str, now: ImagingSettings, limits: Range) -> Iterator[Wish]:
    ceiling = round(limits.at(LOW_GAIN_SHARE), 1)
    present = getattr(now, field)
    if present is None or present > ceiling:
        reason = "Gain turns darkness into noise that hides thin strokes; more light is the better answer to the dark."
        yield Wish(field=field, value=ceiling, reason=reason)
    elif missing_db > 0 and (value := min(ceiling, limits.clamp(round(present + missing_db, 1)))) > present:
        reason = "What the shorter shutter takes away and the iris cannot give back, up to a low limit and no more."
        yield Wish(field=field, value=value, reason=reason)
