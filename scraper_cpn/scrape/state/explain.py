"""Explain from the state alone what became of a URL in a kept crawl, or what it waits for.

Owns: finding a URL among tokens, firings in flight and rows, and what the net says of it.
Must not know: the command line, how anything is shown, SQL.

The net itself answers what a target waits for (`net.explain`), on a marking without the other waiting
URLs: they may not fit into memory, and they matter only for the order of turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.net.changes import Durable
from scraper_cpn.net.explain import lacks
from scraper_cpn.net.marking import Flying, Standing
from scraper_cpn.scrape.account.ledger import (
    SKIPPED,
    UNCHANGED,
    change_of,
    failure_record,
    worth_a_retry,
)
from scraper_cpn.scrape.colours import (
    Denied,
    Failure,
    FileEnd,
    FileJob,
    Found,
    Link,
    Rest,
    RobotsJob,
    Rules,
    Target,
    url_of,
)
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.robots import statements
from scraper_cpn.scrape.seeds import BadSeed, Block, seeds_in
from scraper_cpn.scrape.state.around import marking_around
from scraper_cpn.scrape.state.explanation import Explanation, RequestEnd, Wait
from scraper_cpn.scrape.state.metadata import read_row, reading_rows
from scraper_cpn.scrape.state.rows import StoredPage, read_failure
from scraper_cpn.scrape.state.run import ScrapeCodec, clock_of, codec_of, kept, last_opening
from scraper_cpn.scrape.state.unread import unread
from scraper_cpn.scrape.urls import domain_of, origin_of
from scraper_cpn.store.reader import RunInfo
from scraper_cpn.store.states import Location, RunView, look


class _Spot(Struct, frozen=True):
    """Where a URL was found among tokens and firings."""

    stands: str
    target: Target
    serial: int
    ahead: int = 0
    flying: Flying | None = None


def explain(path: Location, url: str, run: str | None = None) -> Explanation:
    """Find a URL (normalised) in the crawl called *run*; None: in the only one.

    Cost: reads the waiting URLs of its domain, all tokens but other waiting URLs, and the rows of the sinks.

    Raises:
        StoreError: the state can't be read, has no such run, or belongs to another net.
    """
    with look(path) as state:
        metadata = state.run(run).metadata()
    asked = last_opening(metadata).policy.frontier.asked(url)
    found = _whereabouts(path, asked, run)
    return _whereabouts(path, url, run) if found.stands == "unknown" and url != asked else found


def _whereabouts(path: Location, url: str, run: str | None) -> Explanation:
    """As `explain`, for a URL that is not normalised further."""
    with look(path) as state:
        reader = state.run(run)
        info = next(each for each in state.runs() if run is None or each.name == run)
        return whereabouts(reader, info, codec_of(last_opening(info.metadata).policy), url)


def whereabouts(reader: RunView, info: RunInfo, codec: ScrapeCodec, url: str) -> Explanation:
    """Find a URL that is not normalised further in a run, or in the partition of its domain.

    Raises:
        StoreError: the state can't be read.
    """
    policy = codec.net.policy
    with reading_rows():
        durable, before = marking_around(reader, codec, url)
    ends = _ends(reader, codec.net, url)
    spot = _spot(codec.net, durable, url, before)
    place = "" if ends or spot is not None else _unread_place(reader, info.metadata, url)
    now_ns = clock_of(info.metadata, info.at_ns).now_ns()
    known = Explanation(
        url=url,
        run=info.name,
        now_ns=now_ns,
        pid=info.pid,
        host=info.host,
        stands="unknown",
        domain=domain_of(url, policy.settings.limit_by),
        handled=kept(info.metadata).handled,
        stored=sum(isinstance(row, StoredPage) for row in ends),
        attempts=tuple(failure_record(row) for row in ends if isinstance(row, Failure)),
    )
    known = replace(known, requests=tuple(_requests(ends)))
    known = replace(known, robots_says=_robots_says(policy, durable, url))
    if spot is not None:
        return _waiting(known, spot, codec.net, durable)
    fault = next((each for each in durable.faulted if _is_of(each.colour, url)), None)
    if fault is not None:
        return replace(known, stands="set aside", error=f"{fault.place}: {fault.error}")
    if place:
        return replace(known, stands="unread", place=place)
    rows = [each for each in ends if not (isinstance(each, Failure) and each.kind == UNCHANGED)]
    rows = rows or ends[-1:]
    if not any(isinstance(row, StoredPage) or row.final for row in rows):
        file = _file(known, durable)
        if file is not None:
            return file
    if not rows:
        return _unknown(known, policy, durable)
    change = _change_of(ends[-1]) if policy.settings.compares else ""
    return replace(_over(known, rows[-1]), change=change)


# Looking.


def _unread_place(reader: RunView, metadata: dict[str, bytes], url: str) -> str:
    """The first line of the unread seeds that names the URL. Cost: some microseconds for each unread line."""
    seeds = unread(reader, metadata, kept(metadata).input)
    if seeds is not None:
        for block in seeds.after():
            for number, line in enumerate(block.text.splitlines(), start=block.line):
                named = seeds_in(seeds.name, Block(number, line))
                if any(not isinstance(seed, BadSeed) and url_of(seed) == url for seed in named):
                    return f"{seeds.name}:{number}"
    return ""


def _ends(reader: RunView, net: ScrapeNet, url: str) -> list[Failure | StoredPage]:
    """The rows of a URL in the sinks, oldest first."""
    read: dict[str, Callable[[bytes], Failure | StoredPage]] = {
        net.pipeline.stored.name: lambda body: read_row(body, StoredPage),
        net.failed_log.name: read_failure,
    }
    return [read[sink](body) for sink, _, body in reader.named(url) if sink in read]


def _stands(net: ScrapeNet) -> dict[str, str]:
    """The status of a URL, by the place that it is in."""
    return {
        net.frontier.found.name: "found",
        net.frontier.links.name: "found",
        net.requests.hops.name: "found",
        net.robots.asks.name: "asks",
        net.frontier.targets.name: "waits",
        **{staged.name: "waits" for staged in net.staged_targets},
        net.retries.cool_down.name: "cools down",
        **{stage.name: "pipeline" for stage in net.pipeline.stages},
        net.retries.failed.name: "failed once",
        **({} if net.traps is None else {net.traps.trapped.name: "found"}),
        **({} if net.revisits is None else {net.revisits.rests.name: "rests"}),
    }


def _spot(net: ScrapeNet, durable: Durable, url: str, before: dict[str, int]) -> _Spot | None:
    for flying in durable.flights.values():
        for bound in flying.inputs:
            target = _target(bound.colour, url) if isinstance(bound, Standing) else None
            if target is not None:
                fetching = flying.transition == net.requests.scrape_target.name
                stands = "in flight" if fetching else "pipeline"
                return _Spot(stands, target, bound.serial, flying=flying)
    for token in durable.tokens.values():
        target = _target(token.colour, url)
        if target is not None:
            ahead = before.get(token.place, 0)
            return _Spot(_stands(net)[token.place], target, token.serial, ahead)
    return None


def _target(colour: Any, url: str) -> Target | None:
    """The target of a URL in a colour."""
    found = isinstance(colour, Found)
    targets = colour.every if found else (getattr(colour, "target", colour),)
    for target in targets:
        if isinstance(target, Target) and target.url == url:
            return target
    return None


def _is_of(packed: Any, url: str) -> bool:
    """Whether the encoding of a token that was set aside begins like that of a target of the URL."""
    return isinstance(packed, list | tuple) and tuple(packed[:1]) == (url,)


# Telling.


def _waiting(known: Explanation, spot: _Spot, net: ScrapeNet, durable: Durable) -> Explanation:
    return replace(
        known,
        stands=spot.stands,
        target=spot.target,
        domain=spot.target.domain,
        ahead=spot.ahead,
        level=spot.target.priority if net.shares else None,
        since_ns=spot.flying.began_ns if spot.flying else None,
        waits=() if spot.flying else tuple(_waits(net, durable, spot.serial, known.now_ns)),
        robots=tuple(_robots(net, durable, spot, known.now_ns)),
    )


def _waits(
    net: ScrapeNet, durable: Durable, serial: int, now_ns: int, *, robots: bool = False
) -> Iterator[Wait]:
    """What a token waits for, in the words of the net's parts; *robots*: it is the job of a robots.txt."""
    back = {name for stage in net.stages for name in stage.ways_back}
    back |= {shares.ends.name for shares in net.shares}
    back |= {name for name, each in net.transitions.items() if each.priority < 0}  # verdicts
    for lack in lacks(net, durable.marking(net), serial, now_ns):
        if lack.transition in back:
            continue
        key = "" if lack.key is None else str(lack.key)
        until_ns = lack.until_ns
        if any(lack.place is routes.routes for routes in net.routes):
            until_ns = _first_rest_ns(durable, key)
        timed = until_ns is not None
        if lack.place is None:
            needs = _own(timed=timed, robots=robots)
            yield Wait(lack.transition, "", key, needs, until_ns, outlasts=False)
            continue
        part = net.part_of(lack.place)
        wording = part.wording.get(lack.place) if part is not None else None
        needs = wording.tell(key, timed=timed) if wording is not None else lack.reason
        outlasts = wording is not None and wording.outlasts
        yield Wait(lack.transition, lack.place.name, key, needs, until_ns, outlasts)


def _first_rest_ns(durable: Durable, domain: str) -> int | None:
    """When the first of the proxies that a domain has refused is tried again; None if it has refused none."""
    rests = (
        token.ready_at_ns
        for token in durable.tokens.values()
        if isinstance(token.colour, Rest) and token.colour.domain == domain
    )
    return min(rests, default=None)


def _own(*, timed: bool, robots: bool) -> str:
    """What a token that is not ready itself waits for."""
    if robots:
        answer = "the answer to the request for its robots.txt"
        return "a back-off of its robots.txt" if timed else answer
    return "its own back-off" if timed else ""


def _robots(net: ScrapeNet, durable: Durable, spot: _Spot, now_ns: int) -> Iterator[Wait]:
    """What the job that fetches the URL's robots.txt waits for."""
    if spot.stands != "asks":
        return
    for token in durable.tokens.values():
        job = token.colour
        if isinstance(job, RobotsJob) and job.origin == spot.target.origin:
            yield from _waits(net, durable, token.serial, now_ns, robots=True)


def _robots_says(policy: Policy, durable: Durable, url: str) -> tuple[str, ...]:
    """What the robots.txt of a URL, if it is known, says beside rules."""
    agent = policy.settings.robots_name
    return tuple(
        line for each in _rules(durable, origin_of(url)) for line in statements(each.text, agent)
    )


def _rules(durable: Durable, origin: str) -> list[Rules]:
    found = (token.colour for token in durable.tokens.values())
    return [each for each in found if isinstance(each, Rules) and each.origin == origin]


def _requests(ends: Sequence[Failure | StoredPage]) -> Iterator[RequestEnd]:
    """What became of each request of a URL, by its rows, if there were several."""
    found: dict[str, list[Failure | StoredPage]] = {}
    for row in ends:
        name = row.target.identity if isinstance(row, Failure) else row.request or row.url
        found.setdefault(name, []).append(row)
    for name, rows in found.items() if len(found) > 1 else ():
        last = rows[-1]
        failures = tuple(failure_record(row) for row in rows if isinstance(row, Failure))
        method = name.partition(" ")[0] if " " in name else "GET"
        if isinstance(last, StoredPage):
            yield RequestEnd(method, "stored", last.items, failures)
        else:
            over = "skipped" if last.kind in SKIPPED else "failed"
            yield RequestEnd(method, over if last.final else "open", None, failures)


def _over(known: Explanation, end: Failure | StoredPage) -> Explanation:
    if isinstance(end, StoredPage):
        return replace(
            known,
            stands="stored",
            items=end.items,
            connection=end.connection,
            ordinal=end.ordinal,
            cut=end.cut,
        )
    stands = "skipped" if end.kind in SKIPPED else "failed"
    return replace(known, stands=stands, target=end.target, again=worth_a_retry(end))


def _change_of(end: Failure | StoredPage) -> str:
    """What the last row of a page says of it, compared with before."""
    if isinstance(end, Failure):
        return change_of(end)
    return "changed" if end.visit is not None and end.visit.kept else "new"


def _file(known: Explanation, durable: Durable) -> Explanation | None:
    """Add what became of a file that items name; None if none names this URL."""
    for token in durable.tokens.values():
        each = token.colour
        if isinstance(each, FileEnd) and each.asked == known.url:
            line = each.file.error or f"saved as {each.file.path}"
            return replace(known, stands="file", file=line)
        if isinstance(each, FileJob) and known.url in (each.asked, each.url):
            return replace(known, stands="file", file="waits to be fetched")
    return None


def _unknown(known: Explanation, policy: Policy, durable: Durable) -> Explanation:
    """Add what would have become of a link to an unknown URL."""
    out = list(_kept_out(policy, known.url))
    target = policy.frontier.seed(known.url)
    for each in _rules(durable, target.origin):
        out += ["robots"] if isinstance(policy.robots.clearance(target, each), Denied) else []
    return replace(known, kept_out=tuple(out))


def _kept_out(policy: Policy, url: str) -> Iterator[str]:
    if not _followed(Policy(replace(policy.settings, allow=(), deny=()), policy.sites), url):
        yield "scope"
    if not _followed(Policy(replace(policy.settings, scope="any"), policy.sites), url):
        yield "filters"
    if policy.frontier.trap(policy.frontier.seed(url)):
        yield "traps"


def _followed(policy: Policy, url: str) -> bool:
    """Whether this link would be followed from a page of any seed's site."""
    page = policy.frontier.seed(url)
    pages = [replace(page, site=site) for site in policy.sites or (page.site,)]
    return any(policy.frontier.discover(page, [Link(url)]) for page in pages)
