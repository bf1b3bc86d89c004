"""Deadlocks that the structure of a plain net excludes, without its states.

Owns: `weak_siphon`.
Must not know: coloured nets, how a net is explored.

In a dead state, the atoms that are lacking form an empty siphon (`net/siphons.py`). If each siphon contains a trap that
has tokens at first, there is no dead state.
"""

from __future__ import annotations

from scraper_cpn.analysis.plain import Event, PlainNet
from scraper_cpn.net.siphons import Move, weak_siphons

STEPS = 1_000_000
"""Ways that are tried at most to fill up sets of atoms: about a second."""
Atoms = frozenset[int]


def is_ordinary(plain: PlainNet) -> bool:
    """Whether a net has only events that take and put one token of an atom, so that siphons apply to it."""
    return all(
        event.needs
        and not (event.absent or event.room or event.news)
        and set(event.needs.values()) == {1}
        for event in plain.events
    )


def weak_siphon(plain: PlainNet) -> Atoms | None:
    """A siphon that contains no trap with tokens: by the structure, it can become and stay empty.

    None: there is no such siphon, and an ordinary net is never dead.

    Raises:
        TooManyError: there are too many sets to try.
    """
    moves = [_move(event) for event in plain.events]
    starts = dict.fromkeys(atom for event in plain.events for atom in event.needs)
    marked = {atom for atom in starts if plain.initial[atom]}
    return next(weak_siphons(moves, starts, marked, ended=frozenset(), most=STEPS), None)


def _move(event: Event) -> Move[int]:
    """What an event takes, and the atoms of which there is one after it in any case."""
    after = {
        atom
        for atom in {*event.needs, *event.change}
        if event.needs.get(atom, 0) + event.change.get(atom, 0) > 0
    }
    return Move(frozenset(event.needs), frozenset(after), frozenset(after))
