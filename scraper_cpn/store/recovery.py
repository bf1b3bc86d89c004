"""Recovery of a run whose process ended: what becomes of its firings in flight, and its kernel.

Owns: completing these firings as `Lost`, as a batch of the journal; loading a kernel from what was restored.
Must not know: files, SQL, what a net is for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from scraper_cpn.net import Lost, Row, Trace
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.compiled.source import Build
from scraper_cpn.net.shares import Partition
from scraper_cpn.net.shelf import Shelf
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.port import Batch, ItemRow, SinkRow
from scraper_cpn.store.recorder import COMPLETE, REVOKE, STARTED, written
from scraper_cpn.store.restore import Restored


def lost_in_flight(
    restored: Restored,
    codec: Codec,
    now_ns: int,
    reason: str,
    writing: Callable[[Row], tuple[SinkRow, Sequence[ItemRow]]],
    partition: Partition | None = None,
) -> Batch:
    """The batch that completes all firings in flight as `Lost`: how much of their work was done is unknown.

    A firing that waits for its next attempt continues to wait.

    Args:
        restored: the marking; it is changed by the batch.
        codec: of the net under which the firings began.
        now_ns: the time of the batch.
        reason: what `Lost` says.
        writing: how a row of a sink is stored.
        partition: whose marking it is, of a net that is divided.
    """
    durable = restored.durable
    # This kernel takes no step, so that it can do without the tokens on the shelf.
    kernel = Compiled.load(
        codec.net, durable.marking(codec.net), recorded=True, partition=partition
    )
    inputs: list[tuple[Any, ...]] = []
    for firing_id, flying in sorted(durable.flights.items()):
        if flying.handed:
            kernel.revoke(firing_id)
            inputs.append((REVOKE, firing_id))
        if flying.due_ns is not None:
            continue
        if not flying.started:
            # It may have started, since no commit records a start before it happens: whether it may start
            # now does not matter.
            kernel.started(firing_id, now_ns, asked=True)
            inputs.append((STARTED, now_ns, firing_id, True))
        lost = Lost(reason)
        kernel.complete(firing_id, lost, now_ns)
        inputs.append((COMPLETE, now_ns, firing_id, lost))
    changes = kernel.changes()
    durable.fold(changes)
    rows = [writing(row)[0] for row in kernel.drain()]
    return restored.sums.batch(codec, changes, firings=0, inputs=written(codec, inputs), rows=rows)


def loaded(
    restored: Restored,
    codec: Codec,
    shelf: Shelf,
    trace: Trace | None,
    build: Build | None = None,
    partition: Partition | None = None,
) -> Compiled:
    """A kernel that continues from what was restored, and records its changes."""
    return Compiled.load(
        codec.net,
        restored.durable.marking(codec.net),
        trace,
        recorded=True,
        shelf=shelf,
        cold=restored.cold,
        keys=restored.keys,
        build=build,
        partition=partition,
    )
