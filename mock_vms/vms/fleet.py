"""The devices this VMS has added: one puller thread each, started, replaced and stopped here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import structlog

from mock_vms.vms.device import Address
from mock_vms.vms.errors import NoSuchThing
from mock_vms.vms.journal import Journal
from mock_vms.vms.live import Live, Topic
from mock_vms.vms.puller import Deliver, Puller
from mock_vms.vms.types import DeviceAccount, DeviceReport

MAX_DEVICES = 50  # a thread each
_log = structlog.get_logger()


class Fleet:
    """Open it to resume the devices of the journal; close it to unsubscribe from all of them."""

    def __init__(self, *, journal: Journal, live: Live, deliver: Deliver, pull_s: float) -> None:
        self._journal = journal
        self._live = live
        self._deliver = deliver
        self._pull_s = pull_s
        self._accounts: dict[str, DeviceAccount] = {}
        self._pullers: dict[str, Puller] = {}
        self._changing = asyncio.Lock()

    async def open(self) -> None:
        for account in await asyncio.to_thread(self._journal.devices):
            self._start(account)

    async def aclose(self) -> None:
        """All pullers together: as long as the slowest one takes, a pull and an Unsubscribe."""
        async with self._changing:
            await self._stop(list(self._pullers))

    async def add(self, address: str, *, user: str, password: str) -> DeviceReport:
        """Add a device, or give a known one a new account. ValueError when the address is none."""
        parsed = Address.parse(address)
        account = DeviceAccount(
            device_id=parsed.device_id, address=parsed.url, user=user, password=password, added_at=datetime.now(UTC)
        )
        async with self._changing:
            known = self._accounts.get(account.device_id)
            if known and (known.address, known.user, known.password) == (account.address, user, password):
                return self._pullers[account.device_id].status
            if not known and len(self._accounts) >= MAX_DEVICES:
                raise ValueError(f"this VMS takes {MAX_DEVICES} devices; remove one first")
            await self._stop([account.device_id])
            await asyncio.to_thread(self._journal.add_device, account)
            stored = {a.device_id: a for a in await asyncio.to_thread(self._journal.devices)}
            self._start(stored[account.device_id])
        return self._pullers[account.device_id].status

    async def remove(self, device_id: str) -> None:
        """Unsubscribe and forget the account; what it sent stays. NoSuchThing when it was never added."""
        async with self._changing:
            if device_id not in self._accounts:
                raise NoSuchThing(f"There is no device {device_id!r}.")
            await self._stop([device_id])
            await asyncio.to_thread(self._journal.remove_device, device_id)
            del self._accounts[device_id]
        self._live.publish(Topic.DEVICES)

    def accounts(self) -> list[DeviceAccount]:
        return list(self._accounts.values())

    def reports(self) -> list[DeviceReport]:
        """How each device is doing, in the order in which they were added."""
        return [puller.status for puller in list(self._pullers.values())]

    def _start(self, account: DeviceAccount) -> None:
        loop = asyncio.get_running_loop()

        def tell(_: DeviceReport) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._live.publish, Topic.DEVICES)

        puller = Puller(account=account, pull_s=self._pull_s, deliver=self._deliver, report=tell)
        self._accounts[account.device_id] = account
        self._pullers[account.device_id] = puller
        puller.start()

    async def _stop(self, device_ids: Iterable[str]) -> None:
        pullers = [puller for name in device_ids if (puller := self._pullers.pop(name, None))]
        for puller in pullers:
            puller.stop()
        for puller in pullers:
            await asyncio.to_thread(puller.join, puller.longest_stop_s)
            if puller.is_alive():
                _log.error("a puller did not stop in time", thread=puller.name)
