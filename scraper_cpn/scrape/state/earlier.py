"""What an earlier crawl knew, from its state: for a new crawl that asks for it again (`--since`).

Owns: which URLs these are, what of each is kept for a new crawl, and which options differ.
Must not know: the command line, how requests are made, SQL.

Every URL that the earlier crawl knew is asked for again: without a body, an unchanged page has no links, and what it
links to is among them. The state is only read; it may belong to a crawl that runs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.scrape.account.ledger import GONE, UNCHANGED
from scraper_cpn.scrape.colours import FAILED_LOG, STORED, Failure, Found, Link, Target
from scraper_cpn.scrape.options.table import OPTIONS
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.frontier import FrontierPolicy
from scraper_cpn.scrape.policy.visits import VisitPolicy, as_kept
from scraper_cpn.scrape.request import PLAIN, Visit
from scraper_cpn.scrape.settings import Settings, UsageError
from scraper_cpn.scrape.state.metadata import read_row, reading_rows
from scraper_cpn.scrape.state.rows import StoredPage, read_failure
from scraper_cpn.scrape.state.run import Opening, ScrapeCodec, codec_of, last_opening, seeds_alone
from scraper_cpn.store.port import StoreError

if TYPE_CHECKING:
    from scraper_cpn.store.reader import RunInfo
    from scraper_cpn.store.states import RunView, Snapshot

_log = logging.getLogger("scraper_cpn")
_NO_PAGES = frozenset({"seed", "file", "sitemap", "trap", "login", "invalid", "partial"})
"""Kinds of rows that are not the end of a page that could be asked for again."""
_DECIDE = (
    "scope", "domains", "allow", "deny", "links", "respect", "strip_params", "sort_params", "trap_rules", "follow_seeds",
    "max_depth", "max_links", "fields", "schema", "max_values", "max_text_chars", "robots",
)  # fmt: skip
"""Settings that decide which links a page leads to, and what its items are."""


class Before(Struct, frozen=True):
    """What an earlier crawl knew of a URL."""

    target: Target
    """As it was; for a URL that was not fetched, as it waited."""
    visit: Visit = Visit()
    """What tells whether the page has changed; empty if it was not kept."""

    @property
    def number(self) -> int:
        """The visit of the earlier crawl that it is from."""
        return self.visit.number


def check_earlier(settings: Settings) -> str | None:
    """Return the name of the earlier crawl in its state; None if there is no such crawl.

    Raises:
        UsageError: its state can't be read, or has several runs of which none was chosen.
    """
    if settings.since is None:
        return None
    from scraper_cpn.store.states import location_of, look

    try:
        with look(location_of(settings.since)) as state:
            runs = state.runs()
            last_opening(_run(runs, state, settings.since_run).metadata())
    except StoreError as error:
        raise UsageError(f"--since: {error}") from error
    return settings.since_run or runs[0].name


def first_targets(policy: Policy, seeds: Sequence[str | Link], now_ns: int) -> list[Target]:
    """The targets with which a crawl begins: its seeds, and what an earlier crawl knew, if there is one.

    Pages that were kept then are asked for under the conditions of their last visit. What matters and is not so as it
    was then is told in the log. Cost: some ten microseconds, and a kilobyte of memory, for each URL that was known.

    Raises:
        StoreError: the state of the earlier crawl can't be read, has no such run, or belongs to another net.
    """
    settings, targets = policy.settings, seeds_alone(policy, seeds, now_ns)
    if settings.since is None:
        return targets
    from scraper_cpn.store.states import location_of, look

    with look(location_of(settings.since)) as state:
        run = _run(state.runs(), state, settings.since_run)
        opening = last_opening(run.metadata())
        with reading_rows():
            known = _known(run, codec_of(opening.policy))
    _tell_differences(opening.settings, settings)
    return list(_all_of(known, opening, policy, targets, now_ns))


def _run(runs: Sequence[RunInfo], state: Snapshot, name: str | None) -> RunView:
    if name is None and len(runs) > 1:
        names = ", ".join(each.name for each in runs)
        raise StoreError("missing", f"it has the runs {names}; choose one: --since-run NAME")
    return state.run(name)


def _all_of(
    known: dict[str, Before], opening: Opening, policy: Policy, seeds: list[Target], now_ns: int
) -> Iterator[Target]:
    """The seeds, then what was known of sites that are still in scope."""
    visits, left_out = policy.requests.visits, 0
    for seed in seeds:
        yield _conditional(visits, seed, known.pop(seed.url, None))
    others = set(opening.sites) - set(policy.sites) if policy.sites else set[str]()
    for before in known.values():
        now = None if before.target.site in others else policy.frontier.again(before.target, now_ns)
        if now is None:
            left_out += 1
        else:
            yield _conditional(visits, now, before)
    if left_out:
        _log.warning(
            "--since: %d known URLs are out of scope, filtered out or too deep now", left_out
        )


def _tell_differences(before: Settings, now: Settings) -> None:
    names = [name for name in _DECIDE if getattr(before, name) != getattr(now, name)]
    if names:
        given = (each.name for each in OPTIONS if each.field in names)
        _log.warning(
            "--since: the earlier crawl had other values of %s: unchanged pages keep the links and items that they had there",
            ", ".join(f"--{name}" for name in given),
        )


def _conditional(visits: VisitPolicy, target: Target, before: Before | None) -> Target:
    """A target with the conditions of the last visit, if its page was kept then."""
    if before is None or not before.visit.kept or not target.request.by_url:
        return target
    return visits.known(target, before.visit)


# Reading.


def _known(run: RunView, codec: ScrapeCodec) -> dict[str, Before]:
    """What is known of each URL, by its last row, or else where it waits; those of pages that were kept first."""
    frontier = codec.net.policy.frontier
    found: dict[str, Before] = {}
    for _, _, body in run.rows(STORED):
        _note(found, _of_page(frontier, read_row(body, StoredPage)))
    for _, _, body in run.rows(FAILED_LOG):
        _note(found, _of_failure(read_failure(body)))
    for target in _waiting(run, codec):
        if target.request.by_url:
            found.setdefault(target.url, Before(target))
    return found


def _note(found: dict[str, Before], new: Before | None) -> None:
    """Note what is known of a URL, unless a later visit says something else."""
    if new is not None:
        known = found.get(new.target.url)
        if known is None or known.number <= new.number:
            found[new.target.url] = new


def _of_page(frontier: FrontierPolicy, page: StoredPage) -> Before | None:
    if page.request:
        return None
    target = frontier.target(
        page.url,
        site=page.site,
        requested_url=page.url,
        parent=page.parent,
        depth=page.depth,
        priority=page.priority,
        handler=page.handler,
        request=page.asked or PLAIN,
    )
    visit = page.visit
    return Before(target) if visit is None else Before(target, replace(visit, kept=visit.content))


def _of_failure(row: Failure) -> Before | None:
    """What a row says of its URL: a page that is gone was not kept, and is asked for once more."""
    target, unchanged = row.target, row.kind == UNCHANGED
    if not (row.final or unchanged) or row.kind in _NO_PAGES:
        return None
    if not target.request.by_url or target.request.login:
        return None
    visit = target.request.visit
    if visit is None or not visit.kept or (not unchanged and row.status in GONE):
        return Before(target, Visit(number=visit.number if visit else 1))
    return Before(target, as_kept(target))


def _waiting(run: RunView, codec: ScrapeCodec) -> Iterator[Target]:
    """The targets that wait, or were on their way when the process ended."""
    net = codec.net
    places = [net.frontier.found, net.requests.hops, *net.known_urls, net.retries.failed]
    places += [*net.pipeline.stages, *([] if net.revisits is None else [net.revisits.rests])]
    for place in places:
        if place.paged:
            colours = (codec.colour(place.name, packed) for _, packed in run.colours([place.name]))
        else:
            colours = (codec.standing(row).colour for row in run.tokens([place.name]))
        for colour in colours:
            yield from _targets_in(colour)


def _targets_in(colour: Any) -> Iterable[Target]:
    if isinstance(colour, Found):
        return colour.targets
    target = colour if isinstance(colour, Target) else colour.target
    return () if target.hops else (target,)
