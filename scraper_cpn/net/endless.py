"""Cycles of transitions that can fire endlessly without time passing: each puts what another one takes, and nothing is used up.

Owns: finding those in which no function of the user decides anything, so that nothing stops them. One transition alone is
refused by `bounding.py`; a cycle only causes a warning: a net that is only explored, or fired by hand, may have it.
Must not know: how a net is executed.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterator

from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.outputs import Output
from scraper_cpn.net.places import Counter, Place

STEPS = 5_000
"""Sets of transitions that are looked at in all; then nothing more is found."""
LONGEST = 12
"""Transitions in a cycle that is found."""


def endless(net: Net) -> list[str]:
    """The cycles that can fire endlessly without time passing, one line each, each transition at most once.

    Cost: milliseconds; bounded by `STEPS`.
    """
    changes = {t.name: _change(t) for t in net.transitions.values() if _is_plain(t)}
    fillers: dict[str, list[str]] = {}
    for name, change in changes.items():
        for place, number in change.items():
            if number > 0:
                fillers.setdefault(place, []).append(name)
    found = dict.fromkeys(_cycles(changes, fillers))
    return [
        f"{', '.join(sorted(cycle))}: can fire endlessly without time passing, because nothing is used up; give one an effect, or put a "
        "token that is ready later (after_ns)"
        for cycle in found
    ]


def _is_plain(transition: Transition) -> bool:
    """Whether it fires whenever its inputs have tokens, and always moves them alike."""
    return (
        transition.instant
        and not transition.manual
        and transition.choice is None
        and transition.scan is None
        and all(
            arc.kind == "take"
            and arc.when is None
            and (
                arc.fewest == 1 and not arc.many
                if isinstance(arc.place, Place)
                else type(arc.count) is int
            )
            for arc in transition.arcs
        )
    )


def _change(transition: Transition) -> Counts[str]:
    """What a firing adds to each place and takes from it, at once and in any case."""
    change = Counts[str]()
    for arc in transition.arcs:
        change[arc.place.name] -= arc.fewest
    for output in transition.outcomes[0].outputs:
        if _is_sure(output):
            change[output.place.name] += output.count
    return change


def _is_sure(output: Output) -> bool:
    """Whether it puts a token that is ready, whatever the user's functions say."""
    if output.kind != "put":
        return False
    moves = output.make is None and output.after_ns == 0 and output.lasts_ns is None
    return isinstance(output.place, Counter) or moves


def _cycles(
    changes: dict[str, Counts[str]], fillers: dict[str, list[str]]
) -> Iterator[frozenset[str]]:
    """Sets of transitions that leave no place with less, when each has fired once."""
    steps = 0
    for start in changes:
        todo = [frozenset([start])]
        known: set[frozenset[str]] = set()
        while todo and steps < STEPS:
            some = todo.pop()
            if some in known:
                continue
            known.add(some)
            steps += 1
            total = Counts[str]()
            for name in sorted(some):
                total.update(changes[name])
            lacking = next((place for place, number in total.items() if number < 0), None)
            if lacking is None:
                yield some
                break
            if len(some) == LONGEST:
                continue
            todo += [some | {name} for name in fillers.get(lacking, ()) if name not in some]
