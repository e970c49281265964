"""The one door through which both channels come in: store first, then tell the page.

`receive` blocks until everything is on the disk, and only then may a webhook be answered or a mark be moved. It is
called from device threads and from worker threads of the event loop, never from the loop itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from mock_vms.vms.errors import PictureRefused
from mock_vms.vms.failures import FailureSwitches
from mock_vms.vms.journal import Journal
from mock_vms.vms.live import Live, Topic
from mock_vms.vms.outputs import Outputs
from mock_vms.vms.pictures import PictureFiles
from mock_vms.vms.types import Change, ChangeKind, Channel, Received, RelayReport

_TOPICS = {
    ChangeKind.ALARM: Topic.ALARM,
    ChangeKind.EVENT: Topic.EVENT,
    ChangeKind.UPDATED: Topic.ALARM,
    ChangeKind.DUPLICATE: Topic.ALARM,
    ChangeKind.WITHDRAWN: Topic.WITHDRAWN,
}
_log = structlog.get_logger()


class Intake:
    """Takes what the channels deliver. `wanted` is set when there may be pictures to fetch."""

    def __init__(
        self,
        *,
        journal: Journal,
        outputs: Outputs,
        files: PictureFiles,
        live: Live,
        switches: FailureSwitches,
        wanted: asyncio.Event,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._journal = journal
        self._outputs = outputs
        self._files = files
        self._live = live
        self._switches = switches
        self._wanted = wanted
        self._loop = loop

    def from_device(
        self, device_id: str, events: Sequence[Received], relays: Sequence[RelayReport], seen_until: datetime
    ) -> None:
        """One pull of one device. `seen_until` becomes its Seek mark in the same transaction as the events."""
        if self._switches.now.forget:
            return
        for report in relays:
            self._outputs.relay(device_id, report)
        changes: list[Change] = []
        if events:
            changes = self._journal.record(
                events,
                channel=Channel.PULL_POINT,
                origin=device_id,
                now=datetime.now(UTC),
                seen_until=seen_until,
            )
            self._keep_pictures(events)
        self._announce(changes, outputs=bool(relays))

    def from_webhook(self, name: str, message_id: str, event: Received) -> list[Change]:
        """One verified webhook call."""
        changes = self._journal.record(
            [event], channel=Channel.WEBHOOK, origin=name, now=datetime.now(UTC), message_id=message_id
        )
        self._announce(changes, outputs=False)
        return changes

    def _keep_pictures(self, events: Sequence[Received]) -> None:
        for event in events:
            for kind, picture in event.pictures.items():
                try:
                    name = self._files.keep(event.event_id, kind, picture)
                except (PictureRefused, OSError) as error:
                    _log.debug("picture not kept", event_id=event.event_id, reason=str(error))
                else:
                    self._journal.picture_kept(event.event_id, kind, name)

    def _announce(self, changes: Sequence[Change], *, outputs: bool) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._publish, changes, outputs)

    def _publish(self, changes: Sequence[Change], outputs: bool) -> None:
        for change in changes:
            self._live.publish(_TOPICS[change.kind], change.event_id)
        if changes:
            self._live.publish(Topic.COUNTS)
            self._wanted.set()
        if outputs:
            self._live.publish(Topic.OUTPUTS)
