"""What a change of a place means for transitions: who tries again, and who has another next useful time.

Owns: the text that notes it, that of slots included. Must not know: how a place keeps its tokens.
"""

from __future__ import annotations

from typing import Any

from scraper_cpn.net.generate.layout import Influence, Layout
from scraper_cpn.net.generate.text import Text
from scraper_cpn.net.places import Place


def slots(layout: Layout, place: Place[Any]) -> str:
    """The variable with the number of slots that are occupied."""
    return f"slots_{layout.var(place)}"


def noted(layout: Layout, influence: Influence) -> list[str]:
    """The lines that note which transitions to try again, and whose next useful time is another now."""
    delays = influence.delays & layout.timed
    masks = {"dirty": influence.enables, "late": delays}
    return [f"{name} |= {mask:#b}  # {layout.listed(mask)}" for name, mask in masks.items() if mask]


def only_if(text: Text, condition: str, lines: list[str]) -> None:
    """Lines that are needed only under a condition."""
    if lines:
        with text.block(f"if {condition}:"):
            text.add(*lines)


def occupy(text: Text, layout: Layout, place: Place[Any], change: int) -> None:
    """Count slots; who needs some may begin again once there were too few, or can't any more."""
    assert place.capacity is not None
    name, most = slots(layout, place), layout.most_slots(place)
    left = place.capacity - most
    if change > 0:
        text.add(f"{name} += {change}")
        delays = Influence(0, layout.wants_slots(place) & layout.timed)
        only_if(text, f"{name} > {left}", noted(layout, delays))
    elif change < 0:
        text.add(f"{name} -= {-change}")
        enables = Influence(layout.wants_slots(place), 0)
        only_if(text, f"{name} > {left + change}", noted(layout, enables))
