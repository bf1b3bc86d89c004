"""What a compiled net may keep, as data: indexes, meetings, influence, and which joins are flat.

Owns: these, and what follows from a declaration about them. Must not know: names, the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from scraper_cpn.net import plan
from scraper_cpn.net.compiled.generate.text import tupled
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.places import Counter, Place

__all__ = [
    "Index",
    "Influence",
    "Kind",
    "Meeting",
    "flat_groups",
    "may_wait",
    "projected",
]

Kind = Literal["line", "view", "presence", "held"]


@dataclass(frozen=True)
class Index:
    """An index of a place.

    Attributes:
        kind: `held`: in the records of its keys, where a field has the tokens of each.
        name: its variable or field; that of a paged place is the place's.
        names: the keys by which it is divided; none for a line.
        bit: of the guard that its tokens pass, in `Token.passes`; 0 for all tokens.
        ignores_ready: whether tokens count before they are ready.
        expired: whether it has the tokens whose time has passed, instead of those that stand.
        scanned: whether combinations of them are tried.
        in_use: whether it has the tokens, too, that running firings have taken.
    """

    kind: Kind
    name: str
    place: Place[Any]
    names: tuple[str, ...] = ()
    bit: int = 0
    ignores_ready: bool = False
    expired: bool = False
    scanned: bool = False
    in_use: bool = False


@dataclass(frozen=True)
class Meeting:
    """A join whose inputs all have the same key: what it needs of a key is in one record.

    Attributes:
        name: the stem of its heaps and functions.
        keys: the names that it is joined on, and the keys of all its places.
        lead: has the tokens by which keys go.
        others: have the other tokens.
        numbers: must be above 0.
        mask: the transitions that look for it.
    """

    name: str
    keys: tuple[str, ...]
    lead: Index
    others: tuple[Index, ...]
    numbers: tuple[Counter, ...]
    mask: int

    @property
    def indexes(self) -> tuple[Index, ...]:
        """The indexes, that of the lead first."""
        return (self.lead, *self.others)


@dataclass(frozen=True)
class Influence:
    """Transitions that a change may enable, and transitions whose next useful time it may put off."""

    enables: int = 0
    delays: int = 0

    def __or__(self, other: Influence) -> Influence:
        return Influence(self.enables | other.enables, self.delays | other.delays)


def flat_groups(
    transitions: list[Transition], growing: frozenset[str]
) -> list[tuple[Transition, plan.JoinGroup]]:
    """The join groups of which every input is a single token or number with the same key.

    A number or a paged place is in records for all its readers, or for none; a number that is
    counted up is in no record.
    """
    groups = [(each, group) for each in transitions for group in plan.groups(each) if group.keys]
    flat = [pair for pair in groups if _is_flat(*pair, growing)]
    while True:
        mixed = {
            each.arcs[arc].place.name
            for each, group in groups
            if (each, group) not in flat
            for arc in group.arcs
        }
        kept = [pair for pair in flat if not _shares(*pair, mixed)]
        if kept == flat:
            return flat
        flat = kept


def _is_flat(transition: Transition, group: plan.JoinGroup, growing: frozenset[str]) -> bool:
    arcs = [transition.arcs[arc] for arc in group.arcs]
    return not plan.combines(transition) and all(
        arc.place.keys == group.keys
        and (arc.binds or isinstance(arc.place, Counter))
        and (arc.count, arc.all, arc.include_in_use) == (1, False, False)
        and arc.place.name not in growing
        for arc in arcs
    )


def _shares(transition: Transition, group: plan.JoinGroup, mixed: set[str]) -> bool:
    places = [transition.arcs[arc].place for arc in group.arcs]
    return any(
        place.name in mixed and (isinstance(place, Counter) or getattr(place, "paged", False))
        for place in places
    )


def may_wait(transition: Transition) -> bool:
    """Whether an input may have tokens that are not ready yet."""
    return any(
        isinstance(arc.place, Place)
        and arc.place.timed
        and not arc.include_waiting
        and arc.kind not in {"absent", "expired"}
        for arc in transition.arcs
    )


def projected(whole: str, have: tuple[str, ...], want: tuple[str, ...]) -> str:
    """The expression for the keys *want*, of the keys *have* in the variable *whole*."""
    if not want:
        return "None"
    if have == want:
        return whole
    parts = [f"{whole}[{have.index(name)}]" for name in want]
    return parts[0] if len(parts) == 1 else tupled(parts)
