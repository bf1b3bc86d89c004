"""Crawls for many workers on a database: creating one, and finding one again to work on it or to look at it.

Owns: what a crawl begins with, and what a worker reads of it before it can work.
Must not know: the command line, how partitions are run, how anything is shown.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.cluster import crawl as cluster
from scraper_cpn.cluster.crawl import Crawl
from scraper_cpn.cluster.look import facts_of
from scraper_cpn.net import Place
from scraper_cpn.scrape.colours import Found, Link, Target, url_of
from scraper_cpn.scrape.hooks import Hooks
from scraper_cpn.scrape.items.bodies import is_archive
from scraper_cpn.scrape.many.proxies import check_divisible, with_passwords
from scraper_cpn.scrape.many.proxies import tokens as proxy_tokens
from scraper_cpn.scrape.many.work import Program, ScrapeWork
from scraper_cpn.scrape.policy import sites_of
from scraper_cpn.scrape.policy.frontier import split
from scraper_cpn.scrape.seeds import BadSeed, Unread, read_first
from scraper_cpn.scrape.settings import Settings, UsageError
from scraper_cpn.scrape.state.files import Past, changed
from scraper_cpn.scrape.state.metadata import read_value, read_value_or_none
from scraper_cpn.scrape.state.run import (
    CrawlRecord,
    Opening,
    first_metadata,
    kept,
    last_opening,
    record_of,
)
from scraper_cpn.scrape.urls import origin_of
from scraper_cpn.store.postgres.reader import snapshot

CROSSING_LINKS = "crossing_links"
_TOGETHER = 500
"""The most seeds of a domain in one token."""
END, DIGEST = "end_ns", "program_digest"


class Known(Struct, frozen=True):
    """What a database says about a crawl.

    Attributes:
        crawl: its partitions.
        opening: its laws, without credentials.
        record: what it began with.
        end_ns: when it ends (`--max-time`), UTC; None: never by itself.
        digest: of its program; empty without one.
        facts: all of that, as the database has it.
    """

    crawl: Crawl
    opening: Opening
    record: CrawlRecord
    end_ns: int | None
    digest: str
    facts: dict[str, bytes]


async def create(
    dsn: str,
    settings: Settings,
    seeds: Sequence[str | Link],
    *,
    partitions: int,
    unread: Unread | None = None,
    bad: Sequence[BadSeed] = (),
    program: str | None = None,
    does: Program | None = None,
) -> int:
    """Create a crawl, in one transaction; returns how many seeds it has. Workers do the rest.

    Args:
        dsn: `postgres://user@host/database?name=books`.
        settings: of the crawl. Credentials are not kept: each worker has its own.
        seeds: normalised.
        partitions: how many, which can't be changed later: from 1 to 4096.
        unread: more seeds.
        bad: lines that are not URLs.
        program: the file of a program.
        does: what it adds.

    Raises:
        UsageError: an option can't be divided or shared, or there are fewer proxies than partitions.
        StoreError: a crawl of this name exists; the database can't be reached.
    """
    given, more = list(seeds), list(bad)
    if unread is not None:
        urls, others = read_first(unread, 1 << 62)
        given, more = [*given, *urls], [*more, *others]
    if partitions < 2:
        raise UsageError("--partitions: give 2 or more; for one machine --state is simpler")
    if settings.concurrency < partitions:
        raise UsageError(
            f"--concurrency: {settings.concurrency} requests at a time can't be divided among {partitions} partitions; "
            "give more, or fewer partitions"
        )
    _check_shared(settings, does)
    check_divisible(settings, partitions)
    opening = Opening(settings, sites_of(settings, given))
    record = record_of(settings, _origins(given), bad=tuple(more), program=program)
    now_ns = time.time_ns()
    end_ns = None if settings.max_time_ns is None else now_ns + settings.max_time_ns
    work = ScrapeWork(opening, record, partitions, program=does, end_ns=end_ns)
    facts = first_metadata(opening, record) | {
        END: msgspec.json.encode(end_ns),
        DIGEST: msgspec.json.encode("" if does is None else does.digest),
    }
    tokens = _first_tokens(work, given, now_ns, partitions)
    await cluster.create(dsn, work, tokens, partitions=partitions, facts=facts)
    return len(given)


async def look(dsn: str) -> Known:
    """Find a crawl. Raises `StoreError`."""
    crawl = await cluster.join(dsn)
    with snapshot(crawl.address) as link:
        facts = link.call(lambda on: facts_of(on, crawl.id))
    return Known(
        crawl,
        last_opening(facts),
        kept(facts),
        read_value_or_none(facts, END, int),
        read_value(facts, DIGEST, str, b'""'),
        facts,
    )


async def join(
    dsn: str,
    given: Mapping[str, Any],
    new: Settings,
    does: Program | None = None,
    *,
    work_type: type[ScrapeWork] = ScrapeWork,
) -> tuple[Crawl, ScrapeWork]:
    """Find a crawl in order to work on it.

    Args:
        dsn: as for `create`.
        given: the names of the settings that this worker has of its own: credentials.
        new: their values; other fields are ignored.
        does: what the program of this worker adds.
        work_type: the class of the work.

    Raises:
        UsageError: credentials are missing.
        StoreError: there is no such crawl, or this worker would not do the same as the others.
    """
    known = await look(dsn)
    before = Past(run="main", opening=known.opening, kept=known.record)
    _check_program(known, does)
    if "proxies" in given:
        laws = with_passwords(known.opening.settings.proxies, new.proxies)
        new = replace(new, proxies=laws)
    opening = replace(known.opening, settings=changed(before, given, new))
    partitions = len(known.crawl.parts)
    work = work_type(opening, known.record, partitions, program=does, end_ns=known.end_ns)
    return await cluster.join(dsn, work), work


def _check_program(known: Known, does: Program | None) -> None:
    if bool(known.digest) == bool(does and does.digest):
        return
    raise UsageError(
        f"worker: the crawl was created with a program; give it, too: scrape worker {known.record.program or 'PROGRAM.py'} --database ..."
        if known.digest
        else "worker: the crawl was created without a program; leave it out"
    )


def _origins(seeds: Iterable[str | Link]) -> list[str]:
    """A seed of each origin: workers send a user's headers there, and may go there in a private network."""
    first: dict[str, str] = {}
    for url in map(url_of, seeds):
        first.setdefault(origin_of(url), url)
    return list(first.values())


def _check_shared(settings: Settings, does: Program | None) -> None:
    """Refuse what a process keeps for itself, so that workers would lose or double it."""
    hooks = Hooks() if does is None or does.hooks is None else does.hooks
    alone = {
        "--save-bodies into an archive (give a folder)": is_archive(settings.save_bodies or ""),
        "--keep-cookies": settings.keep_cookies,
        "unique of the program": bool(hooks.unique),
        "done of the program": bool(hooks.done),
    }
    if kept := [name for name, asked in alone.items() if asked]:
        raise UsageError(
            f"--database: workers can't share {', '.join(kept)} yet; leave {'it' if len(kept) == 1 else 'them'} out, "
            "or crawl with --state"
        )


def _first_tokens(
    work: ScrapeWork, seeds: Sequence[str | Link], now_ns: int, partitions: int
) -> dict[Place[Any], Iterable[Any]]:
    net, frontier = work.net, work.net.policy.frontier
    targets = (frontier.seed(seed, now_ns) for seed in seeds)
    tokens: dict[Place[Any], Iterable[Any]] = {
        net.channels[CROSSING_LINKS].place: list(_by_domain(targets))
    }
    if net.policy.settings.proxies:
        tokens[net.proxies.pool] = proxy_tokens(net.policy.settings.proxies, partitions)
    return tokens


def _by_domain(targets: Iterable[Target]) -> Iterator[Found]:
    """Seeds on their way to their partitions."""
    domains: dict[str, list[Target]] = {}
    for target in targets:
        domains.setdefault(target.domain, []).append(target)
    for some in domains.values():
        rest = iter(some)
        while together := list(islice(rest, _TOGETHER)):
            yield split(together)
