"""Hooks: what a program adds to requests, pages, items and the end of a crawl."""

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from scraper_cpn import Candidate, Crawl, Drop, Outgoing, Page, Retry, Stop, Summary, UsageError
from scraper_cpn.scrape.account.accounting import OTHER_REASONS, REASONS_MAX
from scraper_cpn.scrape.colours import Valid
from scraper_cpn.scrape.items.unique import Unique
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings
from tests.servers import Asked, Server, page

pytestmark = pytest.mark.anyio

QUICK: dict[str, Any] = {"delay": 0, "backoff": "1ms", "robots": "ignore"}


class Thing(Struct):
    name: str
    price: int = 0


class Other(Struct):
    name: str


class Speechless(Exception):  # noqa: N818 - it can't even tell that it is an error
    def __str__(self) -> str:
        raise NotImplementedError


def site(asked: Asked) -> bytes:
    """Every page says what it was asked."""
    message = json.dumps({"headers": asked.headers, "path": asked.target})
    return page(message.encode(), "Content-Type: application/json")


async def run(crawl: Crawl[Any], server: Server, *paths: str, **how: Any) -> Summary:
    """Crawl some pages of a server."""
    return await crawl.crawl(*(f"{server.url}{path}" for path in paths or ("/",)), **how)


def things(*names: str, **options: Any) -> Crawl[Any]:
    """A crawl that yields these things from each page."""
    crawl: Crawl[Any] = Crawl(**QUICK, **options)

    @crawl.page()
    def all_of_them(page: Page) -> Iterator[Thing]:
        yield from map(Thing, names)

    return crawl


def names_in(output: Path) -> list[str]:
    return [json.loads(line)["name"] for line in output.read_bytes().splitlines()]


async def test_before_adds_headers() -> None:
    """The headers that plain and async functions return are sent, a later one's in place of an earlier one's."""
    crawl = Crawl(**QUICK)
    seen: list[Outgoing] = []

    @crawl.before
    def sign(request: Outgoing) -> dict[str, str]:
        return {"X-Signed": f"{request.method} {request.url}", "X-By": "plain"}

    @crawl.before
    async def look(request: Outgoing) -> list[tuple[str, str]]:
        seen.append(request)
        return [("x-by", "async")]

    async with Server(site) as server:
        summary = await run(crawl, server)
        headers = server.asked[0].headers
    assert (summary.pages, summary.failed) == (1, 0)
    assert headers["x-signed"] == f"GET {server.url}/"
    assert headers["x-by"] == "async"
    assert seen[0].headers[1] == ("X-By", "plain")


@pytest.mark.parametrize("wrong", ["raises", "no header", "not headers"])
async def test_before_costs_its_page_only(wrong: str) -> None:
    """A function that raises, or returns what is no header of a request, fails its page with a reason; nothing is sent."""
    crawl = Crawl(**QUICK)

    @crawl.before
    def sign(request: Outgoing) -> Any:
        if not request.url.endswith("/bad"):
            return None
        if wrong == "raises":
            raise ZeroDivisionError
        return {"Host": "x"} if wrong == "no header" else 3

    async with Server(site) as server:
        summary = await run(crawl, server, "/bad", "/good")
        assert [asked.target for asked in server.asked] == ["/good"]
    (group,) = summary.failures
    assert (summary.pages, summary.attempts, group.kind) == (1, 1, "hook")
    assert "sign raised" in group.examples[0].reason
    assert ("(line " in group.examples[0].reason) == (wrong == "raises")


async def test_before_decides_what_is_sent() -> None:
    """Drop ends a page unsent, Retry asks for another attempt, Stop ends the crawl with what is left."""
    crawl = Crawl(**QUICK)

    @crawl.before
    def choose(request: Outgoing) -> None:
        if request.url.endswith("/drop"):
            raise Drop("not today")
        if request.url.endswith("/later") and request.attempt == 1:
            raise Retry("no token yet", after="1ms")
        if request.url.endswith("/stop"):
            raise Stop("enough")

    async with Server(site) as server:
        summary = await run(crawl, server, "/drop", "/later")
        assert [asked.target for asked in server.asked] == ["/later"]
        assert [(group.kind, group.count) for group in summary.failures] == [("drop", 1)]
        assert (summary.pages, summary.skipped, summary.failed) == (1, 1, 0)
        stopped = await run(crawl, server, "/stop")
    assert (stopped.ended, stopped.reason) == ("spent", "the program stopped it: enough")
    assert (stopped.left, stopped.attempts) == (1, 0)


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("handled", [False, True])
async def test_after_sees_pages_first(waits: bool, handled: bool, tmp_path: Path) -> None:
    """`after` is called with each page before its handler, which is not called if it raises a verdict or an error."""
    calls: list[str] = []
    crawl = Crawl(**QUICK)

    def look(page: Page) -> None:
        path = page.url.rpartition("/")[2]
        calls.append(f"after {path}")
        match path:
            case "drop":
                raise Drop("soft block")
            case "again" if calls.count("after again") == 1:
                raise Retry("soft block")
            case "bad":
                raise KeyError(page.status)

    async def look_async(page: Page) -> None:
        look(page)

    crawl.after(look_async if waits else look)
    if handled:

        @crawl.page()
        def handler(page: Page) -> dict[str, str]:
            calls.append(f"handler {page.url.rpartition('/')[2]}")
            return {"name": page.url}

    async with Server(site) as server:
        summary = await run(
            crawl, server, "/drop", "/again", "/bad", "/good", output=tmp_path / "a.jsonl"
        )
    assert sorted(group.kind for group in summary.failures) == ["drop", "hook"]
    assert (summary.items, summary.failed, summary.skipped) == (2, 1, 1)
    handlers = {call for call in calls if call.startswith("handler")}
    assert handlers == ({"handler again", "handler good"} if handled else set())
    (group,) = (group for group in summary.failures if group.kind == "hook")
    assert "KeyError: 200" in group.examples[0].detail


async def test_after_may_stop() -> None:
    """Stop in `after` ends the crawl; its page yields nothing."""
    for handlers in (True, False):
        crawl = things("a") if handlers else Crawl(**QUICK)

        @crawl.after
        def enough(page: Page) -> None:
            raise Stop("enough")

        async with Server(site) as server:
            summary = await run(crawl, server)
        assert (summary.pages, summary.items, summary.failed) == (1, 0, 0)


async def test_items_are_changed_and_dropped(tmp_path: Path) -> None:
    """Functions of an item's type are called in order; what they drop is counted by reason, and listed with its page."""
    crawl = things("a", "b", "c", "d")

    @crawl.item
    def without_c(item: Thing) -> Thing | None:
        return None if item.name == "c" else item

    @crawl.item(Thing)
    async def priced(item: Thing) -> Other | Thing:
        if item.name == "b":
            raise Drop("sold out")
        return Other("other") if item.name == "d" else Thing(item.name, 7)

    @crawl.item(Thing)
    def never_for_others(item: Thing) -> Thing:
        return Thing(f"{item.name}{item.price}")

    output = tmp_path / "things.jsonl"
    async with Server(site) as server:
        summary = await run(crawl, server, output=output)
    assert names_in(output) == ["a7", "other"]
    assert summary.dropped == {"sold out": 1, "without_c returned None": 1}
    assert "1 item dropped: sold out" in summary.cut_examples[0]
    assert priced.__name__ == "priced"


@pytest.mark.parametrize("result", [1, "raises", "speechless", "exits"])
async def test_an_item_function_costs_its_page(result: object, tmp_path: Path) -> None:
    """If one raises, or returns what is no item, nothing of the page is kept, and its reason is reported."""
    crawl = things("a", "b")

    @crawl.item
    def broken(item: Thing) -> object:
        if item.name == "a":
            return item
        if result == "raises":
            raise ValueError("b\ud800")
        if result == "speechless":
            raise Speechless
        if result == "exits":
            sys.exit(1)
        return result

    output = tmp_path / "things.jsonl"
    async with Server(site) as server:
        summary = await run(crawl, server, "/1", "/2", output=output)
    (group,) = summary.failures
    assert (group.kind, group.count, summary.items) == ("hook", 2, 0)
    assert "broken raised" in group.examples[0].reason


async def test_dropped_items_are_counted_across_processes(tmp_path: Path) -> None:
    """A resumed crawl goes on counting; reasons beyond a number are counted together."""
    crawl = things(*map(str, range(REASONS_MAX + 5)), max_pages=1)

    @crawl.item
    def all_of_them(item: Thing) -> Thing:
        raise Drop(f"reason {item.name}")

    state = tmp_path / "a.state"
    async with Server(site) as server:
        await run(crawl, server, "/1", "/2", state=state)
        again = things("x")
        again.item(all_of_them)
        summary = await again.resumed(state)
    assert summary.dropped.pop(OTHER_REASONS) == 6
    assert (summary.pages, len(summary.dropped)) == (2, REASONS_MAX)


async def test_done_gets_the_summary(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """`done` is called behind the output, with and without a state; its error is reported, and changes nothing."""
    crawl, output = things("a"), tmp_path / "a.json"
    found: list[tuple[int, str]] = []

    @crawl.done
    def broken(summary: Summary) -> None:
        raise ValueError("no mail")

    @crawl.done
    async def tell(summary: Summary) -> None:
        found.append((summary.items, output.read_text()))

    async with Server(site) as server:
        with caplog.at_level(logging.WARNING, "scraper_cpn"):
            await run(crawl, server, output=output)
            await run(crawl, server, output=output, overwrite=True, state=tmp_path / "a.state")
            assert [item.name async for item in crawl.stream(server.url)] == ["a"]
    assert [number for number, _ in found] == [1, 1, 1]
    assert all(json.loads(text)[0]["name"] == "a" for _, text in found)
    assert "broken raised ValueError: no mail" in caplog.text


def test_hooks_are_functions() -> None:
    """What can't be called is refused where it is declared."""
    crawl: Crawl[Any] = Crawl()
    with pytest.raises(UsageError, match="a hook is a function"):
        crawl.before("sign")  # type: ignore[type-var]


async def test_unique_items_are_kept_once(tmp_path: Path) -> None:
    """Of items with the same key the first is kept, on one page, on several, and in a resumed crawl; others are counted."""
    crawl = things("a", "a", "b", max_pages=2)
    crawl.unique("name")
    crawl.unique("sku", "shop")
    state, output = tmp_path / "a.state", tmp_path / "a.jsonl"
    async with Server(site) as server:
        await run(crawl, server, "/1", "/2", "/3", state=state, output=output)
        again = things("c", "b")
        again.unique("name")
        summary = await again.resumed(state)
    assert names_in(output) == ["a", "b", "c"]
    assert summary.dropped == {"another item has the same name": 1 + 3 + 1}


def test_a_page_that_comes_again_keeps_its_keys() -> None:
    """Items of a page that was lost before they were written are no duplicates of themselves."""
    unique = Unique()
    unique.add(("name",))
    frontier = Policy(Settings()).frontier
    one, two = (frontier.seed(f"http://a.example/{n}") for n in "12")
    items = Valid((Thing("a"), {"other": 1}))
    for target, kept in ((one, 2), (one, 2), (two, 1)):
        found = unique.only_new(target, items)
        assert isinstance(found, Valid)
        assert len(found.items) == kept
    anew = unique.anew().only_new(two, items)
    assert isinstance(anew, Valid)
    assert len(anew.items) == 2
    with pytest.raises(UsageError, match="name the fields of a key"):
        unique.add(())


@pytest.mark.parametrize("value", [2**70, {1: {2: 3}}, float("nan"), b"x"])
def test_keys_of_any_value(value: object) -> None:
    """Whatever an item may carry may be a key, and a resumed crawl finds the same one."""
    unique = Unique()
    unique.add(("key",))
    item = {"key": value}
    unique.know([(b"a page", msgspec.json.encode(item))])
    found = unique.only_new(Policy(Settings()).frontier.seed("http://a.example/"), Valid((item,)))
    assert isinstance(found, Valid)
    assert found.items == ()


def shop(asked: Asked) -> bytes:
    """A start page that links to ten others, each of which has a link of its own."""
    if asked.target == "/":
        links = "".join(f"<a href=/{number}>{number}</a>" for number in range(10))
    else:
        links = f"<a href={asked.target}/x>x</a>" if asked.target.count("/") == 1 else ""
    return page(links.encode(), "Content-Type: text/html")


@pytest.mark.parametrize("handled", [True, False])
async def test_a_function_of_the_program_says_which_url_is_next(handled: bool) -> None:
    """Best first: a lower number goes first, whoever found it; None leaves a URL as it is."""
    crawl = Crawl(delay="1ms", robots="ignore")
    seen: list[Candidate] = []

    @crawl.priority
    def order(candidate: Candidate) -> int | None:
        seen.append(candidate)
        last = candidate.url.rpartition("/")[2]
        return -int(last) if last.isdecimal() else None

    if handled:

        @crawl.page()
        def follow(page: Page) -> Iterator[Any]:
            yield from page.links("a")

    async with Server(shop) as server:
        await run(crawl, server)
        asked = [each.target for each in server.asked]
    assert [path for path in asked if path.count("/") == 1][1:] == [
        f"/{n}" for n in range(9, -1, -1)
    ]
    depths = {each.url.removeprefix(server.url): (each.parent, each.depth) for each in seen}
    assert depths["/"] == (None, 0)
    assert depths["/3/x"] == (f"{server.url}/3", 2)


async def test_a_priority_of_another_type_fails_the_page_with_the_links() -> None:
    """So does a function that raises; of a seed it is a mistake in the call."""
    for wrong in (1.5, True, "1", 10**7):
        crawl = Crawl(**QUICK)

        @crawl.priority
        def order(candidate: Candidate, wrong: Any = wrong) -> Any:
            return wrong if candidate.parent else None

        async with Server(shop) as server:
            summary = await run(crawl, server)
        (failure,) = summary.failures
        assert (failure.kind, summary.items) == ("hook", 0)
        assert "order raised TypeError: it returned" in str(summary)
    crawl = Crawl(**QUICK)
    crawl.priority(lambda candidate: 1 // 0)
    with pytest.raises(UsageError, match=r"http://a\.example/: .* raised ZeroDivisionError"):
        crawl.seeds(["http://a.example/"])


async def test_a_function_says_when_a_page_is_visited_again() -> None:
    """Each page has its own time, or none; after the visits that are allowed it rests for good."""
    waits: dict[str, str | float | None] = {"/": "50ms", "/1": 0.02, "/2": None}

    def times(page: Page) -> str | float | None:
        return waits[f"/{page.url.rpartition('/')[2]}"]

    crawl = Crawl(**QUICK, again_after=times, visits=3)
    bodies = iter(range(100))

    def changing(asked: Asked) -> bytes:
        return page(b"%d" % next(bodies), "Content-Type: text/html")

    async with Server(changing) as server:
        summary = await run(crawl, server, "/", "/1", "/2")
        asked = sorted(each.target for each in server.asked)
    assert asked == ["/", "/", "/", "/1", "/1", "/1", "/2"]
    assert summary.pages == 7


async def test_a_time_that_is_none_fails_its_page() -> None:
    """A function that raises does so, too; and a value alone is that of --revisit."""
    for wrong in (-1, "soon", [1]):

        def time(page: Page, wrong: Any = wrong) -> Any:
            return wrong

        crawl = Crawl(**QUICK, again_after=time, visits=2)
        async with Server(shop) as server:
            summary = await run(crawl, server)
        assert [each.kind for each in summary.failures] == ["hook"]
    assert Crawl(again_after="1h").settings.revisit_ns == 3600 * 10**9
    assert Crawl(again_after=lambda _: 1, revisit="2h").settings.revisit_ns == 7200 * 10**9
