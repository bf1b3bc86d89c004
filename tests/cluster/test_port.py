"""What enters and leaves a crawl from outside: fed once, consumed with a cursor, poured from one net into another."""

from __future__ import annotations

import aiohttp
import anyio
import pytest

from scraper_cpn.cluster.crawl import create
from scraper_cpn.cluster.http import serving
from scraper_cpn.cluster.port import Port
from scraper_cpn.cluster.worker import Pace, run_worker
from scraper_cpn.net import NetError
from scraper_cpn.nets.regions import Ball
from tests.cluster.nets import Regions

pytestmark = pytest.mark.anyio

PACE = Pace(lease_s=60.0, poll_s=0.005)


async def test_what_is_fed_comes_out_and_is_read_once(database: str) -> None:
    """Tokens go to their partitions; a reader with a cursor sees each row once, in pieces of any size."""
    regions = Regions(3)
    crawl = await create(f"{database}&name=ring", regions.work(), partitions=3)
    port = Port(crawl, regions.work())
    assert await port.feed("balls", [Ball(number, number % 3, 2) for number in range(10)]) == 10
    assert (await port.counts())["outbox"] == 10
    assert await run_worker(crawl, regions.work(), pace=PACE) == "finished"
    numbers: list[int] = []
    cursor = ""
    while (found := await port.consume("out", cursor, most=3)).rows:
        numbers += [row["number"] for row in found.rows]
        cursor = found.cursor
    assert sorted(numbers) == list(range(10))
    assert [each.rows async for each in port.follow(regions.out, cursor)] == []
    assert await port.counts() == {"out": 10, "outbox": 0}
    port.close()


MISTAKES = [
    ("balls_out", Ball(0, 0, 0), "have no partition key"),
    ("nowhere", Ball(0, 0, 0), "no source nowhere"),
    ("out", Ball(0, 0, 0), "no source out"),
    ("balls", "a text", "takes Ball, not str"),
]


async def test_mistakes_of_a_feeder_are_told(database: str) -> None:
    """A token that does not fit, or a place that takes none, is refused, and nothing is fed."""
    regions = Regions()
    crawl = await create(f"{database}&name=ring", regions.work(), partitions=2)
    port = Port(crawl, regions.work())
    for place, colour, told in MISTAKES:
        with pytest.raises(NetError, match=told):
            await port.feed(place, [colour])
    for cursor in ("0", "0-x", "0--1"):
        with pytest.raises(NetError, match="is none of this crawl"):
            await port.consume("out", cursor)
    with pytest.raises(NetError, match="no sink balls"):
        await port.consume("balls")
    port.close()


async def test_several_nets_form_one(database: str) -> None:
    """What leaves one net is poured into another, once, although the pouring is done twice at the same time."""
    first, second = Regions(2), Regions(3)
    balls = {first.balls: [Ball(number, number % 2, 1) for number in range(20)]}
    here = await create(f"{database}&name=first", first.work(), balls, partitions=2)
    there = await create(f"{database}&name=second", second.work(), partitions=3)
    assert await run_worker(here, first.work(), pace=PACE) == "finished"

    async def pour() -> None:
        mine, other = Port(here, first.work()), Port(there, second.work())
        while await mine.pour("bridge", "out", other, "balls", _again, most=3):
            pass
        mine.close()
        other.close()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pour)
        tasks.start_soon(pour)
    assert await run_worker(there, second.work(), pace=PACE) == "finished"
    port = Port(there, second.work())
    numbers = [row["number"] async for found in port.follow("out") for row in found.rows]
    assert sorted(numbers) == list(range(20))
    port.close()


async def test_channels_are_served_over_http(database: str) -> None:
    """The same over HTTP, in JSON; a mistake is one line, with a status that says whose it is."""
    regions = Regions()
    crawl = await create(f"{database}&name=ring", regions.work(), partitions=2)
    async with serving(crawl, regions.work()) as number, aiohttp.ClientSession() as client:
        url = f"http://127.0.0.1:{number}"
        balls = [{"number": n, "region": n % 2, "left": 1} for n in range(4)]
        async with client.post(f"{url}/feed/balls", json=balls) as said:
            assert (said.status, await said.json()) == (200, {"fed": 4})
        async with client.post(f"{url}/feed/balls", json=[{"number": "one"}]) as said:
            assert said.status == 400
            assert "Expected `int`, got `str`" in (await said.json())["error"]
        async with client.post(f"{url}/feed/out", json=[]) as said:
            assert said.status == 400
        async with client.get(f"{url}/consume/out?most=-1") as said:
            assert said.status == 400
        assert await run_worker(crawl, regions.work(), pace=PACE) == "finished"
        async with client.get(f"{url}/consume/out?wait=1") as said:
            found = await said.json()
        assert sorted(row["number"] for row in found["rows"]) == [0, 1, 2, 3]
        async with client.get(f"{url}/consume/out?cursor={found['cursor']}") as said:
            assert (await said.json())["rows"] == []
        async with client.get(f"{url}/counts") as said:
            assert await said.json() == {"ended": "finished", "places": {"out": 4, "outbox": 0}}
        async with client.post(f"{url}/feed/balls", json=balls) as said:
            assert said.status == 409


def _again(row: dict[str, int]) -> list[Ball]:
    return [Ball(row["number"], row["number"] % 3, 1)]
