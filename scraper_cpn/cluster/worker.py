"""A worker process: it runs its fair share of a crawl's partitions, until the crawl has ended.

Owns: heartbeats, claiming and leaving partitions, the inbox, drawing from budgets, noticing the end.
Must not know: what a net is for, what is in a batch.

A worker keeps nothing that is not in the database: one that dies is replaced by any other. Errors of the database or of
the way to it cost the partitions whose batches they hit; all else waits for the next beat.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread

from scraper_cpn.cluster.crawl import Crawl
from scraper_cpn.cluster.lease import Claim, Lease, LeaseOverError, Offset
from scraper_cpn.cluster.mail import Letter, packed
from scraper_cpn.cluster.opening import open_partition
from scraper_cpn.cluster.partition import Partition
from scraper_cpn.cluster.session import Beat, Claimed, Session
from scraper_cpn.cluster.work import Work
from scraper_cpn.net.shares import Credit
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.postgres.claim import Claim as StoreClaim
from scraper_cpn.store.postgres.claim import new_owner
from scraper_cpn.store.postgres.holder import is_alive, myself, unpacked
from scraper_cpn.store.postgres.holder import packed as packed_holder
from scraper_cpn.store.postgres.link import Link, Pool
from scraper_cpn.store.postgres.store import PostgresStore

SECOND = 1_000_000_000
INBOX_ROWS = 500
"""How many rows of the outbox are fetched at once."""
UNSETTLED_ROWS = 200
"""A partition that has so many of them in its kernel, but in no durable batch, gets no more."""
FATAL = {"damaged", "foreign", "refused", "unfit"}
"""Kinds of errors that end a worker. All others may pass: a server that can't be reached comes back."""
IDLE_SECONDS = 0.2
"""How long a partition without work keeps its units of budgets."""


@dataclass(frozen=True)
class Pace:
    """How a worker keeps time.

    Attributes:
        lease_s: how long a partition is a worker's without a sign of life. All workers of a crawl say the same.
        poll_s: how often the inbox is looked at; five times as often while something arrives, and a tenth as often
            when nothing does for long.
        connections: how many the batches of its partitions share.
    """

    lease_s: float = 10.0
    poll_s: float = 0.01
    connections: int = 4

    @property
    def beat_s(self) -> float:
        """The time between two heartbeats."""
        return min(1.0, max(0.02, self.lease_s / 12))


@dataclass
class Told:
    """What has happened to a worker's partitions, counted.

    Attributes:
        claimed: partitions that it has claimed.
        released: given back in order.
        dropped: lost, by the kind of the reason.
        buried: workers on this machine whose end it has reported.
        moved: tokens that came from other partitions.
    """

    claimed: int = 0
    released: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    buried: int = 0
    moved: int = 0


class Worker:
    """A worker of one crawl; see `run_worker`.

    Attributes:
        id: its nonce.
        mine: the partitions that it runs, by their ids in the database.
        told: what has happened.
    """

    def __init__(
        self,
        crawl: Crawl,
        work: Work,
        pace: Pace,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.id = new_owner()
        self.mine: dict[int, Partition] = {}
        self.told = Told()
        self._crawl = crawl
        self._work = work
        self._pace = pace
        self._tell = tell or (lambda _: None)
        self._lease_ns = int(pace.lease_s * SECOND)
        self._opening: dict[int, Lease] = {}
        self._epochs: dict[int, int] = {}
        self._beats = Session(crawl.address, crawl.id, pace.lease_s)
        self._inbox = Session(crawl.address, crawl.id, pace.lease_s)
        self._link = Link(crawl.address, seconds=pace.lease_s)
        self._pool = Pool(crawl.address, pace.connections, pace.lease_s)
        self._holder = packed_holder(myself())
        self._offset = Offset()
        self._changed = anyio.Event()
        self._mail = anyio.Event()
        self._stopping = False
        self._ended: str | None = None
        self._troubles: dict[str, None] = {}
        self._failure: Exception | None = None

    async def run(self) -> str | None:
        """Work until the crawl has ended; returns how, or None if it was stopped."""
        await anyio.to_thread.run_sync(lambda: self._work.build)
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                tasks.start_soon(self._guarded, self._read_inbox)
                await self._guarded(self._beat_on)
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await self._farewell()
        if self._failure is not None:
            raise self._failure
        return self._ended

    async def _guarded(self, task: Callable[..., Awaitable[None]], *given: Any) -> None:
        """Run a task whose error ends the worker: none may die in silence."""
        try:
            await task(*given)
        except Exception as error:  # noqa: BLE001  (whatever it is, `run` raises it)
            self._failure = self._failure or error
            self._tasks.cancel_scope.cancel()

    def _troubled(self, error: StoreError) -> None:
        """Tell of an error that may pass, once of each kind until the database answers again; raise any other."""
        if error.kind in FATAL:
            raise error
        if error.kind not in self._troubles:
            self._troubles[error.kind] = None
            self._tell(f"{error}; trying again")

    def stop(self) -> None:
        """Leave: let what runs end, give everything back."""
        self._stopping = True
        self._leave(list(self.mine.values()))
        self._changed_now()

    def _changed_now(self) -> None:
        self._changed.set()

    def _mail_now(self) -> None:
        self._mail.set()

    # Heartbeats.

    async def _beat_on(self) -> None:
        """Beat, and see to what has changed in between, until nothing is left to do here."""
        due_ns = 0
        while True:
            self._changed = anyio.Event()
            try:
                if Lease.now_ns() >= due_ns:
                    due_ns = Lease.now_ns() + int(self._pace.beat_s * SECOND)
                    await self._beat_once()
                if not self._leaving:
                    await self._draw()
                    await self._end()
            except StoreError as error:
                self._troubled(error)
            self._drop_lapsed()
            if self._leaving and not (self.mine or self._opening):
                return
            with anyio.move_on_after(self._pace.beat_s):
                await self._changed.wait()
                await anyio.sleep(self._pace.beat_s / 20)

    async def _beat_once(self) -> None:
        beat = await self._beat()
        if self._troubles:
            self._troubles = {}
            self._tell("the database answers again")
        self._ended = self._ended or beat.ended
        if beat.stopping:
            self.stop()
        if self._leaving:
            self._leave(list(self.mine.values()))
        else:
            await self._keep_share(beat)

    @property
    def _leaving(self) -> bool:
        """Whether everything is being given back; leases are renewed until it is."""
        return self._stopping or self._ended is not None

    def _leave(self, partitions: list[Partition]) -> None:
        for each in partitions:
            if not each.leaving:
                self._tasks.start_soon(self._guarded, each.leave)

    async def _beat(self) -> Beat:
        """Renew the leases that need it: a batch renews that of its partition, too."""
        old = {
            part: lease
            for part, lease in self._leases().items()
            if lease.age_ns * 3 > lease.length_ns
        }
        asked_ns = Lease.now_ns()
        mine = [(part, self._epochs[part]) for part in old]
        lease_ms = self._lease_ns // 1_000_000
        beat = await self._beats.beat(self.id, self._holder, lease_ms, mine)
        self._offset.heard(asked_ns, Lease.now_ns(), beat.now_ns)
        kept = set(beat.kept)
        for part, lease in old.items():
            if part in kept:
                lease.renewed(asked_ns)
            elif part in self.mine:
                self.mine[part].lapse()
        return beat

    def _leases(self) -> dict[int, Lease]:
        return {**self._opening, **{part: each.claim.lease for part, each in self.mine.items()}}

    def _drop_lapsed(self) -> None:
        for each in list(self.mine.values()):
            if not each.claim.lease.holds:
                each.lapse()

    # Partitions.

    async def _keep_share(self, beat: Beat) -> None:
        """Claim up to the fair share, leave what is beyond it."""
        alive = len(beat.workers) - await self._bury(beat)
        share = -(-len(self._crawl.parts) // max(1, alive))
        held = len(self.mine) + len(self._opening)
        if held < share:
            await self._claim(share - held)
        self._leave([each for each in self.mine.values() if not each.leaving][share:])

    async def _claim(self, most: int) -> None:
        asked_ns = Lease.now_ns()
        held = [*self.mine, *self._opening]
        lease_ms = self._lease_ns // 1_000_000
        for claimed in await self._beats.claim(self.id, lease_ms, self._holder, held, most):
            lease = Lease(self._lease_ns, asked_ns)
            self._opening[claimed.part] = lease
            self._epochs[claimed.part] = claimed.epoch
            self.told.claimed += 1
            self._tasks.start_soon(self._guarded, self._hold, claimed, lease)

    async def _hold(self, claimed: Claimed, lease: Lease) -> None:
        """Run a claimed partition until it is left or lost."""
        seconds = self._pace.lease_s
        held = StoreClaim(claimed.part, claimed.epoch, self.id, seconds)
        store = PostgresStore(self._crawl.address, self._link, self._pool, held)
        claim = Claim(claimed.pid, len(self._crawl.parts), claimed.epoch, self._offset.ns, lease)
        try:
            partition = await open_partition(
                self._work, claim, store, self._changed_now, self._mail_now
            )
            self.mine[claimed.part] = partition
            del self._opening[claimed.part]
            await partition.run()
            self.told.released += 1
        except Exception as error:  # noqa: BLE001  (`_cost` raises what is none)
            self._dropped(claimed, _cost(error))
        finally:
            self._opening.pop(claimed.part, None)
            self.mine.pop(claimed.part, None)
            # If the database can't be told, the lease ends by itself.
            with anyio.CancelScope(shield=True), suppress(StoreError):
                await self._beats.release(claimed.part, claimed.epoch, self.id)
            self._changed.set()

    def _dropped(self, claimed: Claimed, error: StoreError | LeaseOverError) -> None:
        """Count a partition that was lost. A state that can't be read ends the worker."""
        kind = error.kind if isinstance(error, StoreError) else "lease"
        if kind in FATAL:
            raise error
        self.told.dropped[kind] = self.told.dropped.get(kind, 0) + 1
        why = {
            "fenced": "is another worker's now: this one was silent for longer than its lease",
            "lease": "is free to be claimed: its lease has ended without an answer from the database",
        }
        if kind == "older":
            why["older"] = f"goes on from what is there: {error}"
        again = f"is claimed again when the database answers: {error}"
        self._tell(f"partition {claimed.pid} {why.get(kind, again)}")

    async def _bury(self, beat: Beat) -> int:
        """Free what belongs to workers of this machine whose process has ended, without waiting for their leases."""
        dead = {
            worker: process
            for worker, process in ((each, unpacked(text)) for each, text in beat.workers.items())
            if worker != self.id and is_alive(process) is False
        }
        for worker, process in dead.items():
            self.told.buried += 1
            freed = await self._beats.release_worker(worker)
            self._tell(f"a worker has ended ({process}); partitions that are free now: {freed}")
        return len(dead)

    async def _farewell(self) -> None:
        """Free what is left, so that nobody has to wait for a lease."""
        try:
            with anyio.move_on_after(self._pace.lease_s):
                await self._beats.release_worker(self.id)
        except StoreError as error:
            self._tell(str(error))
        self._beats.close()
        self._inbox.close()
        self._pool.close()
        self._link.close()

    # The inbox.

    async def _read_inbox(self) -> None:
        pause_s = self._pace.poll_s
        while True:
            self._mail = anyio.Event()
            try:
                found = await self._look()
            except StoreError as error:
                self._troubled(error)
                found = 0
            pause_s = self._pace.poll_s / 5 if found else min(pause_s * 1.3, self._pace.poll_s * 10)
            if found < INBOX_ROWS:
                with anyio.move_on_after(pause_s):
                    await self._mail.wait()

    async def _look(self) -> int:
        """Give what has arrived to the kernels; returns how many rows."""
        some = {
            part: each
            for part, each in self.mine.items()
            if not each.leaving and len(each.known) < UNSETTLED_ROWS
        }
        if not some:
            return 0
        settled = {part: each.settled for part, each in some.items()}
        for each in some.values():
            each.settled = []
        known = [row for each in some.values() for row in each.known]
        try:
            rows = await self._inbox.inbox(list(some), known, INBOX_ROWS)
        except StoreError:
            for part, each in some.items():
                each.settled += settled[part]
            raise
        # This look began after the settled rows were gone, so that no later one finds them.
        for part, each in some.items():
            for row in settled[part]:
                each.known.pop(row, None)
        for part, row, body in rows:
            if self.mine.get(part) is some[part] and not some[part].leaving:
                self.told.moved += some[part].arrive(row, body)
        return len(rows)

    # Budgets and the end.

    async def _draw(self) -> None:
        for part, each in list(self.mine.items()):
            if each.ended in ("finished", "stuck"):
                if Lease.now_ns() - each.idle_since_ns > IDLE_SECONDS * SECOND:
                    each.give_back()
                continue
            for name, budget in self._work.net.credits.items():
                most = _draw_most(budget.total, len(self._crawl.parts))
                if name in each.wanted(most):
                    one = Letter(budget.drawn, Credit())
                    bodies = [
                        packed(self._work.codec, [one] * number) for number in range(1, most + 1)
                    ]
                    if await self._beats.draw(name, part, bodies):
                        self._mail.set()

    async def _end(self) -> None:
        """End the crawl, if all that this worker can see of it is at its end."""
        if self._opening or any(each.ended is None for each in self.mine.values()):
            return
        self._ended = await self._beats.end_if_done()
        if self._ended is not None:
            self._leave(list(self.mine.values()))


def _cost(error: Exception) -> StoreError | LeaseOverError:
    """What has cost a partition; any other error is raised.

    A page that can't be read is raised in the middle of the shell's tasks, and so in a group, of which one is told: the one
    that ends the worker, if there is such a one.
    """
    if isinstance(error, StoreError | LeaseOverError):
        return error
    if not isinstance(error, ExceptionGroup):
        raise error
    costs = [_cost(each) for each in error.exceptions]
    return max(costs, key=lambda each: isinstance(each, StoreError) and each.kind in FATAL)


def _draw_most(total: int, partitions: int) -> int:
    """How many units a partition draws at once: a small part, so that others get theirs."""
    return max(1, min(64, total // (partitions * 8)))


async def run_worker(
    crawl: Crawl,
    work: Work,
    *,
    pace: Pace | None = None,
    tell: Callable[[str], None] | None = None,
) -> str | None:
    """Be a worker of a crawl until it has ended.

    Args:
        crawl: from `crawl.join`.
        work: the same as that of all other workers.
        pace: see `Pace`.
        tell: is called with a line for each partition that was lost, and each trouble with the database.

    Returns:
        How the crawl has ended; None if it was stopped.

    Raises:
        StoreError: the tables can't be read, or can't be written by this user.
        BatchError: a bug of ours.
    """
    return await Worker(crawl, work, pace or Pace(), tell).run()
