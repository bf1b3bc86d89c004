"""Statuses that the user treats in another way: as pages, as failures, as worth another attempt."""

from typing import Any

import anyio
import pytest

from scraper_cpn import Crawl, Page, UsageError
from scraper_cpn.scrape.options.statuses import status_rule, status_text
from scraper_cpn.scrape.settings import Settings, StatusRule
from scraper_cpn.scrape.statuses import pages_of, table_of
from tests.servers import Asked, Server, page

QUICK: dict[str, Any] = {"delay": 0, "backoff": "1ms", "robots": "ignore", "retries": 1}


def site(asked: Asked) -> bytes:
    """The path is the status, and may ask for a Retry-After."""
    status, _, after = asked.target.strip("/").partition("/")
    more = (f"Retry-After: {after}",) if after else ()
    return page(b"<p>body", "Content-Type: text/html", *more, status=f"{status} Said")


def asked_times(server: Server, path: str) -> int:
    return sum(asked.target == path for asked in server.asked)


@pytest.mark.anyio
async def test_the_table() -> None:
    """A status is a page, fails for good, or is tried again, as the table says; others stay as they are."""
    table = {404: "page", "5xx": "fail", "403": "retry", "202": "retry", "204": "fail"}
    crawl: Crawl[Any] = Crawl(status=table, **QUICK)
    wanted = {"404": 1, "500": 1, "403": 2, "202": 2, "204": 1, "410": 1, "200": 1}
    async with Server(site) as server:
        summary = await crawl.crawl(*(f"{server.url}/{status}" for status in wanted))
        for status, times in wanted.items():
            assert asked_times(server, f"/{status}") == times, status
    assert (summary.pages, summary.items, summary.failed) == (2, 2, 5)


@pytest.mark.anyio
@pytest.mark.parametrize("status", ["503", "500/1"])
async def test_a_pause_is_a_pause(status: str) -> None:
    """Where a server asks for a pause, no table keeps the crawl from it."""
    crawl: Crawl[Any] = Crawl(status="5xx=fail", backoff_scope="url", **QUICK)
    async with Server(site) as server:
        summary = await crawl.crawl(f"{server.url}/{status}")
    (group,) = summary.failures
    assert (group.kind, summary.attempts) == ("throttled", 2)


def test_pages_of_the_table_go_to_handlers() -> None:
    """A handler that asks for the status is chosen before those that don't; a link's own handler takes it, too."""
    crawl: Crawl[Any] = Crawl(status="404=page", **QUICK)
    seen: list[tuple[str, str]] = []

    @crawl.page()
    def any_page(page: Page) -> Any:
        seen.append(("any", page.url[-3:]))
        yield page.link("/410", to=named)

    @crawl.page("", status=410)
    def named(page: Page) -> None:
        seen.append(("named", page.url[-3:]))

    @crawl.page("*/404?own", status=404)
    def own(page: Page) -> None:
        seen.append(("own", page.url[-3:]))

    async def run() -> None:
        async with Server(site) as server:
            await crawl.crawl(f"{server.url}/404", f"{server.url}/404?own")

    anyio.run(run)
    assert sorted(seen) == [("any", "404"), ("named", "410"), ("own", "own")]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("404=page", StatusRule(404, 404, "page")),
        (" 5XX = Retry ", StatusRule(500, 599, "retry")),
        ("520-529=fail", StatusRule(520, 529, "fail")),
    ],
)
def test_rules(text: str, rule: StatusRule) -> None:
    """A rule is read, and shown in a form that can be read again."""
    assert status_rule(text) == rule
    assert status_rule(status_text(rule)) == rule


@pytest.mark.parametrize(
    "text",
    ["404", "404=drop", "301=page", "3xx=page", "2xx-299=page", "503=fail", "500-400=fail", "600=page", 404],
)  # fmt: skip
def test_rules_that_are_refused(text: object) -> None:
    """The message says what is allowed."""
    with pytest.raises(UsageError, match=r"^status: .*(is not allowed|such as)"):
        Crawl(status=[text])


@pytest.mark.parametrize("given", ["404", 200.5, 429, [404, 301], [None], True])
def test_statuses_of_a_handler_that_are_refused(given: Any) -> None:
    """In one line, where the handler is declared."""
    with pytest.raises(UsageError, match=r"^status: .*(is none; give a number|brings no page)"):
        Crawl().page("*", status=given)


def test_later_rules_count() -> None:
    """Of several rules for a status the last one counts; statuses that ask for a pause stay out of it."""
    rules = Settings(
        statuses=tuple(map(status_rule, ("4xx=page", "404=fail", "5xx=page")))
    ).statuses
    table = table_of(rules)
    assert (table[404], table[410], table.get(429), table.get(503)) == ("fail", "page", None, None)
    assert {404, 503}.isdisjoint(pages_of(rules))


def test_a_handler_of_error_pages_that_needs_data() -> None:
    """It takes pages of links to others: what those may lack is refused when the crawl begins, not at the first error."""
    crawl: Crawl[Any] = Crawl()

    @crawl.page("*", status=[404])
    def gone(page: Page, category: str) -> None: ...

    crawl.session(["http://shop.test/"])

    @crawl.page("")
    def product(page: Page, number: int) -> None: ...

    with pytest.raises(
        UsageError,
        match=r"'gone' takes error pages of links to 'product', too, whose .* 'category'",
    ):
        crawl.session(["http://shop.test/"])
