"""A crawl as the work of workers: its divided net, its effects in this process, and what all workers must agree on.

Owns: `ScrapeWork`, which adapts `cluster.Work` to crawls.
Must not know: the command line, leases, which worker has which partition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.cluster.lease import Claim
from scraper_cpn.cluster.partition import Partition
from scraper_cpn.cluster.work import Work
from scraper_cpn.net import Row
from scraper_cpn.net.shares import Partition as Number
from scraper_cpn.net.shares import partition_of
from scraper_cpn.run.clock import Clock
from scraper_cpn.run.effects import Binding
from scraper_cpn.scrape.account.accounting import Accounting
from scraper_cpn.scrape.account.report import Account
from scraper_cpn.scrape.colours import Failure, url_of
from scraper_cpn.scrape.effects import Effects, Tools
from scraper_cpn.scrape.fetch.client import Surplus
from scraper_cpn.scrape.hooks import Hooks
from scraper_cpn.scrape.items.bodies import bodies_of
from scraper_cpn.scrape.items.keep import Keeper
from scraper_cpn.scrape.items.outputs.base import OutputError
from scraper_cpn.scrape.items.validate import Validator
from scraper_cpn.scrape.many.proxies import slots_of
from scraper_cpn.scrape.many.takeover import first_edit, next_edit
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.pages.handlers import Handlers
from scraper_cpn.scrape.policy import VERSION as POLICY_VERSION
from scraper_cpn.scrape.redact import redacted
from scraper_cpn.scrape.state.libraries import versions
from scraper_cpn.scrape.state.packing import VERSION as FORM_VERSION
from scraper_cpn.scrape.state.resume import in_pipeline
from scraper_cpn.scrape.state.rows import writing
from scraper_cpn.scrape.state.run import CrawlRecord, Opening, ScrapeCodec, account
from scraper_cpn.store.edit import Edit
from scraper_cpn.store.port import ItemRow, SinkRow
from scraper_cpn.store.restore import Restored


class Program(Struct, frozen=True, kw_only=True):
    """What a program adds to a crawl.

    Attributes:
        handlers: its page handlers; None for one built-in item for each page.
        hooks: its other functions.
        item_type: the type of its items; None for any.
        digest: of its text; empty without one.
    """

    handlers: Handlers | None = None
    hooks: Hooks | None = None
    item_type: type[Any] | None = None
    digest: str = ""


class ScrapeWork(Work):
    """A crawl, divided into partitions by domain. Use it as an async context while a worker runs.

    Args:
        opening: the laws of the crawl, with this worker's credentials.
        record: what the crawl began with.
        partitions: how many there are.
        program: what a Python program adds.
        end_ns: when the crawl ends (`--max-time`), UTC.

    Attributes:
        accounts: of the partitions of this worker, by their numbers.

    Raises:
        UsageError: an option of the crawl can't be divided.
    """

    net: ScrapeNet
    fatal = (OutputError,)
    telling = staticmethod(redacted)

    def __init__(
        self,
        opening: Opening,
        record: CrawlRecord,
        partitions: int,
        *,
        program: Program | None = None,
        end_ns: int | None = None,
    ) -> None:
        self.program = program or Program()
        net = divided_net(opening, partitions)
        super().__init__(net, {}, settings=_agreed(self.program.digest))
        self.codec = ScrapeCodec(net)
        self.accounts: dict[int, Accounting] = {}
        self._partitions = partitions
        self._record = record
        self._end_ns = end_ns
        self._effects_of: dict[int, tuple[Partition, Effects]] = {}
        self._again: dict[int, dict[str, int]] = {}
        self._clock = Clock()
        self._tools: Tools | None = None

    async def __aenter__(self) -> Self:
        """Open what pages are fetched and parsed with."""
        settings = self.net.policy.settings
        self._tools = Tools(
            self.net.policy,
            Keeper(None),
            handlers=self.program.handlers,
            hooks=self.program.hooks or Hooks(),
            validator=Validator(self.program.item_type, settings.schema, settings.files),
            bodies=bodies_of(self.net.policy.settings),
            origins=map(url_of, self._record.seeds),
            clock_ns=self._clock.now_ns,
            crowded=self._crowded,
            on_surplus=self._surplus,
        )
        await self._tools.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close them."""
        if self._tools is not None:
            await self._tools.__aexit__(kind, error, trace)

    # What a partition begins with, and goes on with.

    def found(self, claim: Claim, restored: Restored) -> None:
        """Note which pages were fetched and not stored, before what was in flight is lost."""
        self._again[claim.pid] = in_pipeline(restored.durable, self.net)

    def took_over(self, claim: Claim, restored: Restored, now_ns: int) -> Edit | None:
        """The first tokens of a partition, or what has become of pages whose worker has ended."""
        again = self._again.pop(claim.pid, {})
        partition = Number(claim.pid, self._partitions)
        if restored.sums.seq == 0:
            bad = self._record.bad
            proxies = self.net.policy.settings.proxies
            slots = slots_of(proxies, self._partitions, claim.pid)
            return first_edit(
                self.net, now_ns, self._end_ns, partition=partition, slots=slots, bad=bad
            )
        return next_edit(restored.durable, self.net, now_ns, again, partition)

    # What a partition does.

    def effects(self, partition: Partition) -> dict[str, Binding]:
        """The effects of a partition; its account goes on from what is durable."""
        pid = partition.claim.pid
        known = self._effects_of.get(pid)
        if known is None or known[0] is not partition:
            known = self._effects_of[pid] = (partition, self._new_effects(partition))
        return known[1].bindings()

    def _new_effects(self, partition: Partition) -> Effects:
        assert self._tools is not None, "the work is not open"
        clock = partition.clock
        accounting = Accounting(
            partition.recorder, self.net, self.net.policy.settings, clock_ns=clock.now_ns
        )
        accounting.go_on(_Before(partition.metadata()))
        accounting.begin(clock.now_ns())
        self.accounts[partition.claim.pid] = accounting
        return Effects(self._tools, self.net, partition.recorder, clock, accounting, partition.poke)

    def writing(self, row: Row) -> tuple[SinkRow, Sequence[ItemRow]]:
        """How a row is stored."""
        return writing(row)

    def rows(self, partition: Partition, rows: list[Row]) -> None:
        """Count rows."""
        self.accounts[partition.claim.pid].take(rows)

    def metadata(self, partition: Partition) -> Sequence[tuple[str, bytes]]:
        """The account of a partition."""
        found = self.accounts.get(partition.claim.pid)
        return () if found is None else found.metadata(partition.clock.now_ns())

    # What concerns all partitions of this process.

    def _crowded(self, domain: str, wait_s: float) -> None:
        known = self._effects_of.get(partition_of(domain, self._partitions))
        if known is not None and not known[0].leaving:
            known[1].crowded(domain, wait_s)

    def _surplus(self, surplus: Surplus) -> None:
        del surplus
        for each in list(self.accounts.values())[:1]:
            each.connections_dropped += 1


def divided_net(opening: Opening, partitions: int) -> ScrapeNet:
    """The net of one partition: requests at a time (`--concurrency`) are divided evenly.

    Raises:
        UsageError: an option of the crawl can't be divided.
    """
    settings = opening.settings
    share = max(1, settings.concurrency // partitions)
    own = replace(opening, settings=replace(settings, concurrency=share))
    return ScrapeNet(own.policy, partitions)


class _Before(Struct):
    """What a partition's account goes on from. Its failed log is not read: only whole crawls are summed up."""

    metadata: dict[str, bytes]

    @property
    def account(self) -> Account:
        """The account so far."""
        return account(self.metadata)

    def failures(self) -> Iterator[Failure]:
        """None."""
        return iter(())


def _agreed(digest: str) -> dict[str, str]:
    """What the decisions of workers depend on, beside the net."""
    known = {"policy": POLICY_VERSION, "written form": FORM_VERSION, **versions()}
    return {**known, **({"page handlers": digest} if digest else {})}
