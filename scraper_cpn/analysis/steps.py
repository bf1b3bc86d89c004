"""Events in terms of packed states, and in groups that are decided by the same few atoms.

Owns: `LayoutStep`, `EventGroup`, `close_groups`.
Must not know: how states are found, what a property means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from scraper_cpn.analysis.layout import StateLayout
from scraper_cpn.analysis.plain import Event

CLOSE = 10
"""Events without a rank share a group as long as so few atoms decide them."""


class Urgent(tuple[int, ...]):
    """Changes of which one can't wait: no later rank goes first."""

    __slots__ = ()


@dataclass(eq=False)
class EventGroup:
    """Events that are decided by the same atoms, and the changes for each value of these."""

    events: list[Event]
    mask: int
    miss: Callable[[int], tuple[int, ...]]
    found: dict[int, tuple[int, ...]] = field(default_factory=dict)


class LayoutStep:
    """An event in terms of a layout."""

    def __init__(self, layout: StateLayout, event: Event) -> None:
        self.event = event
        shifts, fields = layout.shifts, layout.fields
        self._needs = [(shifts[a], fields[a], n) for a, n in event.needs.items()]
        self._room = [(shifts[a], fields[a], n) for a, n in event.room.items()]
        self._absent = layout.mask(event.absent)
        self._delta = layout.delta(event.change)
        self._news = [
            (
                layout.mask([new.key]),
                layout.mask(new.fresh),
                0 if new.forgets else (1 << shifts[new.key]) + layout.delta(new.change),
            )
            for new in event.news
            if new.key in shifts
        ]

    def change(self, state: int) -> int | None:
        """What the event adds to a state; None if it can't happen."""
        if state & self._absent:
            return None
        for shift, bits, number in self._needs:
            if (state >> shift) & bits < number:
                return None
        for shift, bits, number in self._room:
            if (state >> shift) & bits > number:
                return None
        change, keys = self._delta, state
        for key, fresh, more in self._news:
            if not more:
                change -= keys & key
                keys &= ~key
            elif not keys & key and not state & fresh:
                keys |= key
                change += more
        return change


def close_groups(events: Iterable[Event]) -> list[list[Event]]:
    """Events in groups that are decided by few atoms each."""
    groups: list[tuple[set[int], list[Event]]] = []
    by_atom: dict[int, list[int]] = {}
    for event in events:
        tests = event.tests()
        near = dict.fromkeys(number for atom in tests for number in by_atom.get(atom, ()))
        if groups:
            near[len(groups) - 1] = None
        for number in near:
            atoms, members = groups[number]
            if len(atoms | tests) <= CLOSE or tests <= atoms:
                break
        else:
            number = len(groups)
            atoms, members = set(), []
            groups.append((atoms, members))
        for atom in tests - atoms:
            by_atom.setdefault(atom, []).append(number)
        atoms |= tests
        members.append(event)
    return [members for _, members in groups]
