"""A kernel whose calls are recorded, and cut into batches for a store.

Owns: the inputs of a batch, its rows, the sum of the marking hash. Decides nothing: every call goes
to the kernel as it is.
Must not know: SQL, files, asyncio, what a net is for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from scraper_cpn.net import Ended, Lack, Marking, Row, Step
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.places import Place
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.port import Batch, ItemRow, SinkRow
from scraper_cpn.store.sums import Sums

_encode = msgspec.msgpack.Encoder().encode

Writing = Callable[[Row], tuple[SinkRow, Sequence[ItemRow]]]
"""What of a sink's row is written: a row that people can look up, and items."""

Facts = Callable[[], Sequence[tuple[str, bytes]]]
"""Gives named values of a run, as JSON."""

INJECT, STEP, STARTED, COMPLETE, REVOKE, EDIT = "i", "s", "b", "c", "r", "e"
"""The kinds of inputs in a journal."""


class Recorder:
    """A kernel (see `marking.Kernel`) that is recorded.

    Args:
        kernel: compiled with `recorded`; nothing has been injected since it was made or loaded.
        codec: of its net.
        sums: what the store holds already.
        writing: what is written of rows.
    """

    def __init__(self, kernel: Compiled, codec: Codec, sums: Sums, writing: Writing) -> None:
        self.kernel = kernel
        self._codec = codec
        self._sums = sums
        self._writing = writing
        self._inputs: list[tuple[Any, ...]] = []
        self._rows: list[Row] = []
        """Those that no batch has yet."""
        self._untaken: list[Row] = []
        """Those that only a batch has yet: `drain` has to give them, too."""
        self._told_id = kernel.next_id

    # What changes the kernel is an input.

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
        """Fire all that can fire at *now_ns*."""
        step = self.kernel.step(now_ns, limit)
        self._inputs.append((STEP, now_ns, limit))
        return step

    def started(self, firing_id: int, now_ns: int, *, asked: bool = False) -> bool:
        """Put back what the firing spends, dated from now; or revoke it, if it may not start any more."""
        starts = self.kernel.started(firing_id, now_ns, asked=asked)
        self._inputs.append((STARTED, now_ns, firing_id, asked))
        return starts

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        """Deposit what the outcome's arcs say and give back what was held."""
        self.kernel.complete(firing_id, outcome, now_ns)
        self._inputs.append((COMPLETE, now_ns, firing_id, outcome))

    def revoke(self, firing_id: int) -> None:
        """Undo a firing that has not started."""
        self.kernel.revoke(firing_id)
        self._inputs.append((REVOKE, firing_id))

    def drain(self) -> list[Row]:
        """Take the rows since the last call; they go into the batch, too."""
        rows = self.kernel.drain()
        self._rows += rows
        given, self._untaken = self._untaken + rows, []
        return given

    # What only looks is none.

    def ended(self, now_ns: int) -> Ended | None:
        """How the run ended."""
        return self.kernel.ended(now_ns)

    def may_start(self, firing_id: int, now_ns: int) -> bool:
        """Whether what must hold at the start of a firing does."""
        return self.kernel.may_start(firing_id, now_ns)

    def marking(self) -> Marking:
        """Save everything."""
        return self.kernel.marking()

    def explain(self, serial: int, now_ns: int) -> list[Lack]:
        """What each transition that could take the token lacks."""
        return self.kernel.explain(serial, now_ns)

    def count(self, place: str) -> int:
        """What is in a place."""
        return self.kernel.count(place)

    def in_flight(self) -> int:
        """Firings whose effects have not ended."""
        return self.kernel.in_flight()

    # Batches.

    @property
    def filling(self) -> int:
        """Firings in the batch that is being filled."""
        return self.kernel.next_id - self._told_id

    @property
    def seq(self) -> int:
        """The number of the last batch that was cut."""
        return self._sums.seq

    def cut(self, facts: Facts, *, always: bool = False) -> Batch | None:
        """What has happened since the last cut, as a batch; None if nothing has.

        Args:
            facts: values of the run that change with it; asked if there is a batch.
            always: make a batch in any case.
        """
        untaken = self.kernel.drain()
        self._untaken += untaken
        rows = self._rows + untaken
        changes = self.kernel.changes()
        idle = all(given[0] == STEP for given in self._inputs)
        if idle and not (always or self.filling or rows or changes.faulted or changes.begun):
            self._inputs.clear()  # steps that did nothing: time alone has passed
            return None
        inputs = written(self._codec, self._inputs)
        firings = self.filling
        kept = [self._writing(row) for row in rows]
        self._inputs, self._rows, self._told_id = [], [], self.kernel.next_id
        return self._sums.batch(
            self._codec,
            changes,
            firings=firings,
            inputs=inputs,
            rows=[row for row, _ in kept],
            items=[item for _, items in kept for item in items],
            facts=facts(),
        )


def written(codec: Codec, inputs: Iterable[tuple[Any, ...]]) -> bytes:
    """Inputs as they stand in a journal."""
    return _encode([_packed(codec, given) for given in inputs])


def _packed(codec: Codec, given: tuple[Any, ...]) -> tuple[Any, ...]:
    if given[0] == COMPLETE:
        _, now_ns, firing_id, outcome = given
        return (COMPLETE, now_ns, firing_id, type(outcome).__name__, codec.pack(outcome))
    if given[0] == INJECT:
        _, now_ns, place, colour, ready_ns, expires_ns = given
        return (INJECT, now_ns, place, codec.pack(colour), ready_ns, expires_ns)
    return given
