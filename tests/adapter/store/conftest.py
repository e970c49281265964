"""An open store in a folder of its own; passwords are hashed cheaply so that tests are fast."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from adapter.store.store import Store

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
async def store(data_folder: Path) -> AsyncIterator[Store]:
    async with Store.in_folder(data_folder, hasher=CHEAP) as opened:
        yield opened
