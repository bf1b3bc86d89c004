"""Finding again a binding of a manual transition that was listed before.

Owns: the text of `recall_*`. Must not know: how bindings are searched, what a firing does.

Cost: O(inputs), and for an arc that binds all tokens of its key, their number.
"""

from __future__ import annotations

from scraper_cpn.net import plan
from scraper_cpn.net.compiled.generate.indexes import projected
from scraper_cpn.net.compiled.generate.inputs import unmet
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.looks import Look, Search
from scraper_cpn.net.compiled.generate.text import Text, refuse, tupled
from scraper_cpn.net.places import Place

_LASTS = "(token.ends is None or token.ends > now)"


def write_recall(text: Text, layout: Layout, search: Search) -> None:
    """Write the function that returns the inputs of a binding from the serials in `given`; None if it is stale."""
    with text.function(f"recall_{layout.var(search.transition)}(given, now)"):
        refuse(text, unmet(layout, search), "return None")
        for number, each in enumerate(search.looks):
            if each.index is not None:
                _tokens(text, layout, search, number, each)
                refuse(text, _unlike(layout, search, number, each), "return None")
        alone = {number for number, _ in search.alone()}
        joined = [
            each.lacks for n, each in enumerate(search.looks) if each.lacks and n not in alone
        ]
        refuse(text, joined, "return None")
        bound = (f"a{n}" if each.index else each.key for n, each in enumerate(search.looks))
        text.add(f"return {tupled(bound)}")


def _tokens(text: Text, layout: Layout, search: Search, number: int, each: Look) -> None:
    """Write the lines that find an arc's tokens, if they are still there and may be taken, and their key."""
    arc, place = each.arc, each.arc.place
    assert isinstance(place, Place)
    bit = 0 if arc.when is None else 1 << layout.how(place).guards.index(arc.when)
    used = f"used_{layout.var(place)}" if arc.include_in_use else "{}"
    found = "recall_all" if arc.many else "recall"
    given = f"{layout.var(place)}, {used}, given[{number}], now, {bit}, ignores_ready={arc.include_waiting}"
    text.add(f"a{number} = {found}({given})")
    refuse(text, [f"a{number} is None"], "return None")
    lead = _lead(search, number)
    if lead is not None:
        first = f"a{number}[0]" if arc.many else f"a{number}"
        key = projected(f"{first}.keys", place.keys, search.groups[lead].keys)
        text.add(f"k{lead} = {key}")


def _unlike(layout: Layout, search: Search, number: int, each: Look) -> list[str]:
    """The conditions under which these tokens no longer satisfy the arc: another key, too few, not all."""
    arc = each.arc
    names = plan.arc_keys(search.transition)[number]
    own = projected("token.keys", arc.place.keys, names)
    lead = _lead(search, number)
    key = each.key if lead is None else f"k{lead}"
    bound = f"a{number}" if arc.many else f"(a{number},)"
    amount = layout.amount(arc, key)
    unlike = [f"any({own} != {key} for token in {bound})"] if names else []
    if arc.all:
        alike = f" and {own} == {key}" if lead is not None else ""
        every = f"sum(1 for token in {each.all()} if {_LASTS}{alike})"
        unlike += [f"len(a{number}) < {amount}", f"len(a{number}) != {every}"]
    elif arc.many:
        unlike.append(f"len(a{number}) != {amount}")
    return unlike


def _lead(search: Search, number: int) -> int | None:
    """The join whose key an arc's token determines."""
    return next((n for n, group in search.joins() if group.lead == number), None)
