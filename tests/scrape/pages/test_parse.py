"""A page becomes items and targets, or a reason; and the event loop is not held up by it."""

import asyncio
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from inspect import isawaitable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    Again,
    Bad,
    Deferred,
    Link,
    Over,
    Parsed,
    ParseOutcome,
    Raw,
    Target,
)
from scraper_cpn.scrape.pages import hooked
from scraper_cpn.scrape.pages.cut import Cut
from scraper_cpn.scrape.pages.extract import Item, extract
from scraper_cpn.scrape.pages.fields import field_rule
from scraper_cpn.scrape.pages.guard import (
    EXCESS_S_MAX,
    NEWCOMERS_MAX,
    OVER_LIMIT_S,
    TURN_S_MIN,
)
from scraper_cpn.scrape.pages.handlers import QUICK_CALLS, QUICK_NS, Handlers
from scraper_cpn.scrape.pages.hooked import DETAIL_CHARS_MAX
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.parse import Parser
from scraper_cpn.scrape.pages.weight import SMALL_BYTES
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.redact import remember
from scraper_cpn.scrape.settings import SECOND, PageLimits, Settings, UsageError
from tests.scrape.sample_pages import FETCHED_NS, URL, raw, target

HOME = "https://shop.example/list/"


class Quote(Struct, frozen=True):
    text: str


def discover(page: Target, links: Iterable[Link], found_ns: int) -> tuple[Target, ...]:
    """Everything is in scope but `/out`."""
    return tuple(
        target(
            link.url,
            parent=page.url,
            depth=page.depth + 1,
            handler=link.to,
            priority=link.priority,
            rank=found_ns,
        )
        for link in links
        if "/out" not in link.url
    )


def parser(
    *handlers: Callable[[Page], Any],
    clock_ns: Callable[[], int] = lambda: 0,
    settings: Settings | None = None,
) -> Parser:
    """A parser with these handlers, each for all URLs, and a clock that stands still."""
    registry = Handlers()
    for handler in handlers:
        registry.page("*")(handler)
    return new_parser(settings or Settings(), discover, registry, clock_ns)


MADE: list[Parser] = []
"""Their processes belong to one event loop, and end with it."""


def new_parser(*given: Any) -> Parser:
    MADE.append(Parser(*given))
    return MADE[-1]


def outcome_of(result: ParseOutcome | Awaitable[ParseOutcome]) -> ParseOutcome:
    """What came of a page, awaited if need be."""

    async def awaited() -> ParseOutcome:
        try:
            return await result if isawaitable(result) else result
        finally:
            for made in MADE:
                async with made:
                    pass

    return anyio.run(awaited)


def parsed(page: Raw, *handlers: Callable[[Page], Any], settings: Settings | None = None) -> Parsed:
    outcome = outcome_of(parser(*handlers, settings=settings).parse(page))
    assert isinstance(outcome, Parsed), outcome
    return outcome


def bad(page: Raw, *handlers: Callable[[Page], Any]) -> Bad:
    outcome = outcome_of(parser(*handlers).parse(page))
    assert isinstance(outcome, Bad), outcome
    return outcome


def urls(outcome: Parsed) -> list[str]:
    return [each.url.removeprefix(HOME) for each in outcome.targets]


# Without handlers.


def test_a_page_yields_an_item_and_targets() -> None:
    """Without a program: one item, and a target for each link that is followed."""
    outcome = parsed(raw("<title>T</title><a href=a>A</a> <a href=/out>B</a>", depth=2))
    (item,) = outcome.items
    assert (type(item), item.title, item.text, item.depth) == (Item, "T", "A B", 2)
    assert outcome.targets == (target(HOME + "a", parent=URL, depth=3, rank=FETCHED_NS),)


def test_each_url_once_in_the_order_of_the_page() -> None:
    """Repetitions of a link, with another fragment too, are one target."""
    assert urls(parsed(raw("<a href=b><a href=a><a href=b#x><a href=./a><a href=c>"))) == [
        "b",
        "a",
        "c",
    ]


def test_links_without_end_are_cut() -> None:
    """A page of a million links fills no frontier."""
    html = "".join(f"<a href={n}>" for n in range(20))

    def links(page: Page) -> Iterable[Link]:
        return page.links()

    for handlers in ((), (links,)):
        outcome = parsed(raw(html), *handlers, settings=Settings(max_links=12))
        assert len(outcome.targets) == 12
        assert outcome.cut == ("8 more links; --max-links follows 12",)


def test_fields_of_the_settings() -> None:
    """The user's selectors are in the item."""
    settings = Settings(fields=(field_rule("h=h1"), field_rule("all[]=i")))
    outcome = outcome_of(Parser(settings, discover).parse(raw("<h1>H</h1><i>1</i><i>2</i>")))
    assert isinstance(outcome, Parsed)
    assert outcome.items[0].fields == {"h": "H", "all": ["1", "2"]}


def test_two_fields_of_one_name_are_refused() -> None:
    """Before anything is fetched."""
    with pytest.raises(UsageError, match="two fields"):
        new_parser(Settings(fields=(field_rule("a=p"), field_rule("a=i"))), discover)


def test_small_pages_are_parsed_at_once() -> None:
    """The outcome of a small page is no awaitable: a task would cost more than the parse."""
    assert isinstance(parser().parse(raw("<p>x")), Parsed)


def test_what_is_not_html_is_never_parsed() -> None:
    """However big it is, it takes no thread."""
    big = raw(b"\x00" * (SMALL_BYTES + 1), content_type="image/png")
    assert isinstance(parser().parse(big), Parsed)


BOMB = "<p>" + "".join(f"<i a{n}>" for n in range(1_000)) + "<p>x" * 4_000
"""It would take 2 GB."""
BIG = (
    "<p>" + "".join(f"<i a{n}>{n}" for n in range(300)) + "<p>x</p>" * 200 + "<a href=next>next</a>"
)
"""Nobody can tell before parsing that it takes 8 MB."""
OLD = "".join(f"<P><A HREF={n}>link" + "<P>text" * 9 for n in range(200))
"""As pages were written once; the next link closes the one before, which nobody tells before parsing."""


def title(page: Page) -> dict[str, str | None]:
    return {"last": page.texts("a")[-1]}


async def async_title(page: Page) -> dict[str, str | None]:
    return title(page)


@pytest.mark.parametrize("handlers", [(), (title,), (async_title,)])
def test_bombs_are_bad(handlers: tuple[Callable[[Page], Any], ...]) -> None:
    """A page that takes gigabytes costs its own outcome and no more, with and without handlers."""
    outcome = bad(raw(BOMB), *handlers)
    assert (outcome.kind, outcome.detail) == ("parse", "")
    assert "memory" in outcome.reason


@pytest.mark.parametrize("handler", [title, async_title])
def test_pages_that_look_like_bombs_reach_their_handler(handler: Callable[[Page], Any]) -> None:
    """A page that no one can vouch for is parsed in a process first, and then given to its handler."""
    assert parsed(raw(BIG), handler).items == ({"last": "next"},)


def test_pages_that_look_like_bombs_are_as_others() -> None:
    """A process gives the same item, fields and links as the event loop."""
    rules = (field_rule("all[]=p"), field_rule("last=a"), field_rule("to=a::attr(href)"))
    page = raw(BIG, parent=HOME, depth=2)
    item, links = extract(Page.of(page), FETCHED_NS, rules, Cut(PageLimits()))
    outcome = outcome_of(new_parser(Settings(fields=rules), discover).parse(page))
    assert outcome == Parsed((item,), discover(page.target, links, FETCHED_NS))


@pytest.mark.parametrize("html", ["", BIG])
@pytest.mark.parametrize("kinds", [("a", "refresh"), ("a",)])
def test_refreshes_that_are_not_followed_are_told(html: str, kinds: tuple[str, ...]) -> None:
    """Those of the header and of meta elements, wherever the page is parsed; other links are only counted."""
    start = "<meta http-equiv=refresh content='0; url=/out/2'><a href=/out/3></a>"
    page = raw(start + html)
    page = replace(page, response=replace(page.response, headers=(("refresh", "0; url=/out/1"),)))
    parser = Parser(Settings(links=kinds), discover, refused=lambda _, urls: tuple(urls))
    MADE.append(parser)
    outcome = outcome_of(parser.parse(page))
    assert isinstance(outcome, Parsed)
    told = [url.rpartition("/")[2] for url in outcome.refused]
    assert (told, outcome.not_followed) == ((["1", "2"], 3) if "refresh" in kinds else ([], 1))


@pytest.mark.parametrize("content_type", ["application/pdf", "text/plain"])
def test_a_bomb_that_is_no_html_is_no_bomb_until_it_is_parsed(content_type: str) -> None:
    """A handler that only reads the bytes gets its page; one that has it parsed gets the reason."""

    def size(page: Page) -> dict[str, int]:
        return {"size": len(page.body)}

    page = raw(BOMB, content_type=content_type)
    assert parsed(page, size).items == ({"size": len(BOMB)},)
    assert bad(page, title).kind == "parse"


async def outcomes(bombed: Parser, pages: Iterable[Raw]) -> list[ParseOutcome]:
    """What comes of pages, one after the other."""
    async with bombed:
        results = []
        for page in pages:
            result = bombed.parse(page)
            results.append(await result if isawaitable(result) else result)
        return results


def test_hosts_that_send_bombs_are_given_up() -> None:
    """After some pages that cost too much, such pages of the host cost nothing more; others do not suffer."""
    tries = int(EXCESS_S_MAX / OVER_LIMIT_S) + 2
    elsewhere = at(raw(BIG), "https://other.example/")
    pages = [*[raw(BOMB)] * tries, raw(BIG), raw("<p>harmless"), elsewhere]
    *tried, last, small, other = anyio.run(outcomes, parser(), pages)
    assert all(isinstance(each, Bad) for each in tried)
    assert isinstance(last, Bad)
    assert "other pages of shop.example" in last.reason
    assert isinstance(small, Parsed)
    assert isinstance(other, Parsed)


def at(page: Raw, url: str) -> Raw:
    """The same page of another host."""
    return Raw(page.target, replace(page.response, url=url))


def test_pages_of_unknown_hosts_do_not_keep_others_waiting() -> None:
    """After a bomb, no more than a few are here at a time, and the rest has turns later.

    A host that is known has its turn now; and so have all before there was a bomb.
    """

    async def crawl() -> tuple[list[ParseOutcome], list[ParseOutcome]]:
        async def one(page: Raw) -> None:
            result = crowded.parse(page)
            assert isawaitable(result)
            found.append(await result)

        async def crowd() -> None:
            async with anyio.create_task_group() as group:
                for number in range(2 * NEWCOMERS_MAX):
                    group.start_soon(one, at(raw(BIG), f"https://h{number}.example/"))
                    group.start_soon(one, raw(OLD))

        async with new_parser(Settings(), discover) as crowded:
            found = list[ParseOutcome]()
            await crowd()
            before, found = found, []
            await one(at(raw(BOMB), "https://bomb.example/"))
            await one(raw(OLD))
            found.clear()
            await crowd()
        return before, found

    before, found = anyio.run(crawl)
    assert all(isinstance(each, Parsed) for each in before)
    later = [each for each in found if isinstance(each, Deferred)]
    assert 1 <= len(later) <= NEWCOMERS_MAX  # fewer where the first was done before the last came
    parsed_now = [each for each in found if isinstance(each, Parsed)]
    assert len(parsed_now) == 4 * NEWCOMERS_MAX - len(later)
    waits = [each.after_ns or 0 for each in later]
    assert all(each.crowded for each in later)
    assert min(waits) >= TURN_S_MIN * SECOND


def test_waiting_for_a_turn_is_no_attempt() -> None:
    """However often a page is sent away, it has its attempts left, and its row says why it waits."""
    settings = Settings(retries=0)
    policy = Policy(settings)
    page = raw(BIG)
    for _ in range(3):
        row = policy.requests.deferred(page, Deferred("later", after_ns=7, crowded=True))
        assert (row.kind, row.wait_ns, policy.retries.verdict(row)) == ("crowded", 7, Again())
        page = Raw(policy.retries.next_attempt(row), page.response)
    assert page.target.attempt == 1
    row = policy.requests.deferred(page, Deferred("again", after_ns=7))
    assert policy.retries.verdict(row) == Over()


@given(body=st.binary(max_size=300), content_type=st.sampled_from(["text/html", "", "image/png"]))
def test_any_bytes_are_parsed(body: bytes, content_type: str) -> None:
    """Bad HTML is data."""
    assert isinstance(parser().parse(raw(body, content_type=content_type)), Parsed)


# With handlers.


def quotes(page: Page) -> Iterator[Quote | Link]:
    for text in page.texts("q"):
        yield Quote(text)
    yield from page.links("a", to=quotes)


async def slow_quotes(page: Page) -> AsyncIterator[Quote | Link]:
    for text in page.texts("q"):
        await anyio.lowlevel.checkpoint()
        yield Quote(text)
    for link in page.links("a", to=slow_quotes):
        yield link


PAGE = "<q>one</q><q>two</q><a href=a><a href=a><a href=/out>"


@pytest.mark.parametrize("handler", [quotes, slow_quotes])
def test_a_handler_yields_items_and_links(handler: Callable[[Page], Any]) -> None:
    """Items in their order, and targets that know which handler they are for."""
    outcome = parsed(raw(PAGE), handler)
    assert outcome.items == (Quote("one"), Quote("two"))
    link = target(HOME + "a", parent=URL, depth=1, rank=FETCHED_NS, handler=handler.__name__)
    assert outcome.targets == (link,)


def test_a_handler_sees_the_page() -> None:
    """All that is known of a page is there for its handler."""
    seen: list[Page] = []

    def look(page: Page) -> None:
        seen.append(page)

    assert parsed(raw("é", depth=2, parent=HOME, charset="utf-8"), look) == Parsed((), ())
    (page,) = seen
    assert (page.url, page.depth, page.parent, page.html) == (URL, 2, HOME, "é")


def test_handlers_see_what_is_not_html() -> None:
    """A handler may read JSON: the body is there, whatever it is."""

    def read(page: Page) -> dict[str, int]:
        return {"bytes": len(page.body)}

    assert parsed(raw(b"\x00\x01", content_type="image/png"), read).items == ({"bytes": 2},)


def fails(page: Page) -> Iterator[Quote]:
    yield Quote("lost")
    raise LookupError("no price\n  in row 3")


async def fails_later(page: Page) -> Iterator[Quote]:
    await anyio.lowlevel.checkpoint()
    raise LookupError("no price\n  in row 3")


@pytest.mark.parametrize("handler", [fails, fails_later])
def test_a_handler_that_raises(handler: Callable[[Page], Any]) -> None:
    """The reason is one line with handler and exception, the detail a traceback; no item stays."""
    outcome = bad(raw("x"), handler)
    assert outcome.kind == "handler"
    assert outcome.reason == f"{handler.__name__} raised LookupError: no price in row 3"
    assert "test_parse.py" in outcome.detail
    assert outcome.detail.endswith("no price\n  in row 3\n")


@pytest.mark.parametrize("is_after", [False, True])
def test_what_a_program_raises_shows_no_secret(is_after: bool) -> None:
    """Neither the reason nor the traceback has a password, a token, or the value of one of the crawl's headers."""
    remember("tell-no-one")

    def says(page: Page) -> None:
        raise LookupError("tell-no-one of ftp://me:hush77@h/ or Bearer hush88")

    raised = LookupError("tell-no-one of ftp://me:hush77@h/")
    outcome = hooked.bad(says, raised) if is_after else bad(raw("x"), says)
    for text in (outcome.reason, outcome.detail):
        assert "***" in text
        assert "tell-no-one" not in text
        assert "hush" not in text


async def leaves(page: Page) -> Iterator[Quote]:
    await anyio.lowlevel.checkpoint()
    sys.exit(3)


@pytest.mark.parametrize("handler", [lambda page: sys.exit(3), leaves])
def test_a_handler_that_leaves(handler: Callable[[Page], Any]) -> None:
    """It ends its page, and not the process."""
    outcome = bad(raw("x"), handler)
    assert outcome.kind == "handler"
    assert outcome.reason.endswith(" raised SystemExit: 3")


def test_an_exception_without_text() -> None:
    """Its name is all there is to say."""

    def stops(page: Page) -> None:
        raise RuntimeError

    assert bad(raw("x"), stops).reason == "stops raised RuntimeError"


def test_endless_tracebacks_are_cut() -> None:
    """The end of a traceback says what happened."""

    def shouts(page: Page) -> None:
        raise RuntimeError("x" * 50_000 + "end")

    detail = bad(raw("x"), shouts).detail
    assert (len(detail), detail[-4:]) == (DETAIL_CHARS_MAX, "end\n")


def test_a_bad_selector_in_a_handler_is_reported() -> None:
    """The failed log names the selector."""

    def wrong(page: Page) -> list[str]:
        return page.texts("a[")

    assert (
        bad(raw("x"), wrong).reason
        == "wrong raised ValueError: bad CSS selector 'a[': expected an identifier at position 2"
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("text", "answers returned str 'text'; items"),
        ([7], "answers yielded int 7; items"),
        (Link(None), "answers yielded a link to None: the URL is None; give text"),  # type: ignore[arg-type]
        (
            Link(URL, "nobody"),
            f"answers yielded a link to '{URL}': there is no page handler 'nobody'",
        ),
        (
            Link(URL, priority=1_000_001),
            f"answers yielded a link to '{URL}': the priority is 1000001; give a whole",
        ),
        (Link(URL, priority=2**70), f"answers yielded a link to '{URL}': the priority is 11805"),
        (
            Link(URL, priority=0.5),  # type: ignore[arg-type]
            f"answers yielded a link to '{URL}': the priority is 0.5; give a whole number",
        ),
    ],
)
def test_what_a_handler_may_not_answer(answer: object, reason: str) -> None:
    """Neither items nor links: said in one line, without a traceback of ours."""

    def answers(page: Page) -> object:
        return answer

    outcome = bad(raw("x"), answers)
    assert (outcome.kind, outcome.detail) == ("handler", "")
    assert outcome.reason.startswith(reason)


def test_links_made_by_hand_are_joined_and_normalised() -> None:
    """A program may write `Link("/x")` and mean a URL relative to the page."""

    def links(page: Page) -> list[Link]:
        return [Link("../x#top", priority=2), Link("HTTPS://SHOP.example/x")]

    assert parsed(raw("x"), links).targets == (
        target("https://shop.example/x", parent=URL, depth=1, priority=2, rank=FETCHED_NS),
    )


def test_the_handler_is_chosen_by_link_or_url() -> None:
    """A target that names a handler gets it; others get the first whose pattern fits."""
    handlers = Handlers()

    @handlers.page("*/list/*")
    def lists(page: Page) -> dict[str, str]:
        return {"by": "lists"}

    @handlers.page("")
    def details(page: Page) -> dict[str, str]:
        return {"by": "details"}

    parse = new_parser(Settings(), discover, handlers).parse
    by = [outcome_of(parse(raw("x", handler=name))) for name in ("", "details", "lists")]
    assert [o.items for o in by if isinstance(o, Parsed)] == [
        ({"by": "lists"},),
        ({"by": "details"},),
        ({"by": "lists"},),
    ]


def details_of_errors(page: Page) -> None:
    """A handler of error pages."""


def test_a_page_without_a_handler_is_reported() -> None:
    """A program that has handlers has one for each page, or hears about it."""
    handlers = Handlers()
    handlers.page("*/other/*")(quotes)
    parse = new_parser(Settings(), discover, handlers).parse
    assert parse(raw("x")) == Bad(
        "handler", "no page handler's pattern fits the URL; there are: quotes"
    )
    assert parse(raw("x", handler="gone")) == Bad(
        "handler", "there is no page handler 'gone'; there are: quotes"
    )
    handlers.page("*", status=[404, 410])(details_of_errors)
    assert parse(raw("x")) == Bad(
        "handler",
        "no page handler takes the status 200 here; details_of_errors takes 404 410",
    )


def test_an_empty_registry_is_none() -> None:
    """A program without handlers gets the built-in items."""
    assert len(parsed(raw("x")).items) == 1


# Where it runs.


class Where:
    """A handler that notes in which thread it runs."""

    __name__ = "where"

    def __init__(self) -> None:
        self.inline: list[bool] = []

    def __call__(self, page: Page) -> None:
        self.inline.append(threading.current_thread() is threading.main_thread())


def test_handlers_start_in_threads_and_come_to_the_loop() -> None:
    """A handler runs in a thread until it was quick often enough; then its outcome is there at once."""
    where = Where()
    parse = parser(where).parse
    outcomes = [outcome_of(parse(raw("x"))) for _ in range(QUICK_CALLS)]
    assert parse(raw("x")) == outcomes[0]
    assert where.inline == [False] * QUICK_CALLS + [True]


def test_a_slow_call_sends_a_handler_back() -> None:
    """The clock is read before and after a call; too long a call costs the place on the loop."""
    ticks = iter([0, 1] * QUICK_CALLS + [0, QUICK_NS] + [0, 1])
    where = Where()
    parse = parser(where, clock_ns=lambda: next(ticks)).parse
    for _ in range(QUICK_CALLS + 2):
        outcome_of(parse(raw("x")))
    assert where.inline == [False] * QUICK_CALLS + [True, False]


def test_big_pages_do_not_count() -> None:
    """A page that goes to a thread for its size neither earns nor costs the place on the loop."""
    ticks = iter([0, 1, 0] * QUICK_CALLS + [0, 1])
    where = Where()
    parse = parser(where, clock_ns=lambda: next(ticks)).parse
    for _ in range(QUICK_CALLS):
        outcome_of(parse(raw("x")))
        outcome_of(parse(raw("x" * (SMALL_BYTES + 1))))
    assert parse(raw("x")) == Parsed((), ())
    assert where.inline == [False, False] * QUICK_CALLS + [True]


def test_big_pages_leave_the_loop_alone() -> None:
    """While a big page is parsed, other tasks go on."""
    went_on = threading.Event()
    ends = threading.Event()

    def waits(page: Page) -> dict[str, bool]:
        ends.wait(30)
        return {"went_on": went_on.is_set()}

    async def other() -> None:
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        went_on.set()
        ends.set()

    async def both() -> ParseOutcome:
        result = parser(waits).parse(raw("x"))
        assert isawaitable(result)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(other)
            return await result
        raise AssertionError("unreachable")

    assert anyio.run(both) == Parsed(({"went_on": True},), ())


def test_the_built_in_parse_of_a_big_page_is_awaited() -> None:
    """A page over the limit is parsed in a thread, with the same outcome."""
    html = "<a href=a>" + "x" * SMALL_BYTES
    result = parser().parse(raw(html))
    assert isawaitable(result)
    outcome = outcome_of(result)
    assert isinstance(outcome, Parsed)
    assert urls(outcome) == ["a"]


def test_async_handlers_run_on_the_loop() -> None:
    """They may use what belongs to the loop; a big page is parsed for them before."""
    threads: list[bool] = []

    async def look(page: Page) -> dict[str, bool]:
        threads.append(threading.current_thread() is threading.main_thread())
        return {"ready": page._tree is not None}

    assert parsed(raw("x"), look).items == ({"ready": False},)
    assert parsed(raw("x" * (SMALL_BYTES + 1)), look).items == ({"ready": True},)
    assert threads == [True, True]


def test_a_cancelled_parse_does_not_wait_for_its_handler() -> None:
    """Whoever stops a crawl does not wait for a handler that hangs."""
    ends = threading.Event()

    def hangs(page: Page) -> None:
        ends.wait(30)

    async def cancelled() -> bool:
        result = parser(hangs).parse(raw("x"))
        assert isawaitable(result)
        with anyio.move_on_after(0.01) as scope:
            await result
        left_hanging = not ends.is_set()
        ends.set()
        return left_hanging and scope.cancelled_caught

    assert anyio.run(cancelled)


@pytest.mark.parametrize("kind", [asyncio.CancelledError, GeneratorExit, SystemExit])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_handler_that_raises_what_ends_tasks(kind: type[BaseException], is_async: bool) -> None:
    """Its page is bad, with the reason, and nothing else ends."""

    def handler(page: Page) -> None:
        raise kind

    async def async_handler(page: Page) -> None:
        raise kind

    outcome = bad(raw("x"), async_handler if is_async else handler)
    assert kind.__name__ in outcome.reason


@pytest.mark.parametrize("is_async", [False, True])
def test_a_handler_that_raises_keyboard_interrupt(is_async: bool) -> None:
    """Its page is bad, and the process is interrupted as by Ctrl-C."""

    def handler(page: Page) -> None:
        raise KeyboardInterrupt

    async def async_handler(page: Page) -> None:
        raise KeyboardInterrupt

    interrupts: list[int] = []

    async def outcome() -> ParseOutcome:
        before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
        try:
            result = parser(async_handler if is_async else handler).parse(raw("x"))
            return await result if isawaitable(result) else result
        finally:
            signal.signal(signal.SIGINT, before)

    result = anyio.run(outcome)
    assert isinstance(result, Bad)
    assert "KeyboardInterrupt" in result.reason
    assert interrupts == [signal.SIGINT]


def test_a_cancelled_handler_ends() -> None:
    """A page whose task is cancelled has no outcome: the handler did not fail."""

    async def waits(page: Page) -> None:
        await anyio.sleep_forever()

    async def outcome() -> bool:
        with anyio.move_on_after(0) as scope:
            result = parser(waits).parse(raw("x"))
            assert isawaitable(result)
            await result
        return scope.cancelled_caught

    assert anyio.run(outcome)
