"""The influence of a place's changes on transitions: which are tried again, and whose next useful time changes.

Owns: the text that records this influence, also that of slots. Must not know: how a place keeps its tokens.
"""

from __future__ import annotations

from typing import Any

from scraper_cpn.net.compiled.generate.indexes import Influence
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.text import Text, assign, mask_text
from scraper_cpn.net.places import Place


def noted(layout: Layout, influence: Influence, marked: int = 0) -> list[str]:
    """The lines that mark the transitions to try again, and those whose next useful time has changed.

    *marked*: those whose time was marked as changed before, in the same function.
    """
    enabled = f"{mask_text(influence.enables)}  # {layout.listed(influence.enables)}"
    lines = [assign("dirty", f"|= {enabled}")]
    return [*(lines if influence.enables else []), *delayed(layout, influence.delays & ~marked)]


def delayed(layout: Layout, mask: int) -> list[str]:
    """The lines that mark the transitions whose next useful time has changed."""
    times = [f"at_{layout.var(each)}" for each in layout.those_in(mask & layout.timed)]
    return [assign(times, "= None"), assign("late", "= True")] if times else []


def hasten(text: Text, layout: Layout, mask: int, at: str) -> None:
    """Mark that an input of transitions may be available at a time; it matters only if it is before their next useful time.

    The next useful time is the latest of the inputs' first times, so that none of these is later.
    """
    for transition in layout.those_in(mask & layout.timed):
        known = f"at_{layout.var(transition)}"
        with text.block(f"if {known} is None or {at} < {known}:"):
            text.add(assign(known, "= None"), assign("late", "= True"))
            with text.block(f"if {at} < next_wake:"):
                text.add(assign("next_wake", f"= {at}"))


def only_if(text: Text, condition: str, lines: list[str]) -> None:
    """Lines that are needed only under a condition."""
    if lines:
        with text.block(f"if {condition}:"):
            text.add(*lines)


def occupy(
    text: Text,
    layout: Layout,
    place: Place[Any],
    change: int,
    more: str = "",
    *,
    sign: int = 1,
    marked: int = 0,
) -> None:
    """Count slots, and mark the transitions that may begin again because slots became free, or can't begin any more.

    *more* is the expression for how many beyond *change*, where the number is not known here; with *sign* -1,
    all of them become free.
    """
    name, most = layout.free(place), layout.watches.most_slots(place)
    change *= sign
    if more and sign > 0:
        text.add(
            assign(name, f"-= {change} + {more}"),
            *noted(layout, Influence(0, layout.watches.wants_slots(place) & layout.timed), marked),
        )
    elif more:
        text.add(
            assign(name, f"+= {-change} + {more}"),
            *noted(layout, Influence(layout.watches.wants_slots(place), 0)),
        )
    elif change > 0:
        text.add(assign(name, f"-= {change}"))
        delays = Influence(0, layout.watches.wants_slots(place) & layout.timed)
        only_if(text, f"{name} < {most}", noted(layout, delays, marked))
    elif change < 0:
        text.add(assign(name, f"+= {-change}"))
        enables = Influence(layout.watches.wants_slots(place), 0)
        only_if(text, f"{name} < {most - change}", noted(layout, enables))
