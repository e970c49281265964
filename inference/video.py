"""Vehicles in a recording: the same eyes as a live camera, at the speed of the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from inference.av_feed import read_file
from inference.images import image_of
from inference.recognition import Recognition, RecognitionSettings
from inference.types import Direction, Frame, Image, Passage, PassageState, Picture
from inference.watch import Observer, Reads, WatchSettings, watch_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleResult:
    """One vehicle in a recording; times in seconds from its start."""

    file: str
    start_s: float
    end_s: float
    text: str
    likelihood: float
    country: str | None
    direction: Direction
    reads: int

    def as_json(self) -> dict[str, str | float | int | None]:
        """The object that `onvif-lpr read --json` prints."""
        return {
            "file": self.file,
            "start_s": round(self.start_s, 2),
            "end_s": round(self.end_s, 2),
            "text": self.text,
            "likelihood": round(self.likelihood, 3),
            "country": self.country,
            "direction": self.direction.value,
            "reads": self.reads,
        }


def read_video(
    path: Path,
    recognizer: Reads,
    settings: RecognitionSettings | WatchSettings,
    *,
    on_look: Callable[[Frame, Recognition], None] | None = None,
) -> Iterator[VehicleResult]:
    """Every vehicle of a video file, when it is told. Raises a SourceError when the file cannot be read."""
    watch = settings if isinstance(settings, WatchSettings) else watch_settings(settings)
    epoch = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    for passage in watch_video(path, recognizer, watch, epoch=epoch, on_look=on_look):
        if passage.state is PassageState.LOST:
            yield _result(path, passage, epoch)


def watch_video(
    path: Path,
    recognizer: Reads,
    settings: WatchSettings,
    *,
    epoch: datetime,
    on_look: Callable[[Frame, Recognition], None] | None = None,
) -> Iterator[Passage]:
    """Every passage of a video file in all its states; `epoch` is when its first picture was taken."""
    pictures = ((at_s, partial(image_of, decoded)) for at_s, decoded in read_file(path))
    yield from watch_pictures(pictures, recognizer, settings, epoch=epoch, on_look=on_look)


def watch_pictures(
    pictures: Iterable[tuple[float, Callable[[], Picture | Image]]],
    recognizer: Reads,
    settings: WatchSettings,
    *,
    epoch: datetime,
    on_look: Callable[[Frame, Recognition], None] | None = None,
) -> Iterator[Passage]:
    """Every passage in pictures with their times in seconds; only those that are looked at are asked for."""
    observer = Observer(settings, recognizer=recognizer)
    finals: set[int] = set()
    due_s = now_s = 0.0
    for sequence, (now_s, take) in enumerate(pictures):
        # Half a frame early is nearer than a whole frame late.
        if now_s < due_s - 0.005:
            continue
        frame = Frame(
            picture=take(), captured_at=epoch + timedelta(seconds=now_s), monotonic_s=now_s, sequence=sequence
        )
        plan, motion = observer.plan(frame)
        told: list[Passage] = []
        if not plan.look:
            told = observer.unseen(frame, plan, motion)
        else:
            recognition = recognizer.recognize(frame.picture, observer.recognition, region=plan.region)
            if on_look is not None:
                on_look(frame, recognition)
            told = observer.update(frame, recognition, plan, motion)
        rate = settings.rate(busy=observer.tracker.hungry)
        due_s = max(due_s, now_s - (1 / rate if rate else 0.0)) + (1 / rate if rate else 0.0)
        yield from _told(told, finals)
    yield from _told(observer.tracker.flush(now_s), finals)


def _told(passages: list[Passage], finals: set[int]) -> Iterator[Passage]:
    """All but the loss of what never had a final passage: a preview that did not hold."""
    for passage in passages:
        if passage.state is PassageState.FINAL:
            finals.add(passage.object_id)
        if passage.state is not PassageState.LOST or passage.object_id in finals:
            yield passage


def _result(path: Path, passage: Passage, epoch: datetime) -> VehicleResult:
    return VehicleResult(
        file=str(path),
        start_s=(passage.started_at - epoch).total_seconds(),
        end_s=(passage.ended_at - epoch).total_seconds(),
        text=passage.plate.plate_number,
        likelihood=passage.likelihood,
        country=passage.plate.country_code,
        direction=passage.direction,
        reads=passage.read_count,
    )
