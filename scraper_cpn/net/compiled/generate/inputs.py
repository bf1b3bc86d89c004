"""Finding a transition's binding, and the time at which there will be one.

Owns: the text of `lag_*` and of the joins, `wake_*`, and of the search.
Must not know: where each arc looks (`looks.py`), what a firing does.

A transition looks at each join group alone: at a queue's or a line's head, at a number, or at the first record of a
join. One that must try combinations does so in `combining.py`.
"""

from __future__ import annotations

from scraper_cpn.net import plan
from scraper_cpn.net.compiled.generate.combining import (
    write_combine,
    write_scan,
    write_wake_by_scan,
    write_wake_by_times,
)
from scraper_cpn.net.compiled.generate.indexes import Index
from scraper_cpn.net.compiled.generate.influence import delayed
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.looks import Look, Search, full
from scraper_cpn.net.compiled.generate.records import line, write_first
from scraper_cpn.net.compiled.generate.text import Text, assign, mask_text, plain, refuse


def write_search(text: Text, layout: Layout, search: Search) -> None:
    """The structures and functions that look for a transition's bindings."""
    if plan.combines(search.transition):
        write_combine(text, layout, search)
        if any(arc.many for arc in search.transition.arcs):
            write_wake_by_times(text, layout, search)
        else:
            write_wake_by_scan(text, layout, search)
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


def unmet(layout: Layout, search: Search) -> list[str]:
    """The cheap conditions that exclude a binding: missing slots, plain numbers that are too low, places that must be empty."""
    return full(layout, search.transition) + [
        each.lacks for _, each in search.alone() if each.lacks
    ]


def _empty(layout: Layout, search: Search) -> list[str]:
    """The conditions that a place has no token, or too few; they are tested after those of `unmet`."""
    missing = [each.missing(layout) for _, each in search.alone() if each.index]
    return [condition for condition in missing if condition]


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
        write_scan(text, layout, search, fail, set_aside)
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
