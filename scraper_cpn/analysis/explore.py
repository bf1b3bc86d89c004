"""Every state that a grounded net can reach, and everything that can happen in it.

Owns: `Explorer`, the search in Python.
Must not know: coloured nets, what a property means (it is asked by its monitor).

A state is an integer (`layout.py`). Events that are decided by the same few atoms form a group; what
can happen in a group is worked out once for each value of these atoms, so that most states cost one
look-up for each group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from time import process_time
from typing import Any

from scraper_cpn.analysis.layout import StateLayout
from scraper_cpn.analysis.monitor import AgainError, Monitor
from scraper_cpn.analysis.plain import Event, PlainNet
from scraper_cpn.analysis.space import ExplorationLimits, Space
from scraper_cpn.analysis.steps import EventGroup, LayoutStep, Urgent, close_groups

CHUNK = 2_048
"""States between two looks at the limits."""
SAMPLE = 16_384
"""After so many states, groups are joined whose values repeat often enough among them."""
REPEATS = 12
"""How often each value of a joined group must have come in the sample, on the average."""


class Explorer:
    """Explores a grounded net.

    Args:
        plain: what is explored.
        monitors: what is asked of each state and event.
        live: given atoms that were reached for the first time, adds their events to the net. None: the
            net has all its events.
    """

    def __init__(
        self,
        plain: PlainNet,
        monitors: Sequence[Monitor] = (),
        limits: ExplorationLimits | None = None,
        live: Callable[[list[int]], Any] | None = None,
    ) -> None:
        self.plain, self._monitors, self._limits, self._live = (
            plain,
            monitors,
            limits or ExplorationLimits(),
            live,
        )
        self._widths: dict[int, int] = {}
        self._lived: set[int] = set()

    def run(self) -> Space:
        """Explore everything, or until a limit."""
        began = process_time()
        while True:
            try:
                space = self._explore(began)
            except OverflowedError as overflow:
                self._widths = self._layout.widened(overflow.state)
            except AgainError:
                continue
            else:
                space.seconds = process_time() - began
                return space

    def _explore(self, began: float) -> Space:
        self._layout = layout = StateLayout(self._widths)
        first = self._extend()
        parents = self._parents = dict[int, int | None]({first: None})
        self._ranked: list[LayoutStep] = []
        self.space = space = Space(self.plain, layout, first, parents, successors=self.successors)
        frontier = [first]
        while frontier:
            if self._live is not None:
                frontier = self._enliven(frontier)
            odd = self._prepare()
            outer, inner = self._tables()
            late: list[int] = []
            while frontier:
                found: list[int] = []
                for at in range(0, len(frontier), CHUNK):
                    why = self._limits.reached(len(parents), began)
                    if why:
                        space.whole, space.why = False, why
                        return space
                    chunk = frontier[at : at + CHUNK]
                    space.edges += _expand(
                        chunk, outer, inner, odd, parents, found, late, self._rest, layout.guard
                    )
                frontier = found
                if not self._joined and len(parents) > SAMPLE:
                    self._join_groups()
                    outer, inner = self._tables()
                if len(space.bad) == len(self._monitors) > 0:
                    space.whole, space.why = False, "everything asked is refuted"
                    return space
            frontier = late
        return space

    def _rest(self, state: int) -> None:
        """Nothing can happen in a state."""
        self.space.dead.append(state)
        for number, monitor in enumerate(self._monitors):
            if number not in self.space.bad:
                seen = monitor.rested(self.plain)
                if seen is not None and monitor.bad_rest(self._layout.decoded(state, seen)):
                    self.space.bad[number] = (state, None)

    # Atoms that are reached, and fields.

    def _enliven(self, frontier: list[int]) -> list[int]:
        """Add the events of atoms that were reached for the first time, and fields for what they make."""
        assert self._live is not None
        union = 0
        for state in frontier:
            union |= state
        fresh = [atom for atom in self._layout.present(union) if atom not in self._lived]
        self._lived.update(fresh)
        self._live(fresh)
        more = self._extend()
        if more:  # counters that were not used so far are at their start in every state
            parents = self._parents
            shifted = {s + more: None if p is None else p + more for s, p in parents.items()}
            parents.clear()
            parents.update(shifted)
            self.space.first += more
            self.space.dead = [state + more for state in self.space.dead]
            self.space.bad = {n: (state + more, e) for n, (state, e) in self.space.bad.items()}
        return [state + more for state in frontier]

    def _extend(self) -> int:
        """Give a field to each atom that needs one and has none; returns their initial numbers."""
        tested = {atom for event in self.plain.events for atom in event.tests()}
        for monitor in self._monitors:
            tested.update(monitor.observed(self.plain))
        self._layout.make_room(
            change
            for event in self.plain.events
            for change in (event.change, *(new.change for new in event.news))
        )
        whole = 0
        for number, atom in enumerate(self.plain.atoms):
            if number not in self._layout.shifts and (
                number in tested or (self._live is not None and atom.kind not in {"row", "fault"})
            ):
                whole += self._layout.add(number, self.plain.initial[number])
        return whole

    # Groups.

    def _prepare(self) -> int:
        """Make the groups, without and with a rank; returns the bits that a state to be expanded has not."""
        layout, events = self._layout, self.plain.events
        self._joined = False
        outer = [self._group(close) for close in close_groups(e for e in events if e.rank is None)]
        self._outer = sorted(outer, key=lambda group: group.mask & -group.mask)
        ranks = sorted({event.rank for event in events if event.rank is not None})
        self._inner = [self._group([e for e in events if e.rank == rank]) for rank in ranks]
        self._looking = [group for group in self._looks() if group is not None]
        if self._live is None:
            return layout.guard
        bearing = {"token", "flight", "outside"}
        unlived = [
            atom
            for atom in layout.shifts
            if atom not in self._lived and self.plain.atoms[atom].kind in bearing
        ]
        return layout.guard | layout.mask(unlived)

    def _tables(self) -> tuple[list[Any], list[Any]]:
        """The groups as the inner loop wants them."""
        outer, inner = [*self._looking, *self._outer], self._inner
        return (
            [(group.mask, group.found.get, group.miss) for group in outer],
            [(group.mask, group.found.get, group.miss) for group in inner],
        )

    def _join_groups(self) -> None:
        """Join groups whose common atoms take few values in the states that were reached so far."""
        parents = self.space.parents
        sample = list(islice(parents, 0, None, len(parents) // SAMPLE))
        self._outer = self._fewer(self._outer, sample)
        self._inner = self._fewer(self._inner, sample)
        self._joined = True

    def _fewer(self, groups: list[EventGroup], sample: list[int]) -> list[EventGroup]:
        joined: list[list[Event]] = []
        mask = 0
        for group in groups:
            both = mask | group.mask
            if joined and len({state & both for state in sample}) * REPEATS <= len(sample):
                joined[-1] += group.events
                mask = both
            else:
                joined.append(list(group.events))
                mask = group.mask
        return [self._group(events) for events in joined]

    def _group(self, events: list[Event]) -> EventGroup:
        """A group of events, the lower ranks first."""
        layout = self._layout
        steps = [LayoutStep(layout, event) for event in events]
        watches: dict[Event, list[tuple[int, Monitor, list[int]]]] = {}
        atoms = {atom for event in events for atom in event.tests()}
        for event in events:
            for number, monitor in enumerate(self._monitors):
                watched = monitor.watched(event)
                if watched is not None:
                    watches.setdefault(event, []).append((number, monitor, list(watched)))
                    atoms.update(watched)
        mask = layout.mask(atoms)
        found: dict[int, tuple[int, ...]] = {}

        def miss(state: int) -> tuple[int, ...]:
            value = state & mask
            changes, urgent = list[int](), None
            for step in steps:
                event = step.event
                if urgent is not None and event.rank != urgent:
                    break
                change = step.change(value)
                if change is None:
                    continue
                changes.append(change)
                if event.urgent:
                    urgent = event.rank
                for number, monitor, watched in watches.get(event, ()):
                    if monitor.forbids(event, layout.decoded(value, watched)):
                        self.space.bad.setdefault(number, (state, event))
            found[value] = tuple(changes) if urgent is None else Urgent(changes)
            return found[value]

        return EventGroup(events, mask, miss, found)

    def _looks(self) -> Iterator[EventGroup | None]:
        """A group without changes for each monitor that looks at states."""
        for number, monitor in enumerate(self._monitors):
            atoms = monitor.seen(self.plain)
            yield None if atoms is None else self._look(number, monitor, list(atoms))

    def _look(self, number: int, monitor: Monitor, atoms: list[int]) -> EventGroup:
        mask = self._layout.mask(atoms)
        found: dict[int, tuple[int, ...]] = {}

        def miss(state: int) -> tuple[int, ...]:
            value = state & mask
            if monitor.bad(self._layout.decoded(value, atoms)):
                self.space.bad.setdefault(number, (state, None))
            return found.setdefault(value, ())

        return EventGroup([], mask, miss, found)

    def successors(self, state: int) -> Iterator[tuple[Event, int]]:
        """Everything that can happen in a state, with the state after it; to be asked when all is explored."""
        if len(self._ranked) != len(self.plain.events):
            events = sorted(self.plain.events, key=lambda e: -1 if e.rank is None else e.rank)
            self._ranked = [LayoutStep(self._layout, event) for event in events]
        urgent: int | None = None
        for step in self._ranked:
            event = step.event
            if urgent is not None and event.rank != urgent:
                return
            change = step.change(state)
            if change is not None:
                yield event, state + change
                urgent = event.rank if event.urgent else urgent


class OverflowedError(Exception):
    """A number has grown beyond its field."""

    def __init__(self, state: int) -> None:
        super().__init__(state)
        self.state = state


def _expand(  # noqa: C901  (the inner loop: a call for each state would cost as much again)
    states: Sequence[int],
    outer: Sequence[Any],
    inner: Sequence[Any],
    odd: int,
    parents: dict[int, int | None],
    found: list[int],
    late: list[int],
    rest: Callable[[int], None],
    guard: int,
) -> int:
    """Add what can be reached in one step from *states*; returns how many events that were.

    What has a bit of *odd* goes to *late*, or is an overflow if it has one of *guard*.
    """
    edges = 0
    for state in states:
        before = edges
        for mask, get, miss in outer:
            changes = get(state & mask)
            if changes is None:
                changes = miss(state)
            for change in changes:
                after = state + change
                if after not in parents:
                    if after & odd:
                        if after & guard:
                            raise OverflowedError(after)
                        late.append(after)
                    else:
                        found.append(after)
                    parents[after] = state
            edges += len(changes)
        for mask, get, miss in inner:
            changes = get(state & mask)
            if changes is None:
                changes = miss(state)
            if changes:
                for change in changes:
                    after = state + change
                    if after not in parents:
                        if after & odd:
                            if after & guard:
                                raise OverflowedError(after)
                            late.append(after)
                        else:
                            found.append(after)
                        parents[after] = state
                edges += len(changes)
                if changes.__class__ is Urgent:
                    break
        if edges == before:
            rest(state)
    return edges
