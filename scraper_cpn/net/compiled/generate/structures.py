"""Which structures a compiled net keeps: an index for each way in which an arc looks for its tokens, and meetings.

Owns: choosing and naming them, all at once, before anything is written. Arcs that look in the same way share an index,
equal joins a meeting.
Must not know: which change concerns which transition, the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.compiled.generate.indexes import Index, Kind, Meeting, flat_groups
from scraper_cpn.net.compiled.generate.text import Names
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.places import Counter, KeySet, Place


class Structures:
    """The indexes, joins and meetings of a net.

    Args:
        transitions: in the order in which they are tried.
        growing: the names of the counters that are counted up.
        guards: on a place's tokens, by its name; the n-th has the bit 1 << n.
        var: the variable of a place or transition.
        names: that are taken.

    Attributes:
        indexes: in the order in which they were chosen.
        met: the names of the places and counters that are in records.
        in_joins: the arcs that find their tokens in records: a transition's name and the arc's number.
        meetings: one for all equal joins.
        joins: the variables of the joins whose inputs have different keys, by transition and number of the group.
        records: the variables with the records of each family of keys.
    """

    def __init__(
        self,
        transitions: list[Transition],
        growing: frozenset[str],
        guards: Mapping[str, list[Any]],
        var: Callable[[Any], str],
        names: Names,
    ) -> None:
        self._guards, self._var, self._names = guards, var, names
        flat = dict.fromkeys(flat_groups(transitions, growing))
        arcs = [(each, at) for each, group in flat for at in group.arcs]
        self.in_joins = {(each.name, at) for each, at in arcs}
        self.met = {each.arcs[at].place.name: None for each, at in arcs}
        self._claimed = {a.place.name for t in transitions for a in t.arcs if plan.claims(t, a)}
        self.indexes: dict[tuple[Any, ...], Index] = {}
        self._fields: dict[tuple[Any, ...], str] = {}
        self._found: dict[tuple[Transition, int], Index | None] = {}
        self._meetings: dict[tuple[Any, ...], Meeting] = {}
        self._keys: dict[tuple[Transition, plan.JoinGroup], tuple[Any, ...]] = {}
        for number, transition in enumerate(transitions):
            groups = plan.groups(transition)
            for group in groups:
                if (transition, group) in flat:
                    self._meet(number, transition, group)
            for group in groups:
                if (transition, group) not in flat:
                    self._look(transition, group)
        self.meetings = list(self._meetings.values())
        self._of = _listed((found.place.name, found) for found in self.indexes.values())
        self._meetings_of = _listed((e, m) for m in self.meetings for e in (*m.indexes, *m.numbers))
        self.records = {
            keys: names.free(f"by_{'_'.join(keys)}", ("record_", "find_", "forget_", "Record_"))
            for keys in dict.fromkeys(each.keys for each in self.meetings)
        }
        self.joins = {
            (transition, number): names.free(f"{var(transition)}_join{number}", ("lag_",))
            for transition in transitions
            if not plan.combines(transition)
            for number, group in enumerate(plan.groups(transition))
            if group.keys and (transition, group) not in flat
        }

    # What was chosen.

    def of(self, place: Place[Any]) -> list[Index]:
        """The indexes of a place."""
        return self._of.get(place.name, [])

    def index(self, transition: Transition, arc: int) -> Index | None:
        """In which an arc looks for its tokens, or for their absence; None if it needs none."""
        return self._found[transition, arc]

    def meeting(self, transition: Transition, group: plan.JoinGroup) -> Meeting | None:
        """The meeting of a join group; None if its inputs have different keys."""
        key = self._keys.get((transition, group))
        return None if key is None else self._meetings[key]

    def meetings_of(self, found: Index | Counter) -> list[Meeting]:
        """The meetings that use an index or a counter."""
        return self._meetings_of.get(found, [])

    def is_twin(self, found: Index) -> bool:
        """Whether some arcs look for the ready tokens of a record, and others for all of them."""
        kinds = {each.ignores_ready for each in self.of(found.place) if each.name == found.name}
        return found.place.timed and len(kinds) > 1

    def is_empty(self, arc: Arc, names: tuple[str, ...]) -> bool:
        """Whether an inhibitor arc only needs that the whole place is empty."""
        plain = not (names or arc.when is not None or arc.include_in_use)
        return plain and arc.place.name not in self._claimed

    # Choosing.

    def _meet(self, number: int, transition: Transition, group: plan.JoinGroup) -> None:
        assert group.lead is not None
        for at in group.arcs:
            arc = transition.arcs[at]
            self._found[transition, at] = self._held(arc, group.keys) if arc.binds else None
        bound = [at for at in group.arcs if transition.arcs[at].binds and at != group.lead]
        lead, *others = (self._found[transition, at] for at in (group.lead, *bound))
        places = [transition.arcs[at].place for at in group.arcs]
        numbers = tuple(place for place in places if isinstance(place, Counter))
        assert lead is not None
        key = (lead, *others, *(each.name for each in numbers))
        known = self._meetings.get(key)
        name = known.name if known else self._names.free(
            f"{self._var(transition)}_by_{'_'.join(group.keys)}", ("look_", "ripen_", "next_")
        )  # fmt: skip
        mask = 1 << number | (known.mask if known else 0)
        found = tuple(each for each in others if each is not None)
        self._meetings[key] = Meeting(name, group.keys, lead, found, numbers, mask)
        self._keys[transition, group] = key

    def _look(self, transition: Transition, group: plan.JoinGroup) -> None:
        scans, names = plan.combines(transition), plan.arc_keys(transition)
        for at in group.arcs:
            by = () if scans and at == group.lead else names[at]
            self._found[transition, at] = self._index(transition.arcs[at], by, scanned=scans)

    def _held(self, arc: Arc, names: tuple[str, ...]) -> Index:
        """The field of the records in which an arc finds its tokens."""
        return self._made("held", arc, names, ignores_ready=arc.include_waiting)

    def _index(self, arc: Arc, names: tuple[str, ...], *, scanned: bool) -> Index | None:
        used, early = arc.include_in_use, arc.include_waiting
        if isinstance(arc.place, Counter | KeySet):
            return None
        if arc.kind == "expired":
            return self._made("line", arc, (), expired=True)
        if arc.kind == "absent":
            empty = self.is_empty(arc, names)
            return None if empty else self._made("presence", arc, names, in_use=used)
        kind: Kind = "view" if names else "line"
        return self._made(kind, arc, names, ignores_ready=early, scanned=scanned, in_use=used)

    def _made(
        self,
        kind: Kind,
        arc: Arc,
        names: tuple[str, ...],
        *,
        ignores_ready: bool = False,
        expired: bool = False,
        scanned: bool = False,
        in_use: bool = False,
    ) -> Index:
        place, when = arc.place, arc.when
        assert isinstance(place, Place)
        bit = 0 if when is None or expired else 1 << self._guards[place.name].index(when)
        key = (kind, place.name, names, bit, ignores_ready, expired, scanned, in_use)
        if key not in self.indexes:
            words = {
                "ignores_ready": ignores_ready,
                "expired": expired,
                "scanned": scanned,
                "in_use": in_use,
                "presence": names and kind == "presence",
            }
            name = self._name(kind, place, names, bit, [word for word, has in words.items() if has])
            self.indexes[key] = Index(
                kind, name, place, names, bit, ignores_ready, expired, scanned, in_use
            )
        return self.indexes[key]

    def _name(
        self, kind: Kind, place: Place[Any], names: tuple[str, ...], bit: int, words: list[str]
    ) -> str:
        by = ["by", *names] if names else [kind]
        stem = "_".join([self._var(place), *by, *([f"passing_{bit}"] if bit else [])])
        field = (place.name, names, bit)
        if place.paged:
            return self._var(place)
        if kind != "held":
            return self._names.free("_".join([stem, *words]))
        if field not in self._fields:  # the tokens are the same, whether times count or not
            self._fields[field] = self._names.free(stem)
        return self._fields[field]


def _listed(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, list[Any]]:
    """The second elements of pairs, by the first."""
    found: dict[Any, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
