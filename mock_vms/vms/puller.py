"""Keeps one ONVIF device subscribed: pull, store, renew; when it is away, come back and seek what was missed.

A thread per device, because the client library blocks. Nothing the device stored is missed: after every new
subscription it is asked to replay from the newest UtcTime that is stored here, less a margin, and the journal drops
what it already has. The mark starts at the time when the device was added, so even a VMS that died before its first
event catches up.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from mock_vms.vms import notification
from mock_vms.vms.device import ANSWER_TIMEOUT_S, SUBSCRIPTION_LIFE, Address, Notification, OnvifDevice
from mock_vms.vms.errors import DeviceError, DeviceRefused, SubscriptionGone
from mock_vms.vms.types import DeviceAccount, DeviceReport, DeviceStatus, Received, RelayReport

# An event carries the time of its picture but is stored when the vehicle has passed. Two minutes cover a slow passage;
# what is replayed twice is dropped by its id.
SEEK_MARGIN = timedelta(minutes=2)
PULL_LIMIT = 100
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 30.0
# Common firmware locks an account for half an hour after a few bad logins: first a minute, soon longer than the lock.
FIRST_REFUSED_RETRY_S = 60.0
LONGEST_REFUSED_RETRY_S = 2400.0
# A pull that returns nothing at once, against the standard, must not become a busy loop.
SHORTEST_EMPTY_PULL_S = 0.2

Deliver = Callable[[str, Sequence[Received], Sequence[RelayReport], datetime], None]
_log = structlog.get_logger()


class Puller(threading.Thread):
    """`deliver` stores a batch and blocks until it is on the disk; `report` is told whenever something changed."""

    def __init__(
        self,
        *,
        account: DeviceAccount,
        pull_s: float,
        deliver: Deliver,
        report: Callable[[DeviceReport], None],
        first_retry_s: float = FIRST_RETRY_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(name=f"puller {account.device_id}", daemon=True)
        self._account = account
        self._pull_s = pull_s
        self._deliver = deliver
        self._tell = report
        self._first_retry_s = first_retry_s
        self._jitter = jitter
        self._stopping = threading.Event()
        self._failures = 0
        """Tries in a row that did not come as far as a pull."""
        self._seen_until = account.seen_until
        self.status = DeviceReport(device_id=account.device_id, address=account.address, status=DeviceStatus.CONNECTING)

    @property
    def longest_stop_s(self) -> float:
        """How long `join` may take after `stop`: a pull that waits, an answer that is late, and the Unsubscribe."""
        return self._pull_s + 3 * ANSWER_TIMEOUT_S

    def stop(self) -> None:
        """Ask the thread to unsubscribe and end. Returns at once; `join` waits."""
        self._stopping.set()

    def run(self) -> None:
        while not self._stopping.is_set():
            device = OnvifDevice(
                address=Address.parse(self._account.address),
                user=self._account.user,
                password=self._account.password,
                pull_s=self._pull_s,
            )
            try:
                device.connect()
                self._stay_subscribed(device)
            except DeviceError as error:
                self._away(error)
            except sqlite3.Error as error:
                # Our own disk, not the device: what could not be stored is replayed after the next subscription.
                _log.error("events could not be stored", device_id=self._account.device_id, error=str(error))
                self._away(DeviceError(f"this VMS cannot store events: {error}"))
            except Exception as error:  # noqa: BLE001  # a bug of ours: loud, and the device is not given up
                _log.exception("puller failed", device_id=self._account.device_id)
                self._away(DeviceError(f"this VMS has a bug: {type(error).__name__}: {error}"))
            finally:
                self._leave(device)
        self._change(status=DeviceStatus.REMOVED, detail="")

    def _stay_subscribed(self, device: OnvifDevice) -> None:
        while not self._stopping.is_set():
            device.subscribe()
            self._seek(device)
            self._change(
                status=DeviceStatus.ONLINE,
                detail="",
                model=device.model,
                connected_at=datetime.now(UTC),
                retry_at=None,
                subscriptions=self.status.subscriptions + 1,
            )
            _log.info("subscribed", device_id=self._account.device_id, model=device.model)
            try:
                self._pull_until_stopped(device)
            except SubscriptionGone as error:
                if self._failures:
                    raise  # a pull point that never worked: back off before the next one
                _log.info("subscription ended", device_id=self._account.device_id, reason=str(error))
                self._stopping.wait(self._first_retry_s * self._jitter())

    def _seek(self, device: OnvifDevice) -> None:
        try:
            device.seek(self._mark(device) - SEEK_MARGIN)
            self._change(seeks=self.status.seeks + 1)
            device.synchronize()
        except DeviceRefused:
            raise
        except DeviceError as error:
            # Many devices store nothing; then the live messages are all there is.
            _log.debug("no seek or no synchronization point", device_id=self._account.device_id, reason=str(error))

    def _mark(self, device: OnvifDevice) -> datetime:
        """By the device's clock: the newest event stored here, or else when the device was added."""
        return self._seen_until or self._account.added_at + (device.now() - datetime.now(UTC))

    def _pull_until_stopped(self, device: OnvifDevice) -> None:
        renew_at = time.monotonic() + SUBSCRIPTION_LIFE.total_seconds() / 2
        self._failures += 1
        while not self._stopping.is_set():
            asked_at = time.monotonic()
            notifications = device.pull(PULL_LIMIT)
            self._failures = 0
            if notifications:
                self._store(device, notifications)
            elif (spare := SHORTEST_EMPTY_PULL_S - (time.monotonic() - asked_at)) > 0:
                self._stopping.wait(spare)
            if time.monotonic() >= renew_at:
                device.renew()
                renew_at = time.monotonic() + SUBSCRIPTION_LIFE.total_seconds() / 2

    def _store(self, device: OnvifDevice, notifications: Sequence[Notification]) -> None:
        now = datetime.now(UTC)
        events: list[Received] = []
        relays: list[RelayReport] = []
        ignored = 0
        for message in notifications:
            event, relay = notification.parse(message.topic, message.message, origin=self._account.device_id, now=now)
            if event is not None:
                name = event.camera_name or device.camera_names.get(event.video_source, "")
                events.append(replace(event, camera_name=name))
            if relay is not None:
                relays.append(relay)
            ignored += event is None and relay is None
        # A message from the future would move the mark past everything that is still to come.
        newest = (min(event.utc_time, device.now()) for event in events)
        seen_until = max((self._mark(device), *newest))
        self._deliver(self._account.device_id, events, relays, seen_until)
        self._seen_until = seen_until
        self._change(
            pulls=self.status.pulls + 1,
            messages=self.status.messages + len(notifications),
            ignored=self.status.ignored + ignored,
        )

    def _away(self, error: DeviceError) -> None:
        self._failures += 1
        refused = isinstance(error, DeviceRefused)
        first, longest = (
            (FIRST_REFUSED_RETRY_S, LONGEST_REFUSED_RETRY_S) if refused else (self._first_retry_s, LONGEST_RETRY_S)
        )
        delay_s = min(first * 2 ** min(self._failures - 1, 12), longest) * (0.5 + self._jitter() / 2)
        log = _log.warning if self._failures == 1 else _log.debug
        log("device away", device_id=self._account.device_id, reason=str(error), retry_s=round(delay_s, 1))
        self._change(
            status=DeviceStatus.REFUSED if refused else DeviceStatus.AWAY,
            detail=str(error),
            retry_at=datetime.now(UTC) + timedelta(seconds=delay_s),
        )
        self._stopping.wait(delay_s)

    def _leave(self, device: OnvifDevice) -> None:
        try:
            device.unsubscribe()
        except DeviceError as error:
            _log.debug("pull point left behind", device_id=self._account.device_id, reason=str(error))
        finally:
            device.close()

    def _change(self, **values: object) -> None:
        self.status = replace(self.status, **values)  # type: ignore[arg-type]  # names are checked by replace()
        self._tell(self.status)
