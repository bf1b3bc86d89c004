"""A kernel that is kept in a store, for the random runs of `tests/net`.

Owns: a recorded kernel whose batches reach the store late and at random, that comes back from what is
there, and what must be true of each batch. If nobody can tell it from the interpreter, the store has
everything.
"""

from __future__ import annotations

from asyncio import Runner
from collections import deque
from random import Random
from typing import Any

import msgspec

from scraper_cpn.net import Marking, Net, Row
from scraper_cpn.net.changes import Changes, Durable
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.marking import Faulted
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.port import Batch, ItemRow, SinkRow, Store
from scraper_cpn.store.recorder import Recorder
from scraper_cpn.store.replay import JournalReplay
from scraper_cpn.store.restore import restore
from scraper_cpn.store.shelf import StoreShelf
from tests.net.building import Built
from tests.net.nets import Draw
from tests.net.runs import Pair, Run


class Telling(Compiled):
    """A kernel that keeps the last changes that it reported, if asked."""

    last: Changes | None = None

    def changes(self) -> Changes:
        self.last = super().changes()
        return self.last


class Recorded(Recorder):
    """Does as its kernel does; its batches go to a store.

    Attributes:
        exact: whether the last look was at a cut, so that the keys of paged sets are known.
        saving: whether every look has to be.
        sizes: of the batches: how many tokens each has brought.
    """

    def __init__(self, net: Net, trace: Any, store: Store, runner: Runner, draw: Draw) -> None:
        self.net, self.store, self.runner, self.draw = net, store, runner, draw
        self.patience, self.lag = draw.one(1, 1, 3, 9), draw.below(5)
        self.codec = Codec(net)
        restored = restore(store.saved(), self.codec)
        durable = restored.durable
        self.shelf = StoreShelf(store, self.codec, durable.next_serial)
        kernel = Telling.load(
            net,
            durable.marking(net),
            trace,
            recorded=True,
            shelf=self.shelf,
            cold=restored.cold,
            keys=restored.keys,
        )
        assert isinstance(kernel, Telling)
        super().__init__(kernel, self.codec, restored.sums, _written)
        self.telling = kernel
        self.durable = self._stored()
        self.waiting: deque[tuple[Batch, Marking]] = deque()
        self.faults: dict[int, Faulted] = {}
        self.exact = self.saving = False
        self.sizes: list[int] = []

    def marking(self) -> Marking:
        """What it is. Now and then a batch is cut, and some that were are committed."""
        self.exact = self.saving or self.draw.below(self.patience) == 0
        if self.exact:
            self.cut_one()
        while len(self.waiting) > self.draw.below(self.lag + 1):
            self.commit_one()
        direct = super().marking()
        for fault in direct.faulted:
            self.faults.setdefault(fault.serial, fault)
        return msgspec.structs.replace(
            direct,
            sets=self.durable.marking(self.net).sets if self.exact else direct.sets,
            faulted=tuple(self.faults[fault.serial] for fault in direct.faulted),
        )

    def cut_one(self, *, always: bool = False) -> None:
        """Put what has happened into a batch; all batches together must tell all that there is."""
        self.telling.last = None
        batch = self.cut(list, always=always)
        if self.telling.last is not None:
            self.durable.fold(self.telling.last)
        failure, direct = self.durable.marking(self.net), self.kernel.marking()
        assert (failure.tokens, failure.counters) == (direct.tokens, direct.counters)
        assert (failure.flights, len(failure.faulted)) == (direct.flights, len(direct.faulted))
        if batch is not None:
            self.durable.sunk = dict(direct.sunk)
            self.waiting.append((batch, self._plain(self.durable)))
            self.sizes.append(len(batch.born) + len(batch.paged_born))

    def commit_one(self) -> None:
        """Make the oldest batch durable: the store then has the marking that it was cut at."""
        batch, marking = self.waiting.popleft()
        self.runner.run(self.store.commit(batch))
        stored = self._plain(self._stored())
        assert stored == marking, difference(stored, marking)
        if self.draw.chance(50):
            super().marking()  # a look after the store has it, and before the shelf knows
        self.shelf.committed(batch)

    def settle(self) -> None:
        """Make durable all that has happened, and what time it is."""
        self.cut_one(always=True)
        while self.waiting:
            self.commit_one()

    def _stored(self) -> Durable:
        return restore(self.store.saved(), self.codec, paged=False).durable

    def _plain(self, durable: Durable) -> Marking:
        """A marking, with those tokens set aside that survive."""
        marking = durable.marking(self.net)
        faulted = [self.codec.faulted(self.codec.fault(fault)) for fault in marking.faulted]
        return msgspec.structs.replace(marking, faulted=tuple(faulted))


def difference(found: Marking, right: Marking) -> list[Any]:
    """The fields in which two markings differ."""
    pairs = zip(
        msgspec.structs.asdict(found).items(), msgspec.structs.asdict(right).items(), strict=True
    )
    return [(one, other[1]) for one, other in pairs if one != other]


def _written(row: Row) -> tuple[SinkRow, list[ItemRow]]:
    return (row.sink, "", msgspec.json.encode(row.colour)), []


class KeptPair(Pair):
    """The interpreter, and a kernel that is kept in a store; to load it is to come back from there."""

    def __init__(
        self, built: Built, store: Store, runner: Runner, random: Random, *, traced: bool = True
    ) -> None:
        self.draw = Draw(random)
        self.store, self.runner = store, runner
        super().__init__(built, self._kernel, self._back, traced=traced)

    @property
    def kept(self) -> Recorded:
        """The kernel that is kept."""
        kernel = self.kernels[1]
        assert isinstance(kernel, Recorded)
        return kernel

    def go(self, calls: int) -> None:
        """A random run, after which all is durable, and is played again."""
        Run(self.draw, self).go(calls)
        self.kept.settle()
        replayed(self.kept)

    def swap(self) -> None:
        """Save each, and load it into the other execution: the kept one goes on from its store."""
        self.kept.saving = True
        super().swap()

    def _kernel(self, net: Net, trace: Any) -> Recorded:
        return Recorded(net, trace, self.store, self.runner, self.draw)

    def _back(self, net: Net, _: Marking, trace: Any) -> Recorded:
        self.kept.settle()
        back = self._kernel(net, trace)
        back.faults = self.kept.faults
        return back

    def _same(self, what: str, both: Any) -> None:
        if what == "marking" and not self.kept.exact:
            both = [self._unlisted(marking) for marking in both]
        super()._same(what, both)

    def _unlisted(self, marking: Marking) -> Marking:
        """A marking without the keys of paged sets, which a kernel can't list between cuts."""
        places = self.built.net.places
        sets = {
            name: keys
            for name, keys in marking.sets.items()
            if not getattr(places[name], "paged", False)
        }
        return msgspec.structs.replace(marking, sets=sets)


def replayed(kept: Recorded) -> JournalReplay:
    """Play all of a journal again, batch by batch."""
    replay = JournalReplay(kept.store.base(), None, lambda _: Codec(kept.net))
    replay.play(kept.store.journal())
    assert replay.seq == kept.seq
    assert replay.marking_hash == kept.store.saved().marking_hash
    return replay
