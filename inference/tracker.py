"""From readings in frames to one passage per vehicle.

Plain code: no clock, no I/O, no model. Times come in with the frames, so a recorded stream gives the same passages at
any speed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from inference.association import associate
from inference.memory import CLEARLY, Memory, alike, is_part
from inference.surroundings import Surroundings
from inference.tracks import STILL, Track
from inference.types import (
    Box,
    Frame,
    ObjectType,
    Passage,
    PassageState,
    Picture,
    Reading,
    Rejection,
    RejectionReason,
    Scene,
    SceneObject,
    StageTimes,
)
from inference.unread import Unread, UnreadPlates
from inference.voting import Verdict, similarity

MOST_PREVIEWS = 4
# Readings that agree beyond this number hardly change a likelihood.
ENOUGH_READS = 6
# While a plate comes nearer its next readings will be better ones: so many must agree before it is final.
MANY_READS = 10
# Lettering beside a plate is never read so often and so surely. A vehicle close behind can look as if it rode along.
CERTAIN_READS = 4
# Shorter texts are badges more often than plates, and are read as surely: `C5`.
LEAST_CERTAIN = 5
# Fewer pictures than this are no witness beside a single reading.
LEAST_TOGETHER = 3
# From this likelihood on pictures together are believed where none by itself was read: of 11 such texts on 406 drives
# ten were right, of 6 between 0.5 and this three. What shares more with a plate read lately is a misreading of that.
TOGETHER_ALONE = 0.7
MISREAD_ALIKE = 0.6
# More vehicles than this do not come and go within the longest time span; beyond it the oldest is told early.
MOST_WAITING = 32
# Of one frame there are fewer; where nobody takes them the oldest make room.
MOST_REFUSED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerSettings:
    """When a vote is closed. Times in seconds of the stream."""

    stop_above: float = 0.95
    """A plate that two readings agree on is final at once above this likelihood (1 never)."""
    discard_below: float = 0.5
    """A vote below this likelihood gives no passage."""
    partial_span_s: float = 0.0
    """Every result waits this long after the first reading, even of a vehicle that is gone again, and the most complete
    of those that are parts of one plate wins (0 to 5)."""
    lost_after_s: float = 0.9
    """A plate not seen for this long, and in two looks, has gone."""
    decide_after_s: float = 2.5
    """A plate that stands still is final after this long even when never very sure."""
    sure_likelihood: float = 0.93
    """A single reading this sure may stand alone among others that disagree."""
    rearm_s: float = 10.0
    """The same plate again within this time is the same passage."""
    parked_rearm_s: float = 1800.0
    """The same plate again in the same place within this time never left."""
    previews: bool = True


class Tracker:
    """Associates readings with vehicles and votes. One per camera; not thread-safe, and need not be."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self._settings = settings or TrackerSettings()
        self._tracks: list[Track] = []
        self._waiting: list[Track] = []
        """Gone before their time span was over; nothing is told of them before it is."""
        self._memory = Memory(rearm_s=self._settings.rearm_s, parked_rearm_s=self._settings.parked_rearm_s)
        self.together: Callable[[Sequence[Reading | Rejection]], Reading | None] | None = None
        """Reads several looks at one plate together, before a vote that is not sure is closed; None: nobody can."""
        self._unread = UnreadPlates()
        self._next_id = 1
        self._around = Surroundings()
        self._refused: deque[tuple[Frame, Rejection]] = deque(maxlen=MOST_REFUSED)

    @property
    def settings(self) -> TrackerSettings:
        return self._settings

    @settings.setter
    def settings(self, settings: TrackerSettings) -> None:
        """May change in the middle of a passage: its readings stay and are judged by the new values."""
        self._settings = settings
        self._memory.rearm_s, self._memory.parked_rearm_s = settings.rearm_s, settings.parked_rearm_s

    def update(
        self,
        frame: Frame,
        readings: Sequence[Reading],
        rejections: Sequence[Rejection] = (),
        *,
        region: Box | None = None,
        motion: Sequence[Box] | None = None,
        stages: StageTimes | None = None,
    ) -> list[Passage]:
        """One analysed frame. `region` is the part that was looked at, `motion` what moved (None: not known)."""
        now_s = frame.monotonic_s
        told = self.release(now_s)
        if self._around.size not in {None, frame.size}:
            told += self.flush(now_s)
        self._around.note(now_s, motion, frame.size)
        for track in (*self._tracks, *self._unread.tracks):
            if region is None or region.overlap(track.predict(now_s)) > 0:
                track.looks += 1
                track.missed += 1
        self._place(frame, readings, rejections)
        self._neighbour(now_s)
        for track in list(self._tracks):
            told += self._judge(track, now_s, stages or StageTimes())
        return told

    def flush(self, now_s: float) -> list[Passage]:
        """Close everything: the stream ended, or the picture changed its size."""
        told: list[Passage] = []
        for track in list(self._waiting):
            told += self._settle(track, StageTimes())
        for track in list(self._tracks):
            told += self._leave(track, StageTimes(), span_over=True)
        for unread in self._unread.gone(math.inf):
            told += self._tell_unread(unread, now_s)
        self._memory.forget(now_s)
        return told

    def release(self, now_s: float) -> list[Passage]:
        """The results of vehicles that are gone, as soon as nothing more can be read of them."""
        told: list[Passage] = []
        for track in list(self._waiting):
            late = now_s - track.first_s >= self.settings.partial_span_s
            if late or len(self._waiting) > MOST_WAITING:
                told += self._settle(track, StageTimes())
        for unread in self._unread.gone(now_s):
            told += self._tell_unread(unread, now_s)
        return told

    def take_refused(self) -> list[tuple[Frame, Rejection]]:
        """What was read and is not told, since the last call: each with the frame that shows it best."""
        refused = list(self._refused)
        self._refused.clear()
        return refused

    @property
    def undecided_since_s(self) -> float:
        """When the youngest plate in view came that has no final passage yet: -inf where every one has."""
        return max((track.first_s for track in self._tracks if not track.closed), default=-math.inf)

    @property
    def hungry(self) -> bool:
        """Some plate in view has been read so little that more frames per second would make its vote better."""
        return any(
            not track.closed and ((verdict := track.verdict()) is None or verdict.support < ENOUGH_READS)
            for track in self._tracks
        )

    @property
    def in_view(self) -> bool:
        """Some plate is still followed, decided or not."""
        return bool(self._tracks)

    @property
    def decided(self) -> int:
        """How many plates in view have their final passage, or will have none."""
        return sum(track.closed for track in self._tracks)

    def came_since(self, since_s: float) -> bool:
        """Whether every plate in view was first seen after this; true where none is in view."""
        return all(track.first_s >= since_s for track in self._tracks)

    def where(self, now_s: float) -> list[Box]:
        """Where the followed plates should be now."""
        return [track.predict(now_s) for track in self._tracks]

    def scene(self, frame: Frame) -> Scene:
        """The objects seen in this frame, as the metadata stream shows them."""
        objects = []
        for track in self._tracks:
            verdict = track.verdict()
            if track.last_s == frame.monotonic_s and verdict is not None and not (track.closed and not track.final):
                objects.append(
                    SceneObject(
                        object_id=track.object_id,
                        object_type=ObjectType.LICENSE_PLATE,
                        likelihood=verdict.likelihood,
                        box=track.box,
                        plate=verdict.plate,
                    )
                )
        width, height = frame.size
        return Scene(captured_at=frame.captured_at, width_px=width, height_px=height, objects=tuple(objects))

    # Where each reading belongs.

    def _place(self, frame: Frame, readings: Sequence[Reading], rejections: Sequence[Rejection]) -> None:
        now_s = frame.monotonic_s
        pairs, fresh = associate(self._tracks, readings, now_s)
        for track, reading in pairs:
            cut = self._around.touches_edge(reading.box)
            track.see(reading.box, frame, cut=cut)
            track.read(reading, frame, cut=cut)
            self._cover(track)
        self._unread.forget_read(fresh, now_s)
        for reading in fresh:
            track = self._begin(frame)
            cut = self._around.touches_edge(reading.box)
            track.see(reading.box, frame, cut=cut)
            track.read(reading, frame, cut=cut)
            self._cover(track)
            self._tracks.append(track)
        # A plate that was found and not read keeps its track alive and moving, and has no vote.
        unseen = [track for track in self._tracks if track.missed]
        kept_alive, others = associate(unseen, rejections, now_s)
        for track, rejection in kept_alive:
            cut = rejection.reason is RejectionReason.CUT or self._around.touches_edge(rejection.box)
            track.see(rejection.box, frame, cut=cut)
            track.keep_look(rejection, frame)
        self._unread.follow(frame, others, cut=self._around.touches_edge, begin=lambda: self._begin(frame))

    def _begin(self, frame: Frame) -> Track:
        track = Track(object_id=self._next_id, started_at=frame.captured_at, first_s=frame.monotonic_s, looks=1)
        self._next_id += 1
        return track

    def _cover(self, track: Track) -> None:
        track.arrived = track.arrived or self._around.moved_around(track.box)

    def _neighbour(self, now_s: float) -> None:
        seen = [track for track in self._tracks if track.last_s == now_s and not track.missed]
        for track in seen:
            for other in seen:
                if other is not track:
                    track.meet(other)
        for track in self._unread.tracks:
            for other in seen if track.last_s == now_s else ():
                track.meet(other)

    # When a vote is closed.

    def _judge(self, track: Track, now_s: float, stages: StageTimes) -> list[Passage]:
        settings = self.settings
        stands = track.still_for(now_s) >= settings.decide_after_s
        track.parked = track.parked or stands
        if track.parked and track.closed:
            track.pack()
        patience = settings.lost_after_s * (3 if track.parked else 1)
        if track.missed >= 2 and now_s - track.last_s >= patience:
            span_over = now_s - track.first_s >= settings.partial_span_s
            return self._leave(track, stages, span_over=span_over)
        verdict = track.verdict()
        if track.closed or track.missed or verdict is None or now_s - track.first_s < settings.partial_span_s:
            return []
        if self._is_overlay(track):
            self._refuse(track, verdict, RejectionReason.STATIC_TEXT)
        if track.closed or self._around.in_band(track):
            return []
        # Of a plate in a row with the one before it there must be more than of others.
        resembles = self._again(track, verdict.text, sure=False) and not self._again(track, verdict.text, sure=True)
        least = CERTAIN_READS if resembles else 2
        agreed = verdict.support >= (MANY_READS if track.coming() else least)
        sure = agreed and verdict.likelihood >= settings.stop_above and not track.cut and track.arrived
        if stands and not sure:
            self._join(track)
            verdict = track.verdict() or verdict
        if (sure or (stands and track.read_count > least)) and self._acceptable(track, verdict):
            return self._finish(track, verdict, stages)
        return self._preview(track, verdict, stages)

    def _join(self, track: Track) -> None:
        if self.together is not None and not track.closed:
            track.join(self.together)

    def _preview(self, track: Track, verdict: Verdict, stages: StageTimes) -> list[Passage]:
        new = verdict.text != track.preview_text
        if not self.settings.previews or not new or track.previews >= MOST_PREVIEWS or not track.arrived:
            return []
        if verdict.likelihood < self.settings.discard_below or self._told(track, verdict):
            return []
        track.previews += 1
        track.preview_text = verdict.text
        track.announced = True
        return [self._passage(track, verdict, PassageState.PREVIEW, stages)]

    def _leave(self, track: Track, stages: StageTimes, *, span_over: bool) -> list[Passage]:
        """The plate has gone: its vote is closed now, or when its time span is over."""
        self._tracks.remove(track)
        if not (track.closed or span_over or track.verdict() is None):
            self._waiting.append(track)
            return []
        return self._settle(track, stages)

    def _settle(self, track: Track, stages: StageTimes) -> list[Passage]:
        """Close the vote of a plate that has gone if it is open, tell the loss, remember it."""
        told: list[Passage] = []
        self._join(track)
        verdict = track.verdict()
        if not track.closed and verdict is not None:
            reason = RejectionReason.STATIC_TEXT if self._is_overlay(track) else self._refusal(track, verdict)
            if reason is None:
                told += self._finish(track, verdict, stages)
            else:
                self._refuse(track, verdict, reason)
        if track.announced and verdict is not None:
            told.append(self._passage(track, verdict, PassageState.LOST, stages))
        if track in self._waiting:
            self._waiting.remove(track)
        self._remember(track)
        return told

    def _tell_unread(self, unread: Unread, now_s: float) -> list[Passage]:
        """A plate that no picture by itself showed, where all of them together do."""
        track, frame, box = unread.track, unread.frame, unread.box
        if self.together is None or frame is None or box is None or len(track.looks_kept) < LEAST_TOGETHER:
            return []
        joint = self.together(track.looks_kept)
        if joint is None or joint.likelihood < TOGETHER_ALONE or self._resembles(joint.plate.plate_number, now_s):
            return []
        track.hear(replace(joint, box=box, cut=False), frame)
        verdict = track.verdict()
        if verdict is None or self._around.in_band(track) or not self._acceptable(track, verdict):
            return []
        told = self._finish(track, verdict, StageTimes())
        if told:
            told.append(self._passage(track, verdict, PassageState.LOST, StageTimes()))
        self._remember(track)
        return told

    def _resembles(self, text: str, now_s: float) -> bool:
        """Something much like it was read on a plate that is here or was lately."""
        read = [verdict.text for track in (*self._tracks, *self._waiting) if (verdict := track.verdict()) is not None]
        alike = any(similarity(other, text) >= MISREAD_ALIKE for other in read)
        return alike or self._memory.resembles(text, now_s, MISREAD_ALIKE)

    def _acceptable(self, track: Track, verdict: Verdict) -> bool:
        return self._refusal(track, verdict) is None

    def _refusal(self, track: Track, verdict: Verdict) -> RejectionReason | None:
        """None where enough readings agree, or one alone is very sure, and no better text is on the same vehicle."""
        settings, lettering = self.settings, track.is_lettering()
        # Half of a plate may be another vehicle's: what never was in view as a whole is not told.
        if not track.seen_whole():
            return RejectionReason.CUT
        if verdict.likelihood < settings.discard_below:
            return RejectionReason.BELOW_THRESHOLD
        # Words and telephone numbers are seen again and again as well: of those only the very text counts.
        agreeing = verdict.support if lettering else max(verdict.support, verdict.witnesses)
        # What several pictures say together is no chance of one of them.
        together = verdict.joint and len(track.looks_kept) >= LEAST_TOGETHER and not lettering
        if agreeing < 2 and not together:
            # Looks that came too early or too late for a plate say nothing against what one of them read.
            looked = track.looks >= 3 and not self._around.hurried(track)
            needed = settings.sure_likelihood if looked else (settings.discard_below + 1) / 2
            if verdict.strongest < needed or lettering:
                return RejectionReason.STATIC_TEXT if lettering else RejectionReason.BELOW_THRESHOLD
        if self._is_plate_of_its_own(track, verdict):
            return None
        if self._memory.told_beside(track):
            return RejectionReason.STATIC_TEXT
        rivals = [other for other in (*self._tracks, *self._waiting) if track.rides_with(other.object_id)]
        own = track.plate_likeness()
        best = all(own > (CLEARLY if other.final else 1.0) * other.plate_likeness() for other in rivals)
        return None if best else RejectionReason.STATIC_TEXT

    def _is_plate_of_its_own(self, track: Track, verdict: Verdict) -> bool:
        """Read so surely so often that it is a plate, whatever seems to ride on the same vehicle."""
        sure = verdict.strongest >= self.settings.sure_likelihood
        often = verdict.support + track.confirmed >= CERTAIN_READS and len(verdict.text) >= LEAST_CERTAIN
        return sure and often and not track.is_lettering()

    def _finish(self, track: Track, verdict: Verdict, stages: StageTimes) -> list[Passage]:
        """The one final passage of this vehicle, unless it was told already under another object id."""
        again = self._told(track, verdict) or self._is_partial(track, verdict.text)
        track.close()
        track.final = verdict
        if again:
            return []
        track.announced = True
        return [self._passage(track, verdict, PassageState.FINAL, stages)]

    def _remember(self, track: Track) -> None:
        self._memory.keep(track, sure=track.final is not None and self._is_plate_of_its_own(track, track.final))

    def _told(self, track: Track, verdict: Verdict) -> bool:
        return self._again(track, verdict.text, sure=self._is_plate_of_its_own(track, verdict))

    def _again(self, track: Track, text: str, *, sure: bool) -> bool:
        """This text has been told already, for a plate that is gone or for another track in view."""
        if self._memory.knows(track, text, sure=sure):
            return True
        for other in (*self._tracks, *self._waiting):
            if other is track or other.final is None:
                continue
            both_sure = sure and self._is_plate_of_its_own(other, other.final)
            misread = other.object_id not in track.seen_with and alike(other.final.text, text, sure=both_sure)
            if misread or other.final.text == text:
                return True
        return False

    def _is_partial(self, track: Track, text: str) -> bool:
        """Within its time span a more complete reading came from another track: this is a piece of that plate."""
        span_s = self.settings.partial_span_s
        if not span_s:
            return False
        for other in (*self._tracks, *self._waiting):
            verdict = other.verdict()
            apart = abs(other.first_s - track.first_s) > span_s or other.object_id in track.seen_with
            if other is not track and not apart and verdict is not None and is_part(text, verdict.text):
                return True
        return self._memory.whole_of(track, text, span_s)

    def _is_overlay(self, track: Track) -> bool:
        """A text that never moved and that nothing brought here: a burned-in line, a sign."""
        if len(track.sightings) < 3 and not track.missed:
            return False
        return self._around.in_band(track) or (track.furthest <= STILL and not track.arrived)

    def _refuse(self, track: Track, verdict: Verdict, reason: RejectionReason) -> None:
        track.close()
        shot = track.best_shot(verdict.text)
        assert shot is not None, "a verdict comes from a reading, and each reading brought its picture"
        frame = Frame(picture=shot.picture, captured_at=shot.captured_at, monotonic_s=track.last_s, sequence=0)
        rejection = Rejection(reason=reason, box=shot.reading.box, text=verdict.text, likelihood=verdict.likelihood)
        self._refused.append((frame, rejection))

    def _passage(self, track: Track, verdict: Verdict, state: PassageState, stages: StageTimes) -> Passage:
        shot = track.best_shot(verdict.text)
        assert shot is not None, "a verdict comes from a reading, and each reading brought its picture"
        picture = shot.picture
        return Passage(
            object_id=track.object_id,
            state=state,
            plate=verdict.plate,
            likelihood=verdict.likelihood,
            country_likelihood=verdict.country_likelihood,
            characters=verdict.characters,
            module_code=verdict.module_code,
            direction=track.direction(),
            started_at=track.started_at,
            ended_at=track.ended_at,
            read_at=shot.captured_at,
            read_count=track.read_count,
            agreeing_reads=verdict.support,
            box=shot.reading.box,
            frame_picture=picture,
            plate_picture=crop(picture, shot.reading.box),
            stages=stages,
        )


def crop(picture: Picture, box: Box, margin: float = 0.15) -> Picture:
    """The plate with a little around it, inside the picture; a copy, so that it does not hold the frame."""
    height, width = picture.shape[:2]
    dx, dy = box.width * margin, box.height * 2 * margin
    left, top = int(max(0, box.x - dx)), int(max(0, box.y - dy))
    right, bottom = int(min(width, box.right + dx + 1)), int(min(height, box.bottom + dy + 1))
    return picture[min(top, height - 1) : max(bottom, top + 1), min(left, width - 1) : max(right, left + 1)].copy()
