"""The functions that find a transition's binding, and the time at which there will be one.

Owns: the text of `lag_*` and of the joins, `find_*`, `wake_*`, `combine_*`: where each arc looks.
Must not know: what a firing does.

A transition without a scan looks at each join group alone: at a line's head, at a number, or at the
first record of a join. With a scan it tries every combination, in the order of the declaration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc, Call
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.generate.layout import Layout, projected
from scraper_cpn.net.generate.places import endings
from scraper_cpn.net.generate.text import Text, plain, tupled
from scraper_cpn.net.places import Counter, KeySet, Place


@dataclass(frozen=True)
class Look:
    """How one arc is satisfied.

    Attributes:
        key: the expression for its key; "None" if it has none.
        token: the expression for its token at `now`; empty if it binds none.
        lacks: the expression that is true while a number, a set or an absence says no; empty for tokens.
        earliest: the expression for the time at which its token is there; empty for others.
        condition: the structure that tells when that may be different.
        words: for the reader.
    """

    arc: Arc
    key: str
    token: str = ""
    lacks: str = ""
    earliest: str = ""
    condition: str = ""
    words: str = ""


def look(
    layout: Layout, arc: Arc, names: tuple[str, ...], whole: str, have: tuple[str, ...]
) -> Look:
    """How *arc*, joined on *names*, is satisfied for the key *have* in the variable *whole*."""
    place, key = arc.place, projected(whole, have, names)
    name = layout.var(place)
    of = f" for its {', '.join(names)}" if names else ""
    if isinstance(place, Counter):
        number = f"{name}.number({key})" if names else f"{name}[None]"
        return Look(arc, key, lacks=f"{number} < 1", condition=name, words=f"is above 0{of}")
    if isinstance(place, KeySet):
        lacks = f"{key} {'not in' if arc.kind == 'read' else 'in'} {name}.keys"
        words = f"{'has' if arc.kind == 'read' else 'lacks'} its {', '.join(names)}"
        return Look(arc, key, lacks=lacks, condition=name, words=words)
    if arc.kind == "absent":
        if not names:
            return Look(arc, key, lacks=name, words="is empty")
        found = layout.looks(arc, names).name
        return Look(
            arc, key, lacks=f"{key} in {found}.counts", condition=found, words=f"has no token{of}"
        )
    found = layout.looks(arc, names).name
    part = f"{key}, now" if names else "now"
    earliest = f"{found}.earliest({part})"
    if arc.kind == "expired":
        earliest = f"({endings(layout, place)}.next() if {found}.head(now) is None else 0)"
    return Look(arc, key, f"{found}.head({part})", "", earliest, found, _words(arc, of))


def _words(arc: Arc, of: str) -> str:
    state = "expired" if arc.kind == "expired" else "ready or waiting" if arc.early else "ready"
    guard = f" that passes {getattr(arc.when, '__name__', 'its guard')}" if arc.when else ""
    return f"the first {state} token{of}{guard}"


@dataclass(frozen=True)
class Search:
    """How a transition is searched; the looks are by arc, with a join's key in `k` and its number."""

    transition: Transition
    groups: list[plan.Group]
    looks: list[Look]

    def joins(self) -> Iterator[tuple[int, plan.Group]]:
        """The groups of more than one arc."""
        return ((number, group) for number, group in enumerate(self.groups) if group.keys)

    def alone(self) -> Iterator[tuple[int, Look]]:
        """The arcs that are a group of their own."""
        for group in self.groups:
            if not group.keys:
                yield group.arcs[0], self.looks[group.arcs[0]]


def search_of(layout: Layout, transition: Transition) -> Search:
    """Choose the indexes of a transition."""
    groups = plan.groups(transition)
    names = plan.arc_keys(transition)
    looks: dict[int, Look] = {}
    for number, group in enumerate(groups):
        for arc in group.arcs:
            declared = transition.arcs[arc]
            leads = transition.scan is not None and arc == group.lead
            by = () if leads else names[arc]
            looks[arc] = look(layout, declared, by, f"k{number}", group.keys)
    return Search(transition, groups, [looks[arc] for arc in range(len(transition.arcs))])


def join_name(layout: Layout, transition: Transition, number: int) -> str:
    """The variable of a join."""
    return layout.stem(
        (transition, "join", number), f"{layout.var(transition)}_join{number}", "lag_"
    )


def write_search(text: Text, layout: Layout, search: Search) -> None:
    """The functions that look for a transition's bindings."""
    if search.transition.scan is not None:
        _combine(text, layout, search)
        _find_by_scan(text, layout, search, search.transition.scan)
        _wake_by_scan(text, layout, search, search.transition.scan)
        return
    for number, group in search.joins():
        _join(text, layout, search, number, group)
    _find(text, layout, search)
    _wake(text, layout, search)


def _join(text: Text, layout: Layout, search: Search, number: int, group: plan.Group) -> None:
    name = join_name(layout, search.transition, number)
    others = [search.looks[arc] for arc in group.arcs if arc != group.lead]
    assert group.lead is not None
    with text.block(f"def lag_{name}({f'k{number}'}, now):"):
        for other in others:
            if other.lacks:
                with text.block(f"if {other.lacks}:"):
                    text.add(f"return NEVER, {other.condition}, {other.key}")
        timed = [other for other in others if other.earliest]
        if timed:
            text.add("at, condition, key = 0, None, None")
        for other in timed:
            text.add(f"when = {other.earliest}")
            with text.block("if when > at:"):
                text.add(f"at, condition, key = when, {other.condition}, {other.key}")
        text.add("return at, condition, key" if timed else "return 0, None, None", "")
    text.add(f"{name} = Join({search.looks[group.lead].condition}, lag_{name})", "")


def _full(transition: Transition) -> list[str]:
    """Expressions that are true while a bounded place lacks the slots for a firing."""
    return [
        f"occupied[{place!r}] > {capacity - needed}"
        for place, needed, capacity in _needs(transition)
    ]


def _needs(transition: Transition) -> Iterator[tuple[str, int, int]]:
    needed = plan.slots(transition)
    bounds = {
        output.place.name: output.place.capacity
        for case in transition.outcomes
        for output in case.outputs
        if isinstance(output.place, Place)
    }
    for name, number in needed.items():
        capacity = bounds[name]
        assert capacity is not None
        yield name, number, capacity


def _unmet(search: Search) -> list[str]:
    """What is cheap to ask, first: slots, plain numbers, places that must be empty."""
    return _full(search.transition) + [each.lacks for _, each in search.alone() if each.lacks]


def _refuse(text: Text, conditions: list[str], answer: str) -> None:
    if conditions:
        with text.block(f"if {' or '.join(conditions)}:"):
            text.add(f"return {answer}".rstrip())


def _describe(text: Text, search: Search) -> None:
    """The comment above `find_*`: each arc, and where it looks."""
    transition = search.transition
    text.add(f"# Transition {plain(transition.name)}, priority {transition.priority}.")
    for number, each in enumerate(search.looks):
        lead = next((group for group in search.groups if group.lead == number and group.keys), None)
        first = f", first of the join on {', '.join(lead.keys)}" if lead else ""
        text.add(f"#   {plain(str(each.arc))}: {each.words}{first}")
    for place, needed, _ in _needs(transition):
        text.add(f"#   {plain(place)}: {needed} free slot{'s' if needed > 1 else ''}")
    text.add("")


def _find(text: Text, layout: Layout, search: Search) -> None:
    name = layout.var(search.transition)
    _describe(text, search)
    with text.block(f"def find_{name}(now):"):
        _refuse(text, _unmet(search), "None")
        bound = ["None"] * len(search.looks)
        for arc, each in search.alone():
            if each.token:
                bound[arc] = f"a{arc}"
                text.add(f"a{arc} = {each.token}")
                _refuse(text, [f"a{arc} is None"], "None")
        for number, group in search.joins():
            text.add(f"record = {join_name(layout, search.transition, number)}.first(now)")
            _refuse(text, ["record is None"], "None")
            text.add(f"k{number} = record.key")
            for arc in group.arcs:
                bound[arc] = search.looks[arc].token or search.looks[arc].key
        text.add("return (", *(f"    {part}," for part in bound), ")", "")


def _wake(text: Text, layout: Layout, search: Search) -> None:
    name = layout.var(search.transition)
    with text.block(f"def wake_{name}(now):"):
        _refuse(text, _unmet(search), "NEVER")
        times = [each.earliest for _, each in search.alone() if each.token]
        times += [
            f"{join_name(layout, search.transition, number)}.earliest(now)"
            for number, _ in search.joins()
        ]
        whole = times[0] if len(times) == 1 else f"max({', '.join(times)})" if times else "0"
        text.add(f"return {whole}", "")


def _combine(text: Text, layout: Layout, search: Search) -> None:
    """Every combination, by nested loops: what `scan` costs."""
    transition = search.transition
    lead_of = {group.lead: number for number, group in search.joins()}
    with text.block(f"def combine_{layout.var(transition)}(now):"):
        _refuse(text, [each.lacks for _, each in search.alone() if each.lacks], "")
        depth = 0
        nested = Text()
        inner = [each.lacks for each in search.looks if each.lacks]
        bound = []
        for arc, each in enumerate(search.looks):
            bound.append(f"a{arc}" if each.token else each.key)
            if not each.token:
                continue
            nested.add(
                "    " * depth + f"for a{arc} in {each.token.replace('.head(', '.tokens(')}:"
            )
            depth += 1
            if arc in lead_of:
                group = search.groups[lead_of[arc]]
                place = each.arc.place
                key = projected(f"a{arc}.keys", place.keys, group.keys)
                nested.add("    " * depth + f"k{lead_of[arc]} = {key}")
        if inner:
            nested.add("    " * depth + f"if {' or '.join(inner)}:")
            nested.add("    " * depth + "    continue")
        nested.add("    " * depth + f"yield {tupled(bound)}")
        text.add(*nested.lines, "")


def _scan_args(search: Search, scan: Call) -> str:
    arcs = [plan.bound_at(search.transition, place) for place in scan.sources]
    return ", ".join(f"inputs[{arc}].colour" for arc in arcs)


def _find_by_scan(text: Text, layout: Layout, search: Search, scan: Call) -> None:
    name = layout.var(search.transition)
    _describe(text, search)
    with text.block(f"def find_{name}(now):"):
        _refuse(text, _full(search.transition), "None")
        with text.block(f"for inputs in combine_{name}(now):"):
            with text.block("try:"):
                text.add(f"agreed = {layout.names.function(scan.fn)}({_scan_args(search, scan)})")
                with text.block("if agreed:"):
                    text.add("return inputs")
            with text.block("except Exception as error:"):
                text.add(f"aside_{name}(inputs, error)", "return FAULT")
        text.add("return None", "")


def _wake_by_scan(text: Text, layout: Layout, search: Search, scan: Call) -> None:
    name = layout.var(search.transition)
    ready = [
        f"inputs[{arc}].ready"
        for arc, each in enumerate(search.looks)
        if each.token and not each.arc.early
    ]
    with text.block(f"def wake_{name}(now):"):
        _refuse(text, _full(search.transition), "NEVER")
        text.add("soonest = NEVER")
        with text.block(f"for inputs in combine_{name}(NEVER):"):
            text.add(f"at = max({', '.join(['0', *ready])})" if ready else "at = 0")
            with text.block("if at < soonest:"):
                with text.block("try:"):
                    call = f"{layout.names.function(scan.fn)}({_scan_args(search, scan)})"
                    text.add(f"soonest = at if {call} else soonest")
                with text.block("except Exception:"):
                    text.add("soonest = at")
        text.add("return soonest", "")
