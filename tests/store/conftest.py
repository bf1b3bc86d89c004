"""The stores that the contract is tested on."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

from mocks.postgres import Postgres
from scraper_cpn.store import sqlite
from scraper_cpn.store.memory import MemoryStore
from scraper_cpn.store.port import Store
from scraper_cpn.store.postgres import store as on_postgres
from scraper_cpn.store.postgres.address import Address, address_of
from scraper_cpn.store.postgres.link import Link
from scraper_cpn.store.postgres.store import PostgresStore
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


class PostgresShelf(Shelf):
    """In a database, as a state with a name of its own."""

    def __init__(self, database: str) -> None:
        self.address = named(database)
        self.store: PostgresStore = on_postgres.create(self.address, "first", {"settings": b"{}"})

    async def open_again(self) -> Store:
        """Give the claim back, and claim it again."""
        await self.store.close()
        self.store = on_postgres.open_run(self.address)
        return self.store

    async def crash(self) -> Store:
        """Take over from a process of which nothing is known, after its lease."""
        left, self.store = self.store, taken_over(self.address)
        await left.close()
        return self.store


def taken_over(address: Address) -> PostgresStore:
    """Open a run as a process elsewhere does once the lease of the one that has it is over."""
    over = "UPDATE scrape.part SET holder = NULL, lease_until = '-infinity' FROM scrape.crawl c WHERE c.id = crawl"
    link = Link(address)
    link.call(lambda on: on.execute(f"{over} AND c.state = $1", address.name))
    link.close()
    return on_postgres.open_run(address)


def named(database: str) -> Address:
    """The address of a state that no other test has."""
    return address_of(f"{database}&name={uuid4().hex}")


def copy_of(path: Path, to: Path) -> Path:
    """Copy a state with all that is beside it, as a process that is killed leaves it."""
    for suffix in ("", "-wal", ".lock"):
        if Path(f"{path}{suffix}").exists():
            shutil.copy(f"{path}{suffix}", f"{to}{suffix}")
    return to


KINDS = ("memory", "sqlite", "postgres")


def new_shelf(kind: str, folder: Path, database: str) -> Shelf:
    """An empty run in a kind of store."""
    if kind == "postgres":
        return PostgresShelf(database)
    return MemoryShelf() if kind == "memory" else SqliteShelf(folder)


@pytest.fixture(scope="session")
def shared_database(postgres: Postgres) -> str:
    """Where to connect to one database for all tests of a process."""
    return postgres.new_database()


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of store."""
    return str(request.param)


@pytest.fixture(scope="session")
def kind_database(request: pytest.FixtureRequest, kind: str) -> str:
    """Where to connect to the shared database; empty for a store that needs none, for which no server starts."""
    return str(request.getfixturevalue("shared_database")) if kind == "postgres" else ""


@pytest.fixture
async def shelf(kind: str, tmp_path: Path, kind_database: str) -> AsyncIterator[Shelf]:
    """An empty run in each kind of store."""
    shelf = new_shelf(kind, tmp_path, kind_database)
    yield shelf
    await shelf.store.close()


@pytest.fixture
def memory_folder() -> Iterator[Path]:
    """A folder that is quick to sync, where the system has one: what such a test makes need not last."""
    with TemporaryDirectory(dir=QUICK) as folder:
        yield Path(folder)
