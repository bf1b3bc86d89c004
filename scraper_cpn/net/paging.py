"""Whether a place can be paged, so that only the first tokens of each key are in memory.

Owns: the checks on what is declared `paged`. Which token of a key goes first must follow from its
order alone, whatever the time, and nobody may look for another one. Of a timed place, the order is that of the times.
Must not know: how a net is executed.
"""

from __future__ import annotations

from collections.abc import Iterator

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.hints import field_type
from scraper_cpn.net.places import AnyPlace, KeySet, Place


def paging_problems(net: Net, place: AnyPlace) -> Iterator[str]:
    """The reasons why a place that is declared paged can't be paged."""
    if isinstance(place, KeySet) and place.paged:
        yield from _set(place)
    if isinstance(place, Place) and place.paged:
        yield from _place(place)
        for transition in net.transitions.values():
            if any(shown is place for shown, _ in transition.shows):
                yield f"is paged, but transition {transition.name} shows its firings there; take paged=True away"
            yield from _uses(transition, place)


def _set(place: KeySet[object]) -> Iterator[str]:
    if len(place.keys) > 1:
        yield f"is paged and has {len(place.keys)} keys; give it one"
    elif place.keys and field_type(place.colour, place.keys[0]) is not str:
        yield f"is paged, but its key {place.keys[0]} is not annotated as str; use such a key"


def _place(place: Place[object]) -> Iterator[str]:
    if place.timed and (place.keys or place.order):
        yield (
            "is paged and timed, so that its tokens go in the order of their times; "
            "declare it without key and order, or without timed=True"
        )
    if not place.keys and not place.timed:
        yield "is paged and has no key; give it one"
    if len(place.order) > 2:
        yield f"is paged and has {len(place.order)} order fields; give it at most two"
    if place.expires or place.capacity is not None:
        yield "is paged, and so can't expire or have a capacity; declare it without"


def _uses(transition: Transition, place: Place[object]) -> Iterator[str]:
    for arc, keys in zip(transition.arcs, plan.arc_keys(transition), strict=True):
        if arc.place is not place:
            continue
        if keys != place.keys:
            yield f"is paged, but transition {transition.name} does not join it on its key; add an input with that key"
        if _chooses(arc) or plan.combines(transition):
            yield (
                f"is paged, but {arc} of transition {transition.name} looks beyond its first tokens; "
                "take, spend, hold or read one token, without include_waiting, when, scan or manual"
            )


def _chooses(arc: Arc) -> bool:
    """Whether an arc may want another token of a key than the first."""
    special = arc.include_waiting or arc.include_in_use or arc.when is not None or arc.many
    return special or arc.kind in {"absent", "expired"}
