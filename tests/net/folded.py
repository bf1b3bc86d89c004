"""A compiled kernel that is seen only through its changes.

Owns: a kernel whose marking is put together from all that `changes` has reported since it was made or
loaded. If it can't be distinguished from the interpreter, then a store that writes the changes has everything.
"""

from typing import Any

from scraper_cpn.net import Marking, Net, Row
from scraper_cpn.net.changes import Durable
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.plan import held, taken
from tests.net.nets import Draw


class Folded(Compiled):
    """Its changes are asked for at random moments: after every call with *patience* 1."""

    def __init__(self, net: Net, trace: Any = None, *, patience: int = 1, **options: Any) -> None:
        super().__init__(net, trace, **{**options, "recorded": True})
        self.durable = Durable()
        self.patience = patience
        self.asked = 0

    @classmethod
    def load(cls, net: Net, marking: Marking, trace: Any = None, **options: Any) -> "Folded":
        """Go on from a marking, which is all that is durable at first."""
        kernel = super().load(net, marking, trace, **options)
        assert isinstance(kernel, Folded)
        kernel.durable = durable_of(net, marking)
        return kernel

    def drain(self) -> list[Row]:
        rows = super().drain()
        for row in rows:
            self.durable.sunk[row.sink] = self.durable.sunk.get(row.sink, 0) + 1
        return rows

    def marking(self) -> Marking:
        self.asked += 1
        if self.asked % self.patience:
            return super().marking()
        self.durable.fold(self.changes())
        self.durable.sunk = dict(super().marking().sunk)
        return self.durable.marking(self.net)


def durable_of(net: Net, marking: Marking) -> Durable:
    """A marking as if nothing were in flight, and the firings in flight beside it."""
    durable = Durable(marking.now_ns, marking.next_serial, marking.next_id)
    shows = {place.name for t in net.transitions.values() for place, _ in t.shows}
    durable.tokens = {t.serial: t for t in marking.tokens if t.place not in shows}
    durable.numbers = {
        (name, key): number for name, numbers in marking.counters.items() for key, number in numbers
    }
    durable.seen = {name: list(keys) for name, keys in marking.sets.items()}
    durable.flights = {flying.id: flying for flying in marking.flights}
    durable.faulted = list(marking.faulted)
    durable.sunk = dict(marking.sunk)
    for flying in marking.flights:
        durable.tokens.update({token.serial: token for token in held(net, flying)})
    for at, taken_ in taken(net, marking.flights).items():
        counter: Any = net.places[at[0]]
        durable.numbers[at] = durable.numbers.get(at, counter.first(at[1])) + taken_
    return durable


def folding(draw: Draw) -> Any:
    """Make kernels that are asked for their changes after so many calls."""
    patience = draw.one(1, 1, 2, 7)
    return lambda net, trace: Folded(net, trace, patience=patience)
