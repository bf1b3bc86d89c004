"""Answers: what each status, header and robots.txt means, and that nonsense is data."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper_cpn.scrape.colours import (
    KINDS,
    Failed,
    Fetched,
    Redirected,
    Response,
    RobotsJob,
    Rules,
    Throttled,
)
from scraper_cpn.scrape.fetch.answers import (
    ROBOTS_BYTES_MAX,
    Answer,
    fetch_outcome,
    retry_after_ns,
    robots_outcome,
)
from scraper_cpn.scrape.robots import (
    WAIT_MAX_NS,
    allowed,
    crawl_delay_ns,
    product_token,
    too_many_hops_rules,
    unreachable_rules,
)
from scraper_cpn.scrape.settings import SECOND

URL = "https://www.example.com/a/b?c"
NOW = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * SECOND
AGENT = "scraper_cpn/0.1 (+https://example.com/bot)"
ORIGIN = "https://www.example.com:443"
JOB = RobotsJob(origin=ORIGIN, url=f"{ORIGIN}/robots.txt", domain="example.com", home="example.com")


def outcome(status: int, **headers: str) -> object:
    """Return the outcome of a page with these headers (`Retry_After` for `Retry-After`)."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return fetch_outcome(URL, Answer(status, named, arrived_at_ns=NOW_NS))


def robots(status: int, body: bytes = b"", *, cut: bool = False, **headers: str) -> object:
    """Return the outcome of a robots.txt."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Answer(status, named, body, cut, arrived_at_ns=NOW_NS, elapsed_ns=7)
    return robots_outcome(JOB, answer, AGENT)


# Pages.


def test_page() -> None:
    """A 2xx is a page, with all that is known of it."""
    headers = {"Content-Type": "Text/HTML; charset=UTF-8"}
    answer = Answer(200, headers, b"<p>hi", arrived_at_ns=NOW_NS, elapsed_ns=5)
    assert fetch_outcome(URL, answer) == Fetched(
        Response(
            url=URL,
            status=200,
            content_type="text/html",
            charset="utf-8",
            body=b"<p>hi",
            fetched_at_ns=NOW_NS,
            elapsed_ns=5,
            headers=(("content-type", "Text/HTML; charset=UTF-8"),),
        )
    )


@pytest.mark.parametrize("status", [200, 203, 204, 206, 299])
def test_every_2xx_is_a_page(status: int) -> None:
    """Every 2xx counts as a page, with or without a body."""
    assert isinstance(outcome(status), Fetched)


def test_cut_page() -> None:
    """A page over the size limit failed for good, whatever its status."""
    found = fetch_outcome(URL, Answer(200, {}, b"x" * 10, cut=True))
    assert found == Failed("too large", "the body goes on after 10 bytes", 200, retry=False)


# Redirects.


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://other.example/x#y", "https://other.example/x"),
        ("/x", "https://www.example.com/x"),
        ("d", "https://www.example.com/a/d"),
        ("?q", "https://www.example.com/a/b?q"),
        ("//other.example", "https://other.example/"),
        ("http://me:secret@other.example/", "http://other.example/"),
        ("/ü", "https://www.example.com/%C3%BC"),
        ("/\udcfc", "https://www.example.com/%FC"),
    ],
)
def test_redirect(status: int, location: str, target: str) -> None:
    """A redirect leads to its Location, joined and normalised; raw bytes survive."""
    assert outcome(status, Location=location) == Redirected(status, target)


@pytest.mark.parametrize(
    "location", ["http://", "mailto:a@b", "javascript:1", "x" * 9000, "\ud800"]
)
def test_redirect_to_nowhere(location: str) -> None:
    """A redirect to what is no URL failed for good, with a short reason that can be printed."""
    found = outcome(302, Location=location)
    assert isinstance(found, Failed)
    assert (found.kind, found.status, found.retry) == ("redirect", 302, False)
    assert len(found.reason) < 300
    assert found.reason.isascii()


def test_redirect_without_location() -> None:
    """A redirect that names no target failed for good."""
    assert outcome(301) == Failed("redirect", "a redirect without Location", 301, retry=False)


# Refusals and failures.


@pytest.mark.parametrize("status", [429, 503])
def test_refusal(status: int) -> None:
    """429 and 503 ask to slow down, for as long as Retry-After says, if it does."""
    assert outcome(status) == Throttled(status, None)
    assert outcome(status, Retry_After="7") == Throttled(status, 7 * SECOND)


@pytest.mark.parametrize(
    ("value", "wait_ns"),
    [
        ("0", 0),
        (" 120 ", 120 * SECOND),
        ("999999", WAIT_MAX_NS),
        ("9" * 15, WAIT_MAX_NS),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90 * SECOND),
        ("Wednesday, 01-Jul-26 12:01:30 GMT", 90 * SECOND),
        ("Wed Jul  1 12:01:30 2026", 90 * SECOND),
        (format_datetime(NOW + timedelta(days=3), usegmt=True), WAIT_MAX_NS),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), None),
        ("-5", None),
        ("1.5", 2 * SECOND),
        ("120.0", 120 * SECOND),
        ("120 seconds", 120 * SECOND),
        ("0.2 s", SECOND),
        ("5 minutes", None),
        (".5", None),
        ("soon", None),
        ("", None),
        ("9" * 5000, WAIT_MAX_NS),
        ("0" * 5000, 0),
        ("0" * 5000 + "7", 7 * SECOND),
        ("Wed, 99 Foo 2026 12:00:00 GMT", None),
        ("Wed, 01 Jul 0000 12:00:00 GMT", None),
        ("\u0663", None),
    ],
)
def test_retry_after(value: str, wait_ns: int | None) -> None:
    """Retry-After is read as seconds or a date of any RFC 9110 form, is at most a day, or none."""
    assert retry_after_ns(value, NOW_NS) == wait_ns


@pytest.mark.parametrize("status", [408, 425, 500, 501, 502, 504, 520, 599])
def test_failures_worth_another_attempt(status: int) -> None:
    """Timeouts of the server and its errors may pass."""
    found = outcome(status)
    assert isinstance(found, Failed)
    assert (found.kind, found.status, found.retry) == ("http", status, True)


@pytest.mark.parametrize("status", [100, 101, 300, 304, 305, 400, 401, 403, 404, 410, 418, 451])
def test_failures_for_good(status: int) -> None:
    """Other statuses stay what they are."""
    found = outcome(status)
    assert isinstance(found, Failed)
    assert (found.kind, found.status, found.retry) == ("http", status, False)


def test_reasons() -> None:
    """A status is named in our words, as the server's may be anything; unknown ones by number."""
    assert outcome(404) == Failed("http", "HTTP 404 Not Found", 404, retry=False)
    assert outcome(599) == Failed("http", "HTTP 599", 599)


def test_proxy_credentials() -> None:
    """407 is the failure of a proxy that may have said it, for pages and for robots.txt: another one may do."""
    refused = Answer(407, {}, by_proxy=True)
    for found in (fetch_outcome(URL, refused), robots_outcome(JOB, refused, AGENT)):
        assert isinstance(found, Failed)
        assert (found.kind, found.retry) == ("proxy", True)


def test_proxy_credentials_for_an_origin() -> None:
    """407 of an origin is an error like any other of its kind, and means that there is no robots.txt."""
    reason = "HTTP 407 Proxy Authentication Required"
    assert outcome(407) == Failed("http", reason, 407, retry=False)
    assert robots(407) == robots(404)


@pytest.mark.parametrize("headers", [{}, {"Location": ""}])
def test_redirects_to_nowhere(headers: dict[str, str]) -> None:
    """A redirect without an address shows its own page, as in browsers; without a page it is a failure."""
    shown = fetch_outcome(URL, Answer(302, headers, b"<p>gone"))
    assert isinstance(shown, Fetched)
    assert (shown.response.status, shown.response.body) == (302, b"<p>gone")
    nothing = fetch_outcome(URL, Answer(302, headers))
    assert nothing == Failed("redirect", "a redirect without Location", 302, retry=False)


HEADERS = st.dictionaries(
    st.sampled_from(["Location", "Retry-After", "Content-Type"]),
    st.text()
    | st.sampled_from(["http://[", "//", "0", "-1", "Thu, 1 Jan", "a/b;charset=", "\udc80"]),
)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 999), HEADERS, st.binary(max_size=60), st.booleans())
def test_no_answer_raises(status: int, headers: dict[str, str], body: bytes, cut: bool) -> None:
    """Whatever a server sends, there is an outcome, and a failure has a kind that is known."""
    answer = Answer(status, headers, body, cut, NOW_NS, 5)
    for found in (fetch_outcome(URL, answer), robots_outcome(JOB, answer, AGENT)):
        assert isinstance(found, Fetched | Rules | Redirected | Throttled | Failed)
        if isinstance(found, Failed):
            assert found.kind in KINDS
            assert "\n" not in found.reason
        if isinstance(found, Throttled) and found.wait_ns is not None:
            assert 0 <= found.wait_ns <= WAIT_MAX_NS


# robots.txt.


def test_robots() -> None:
    """A 2xx brings rules, the Crawl-delay for us, and how long the request took."""
    text = "User-agent: scraper_cpn\nCrawl-delay: 2.5\nDisallow: /x\n"
    assert robots(200, text.encode()) == Rules(ORIGIN, text, 2_500_000_000, 7, home="example.com")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 410, 425, 451])
def test_no_robots(status: int) -> None:
    """A 4xx means that there are no rules (RFC 9309 section 2.3.1.3)."""
    assert robots(status, b"User-agent: *\nDisallow: /") == Rules(
        ORIGIN, "", elapsed_ns=7, home="example.com"
    )


def test_robots_not_now() -> None:
    """429 and 503 for robots.txt are refusals, 5xx a failure worth another attempt."""
    assert robots(429, Retry_After="3") == Throttled(429, 3 * SECOND)
    assert robots(503) == Throttled(503, None)
    assert robots(500) == Failed("http", "HTTP 500 Internal Server Error", 500, retry=True)


def test_robots_moved() -> None:
    """A redirected robots.txt has a next hop, on any host."""
    assert robots(301, Location="https://other.example/r") == Redirected(
        301, "https://other.example/r"
    )


def test_unreachable_robots() -> None:
    """Rules of an unreachable robots.txt forbid every page, with a reason (section 2.3.1.4)."""
    rules = unreachable_rules(ORIGIN, "no answer")
    assert not allowed(rules.text, AGENT, URL)
    assert "could not be fetched" in rules.reason
    assert rules.origin == ORIGIN


def test_robots_behind_too_many_hops() -> None:
    """Rules behind too many redirects forbid nothing (section 2.3.1.2)."""
    rules = too_many_hops_rules(ORIGIN)
    assert allowed(rules.text, AGENT, URL)
    assert rules.origin == ORIGIN


def test_robots_of_any_bytes() -> None:
    """Bytes that are not UTF-8 do not hide the rules, nor does a byte order mark."""
    found = robots(200, b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /\xff\r# \x00\xfe\nDisallow: /x\n")
    assert isinstance(found, Rules)
    assert not allowed(found.text, AGENT, "https://www.example.com/x/y")
    assert allowed(found.text, AGENT, "https://www.example.com/y")


def test_long_robots() -> None:
    """500 KiB count, and half a rule at their end is no rule (section 2.5)."""
    head = b"User-agent: *\nDisallow: /secret\n"
    filler = b"#" * (ROBOTS_BYTES_MAX - len(head) - 12) + b"\n"
    body = head + filler + b"Disallow: /private\n"
    assert body[:ROBOTS_BYTES_MAX].endswith(b"Disallow: /")
    for found in (robots(200, body), robots(200, body[:ROBOTS_BYTES_MAX], cut=True)):
        assert isinstance(found, Rules)
        assert len(found.text) <= ROBOTS_BYTES_MAX
        assert allowed(found.text, AGENT, "https://www.example.com/")
        assert not allowed(found.text, AGENT, "https://www.example.com/secret")


def test_full_robots() -> None:
    """A robots.txt of exactly 500 KiB is whole."""
    rule = b"User-agent: *\nDisallow: /x"
    found = robots(200, b"#" * (ROBOTS_BYTES_MAX - len(rule) - 1) + b"\n" + rule)
    assert isinstance(found, Rules)
    assert not allowed(found.text, AGENT, "https://www.example.com/x")


@pytest.mark.parametrize(
    ("path", "is_allowed"),
    [
        ("/", True),
        ("/private", False),
        ("/private/open/x", True),
        ("/a.pdf", False),
        ("/a.pdf?x", True),
        ("/robots.txt", True),
        ("/%70rivate", False),
    ],
)
def test_rules(path: str, is_allowed: bool) -> None:
    """The longest rule wins, `*` and `$` mean what they do, robots.txt itself is always allowed."""
    text = "User-agent: *\nDisallow: /private\nAllow: /private/open\nDisallow: /*.pdf$\nDisallow: /robots"
    assert allowed(text, AGENT, f"https://www.example.com{path}") is is_allowed


@pytest.mark.parametrize(
    ("agent", "ours"),
    [
        ("scraper_cpn", True),
        ("Scraper_CPN/1.0", True),
        ("scraper_cpn # us", True),
        ("scraper", False),
        ("scraper_cpn_images", False),
        ("other", False),
    ],
)
def test_group_of_an_agent(agent: str, ours: bool) -> None:
    """Our group is the one with our whole product token in any case; else that of `*`."""
    text = f"User-agent: *\nDisallow: /all\nUser-agent: {agent}\nDisallow: /us\nCrawl-delay: 9\n"
    assert allowed(text, AGENT, "https://www.example.com/us") is not ours
    assert allowed(text, AGENT, "https://www.example.com/all") is ours
    assert crawl_delay_ns(text, AGENT) == (9 * SECOND if ours else None)


def test_groups_that_share_rules() -> None:
    """A group may name several agents, and a group said twice is one."""
    text = "User-agent: x\nUser-agent: scraper_cpn\nDisallow: /1\n\nUser-agent: *\nDisallow: /\n"
    text += "User-agent: scraper_cpn\nUser-agent: x\nDisallow: /2\n"
    paths = [p for p in "123" if allowed(text, AGENT, f"https://www.example.com/{p}")]
    assert paths == ["3"]


@pytest.mark.parametrize(
    ("value", "delay_ns"),
    [
        ("0.5", SECOND // 2),
        ("0", None),
        ("-1", None),
        ("nan", None),
        ("1e300", WAIT_MAX_NS),
        ("x", None),
    ],
)
def test_crawl_delay(value: str, delay_ns: int | None) -> None:
    """A Crawl-delay is seconds, at most a day; nonsense is none."""
    assert crawl_delay_ns(f"User-agent: *\nCrawl-delay: {value}", AGENT) == delay_ns


def test_hostile_robots() -> None:
    """Thousands of agents that share thousands of rules cost no more than the rules themselves.

    Kept once for each agent, they would be 100 million.
    """
    agents = "".join(f"User-agent: a{n}\n" for n in range(10_000))
    rules = "".join(f"Disallow: /{n}\n" for n in range(10_000))
    text = agents + "User-agent: *\n" + rules
    assert not allowed(text, AGENT, "https://www.example.com/9999")
    assert allowed(text, AGENT, "https://www.example.com/x")


@pytest.mark.parametrize(
    ("agent", "token"),
    [(AGENT, "scraper_cpn"), ("bot", "bot"), ("My Bot/1", "My"), ("", ""), (" x", "")],
)
def test_product_token(agent: str, token: str) -> None:
    """robots.txt knows a crawler by what is before the first slash or space."""
    assert product_token(agent) == token


DIRECTIVES = st.builds(
    b"%b: %b".__mod__,
    st.tuples(
        st.sampled_from([b"User-agent", b"useragent", b"Allow", b"Disallow", b"Crawl-delay"]),
        st.binary(max_size=12) | st.sampled_from([b"*", b"scraper_cpn", b"/*$", b"/%zz", b"1e999"]),
    ),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.binary(max_size=20) | DIRECTIVES, max_size=8))
def test_any_rules(lines: list[bytes]) -> None:
    """Rules of any bytes are followed without raising, and never forbid robots.txt itself."""
    found = robots(200, b"\n".join(lines))
    assert isinstance(found, Rules)
    assert allowed(found.text, AGENT, URL) in (True, False)
    assert allowed(found.text, AGENT, "https://www.example.com/robots.txt")
    assert found.crawl_delay_ns is None or 0 <= found.crawl_delay_ns <= WAIT_MAX_NS
