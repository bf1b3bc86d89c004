"""Opening a partition that was claimed: from its rows to a kernel that goes on.

Owns: restoring the marking, ending what was in flight as `Lost`, the edit of a take-over.
Must not know: how a partition is claimed, what a net is for.

Reading and building run in a thread, because a partition with a million tokens takes seconds, in which the leases of the
others have to be renewed.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio.to_thread

from scraper_cpn.cluster.lease import Claim, Lease
from scraper_cpn.cluster.partition import Partition
from scraper_cpn.cluster.work import Work
from scraper_cpn.net.shares import Partition as Number
from scraper_cpn.run.clock import Clock
from scraper_cpn.store.edit import Edit
from scraper_cpn.store.port import Batch, Store
from scraper_cpn.store.recorder import EDIT, written
from scraper_cpn.store.recovery import loaded, lost_in_flight
from scraper_cpn.store.restore import Restored, restore
from scraper_cpn.store.shelf import StoreShelf

TAKEN_OVER = "the worker that ran it ended, or lost its lease"


async def open_partition(
    work: Work, claim: Claim, store: Store, changed: Callable[[], None], sent: Callable[[], None]
) -> Partition:
    """Open a partition; *changed* and *sent* are those of `Partition`.

    Raises:
        StoreError: it can't be read, or is another's by now.
    """
    in_thread = anyio.to_thread.run_sync
    restored = await in_thread(lambda: restore(store.saved(), work.codec))
    clock = _clock(claim, restored)
    number = Number(claim.pid, claim.of)
    work.found(claim, restored)
    if restored.durable.flights:
        lost = lost_in_flight(
            restored, work.codec, clock.now_ns(), TAKEN_OVER, work.writing, number
        )
        await _committed(store, lost, claim.lease)
    edit = work.took_over(claim, restored, clock.now_ns())
    if edit is not None:
        await _committed(store, _edited(work, restored, edit), claim.lease)
    return await in_thread(lambda: _loaded(work, claim, store, restored, clock, changed, sent))


def _clock(claim: Claim, restored: Restored) -> Clock:
    """The database's time; it never goes back behind the last batch."""
    clock = Clock(claim.offset_ns)
    behind_ns = restored.durable.now_ns - clock.now_ns()
    return clock if behind_ns <= 0 else Clock(claim.offset_ns + behind_ns)


async def _committed(store: Store, batch: Batch, lease: Lease) -> None:
    asked_ns = Lease.now_ns()
    await store.commit(batch)
    lease.renewed(asked_ns)


def _edited(work: Work, restored: Restored, edit: Edit) -> Batch:
    changes = edit.changes(restored.durable)
    restored.durable.fold(changes)
    inputs = written(work.codec, [(EDIT, None, edit.packed(work.codec))])
    return restored.sums.batch(work.codec, changes, firings=0, inputs=inputs)


def _loaded(
    work: Work,
    claim: Claim,
    store: Store,
    restored: Restored,
    clock: Clock,
    changed: Callable[[], None],
    sent: Callable[[], None],
) -> Partition:
    number = Number(claim.pid, claim.of)
    shelf = StoreShelf(store, work.codec, restored.durable.next_serial)
    kernel = loaded(restored, work.codec, shelf, None, work.build, number)
    return Partition(work, claim, store, kernel, restored.sums, shelf, clock, changed, sent)
