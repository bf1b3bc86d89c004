"""Where each arc of a transition looks for its tokens, as expressions.

Owns: `Look` and `Search`: the expressions by which an arc is satisfied, from the structures that were chosen.
Must not know: how a search is written, what a firing does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.compiled.generate.indexes import Index, projected
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.places import Counter, KeySet, Place


@dataclass(frozen=True)
class Look:
    """How one arc is satisfied.

    Attributes:
        key: the expression for its key; "None" if it has none.
        index: in which it finds its token; None if it binds none.
        lacks: the expression that is true while a number, a set or an absence says no; empty for tokens.
        condition: the structure that tells when that may be different.
        words: for the reader.
        amount: the expression for how many tokens it needs.
    """

    arc: Arc
    key: str
    index: Index | None = None
    lacks: str = ""
    condition: str = ""
    words: str = ""
    amount: str = "1"

    def crowd(self, layout: Layout) -> str:
        """The expression for the collection that is empty if there is no token; an empty string if tokens wait or have keys."""
        found, place = self.index, self.arc.place
        assert found is not None
        assert isinstance(place, Place)
        waits = place.timed and not (found.ignores_ready or found.expired)
        if (
            found.names
            or found.scanned
            or waits
            or (self.arc.many and not layout.how(place).is_queue)
        ):
            return ""
        return layout.var(place) if layout.how(place).is_queue else f"{found.name}.ready"

    def token(self, layout: Layout) -> str:
        """The expression for the first token. It may be None for keyed places and where tokens wait."""
        assert self.index is not None
        crowd = self.crowd(layout)
        if self.arc.many:
            return self._tokens(crowd)
        if crowd:
            return f"{crowd}[0]" if crowd == layout.var(self.index.place) else f"{crowd}[0][2]"
        return f"{self.index.name}.head({self._where()})"

    def _tokens(self, crowd: str) -> str:
        """The expression for the tokens that an arc binds together; the caller has checked that they exist."""
        assert self.index is not None
        if crowd:
            return f"tuple({crowd})" if self.arc.all else f"tuple(islice({crowd}, {self.amount}))"
        key = f"{self.key}, " if self.index.names else ""
        if self.arc.all:
            return f"{self.index.name}.every({key}now)"
        return f"{self.index.name}.firsts({key}{self.amount}, now)"

    def missing(self, layout: Layout) -> str:
        """The condition that its tokens are missing; empty if only a search can tell."""
        crowd = self.crowd(layout)
        if not self.arc.many:
            return f"not {crowd}" if crowd else ""
        if crowd:
            return f"len({crowd}) < {self.amount}"
        assert self.index is not None
        return f"{self.index.name}.enough({self.amount}, now)"

    def earliest(self, layout: Layout) -> str:
        """The expression for the time at which its token becomes available."""
        assert self.index is not None
        crowd = self.crowd(layout)
        if self.arc.many:
            key = f"{self.key}, " if self.index.names else ""
            if crowd:
                return f"(0 if len({crowd}) >= {self.amount} else NEVER)"
            return f"{self.index.name}.enough({key}{self.amount}, now)"
        if crowd:
            later = (
                f"{layout.endings[self.index.place.name]}.next()" if self.index.expired else "NEVER"
            )
            return f"(0 if {crowd} else {later})"
        return f"{self.index.name}.earliest({self._where()})"

    def all(self) -> str:
        """The expression for all its tokens, for a scan."""
        assert self.index is not None
        return f"{self.index.name}.tokens({self._where()})"

    def _where(self) -> str:
        assert self.index is not None
        return f"{self.key}, now" if self.index.names else "now"


def _look(layout: Layout, arc: Arc, found: Index | None, names: tuple[str, ...], key: str) -> Look:
    """The `Look` of *arc*, joined on *names*, for the key in an expression."""
    place = arc.place
    name = layout.var(place)
    of = f" for its {', '.join(names)}" if names else ""
    amount = layout.amount(arc, key)
    if isinstance(place, Counter):
        number = f"{name}.number({key})" if names else name
        words = f"is at least {amount}{of}" if arc.count != 1 else f"is above 0{of}"
        return Look(arc, key, None, f"{number} < {amount}", name, words)
    if isinstance(place, KeySet):
        lacks = f"{key} {'not in' if arc.kind == 'read' else 'in'} {name}.keys"
        words = f"{'has' if arc.kind == 'read' else 'lacks'} its {', '.join(names)}"
        return Look(arc, key, None, lacks, name, words)
    if arc.kind == "absent":
        if found is None:
            return Look(arc, key, None, name, words="is empty")
        lacks = f"{key} in {found.name}.counts"
        return Look(arc, key, None, lacks, found.name, f"has no token{of}")
    assert found is not None
    return Look(arc, key, found, "", found.name, _words(arc, of), amount)


def _words(arc: Arc, of: str) -> str:
    waiting = arc.include_waiting
    state = "expired" if arc.kind == "expired" else "ready or waiting" if waiting else "ready"
    guard = f" that passes {getattr(arc.when, '__name__', 'its guard')}" if arc.when else ""
    used = " or in use" if arc.include_in_use else ""
    which = "the first" if not arc.many else "all" if arc.all else "the first of the number wanted:"
    return f"{which} {state}{used} token{'s' if arc.many else ''}{of}{guard}"


@dataclass(frozen=True)
class Search:
    """How a transition is searched; the looks are by arc, with a join's key in `k` and its number."""

    transition: Transition
    groups: list[plan.JoinGroup]
    looks: list[Look]

    def joins(self) -> Iterator[tuple[int, plan.JoinGroup]]:
        """The groups of more than one arc."""
        return ((number, group) for number, group in enumerate(self.groups) if group.keys)

    def alone(self) -> Iterator[tuple[int, Look]]:
        """The arcs that are joined with no other arc."""
        for group in self.groups:
            if not group.keys:
                yield group.arcs[0], self.looks[group.arcs[0]]

    def met(self, layout: Layout) -> list[tuple[plan.JoinGroup, str]]:
        """The join groups that are meetings, with the variables of their records."""
        joins = [(number, group) for number, group in self.joins()]
        met = [pair for pair in joins if layout.kept.meeting(self.transition, pair[1]) is not None]
        return [(group, f"record{number}") for number, group in met]

    def bound(self, arc: int) -> str:
        """The expression for what an arc has bound, once the binding is found."""
        if plan.combines(self.transition):
            return f"inputs[{arc}]"
        each = self.looks[arc]
        return each.key if each.index is None else f"a{arc}"


def search_of(layout: Layout, transition: Transition) -> Search:
    """Where the arcs of a transition look, in the structures that were chosen."""
    groups, names = plan.groups(transition), plan.arc_keys(transition)
    looks: dict[int, Look] = {}
    for number, group in enumerate(groups):
        met = layout.kept.meeting(transition, group)
        for arc in group.arcs:
            declared, found = transition.arcs[arc], layout.kept.index(transition, arc)
            if met is not None:  # in the record of its key
                of = f" for its {', '.join(group.keys)}"
                words = f"is above 0{of}" if found is None else _words(declared, of)
                looks[arc] = Look(declared, f"k{number}", found, words=words)
                continue
            leads = plan.combines(transition) and arc == group.lead
            by = () if leads else names[arc]
            key = projected(f"k{number}", group.keys, by)
            looks[arc] = _look(layout, declared, found, by, key)
    return Search(transition, groups, [looks[arc] for arc in range(len(transition.arcs))])


def value(transition: Transition, arc: int, bound: str) -> str:
    """The expression for the argument that a function gets from an arc."""
    declared = transition.arcs[arc]
    if isinstance(declared.place, Counter):
        return bound if declared.place.keys else str(declared.count)
    return f"tuple([token.colour for token in {bound}])" if declared.many else f"{bound}.colour"


def full(layout: Layout, transition: Transition) -> list[str]:
    """Expressions that are true while a bounded place lacks the slots for a firing."""
    needed = plan.slots(transition)
    limited = (place for place in layout.limited if place.name in needed)
    return [f"{layout.free(place)} < {needed[place.name]}" for place in limited]
