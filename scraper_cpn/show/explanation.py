"""Explaining to people where a URL is in a crawl.

Owns: the words of `scrape explain`, except for what a URL waits for, whose words the net's parts own.
Must not know: how a state is read, how the net works.
"""

import shlex
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from scraper_cpn.scrape.account.ledger import UNSURE
from scraper_cpn.scrape.state.explanation import Explanation, RequestEnd
from scraper_cpn.scrape.state.run import resuming
from scraper_cpn.show.words import ahead, counted, moment, number, plain

_STYLES = {"stored": "bold green", "failed": "bold red", "skipped": "bold yellow"}
_NOT_SEEN = (
    "a link to it would be followed, but no page that was fetched so far has one",
    "(or only pages at the greatest depth: see --max-depth)",
)
_KEPT_OUT = {
    "scope": "a link to it would not be followed: it is out of scope (see --scope, -D)",
    "filters": "a link to it would not be followed: --allow or --deny keep it out",
    "traps": "a link to it would not be followed: it looks like one of endlessly many (--trap-rules)",
    "robots": "robots.txt forbids it",
}


def explanation_lines(where: Explanation, state: str) -> Iterator[Text]:
    """Yield what to print; *state* is how a command names the state and the run."""
    yield Text(plain(where.url), style="bold")
    yield Text(_stands(where), style=_STYLES.get(where.stands, "bold cyan"))
    yield from map(_listed, _waits(where))
    yield from map(_listed, _more(where))
    for which_one, request in enumerate(where.requests, start=1):
        yield from _request(request, which_one, len(where.requests))
    for attempt in () if where.requests else where.attempts:
        yield _attempt(attempt)
    yield from _commands(where, state)


def _listed(line: str) -> Text:
    return Text(f"  {line}")


def _stands(where: Explanation) -> str:
    return {
        "found": "found: it is about to be admitted",
        "asks": "waits for the robots.txt of its server",
        "waits": f"waits for its turn; {_queue(where)}",
        "rests": "was visited, and waits for its next visit",
        "cools down": f"waits for attempt {where.target.attempt if where.target else ''}",
        "in flight": "is being fetched"
        if where.pid
        else "was being fetched when the process ended",
        "pipeline": "was fetched, and is being processed",
        "failed once": "an attempt has failed; the next one is being decided",
        "set aside": "was set aside: a function of the net raised an error",
        "stored": f"stored, with {counted(where.items or 0, 'item')}{_came(where)}",
        "failed": "failed, and is not tried again",
        "skipped": "skipped",
        "file": f"a file that items name: {plain(where.file)}",
        "unread": f"a seed that was not read yet: {plain(where.place)}",
        "unknown": "was never found in this crawl",
    }[where.stands]


def _came(where: Explanation) -> str:
    """The connection that a page came on, so that others on the same connection can be found."""
    if not where.connection:
        return ""
    return f"; it came as answer {number(where.ordinal)} of connection {number(where.connection)}"


def _queue(where: Explanation) -> str:
    queue = plain(where.domain)
    if where.level is not None:
        queue += f" with priority {where.level} (--shares)"
    if where.ahead:
        return f"{counted(where.ahead, 'URL')} of {queue} before it"
    return f"it is the next of {queue}"


def _waits(where: Explanation) -> Iterator[str]:
    """Yield what the URL waits for, without repetition.

    While the crawl is stopped, waits that only a running crawl could have are left out.
    """
    lacks = (*where.waits, *where.robots)
    counting = [wait for wait in lacks if where.pid or wait.until_ns or wait.outlasts]
    for needs, until_ns in dict.fromkeys((wait.needs, wait.until_ns) for wait in counting):
        if needs:
            yield plain(needs) + (f": {_until(until_ns, where.now_ns)}" if until_ns else "")


def _until(until_ns: int, now_ns: int) -> str:
    return f"{ahead(until_ns - now_ns)}, at {moment(until_ns)}"


def _more(where: Explanation) -> Iterator[str]:
    """Yield what else is known of the URL."""
    target = where.target
    if where.since_ns is not None:
        yield f"since {moment(where.since_ns)}"
    if where.error:
        yield plain(where.error)
    yield from map(plain, where.cut)
    if where.change:
        yield f"{where.change}, compared with before"
    if where.stored > (where.stands == "stored"):
        yield f"{counted(where.stored, 'request')} of this URL stored"
    if target is not None:
        origin = f"linked from {plain(target.parent)}" if target.parent else "a seed"
        yield f"depth {target.depth}, {origin}"
        if target.requested_url != target.url:
            yield f"redirected from {plain(target.requested_url)}"
    for line in where.robots_says:
        yield f"robots.txt says {plain(line)}"
    if where.stands in {"asks", "waits", "in flight"} and target and target.attempt > 1:
        yield f"attempt {target.attempt}"
    if target is not None and target.lost and where.stands not in {"stored", "failed"}:
        yield f"{counted(target.lost, 'attempt')} lost with the process that made them; --retries does not count those"
    if where.stands == "unknown":
        yield from [_KEPT_OUT[each] for each in where.kept_out] or _NOT_SEEN


def _request(request: RequestEnd, which: int, of: int) -> Iterator[Text]:
    """Yield what became of one of several requests."""
    stands = {"open": "has not ended"}.get(request.stands, request.stands)
    more = f", with {counted(request.items, 'item')}" if request.items is not None else ""
    carried = next((str(row["data"]) for row in request.attempts if "data" in row), "")
    with_data = f" with the data {plain(carried)}" if carried else ""
    yield Text(f"  {request.method}{with_data}, {which} of {of} requests: {stands}{more}")
    for row in request.attempts:
        yield Text("  ").append_text(_attempt(row))


def _attempt(row: dict[str, Any]) -> Text:
    text = Text("  " if row["kind"] in ("invalid", "refresh") else f"  attempt {row['attempt']}: ")
    text.append(plain(row["kind"]), style="bold")
    return text.append(f": {plain(row['reason'])}")


def _commands(where: Explanation, state: str) -> Iterator[Text]:
    over = where.stands in {"stored", "failed", "skipped", "file", "unknown"}
    if where.again:
        yield Text.assemble("retry it, with all failed URLs: ", (f"scrape retry {state}", "bold"))
    elif not over and where.pid is None:
        command = resuming(state, handled=where.handled)
        yield Text.assemble("the crawl is not running; resume it: ", (command, "bold"))
    last = where.attempts[-1] if where.attempts else {}
    if where.stands == "failed" and last.get("kind") == UNSURE:
        command = f"scrape retry {state} --kind {UNSURE}"
        yield Text.assemble(
            "send it again on purpose, with all that are unsure: ", (command, "bold")
        )
    if last.get("kind") == "redirected":
        url = str(last["reason"]).removeprefix("redirects to ").partition(" ")[0]
        command = f"scrape explain {state} {shlex.quote(plain(url))}"
        yield Text.assemble("the target of the redirect: ", (command, "bold"))
