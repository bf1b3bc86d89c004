"""Requests that are more than a GET: their redirects, their retries, and where they are in a crawl."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from scraper_cpn.net import Lost
from scraper_cpn.scrape.account.ledger import worth_a_retry
from scraper_cpn.scrape.asking import ready
from scraper_cpn.scrape.colours import (
    WITHHELD,
    Failed,
    Found,
    Link,
    Parsed,
    Redirected,
    RequestTarget,
    Target,
    Throttled,
)
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.request import Request
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.state.packing import packings
from scraper_cpn.scrape.state.rows import read_failure

URL = "https://shop.example/find"
POLICY = Policy(Settings(), ("shop.example", "other.example"))
PAGE = POLICY.frontier.seed("https://shop.example/")


def links(*made: Link, found_ns: int = 5) -> tuple[Target, ...]:
    """Return the targets of links of a page."""
    found = [ready(link, URL, number) for number, link in enumerate(made)]
    return POLICY.frontier.discover(PAGE, [each for each in found if each], found_ns)


def target(**options: Any) -> Target:
    """Return the target of a link with these options."""
    (only,) = links(Link(URL, **options))
    return only


POST: dict[str, Any] = {"json": [1], "headers": {"X-Key": "1"}, "data": {"n": 1}}


@pytest.mark.parametrize(
    ("options", "status", "method"),
    [
        (POST, 301, "GET"),
        (POST, 302, "GET"),
        (POST, 303, "GET"),
        (POST, 307, "POST"),
        (POST, 308, "POST"),
        ({**POST, "method": "PUT"}, 302, "PUT"),
        ({**POST, "method": "PUT"}, 303, "GET"),
        ({"method": "HEAD"}, 303, "HEAD"),
    ],
)
def test_redirects(options: dict[str, Any], status: int, method: str) -> None:
    """As RFC 9110 and Fetch have it; data stays, and a body only with its method."""
    asked = target(**options)
    found = POLICY.requests.hop(asked, Redirected(status, "https://shop.example/next"))
    assert found is not None
    (hop,) = found.requests
    assert (hop.request.method, hop.request.data) == (method, asked.request.data)
    kept = asked.request.method == method
    assert (hop.request.body, hop.request.content_type) == (
        (asked.request.body, asked.request.content_type) if kept else (b"", "")
    )
    assert hop.request.headers == asked.request.headers


def test_headers_stay_with_their_origin() -> None:
    """A redirect to another host, scheme or port gets none of a link's headers."""
    for away in ("https://www.shop.example/", "http://shop.example/", "https://shop.example:444/"):
        found = POLICY.requests.hop(target(**POST), Redirected(307, away))
        assert found is not None
        assert found.requests[0].request.headers == ()
        assert found.requests[0].request.body == b"[1]"
    get = POLICY.requests.hop(target(headers={"X": "1"}), Redirected(302, "http://shop.example/"))
    assert get is not None
    assert type(get.targets[0]) is Target, "nothing is left of its request"


def test_the_answer_to_a_post_may_be_on_its_own_url() -> None:
    """303 to itself is no circle, and the page is requested although its URL is known; 307 to itself is one."""
    asked = target(**POST)
    found = POLICY.requests.hop(asked, Redirected(303, URL))
    assert found is not None
    assert found.targets == ()
    assert found.requests[0].identity != URL
    assert POLICY.requests.hop(asked, Redirected(307, URL)) is None
    assert POLICY.requests.redirect(asked, Redirected(307, URL)).kind == "redirect"


def hops(first: Target, *moves: tuple[str, str]) -> list[Target]:
    """Return the targets of redirects, each a URL with the key of its cookies, up to one that is a circle."""
    found = [first]
    for url, cookies in moves:
        moved = Redirected(302, url, cookies=cookies)
        hop = POLICY.requests.hop(found[-1], moved)
        if hop is None:
            assert "circle" in POLICY.requests.redirect(found[-1], moved).reason
            break
        found += [*hop.targets, *hop.requests]
    return found


AWAY = "https://other.example/login"


@pytest.mark.parametrize(
    ("moves", "followed"),
    [
        ([(URL, "")], 0),
        ([(URL, "c1"), (URL, "")], 1),
        ([(URL, "c1"), (URL, "c1")], 1),
        ([(URL, "c1"), (URL, "c2"), (URL, "c3")], 3),
        ([(AWAY, ""), (URL, "")], 1),
        ([(AWAY, "c1"), (URL, "c2")], 2),
        ([(AWAY, ""), (URL, "c1"), (AWAY, ""), (URL, "c1")], 3),
        ([(AWAY, ""), (URL, "c1"), (AWAY, ""), (URL, "c2")], 4),
    ],
)
def test_a_circle_has_the_same_cookies(moves: list[tuple[str, str]], followed: int) -> None:
    """Back to a URL with other cookies is another request, and so is each that follows it; all differ."""
    found = hops(POLICY.frontier.seed(URL), *moves)
    assert len(found) - 1 == followed
    assert len({each.identity for each in found}) == len(found)


def test_a_circle_in_a_session() -> None:
    """A page that comes back by way of another one without new cookies has not been fetched, and says so."""
    found = hops(target(session="mine"), (AWAY, ""), (URL, ""))
    assert [each.url for each in found] == [URL, AWAY]


def test_no_more_than_so_many_hops() -> None:
    """A server that sets another cookie each time is left at the greatest number of redirects."""
    first = POLICY.frontier.seed(URL)
    found = hops(first, *[(URL, f"c{number}") for number in range(10)])
    assert len(found) == 11
    moved = Redirected(302, URL, cookies="c11")
    assert POLICY.requests.hop(found[-1], moved) is None
    assert "more than 10 redirects" in POLICY.requests.redirect(found[-1], moved).reason


def test_a_form_that_leads_back_with_a_cookie() -> None:
    """The GET behind a POST may come back with a cookie, too."""
    found = hops(target(**POST), (URL, "c1"), (URL, "c2"), (URL, "c2"))
    assert [each.request.method for each in found] == ["POST", "GET", "GET"]
    assert len({each.identity for each in found}) == 3


@pytest.mark.parametrize(
    ("failed", "repeated"),
    [
        (Failed("dropped", "reset"), False),
        (Failed("timeout", "late"), False),
        (Failed("http", "HTTP 500", 500), False),
        (Failed("connect", "no connection", sent=False), True),
        (Failed(WITHHELD, "a pause", sent=False), True),
        (Failed("http", "HTTP 408", 408), True),
    ],
)
def test_what_may_have_been_processed_is_not_sent_again(failed: Failed, repeated: bool) -> None:
    """Unless the user says that it does no harm, or the method is safe."""
    for options, again in ((POST, repeated), ({**POST, "idempotent": True}, True), ({}, True)):
        row = POLICY.requests.failed(target(**options), failed)
        assert (row.retry, row.kind) == (again, failed.kind if again else "unsure")


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        ({"form": {"token": "t"}}, 403, True),
        ({"form": {"token": "t"}}, 404, False),
        ({"json": {"token": "t"}}, 403, False),
        ({}, 403, False),
    ],
)
def test_a_form_that_is_refused(options: dict[str, Any], status: int, told: bool) -> None:
    """Its token may be over, as after a resume without cookies; the row says where a new one is."""
    row = POLICY.requests.failed(
        target(**options), Failed("http", f"HTTP {status}", status, retry=False)
    )
    remark = " (the token of a form may be over; a new one is on its page: https://shop.example/)"
    assert row.reason == f"HTTP {status}{remark if told else ''}"


@pytest.mark.parametrize(
    ("status", "wait_ns", "retried"), [(429, None, True), (503, 5, True), (503, None, False)]
)
def test_refusals(status: int, wait_ns: int | None, retried: bool) -> None:
    """429, and a time to come again, say that the request was not processed."""
    row = POLICY.requests.throttled(target(**POST), Throttled(status, wait_ns))
    assert row.retry == retried


def test_a_lost_post_is_not_sent_again() -> None:
    """Also where the process was killed while it was in flight, or before its page was stored."""
    row = POLICY.requests.lost(target(**POST), Lost("the process ended meanwhile"))
    assert (row.kind, row.retry) == ("unsure", False)
    assert "POST may have been processed" in row.reason
    assert not worth_a_retry(replace(row, final=True)), "nor by `scrape retry`"


def test_again() -> None:
    """A link with `again` is distinguished from each other one, but is the same when its page is parsed once more."""
    one, two = links(Link(URL, again=True), Link(URL, again=True))
    later = links(Link(URL, again=True), found_ns=6)[0]
    assert len({one.identity, two.identity, later.identity, URL}) == 4
    assert links(Link(URL, again=True))[0].identity == one.identity


@pytest.mark.parametrize("robots", ["obey", "ignore"])
def test_both_kinds_of_targets_pass_robots_txt(robots: Any) -> None:
    """Requests known by their URL and others, each in their own set."""
    frontier = Policy(Settings(robots=robots)).frontier
    found = Found((target(),), (target(**POST),))
    asked = (frontier.to_ask(found), frontier.requests_to_ask(found))
    fetched = (frontier.to_fetch(found), frontier.requests_to_fetch(found))
    both = (found.targets, found.requests)
    assert (asked, fetched) == ((both, ((), ())) if robots == "obey" else (((), ()), both))


def test_a_state_keeps_requests_and_pays_nothing_for_others() -> None:
    """Body, headers and data come back; a plain target is stored as before."""
    packing = packings(POLICY)[Target]
    for each in (target(**POST), target(data={"a": 1}), target()):
        assert packing.unpack(packing.pack(each)) == each
    assert len(packing.pack(target())) == 11
    parsed = Parsed((), (target(data={"a": 1}), target()), requests=(target(**POST),))
    known = packings(POLICY)[Parsed]
    assert known.unpack(known.pack(parsed)) == replace(parsed, items=())
    row = POLICY.requests.failed(target(**POST), Failed("dropped", "reset"))
    kept = packings(POLICY)[type(row)]
    assert kept.unpack(kept.pack(row)) == row
    assert read_failure(msgspec.json.encode(row)) == row
    assert isinstance(target(**POST), RequestTarget)
    assert target(**POST).request.method == Request(method="POST").method
