"""The store on PostgreSQL.

Owns: one run of a state that is open for writing, its connections and its claim.
Must not know: what rows mean.

A batch is one call of a function, on a connection of the event loop that commits; what is read goes
through another connection, in a thread. After any error the store refuses further batches: if the connection
was lost in the middle, nobody knows whether the batch was written, and it is never sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping

from scraper_cpn.store.port import Batch, BatchError, StoreError, TextRow
from scraper_cpn.store.postgres.address import Address
from scraper_cpn.store.postgres.claim import LEASE_SECONDS, Claim, claim, new_owner, take_part
from scraper_cpn.store.postgres.database import add_crawl, find_run, is_ready, make_ready, runs
from scraper_cpn.store.postgres.failures import driver_errors, of_driver
from scraper_cpn.store.postgres.link import Connection, Link, Pool
from scraper_cpn.store.postgres.read import PartReader
from scraper_cpn.store.postgres.sql import query
from scraper_cpn.store.postgres.write import values_of
from scraper_cpn.store.retention import JournalLimits
from scraper_cpn.store.shielded import finished

_USUAL = JournalLimits()


def create(
    address: Address,
    run_name: str,
    metadata: Mapping[str, bytes] | None = None,
    texts: Iterable[TextRow] = (),
    *,
    limits: JournalLimits = _USUAL,
) -> PostgresStore:
    """Create a state with one new run, and open it. Raises `StoreError`.

    The first state of a database makes the tables, too. *texts* are kept for `Store.texts`.
    """
    with _linked(address) as link:
        link.call(lambda on: make_ready(address, on))
        if link.call(lambda on: runs(address, on)):
            raise StoreError("exists", f"{address} exists; resume it, or use another name")
        return _added(address, link, run_name, metadata or {}, texts, limits)


def new_run(
    address: Address,
    run_name: str,
    metadata: Mapping[str, bytes] | None = None,
    texts: Iterable[TextRow] = (),
    *,
    limits: JournalLimits = _USUAL,
) -> PostgresStore:
    """Add a run to an existing state, and open it. Raises `StoreError`, "exists" among others."""
    with _linked(address) as link:
        link.call(lambda on: is_ready(address, on))
        return _added(address, link, run_name, metadata or {}, texts, limits)


def open_run(
    address: Address, run_name: str | None = None, *, limits: JournalLimits = _USUAL
) -> PostgresStore:
    """Open a run of a state for writing, the only one unless named. Raises `StoreError`.

    May wait for the end of a lease; see `claim.claim`.
    """
    with _linked(address) as link:
        part = link.call(lambda on: find_run(address, on, run_name))
        return _opened(address, link, claim(address, link, part), limits)


class PostgresStore(PartReader):
    """A partition that is open for writing; from `create`, `new_run` or `open_run`.

    Args:
        address: of its state, for messages.
        link: reads.
        pool: commits; it may be shared with other partitions.
        held: the claim of the partition.
        limits: of its journal.
        alone: whether link, pool and claim are this store's own, and end with it.
    """

    def __init__(
        self,
        address: Address,
        link: Link,
        pool: Pool,
        held: Claim,
        limits: JournalLimits = _USUAL,
        *,
        alone: bool = False,
    ) -> None:
        super().__init__(link, held.part)
        self._address = address
        self._pool = pool
        self._claim = held
        self._limits = limits
        self._alone = alone
        self._broken: Exception | None = None
        self._closed = False

    async def commit(self, batch: Batch) -> None:
        """Make a batch durable, with one round trip."""
        if self._broken is not None:
            raise self._broken
        try:
            await finished(asyncio.ensure_future(self._commit(batch)))
        except StoreError as error:
            self._broken = None if error.kind == "spent" else error
            raise
        except Exception as error:
            self._broken = error
            raise
        self._claim.renewed()

    async def close(self) -> None:
        """Give the claim back; what was committed is durable anyway. A second call does nothing."""
        if self._closed or not self._alone:
            return
        self._closed = True
        self._pool.close()
        try:
            with contextlib.suppress(StoreError):  # then its lease ends by itself
                self._claim.release(self._link)
        finally:
            self._link.close()

    async def _commit(self, batch: Batch) -> None:
        values = values_of(self._claim, batch, self._limits)
        try:
            await self._pool.run(lambda on: on.fetchval(query("commit"), *values))
        except driver_errors() as error:
            raise self._refused(error) from error
        except (OverflowError, UnicodeEncodeError) as error:
            raise BatchError(f"{self._address}: {error}") from error

    def _refused(self, error: Exception) -> StoreError | BatchError:
        found = of_driver(self._address, error)
        if getattr(error, "sqlstate", None) is None:
            return StoreError("io", f"{found}; it is unknown whether the last batch was written")
        return found


@contextlib.contextmanager
def _linked(address: Address) -> Iterator[Link]:
    """A link for a store that is being opened, which is closed if that fails."""
    link = Link(address)
    try:
        yield link
    except BaseException:
        link.close()
        raise


def _opened(address: Address, link: Link, held: Claim, limits: JournalLimits) -> PostgresStore:
    """A store of its own, whose claim is kept while nothing is committed."""
    held.keep(link)
    return PostgresStore(address, link, Pool(address), held, limits, alone=True)


def _added(
    address: Address,
    link: Link,
    run_name: str,
    metadata: Mapping[str, bytes],
    texts: Iterable[TextRow],
    limits: JournalLimits,
) -> PostgresStore:
    """A new run, which this process has claimed from the beginning."""
    owner = new_owner()

    async def add(on: Connection) -> int:
        async with on.transaction():
            (part,) = await add_crawl(on, address.name, run_name, [metadata], texts)
            await take_part(on, part, owner)
            return part

    try:
        part = link.call(add)
    except BatchError:  # the unique name
        raise StoreError(
            "exists", f"{address} has a run {run_name}; resume it, or use another name"
        ) from None
    return _opened(address, link, Claim(part, 1, owner, LEASE_SECONDS), limits)
