"""The limit on items: exactly so many are kept, live, in virtual time, and across processes."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from mocks.inprocess import crawl as crawl_in_process
from scraper_cpn import Crawl, Page, Summary
from scraper_cpn.scrape.colours import Checked, ItemsLeft, Valid
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.state.check import audits
from scraper_cpn.scrape.state.packing import packings
from scraper_cpn.scrape.verify import verify_crawl
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from tests.guarantees.crawls import stored
from tests.servers import Asked, Server, page

PATHS = [f"/{n}" for n in range(8)]


def site(asked: Asked) -> bytes:
    return page(asked.target.encode(), "Content-Type: text/html")


def four_each(**options: Any) -> Crawl[Any]:
    """A crawl with four items a page."""
    crawl: Crawl[Any] = Crawl(robots="ignore", delay=0, concurrency=2, **options)

    @crawl.page()
    def handler(page: Page) -> list[dict[str, Any]]:
        return [{"path": page.html, "n": n} for n in range(4)]

    return crawl


async def run(crawl: Crawl[Any], server: Server, **how: Any) -> Summary:
    return await crawl.crawl(*(f"{server.url}{path}" for path in PATHS), **how)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.anyio
@pytest.mark.parametrize("most", [1, 4, 10, 32, 99])
async def test_exactly_so_many(most: int, tmp_path: Path) -> None:
    """The output has so many items or all; a page that is cut tells it, and what is not kept is left."""
    output = tmp_path / "a.jsonl"
    async with Server(site) as server:
        summary = await run(four_each(max_items=most), server, output=output)
    kept = min(most, 4 * len(PATHS))
    assert (summary.items, len(lines(output))) == (kept, kept)
    assert summary.left == len(PATHS) - -(-kept // 4)
    assert summary.cut == (kept % 4 > 0)
    if summary.cut:
        assert "left out (--max-items)" in summary.cut_examples[0]
    if most < 32:
        assert (summary.ended, summary.reason) == ("spent", f"--max-items {most} is reached")


def test_across_processes(tmp_path: Path) -> None:
    """A resumed crawl keeps what is missing to the new number, or all; the state is sound, its decisions repeat."""
    state, output = tmp_path / "a.state", tmp_path / "a.jsonl"
    found: list[int] = []

    async def crawls() -> None:
        async with Server(site) as server:
            await run(four_each(max_items=6), server, state=state, output=output)
            for most in (6, 15, None):
                options = {} if most is None else {"max_items": most}
                found.append((await four_each(**options).resumed(state)).items)

    anyio.run(crawls)
    assert found == [6, 15, 27]  # two pages were cut, by 2 and 3
    rows = lines(output)
    assert len(rows) == len({tuple(row.items()) for row in rows}) == 27
    (audit,) = audits(state)
    assert (audit.items, audit.pages) == (27, 8)


def test_a_page_that_came_too_late_has_not_failed(tmp_path: Path) -> None:
    """However often a crawl is resumed, a page behind the limit uses up no attempt."""
    state = tmp_path / "a.state"
    found: list[tuple[int, int]] = []

    async def crawls() -> None:
        async with Server(site) as server:
            options = {"retries": 0, "per_domain": 2}
            await run(four_each(max_items=1, **options), server, state=state)
            for most in (2, 3, 4, 99):
                summary = await four_each(max_items=most, **options).resumed(state)
                found.append((summary.items, summary.failed))

    anyio.run(crawls)
    assert found[:3] == [(2, 0), (3, 0), (4, 0)]
    assert found[3] == (20, 0)  # of four pages one item each was kept


def test_in_virtual_time() -> None:
    """A simulated crawl ends at so many items, with failures and several requests at a time."""
    web = SyntheticWeb(WebSpec(hosts=3, pages=9, links=4, links_out=2, fail=0.3))
    settings = Settings(max_items=7, scope="any", per_domain=3, delay_ns=0, retries=5)
    done = crawl_in_process(settings, web, web.seeds())
    assert (done.run.ended, len(stored(done.rows))) == ("spent", 7)


def test_its_claims_are_proved() -> None:
    """A crawl with this limit keeps its guarantees."""
    report = verify_crawl(Settings(max_items=5, robots="ignore", retries=0, concurrency=1))
    verdicts = {verdict.claim: verdict.status for verdict in report.verdicts}
    assert verdicts["G7 no request begins after so many items"] == "proved"
    assert set(verdicts.values()) == {"proved"}, verdicts


def test_a_journal_decides_the_same_without_the_items() -> None:
    """A page that was read back counts as many items, and is cut at the same number."""
    policy = Policy(Settings(max_items=3))
    page = Checked(policy.frontier.seed("http://a.example/"), ({}, {}))
    packing = packings(policy)
    read = packing[Checked].unpack(packing[Checked].pack(page))
    assert packing[Valid].unpack(packing[Valid].pack(Valid(({}, {}), ("x",)))).size == 2
    for left in (1, 2, 3):
        found = [policy.volume.portion(each, ItemsLeft(left)) for each in (page, read)]
        assert {each.size for each in found} == {min(left, 2)}
        assert found[0].cut == found[1].cut
        rest = {policy.volume.items_left(ItemsLeft(left), each) for each in (page, read)}
        assert rest == {ItemsLeft(1) if left == 3 else None}
