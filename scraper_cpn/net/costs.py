"""Slow transitions: those whose search costs more than O(log keys).

Owns: that list. A step costs O(log keys) for each firing of every other transition.
Must not know: how a net is executed.
"""

from __future__ import annotations

from collections.abc import Iterator

from scraper_cpn.net import plan
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.places import Place


def costs(net: Net) -> list[str]:
    """What is slow in a net, one line each, and why; empty if nothing is."""
    return [
        f"transition {transition.name}: {text}"
        for transition in plan.ordered(net)
        for text in _costs(transition)
    ]


def _costs(transition: Transition) -> Iterator[str]:
    bound = [arc.place.name for arc in transition.arcs if arc.binds]
    if transition.scan is not None:
        listed = ", ".join(dict.fromkeys(bound))
        yield f"tries combinations of {listed} until {transition.scan.name} is true; prefer a key or a choice"
    elif (twice := plan.binds_twice(transition)) is not None:
        yield f"tries combinations, because two inputs bind tokens of {twice}; take them by one input with a count"
    for arc in transition.arcs:
        if arc.many and isinstance(arc.place, Place) and arc.place.timed:
            yield f"{arc} sorts all waiting tokens of its key at each look-up"
