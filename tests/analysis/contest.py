"""Nets of the Model Checking Contest and of the literature, written down as plain nets.

Owns: the nets. Their sizes are published; `test_explore.py` cites them.
"""

from __future__ import annotations

from collections.abc import Sequence

from scraper_cpn.analysis.plain import Atom, Event, PlainNet


class Drawn:
    """A place/transition net under construction."""

    def __init__(self, name: str) -> None:
        self.net = PlainNet(name)

    def place(self, name: str, tokens: int = 0) -> int:
        """A place with its first tokens."""
        return self.net.atom(Atom("token", name), tokens)

    def transition(self, name: str, takes: Sequence[int], puts: Sequence[int]) -> None:
        """A transition; a place that is named twice has a weight of two."""
        change: dict[int, int] = {}
        for place in takes:
            change[place] = change.get(place, 0) - 1
        needs = {place: -number for place, number in change.items()}
        for place in puts:
            change[place] = change.get(place, 0) + 1
        self.net.events.append(Event("fire", name, needs, change))


def philosophers(number: int) -> PlainNet:
    """Each takes one fork and then the other, in either order."""
    drawn = Drawn("Philosophers")
    names = range(number)
    think = [drawn.place(f"think{n}", 1) for n in names]
    fork = [drawn.place(f"fork{n}", 1) for n in names]
    left = [drawn.place(f"left{n}") for n in names]
    right = [drawn.place(f"right{n}") for n in names]
    eat = [drawn.place(f"eat{n}") for n in names]
    for n in names:
        other = fork[(n + 1) % number]
        drawn.transition("take left", [think[n], fork[n]], [left[n]])
        drawn.transition("take right", [think[n], other], [right[n]])
        drawn.transition("take other right", [left[n], other], [eat[n]])
        drawn.transition("take other left", [right[n], fork[n]], [eat[n]])
        drawn.transition("end", [eat[n]], [think[n], fork[n], other])
    return drawn.net


def kanban(cards: int) -> PlainNet:
    """Four cells in a production line, each with so many cards."""
    drawn = Drawn("Kanban")
    cells = range(4)
    free = [drawn.place(f"P{n}", cards) for n in cells]
    work = [drawn.place(f"Pm{n}") for n in cells]
    back = [drawn.place(f"Pback{n}") for n in cells]
    out = [drawn.place(f"Pout{n}") for n in cells]
    for n in cells:
        drawn.transition("redo", [work[n]], [back[n]])
        drawn.transition("again", [back[n]], [work[n]])
        drawn.transition("ok", [work[n]], [out[n]])
    drawn.transition("in", [free[0]], [work[0]])
    drawn.transition("split", [out[0], free[1], free[2]], [free[0], work[1], work[2]])
    drawn.transition("join", [out[1], out[2], free[3]], [free[1], free[2], work[3]])
    drawn.transition("out", [out[3]], [free[3]])
    return drawn.net


def databases(number: int) -> PlainNet:
    """Jensen's distributed database: one manager at a time updates, and all others acknowledge."""
    drawn = Drawn("DDB")
    names = range(number)
    passive = drawn.place("Passive", 1)
    active = drawn.place("Active")
    inactive = [drawn.place(f"Inactive{n}", 1) for n in names]
    waiting = [drawn.place(f"Waiting{n}") for n in names]
    doing = [drawn.place(f"Performing{n}") for n in names]
    for n in names:
        others = [m for m in names if m != n]
        unused = [drawn.place(f"Unused{n},{m}", 1) for m in others]
        sent = [drawn.place(f"Sent{n},{m}") for m in others]
        received = [drawn.place(f"Received{n},{m}") for m in others]
        known = [drawn.place(f"Acknowledged{n},{m}") for m in others]
        drawn.transition("update", [inactive[n], passive, *unused], [waiting[n], active, *sent])
        drawn.transition("end", [waiting[n], active, *known], [inactive[n], passive, *unused])
        for m, s, r, k in zip(others, sent, received, known, strict=True):
            drawn.transition("receive", [inactive[m], s], [doing[m], r])
            drawn.transition("acknowledge", [doing[m], r], [inactive[m], k])
    return drawn.net
