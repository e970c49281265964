"""Looks after the pictures of one connection: ends when the camera should be asked for them anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from adapter.picture_address import PictureAddress, PictureChoice
from adapter.tasks import until_first
from adapter.watched import WatchedSource
from inference.source import Source, SourceStatus
from onvif_client.errors import CameraUnreachable

# A stream that stays away this long may have moved: cameras hand out new addresses after a reboot.
ASK_AGAIN_AFTER = timedelta(seconds=45)
LOOK_S = 1.0
# A stream that is tried beside the snapshots shows itself within its own time-outs.
PROBE_S = 12.0


async def look_after(
    source: WatchedSource,
    pictures: PictureAddress,
    choice: PictureChoice,
    *,
    open_source: Callable[[str], Source],
    on_error: Callable[[str], None],
    clock: Callable[[], datetime],
) -> None:
    """Return when the stream is back while snapshots are polled; raise CameraUnreachable when pictures stay away."""
    work = [_until_away(source, pictures, choice, on_error, clock)]
    if pictures.is_snapshots and pictures.stream is not None:
        work.append(_until_back(pictures.stream, choice, open_source))
    await until_first(*work)


async def _until_away(
    source: WatchedSource,
    pictures: PictureAddress,
    choice: PictureChoice,
    on_error: Callable[[str], None],
    clock: Callable[[], datetime],
) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        state = source.state
        if state.status is not SourceStatus.LOST:
            continue
        on_error(state.error)
        if not pictures.is_onvif:
            continue
        came = source.decoded > 0 or pictures.is_snapshots
        if choice.gives_up(since=state.since, ever_came=came, refused=state.refused, error=state.error):
            raise CameraUnreachable(f"The stream gives no pictures: {state.error}")
        # The source itself waits until a refused login may be tried again; asking anew would be a login more.
        if not state.refused and clock() - state.since > ASK_AGAIN_AFTER:
            raise CameraUnreachable(f"The stream stays away: {state.error}")


async def _until_back(stream: str, choice: PictureChoice, open_source: Callable[[str], Source]) -> None:
    """Try the stream now and then, while snapshots go on."""
    while True:
        await asyncio.sleep(choice.try_again_after().total_seconds())
        async with open_source(stream) as probe:
            if await probe.next_frame(PROBE_S) is not None:
                choice.is_back()
                return
