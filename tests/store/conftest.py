"""The stores that the contract is tested on."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from scraper_cpn.store import sqlite
from scraper_cpn.store.memory import MemoryStore
from scraper_cpn.store.port import Store
from scraper_cpn.store.sqlite import SqliteStore

QUICK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where files are quick to sync; None: wherever temporary files are."""


class Shelf(ABC):
    """One run in one kind of store, which can be closed or crash, and be opened again."""

    store: Store

    @abstractmethod
    async def open_again(self) -> Store:
        """Close it well, and open it again."""

    @abstractmethod
    async def crash(self) -> Store:
        """Leave it as a kill would, and open what is left."""


class MemoryShelf(Shelf):
    """In memory there is nothing to close."""

    def __init__(self) -> None:
        self.store: MemoryStore = MemoryStore({"settings": b"{}"})

    async def open_again(self) -> Store:
        """A crash is all that can come to it."""
        return await self.crash()

    async def crash(self) -> Store:
        """Go on with what was committed."""
        self.store = self.store.crash()
        return self.store


class SqliteShelf(Shelf):
    """In a file: after each crash another one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "crawl.db"
        self.store: SqliteStore = sqlite.create(self.path, "first", {"settings": b"{}"})
        self._crashes = 0

    async def open_again(self) -> Store:
        """Close the file, and open it."""
        await self.store.close()
        self.store = sqlite.open_run(self.path)
        return self.store

    async def crash(self) -> Store:
        """Open a copy of what is on the disk, as if the process were gone."""
        self._crashes += 1
        left = copy_of(self.path, self._folder / f"crashed {self._crashes}.db")
        await self.store.close()
        self.path = left
        self.store = sqlite.open_run(self.path)
        return self.store


def copy_of(path: Path, to: Path) -> Path:
    """Copy a state with all that is beside it, as a process that is killed leaves it."""
    for suffix in ("", "-wal", ".lock"):
        if Path(f"{path}{suffix}").exists():
            shutil.copy(f"{path}{suffix}", f"{to}{suffix}")
    return to


@pytest.fixture(params=["memory", "sqlite"])
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shelf]:
    """An empty run in each kind of store."""
    shelf: Shelf = MemoryShelf() if request.param == "memory" else SqliteShelf(tmp_path)
    yield shelf
    await shelf.store.close()


@pytest.fixture
def memory_folder() -> Iterator[Path]:
    """A folder that is quick to sync, where the system has one: what such a test makes need not last."""
    with TemporaryDirectory(dir=QUICK) as folder:
        yield Path(folder)
