"""The stage seen from outside: real RTSP clients (FFmpeg's, through PyAV) against the streams it offers."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import replace

import av
import av.error
import cv2
import numpy as np
import pytest

from events.metadata.rtsp import RtspServer
from mock_vms.camera.digest import DigestAuthority
from mock_vms.camera.ports import VehicleRequest
from mock_vms.camera.scene import StreetScene
from mock_vms.camera.sensor import View
from mock_vms.camera.sources import PlayMode
from mock_vms.camera.stage import Stage
from mock_vms.camera.state import CameraState, EncoderSettings, Encoding, ExposureMode
from mock_vms.camera.tracks import VideoTrack

STREAM_TIMEOUT_S = 15


def state_of(**fields):
    state = CameraState()
    size = {"width_px": 256, "height_px": 144, "frame_rate": 20, "gov_length": 10, **fields}
    state.set_encoder(EncoderSettings(token="encoder_main", **size))
    state.set_encoder(EncoderSettings(token="encoder_jpeg", **{**size, "encoding": Encoding.JPEG, "quality": 70}))
    return state


class CountedSource:
    """A grey wall that counts how often it is looked at, from which threads."""

    def __init__(self):
        self.rendered = 0
        self.threads = set()
        self.closed = False
        self._walls = {}

    def render(self, now_s, size, shutter):
        self.rendered += 1
        self.threads.add(threading.current_thread().name)
        wall = self._walls.setdefault(size, np.full((size[1], size[0], 3), 120, dtype=np.uint8))
        return View(background=wall, picture=wall, changed=None)

    def drive(self, request):
        return 1

    def passages(self):
        return []

    def close(self):
        self.closed = True


@asynccontextmanager
async def filming(state, source=None, *, users=None):
    """A stage with its streams on a server; `url(token)` is where they are."""
    digest = DigestAuthority(realm="camera", users=users or {})

    def authorize(method, url, authorization, address):
        permitted = not users or digest.authorize(method, url, authorization)
        return () if permitted else (digest.challenge(),)

    scene = source or StreetScene(mode=PlayMode.ON_DEMAND, seed=1)
    async with (
        asyncio.timeout(60),
        Stage(state=state, source=scene) as stage,
        RtspServer(streams=stage.rtsp_streams(), authorize=authorize) as server,
    ):
        yield stage, lambda token, login="": server.url(f"/{token}").replace("rtsp://", f"rtsp://{login}")


def decode(url, count):
    """The first frames of a stream, and what FFmpeg calls its codec."""
    with av.open(url, options={"rtsp_transport": "tcp"}, timeout=STREAM_TIMEOUT_S) as container:
        frames = []
        for frame in container.decode(video=0):
            frames.append(frame)
            if len(frames) == count:
                break
        return container.streams.video[0].codec_context.name, frames


@pytest.mark.parametrize(("token", "codec"), [("encoder_main", "h264"), ("encoder_jpeg", "mjpeg")])
async def test_both_codecs_are_watched_by_a_client_that_logs_in(token, codec):
    async with filming(state_of(), users={"admin": "p:w/ä"}) as (_, url):
        name, frames = await asyncio.to_thread(decode, url(token, "admin:p%3Aw%2F%C3%A4@"), 6)
    assert name == codec
    assert [(frame.width, frame.height) for frame in frames] == [(256, 144)] * 6
    times = [frame.time for frame in frames[1:]]  # FFmpeg leaves the first H.264 frame of a stream without a time
    assert times == sorted(set(times))
    assert frames[-1].to_ndarray(format="gray").std() > 20


@pytest.mark.parametrize("login", ["", "admin:wrong@", "nobody:pw@"])
async def test_nobody_watches_without_the_password(login):
    async with filming(state_of(), users={"admin": "pw"}) as (_, url):
        with pytest.raises(av.error.HTTPUnauthorizedError):
            await asyncio.to_thread(decode, url("encoder_main", login), 1)


async def test_jpeg_over_rtp_shows_the_same_picture_as_the_snapshot():
    async with filming(state_of()) as (stage, url):
        _, frames = await asyncio.to_thread(decode, url("encoder_jpeg"), 2)
        snapshot = await asyncio.to_thread(stage.snapshot_jpeg)
    still = cv2.imdecode(np.frombuffer(snapshot, np.uint8), cv2.IMREAD_GRAYSCALE).astype(int)
    assert still.shape == (144, 256)
    assert np.abs(frames[-1].to_ndarray(format="bgr24").mean(axis=2) - still).mean() < 10


async def test_several_clients_watch_one_stream():
    async with filming(state_of()) as (_, url):
        results = await asyncio.gather(*(asyncio.to_thread(decode, url("encoder_main"), 5) for _ in range(3)))
    assert [len(frames) for _, frames in results] == [5, 5, 5]


async def test_a_new_resolution_ends_the_stream_and_the_next_one_has_it():
    state = state_of()

    def watch_to_the_end(url, first_seen):
        with av.open(url, options={"rtsp_transport": "tcp"}, timeout=STREAM_TIMEOUT_S) as container:
            for frame in container.decode(video=0):
                first_seen.set()
                size = frame.width, frame.height
            return size

    async with filming(state) as (_, url):
        first_seen = threading.Event()
        watching = asyncio.create_task(asyncio.to_thread(watch_to_the_end, url("encoder_main"), first_seen))
        assert await asyncio.to_thread(first_seen.wait, STREAM_TIMEOUT_S)
        state.set_encoder(replace(state.encoder("encoder_main"), width_px=640, height_px=360))
        assert await watching == (256, 144)
        _, frames = await asyncio.to_thread(decode, url("encoder_main"), 1)
        assert (frames[0].width, frames[0].height) == (640, 360)


async def test_a_new_codec_is_what_the_next_client_gets():
    state = state_of()
    async with filming(state) as (_, url):
        assert (await asyncio.to_thread(decode, url("encoder_main"), 2))[0] == "h264"
        state.set_encoder(replace(state.encoder("encoder_main"), encoding=Encoding.JPEG))
        assert (await asyncio.to_thread(decode, url("encoder_main"), 2))[0] == "mjpeg"


async def test_a_new_exposure_shows_while_the_stream_runs():
    state = state_of()
    state.change_imaging(wide_dynamic_range=False)

    def watch(url, bright_seen, dark):
        with av.open(url, options={"rtsp_transport": "tcp"}, timeout=STREAM_TIMEOUT_S) as container:
            for frame in container.decode(video=0):
                mean = frame.to_ndarray(format="gray").mean()
                if mean > 60:
                    bright_seen.set()
                elif bright_seen.is_set() and mean < dark:
                    return True

    async with filming(state) as (_, url):
        bright_seen = threading.Event()
        watching = asyncio.create_task(asyncio.to_thread(watch, url("encoder_main"), bright_seen, 40))
        assert await asyncio.to_thread(bright_seen.wait, STREAM_TIMEOUT_S)
        state.change_imaging(exposure_mode=ExposureMode.MANUAL, exposure_time_us=20.0)
        assert await watching


async def test_nothing_is_drawn_while_nobody_watches():
    source = CountedSource()
    async with filming(state_of(), source) as (stage, url):
        await asyncio.to_thread(decode, url("encoder_main"), 2)
        drawn = source.rendered
        assert drawn >= 2
        while any(stream.tracks[0].watched for stream in stage.rtsp_streams().values()):
            await asyncio.sleep(0.005)
        before = source.rendered
        await stage.drive(VehicleRequest())
        await asyncio.to_thread(stage.snapshot_jpeg)
        assert source.rendered <= before + 2


async def test_a_snapshot_needs_no_client_and_obeys_quality():
    state = state_of()
    async with filming(state) as (stage, _):
        fine = await asyncio.to_thread(stage.snapshot_jpeg)
        for token in ("encoder_main", "encoder_jpeg"):
            state.set_encoder(replace(state.encoder(token), quality=10))
        coarse = await asyncio.to_thread(stage.snapshot_jpeg)
    assert len(coarse) < 0.7 * len(fine)


async def test_vehicles_drive_by_on_demand_and_are_told_truthfully():
    async with filming(state_of()) as (stage, url):
        number = await stage.drive(VehicleRequest(plate="AB-123-CD", country="FR", speed_kmh=250))
        await asyncio.to_thread(decode, url("encoder_main"), 60)
        (passage,) = stage.passages()
    assert (passage.number, passage.plate, passage.country) == (number, "AB123CD", "FR")
    assert passage.left_at is None or passage.left_at > passage.appeared_at


async def test_closing_stops_the_thread_and_closes_the_source():
    source = CountedSource()
    async with filming(state_of(), source) as (_, url):
        await asyncio.to_thread(decode, url("encoder_main"), 1)
        assert any(thread.name.startswith("stage-") for thread in threading.enumerate())
    assert not any(thread.name.startswith("stage-") for thread in threading.enumerate())
    assert source.closed


async def test_frames_fall_due_on_the_beat_of_the_frame_rate_however_late_the_last_one_was():
    track = VideoTrack(
        state=state_of(frame_rate=5), token="encoder_main", loop=asyncio.get_running_loop(), wake=lambda: None
    )
    picture = np.full((216, 256), 128, dtype=np.uint8)
    for now_s, due_s in ((100.0, 100.2), (100.21, 100.4), (100.95, 101.0)):
        track.encode(picture, None, now_s)
        assert track.due_s == pytest.approx(due_s)


def test_a_stuck_event_loop_costs_pictures_and_not_memory():
    loop = asyncio.new_event_loop()
    track = VideoTrack(state=state_of(), token="encoder_main", loop=loop, wake=lambda: None)
    picture = np.full((216, 256), 128, dtype=np.uint8)
    for number in range(50):
        track.encode(picture, None, 100 + number)
    assert track.dropped_units == 46
    loop.close()
    track.encode(picture, None, 200.0)
