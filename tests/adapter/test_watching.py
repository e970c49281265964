"""Recognition settings: what each takes and refuses, what it makes of a watch, and the rate that is really kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapter.camera_recognition import CameraRecognition, SettingsRefused, is_live, needs_restart
from adapter.setting_catalog import SettingKind, as_markdown, catalog
from adapter.setting_cost import RELATIVE_COST
from adapter.watching import tuned_part, tuned_values, watch_settings
from inference.autoconfigure import Tuned
from inference.feeds import Decoded
from inference.read import FILE_SETTINGS
from inference.recognition import Preset, Recognition, RecognitionSettings
from inference.source import Source
from inference.types import Box, Picture
from inference.watch import Watch
from tests.fakes.vehicles import reading

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = [one for one in catalog() if one.kind in {SettingKind.NUMBER, SettingKind.INTEGER}]
TRIANGLE = [[0, 0], [1, 0], [1, 1]]


def chosen(**values: Any) -> CameraRecognition:
    return CameraRecognition.from_stored(values)


@pytest.mark.parametrize("info", NUMBERS, ids=lambda info: info.name)
def test_a_number_takes_its_whole_range_and_nothing_beyond(info) -> None:
    assert info.minimum is not None and info.maximum is not None
    step = 1 if info.kind is SettingKind.INTEGER else 1e-6
    # Two settings are bounded by each other as well.
    partner = {"stop_above": {"discard_below": 0.0}, "discard_below": {"stop_above": 1.0}}.get(info.name, {})
    for inside in (info.minimum, info.maximum):
        assert getattr(chosen(**{info.name: inside}, **partner), info.name) == inside
    for outside in (info.minimum - step, info.maximum + step, -1e9, 1e9, float("nan"), float("inf"), "much", [1], {}):
        with pytest.raises(SettingsRefused, match=info.name):
            chosen(**{info.name: outside}, **partner)


@pytest.mark.parametrize("info", catalog(), ids=lambda info: info.name)
def test_every_setting_says_what_it_is_and_null_is_its_default(info) -> None:
    assert info.group and info.description and info.effect and info.cost and info.range
    assert (info.kind in {SettingKind.SWITCH, SettingKind.CHOICE}) or info.unit
    assert chosen(**{info.name: None}) == CameraRecognition()
    assert is_live(info.name) is info.live


@pytest.mark.requirement("M-320")
def test_the_docs_send_flip_turn_and_invert_to_the_camera_and_offer_to_turn_the_picture_here() -> None:
    page = (ROOT / "docs/recognition-settings.md").read_text(encoding="utf-8")
    told = page.split("### `rotation`")[1].split("###")[0]
    assert "Where the camera can turn, flip or invert its picture itself, set it there" in told
    assert "0, 90, 180, 270" in told


def test_the_page_in_the_docs_is_the_catalogue() -> None:
    page = (ROOT / "docs/recognition-settings.md").read_text(encoding="utf-8")
    assert page == as_markdown(catalog()), "python -m adapter.setting_catalog > docs/recognition-settings.md"


def test_the_presets_are_said_to_cost_what_the_estimates_calculate_with() -> None:
    (preset,) = (info for info in catalog() if info.name == "preset")
    for one in (Preset.FAST, Preset.ACCURATE):
        assert f"{one} about {RELATIVE_COST[one]:g}" in preset.cost.replace("takes ", "")


@pytest.mark.requirement("M-195")
def test_two_heights_in_percent_of_the_pictures_height_the_lower_first() -> None:
    settings = watch_settings(chosen(character_height_min_percent=2.5, character_height_max_percent=10), ())
    assert settings.recognition.character_height_min == pytest.approx(0.025)
    assert settings.recognition.character_height_max == pytest.approx(0.10)
    for low, high in ((10, 10), (10, 2.5)):
        with pytest.raises(SettingsRefused, match="must be below character_height_max_percent"):
            chosen(character_height_min_percent=low, character_height_max_percent=high)


def test_the_two_thresholds_do_not_cross() -> None:
    assert chosen(discard_below=0.7, stop_above=0.7)
    with pytest.raises(SettingsRefused, match="discard_below must not be above stop_above"):
        chosen(discard_below=0.8, stop_above=0.7)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"areas": [[[0, 0], [1, 1]]]}, "areas"),
        ({"areas": [[[0, 0], [1, 0], [1, 1.2]]]}, "areas"),
        ({"areas": [TRIANGLE] * 17}, "areas"),
        ({"masks": [[[0, 0]] * 65]}, "masks"),
        ({"preset": "best"}, "'fast', 'balanced' or 'accurate'"),
        ({"rotation": 45}, "0, 90, 180 or 270"),
        ({"motion_gate": "perhaps"}, "motion_gate"),
        ({"partial_span_s": "unlimited"}, "partial_span_s"),
        ({"max_fpz": 4}, "no such setting; see docs/recognition-settings.md"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(values: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsRefused, match=words):
        chosen(**values)


@pytest.mark.requirement("M-208")
def test_a_frame_has_a_fifth_of_a_second_unless_told_otherwise_and_files_have_all_the_time() -> None:
    assert watch_settings(chosen(), ()).recognition.max_seconds_per_frame == 0.2
    assert watch_settings(chosen(max_seconds_per_frame=1.5), ()).recognition.max_seconds_per_frame == 1.5
    assert watch_settings(chosen(max_seconds_per_frame="unlimited"), ()).recognition.max_seconds_per_frame is None
    assert FILE_SETTINGS.max_seconds_per_frame is None


def test_every_choice_reaches_the_watch() -> None:
    settings = watch_settings(
        chosen(
            areas=[TRIANGLE],
            masks=[TRIANGLE],
            preset="fast",
            max_plates="unlimited",
            stop_above=0.9,
            discard_below=0.6,
            partial_span_s=2,
            rearm_s=20,
            parked_rearm_s=60,
            lost_after_s=2,
            reread_s=7,
            motion_gate=False,
            motion_sensitivity=2,
            look_at_motion_only=True,
        ),
        ("NL",),
    )
    recognition, tracker = settings.recognition, settings.tracker
    assert recognition.areas == settings.masks == (((0, 0), (1, 0), (1, 1)),)
    assert (recognition.preset, recognition.max_plates, recognition.modules) == (Preset.FAST, None, ("NL",))
    # One frame is only evidence: its floor stays below that of the vote.
    assert (recognition.stop_above, recognition.discard_below) == (0.9, 0.3)
    assert (tracker.stop_above, tracker.discard_below, tracker.partial_span_s) == (0.9, 0.6, 2)
    assert (tracker.rearm_s, tracker.parked_rearm_s, tracker.lost_after_s) == (20, 60, 2)
    assert (settings.reread_s, settings.motion_gate, settings.motion_sensitivity) == (7, False, 2)
    assert settings.look_at_motion_only is True


@pytest.mark.parametrize(
    ("values", "calm", "busy"),
    [
        ({}, 4, 8),
        ({"max_fps": 1}, 1, 1),
        ({"max_fps": 12}, 4, 12),
        ({"max_fps": 12, "moving_fps": 6}, 4, 6),
        ({"max_fps": 5, "moving_fps": 20, "calm_fps": 10}, 5, 5),
        ({"max_fps": "unlimited"}, 4, None),
        ({"max_fps": "unlimited", "moving_fps": 20, "calm_fps": 10}, 10, 20),
    ],
)
def test_the_rates_by_their_settings(values: dict[str, Any], calm: float, busy: float | None) -> None:
    settings = watch_settings(chosen(**values), ())
    assert (settings.rate(busy=False), settings.rate(busy=True)) == (calm, busy)


def test_what_auto_configuration_chose_comes_back_the_same() -> None:
    tuned = Tuned(areas=(((0, 0), (1, 0), (1, 1)),), character_height_min=0.0213, preset=Preset.FAST, stop_above=0.8)
    assert tuned_part(chosen(**tuned_values(tuned))) == tuned
    assert chosen(**tuned_values(Tuned())).stored() == {}


def test_only_settings_of_the_source_open_the_stream_again() -> None:
    restarting = {info.name for info in catalog() if not info.live}
    assert {"deinterlace", "rotation", "key_frames_only"} <= restarting
    assert restarting.isdisjoint(
        {"areas", "preset", "max_fps", "stop_above", "rearm_s", "partial_span_s", "motion_gate"}
    )
    assert needs_restart(chosen(), chosen(rotation=90))
    assert not needs_restart(chosen(rotation=90), chosen(rotation=90, preset="fast", rearm_s=1))


class BusyRoad:
    """A feed of 25 pictures a second in which something moves all over."""

    corrupt = 0
    hint = ""

    def __init__(self) -> None:
        self._next_s = 0.0
        self._dice = np.random.default_rng(1)

    def open(self) -> None:
        self._next_s = time.monotonic()

    def read(self) -> Decoded:
        time.sleep(max(0.0, self._next_s - time.monotonic()))
        self._next_s += 0.04
        picture = self._dice.integers(0, 255, (90, 160, 3), np.uint8)
        return Decoded(to_picture=lambda: picture)

    def interrupt(self) -> None:
        pass

    def close(self) -> None:
        pass


class OtherPlates:
    """Reads another plate each time, so that every picture is worth a look."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        self.times.append(time.monotonic())
        where = Box(x=20 + 11 * (len(self.times) % 9), y=40, width=30, height=8)
        return Recognition(readings=(reading(f"{len(self.times):03d}ABC", where, likelihood=0.9),))


@pytest.mark.requirement("M-206", "M-207")
async def test_the_measured_rate_never_exceeds_the_limit_however_fast_the_camera_is() -> None:
    readers: dict[Any, OtherPlates] = {limit: OtherPlates() for limit in (1, 4, 8, "unlimited")}
    with ThreadPoolExecutor(4) as executor:
        watches = [
            Watch(
                source=Source(url="test", name="road", feed=BusyRoad),
                recognizer=reader,
                settings=watch_settings(chosen(max_fps=limit), ()),
                executor=executor,
                on_passage=lambda _: None,
            )
            for limit, reader in readers.items()
        ]
        started_s = time.monotonic()
        tasks = [asyncio.create_task(watch.run(), name="watch") for watch in watches]
        await asyncio.sleep(1.6)
        # A busy machine may need longer until the unlimited one is ahead.
        async with asyncio.timeout(30):
            while len(readers[4].times) < 5 or len(readers["unlimited"].times) <= 1.5 * len(readers[8].times):
                await asyncio.sleep(0.1)
        took_s = time.monotonic() - started_s
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for limit in (1, 4, 8):
        times = readers[limit].times
        # A frame a hair early at one end of the second, one at the other, and one that waited for its turn in the pool.
        assert most_in_a_second(times) <= limit + 2
        assert len(times) <= took_s * limit + 2


def most_in_a_second(times: Sequence[float]) -> int:
    return max(sum(first <= one < first + 1.0 for one in times) for first in times)
