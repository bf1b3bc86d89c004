"""Recording a kernel's calls, and cutting them into batches for a store.

Owns: the inputs of a batch, its rows, the marking hash. It decides nothing: every call is passed to
the kernel unchanged.
Must not know: SQL, files, asyncio, what a net is for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import msgspec

from scraper_cpn.net import Binding, Ended, Firing, Lack, Marking, Row, Stale, Step
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.places import Place
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.port import Batch, ItemRow, SinkRow
from scraper_cpn.store.sums import Sums

_encode = msgspec.msgpack.Encoder().encode

Writing = Callable[[Row], tuple[SinkRow, Sequence[ItemRow]]]
"""Splits a sink's row into what is stored: a row that people can look up, and items."""

Metadata = Callable[[], Sequence[tuple[str, bytes]]]
"""Returns named values of a run, as JSON."""

INJECT, STEP, STARTED, COMPLETE, REVOKE, EDIT, BEGIN = "i", "s", "b", "c", "r", "e", "h"
"""The kinds of inputs in a journal."""


class Recorder:
    """A recorded kernel (see `marking.Kernel`).

    Args:
        kernel: compiled with `recorded`; nothing was injected since it was made or loaded.
        codec: the codec of its net.
        sums: the checksums of what the store already holds.
        writing: how rows are stored.
    """

    def __init__(self, kernel: Compiled, codec: Codec, sums: Sums, writing: Writing) -> None:
        self.kernel = kernel
        self._codec = codec
        self._sums = sums
        self._writing = writing
        self._inputs: list[tuple[Any, ...]] = []
        self._rows: list[Row] = []
        """Rows that are in no batch yet."""
        self._untaken: list[Row] = []
        """Rows that are in a batch, but that `drain` has not returned yet."""
        self._cut_id = kernel.next_id

    # Calls that change the kernel are inputs.

    def inject(
        self,
        place: Place[Any],
        colour: Any,
        now_ns: int,
        *,
        ready_at_ns: int = 0,
        expires_at_ns: int | None = None,
    ) -> None:
        """Put a token into a source."""
        self.kernel.inject(
            place, colour, now_ns, ready_at_ns=ready_at_ns, expires_at_ns=expires_at_ns
        )
        self._inputs.append((INJECT, now_ns, place.name, colour, ready_at_ns, expires_at_ns))

    def step(self, now_ns: int, limit: int = 100_000) -> Step:
        """Fire everything that is enabled at *now_ns*."""
        step = self.kernel.step(now_ns, limit)
        self._inputs.append((STEP, now_ns, limit))
        return step

    def begin(self, binding: Binding, now_ns: int) -> Firing:
        """Fire a binding of a manual transition; `Stale` if it no longer holds."""
        firing = self.kernel.begin(binding, now_ns)
        self._inputs.append((BEGIN, now_ns, binding.transition, binding.serials))
        return firing

    def try_begin(self, binding: Binding, now_ns: int) -> Firing | None:
        """The same; None if it no longer holds."""
        try:
            return self.begin(binding, now_ns)
        except Stale:
            return None

    def started(self, firing_id: int, now_ns: int, *, asked: bool = False) -> bool:
        """Put back the tokens that the firing spends, dated from now; revoke it if it may no longer start."""
        starts = self.kernel.started(firing_id, now_ns, asked=asked)
        self._inputs.append((STARTED, now_ns, firing_id, asked))
        return starts

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        """Put the tokens of the outcome's arcs, and return the held ones."""
        self.kernel.complete(firing_id, outcome, now_ns)
        self._inputs.append((COMPLETE, now_ns, firing_id, outcome))

    def revoke(self, firing_id: int) -> None:
        """Undo a firing that has not started."""
        self.kernel.revoke(firing_id)
        self._inputs.append((REVOKE, firing_id))

    def drain(self) -> list[Row]:
        """Take the rows since the last call; they are part of the batch, too."""
        rows = self.kernel.drain()
        self._rows += rows
        given, self._untaken = self._untaken + rows, []
        return given

    # Calls that only read are not recorded.

    def ended(self, now_ns: int, *, run: Hashable = None) -> Ended | None:
        """How the run ended; with *run*, that one of many."""
        return self.kernel.ended(now_ns, run=run)

    def bindings(
        self, transition: str, now_ns: int, *, limit: int | None = None
    ) -> tuple[Binding, ...]:
        """What a manual transition could take."""
        return self.kernel.bindings(transition, now_ns, limit=limit)

    def may_start(self, firing_id: int, now_ns: int) -> bool:
        """Whether the conditions for the start of a firing hold."""
        return self.kernel.may_start(firing_id, now_ns)

    def marking(self) -> Marking:
        """The whole marking."""
        return self.kernel.marking()

    def explain(self, serial: int, now_ns: int) -> list[Lack]:
        """What is missing for each transition that could take the token."""
        return self.kernel.explain(serial, now_ns)

    def count(self, place: str) -> int:
        """The number of tokens or keys in a place, or a counter's number."""
        return self.kernel.count(place)

    def in_flight(self) -> int:
        """Firings whose effects have not ended."""
        return self.kernel.in_flight()

    # Batches.

    @property
    def filling(self) -> int:
        """Firings in the batch that is being filled."""
        return self.kernel.next_id - self._cut_id

    @property
    def seq(self) -> int:
        """The number of the last batch that was cut."""
        return self._sums.seq

    def cut(self, metadata: Metadata, *, always: bool = False) -> Batch | None:
        """Cut a batch of everything since the last one; None if nothing has happened.

        Args:
            metadata: returns the named values that change with the batch; called only if there is a batch.
            always: cut a batch even if nothing has happened.
        """
        untaken = self.kernel.drain()
        self._untaken += untaken
        if not (self._inputs or self._rows or untaken or always):
            return None  # nothing was called: nothing has changed
        rows = self._rows + untaken
        changes = self.kernel.changes()
        idle = all(given[0] == STEP for given in self._inputs)
        if idle and not (always or self.filling or rows or changes.faulted or changes.begun):
            self._inputs.clear()  # steps that fired nothing: only time has passed
            return None
        inputs = written(self._codec, self._inputs)
        firings = self.filling
        kept = [self._writing(row) for row in rows]
        self._inputs, self._rows, self._cut_id = [], [], self.kernel.next_id
        return self._sums.batch(
            self._codec,
            changes,
            firings=firings,
            inputs=inputs,
            rows=[row for row, _ in kept],
            items=[item for _, items in kept for item in items],
            metadata=metadata(),
        )


def written(codec: Codec, inputs: Iterable[tuple[Any, ...]]) -> bytes:
    """Encode inputs for the journal."""
    return _encode([_packed(codec, given) for given in inputs])


def _packed(codec: Codec, given: tuple[Any, ...]) -> tuple[Any, ...]:
    if given[0] == COMPLETE:
        _, now_ns, firing_id, outcome = given
        return (COMPLETE, now_ns, firing_id, type(outcome).__name__, codec.pack(outcome))
    if given[0] == INJECT:
        _, now_ns, place, colour, ready_ns, expires_ns = given
        return (INJECT, now_ns, place, codec.pack(colour), ready_ns, expires_ns)
    return given
