"""How large, how whole and how straight plates are seen: the checks of field of view, resolution and positioning."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from adapter.suitability_figures import above, below, high, low, share
from adapter.suitability_types import FEW_PLATES, Check, Known
from inference.types import Direction
from inference.validate import HIGH_IN_PICTURE
from onvif_client.advice import (
    BAD_JPEG_QUALITY,
    GOOD_JPEG_QUALITY,
    INTERLACED_FACTOR,
    MIN_PIXELS_PER_STROKE,
    PLATE_SIZES,
    Verdict,
    horizontal_angle_verdict,
    jpeg_quality_verdict,
    min_plate_width_px,
    pixels_per_stroke,
    roll_verdict,
    stroke_verdict,
)
from onvif_client.tuning_encoder import MIN_FRAME_RATE

# A lane is less than two vehicles wide; half a lane on either side is room to swerve.
WIDEST_VEHICLES, NARROWEST_VEHICLES = 3.0, 1.0
# A vehicle that was never seen whole is read in part at best.
SOME_CUT, MANY_CUT = 0.1, 0.3
# A look in vain now and then is the price of missing nothing; so many are trees, people or a road behind the gate.
MANY_IN_VAIN, ENOUGH_LOOKS = 0.8, 200
# Below this a vehicle at walking pace may pass between two pictures.
BAD_FRAME_RATE = 2.0
MOST = 0.5


def field_of_view(known: Known) -> Iterator[Check]:
    yield _width_in_view(known)
    limit = f"{SOME_CUT:.0%} of the vehicles at most; {MANY_CUT:.0%} are bad"
    if known.views:
        cut = share(view.cut for view in known.views)
        yield Check.of(
            "whole plates",
            above(cut, SOME_CUT, MANY_CUT),
            f"{cut:.0%} of the vehicles never seen whole",
            limit,
            cause="Plates leave the picture or the recognition area before they are whole in it.",
            cure="Turn the camera, or draw the area so that plates are whole inside it.",
        )
    else:
        yield Check.unknown("whole plates", limit)
    if known.looks >= ENOUGH_LOOKS:
        in_vain = known.looks_without_plate / known.looks
        yield Check.of(
            "looks without plate",
            Verdict.WARN if in_vain > MANY_IN_VAIN else Verdict.OK,
            f"{in_vain:.0%} of {known.looks} looks",
            f"{MANY_IN_VAIN:.0%} at most",
            cause="Something else moves in the recognition area: people, trees, or a road behind.",
            cure="Narrow the recognition area to where plates pass, and draw motion masks over the rest.",
        )


def _width_in_view(known: Known) -> Check:
    size = PLATE_SIZES[known.region]
    vehicle = size.car_area_cm
    limit = f"{NARROWEST_VEHICLES * vehicle:.0f} to {WIDEST_VEHICLES * vehicle:.0f} cm"
    if not known.views:
        return Check.unknown("width in view", limit)
    plate_share = float(np.median([view.width_px / view.picture_width_px for view in known.views]))
    width_cm = round(known.area_width / plate_share * size.plate_width_cm)
    wide = width_cm > WIDEST_VEHICLES * vehicle
    return Check.of(
        "width in view",
        Verdict.WARN if wide or width_cm < NARROWEST_VEHICLES * vehicle else Verdict.OK,
        f"{width_cm} cm across the recognition area",
        limit,
        cause=(
            "More is looked at than the place where plates pass, which costs time and pixels."
            if wide
            else "Less than a vehicle is in view, so plates slip past at the side."
        ),
        cure=(
            "Zoom in optically, or draw the recognition area around the place where plates pass."
            if wide
            else "Zoom out, or widen the recognition area."
        ),
    )


def resolution(known: Known) -> Iterator[Check]:
    yield _plate_width(known)
    yield _frame_rate(known)
    yield _compression(known)


def _compression(known: Known) -> Check:
    limit = f"more than {BAD_JPEG_QUALITY}%, {GOOD_JPEG_QUALITY}% is well"
    if known.quality_percent is None:
        cause = "The camera does not tell how much it compresses."
        return Check.unknown("compression", limit, cause=cause, cure="Look it up and set it in the camera's own pages.")
    return Check.of(
        "compression",
        jpeg_quality_verdict(known.quality_percent),
        f"quality {known.quality_percent:.0f}% of what the camera offers",
        limit,
        cause="Compression smears strokes.",
        cure="Raise the quality of the stream: `onvif-lpr camera tune NAME --max-speed KMH --apply`.",
    )


def _plate_width(known: Known) -> Check:
    """Of the stream as it is now: snapshots may have been taken at another resolution."""
    factor = INTERLACED_FACTOR if known.interlaced else 1.0
    good_px = min_plate_width_px(known.region, moving_interlaced=known.interlaced)
    combed = " (interlaced)" if known.interlaced else ""
    limit = f"{MIN_PIXELS_PER_STROKE * factor:.1f} pixels per stroke at least, plates of {good_px} px are well{combed}"
    if not known.views:
        return Check.unknown("plate width", limit)
    widths = [
        view.width_px * (known.picture_px[0] / view.picture_width_px if known.picture_px else 1.0)
        for view in known.views
    ]
    width_px = low(widths)
    stroke_px = pixels_per_stroke(plate_width_px=width_px, region=known.region)
    verdict = stroke_verdict(stroke_px / factor)
    if verdict is Verdict.OK and width_px < good_px:
        verdict = Verdict.WARN
    return Check.of(
        "plate width",
        verdict,
        # Rounded down: what is just too little must not look like enough.
        f"{math.floor(stroke_px * 10) / 10:.1f} pixels per stroke, plates {math.floor(width_px)} px wide",
        limit,
        cause="Plates are too small in the picture.",
        cure="Zoom in optically, mount the camera closer, or raise the resolution of its stream.",
    )


def _frame_rate(known: Known) -> Check:
    limit = f"{MIN_FRAME_RATE:g} pictures a second"
    if known.frame_rate is None:
        cause = "No picture came since the service was started."
        return Check.unknown("frame rate", limit, cause=cause, cure="See on the camera's page why it is not running.")
    return Check.of(
        "frame rate",
        below(known.frame_rate, MIN_FRAME_RATE, BAD_FRAME_RATE),
        f"{known.frame_rate:.1f} pictures a second",
        limit,
        cause="A passing plate is caught once or not at all.",
        cure="Raise the frame rate of the stream in the camera, and switch `key_frames_only` off.",
    )


def positioning(known: Known) -> Iterator[Check]:
    slants = [(view, view.slant) for view in known.views if view.slant is not None]
    tilt_limit, side_limit = "the height of a plate", "15 degrees are well, 25 bearable"
    if slants:
        tilt = high(abs(slant.edge_offset_px) / view.height_px for view, slant in slants)
        yield Check.of(
            "tilt",
            roll_verdict(edge_offset_px=tilt, plate_height_px=1.0),
            f"one edge {tilt:.1f} plate heights lower than the other",
            tilt_limit,
            cause="Plates lie aslant: no level line crosses both edges of one.",
            cure="Turn the camera about its own axis, or move it nearer to the lane's middle.",
        )
        side = high(abs(slant.shear_deg) for _, slant in slants)
        yield Check.of(
            "angle from the side",
            horizontal_angle_verdict(side),
            f"at least {side:.0f} degrees, from the shape of plates",
            side_limit,
            cause="The camera looks at plates from too far to the side.",
            cure="Mount it nearer to the lane, or aim it further along the lane.",
        )
    else:
        lacks = {"cause": "No corners of plates were found.", "cure": "Use the model pack `own`, which finds them."}
        for name, limit in (("tilt", tilt_limit), ("angle from the side", side_limit)):
            yield Check.unknown(name, limit, **(lacks if known.views else {}))
    if known.views:
        yield from _places(known)


def _places(known: Known) -> Iterator[Check]:
    upper = share(view.center[1] < HIGH_IN_PICTURE for view in known.views)
    yield Check.of(
        "place in the picture",
        Verdict.WARN if upper > MOST else Verdict.OK,
        f"{upper:.0%} of the plates in the upper third",
        f"{MOST:.0%} at most",
        cause="Plates lie high in the picture, where they are small and soon gone.",
        cure="Turn the camera up, so that they are in the centre or the lower half of it.",
    )
    directions = [view.direction for view in known.views if view.direction is not None]
    if len(directions) >= FEW_PLATES:
        across = share(one in {Direction.LEFT, Direction.RIGHT} for one in directions)
        yield Check.of(
            "direction",
            Verdict.WARN if across > MOST else Verdict.OK,
            f"{across:.0%} of the vehicles cross from side to side",
            f"{MOST:.0%} at most",
            cause="Plates come in from the side and are in view for a moment only.",
            cure="Aim the camera along the lane, so that plates come in from the top (driving away, from the bottom).",
        )
