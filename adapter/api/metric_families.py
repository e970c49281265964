"""The service's figures as metric families. It counts nothing itself: what it is given is what it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from adapter.api.ports import CameraFigures, CameraState, OutputCounts
from inference.types import RejectionReason

PREFIX = "onvif_lpr_"
CAMERA, OUTPUT = "camera", "output"
"""The labels: the ids of the API. Names may change and stand in the `_info` families, to be joined by id."""

# Name, attribute of what is counted, and meaning of each stage of the read funnel, in the order of loss.
STAGES = (
    ("frames", "frames", "Frames taken from the camera."),
    ("frames_with_motion", "motion", "Frames in which something moved."),
    ("looks", "analysed", "Frames that were looked at for plates (inferences)."),
    ("looks_without_plate", "without_plate", "Frames looked at in which no plate was: computing time spent in vain."),
    ("finds", "found", "Plates, and what looks like one, found in the frames looked at."),
    ("readings", "read", "Finds that became a reading."),
    ("vehicles", "accepted", "Vehicles that passed, each with its one plate."),
    ("vehicles_matched", "matched", "Vehicles whose plate is on a list; the Unlisted one is none."),
    ("vehicles_delivered", "delivered", "Vehicles of which an output confirmed an event."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFigures:
    """One output as a monitoring system sees it."""

    output_id: str
    name: str
    kind: str
    enabled: bool
    counts: OutputCounts
    pending: int = 0
    parked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that is told in one scrape."""

    version: str
    cameras: Sequence[CameraFigures] = ()
    outputs: Sequence[OutputFigures] = ()
    cameras_left_out: int = 0
    outputs_left_out: int = 0


class FigureCollector(Collector):
    """One scrape. Labels are ids and closed sets, so the number of series follows from that of cameras and outputs."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        figures = self._figures
        yield InfoMetricFamily(PREFIX + "build", "The running version.", value={"version": figures.version})
        left_out = _gauge("left_out", "Cameras and outputs beyond what one scrape tells.", "what")
        left_out.add_metric(["cameras"], figures.cameras_left_out)
        left_out.add_metric(["outputs"], figures.outputs_left_out)
        yield left_out
        yield from _states(figures.cameras)
        yield from _counts(figures.cameras)
        yield from _times(figures.cameras)
        yield from _outputs(figures.outputs)


def _states(cameras: Sequence[CameraFigures]) -> Iterator[Metric]:
    info = InfoMetricFamily(PREFIX + "camera", "The name of each camera.", labels=[CAMERA])
    enabled = _gauge("camera_enabled", "1 when the camera shall run.", CAMERA)
    up = _gauge("camera_up", "1 when pictures of the camera arrive. A disabled camera has no value.", CAMERA)
    rate = _gauge("camera_frames_per_second", "Frames taken from the camera per second, over the last few.", CAMERA)
    for camera in cameras:
        health = camera.health
        info.add_metric([health.camera_id], {"name": health.name})
        runs = health.state is not CameraState.DISABLED
        enabled.add_metric([health.camera_id], runs)
        if runs:
            up.add_metric([health.camera_id], health.state is CameraState.RUNNING)
            rate.add_metric([health.camera_id], health.frames_per_second)
    return iter((info, enabled, up, rate))


def _counts(cameras: Sequence[CameraFigures]) -> Iterator[Metric]:
    for name, attribute, meaning in STAGES:
        stage = _counter(name, meaning, CAMERA)
        for camera in cameras:
            stage.add_metric([camera.health.camera_id], getattr(camera.counted, attribute))
        yield stage
    rejections = _counter("rejections", "Finds that did not become an accepted reading, by reason.", CAMERA, "reason")
    for camera in cameras:
        for reason in RejectionReason:
            rejections.add_metric([camera.health.camera_id, reason.value], camera.counted.rejected[reason])
    yield rejections


def _times(cameras: Sequence[CameraFigures]) -> Iterator[Metric]:
    """Counts with sums: the rate of one by that of the other is the average over any span of time."""
    looks = _summary("look_seconds", "Computing time of the frames looked at.")
    results = _summary("result_delay_seconds", "From the first sight of a vehicle's plate until its result was told.")
    for camera in cameras:
        label, counted = [camera.health.camera_id], camera.counted
        looks.add_metric(label, counted.analysed, counted.busy_ms / 1000)
        results.add_metric(label, counted.told, counted.delay_ms / 1000)
    return iter((looks, results))


def _outputs(outputs: Sequence[OutputFigures]) -> Iterator[Metric]:
    info = InfoMetricFamily(PREFIX + "output", "Name and kind of each output.", labels=[OUTPUT])
    enabled = _gauge("output_enabled", "1 when the output is in use.", OUTPUT)
    sent = _counter("output_deliveries", "Events that the receiver confirmed.", OUTPUT)
    failed = _counter("output_failures", "Attempts that failed or were refused; most are tried again.", OUTPUT)
    given_up = _counter("output_given_up", "Deliveries that were given up, until a person replays them.", OUTPUT)
    pending = _gauge("output_pending", "Deliveries that are still owed: the length of the queue.", OUTPUT)
    parked = _gauge("output_dead_letters", "Deliveries that were given up and are kept.", OUTPUT)
    for output in outputs:
        label = [output.output_id]
        info.add_metric(label, {"name": output.name, "kind": output.kind})
        enabled.add_metric(label, output.enabled)
        sent.add_metric(label, output.counts.sent)
        failed.add_metric(label, output.counts.failed)
        given_up.add_metric(label, output.counts.parked)
        pending.add_metric(label, output.pending)
        parked.add_metric(label, output.parked)
    return iter((info, enabled, sent, failed, given_up, pending, parked))


def _gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, meaning, labels=labels)


def _counter(name: str, meaning: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, meaning, labels=labels)


def _summary(name: str, meaning: str) -> SummaryMetricFamily:
    return SummaryMetricFamily(PREFIX + name, meaning, labels=[CAMERA], unit="seconds")
