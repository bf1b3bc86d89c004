"""Finding a transition's binding, and the time at which there will be one.

Owns: the text of `lag_*` and of the joins, `wake_*`, `combine_*`, and of the search: where each arc looks.
Must not know: what a firing does.

A transition without a scan looks at each join group alone: at a queue's or a line's head, at a number,
or at the first record of a join. With a scan it tries every combination, in the order of the declaration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc, Call
from scraper_cpn.net.compiled.generate.indexes import Index, projected
from scraper_cpn.net.compiled.generate.influence import delayed
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.places import listing
from scraper_cpn.net.compiled.generate.records import line, write_first
from scraper_cpn.net.compiled.generate.text import Text, assign, mask_text, plain, tupled
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
        if found.names or found.scanned or waits or (self.arc.many and not layout.is_queue(place)):
            return ""
        return layout.var(place) if layout.is_queue(place) else f"{found.name}.ready"

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


def write_search(text: Text, layout: Layout, search: Search) -> None:
    """The structures and functions that look for a transition's bindings."""
    if plan.combines(search.transition):
        _combine(text, layout, search)
        if any(arc.many for arc in search.transition.arcs):
            _wake_by_times(text, layout, search)
        else:
            _wake_by_scan(text, layout, search)
        return
    for number, group in search.joins():
        if layout.kept.meeting(search.transition, group) is None:
            _join(text, layout, search, number, group)
    _wake(text, layout, search)


def _join(text: Text, layout: Layout, search: Search, number: int, group: plan.JoinGroup) -> None:
    """Write a join, and the function that returns for a key when all inputs except the lead are available, and which is last."""
    name = layout.kept.joins[search.transition, number]
    assert group.lead is not None
    several = search.looks[group.lead].arc.many  # of the lead's tokens, the first tells its own key
    families: dict[str, list[Look]] = {}
    for arc in group.arcs:
        if arc != group.lead or several:
            families.setdefault(search.looks[arc].key, []).append(search.looks[arc])
    with text.function(f"lag_{name}({f'k{number}'}, now)"):
        text.add("at, last, key = 0, 0, None")
        for family, (key, others) in enumerate(families.items()):
            for other in others:
                if other.lacks:
                    with text.block(f"if {other.lacks}:"):
                        text.add(f"return NEVER, {family}, {key}")
        for family, (key, others) in enumerate(families.items()):
            for other in others:
                if other.index is not None:
                    text.add(f"when = {other.earliest(layout)}")
                    with text.block("if when > at:"):
                        text.add(f"at, last, key = when, {family}, {key}")
        text.add("return at, last, key")
    members = [
        f"[{', '.join(other.condition for other in others)}]" for others in families.values()
    ]
    lead = search.looks[group.lead].condition
    text.add(f"{name} = Join({lead}, lag_{name}, [{', '.join(members)}])", "")


def _full(layout: Layout, transition: Transition) -> list[str]:
    """Expressions that are true while a bounded place lacks the slots for a firing."""
    needed = plan.slots(transition)
    limited = (place for place in layout.limited if place.name in needed)
    return [f"{layout.free(place)} < {needed[place.name]}" for place in limited]


def unmet(layout: Layout, search: Search) -> list[str]:
    """The cheap conditions that exclude a binding: missing slots, plain numbers that are too low, places that must be empty."""
    full = _full(layout, search.transition)
    return full + [each.lacks for _, each in search.alone() if each.lacks]


def _empty(layout: Layout, search: Search) -> list[str]:
    """The conditions that a place has no token, or too few; they are tested after those of `unmet`."""
    missing = [each.missing(layout) for _, each in search.alone() if each.index]
    return [condition for condition in missing if condition]


def refuse(text: Text, conditions: list[str], *answer: str) -> None:
    """Write an early return under any of some conditions."""
    if conditions:
        with text.block(f"if {' or '.join(conditions)}:"):
            text.add(*answer)


def describe(text: Text, search: Search) -> None:
    """The comment above a transition: each arc, and where it looks."""
    transition = search.transition
    text.add(f"# Transition {plain(transition.name)}, priority {transition.priority}.")
    for number, each in enumerate(search.looks):
        lead = next((group for group in search.groups if group.lead == number and group.keys), None)
        first = f", first of the join on {', '.join(lead.keys)}" if lead else ""
        text.add(f"#   {plain(str(each.arc))}: {each.words}{first}")
    for place, needed in plan.slots(transition).items():
        text.add(f"#   {plain(place)}: {needed} free slot{'s' if needed > 1 else ''}")
    text.add("")


def write_find(text: Text, layout: Layout, search: Search, set_aside: list[str]) -> None:
    """Write the search for a binding; without one, the transition is not tried again until an input changes.

    *set_aside* is what to do about a scan that raised.
    """
    if search.transition.manual:
        return  # the manual binding was found already
    bit = layout.bit(search.transition)
    fail = [assign("dirty", f"&= ~{mask_text(bit)}"), *delayed(layout, bit), "return left"]
    if plan.combines(search.transition):
        _scan(text, layout, search, fail, set_aside)
        return
    refuse(text, unmet(layout, search) + _empty(layout, search), *fail)
    for arc, each in search.alone():
        if each.index:
            text.add(f"a{arc} = {each.token(layout)}")
            if not each.missing(layout):
                refuse(text, [f"a{arc} is None"], *fail)
    for number, group in search.joins():
        meeting = layout.kept.meeting(search.transition, group)
        if meeting is None:
            join = layout.kept.joins[search.transition, number]
            text.add(f"record{number} = {join}.first(now)")
            refuse(text, [f"record{number} is None"], *fail)
        else:
            write_first(text, meeting, f"record{number}", fail)
        text.add(f"k{number} = record{number}.key")
        for arc in group.arcs:
            each = search.looks[arc]
            if each.index is not None and meeting is None:
                text.add(f"a{arc} = {each.token(layout)}")
            elif each.index is not None:
                _bind(text, layout, f"a{arc}", each.index, f"record{number}", f"k{number}")


def _bind(text: Text, layout: Layout, token: str, found: Index, record: str, key: str) -> None:
    """Bind the first token of a complete record."""
    text.add(f"{token} = {record}.{found.name}")
    with text.block(f"if type({token}) is not Token:"):
        if found.place.paged:
            first = f"{token}.ready[0][2] if {token}.ready"
            text.add(f"{token} = {first} else {found.name}.head({token}, {key})")
        else:
            text.add(f"{token} = {line(layout, found, token)}.head(now)")


def _scan(
    text: Text, layout: Layout, search: Search, fail: list[str], set_aside: list[str]
) -> None:
    refuse(text, _full(layout, search.transition), *fail)
    scan = search.transition.scan
    with text.block(f"for inputs in combine_{layout.var(search.transition)}(now):"):
        if scan is None:
            text.add("break")
        else:
            with text.block("try:"):
                call = f"{layout.names.function(scan.fn)}({scan_args(search, scan)})"
                text.add(f"agreed = {call}")
            with text.block("except Exception as error:"):
                text.add(*set_aside)
            with text.block("if agreed:"):
                text.add("break")
    with text.block("else:"):
        text.add(*fail)


def _wake(text: Text, layout: Layout, search: Search) -> None:
    name = layout.var(search.transition)
    with text.function(f"wake_{name}(now)"):
        refuse(text, unmet(layout, search), "return NEVER")
        times = [each.earliest(layout) for _, each in search.alone() if each.index]
        times += [_joined(layout, search, number, group) for number, group in search.joins()]
        for time in times[:-1]:  # an input that never comes makes the other times irrelevant
            text.add(f"when = {time}")
            with text.block("if when is NEVER:"):
                text.add("return NEVER")
            text.add("at = when" if time is times[0] else "at = max(at, when)")
        last = times[-1] if times else "0"
        text.add(f"return max(at, {last})" if len(times) > 1 else f"return {last}")


def _joined(layout: Layout, search: Search, number: int, group: plan.JoinGroup) -> str:
    """The expression for the time at which a join has a binding."""
    meeting = layout.kept.meeting(search.transition, group)
    if meeting is not None:
        return f"next_{meeting.name}()"
    return f"{layout.kept.joins[search.transition, number]}.earliest(now)"


def _combine(text: Text, layout: Layout, search: Search) -> None:
    """Write nested loops over all combinations. Cost: their number."""
    transition = search.transition
    with text.function(f"combine_{layout.var(transition)}(now)"):
        refuse(text, [each.lacks for _, each in search.alone() if each.lacks], "return")
        inner = [each.lacks for each in search.looks if each.lacks]
        depth = _loops(text, layout, search, 0, 0)
        indent = "    " * depth
        if inner:
            text.add(
                f"{indent}if {' or '.join(inner)}:",
                f"{indent}    continue" if depth else "    return",
            )
        bound = [f"a{n}" if each.index else each.key for n, each in enumerate(search.looks)]
        text.add(f"{indent}yield {tupled(bound)}")


def _loops(text: Text, layout: Layout, search: Search, arc: int, depth: int) -> int:
    """Write the heads of the loops from an arc on; returns the depth of their body."""
    if arc == len(search.looks):
        return depth
    each = search.looks[arc]
    if each.index is None:
        return _loops(text, layout, search, arc + 1, depth)
    indent = "    " * depth
    lead = next((n for n, group in search.joins() if group.lead == arc), None)
    text.add(f"{indent}for a{arc} in {_choices(layout, search, arc, lead)}:")
    if lead is not None:
        first = f"a{arc}[0]" if each.arc.many else f"a{arc}"
        key = projected(f"{first}.keys", each.arc.place.keys, search.groups[lead].keys)
        text.add(f"{indent}    k{lead} = {key}")
    return _loops(text, layout, search, arc + 1, depth + 1)


def _choices(layout: Layout, search: Search, arc: int, lead: int | None) -> str:
    """The expression for all options of an arc, without the tokens that earlier arcs have bound."""
    each = search.looks[arc]
    before = [
        f"a{n}"
        for n, other in enumerate(search.looks[:arc])
        if other.index and other.arc.place is each.arc.place
    ]
    tokens = f"others({', '.join([each.all(), *before])})" if before else each.all()
    if not each.arc.many:
        return tokens
    if lead is None:
        return f"choices({tokens}, {each.amount}, every={each.arc.all})"
    key = projected("token.keys", each.arc.place.keys, search.groups[lead].keys)
    numbers = layout.amounts[each.arc] if callable(each.arc.count) else each.amount
    return f"choices_by_key({tokens}, lambda token: {key}, {numbers}, every={each.arc.all})"


def scan_args(search: Search, scan: Call) -> str:
    """The arguments of a guard over several tokens."""
    arcs = [plan.source_at(search.transition, source) for source in scan.sources]
    found = [value(search.transition, arc, f"inputs[{arc}]") for arc in arcs if arc is not None]
    return ", ".join(found)


def value(transition: Transition, arc: int, bound: str) -> str:
    """The expression for the argument that a function gets from an arc."""
    declared = transition.arcs[arc]
    if isinstance(declared.place, Counter):
        return bound if declared.place.keys else str(declared.count)
    return f"tuple([token.colour for token in {bound}])" if declared.many else f"{bound}.colour"


def _wake_by_scan(text: Text, layout: Layout, search: Search) -> None:
    name, scan = layout.var(search.transition), search.transition.scan
    ready = [
        f"inputs[{arc}].ready"
        if not each.arc.include_in_use
        else f"(0 if inputs[{arc}].serial in used_{layout.var(each.arc.place)} else inputs[{arc}].ready)"
        for arc, each in enumerate(search.looks)
        if each.index and not each.arc.include_waiting
    ]
    with text.function(f"wake_{name}(now)"):
        refuse(text, _full(layout, search.transition), "return NEVER")
        text.add("soonest = NEVER")
        with text.block(f"for inputs in combine_{name}(NEVER):"):
            text.add(f"at = max({', '.join(['0', *ready])})" if ready else "at = 0")
            with text.block("if at < soonest:"):
                if scan is None:
                    text.add("soonest = at")
                else:
                    with text.block("try:"):
                        call = f"{layout.names.function(scan.fn)}({scan_args(search, scan)})"
                        text.add(f"soonest = at if {call} else soonest")
                    with text.block("except Exception:"):
                        text.add("pass" if search.transition.manual else "soonest = at")
            if search.transition.manual:  # one token is enough
                with text.block("if soonest <= now:"):
                    text.add("return soonest")
        text.add("return soonest")


def _wake_by_times(text: Text, layout: Layout, search: Search) -> None:
    """Try each time at which a token becomes ready: arcs that bind several tokens bind others at other times."""
    transition = search.transition
    name, scan = layout.var(transition), transition.scan
    timed = dict.fromkeys(
        listing(layout, arc.place)
        for arc in transition.arcs
        if arc.binds and isinstance(arc.place, Place) and arc.place.timed
    )
    each_time = f"for at in ready_times([{', '.join(timed)}], now):"
    with text.function(f"wake_{name}(now)"):
        refuse(text, _full(layout, transition), "return NEVER")
        with text.block(each_time), text.block(f"for inputs in combine_{name}(at):"):
            if scan is None:
                text.add("return at if at > now else 0")
            else:
                with text.block("try:"):
                    call = f"{layout.names.function(scan.fn)}({scan_args(search, scan)})"
                    text.add(f"agreed = {call}")
                with text.block("except Exception:"):
                    text.add(f"agreed = {not transition.manual}")
                with text.block("if agreed:"):
                    text.add("return at if at > now else 0")
        text.add("return NEVER")
