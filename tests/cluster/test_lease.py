"""A lease ends for its holder before it ends for the database, and nothing starts after that."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.cluster import lease as leases
from scraper_cpn.cluster.crawl import create
from scraper_cpn.cluster.lease import Lease
from scraper_cpn.cluster.mail import Letter, by_partition, opened, packed
from scraper_cpn.cluster.session import Session
from scraper_cpn.cluster.worker import Pace, Worker
from scraper_cpn.nets.regions import Ball
from scraper_cpn.store.port import StoreError
from tests.cluster.nets import Regions

PIECES = st.lists(
    st.tuples(st.integers(0, 3 * 10**9), st.integers(0, 3 * 10**9), st.booleans()), max_size=20
)


@given(length=st.integers(10**6, 10**10), calls=PIECES)
def test_a_holder_stops_before_the_database_does(
    length: int, calls: list[tuple[int, int, bool]]
) -> None:
    """Whatever calls take, and whichever renew: while the holder may start work, the database's lease holds."""
    with pytest.MonkeyPatch.context() as patch:
        now = 0
        patch.setattr(leases, "_elapsed_ns", lambda: now)
        lease, until = Lease(length, now), length
        for before, during, renews in calls:
            now += before
            assert not lease.holds or now < until
            asked = now
            now += during
            if renews:
                until = max(
                    until, asked + during // 2 + length
                )  # the database is reached on the way
                lease.renewed(asked)
            assert not lease.holds or now < until


@pytest.mark.anyio
async def test_nothing_starts_after_the_lease(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firing whose lease has ended between its commit and its start does not start, and its partition is dropped."""
    regions = Regions()
    work = regions.work()
    crawl = await create(
        f"{database}&name=ring", work, {regions.balls: [Ball(0, 0, 1)]}, partitions=2
    )
    worker = Worker(crawl, work, Pace(lease_s=60.0))
    asked = 0

    def holds(_: Lease) -> bool:
        nonlocal asked
        asked += 1
        return asked > 1

    monkeypatch.setattr(Worker, "_drop_lapsed", lambda _: None)
    monkeypatch.setattr(Lease, "holds", property(holds))
    with anyio.fail_after(60):
        assert (
            await worker.run() == "finished"
        )  # the partition is claimed again, and the firing begins again
    assert worker.told.dropped == {"lease": 1}
    assert worker.told.claimed == 3


@pytest.mark.anyio
async def test_claims_of_two_workers_never_meet(database: str) -> None:
    """Partitions go to one worker each; a lease that is over can be claimed, with a new epoch; a release frees at once."""
    work = Regions(6).work()
    crawl = await create(f"{database}&name=ring", work, partitions=6)
    one, two = Session(crawl.address, crawl.id), Session(crawl.address, crawl.id)
    first = await one.claim("one", 60_000, "{}", [], 4)
    second = await two.claim("two", 60_000, "{}", [], 4)
    assert (len(first), len(second)) == (4, 2)
    assert not {each.part for each in first} & {each.part for each in second}
    assert await two.claim("two", 60_000, "{}", [each.part for each in second], 4) == []
    again = await one.claim("one", 60_000, "{}", [each.part for each in first[1:]], 4)
    assert [(each.part, each.epoch, each.owner_was) for each in again] == [
        (first[0].part, 2, "one")
    ]
    assert await one.release_worker("one") == 4
    assert {each.epoch for each in await two.claim("two", 0, "{}", [], 6)} == {2, 3}
    await anyio.sleep(0.01)
    assert {each.epoch for each in await one.claim("one", 60_000, "{}", [], 6)} == {3, 4}
    beat = await two.beat("two", "{}", 60_000, [(each.part, each.epoch) for each in second])
    assert beat.kept == []
    one.close()
    two.close()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(), st.integers(0, 9)), max_size=30))
def test_letters_arrive_as_they_were_sent(numbers: list[tuple[int, int, int]]) -> None:
    """Letters keep their colours, times and order within a partition."""
    regions = Regions()
    codec = regions.work().codec
    letters = [
        (pid, Letter(regions.balls, Ball(number % 2**60, 0, left), 5, None))
        for pid, number, left in numbers
    ]
    for pid, some in by_partition(letters).items():
        assert some == [letter for to, letter in letters if to == pid]
        assert list(opened(codec, packed(codec, some))) == some


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x91\x94\xa1x\x90\x00\xc0", b"\x91\x01"])
def test_a_row_that_cannot_be_read_is_damage(body: bytes) -> None:
    """A row of the outbox that no worker has written is told as damage."""
    with pytest.raises(StoreError, match="can't be read"):
        list(opened(Regions().work().codec, body))
