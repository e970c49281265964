"""Everything that is kept, opened and closed as one."""

from __future__ import annotations

from pathlib import Path

from argon2 import PasswordHasher

from adapter.store.alarms import Alarms
from adapter.store.audit import Audit
from adapter.store.cameras import Cameras
from adapter.store.database import Database, sqlite_url
from adapter.store.decisions import Decisions
from adapter.store.facts import Facts
from adapter.store.funnels import Funnels
from adapter.store.journal import SqlJournal
from adapter.store.lists import Lists
from adapter.store.onvif_users import OnvifUsers
from adapter.store.outbox import SqlOutbox
from adapter.store.outputs import Outputs
from adapter.store.reactions import AlarmDefinitions, RelayActions
from adapter.store.tokens import Tokens
from adapter.store.users import Users
from adapter.store.vault import Vault


class Store:
    """One attribute per aggregate. `open` migrates; `aclose` may be called at any time."""

    def __init__(self, *, url: str, vault: Vault, hasher: PasswordHasher | None = None) -> None:
        self.database = Database(url=url)
        self.cameras = Cameras(database=self.database, vault=vault)
        self.lists = Lists(database=self.database)
        self.alarm_definitions = AlarmDefinitions(database=self.database)
        self.relay_actions = RelayActions(database=self.database)
        self.journal = SqlJournal(database=self.database)
        self.outbox = SqlOutbox(database=self.database)
        self.decisions = Decisions(database=self.database)
        self.alarms = Alarms(database=self.database)
        self.users = Users(database=self.database, hasher=hasher)
        self.tokens = Tokens(database=self.database)
        self.onvif_users = OnvifUsers(database=self.database, vault=vault)
        self.outputs = Outputs(database=self.database, vault=vault)
        self.audit = Audit(database=self.database)
        self.facts = Facts(database=self.database)
        self.funnels = Funnels(database=self.database)

    @classmethod
    def in_folder(cls, folder: Path, *, url: str | None = None, hasher: PasswordHasher | None = None) -> Store:
        """The store of a data folder: the key file, and a SQLite database unless another URL is given."""
        vault = Vault.open(folder / "secret.key")
        return cls(url=url or sqlite_url(folder / "onvif-lpr.db"), vault=vault, hasher=hasher)

    async def open(self) -> None:
        """Raises StoreUnavailable with cause and cure."""
        await self.database.open()

    async def aclose(self) -> None:
        await self.database.aclose()

    async def __aenter__(self) -> Store:
        await self.open()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()
