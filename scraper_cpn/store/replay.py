"""Replaying a journal from its base to its end, comparing the marking hash after each batch.

Owns: feeding a kernel the inputs of a journal. Must not know: SQL, files, what a net is for.

Equal hashes show that the journal, the tables and the net belong together, and that the decisions of
the crawl depend on its inputs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from scraper_cpn.net import Binding, NetError
from scraper_cpn.net.changes import Changes
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.compiled.source import Build
from scraper_cpn.net.shares import Partition
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.edit import Edit
from scraper_cpn.store.port import JournalRow, SavedMarking, StoreError
from scraper_cpn.store.recorder import BEGIN, COMPLETE, EDIT, INJECT, REVOKE, STARTED, STEP
from scraper_cpn.store.restore import restore

CodecOfOpening = Callable[[Any], Codec]
"""Builds the codec of the net with which a run continued, from the description in its opening."""


class JournalReplay:
    """A kernel that replays a journal.

    Args:
        base: the marking at which the journal begins.
        opening: the description in the last opening before the base.
        codec_of_opening: see `CodecOfOpening`.
        partition: whose journal it is, of a net that is divided.
        build: of the net's source, recorded and without a shelf, if it is the same under all openings; by default it is made
            for each.
    """

    def __init__(
        self,
        base: SavedMarking,
        opening: Any,
        codec_of_opening: CodecOfOpening,
        partition: Partition | None = None,
        build: Build | None = None,
    ) -> None:
        self._kernel_of = partial(Compiled.load, recorded=True, partition=partition, build=build)
        self._codec_of_opening = codec_of_opening
        self._codec = codec_of_opening(opening)
        restored = restore(base, self._codec, paged=False)
        self._durable, self._sums = restored.durable, restored.sums
        self._kernel = self._load()
        self._at_ns = base.at_ns
        self.seq = base.seq
        self.firings = 0

    @property
    def marking_hash(self) -> int:
        """The hash of the current durable marking."""
        return self._sums.hash(self._at_ns, self._durable.next_serial, self._durable.next_id)

    def play(self, rows: Iterable[JournalRow]) -> None:
        """Replay batches, oldest first.

        Raises:
            StoreError: the marking after a batch differs from the recorded one; the message names the batch.
        """
        for seq, at_ns, firings, marking_hash, inputs in rows:
            if seq != self.seq + 1:
                raise StoreError("damaged", f"the journal lacks batch {self.seq + 1}")
            next_id = self._durable.next_id + firings
            try:
                self._batch(inputs)
            except (NetError, msgspec.MsgspecError, LookupError, TypeError, ValueError) as error:
                raise StoreError(
                    "damaged", f"batch {seq} of the journal can't be replayed: {error}"
                ) from error
            self.seq, self._at_ns, self.firings = seq, at_ns, self.firings + firings
            if (self._durable.next_id, self.marking_hash) != (next_id, marking_hash):
                raise StoreError(
                    "damaged",
                    f"batch {seq} of the journal leads to another marking when it is replayed",
                )

    def _batch(self, inputs: bytes) -> None:
        for given in msgspec.msgpack.decode(inputs):
            if given[0] == EDIT:
                self._edit(given[1], given[2])
            else:
                self._give(given)
        self._tell(self._kernel.changes())

    def _give(self, given: list[Any]) -> None:
        kernel, codec = self._kernel, self._codec
        kind, *rest = given
        if kind == STEP:
            kernel.step(*rest)
        elif kind == BEGIN:
            kernel.begin(_binding(kernel, *rest), rest[0])
        elif kind == STARTED:
            now_ns, firing_id, asked = rest
            kernel.started(firing_id, now_ns, asked=asked)
        elif kind == REVOKE:
            kernel.revoke(rest[0])
        elif kind == COMPLETE:
            now_ns, firing_id, name, packed = rest
            kernel.complete(firing_id, codec.outcome(name, packed), now_ns)
        elif kind == INJECT:
            now_ns, name, packed, ready_ns, expires_ns = rest
            place: Any = codec.net.places[name]
            colour = codec.unpack(place.colour, packed)
            kernel.inject(place, colour, now_ns, ready_at_ns=ready_ns, expires_at_ns=expires_ns)
        kernel.drain()

    def _edit(self, opening: Any, packed: Any) -> None:
        """Continue under other laws, with an edited marking."""
        self._codec = self._codec_of_opening(opening)
        changes = Edit.unpack(self._codec, packed).changes(self._durable)
        self._tell(changes)
        self._kernel = self._load()

    def _tell(self, changes: Changes) -> None:
        self._sums.batch(self._codec, changes, firings=0, inputs=b"")
        self._durable.fold(changes)

    def _load(self) -> Compiled:
        net = self._codec.net
        return self._kernel_of(net, self._durable.marking(net))


def _binding(kernel: Compiled, now_ns: int, transition: str, serials: list[Any]) -> Binding:
    """The binding of a manual transition that has these serials. Cost: its bindings before it."""
    wanted = [tuple(each) if isinstance(each, list) else each for each in serials]
    for binding in kernel.bindings(transition, now_ns):
        if list(binding.serials) == wanted:
            return binding
    raise LookupError(f"{transition} has no binding of {wanted}")
