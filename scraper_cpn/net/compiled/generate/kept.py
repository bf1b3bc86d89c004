"""Which records a firing in flight keeps, of those by which its inputs were found.

Owns: for which inputs that is, and the expressions for what is kept.
Must not know: how a record is found, what is in it.

Where a firing has taken one of a keyed number, its record can't be forgotten until that is given back: that would
need the number to be what it starts with, and nothing but the end of such firings makes it more
(`sound.py` refuses a marking where it is more already). So the firing keeps the record itself, and whoever
gives something back need not look for it, in what may be a big table. Numbers are given back last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from scraper_cpn.net import plan
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.places import Counter

Bound = Callable[[int], str]
"""Returns the expression for the tokens that an arc has bound."""


def keeps(layout: Layout, transition: Transition, number: int) -> bool:
    """Whether a firing keeps for an arc the record of a number's key instead of the key itself."""
    arc = transition.arcs[number]
    if transition.instant or not arc.takes:
        return False
    return (
        isinstance(arc.place, Counter)
        and bool(arc.place.keys)
        and arc.place.name in layout.kept.met
    )


def kept(layout: Layout, transition: Transition) -> Iterator[tuple[int, Counter]]:
    """The arcs for which a firing keeps a record, with their numbers."""
    for number, arc in enumerate(transition.arcs):
        if keeps(layout, transition, number):
            assert isinstance(arc.place, Counter)
            yield number, arc.place


def key_of(layout: Layout, transition: Transition, number: int, bound: Bound) -> str:
    """The expression for the key of a number that an arc has bound."""
    return f"{bound(number)}.key" if keeps(layout, transition, number) else bound(number)


def record_of(layout: Layout, transition: Transition, arc: int, bound: Bound) -> str:
    """The expression for the record that a firing keeps for an arc; empty if it keeps none."""
    group = next(group for group in plan.groups(transition) if arc in group.arcs)
    found = [bound(number) for number in group.arcs if keeps(layout, transition, number)]
    return found[0] if found else ""
