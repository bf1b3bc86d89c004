"""A grounded net: numbered atoms, and events that test and change how many there are of each.

Owns: `Atom`, `Event` and `PlainNet`, the form in which every analysis works. A coloured net becomes
one by `ground.py`, a net from a file by `pnml_read.py`.
Must not know: how events are found, how states are stored, what is to be proved.

A state says how many of each atom there are. An event can happen in a state if there are at least
`needs`, none of `absent` and at most `room`; it then adds `change` and, one after the other, those of
`news` that are still new.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

AtomKind = Literal[
    "token", "number", "key", "flight", "outside", "slots", "count", "present", "fault", "row"
]  # fmt: skip
EventKind = Literal["fire", "begin", "start", "revoke", "attempt", "again", "end", "inject"]
Flying: TypeAlias = bool | tuple[int, str]
"""The stage of a firing: begun, running, or the attempt after the first that `waits`, is `given` out, or `runs`."""


@dataclass(frozen=True)
class Atom:
    """Something of which a state has a number.

    Attributes:
        kind: a token in a place, a counter's number, a key in a set, a firing in flight, a token that
            may still come from outside, the slots taken in a bounded place, the tokens of a place that
            have a key, a token in its place or in use, a token set aside, or a row of a sink.
        name: the place's; of a firing, the transition's.
        value: the token's colour; the key; of a firing, what each of its arcs has bound.
        mark: of a token, whether it has an end; of a firing, its stage.
    """

    kind: AtomKind
    name: str
    value: Hashable = None
    mark: Flying = False

    @property
    def runs(self) -> bool:
        """Whether the effect of a firing is under way."""
        return self.mark is True or (isinstance(self.mark, tuple) and self.mark[1] == "runs")


@dataclass(frozen=True)
class New:
    """A token that is put only if a set lacks its key; or a key that a set forgets.

    Attributes:
        key: the atom of the key in the set; becomes 1.
        change: what is added with it.
        fresh: keys that the set must have lacked before the event, for a token made of another new one.
        forgets: the key becomes 0, and that is all.
    """

    key: int
    change: Mapping[int, int]
    fresh: tuple[int, ...] = ()
    forgets: bool = False


@dataclass(frozen=True, eq=False)
class Event:
    """Something that can happen.

    Attributes:
        kind: what it is of a firing, or a token that comes from outside.
        name: the transition's; of a token from outside, the place's.
        needs: how many of an atom there must be at least.
        absent: atoms of which there may be none.
        room: how many of an atom there may be at most.
        change: how the numbers change.
        news: tokens that a set must lack, in the order in which they are put.
        rank: the place of its transition in the order in which a step tries them; None if no step
            decides it (starts, ends, revocations, tokens from outside, what people fire).
        urgent: whether it can't wait for time: while it can happen, no later rank does.
        bound: what the transition's arcs have bound: a token's atom, a key or None for each.
        outcome: what an effect ended in, or a choice picked.
    """

    kind: EventKind
    name: str
    needs: Mapping[int, int]
    change: Mapping[int, int]
    absent: tuple[int, ...] = ()
    room: Mapping[int, int] = field(default_factory=dict)
    news: tuple[New, ...] = ()
    rank: int | None = None
    urgent: bool = False
    bound: tuple[Any, ...] = ()
    outcome: Any = None

    def tests(self) -> set[int]:
        """The atoms whose numbers decide whether and how it happens."""
        return {*self.needs, *self.absent, *self.room, *(key for new in self.news for key in (new.key, *new.fresh))}  # fmt: skip


@dataclass(eq=False)
class PlainNet:
    """A grounded net. Its atoms and events may still grow while it is explored."""

    name: str
    atoms: list[Atom] = field(default_factory=list)
    initial: list[int] = field(default_factory=list)
    """How many of each atom there are at first."""
    events: list[Event] = field(default_factory=list)
    index: dict[Atom, int] = field(default_factory=dict)
    named: dict[tuple[AtomKind, str], list[int]] = field(default_factory=dict)
    """The atoms of each kind and name, in their order."""

    def atom(self, atom: Atom, initial: int = 0) -> int:
        """The number of an atom; a new one is added, of which there are *initial* at first."""
        number = self.index.get(atom)
        if number is None:
            number = self.index[atom] = len(self.atoms)
            self.atoms.append(atom)
            self.initial.append(initial)
            self.named.setdefault((atom.kind, atom.name), []).append(number)
        return number

    def of(self, kind: AtomKind, *names: str) -> list[int]:
        """The atoms of a kind and of these names."""
        found = (self.named.get((kind, name), ()) for name in dict.fromkeys(names))
        return sorted(number for each in found for number in each)


def is_fault(event: Event) -> bool:
    """Whether a function of the user has raised, so that a token is only set aside."""
    return event.kind == "fire" and isinstance(event.outcome, str)


def happens(event: Event, state: Sequence[int]) -> list[int] | None:
    """The state after an event, counted atom by atom; None if it can't happen. Slow and obvious."""
    if any(state[atom] < number for atom, number in event.needs.items()):
        return None
    if any(state[atom] for atom in event.absent):
        return None
    if any(state[atom] > number for atom, number in event.room.items()):
        return None
    after = list(state)
    for atom, number in event.change.items():
        after[atom] += number
    for new in event.news:
        if new.forgets:
            after[new.key] = 0
        elif not after[new.key] and not any(state[key] for key in new.fresh):
            after[new.key] = 1
            for atom, number in new.change.items():
                after[atom] += number
    return after
