"""The status of a kept crawl, read from its state alone, even while it runs.

Owns: the records of `scrape status`, and reading them.
Must not know: the command line, how anything is shown, SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from scraper_cpn.net import Place
from scraper_cpn.scrape.account.ledger import Ledger
from scraper_cpn.scrape.account.levels import Levels
from scraper_cpn.scrape.account.report import Changes, Level
from scraper_cpn.scrape.colours import Domain, Found, GivenUp, Proxy, Rest, Target
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy.pauses import gap_after
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.state.metadata import reading_rows
from scraper_cpn.scrape.state.packing import priority_and_rank
from scraper_cpn.scrape.state.rows import failures
from scraper_cpn.scrape.state.run import (
    ScrapeCodec,
    account,
    clock_of,
    codec_of,
    ending,
    kept,
    last_opening,
)
from scraper_cpn.scrape.state.unread import unread
from scraper_cpn.scrape.urls import domain_of, host_of, names_above
from scraper_cpn.scrape.windows import opening_after
from scraper_cpn.store.reader import RunInfo
from scraper_cpn.store.recorder import COMPLETE, EDIT
from scraper_cpn.store.statefile import wal
from scraper_cpn.store.states import Location, RunView, look

RATE_WINDOW_NS = 60 * SECOND
_PAGES_MOST = 20_000
"""The number of pages that suffices for a rate, however short a time they took."""


class Backlog(Struct, frozen=True):
    """A domain, with the number of its URLs that wait for robots.txt, for their turn or for a retry."""

    domain: str
    urls: int
    ready_at_ns: int
    """When its next request may start; UTC, 0: at once."""


class LongPause(Struct, frozen=True):
    """A domain that pauses for longer than its delay."""

    domain: str
    until_ns: int
    """UTC."""
    why: str


class Failures(Struct, frozen=True):
    """The URLs that failed, or were skipped, in the same way."""

    kind: str
    count: int
    meaning: str
    example: str
    """One of them."""


class Resting(Struct, frozen=True):
    """A proxy that waits."""

    proxy: str
    until_ns: int
    """UTC."""
    faults: int
    """Faults in a row; 0 if the proxy is only paced."""


class Barred(Struct, frozen=True):
    """A proxy that rests for one domain, which has refused it."""

    domain: str
    proxy: str
    until_ns: int
    """UTC."""


class RunStatus(Struct, frozen=True, kw_only=True):
    """The status of one crawl."""

    run: str
    created_ns: int
    """UTC, since 1970, like all times."""
    now_ns: int
    """The time of the look, by the crawl's clock."""
    pid: int | None
    """The process that runs it now; None if there is none."""
    host: str = ""
    """The machine of that process; empty: this one."""
    ended: str | None
    """`finished`, `spent`, `interrupted`, `stuck` or `faulted`; None unless its last process ended properly."""
    reason: str
    pages: int
    items: int
    attempts: int
    bytes: int
    elapsed_ns: int
    stored: int
    failed: int
    retriable: int
    """The number of failed URLs that `retry` would put back."""
    skipped: int
    failures: tuple[Failures, ...]
    """The most frequent first."""
    changes: Changes | None = None
    """In a crawl that compares pages with what they were (`--revisit`, `--since`)."""
    waiting: dict[str, int]
    """The number of waiting URLs, by what they wait for."""
    unread_lines: int
    """Lines of seeds that are not read yet."""
    levels: tuple[Level, ...]
    """The same URLs by their priority."""
    ageing_ns: int | None
    """The wait that counts as one level of priority; None: no ageing."""
    in_flight: int
    pipeline: int
    """Pages that were fetched but are not stored yet."""
    set_aside: int
    """Tokens on which the net's functions raised an exception."""
    handled: bool = False
    """Whether the page handlers belong to a program that calls the Python API, which alone can resume it."""
    domains: int
    """The number of domains with a backlog."""
    backlog: tuple[Backlog, ...]
    """The largest backlogs, largest first."""
    recent: float | None
    """Pages per second over the last minute; None if the crawl is not running."""
    opens_ns: int | None = None
    """When requests may start again (`--hours`), UTC; None: they may now."""
    paused: tuple[LongPause, ...] = ()
    given_up: tuple[tuple[str, str], ...] = ()
    """The domains that were given up, and why."""
    resting: tuple[Resting, ...]
    barred: tuple[Barred, ...]
    retired: tuple[str, ...]
    """Proxies whose quota or lease has ended."""
    batches: int
    """The number of batches in the journal."""
    journal_bytes: int


class StateStatus(Struct, frozen=True):
    """The status of a state's crawls."""

    state: str
    file_bytes: int | None
    """The size of its file; None: it is on PostgreSQL, in tables that other states use, too."""
    wal_bytes: int
    """The size of the -wal: committed data that is not in the file yet."""
    runs: tuple[RunStatus, ...]


def state_status(path: Location, run: str | None = None, *, domains: int = 10) -> StateStatus:
    """The status of a state's crawls, or of the one called *run*, with the *domains* largest backlogs.

    Cost: reads each token and each row of the failed log once.

    Raises:
        StoreError: the state can't be read, has no such run, or belongs to another net.
    """
    with look(path) as reader:
        if run is not None:
            reader.run(run)
        found = tuple(
            _status(info, reader.run(info.name), domains)
            for info in reader.runs()
            if run is None or info.name == run
        )
    return StateStatus(str(path), *_file_bytes(path), found)


def _file_bytes(path: Location) -> tuple[int | None, int]:
    """The sizes of a state's file and its -wal."""
    if not isinstance(path, Path):
        return None, 0
    log = wal(path)
    return path.stat().st_size, log.stat().st_size if log.exists() else 0


def _status(info: RunInfo, reader: RunView, domains: int) -> RunStatus:
    policy = last_opening(info.metadata).policy
    codec = codec_of(policy)
    net = codec.net
    now_ns = clock_of(info.metadata, info.at_ns).now_ns()
    running = info.pid is not None
    so_far, end = account(info.metadata), None if running else ending(info.metadata)
    ledger, head = Ledger(), reader.head()
    ledger.take(failures(reader))
    ledger.stored, ledger.changed = so_far.stored, so_far.changed
    with reading_rows():
        tokens = [(each.ready_at_ns, each.colour) for each in _single(reader, codec)]
        places, backlog = reader.counts(), _backlog(reader, codec, tokens)
        rows = list(reader.saved().flights)
        flights = Counter(map(codec.transition, rows))
        held = {serial for row in rows for serial in codec.holds(row)}
        levels = _levels(reader, net, tokens, held)
        recent = _rate(reader, now_ns) if running else None
    ready = {c.domain: ready_ns for ready_ns, c in tokens if isinstance(c, Domain)}
    return RunStatus(
        run=info.name,
        created_ns=info.created_ns,
        now_ns=now_ns,
        pid=info.pid,
        host=info.host,
        ended=end.how if end else None,
        reason=end.reason if end else "",
        pages=so_far.pages,
        items=so_far.items,
        attempts=so_far.attempts,
        bytes=so_far.bytes,
        elapsed_ns=so_far.elapsed_ns,
        stored=so_far.stored,
        failed=ledger.failed,
        retriable=len(ledger.failed_urls),
        skipped=ledger.skipped,
        failures=tuple(kinds_in(ledger)),
        changes=ledger.changes if policy.settings.compares else None,
        waiting=_waiting(net, places, flights, tokens),
        unread_lines=0
        if (seeds := unread(reader, info.metadata, kept(info.metadata).input)) is None
        else seeds.lines,
        levels=levels.listed(policy, now_ns),
        ageing_ns=policy.settings.ageing_ns,
        in_flight=flights[net.requests.scrape_target.name],
        pipeline=sum(
            places.get(place.name, 0) for place in (*net.pipeline.stages, net.retries.failed)
        ),
        set_aside=head.faulted,
        handled=kept(info.metadata).handled,
        domains=len(backlog),
        backlog=tuple(
            Backlog(domain, urls, ready.get(domain, 0))
            for domain, urls in backlog.most_common(domains)
        ),
        recent=recent,
        opens_ns=opening_after(policy.settings.hours, now_ns),
        paused=(*_closed(policy.settings, now_ns), *_paused(tokens, now_ns))[:domains],
        given_up=tuple(
            (token.domain, token.reason) for _, token in tokens if isinstance(token, GivenUp)
        ),
        resting=tuple(_resting(tokens, now_ns)),
        barred=tuple(
            Barred(rest.domain, rest.proxy, ready_ns)
            for ready_ns, rest in tokens
            if isinstance(rest, Rest)
        )[:domains],
        retired=tuple(dict.fromkeys(name for _, name, _ in reader.rows(net.proxies.retired.name))),
        batches=head.seq - head.journal_first + 1,
        journal_bytes=head.journal_bytes,
    )


def _single(reader: RunView, codec: ScrapeCodec) -> Iterator[Any]:
    """The tokens of the places whose colours the status needs."""
    net = codec.net
    places: tuple[Place[Any], ...] = (
        net.frontier.found,
        net.requests.hops,
        net.health.given_up,
        net.domains.pacing,
        net.proxies.pool,
        *(routes.rests for routes in net.routes),
    )
    return map(codec.standing, reader.tokens(tuple(place.name for place in places)))


def _waiting(
    net: ScrapeNet, places: dict[str, int], flights: Counter[str], tokens: list[tuple[int, Any]]
) -> dict[str, int]:
    founds = [colour for _, colour in tokens if isinstance(colour, Found)]
    found = sum(len(each.targets) + len(each.requests) for each in founds)
    return {
        "admission": found,
        **waiting_in(net, places, flights[net.requests.scrape_target.name]),
    }


def waiting_in(net: ScrapeNet, places: Mapping[str, int], in_flight: int = 0) -> dict[str, int]:
    """The URLs that wait, by what they wait for, from the tokens of each place; *in_flight* pages wait no more."""
    turns = (net.frontier.targets, *net.staged_targets)
    found = {
        "robots.txt": places.get(net.robots.asks.name, 0),
        "their turn": sum(places.get(place.name, 0) for place in turns) - in_flight,
        "a retry": places.get(net.retries.cool_down.name, 0),
    }
    if net.revisits is not None:
        found["their next visit"] = places.get(net.revisits.rests.name, 0)
    return found


def _levels(
    reader: RunView, net: ScrapeNet, tokens: list[tuple[int, Any]], held: set[int]
) -> Levels:
    """The waiting URLs, by level; *held* are tokens that firings hold."""
    levels = Levels()
    waiting = (net.robots.asks, net.frontier.targets, net.retries.cool_down)
    for serial, packed in reader.colours([place.name for place in waiting]):
        if serial not in held:
            levels.add(*priority_and_rank(packed))
    for _, colour in tokens:
        levels.take(colour)
    return levels


def _backlog(reader: RunView, codec: ScrapeCodec, tokens: list[tuple[int, Any]]) -> Counter[str]:
    """The number of URLs not fetched yet, by domain, including those in flight."""
    urls: Counter[str] = Counter()
    net, targets = codec.net, codec.net.frontier.targets
    for text, number in reader.backlog(targets.name).items():
        key = codec.key_of(targets.name, text)
        urls[str(key[0] if isinstance(key, tuple) else key)] += number  # the domain comes first
    known = {colour.domain for _, colour in tokens if isinstance(colour, Domain)}
    for origin, number in reader.backlog(net.robots.asks.name).items():
        names = (name for name in names_above(host_of(origin)) if name in known)
        urls[next(names, None) or domain_of(origin, net.policy.settings.limit_by)] += number
    urls.update(colour.domain for _, colour in tokens if isinstance(colour, Target))
    cooling = net.retries.cool_down.name
    urls.update(codec.colour(cooling, packed).domain for _, packed in reader.colours([cooling]))
    return urls


def kinds_in(ledger: Ledger) -> Iterator[Failures]:
    """The failures of a ledger by kind, the most frequent first."""
    for group in ledger.groups():
        yield Failures(group.kind, group.count, group.meaning, group.examples[0].target.url)


def _closed(settings: Settings, now_ns: int) -> Iterator[LongPause]:
    """The domains outside of their own hours."""
    for site in settings.sites:
        opens_ns = opening_after(site.hours, now_ns)
        if opens_ns is not None:
            yield LongPause(site.name, opens_ns, "its hours")


def _paused(tokens: list[tuple[int, Any]], now_ns: int) -> Iterator[LongPause]:
    """The domains that pause for longer than their delay, the longest first."""
    held = [
        (ready_ns, colour)
        for ready_ns, colour in tokens
        if isinstance(colour, Domain) and ready_ns - now_ns > gap_after(colour.delay_ns)
    ]
    for ready_ns, domain in sorted(held, key=lambda pair: -pair[0]):
        why = (
            "no answer" if domain.probes else "it asked for a pause, or its pages wait to be parsed"
        )
        yield LongPause(domain.domain, ready_ns, why)


def _resting(tokens: list[tuple[int, Any]], now_ns: int) -> Iterator[Resting]:
    """The proxies of which no token may be used now."""
    ready: dict[str, tuple[int, Proxy]] = {}
    for ready_ns, colour in tokens:
        if isinstance(colour, Proxy) and ready_ns < ready.get(colour.proxy, (1 << 63, colour))[0]:
            ready[colour.proxy] = (ready_ns, colour)
    for name, (ready_ns, proxy) in ready.items():
        if ready_ns > now_ns:
            yield Resting(name, ready_ns, proxy.strikes)


_inputs = msgspec.msgpack.Decoder(list[list[msgspec.Raw]]).decode
_EDITED, _COMPLETED, _FETCHED = map(msgspec.msgpack.encode, (EDIT, COMPLETE, "Fetched"))


def _rate(reader: RunView, now_ns: int) -> float:
    """Pages per second over the last minute, or since the process began."""
    pages, since_ns = 0, now_ns - RATE_WINDOW_NS
    for _, at_ns, _, _, inputs in reader.latest():
        if at_ns < since_ns or pages >= _PAGES_MOST:
            break
        for given in _inputs(inputs):
            if bytes(given[0]) == _EDITED:
                since_ns = at_ns
            pages += bytes(given[0]) == _COMPLETED and bytes(given[3]) == _FETCHED
        if pages >= _PAGES_MOST:
            since_ns = at_ns
    return pages * SECOND / max(now_ns - since_ns, SECOND)
