"""What only the store on PostgreSQL has: claims and fences, lost connections, texts with NUL, plans."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocks.postgres import Postgres
from scraper_cpn.store.port import BatchError, StoreError
from scraper_cpn.store.postgres import holder
from scraper_cpn.store.postgres import store as on_postgres
from scraper_cpn.store.postgres.address import Address
from scraper_cpn.store.postgres.claim import Claim, new_owner, take_part
from scraper_cpn.store.postgres.database import add_crawl
from scraper_cpn.store.postgres.link import Link, Pool
from scraper_cpn.store.postgres.reader import PostgresReader, is_there, verify
from scraper_cpn.store.postgres.store import PostgresStore
from scraper_cpn.store.postgres.text import kept, read
from scraper_cpn.store.retention import JournalLimits
from tests.store.batches import Batches, Model, batch, check, plain
from tests.store.conftest import named, taken_over

pytestmark = pytest.mark.anyio

Two = tuple[PostgresStore, PostgresStore]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def address(shared_database: str) -> Address:
    """The address of a state that is not there yet."""
    return named(shared_database)


@pytest.fixture
async def store(address: Address) -> AsyncIterator[PostgresStore]:
    """A store on a new state."""
    store = on_postgres.create(address, "first")
    yield store
    await store.close()


@asynccontextmanager
async def session(address: Address) -> AsyncIterator[Any]:
    """A connection of somebody else."""
    connection = await asyncpg.connect(address.dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def told(address: Address, sql: str, *values: Any) -> Any:
    """The first column of the first row of a statement."""
    async with session(address) as connection:
        return await connection.fetchval(sql, *values)


# The fence.


async def test_who_was_taken_over_from_commits_no_more(
    address: Address, store: PostgresStore
) -> None:
    """Its next batch is refused, as are all after that; the new owner goes on."""
    await store.commit(batch(1))
    heir = taken_over(address)
    with pytest.raises(StoreError, match="another process has taken over") as refused:
        await store.commit(batch(2, metadata=[("who", b"old")]))
    assert refused.value.kind == "fenced"
    with pytest.raises(StoreError, match="another process has taken over"):
        await store.commit(batch(2))
    await heir.commit(batch(2, metadata=[("who", b"new")]))
    assert heir.metadata() == {"who": b"new"}
    await heir.close()


async def test_an_old_owner_does_not_give_back_the_claim_of_the_new_one(
    address: Address, store: PostgresStore
) -> None:
    """Nor does it renew its lease."""
    heir = taken_over(address)
    await store.close()
    await heir.commit(batch(1))
    await heir.close()


async def test_a_fence_that_is_taken_away_is_missed(address: Address, store: PostgresStore) -> None:
    """Without it two owners write: what the tests above see is the fence's work."""
    await store.commit(batch(1))
    heir = taken_over(address)
    async with session(address) as connection:
        text = await connection.fetchval(
            "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'commit_batch'"
        )
        fence = "AND epoch = _epoch AND owner = _owner "
        assert fence in text
        try:
            await connection.execute(text.replace(fence, ""))
            await store.commit(batch(2))
        finally:
            await connection.execute(text)
    with pytest.raises(BatchError, match="batch 2 does not follow batch 2"):
        await heir.commit(batch(2))
    await heir.close()


# Claims.


async def test_a_second_opening_is_refused(address: Address, store: PostgresStore) -> None:
    """At once, with the process that has the state: it is known to run."""
    with pytest.raises(StoreError, match=r"in use by another process \(pid \d+ on .+\)") as refused:
        on_postgres.open_run(address)
    assert refused.value.kind == "locked"


KILLED = """
import anyio, os, signal, sys
from scraper_cpn.store.postgres.address import address_of
from scraper_cpn.store.postgres.store import create
from tests.store.batches import batch
anyio.run(create(address_of(sys.argv[1]), "first").commit, batch(1))
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_a_killed_process_of_this_machine_is_not_waited_for(
    shared_database: str, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is known to have ended, whatever its lease says."""
    where = f"{shared_database}&name={address.name}"
    words = [sys.executable, "-c", KILLED, where]
    done = await anyio.run_process(words, check=False, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waits"))
    heir = on_postgres.open_run(address)
    assert heir.saved().seq == 1
    await heir.close()


async def test_a_process_elsewhere_is_waited_for(
    address: Address, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until its lease is over, if it is not renewed."""
    monkeypatch.setattr(holder, "_world", lambda: "another machine")
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            renewed(address, "-infinity")

    monkeypatch.setattr("time.sleep", sleep)
    heir = on_postgres.open_run(address)
    assert len(waits) == 3
    await heir.close()


async def test_a_process_elsewhere_that_renews_its_lease_is_alive(
    address: Address, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the opening is refused."""
    monkeypatch.setattr(holder, "_world", lambda: "another machine")
    monkeypatch.setattr("time.sleep", lambda _: renewed(address, "infinity"))
    with pytest.raises(StoreError, match="in use by another process"):
        on_postgres.open_run(address)


def renewed(address: Address, until: str) -> None:
    """Set the end of the lease of a state's partitions."""
    sql = "UPDATE scrape.part SET lease_until = $2::text::timestamptz FROM scrape.crawl c WHERE c.id = crawl"
    other = Link(address)
    other.call(lambda on: on.execute(f"{sql} AND c.state = $1", address.name, until))
    other.close()


async def test_a_lease_is_renewed_while_nothing_is_committed(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a heartbeat, so that a crawl that waits for hours keeps its state."""
    monkeypatch.setattr(on_postgres, "LEASE_SECONDS", 0.6)
    store = on_postgres.create(address, "first")
    until = (
        "SELECT lease_until FROM scrape.part JOIN scrape.crawl c ON c.id = crawl WHERE c.state = $1"
    )
    first = await told(address, until, address.name)
    async with session(address) as connection:
        while await connection.fetchval(until, address.name) == first:
            await refreshed(connection)
    await store.close()
    assert await told(address, f"SELECT count(*) FROM ({until}) AS u WHERE u.lease_until > '-infinity'", address.name) == 0  # fmt: skip


def test_a_process_is_recognised() -> None:
    """This one runs; one of the same number that has started at another time has ended."""
    mine = holder.myself()
    assert holder.is_alive(mine) is True
    other = holder.Holder(mine.host, mine.world, mine.pid, "1")
    assert holder.is_alive(other) is False
    assert holder.is_alive(holder.Holder("elsewhere", "x", mine.pid, mine.start)) is None
    assert holder.unpacked(holder.packed(mine)) == mine
    assert holder.unpacked("no JSON") is None


def test_a_process_whose_end_nobody_has_asked_for_has_ended() -> None:
    """A zombie writes nothing any more."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        started = holder._start(process.pid)
        assert started is not None
        process.kill()
        while holder._start(process.pid) == started:
            pass
        assert holder._start(process.pid) is None


# Connections that are lost, and answers that do not come.


@asynccontextmanager
async def held(address: Address) -> AsyncIterator[Any]:
    """Somebody holds the row of the partition, so that a commit waits."""
    async with session(address) as connection, connection.transaction():
        await connection.execute(
            "SELECT 1 FROM scrape.part JOIN scrape.crawl c ON c.id = crawl WHERE c.state = $1 FOR UPDATE OF part",
            address.name,
        )
        yield connection


async def waiting(address: Address) -> int:
    """The server's process of the commit that waits for the row."""
    sql = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%commit_batch%'"
    async with session(address) as connection:
        while (found := await connection.fetchval(sql)) is None:
            await refreshed(connection)
    return int(found)


async def test_a_connection_that_is_lost_in_a_commit_breaks_the_store(
    address: Address, store: PostgresStore
) -> None:
    """Nobody knows then whether the batch was written; it is not sent again, and no other one is."""
    await store.commit(batch(1))
    async with held(address) as connection:
        task = asyncio.create_task(store.commit(batch(2)))
        pid = await waiting(address)
        await connection.fetchval("SELECT pg_terminate_backend($1)", pid)
        with pytest.raises(StoreError) as lost:
            await task
    with pytest.raises(StoreError) as again:
        await store.commit(batch(2))
    assert str(again.value) == str(lost.value)
    assert lost.value.kind == "io"
    assert store.saved().seq == 1


async def test_an_answer_that_does_not_come_ends_a_commit(
    address: Address, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a limit of time, without a word to the server, which may be gone."""
    await store.commit(batch(1))
    monkeypatch.setattr(store._pool, "_seconds", 0.1)
    async with held(address):
        with pytest.raises(StoreError, match="it is unknown whether the last batch was written"):
            await store.commit(batch(2))
    monkeypatch.undo()
    with pytest.raises(StoreError, match="unknown"):
        await store.commit(batch(3))


async def test_an_answer_that_does_not_come_ends_a_synchronous_call(
    address: Address, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop is not stopped for ever; the next call connects again."""
    monkeypatch.setattr(store._link, "_seconds", 0.1)
    async with session(address) as connection, connection.transaction():
        await connection.execute("LOCK TABLE scrape.paged")
        with pytest.raises(StoreError, match=r"no answer within 0\.1 s"):
            store.page("waiting", "a", (0, 0, 0), 1)
    monkeypatch.undo()
    assert store.page("waiting", "a", (0, 0, 0), 1) == []


async def test_a_connection_that_was_lost_between_commits_is_made_again(
    address: Address, store: PostgresStore
) -> None:
    """Nothing was sent on it, so nothing is unknown."""
    await store.commit(batch(1))
    others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'scrape'"
    assert await told(address, f"{others} AND datname = current_database()") > 0
    with suppress(StoreError):  # it may not have noticed yet; then it is as if the answer were lost
        for seq in range(2, 5):
            await store.commit(batch(seq))
    with suppress(StoreError):  # nor may the connection that reads
        store.saved()
    assert store.saved().seq in {1, 4}


@pytest.mark.slow
async def test_what_is_acknowledged_survives_an_immediate_stop_of_the_server(
    own_server: tuple[Postgres, Address],
) -> None:
    """The store is broken, and its batches are there after the restart."""
    server, where = own_server
    store, batches = on_postgres.create(where, "first"), Batches(seed=7)
    await store.commit(batches.next())
    await anyio.to_thread.run_sync(server.restart)
    with suppress(StoreError):
        await store.commit(batch(2))
    await store.close()
    again = on_postgres.open_run(where)
    assert again.saved().seq in {1, 2}
    if again.saved().seq == 1:
        check(again, batches.model)
    await again.close()


@pytest.fixture
def own_server(own_postgres: Postgres) -> tuple[Postgres, Address]:
    """A server of the test's own, and the address of a state there."""
    return own_postgres, named(own_postgres.new_database())


# Many partitions.


async def test_tokens_cross_to_another_partition(address: Address, two: Two) -> None:
    """What one sends is there once it is committed, and gone with the batch that has received it."""
    first, second = two
    await first.commit(batch(1, sent=[(1, 3, b"three tokens")]))
    ((number, body),) = await sent_to(address, second)
    assert body == b"three tokens"
    await second.commit(batch(1, received=[number], idle=True))
    assert await sent_to(address, second) == []
    assert await told(address, "SELECT idle FROM scrape.part WHERE id = $1", second._part) is True


async def test_a_budget_is_never_overdrawn(address: Address, two: Two) -> None:
    """A batch that draws too much is refused as a whole; the store takes another one instead."""
    first, second = two
    crawl = await told(address, "SELECT crawl FROM scrape.part WHERE id = $1", first._part)
    async with session(address) as connection:
        await connection.execute("INSERT INTO scrape.credit VALUES ($1, 'pages', 5)", crawl)
    free = "SELECT free FROM scrape.credit WHERE crawl = $1"
    await first.commit(batch(1, credits=[("pages", 4)]))
    with pytest.raises(StoreError, match="the budget pages has less than 2 left") as refused:
        await second.commit(batch(1, credits=[("pages", 2)], seen=[("urls", "x")]))
    assert refused.value.kind == "spent"
    assert list(second.saved().seen) == []
    await second.commit(batch(1, credits=[("pages", 1)]))
    assert await told(address, free, crawl) == 0
    await first.commit(batch(2, credits=[("pages", -4)]))
    assert await told(address, free, crawl) == 4


@pytest.mark.parametrize(
    ("parts", "table"),
    [({"sent": [(0, 1, b""), (2, 1, b"")]}, "part"), ({"received": [1 << 40]}, "outbox")],
)
async def test_what_is_of_no_partition_is_refused(
    address: Address, store: PostgresStore, parts: dict[str, Any], table: str
) -> None:
    """Tokens for a partition that is not there, and tokens that nobody has sent."""
    with pytest.raises(BatchError, match=rf"1 of \d rows of the table {table} are missing"):
        await store.commit(batch(1, **parts))


@pytest.fixture
async def two(
    address: Address, store: PostgresStore
) -> AsyncIterator[tuple[PostgresStore, PostgresStore]]:
    """The stores of a crawl with two partitions, which share their connections."""
    owner = new_owner()
    async with session(address) as connection, connection.transaction():
        parts = await add_crawl(connection, address.name, "many", [{}, {"a": b"b"}])
        epochs = [await take_part(connection, part, owner) for part in parts]
    pool, reads = Pool(address, 2), Link(address)
    first, second = (
        PostgresStore(address, reads, pool, Claim(part, epoch or 0, owner, 10))
        for part, epoch in zip(parts, epochs, strict=True)
    )
    assert second.metadata() == {"a": b"b"}
    yield first, second
    await second.close()
    await first.commit(batch(first.saved().seq + 1))  # what they share is still open
    pool.close()
    reads.close()


async def sent_to(address: Address, store: PostgresStore) -> list[tuple[int, bytes]]:
    """What is on its way to a partition."""
    async with session(address) as connection:
        sql = "SELECT id, body FROM scrape.outbox WHERE dst = $1 ORDER BY id"
        return [tuple(row) for row in await connection.fetch(sql, store._part)]


# The journal, readers, texts, plans.


async def test_a_journal_that_is_too_long_begins_anew(address: Address) -> None:
    """The batch that passes the limit is the last before the new base, whose marking is kept."""
    batches = Batches(seed=2, size=6)
    store = on_postgres.create(address, "first", limits=JournalLimits(size_bytes=1_500))
    bases, base, length = 0, Model(), 0
    for _ in range(30):
        made = batches.next()
        await store.commit(made)
        length += len(made.inputs)
        if length > 1_500:
            bases, base, length = bases + 1, batches.model.copy(), 0
            check(store, batches.model, base)
    assert bases > 1
    check(store, batches.model, base)
    await store.close()
    assert verify(address) == []


async def test_what_was_before_the_base_is_deleted_in_small_parts(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch deletes a few rows, until none is left."""
    monkeypatch.setattr("scraper_cpn.store.retention.DELETE_MOST", 3)
    store = on_postgres.create(address, "first", limits=JournalLimits(size_bytes=95))
    count = "SELECT count(*) FROM scrape.journal WHERE part = $1"
    rows = []
    for seq in range(1, 19):
        await store.commit(batch(seq, inputs=b"x" * (10 if seq <= 10 else 0)))
        rows.append(await told(address, count, store._part))
    await store.close()
    assert rows[:10] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 7]
    assert rows[10:] == [5, 3, 3, 4, 5, 6, 7, 8]
    assert verify(address) == []


async def test_a_reader_sees_one_moment(address: Address, store: PostgresStore) -> None:
    """What is committed after it was opened is for the next reader."""
    batches = Batches(seed=1)
    await store.commit(batches.next())
    before = batches.model.copy()
    with PostgresReader(address) as early:
        await store.commit(batches.next())
        assert plain(early.run().saved()) == before.marking()
        (info,) = early.runs()
        assert (info.name, info.seq, info.host) == ("first", 1, "")
        assert info.pid == holder.myself().pid
        with PostgresReader(address) as late:
            assert plain(late.run("first").saved()) == batches.model.marking()


async def test_rows_that_are_missing_are_found(address: Address, store: PostgresStore) -> None:
    """As after somebody has deleted some by hand."""
    batches = Batches(seed=3, size=9)
    for _ in range(3):
        await store.commit(batches.next())
    assert verify(address) == []
    await told(address, "DELETE FROM scrape.seen WHERE part = $1 AND n = 1", store._part)
    (finding,) = verify(address)
    assert finding.startswith("run first: table seen has ")


def test_a_state_that_is_not_there(address: Address) -> None:
    """It is missing, for a reader as for a writer."""
    assert not is_there(address)
    for opens in (PostgresReader, on_postgres.open_run):
        with pytest.raises(StoreError, match="does not exist") as missing:
            opens(address)
        assert missing.value.kind == "missing"


async def test_a_name_that_is_taken(address: Address, store: PostgresStore) -> None:
    """A state, or a run of it, is made once."""
    for makes in (on_postgres.create, on_postgres.new_run):
        with pytest.raises(StoreError, match=r"exists|has a run first") as taken:
            makes(address, "first")
        assert taken.value.kind == "exists"
    second = on_postgres.new_run(address, "second", {}, [(1, "a\nb"), (3, "c")])
    assert list(second.texts(2)) == [(3, "c")]
    await second.close()
    with pytest.raises(StoreError, match="name the run; it has first, second"):
        on_postgres.open_run(address)


async def test_tables_of_another_version_are_refused(own_database: Address) -> None:
    """Neither read nor written."""
    await on_postgres.create(own_database, "first").close()
    await told(own_database, "UPDATE scrape.version SET schema = 99")
    opens: list[Callable[[Address], Any]] = [PostgresReader, on_postgres.open_run, is_there]
    for each in opens:
        with pytest.raises(StoreError, match="made by a newer version of scrape") as refused:
            each(own_database)
        assert refused.value.kind == "foreign"


@pytest.fixture
def own_database(database: str) -> Address:
    """The address of a state in a database without tables."""
    return named(database)


async def test_two_processes_make_the_tables_at_once(own_database: Address) -> None:
    """Both get what they want."""
    other = Address(own_database.dsn, "other", own_database.text)
    made: list[PostgresStore] = []

    async def make(address: Address) -> None:
        made.append(await anyio.to_thread.run_sync(on_postgres.create, address, "first"))

    async with anyio.create_task_group() as tasks:
        for each in (own_database, other):
            tasks.start_soon(make, each)
    assert is_there(own_database)
    assert is_there(other)
    for store in made:
        await store.close()


@given(st.lists(st.text("\0\1\2aü0", max_size=6)))
def test_texts_come_back_in_the_same_order(texts: list[str]) -> None:
    """NUL is written otherwise, and the order by bytes stays."""
    assert [read(kept(text)) for text in texts] == texts
    assert not any("\0" in kept(text) for text in texts)
    by_bytes = sorted(texts, key=str.encode)
    assert sorted(map(kept, texts), key=str.encode) == list(map(kept, by_bytes))


async def test_a_commit_finds_its_rows_by_their_keys(own_database: Address) -> None:
    """Plans are made while the tables are empty; none of them may read a table from its beginning."""
    await on_postgres.create(own_database, "first").close()
    async with session(own_database) as connection:
        while not await connection.fetchval("SELECT sum(seq_scan) FROM pg_stat_user_tables"):
            await refreshed(connection)
        await connection.execute("SELECT pg_stat_reset()")
        store = on_postgres.open_run(own_database)
        batches = Batches(seed=4, size=8)
        for _ in range(12):
            await store.commit(batches.next())
        await store.close()
        scans = "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE idx_scan + seq_scan > 0"
        while "token" not in (found := dict(await connection.fetch(scans))):
            await refreshed(connection)
    assert {name for name, times in found.items() if times} <= {"version", "crawl", "part"}


async def refreshed(connection: Any) -> None:
    """Look again: the server counts what a session has done once that is over."""
    await anyio.sleep(0.05)
    await connection.execute("SELECT pg_stat_clear_snapshot()")


async def test_a_batch_is_durable_where_others_need_not_be(own_database: Address) -> None:
    """Also in a database whose commits are asynchronous."""
    database = own_database.dsn.partition("/test")[2].partition("?")[0]
    await told(own_database, f"ALTER DATABASE test{database} SET synchronous_commit = off")
    store = on_postgres.create(own_database, "first")
    async with session(own_database) as connection:
        await connection.execute(
            "CREATE FUNCTION scrape.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "NEW.inputs := current_setting('synchronous_commit')::bytea; RETURN NEW; END $$;"
            "CREATE TRIGGER spy BEFORE INSERT ON scrape.journal FOR EACH ROW EXECUTE FUNCTION scrape.spy()"
        )
    await store.commit(batch(1))
    ((_, _, _, _, said),) = store.journal()
    assert said == b"on"
    await store.close()
