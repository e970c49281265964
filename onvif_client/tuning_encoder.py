"""The encoder's part of a tuning plan: codec, rate, key frames, compression and the lowest adequate resolution."""

from __future__ import annotations

from onvif_client.advice import (
    MIN_PIXELS_PER_STROKE,
    PLATE_SIZES,
    interlaced_need_px,
    min_plate_width_px,
    pixels_needed_for,
)
from onvif_client.encoder import nearest_rate
from onvif_client.tuning_types import SiteProfile, Wish
from onvif_client.types import EncoderConfiguration, EncoderOptions, EncodingOptions

MIN_FRAME_RATE = 4.0
MIN_QUALITY_SHARE = 0.8

# How often a decoder that reads key frames only must get one, and how often ours wants one after a lost packet.
KEY_FRAMES_PER_S = 4.0
RECOVERY_S = 1.0

# Other shapes of picture cut off or squeeze what the camera was pointed at.
SAME_SHAPE = 0.02


def plan_encoder(
    site: SiteProfile, now: EncoderConfiguration, options: EncoderOptions, warnings: list[str]
) -> list[Wish]:
    """The wishes for one encoder; without options only those that need no scale."""
    wishes: list[Wish] = []
    encoding = now.encoding
    if site.key_frames_only and encoding != "JPEG" and options.of("JPEG") is not None:
        encoding = "JPEG"
        reason = "A reader that decodes key frames only sees every picture of a JPEG stream."
        wishes.append(Wish(field="encoding", value=encoding, reason=reason))
    elif site.key_frames_only and encoding != "JPEG":
        warnings.append(f"The camera offers no JPEG, so {encoding} stays: its key frames have to come often enough.")
    offered = options.of(encoding) or EncodingOptions(encoding=encoding)
    wishes += _resolution(site, now, offered, warnings)
    rate = now.frame_rate
    if rate is not None and rate < MIN_FRAME_RATE:
        rate = nearest_rate(MIN_FRAME_RATE, offered)
        reason = "Four pictures a second are the least that catches a passing plate more than once."
        wishes.append(Wish(field="frame_rate", value=rate, reason=reason))
    wishes += _key_frames(site, now, offered, encoding, rate)
    wishes += _quality(now, offered, warnings)
    return wishes


def _key_frames(
    site: SiteProfile, now: EncoderConfiguration, offered: EncodingOptions, encoding: str, rate: float | None
) -> list[Wish]:
    if encoding == "JPEG" or rate is None or now.gov_length is None:
        return []
    longest = rate / KEY_FRAMES_PER_S if site.key_frames_only else rate * RECOVERY_S
    value = max(1, int(longest))
    if offered.gov_length is not None:
        value = int(offered.gov_length.clamp(value))
    if now.gov_length <= value:
        return []
    reason = (
        "A reader that decodes key frames only needs four of them a second."
        if site.key_frames_only
        else "A key frame each second: a reconnect or a lost packet blinds the reader no longer than that."
    )
    return [Wish(field="gov_length", value=value, reason=reason)]


def _quality(now: EncoderConfiguration, offered: EncodingOptions, warnings: list[str]) -> list[Wish]:
    if offered.quality is None:
        warnings.append("The camera does not say which qualities it offers; check that compression is low (80 % up).")
        return []
    value = float(round(offered.quality.at(MIN_QUALITY_SHARE)))
    if value < offered.quality.at(MIN_QUALITY_SHARE):
        value += 1
    if now.quality >= value:
        return []
    reason = "From 80 % quality on, compression costs next to no reads; at 50 % it destroys strokes."
    return [Wish(field="quality", value=value, reason=reason)]


def _resolution(
    site: SiteProfile, now: EncoderConfiguration, offered: EncodingOptions, warnings: list[str]
) -> list[Wish]:
    """The lowest adequate resolution. Without a measured area a lower one would be a guess that loses reads."""
    if site.area_width_cm is None:
        warnings.append("The resolution stays as it is: measure the width of the area in view to have it chosen.")
        return []
    floor_px, target_px = _needed_px(site, site.area_width_cm)
    sizes = [(now.width_px, now.height_px), *offered.resolutions]
    shape = now.width_px / now.height_px if now.height_px else 16 / 9
    same = [each for each in sizes if each[1] and abs(each[0] / each[1] - shape) <= SAME_SHAPE * shape]
    enough = [each for each in same or sizes if each[0] >= target_px]
    best = min(enough, key=_pixels) if enough else max(same or sizes, key=_pixels)
    if best[0] < floor_px:
        warnings.append(
            f"{best[0]} pixels across {site.area_width_cm:g} cm are less than {MIN_PIXELS_PER_STROKE} per stroke"
            f" ({floor_px:.0f} needed): zoom in optically or move the camera closer."
        )
    if best == (now.width_px, now.height_px):
        return []
    reason = (
        f"{target_px:.0f} pixels across {site.area_width_cm:g} cm show a plate wide enough to read; more pixels cost"
        " computing time without more reads."
        if _pixels(best) < _pixels((now.width_px, now.height_px))
        else f"{target_px:.0f} pixels across {site.area_width_cm:g} cm are needed to read a plate."
    )
    return [
        Wish(field="width_px", value=best[0], reason=reason),
        Wish(field="height_px", value=best[1], reason=reason),
    ]


def _needed_px(site: SiteProfile, area_width_cm: float) -> tuple[float, float]:
    """The picture width below which nothing is read (2.7 per stroke), and the one to aim at (the plate width table)."""
    floor_px = float(pixels_needed_for(site.plate_region, area_width_cm=area_width_cm))
    if site.moving_interlaced:
        floor_px = interlaced_need_px(floor_px)
    plate_px = min_plate_width_px(site.plate_region, moving_interlaced=site.moving_interlaced)
    table_px = plate_px * area_width_cm / PLATE_SIZES[site.plate_region].plate_width_cm
    return floor_px, max(floor_px, table_px)


def _pixels(size: tuple[int, int]) -> int:
    return size[0] * size[1]
