"""What light and time do to plates: the checks of exposure and shutter."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.suitability_figures import above, below, high, low
from adapter.suitability_types import Check, Known
from inference.quality import DARK_LEVEL
from onvif_client.advice import (
    GOOD_CONTRAST,
    KMH_FACTOR,
    MIN_CONTRAST,
    Verdict,
    contrast_verdict,
    shutter_limit_s,
)
from onvif_client.types import ExposureMode

# Measured with the pack `own` on the 189 photos it reads surely, blurred by 1 to 4 strokes and brightened 1.5 to 3
# times: of plates sharper than 0.25 more than nine of ten are still read, of those below 0.18 fewer than half. Up to
# half of a plate burnt out nine of ten are read, above three quarters fewer than half.
GOOD_SHARPNESS, BAD_SHARPNESS = 0.25, 0.18
MUCH_BURNT_OUT, BAD_BURNT_OUT = 0.5, 0.75

# At the limit a plate moves by 2.5 cm, which a camera that looks down at 25 degrees sees as a stroke of 1 cm. Of those
# photos nine in ten are read when they are blurred by two strokes, and fewer than half when by three.
BAD_EXPOSURE = 2.0
NO_SPEED = "Say how fast vehicles are: `onvif-lpr camera tune NAME --max-speed KMH --apply`, or `max_speed_kmh` (API)."


def exposure(known: Known) -> Iterator[Check]:
    yield _contrast(known)
    yield _light(known)
    yield _burnt_out(known)
    if known.is_onvif and known.untuned:
        yield Check.of(
            "picture settings",
            Verdict.WARN,
            "; ".join(known.untuned),
            "as a tuning would set them",
            cause="The camera is set for pictures that please, not for plates.",
            cure="`onvif-lpr camera tune NAME --max-speed KMH` shows why; `--apply` sets them, `--rollback` undoes it.",
        )


def _contrast(known: Known) -> Check:
    limit = f"{MIN_CONTRAST} grey levels at least, {GOOD_CONTRAST} are well"
    if not known.views:
        return Check.unknown("contrast", limit)
    levels = low(view.contrast for view in known.views)
    return Check.of(
        "contrast",
        contrast_verdict(levels),
        f"{levels:.0f} grey levels between characters and ground",
        limit,
        cause="Characters hardly stand out: too little light, glare, or settings that flatten the picture.",
        cure="Add light, keep low sun out of the lens, and turn wide dynamic range and noise reduction down.",
    )


def _light(known: Known) -> Check:
    limit = f"{DARK_LEVEL:.0f} grey levels at least"
    if not known.views:
        return Check.unknown("light", limit)
    level = low(view.brightness + view.contrast / 2 for view in known.views)
    return Check.of(
        "light",
        Verdict.BAD if level < DARK_LEVEL else Verdict.OK,
        f"plates {level:.0f} of 255 grey levels bright",
        limit,
        cause="Plates are under-exposed.",
        cure="Add light (infrared at night) or open the iris; lengthen the shutter as far as the speed allows.",
    )


def _burnt_out(known: Known) -> Check:
    limit = f"{MUCH_BURNT_OUT:.0%} of a plate at most; {BAD_BURNT_OUT:.0%} swallow its characters"
    if not known.views:
        return Check.unknown("over-exposure", limit)
    share = high(view.burnt_out for view in known.views)
    offered = [
        *(["switch its wide dynamic range on"] if known.can_widen_range else []),
        *(["let its iris close by itself"] if known.has_iris else []),
    ]
    remedy = (
        f"If that is not enough, {' or '.join(offered)}."
        if offered
        else ("If that is not enough, a camera with a wide dynamic range or an auto-iris lens helps.")
    )
    return Check.of(
        "over-exposure",
        above(share, MUCH_BURNT_OUT, BAD_BURNT_OUT),
        f"{share:.0%} of a plate burnt out",
        limit,
        cause="Plates are over-exposed: what is white in the picture cannot be told apart any more.",
        cure=f"Shorten the shutter, lower the gain, and switch backlight compensation off. {remedy}",
    )


def shutter(known: Known) -> Iterator[Check]:
    # What is seen counts before what is set.
    yield _sharpness(known)
    yield _exposure_time(known)


def _exposure_time(known: Known) -> Check:
    name, speed, shutter = "exposure time", known.max_speed_kmh, known.shutter
    limit = f"1/({KMH_FACTOR} x km/h) s" if speed is None else f"1/{KMH_FACTOR * speed:.0f} s at {speed:g} km/h"
    if shutter is None:
        cause = "The camera does not tell its shutter" + ("." if known.is_onvif else ": it is a plain stream.")
        cure = "Look it up and set it in the camera's own pages; until then the sharpness of plates is what is judged."
        return Check.unknown(name, limit, cause=cause, cure=cure)
    if speed is None:
        return Check.unknown(name, limit, cause="The speed of the fastest vehicle is not known.", cure=NO_SPEED)
    limit_us = 1e6 * shutter_limit_s(speed)
    automatic = shutter.mode is ExposureMode.AUTO
    # What an automatic shutter may do in the dark is no blur yet: the sharpness of plates tells when it is one.
    worst = Verdict.WARN if automatic or shutter.exposure_us <= BAD_EXPOSURE * limit_us else Verdict.BAD
    return Check.of(
        name,
        # Cameras round: a microsecond more than the limit is the limit.
        Verdict.OK if shutter.exposure_us <= limit_us + 1 else worst,
        f"{'automatic, up to ' if automatic else ''}1/{1e6 / shutter.exposure_us:.0f} s ({shutter.exposure_us:.0f} us)",
        limit,
        cause=(
            "Nothing stops the automatic shutter from blurring plates when it gets dark."
            if automatic
            else "Plates move too far while the shutter is open."
        ),
        cure=f"Limit it: `onvif-lpr camera tune NAME --max-speed {speed:g} --apply`; make up for it with light.",
    )


def _sharpness(known: Known) -> Check:
    limit = f"{BAD_SHARPNESS} at least, {GOOD_SHARPNESS} is well"
    if not known.views:
        return Check.unknown("sharpness", limit)
    value = low(view.sharpness for view in known.views)
    fast_enough = _exposure_time(known).verdict is Verdict.OK
    return Check.of(
        "sharpness",
        below(value, GOOD_SHARPNESS, BAD_SHARPNESS),
        f"{value:.2f} (the steepest edges' share of the contrast)",
        limit,
        cause=(
            "Plates are blurred although the shutter is fast enough: by the focus, noise reduction or too few pixels."
            if fast_enough
            else "Plates are blurred, by their motion or by the focus."
        ),
        cure=(
            "Focus where plates pass, day and night, and turn noise reduction down."
            if fast_enough
            else "Shorten the shutter; if standing vehicles are blurred as well, focus where plates pass."
        ),
    )
