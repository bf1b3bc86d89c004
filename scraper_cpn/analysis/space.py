"""The states that were found, and when a search for them gives up.

Owns: `ExplorationLimits` and `Space`, the states found with the way to each.
Must not know: how they are found.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from time import process_time
from typing import Any

from scraper_cpn.analysis.layout import StateLayout
from scraper_cpn.analysis.plain import Event, PlainNet


@dataclass(frozen=True)
class ExplorationLimits:
    """When an exploration gives up. Zero: never."""

    states: int = 5_000_000
    seconds: float = 0
    """Of processor time."""
    memory_bytes: int = 0
    """Of the process, all that it has ever had at once; looked at with each few thousand states."""

    def reached(self, states: int, began: float) -> str:
        """Which limit is reached, by so many states since this processor time; empty if none is."""
        if self.states and states > self.states:
            return f"{self.states:,} states"
        if self.seconds and process_time() - began > self.seconds:
            return f"{self.seconds:g} s"
        if self.memory_bytes and _memory_bytes() > self.memory_bytes:
            return f"{self.memory_bytes:,} bytes of memory"
        return ""


@dataclass(eq=False)
class Space:
    """The explored state space.

    Attributes:
        parents: each state, with the one from which it was reached first.
        edges: events in states, those that change nothing included.
        dead: states in which nothing can happen.
        whole: whether all was explored; otherwise `why` says what stopped it.
        bad: for each monitor's number, the state in which it was broken and the event, if it was one.
    """

    plain: PlainNet
    layout: StateLayout
    first: int
    parents: Mapping[int, int | None]
    edges: int = 0
    dead: list[int] = field(default_factory=list)
    whole: bool = True
    why: str = ""
    seconds: float = 0.0
    bad: dict[int, tuple[int, Event | None]] = field(default_factory=dict)
    successors: Any = None
    """Gives the events of a state with the states after them; slower than the exploration."""

    @property
    def states(self) -> int:
        """How many states were reached."""
        return len(self.parents)

    def numbers(self, state: int) -> dict[int, int]:
        """How many there are of each atom in a state; atoms of which there are none are left out."""
        return self.layout.decoded(state, list(self.layout.shifts))

    def path(self, state: int) -> list[tuple[Event, int]]:
        """The events that lead from the first state to this one, each with the state after it."""
        states = [state]
        while (before := self.parents[states[-1]]) is not None:
            states.append(before)
        states.reverse()
        return self.steps(states)

    def steps(self, states: Sequence[int]) -> list[tuple[Event, int]]:
        """The events between states of which each follows the one before, each with the state after it."""
        return [
            (next(e for e, after in self.successors(one) if after == two), two)
            for one, two in pairwise(states)
        ]


def _memory_bytes() -> int:
    """The most memory that this process has ever had; macOS counts in bytes, others in kilobytes (getrusage(2))."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10
