"""Fixtures with a real PostgreSQL.

Owns: how long a test's server lives.
Must not know: how a server is found and started.
"""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from mocks.postgres import Postgres, new_server
from scraper_cpn.cluster.sql import schema
from scraper_cpn.store.postgres.sql import installation

QUIET = {"autovacuum": "off"}
"""With some dozens of databases it would always look at one of them: a tenth of a processor."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for all tests of this process; not to be stopped by any of them."""
    with new_server(**QUIET) as server:
        yield server


@pytest.fixture
def database(postgres: Postgres) -> str:
    """An empty database; where to connect."""
    return postgres.new_database()


@pytest.fixture(scope="session")
def made_tables(postgres: Postgres) -> str:
    """The name of a database with the tables of crawls, to be copied: making them takes as long as half of a test."""
    dsn = postgres.new_database()
    asyncio.run(_installed(dsn))
    return dsn.partition("?")[0].rpartition("/")[2]


async def _installed(dsn: str) -> None:
    session = await asyncpg.connect(dsn)
    await session.execute(installation())
    await session.execute(schema())
    await session.close()


@pytest.fixture(scope="session")
def other_postgres() -> Iterator[Postgres]:
    """Another server."""
    with new_server(**QUIET) as server:
        yield server


@pytest.fixture
def own_postgres(other_postgres: Postgres) -> Iterator[Postgres]:
    """A server that the test may stop and restart; it has databases of tests before."""
    yield other_postgres
    if not other_postgres.runs:
        other_postgres.start()
