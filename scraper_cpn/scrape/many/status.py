"""The status of a crawl that many workers run, read from its database alone.

Owns: the record of `scrape status --database`, and reading it.
Must not know: the command line, how anything is shown.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain

from msgspec import Struct

from scraper_cpn.cluster.look import Look, Working, look_at
from scraper_cpn.scrape.account.ledger import Ledger
from scraper_cpn.scrape.account.report import Account
from scraper_cpn.scrape.many.crawls import Known
from scraper_cpn.scrape.state.rows import failures
from scraper_cpn.scrape.state.run import account, codec_of
from scraper_cpn.scrape.state.status import Backlog, Failures, kinds_in, waiting_in
from scraper_cpn.store.postgres.read import PartReader
from scraper_cpn.store.postgres.reader import snapshot


class ManyStatus(Struct, frozen=True, kw_only=True):
    """The status of a crawl of many workers."""

    database: str
    """Its address, without passwords."""
    created_ns: int
    """UTC, since 1970."""
    now_ns: int
    """The database's time of the look."""
    ended: str | None
    """`finished`, `spent`, `stuck` or `faulted`; None while it goes on."""
    stopping: bool
    """Whether it was stopped: workers let running requests end, then leave."""
    partitions: int
    idle: int
    """Partitions that have nothing to do."""
    workers: tuple[Working, ...]
    pages: int
    attempts: int
    bytes: int
    items: int
    stored: int
    failed: int
    skipped: int
    failures: tuple[Failures, ...]
    """The most frequent first."""
    waiting: dict[str, int]
    """URLs that wait, by what they wait for."""
    on_the_way: int
    """Tokens between partitions."""
    budgets: dict[str, int]
    """Units of budgets that no partition has drawn, such as pages of --max-pages."""
    backlog: tuple[Backlog, ...]
    """The domains with the most URLs that wait, the largest first."""


def many_status(known: Known, *, domains: int = 10) -> ManyStatus:
    """The status of a crawl. Cost: reads the failed log once, and counts waiting URLs.

    Raises:
        StoreError: the database can't be read.
    """
    with snapshot(known.crawl.address) as link:
        look = link.call(lambda on: look_at(on, known.crawl.id))
        parts = [PartReader(link, part) for part in known.crawl.parts]
        return _status(known, look, parts, domains)


def _status(known: Known, look: Look, parts: list[PartReader], domains: int) -> ManyStatus:
    codec = codec_of(known.opening.policy)
    net = codec.net
    accounts = [account(part.metadata()) for part in parts]
    places, backlog = Counter[str](), Counter[str]()
    for part in parts:
        places.update(part.counts())
        for text, urls in part.backlog(net.frontier.targets.name).items():
            key = codec.key_of(net.frontier.targets.name, text)
            domain = key[0] if isinstance(key, tuple) else key  # of several keys, the first one
            backlog[str(domain)] += urls
    ledger = Ledger()
    ledger.take(chain.from_iterable(map(failures, parts)))
    return ManyStatus(
        database=str(known.crawl.address),
        created_ns=look.created_ns,
        now_ns=look.now_ns,
        ended=look.ended,
        stopping=look.stopping,
        partitions=len(parts),
        idle=look.idle,
        workers=look.workers,
        **{
            name: _sum(accounts, name) for name in ("pages", "attempts", "bytes", "items", "stored")
        },
        failed=ledger.failed,
        skipped=ledger.skipped,
        failures=tuple(kinds_in(ledger)),
        waiting=waiting_in(net, places),
        on_the_way=look.on_the_way,
        budgets=look.budgets,
        backlog=tuple(Backlog(domain, urls, 0) for domain, urls in backlog.most_common(domains)),
    )


def _sum(accounts: list[Account], name: str) -> int:
    return sum(getattr(each, name) for each in accounts)
