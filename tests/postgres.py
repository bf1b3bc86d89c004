"""Fixtures with a real PostgreSQL.

Owns: how long a test's server lives.
Must not know: how a server is found and started.
"""

from collections.abc import Iterator

import pytest

from mocks.postgres import Postgres, new_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for all tests of this process; not to be stopped by any of them."""
    with new_server() as server:
        yield server


@pytest.fixture
def database(postgres: Postgres) -> str:
    """An empty database; where to connect."""
    return postgres.new_database()


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that the test may stop and restart. Cost: a second of processor time."""
    with new_server() as server:
        yield server
