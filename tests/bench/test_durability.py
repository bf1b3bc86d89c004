"""What the measurements of durability measure, in small sizes. No test looks at how long anything took."""

from __future__ import annotations

from pathlib import Path

import anyio
import msgspec
import pytest

from bench import durability, figures, firings, journal, resident, resume
from bench.files import cleared, copied, left
from bench.frontier import World, numbers_of, url_of
from bench.running import Tally, fill, kept, new_state, unkept
from scraper_cpn.scrape.urls import normalise
from scraper_cpn.store import sqlite
from scraper_cpn.store.postgres.address import address_of

WORLD = World(domains=5, waiting=100)
SIZES = durability.Sizes(
    small=World(domains=5, waiting=50),
    large=WORLD,
    most=WORLD,
    firings=200,
    hosts=3,
    pages=10,
    runs=2,
)


async def made(path: Path) -> None:
    """Fill a state of `WORLD`."""
    store = new_state(WORLD, path)
    async with await kept(WORLD, store) as driver:
        await fill(WORLD, driver)
    await store.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state in which the targets of `WORLD` wait."""
    path = tmp_path_factory.mktemp("bench") / "filled.db"
    anyio.run(made, path)
    return path


def test_addresses_say_domain_and_page() -> None:
    """An address is in the form that a crawl would give it, and gives its numbers back."""
    url = url_of(123, 4_567)
    assert normalise(url, None) == url
    assert numbers_of(url) == (123, 4_567)


def test_a_filled_state_has_the_targets(filled: Path) -> None:
    """About as many targets wait in a filled state as its world says, and none waits for robots.txt."""

    async def look() -> tuple[int, int]:
        store = sqlite.open_run(copied(filled))
        driver = await kept(WORLD, store)
        await store.close()
        return driver.waiting, driver.asking

    waiting, asking = anyio.run(look)
    assert 0.8 * WORLD.waiting <= waiting <= WORLD.waiting + WORLD.domains
    assert asking == 0


def test_every_firing_that_is_counted_is_in_the_journal(filled: Path) -> None:
    """The firings of a durable run are those of the rows of the journal that it has written."""

    async def counted() -> tuple[int, int]:
        store = sqlite.open_run(copied(filled))
        before = sum(row[2] for row in store.journal())
        async with await kept(WORLD, store) as driver:
            done = await driver.run(300)
            after = sum(row[2] for row in store.journal())
        await store.close()
        return done, after - before

    done, written = anyio.run(counted)
    assert done == written >= 300


def test_a_page_is_several_firings_and_its_items_are_kept(filled: Path) -> None:
    """Each page that is counted goes all the way: an item a page, but for those in flight."""

    async def items() -> tuple[int, int]:
        store = sqlite.open_run(copied(filled))
        before = len(list(store.items()))
        async with await kept(WORLD, store) as driver:
            await driver.run(300)
        found = len(list(store.items())) - before
        await store.close()
        return driver.pages, found

    pages, found = anyio.run(items)
    assert 0 < pages - found + WORLD.domains <= 2 * WORLD.domains + 1


@pytest.mark.parametrize("most", [8, 64])
def test_batches_are_no_greater_than_asked(filled: Path, most: int) -> None:
    """A batch of at most so many firings has no more than those of two steps."""
    run = anyio.run(lambda: firings.durable(WORLD, filled, 400, most=most))
    assert 400 <= run.firings < 400 + 2 * most
    assert run.firings / run.batches <= 2 * most
    assert run.inputs_bytes > 0
    assert run.pages > 0


def test_the_other_kinds_do_the_same_work(filled: Path) -> None:
    """Without a store, and with one in memory, as many firings make about as many pages."""
    durable = anyio.run(lambda: firings.durable(WORLD, filled, 400))
    for other in (firings.undurable, firings.remembered):
        run = anyio.run(other, WORLD, filled, 400)
        assert abs(run.pages - durable.pages) <= 2 * WORLD.domains
    assert run.batches > 0


def test_a_state_on_postgresql_does_the_same_work(filled: Path, database: str) -> None:
    """It is made for the run, from the same marking."""
    durable = anyio.run(lambda: firings.durable(WORLD, filled, 400))
    run = anyio.run(firings.on_server, WORLD, filled, 400, address_of(f"{database}&name=bench"))
    assert abs(run.pages - durable.pages) <= 2 * WORLD.domains
    assert run.batches > 0


def test_only_what_has_a_state_commits(filled: Path) -> None:
    """The run without a store commits nothing."""
    assert anyio.run(firings.undurable, WORLD, filled, 100).batches == 0


def test_the_work_is_the_same_in_each_run() -> None:
    """Two crawls of one world decide the same: figures of runs may be compared."""

    async def pages() -> tuple[int, int, int]:
        async with unkept(WORLD) as driver:
            done = await driver.run(500)
        return done, driver.pages, driver.waiting

    assert anyio.run(pages) == anyio.run(pages)


def test_a_resume_counts_every_part(filled: Path) -> None:
    """The whole of a resume is the sum of its parts, and it ends with a step that fires."""
    run = anyio.run(resume.resumed, copied(filled))
    assert run.all_s == run.file_s + run.marking_s + run.step_s > 0


def test_a_killed_state_is_one(filled: Path) -> None:
    """What is resumed after a kill is a file that was open, with a -wal that has commits."""
    path = anyio.run(resume.killed, filled)
    assert Path(f"{path}-wal").stat().st_size > 0
    assert anyio.run(resume.resumed, path).all_s > 0


def test_crawls_fetch_all_pages_of_the_site(tmp_path: Path) -> None:
    """A crawl of the cost of a state fetches every page, and its state has an item of each."""
    site = journal.site_of(3, 10)
    run = anyio.run(lambda: journal.crawled(site, tmp_path, state=True, output=False))
    store = sqlite.open_run(tmp_path / "journal.db")
    items = len(list(store.items()))
    anyio.run(store.close)
    assert run.pages == items == site.pages == 30
    assert site.links == pytest.approx(10)


def test_memory_grows_with_targets() -> None:
    """The slope is bytes by targets."""
    small, large = resident.Resident(10, 1_000, 0), resident.Resident(20, 4_000, 0)
    assert resident.slope(small, large) == 300


def test_copies_are_fresh(tmp_path: Path) -> None:
    """A copy has nothing beside it that an earlier run has left; what was open is copied with all."""
    state, wal = tmp_path / "filled.db", tmp_path / "run.db-wal"
    state.write_bytes(b"state")
    wal.write_bytes(b"old")
    assert copied(state).read_bytes() == b"state"
    assert not wal.exists()
    wal.write_bytes(b"new")
    assert Path(f"{left(tmp_path / 'run.db')}-wal").read_bytes() == b"new"
    cleared(tmp_path, "run.db")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "filled.db",
        "killed.db",
        "killed.db-wal",
    ]


def test_a_tally_counts_batches_and_bytes(filled: Path) -> None:
    """A tally has as many batches, and as many bytes of inputs, as the journal has got."""
    tally = Tally()

    async def rows() -> list[int]:
        store = sqlite.open_run(copied(filled))
        async with await kept(WORLD, store, tally) as driver:
            first = store.saved().seq
            await driver.run(200)
            found = [len(row[4]) for row in store.journal() if row[0] > first]
        await store.close()
        return found

    found = anyio.run(rows)
    assert (tally.batches, tally.inputs_bytes) == (len(found), sum(found))


def test_a_figure_is_reported_with_its_spread() -> None:
    """The table has the median, least, most and goal of a figure, under its part."""
    page_text = figures.table([figures.Figure("part", "name", "s", (3.0, 1.0, 2.0), "under 3 s")])
    assert page_text.split() == [
        "part",
        "name",
        "2",
        "s",
        "1",
        "to",
        "3",
        "goal:",
        "under",
        "3",
        "s",
    ]


@pytest.mark.slow
def test_the_whole_measurement_ends(tmp_path: Path) -> None:
    """All parts give figures, each with a value a run, and they can be written as JSON."""
    said: list[str] = []
    found = durability.durability(SIZES, tmp_path, said.append)
    parts = [firings.PART, journal.PART, resume.PART, resident.PART]
    assert list(dict.fromkeys(figure.part for figure in found)) == parts
    assert len(said) == 4
    assert msgspec.json.decode(msgspec.json.encode(found), type=list[figures.Figure]) == found
    assert sum(bool(figure.goal) for figure in found) >= 4
