"""What a person should know beside a tuning plan: what the three exposure knobs do, and what no setting can mend."""

from __future__ import annotations

from collections.abc import Iterator

from onvif_client.advice import MIN_PIXELS_PER_STROKE, PLATE_SIZES, PlateRegion, shutter_limit_s
from onvif_client.tuning_types import Knob, SiteProfile
from onvif_client.types import ExposureMode, ImagingOptions, ImagingSettings, IrCutFilter, shown

# An iris closed by more than half of its range lets less light in than any gain below its limit makes up for.
SMALL_IRIS_SHARE = 0.5
WIDE_IRIS_SHARE = 0.1
# A frame lasts 40 ms at 25 pictures a second: above this a vehicle crosses a metre of focus between two of them.
FAST_KMH = 90.0
AT_LIMIT = 0.98

CHECKLIST = (
    "Mount the camera as close as possible to where plates pass. The measure is the stroke of a character: at least"
    f" {MIN_PIXELS_PER_STROKE} pixels, which a European plate {PLATE_SIZES[PlateRegion.EU].table_width_px} and an"
    f" American plate {PLATE_SIZES[PlateRegion.US].table_width_px} pixels wide has with room to spare.",
    "Look for smear: bright vertical lines through lamps and reflections come from the sensor. Turn the camera, so that"
    " neither the sun nor headlamps shine into it, or use another one.",
    "Focus with the iris as open as possible, where the depth of focus is least. A neutral density filter makes that"
    " possible by day: it takes light away and leaves everything else as it is. Take it off afterwards, for it darkens"
    " the exposure as a closed iris does.",
)
"""Things to look at on the spot."""


def knobs(now: ImagingSettings) -> tuple[Knob, ...]:
    """Shutter, iris and gain as they are set, in the order in which a plan turns them."""
    auto = now.exposure_mode is not ExposureMode.MANUAL
    return (
        Knob(
            name="shutter",
            now=_shutter(now.max_exposure_time_us, "up to ") if auto else _shutter(now.exposure_time_us, ""),
            does="how long light is collected: a faster shutter is a shorter exposure",
            costs="motion blur when it is long, an under-exposed picture when it is short",
        ),
        Knob(
            name="iris",
            now=_span(now.min_iris_db, now.max_iris_db) if auto else _decibel(now.iris_db),
            does="how much light the aperture lets in: 0 dB is fully open, each 6 dB more is one f-stop; the opening"
            " grows as the f-number falls",
            costs="depth of field: an open iris keeps a short distance in focus, a small one a long distance",
        ),
        Knob(
            name="gain",
            now=_span(now.min_gain_db, now.max_gain_db) if auto else _decibel(now.gain_db),
            does="the sensitivity of the sensor (ISO): each 6 dB doubles it; where 0 dB is ISO 100, 18 dB is ISO 800",
            costs="noise that hides strokes, so it comes last and its limit is low",
        ),
    )


def advise(
    site: SiteProfile, now: ImagingSettings, planned: ImagingSettings, options: ImagingOptions | None
) -> Iterator[str]:
    """What the settings say about light, before and after the plan."""
    if _everything_at_its_end(now, options):
        yield (
            "Neither the gain nor the shutter has a limit here. In the dark the camera first raises the gain, and noise"
            " hides strokes; then it lengthens the exposure, and plates blur; when both are at their end the picture is"
            f" under-exposed, with hardly any contrast. {more_light(site)}"
        )
    yield from _iris(site, planned, options)
    if now.ir_cut_filter is IrCutFilter.OFF:
        yield (
            "The infrared cut filter is permanently out of the way. With a filter that lets only infrared pass, the"
            " camera needs an infrared lamp in the daytime too."
        )


def more_light(site: SiteProfile) -> str:
    """The remedy for darkness, by what the plates of the site make of a lamp."""
    remedy = "The remedy is more light from outside, or a camera that is sensitive without gain."
    if site.retro_reflective is None:
        return remedy
    if site.retro_reflective:
        return (
            f"{remedy} The plates here are retro-reflective: an infrared lamp beside the lens, with a camera that sees"
            " infrared and a filter that lets it pass, shows them bright in the dark."
        )
    return f"{remedy} Not all plates here are retro-reflective: a white lamp shows them, an infrared one may not."


def _everything_at_its_end(now: ImagingSettings, options: ImagingOptions | None) -> bool:
    auto = now.exposure_mode is not ExposureMode.MANUAL
    names = ("max_exposure_time_us", "max_gain_db") if auto else ("exposure_time_us", "gain_db")
    return options is not None and all(_at_its_end(name, now, options) for name in names)


def _at_its_end(name: str, now: ImagingSettings, options: ImagingOptions) -> bool:
    limits, value = options.range_of(name), getattr(now, name)
    return limits is not None and value is not None and value >= AT_LIMIT * limits.maximum


def _iris(site: SiteProfile, planned: ImagingSettings, options: ImagingOptions | None) -> Iterator[str]:
    """`min_iris_db` is as far as an automatic iris opens, `max_iris_db` as far as it closes."""
    auto = planned.exposure_mode is not ExposureMode.MANUAL
    opens, closes = ("min_iris_db", "max_iris_db") if auto else ("iris_db", "iris_db")
    exposure_us = planned.max_exposure_time_us if auto else planned.exposure_time_us
    at_the_cap = exposure_us is not None and exposure_us >= AT_LIMIT * 1e6 * shutter_limit_s(site.max_speed_kmh) - 1
    if (share := _share(opens, planned, options)) is not None and share >= SMALL_IRIS_SHARE and at_the_cap:
        yield (
            f"The iris is nearly closed ({shown(getattr(planned, opens))} dB) and the shutter must not be longer than"
            " it is: a long distance is in focus, but it needs much light, and without it the picture stays dark. Open"
            " the iris, or add light; a longer exposure would blur."
        )
    wide = (share := _share(closes, planned, options)) is not None and share <= WIDE_IRIS_SHARE
    if wide and site.max_speed_kmh >= FAST_KMH:
        yield (
            f"The iris is wide open ({shown(getattr(planned, closes))} dB), which suits low light and slow vehicles:"
            f" only a short distance is in focus, and at {site.max_speed_kmh:g} km/h a vehicle crosses it between two"
            " pictures. Focus exactly where plates are read, or close the iris and add light."
        )


def _share(name: str, settings: ImagingSettings, options: ImagingOptions | None) -> float | None:
    """How far the iris is closed, 0 to 1; None where the camera does not say."""
    limits, value = options.range_of(name) if options is not None else None, getattr(settings, name)
    if limits is None or value is None or not limits.settable:
        return None
    return float((value - limits.minimum) / (limits.maximum - limits.minimum))


def _shutter(value_us: float | None, words: str) -> str:
    return f"{words}1/{1e6 / value_us:.0f} s ({value_us:.0f} us)" if value_us else "not told by the camera"


def _decibel(value: float | None) -> str:
    return "not told by the camera" if value is None else f"{shown(value)} dB"


def _span(minimum: float | None, maximum: float | None) -> str:
    if minimum is None and maximum is None:
        return "automatic"
    return f"automatic, {shown(minimum)} to {shown(maximum)} dB"
