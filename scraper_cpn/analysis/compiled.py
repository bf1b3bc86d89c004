"""The search for states in machine code: the same states in the same order as in Python, several times as fast.

Owns: `CompiledExplorer`, `explorer_of`, `Builder`, and the tables that `search.pyx` works with.
Must not know: how an extension module is built, what a property means.

Events are asked in the order of `Explorer`, so that counterexamples are the same. A state whose numbers need more than a
machine word, and a net whose events come while it is explored, are left to Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib.resources import files
from typing import Any, TypeAlias

from scraper_cpn.analysis.explore import CHUNK, Explorer, OverflowedError
from scraper_cpn.analysis.layout import WORD, StateLayout
from scraper_cpn.analysis.monitor import Monitor
from scraper_cpn.analysis.plain import Event, New, PlainNet
from scraper_cpn.analysis.space import ExplorationLimits, Space

Builder: TypeAlias = Callable[[str, str], Any]
"""Builds an extension module from a title and a source for Cython (`scraper_cpn.native.extension`)."""
Parts: TypeAlias = list[tuple[int, int]]
"""Words by number, and bits of each."""
ALL = (1 << WORD) - 1


SEARCH = ("explorer", files(__package__).joinpath("search.pyx").read_text(encoding="utf-8"))
"""The title and the source of the search, for a builder."""


class CompiledExplorer(Explorer):
    """Explores a grounded net that has all its events in machine code.

    Args:
        plain: what is explored.
        monitors: what is asked of each state and event.
        limits: when to give up.
        builder: gives the module.
    """

    def __init__(
        self,
        plain: PlainNet,
        monitors: Sequence[Monitor],
        limits: ExplorationLimits | None,
        builder: Builder,
    ) -> None:
        super().__init__(plain, monitors, limits)
        self._search = builder(*SEARCH).Search

    def _explore(self, began: float) -> Space:
        self._layout = layout = StateLayout(self._widths)
        first = self._extend()
        if any(bits > ALL >> 1 for bits in layout.fields.values()):
            return super()._explore(began)
        self._prepare()
        tables = _Tables(layout)
        asked = _Asked(tables, self)
        events = [event for group in (*self._outer, *self._inner) for event in group.events]
        found = [tables.event(event, asked.watches(event), asked.looks(event)) for event in events]
        guard = tables.parts(layout.guard, whole=True)
        search = self._search(
            len(guard),
            first,
            [bits for _, bits in guard],
            tables.fields(),
            [event for event in found if event is not None],
            asked.watched,
            asked.looked,
        )
        return self._searched(search, first, began)

    def _searched(self, search: Any, first: int, began: float) -> Space:
        self._ranked = []
        parents = _Parents(search)
        self.space = space = Space(
            self.plain, self._layout, first, parents, successors=self.successors
        )
        while search.next < len(search):
            end = len(search)
            while search.next < end:
                why = self._limits.reached(len(search), began)
                if why:
                    space.whole, space.why = False, why
                    return space
                edges, dead, overflow = search.expand(min(search.next + CHUNK, end))
                space.edges += edges
                for state in dead:
                    self._rest(state)
                if overflow is not None:
                    raise OverflowedError(overflow)
            if len(space.bad) == len(self._monitors) > 0:
                space.whole, space.why = False, "everything asked is refuted"
                return space
        return space

    def look(self, number: int, atoms: list[int], state: int) -> None:
        """Ask a monitor about a state with a new value of these atoms."""
        if self._monitors[number].bad(self._layout.decoded(state, atoms)):
            self.space.bad.setdefault(number, (state, None))

    def watch(self, number: int, event: Event, atoms: list[int], state: int) -> None:
        """Ask a monitor about an event that can happen beside a new value of these atoms."""
        if self._monitors[number].forbids(event, self._layout.decoded(state, atoms)):
            self.space.bad.setdefault(number, (state, event))

    @property
    def monitors(self) -> Sequence[Monitor]:
        """What is asked."""
        return self._monitors


def explorer_of(
    plain: PlainNet,
    monitors: Sequence[Monitor] = (),
    limits: ExplorationLimits | None = None,
    *,
    live: Callable[[list[int]], Any] | None = None,
    builder: Builder | None = None,
) -> Explorer:
    """What explores a net: machine code if there is a *builder*, and the net has all its events."""
    if builder is None or live is not None:
        return Explorer(plain, monitors, limits, live)
    return CompiledExplorer(plain, monitors, limits, builder)


class _Parents(Mapping[int, int | None]):
    """Each state with the one from which it was reached first."""

    def __init__(self, search: Any) -> None:
        self._search = search

    def __getitem__(self, state: int) -> int | None:
        found: int | None = self._search.parent(state)
        return found

    def __len__(self) -> int:
        return len(self._search)

    def __iter__(self) -> Iterator[int]:
        return map(self._search.state, range(len(self._search)))


class _Asked:
    """What monitors look at, as the search wants it: bits, and what is called when they have a new value."""

    def __init__(self, tables: _Tables, explorer: CompiledExplorer) -> None:
        self._tables, self._explorer = tables, explorer
        self.watched: list[tuple[Parts, Callable[[int], None]]] = []
        self.looked: list[tuple[Parts, Callable[[int], None]]] = []
        self._atoms: list[set[int]] = []
        for number, monitor in enumerate(explorer.monitors):
            seen = monitor.seen(explorer.plain)
            if seen is not None:
                atoms = list(seen)
                self._atoms.append(set(atoms))
                self.looked.append((tables.mask(atoms), partial(explorer.look, number, atoms)))

    def watches(self, event: Event) -> list[int]:
        """What is asked before an event."""
        before = len(self.watched)
        for number, monitor in enumerate(self._explorer.monitors):
            watched = monitor.watched(event)
            if watched is not None:
                atoms = list(watched)
                tell = partial(self._explorer.watch, number, event, atoms)
                self.watched.append((self._tables.mask(atoms), tell))
        return list(range(before, len(self.watched)))

    def looks(self, event: Event) -> list[int]:
        """Who looks at what an event may change."""
        changed = {*event.change}
        for new in event.news:
            changed |= {new.key, *new.change}
        return [number for number, atoms in enumerate(self._atoms) if atoms & changed]


class _Tables:
    """Events in terms of words."""

    def __init__(self, layout: StateLayout) -> None:
        self._layout = layout
        self._words = max(-(-layout.guard.bit_length() // WORD), 1)
        self._users: dict[int, int] = {}

    def parts(self, bits: int, *, whole: bool = False) -> Parts:
        """The words of a state that have some of *bits*, or *whole*: all."""
        words = [(bits >> (WORD * word)) & ALL for word in range(self._words)]
        return [(number, word) for number, word in enumerate(words) if word or whole]

    def mask(self, atoms: Iterable[int]) -> Parts:
        """The bits of these atoms."""
        return self.parts(self._layout.mask(atoms))

    def fields(self) -> list[int]:
        """For each bit of a state, the bits of its word that are of the same number."""
        found = [0] * (WORD * self._words)
        for atom, shift in self._layout.shifts.items():
            bits = self._layout.fields[atom]
            for bit in range(shift, shift + bits.bit_length()):
                found[bit] = bits << (shift % WORD)
        return found

    def event(self, event: Event, watches: list[int], looks: list[int]) -> Any:
        """An event as the search wants it; None if it needs more than there can be."""
        fields = self._layout.fields
        if any(number > fields[atom] for atom, number in event.needs.items()):
            return None
        rank = -1 if event.rank is None else event.rank
        news = [self._new(new) for new in event.news if new.key in self._layout.shifts]
        adds = self._delta(event.change)
        tests = self._tests(event)
        return rank, event.urgent, self._trigger(event), tests, adds, news, watches, looks

    def _trigger(self, event: Event) -> int:
        """The lowest bit of the needed atom that has triggered the fewest events so far; -1 if none is needed."""
        needed = [atom for atom, number in event.needs.items() if number]
        if not needed:
            return -1
        atom = min(needed, key=lambda each: self._users.get(each, 0))
        self._users[atom] = self._users.get(atom, 0) + 1
        return self._layout.shifts[atom]

    def _tests(self, event: Event) -> list[tuple[int, int, int, int, int, int]]:
        found: dict[int, list[int]] = {}
        room = {**event.room, **dict.fromkeys(event.absent, 0)}
        for atom, number in event.needs.items():
            word, shift, bits = self._place(atom)
            test = found.setdefault(word, [0] * 5)
            test[0] |= number << shift
            test[1] |= (bits + 1) << shift
        for atom, most in room.items():
            word, shift, bits = self._place(atom)
            if most < bits:
                test = found.setdefault(word, [0] * 5)
                test[2] |= bits << shift
                test[3] |= most << shift
                test[4] |= (bits + 1) << shift
        return [(word, *test) for word, test in found.items()]  # type: ignore[misc]

    def _place(self, atom: int) -> tuple[int, int, int]:
        word, shift = divmod(self._layout.shifts[atom], WORD)
        return word, shift, self._layout.fields[atom]

    def _delta(self, change: Mapping[int, int]) -> Parts:
        """What is added to each word."""
        found: dict[int, int] = {}
        for atom, number in change.items():
            if atom in self._layout.shifts:
                word, shift, _ = self._place(atom)
                found[word] = found.get(word, 0) + (number << shift)
        return [(word, bits & ALL) for word, bits in found.items()]

    def _new(self, new: New) -> tuple[tuple[int, int], bool, Parts, Parts]:
        (key,) = self.mask([new.key])
        adds = {**new.change, new.key: new.change.get(new.key, 0) + 1}
        return key, new.forgets, self.mask(new.fresh), self._delta(adds)
