"""Siphons and traps: deadlocks that the structure of a plain net shows, or excludes, without its states.

Owns: `weak_siphon`.
Must not know: coloured nets, how a net is explored.

A siphon is a set of atoms into which nothing puts without taking from it: once empty, it stays empty. A trap is a set
from which nothing takes without putting into it: once it has a token, it keeps one. In a dead state, the atoms that are
lacking form an empty siphon. If each siphon contains a trap that has tokens at first, there is no dead state.
"""

from __future__ import annotations

from scraper_cpn.analysis.plain import Event, PlainNet
from scraper_cpn.net.locks import trap_in

STEPS = 20_000
"""Sets that are tried at most."""
Atoms = frozenset[int]


class TooManyError(Exception):
    """There are too many siphons to look at."""


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
        TooManyError: it was not found among the first `STEPS` sets.
    """
    moves = [(set(event.needs), _puts(event)) for event in plain.events]
    todo = [frozenset([atom]) for takes, _ in moves for atom in takes]
    todo = list(dict.fromkeys(todo))
    known: set[Atoms] = set()
    while todo:
        some = todo.pop()
        if some in known:
            continue
        known.add(some)
        if len(known) > STEPS:
            raise TooManyError
        filling = next((takes for takes, puts in moves if puts & some and not takes & some), None)
        if filling is not None:
            todo += [some | {atom} for atom in filling]
        elif not any(plain.initial[atom] for atom in trap_in(some, moves)):
            return some
    return None


def _puts(event: Event) -> set[int]:
    """The atoms of which there is one after an event in any case."""
    return {
        atom
        for atom in {*event.needs, *event.change}
        if event.needs.get(atom, 0) + event.change.get(atom, 0) > 0
    }
