"""Keeping a net's run in a state: beginning it there, or continuing it after a crash.

Owns: the state of a run, the check that it belongs to the same net, and what becomes of firings in flight.
Must not know: what a net is for, effects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import anyio
import msgspec

from scraper_cpn.net import Net, Row, Trace, checked
from scraper_cpn.net.marking import blame
from scraper_cpn.run.clock import Clock, Dial
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.net_signature import NetSignature, differences, listed, signature_of
from scraper_cpn.store.port import Batch, ItemRow, SinkRow, Store, StoreError
from scraper_cpn.store.recorder import Recorder
from scraper_cpn.store.recovery import loaded, lost_in_flight
from scraper_cpn.store.restore import restore
from scraper_cpn.store.shelf import StoreShelf
from scraper_cpn.store.states import Location, create, is_there, open_run

MAIN = "main"
"""The name of the run in its state."""
PROCESS_ENDED = "the process ended while it ran"
LOOK_SECONDS = 0.1
"""The polling interval of a process that waits for a state to become free."""


class KeptRun:
    """A run in a state, open for writing; from `open_kept`.

    Attributes:
        recorder: the kernel, with everything that is in the state.
        clock: the kernel's time.
        new: whether the run has just begun.
    """

    def __init__(
        self, store: Store, shelf: StoreShelf, recorder: Recorder, clock: Clock, *, new: bool
    ) -> None:
        self._store = store
        self._shelf = shelf
        self.recorder = recorder
        self.clock = clock
        self.new = new
        self._metadata: Sequence[tuple[str, bytes]] = [("clock", msgspec.json.encode(clock.dial))]

    def cut(self) -> Batch | None:
        """Cut a batch of what has happened since the last one; None if nothing has.

        Raises:
            StoreError: a token, an outcome or a key can't be written.
        """
        try:
            batch = self.recorder.cut(lambda: self._metadata)
        except (TypeError, ValueError, OverflowError) as error:
            raise StoreError(
                "unfit",
                f"net {self.recorder.kernel.net.name}: something can't be kept: {blame(error)}; tokens, outcomes and keys "
                "must be records of text, bytes, numbers of 64 bits, and collections of these",
            ) from error
        if batch is not None:
            self._metadata = ()  # they are in the first batch, without which no other one becomes durable
        return batch

    async def commit(self, batch: Batch) -> None:
        """Make a batch durable. Raises `StoreError`."""
        await self._store.commit(batch)
        self._shelf.committed(batch)

    def rows(self, sink: str) -> Iterator[Any]:
        """The durable rows of a sink, as plain data, oldest first."""
        return (msgspec.json.decode(row) for _, _, row in self._store.rows(sink))

    async def close(self) -> None:
        """Close the state."""
        with anyio.CancelScope(shield=True):
            await self._store.close()


async def open_kept(
    net: Net, path: Location, *, wait: bool = False, trace: Trace | None = None
) -> KeptRun:
    """Begin a run in a new state, or continue the run in an existing one.

    Args:
        net: the same net as before: the same places, transitions and functions' names.
        path: of its file, or its address on PostgreSQL.
        wait: if another process has the state, wait until it has ended, instead of raising `StoreError`.
        trace: is called with each event.

    Raises:
        NetError: the net is not valid.
        StoreError: the state belongs to another net, is damaged, in use, or can't be written.
    """
    codec = Codec(checked(net), exact=True)
    store = await _opened(net, path, wait=wait)
    try:
        return await _kept(store, codec, trace)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await store.close()
        raise


async def _opened(net: Net, path: Location, *, wait: bool) -> Store:
    while True:
        try:
            if is_there(path):
                store = open_run(path, MAIN)
                await _refuse_other(store, net, path)
                return store
            signature = msgspec.json.encode(signature_of(net, {}))
            return create(path, MAIN, {"net": signature})
        except StoreError as error:
            if not wait or error.kind not in {"locked", "exists"}:
                raise
        await anyio.sleep(LOOK_SECONDS)


async def _refuse_other(store: Store, net: Net, path: Location) -> None:
    """Raise `StoreError` unless the state belongs to this net."""
    metadata = store.metadata()
    before = msgspec.json.decode(metadata["net"], type=NetSignature) if "net" in metadata else {}
    found = differences(before, signature_of(net, {}))
    if found:
        await store.close()
        text = listed(found) if before else "it was written by another program"
        raise StoreError("foreign", f"{path} is no run of this net ({net.name}): {text}")


async def _kept(store: Store, codec: Codec, trace: Trace | None) -> KeptRun:
    saved = store.saved()
    new = (
        saved.seq == 0
    )  # a process that was killed before its first batch has left nothing but the state
    metadata = store.metadata()
    known = msgspec.json.decode(metadata["clock"], type=Dial) if "clock" in metadata else None
    clock = Clock() if known is None else Clock.resumed(known, saved.at_ns)
    restored = restore(saved, codec)
    if restored.durable.flights:
        lost = lost_in_flight(restored, codec, clock.now_ns(), PROCESS_ENDED, _writing)
        await store.commit(lost)
    shelf = StoreShelf(store, codec, restored.durable.next_serial)
    kernel = loaded(restored, codec, shelf, trace)
    return KeptRun(store, shelf, Recorder(kernel, codec, restored.sums, _writing), clock, new=new)


def _writing(row: Row) -> tuple[SinkRow, Sequence[ItemRow]]:
    """How a row is stored: its colour as JSON."""
    colour = msgspec.json.encode(msgspec.to_builtins(row.colour))
    return (row.sink, "", colour), ()
