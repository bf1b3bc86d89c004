"""The changes of a running net, and the durable marking that results from them.

Owns: `Changes`, what a store receives after each batch of firings, and `Durable`, the marking as a store
has it: as if no firing were in flight, with the firings in flight beside it. What a firing holds stays
where it was until it is really gone, so that to begin or revoke a firing changes nothing else.
Must not know: stores, how a kernel keeps its tokens.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from msgspec import Struct

from scraper_cpn.net import plan
from scraper_cpn.net.declare import Net
from scraper_cpn.net.marking import Faulted, Flying, Marking, Standing
from scraper_cpn.net.places import Counter, KeySet, Sink


class Changes(Struct, frozen=True):
    """The difference since the last call. What came and went in between is not in it.

    Attributes:
        now_ns: the kernel's time.
        next_serial: of the next token.
        next_id: of the next firing.
        born: tokens that are in a place, or held by a firing in flight, and were not; the oldest first.
            The tokens that `during` places show are not among them: the firings tell them.
        gone: tokens that were and are not any more.
        numbers: counter, key and number as if nothing were in flight, of those that may have changed.
        seen: set and key, of those that are new, the oldest first.
        forgotten: set and key, of those that were and are not any more, or are new again.
        begun: firings in flight that were not, or that had not started and have now.
        ended: ids of firings that were in flight and are not any more.
        faulted: tokens that were set aside.
    """

    now_ns: int
    next_serial: int
    next_id: int
    born: tuple[Standing, ...]
    gone: tuple[Standing, ...]
    numbers: tuple[tuple[str, Hashable, int], ...]
    seen: tuple[tuple[str, Hashable], ...]
    forgotten: tuple[tuple[str, Hashable], ...]
    begun: tuple[Flying, ...]
    ended: tuple[int, ...]
    faulted: tuple[Faulted, ...]


@dataclass
class Durable:
    """A durable marking, put together from changes or from what a store has read back.

    Attributes:
        tokens: by serial; those that firings in flight hold are among them.
        numbers: by counter and key, as if nothing were in flight; the others are as they start.
        seen: keys by set, the oldest first.
        flights: by id.
    """

    now_ns: int = 0
    next_serial: int = 1
    next_id: int = 1
    tokens: dict[int, Standing] = field(default_factory=dict)
    numbers: dict[tuple[str, Hashable], int] = field(default_factory=dict)
    seen: dict[str, list[Hashable]] = field(default_factory=dict)
    flights: dict[int, Flying] = field(default_factory=dict)
    faulted: list[Faulted] = field(default_factory=list)
    sunk: dict[str, int] = field(default_factory=dict)

    def fold(self, changes: Changes) -> None:
        """Go on to where *changes* lead."""
        self.now_ns = changes.now_ns
        self.next_serial, self.next_id = changes.next_serial, changes.next_id
        self.tokens.update({token.serial: token for token in changes.born})
        for token in changes.gone:
            del self.tokens[token.serial]
        self.numbers.update({(name, key): number for name, key, number in changes.numbers})
        for name, key in changes.forgotten:
            if key in self.seen.get(name, []):
                self.seen[name].remove(key)
        for name, key in changes.seen:
            self.seen.setdefault(name, []).append(key)
        self.flights.update({flying.id: flying for flying in changes.begun})
        for firing_id in changes.ended:
            del self.flights[firing_id]
        self.faulted += changes.faulted

    def marking(self, net: Net) -> Marking:
        """The marking of *net*, firings in flight and all. Cost: O(tokens log tokens)."""
        kinds = net.places.values()
        ranks = {name: rank for rank, name in enumerate(net.places)}
        standing = sorted(self._standing(net), key=lambda token: (ranks[token.place], token.serial))
        return Marking(
            net=net.name,
            now_ns=self.now_ns,
            next_serial=self.next_serial,
            next_id=self.next_id,
            tokens=tuple(standing),
            counters={p.name: self._numbers(net, p) for p in kinds if isinstance(p, Counter)},
            sets={p.name: tuple(self.seen.get(p.name, ())) for p in kinds if isinstance(p, KeySet)},
            flights=tuple(flying for _, flying in sorted(self.flights.items())),
            faulted=tuple(self.faulted),
            sunk={p.name: self.sunk.get(p.name, 0) for p in kinds if isinstance(p, Sink)},
        )

    def _standing(self, net: Net) -> Iterator[Standing]:
        """The tokens that no firing has in its hands, and those that show a firing."""
        flights = self.flights.values()
        held = {token.serial for flying in flights for token in plan.held(net, flying)}
        yield from (token for token in self.tokens.values() if token.serial not in held)
        yield from self._shown(net)

    def _shown(self, net: Net) -> Iterator[Standing]:
        aside = {fault.serial for fault in self.faulted}
        for flying in self.flights.values():
            if flying.shown is not None:
                shows = net.transitions[flying.transition].shows
                for serial, (during, arc) in enumerate(shows, flying.shown):
                    if serial not in aside:
                        yield Standing(during.name, serial, flying.inputs[arc].colour, 0)

    def _numbers(self, net: Net, counter: Counter) -> tuple[tuple[Hashable, int], ...]:
        """The numbers that differ from what they start with, less what firings in flight have taken."""
        numbers = {key: n for (name, key), n in self.numbers.items() if name == counter.name}
        for (name, key), taken in plan.taken(net, self.flights.values()).items():
            if name == counter.name:
                numbers[key] = numbers.get(key, counter.first(key)) - taken
        changed = (pair for pair in numbers.items() if pair[1] != counter.first(pair[0]))
        return tuple(sorted(changed, key=repr))
