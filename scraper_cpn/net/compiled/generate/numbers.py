"""Taking from numbers, and giving back.

Owns: the text of every change of a number, and which changes are recorded.
Must not know: how a binding is found, what a case puts.
"""

from __future__ import annotations

from typing import Any

from scraper_cpn.net.compiled.generate import records
from scraper_cpn.net.compiled.generate.influence import noted, only_if
from scraper_cpn.net.compiled.generate.kept import Bound, keeps
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.text import Text, assign
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.places import Counter


def take_number(
    text: Text, layout: Layout, counter: Counter, key: str, count: str, marked: int = 0
) -> None:
    """Decrease a number. A transition is affected only if the number falls below what it needs."""
    name, most = layout.var(counter), layout.most(counter)
    lines = noted(layout, layout.watches.loss([counter]), marked)
    if counter.keys:
        text.add(f"{name}.take({key}{'' if count == '1' else f', {count}'})", *lines)
        return
    text.add(assign(name, f"-= {count}"))
    only_if(text, f"not {name}" if most == 1 else f"{name} < {most}", lines)


def give_number(
    text: Text, layout: Layout, transition: Transition, number: int, bound: Bound
) -> None:
    """Return what an arc has taken from a number."""
    arc = transition.arcs[number]
    counter = arc.place
    assert isinstance(counter, Counter)
    if not counter.keys:
        assert isinstance(arc.count, int)
        count_up(text, layout, counter, arc.count)
        return
    if counter.name in layout.kept.met:
        known = keeps(layout, transition, number)
        table = layout.kept.records[counter.keys]
        record = bound(number) if known else f"{table}[{bound(number)}]"
        records.give_number(text, layout, counter, record)
        return
    _give(text, layout, counter, bound(number), layout.amount(arc, bound(number)))


def _give(text: Text, layout: Layout, counter: Counter, key: str, count: str) -> None:
    many = "" if count == "1" else f", {count}"
    with text.block(f"if {layout.var(counter)}.give({key}{many}):"):
        text.add(*noted(layout, layout.watches.gain([counter])))


def count_up(
    text: Text, layout: Layout, counter: Counter, count: int = 1, key: str = "None"
) -> None:
    """Increase a number: a plain one, or a keyed one that is in no record."""
    if counter.keys:
        _give(text, layout, counter, key, str(count))
        return
    name, most = layout.var(counter), layout.most(counter)
    text.add(assign(name, f"+= {count}"))
    reached = f"{name} == 1" if count == most == 1 else f"{name} < {most + count}"
    only_if(text, reached, noted(layout, layout.watches.gain([counter])))


def record_change(layout: Layout, place: Any, key: str) -> list[str]:
    """The line that records a number that has changed for good."""
    recorded = layout.recorded and isinstance(place, Counter)
    return [f"changed[{place.name!r}, {key}] = None"] if recorded else []
