"""Transitions whose bindings are found by trying combinations of tokens.

Owns: the text of `combine_*`, of the search through it, and of the `wake_*` of such transitions.
Must not know: how other transitions find a binding, what a firing does.

Cost: the number of combinations, in the order of the declaration.
"""

from __future__ import annotations

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Call
from scraper_cpn.net.compiled.generate.indexes import projected
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.looks import Search, full, value
from scraper_cpn.net.compiled.generate.places import listing
from scraper_cpn.net.compiled.generate.text import Text, refuse, tupled
from scraper_cpn.net.places import Place


def write_scan(
    text: Text, layout: Layout, search: Search, fail: list[str], set_aside: list[str]
) -> None:
    """Write the search for the first combination that the guard, if there is one, agrees to."""
    refuse(text, full(layout, search.transition), *fail)
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


def write_combine(text: Text, layout: Layout, search: Search) -> None:
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


def write_wake_by_scan(text: Text, layout: Layout, search: Search) -> None:
    """Write the time of the combination that is ready first."""
    name, scan = layout.var(search.transition), search.transition.scan
    ready = [
        f"inputs[{arc}].ready"
        if not each.arc.include_in_use
        else f"(0 if inputs[{arc}].serial in used_{layout.var(each.arc.place)} else inputs[{arc}].ready)"
        for arc, each in enumerate(search.looks)
        if each.index and not each.arc.include_waiting
    ]
    with text.function(f"wake_{name}(now)"):
        refuse(text, full(layout, search.transition), "return NEVER")
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


def write_wake_by_times(text: Text, layout: Layout, search: Search) -> None:
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
        refuse(text, full(layout, transition), "return NEVER")
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
