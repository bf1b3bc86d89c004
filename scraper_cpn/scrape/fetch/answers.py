"""The interpretation of HTTP answers: the outcome of fetching a page, or a robots.txt.

Owns: the rules about status codes, Location, Retry-After and robots.txt (RFC 9110,
RFC 9309), as pure functions of what came off the wire.
Must not know: HTTP libraries, sockets, clocks, the net. A web that exists only in memory gives its
answers to the same functions.

No header and no body makes them raise: nonsense from the web is data.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    NOT_WIRED,
    Failed,
    Fetched,
    FetchOutcome,
    Redirected,
    Response,
    RobotsJob,
    RobotsOutcome,
    Rules,
    Target,
    Throttled,
    Unchanged,
    VisitOutcome,
    Wired,
)
from scraper_cpn.scrape.fetch.mime import content_type
from scraper_cpn.scrape.robots import WAIT_MAX_NS, crawl_delay_ns, text_of
from scraper_cpn.scrape.settings import SECOND
from scraper_cpn.scrape.statuses import NO_TABLE, PAUSES
from scraper_cpn.scrape.urls import normalise

ROBOTS_BYTES_MAX = 500 * 1024
"""RFC 9309 section 2.5: this much is read, and what follows is ignored."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PATIENT = frozenset({403, 408, 413, 425})
"""With a Retry-After these ask for a pause, as errors of the server do; without one they don't."""
_TRANSIENT = frozenset({408, 425})
_LOCATION_SHOWN_MAX = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS_READ = 9
"""The digits of Retry-After that are read; no wait has more seconds."""
_SECONDS = re.compile(
    r"0*([0-9]++)(?:\.([0-9]*))?\s*+(?:s|secs?|seconds?)?", re.ASCII | re.IGNORECASE
)
_RAW_BYTE = re.compile("[\udc80-\udcff]")


class Answer(Struct, frozen=True, gc=False):
    """An HTTP answer with its final status, as it came off the wire."""

    status: int
    headers: Mapping[str, str]
    """Looked up as `Location`, `Retry-After` and `Content-Type`. Bytes that are not UTF-8 are
    surrogates (`surrogateescape`)."""
    body: bytes = b""
    """Decompressed; cut at the limit."""
    cut: bool = False
    """Whether the body goes on after the limit."""
    arrived_at_ns: int = 0
    """UTC, nanoseconds since 1970, when the last byte had arrived."""
    elapsed_ns: int = 0
    """From the start of the request to the last byte."""
    by_proxy: bool = False
    """Whether a proxy may have said it: plain HTTP goes through its hands, the inside of a tunnel does not."""
    wired: Wired = NOT_WIRED
    reason: str = ""
    """The reason phrase."""
    certificate_hosts: tuple[str, ...] = ()
    """See `Response.certificate_hosts`."""


def brings_page(
    status: int, headers: Mapping[str, str], also: frozenset[int] = frozenset()
) -> bool:
    """Whether the body of an answer is a page; *also*: error statuses that are asked for.

    A redirect that leads nowhere shows its own body, as in browsers (WHATWG Fetch, "location URL").
    """
    found = 200 <= status < 300 or (status in _REDIRECTS and not headers.get("Location"))
    return found or status in also


def fetch_outcome(
    url: str,
    answer: Answer,
    also: frozenset[int] = frozenset(),
    table: Mapping[int, str] = NO_TABLE,
) -> FetchOutcome:
    """Return what *answer* means for the page at *url* (normalised); *also* as in `brings_page`.

    *table* is as of `table_of`. A Retry-After asks for a pause, whatever the table says of an error.
    """
    if table.get(answer.status, "page") != "page" and answer.status not in also:
        outcome = _without_page(url, answer)
        if isinstance(outcome, Failed) and outcome.kind == "http":
            return replace(outcome, retry=table[answer.status] == "retry")
        return outcome
    if not brings_page(answer.status, answer.headers, also):
        return _without_page(url, answer)
    if answer.status in _REDIRECTS and not answer.body:
        return Failed("redirect", "a redirect without Location", answer.status, retry=False)
    if answer.cut:
        reason = f"the body goes on after {len(answer.body)} bytes"
        return Failed("too large", reason, answer.status, retry=False)
    media_type, charset = content_type(answer.headers.get("Content-Type", ""))
    return Fetched(
        Response(
            url=url,
            status=answer.status,
            content_type=media_type,
            charset=charset,
            body=answer.body,
            fetched_at_ns=answer.arrived_at_ns,
            elapsed_ns=answer.elapsed_ns,
            wired=answer.wired,
            headers=tuple(
                (name.lower(), _readable(value)) for name, value in answer.headers.items()
            ),
            reason=_readable(answer.reason),
            certificate_hosts=answer.certificate_hosts,
        )
    )


def _readable(value: str) -> str:
    """Return a header's value such that it can be written as UTF-8."""
    return (
        value
        if value.isascii()
        else value.encode(errors="surrogateescape").decode(errors="replace")
    )


def visit_outcome(target: Target, outcome: FetchOutcome) -> VisitOutcome:
    """Return what an outcome means for a page that was kept: a 304 answers its conditions (RFC 9110 section 15.4.5)."""
    is_304 = isinstance(outcome, Failed) and outcome.status == HTTPStatus.NOT_MODIFIED
    visit = target.request.visit
    return Unchanged() if is_304 and visit is not None and visit.kept else outcome


def robots_outcome(job: RobotsJob, answer: Answer, user_agent: str) -> RobotsOutcome:
    """Return what *answer* means for a robots.txt (RFC 9309 section 2.3.1).

    A status of 4xx means that there are no rules, except 429 (not now) and 407 where a proxy said it.
    """
    if 200 <= answer.status < 300:
        text = text_of(answer.body, ROBOTS_BYTES_MAX, cut=answer.cut)
        delay_ns = crawl_delay_ns(text, user_agent)
        return Rules(job.origin, text, delay_ns, answer.elapsed_ns, home=job.home)
    if 400 <= answer.status < 500 and answer.status not in PAUSES and not _by_proxy(answer):
        return Rules(job.origin, "", elapsed_ns=answer.elapsed_ns, home=job.home)
    return _without_page(job.url, answer)


def retry_after_ns(value: str | None, now_utc_ns: int) -> int | None:
    """Return how long a Retry-After header (seconds or an HTTP date) asks to wait from now.

    Some servers write `1.5`, `120.0` or `120 seconds`: a fraction is rounded up. At most `WAIT_MAX_NS`. None when it is absent, nonsense, or a date that has passed: then a clock
    is wrong, and the growing back-off is safer than no wait (RFC 9110 section 10.2.3).
    """
    text = (value or "").strip()
    if found := _SECONDS.fullmatch(text):  # there may be thousands of digits
        more = bool(found[2] and found[2].strip("0"))
        return min((int(found[1][:_DIGITS_READ]) + more) * SECOND, WAIT_MAX_NS)
    try:
        when = parsedate_to_datetime(text)
        since = (when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    wait_ns = (since.days * 86_400 + since.seconds) * SECOND - now_utc_ns
    return min(wait_ns, WAIT_MAX_NS) if wait_ns > 0 else None


def _without_page(url: str, answer: Answer) -> Redirected | Throttled | Failed:
    """Return what a status means that brings no page."""
    status = answer.status
    if status in _REDIRECTS:
        return _redirect(url, answer)
    wait_ns = retry_after_ns(answer.headers.get("Retry-After"), answer.arrived_at_ns)
    asks_for_a_pause = wait_ns is not None and (status >= 500 or status in _PATIENT)
    if status in PAUSES or asks_for_a_pause:
        return Throttled(status, wait_ns)
    if _by_proxy(answer):
        return Failed("proxy", "the proxy requires other credentials (HTTP 407)", status)
    return Failed("http", _phrase(status), status, retry=status >= 500 or status in _TRANSIENT)


def _redirect(url: str, answer: Answer) -> Redirected | Failed:
    location = answer.headers.get("Location")
    if not location:
        reason = "a redirect without Location"
        return Failed("redirect", reason, answer.status, retry=False)
    shown = ascii(location[:_LOCATION_SHOWN_MAX])
    target = normalise(_RAW_BYTE.sub(_percent, location), url)
    if target is None:
        return Failed("redirect", f"a redirect to {shown}", answer.status, retry=False)
    wait_ns = retry_after_ns(answer.headers.get("Retry-After"), answer.arrived_at_ns)
    return Redirected(answer.status, target, wait_ns or 0)


def _by_proxy(answer: Answer) -> bool:
    """Whether it is the proxy that refuses its service. An origin has no use for 407, but some say it."""
    return answer.by_proxy and answer.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED


def _percent(byte: re.Match[str]) -> str:
    return f"%{ord(byte[0]) - 0xDC00:02X}"


def _phrase(status: int) -> str:
    """Return the status in words; ours, as the server's own may be anything."""
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"
