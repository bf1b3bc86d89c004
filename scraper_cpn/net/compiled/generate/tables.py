"""The tables of a compiled net: what the calls look up by the number of a transition, or by the name of a place.

Owns: their text.
Must not know: what is in the functions that they name.
"""

from __future__ import annotations

from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.compiled.generate import (
    firings,
    places,
)
from scraper_cpn.net.compiled.generate.kept import kept
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.making import arguments, from_inputs
from scraper_cpn.net.compiled.generate.text import Text, mask_text, tupled
from scraper_cpn.net.declare import Net, Transition


def retried(net: Net) -> bool:
    """Whether a transition has more than one attempt."""
    return any(transition.attempts > 1 for transition in net.transitions.values())


def write_tables(text: Text, layout: Layout) -> None:
    """Write the tables by number of transition, and by name of place."""
    stems = [(layout.var(transition), transition) for transition in layout.transitions]
    effects = [(stem, transition) for stem, transition in stems if not transition.instant]
    text.add(
        "", "# Tables: by a transition's number (its place in the order), or by a place's name.", ""
    )
    acts = {layout.bit(t): _act(stem, t) for stem, t in stems if not t.manual}
    text.add("ACTS = {", *(f"    {mask_text(bit)}: {act}," for bit, act in acts.items()), "}")
    _list(text, "WAKES", [f"wake_{stem}" for stem, _ in stems])
    if layout.manual:
        by_hand = {
            t.name: f"({_act(stem, t)}, combine_{stem}, recall_{stem}, wake_{stem})"
            for stem, t in stems
            if t.manual
        }
        _dict(text, "BY_HAND", by_hand)
    spends = [
        f"spend_{stem}" if not t.instant and any(arc.kind == "spend" for arc in t.arcs) else "None"
        for stem, t in stems
    ]
    _list(text, "SPENDS", spends)
    _list(text, "ENDS", ["None" if t.instant else _cases(layout, t) for _, t in stems])
    _dict(text, "STILL", {_number(layout, t): repr(_still(t)) for _, t in effects if t.still})
    _dict(text, "UNDOS", {_number(layout, t): f"undo_{stem}" for stem, t in effects})
    if retried(layout.net):
        _list(text, "RETRY", [_retry(layout, t) for _, t in stems])
        _dict(text, "AGAIN", {_number(layout, t): _again(t) for _, t in effects})
    _dict(text, "TAKEN", {_number(layout, t): repr(_taken(t)) for _, t in effects})
    _dict(text, "KEPT", {_number(layout, t): _kept(layout, t) for _, t in effects})
    _dict(text, "OCCUPIES", {_number(layout, t): _occupies(layout, t) for _, t in effects})
    reserving = [(stem, t) for stem, t in effects if firings.reserves(layout, t)]
    _dict(text, "RESERVES", {_number(layout, t): f"reserve_{stem}" for stem, t in reserving})
    kept = [place for place in layout.standing if not layout.how(place).only_shows]
    made = [place for place in kept if not layout.how(place).is_simple]
    _dict(text, "TOKENS", {p.name: f"token_{layout.var(p)}" for p in made})
    for table, prefix in (("STANDS", "stand"), ("PUTS", "put")):
        _dict(text, table, {p.name: f"{prefix}_{layout.var(p)}" for p in kept})
    _list(text, "SHOWN", [repr(p.name) for p in layout.standing if layout.how(p).only_shows])
    _dict(text, "PLACES", {place.name: places.listing(layout, place) for place in layout.standing})
    _dict(text, "SETS", {seen.name: layout.var(seen) for seen in layout.sets})


def _act(stem: str, transition: Transition) -> str:
    """The function that fires a transition."""
    return f"{'fire' if transition.instant else 'begin'}_{stem}"


def _retry(layout: Layout, transition: Transition) -> str:
    """The outcomes that lead to another attempt, if one is left."""
    kinds = transition.retry if transition.attempts > 1 else ()
    return tupled(layout.names.of(kind, kind.__name__) for kind in kinds) if kinds else "()"


def _again(transition: Transition) -> str:
    """The expression that makes the firing of another attempt."""
    effect = transition.effect
    assert effect is not None
    args = arguments(transition, effect.sources, lambda arc: f"flight.inputs[{arc}]")
    given = f"({args}{',' if args else ''})"
    return (
        f"lambda flight: Firing(flight.id, {transition.name!r}, {effect.name!r}, {given}, "
        f"{transition.deadline_ns}, flight.attempt)"
    )


def _number(layout: Layout, transition: Transition) -> int:
    return layout.number(transition)


def _list(text: Text, name: str, parts: list[str]) -> None:
    text.add(f"{name} = [", *(f"    {part}," for part in parts), "]")


def _dict(text: Text, name: str, parts: dict[Any, str]) -> None:
    text.add(f"{name} = {{", *(f"    {key!r}: {part}," for key, part in parts.items()), "}")


def _cases(layout: Layout, transition: Transition) -> str:
    """The function that ends the firing, by the outcome's type."""
    parts = []
    for number, case in enumerate(transition.outcomes):
        outcome = layout.names.of(case.outcome, case.outcome.__name__)
        parts.append(f"{outcome}: end_{layout.ends[transition, number]}")
    return f"{{{', '.join(parts)}}}"


def _still(
    transition: Transition,
) -> tuple[tuple[bool, str, tuple[tuple[str, int], ...], bool], ...]:
    """The conditions of `still`: whether a token must be absent, in which place, with which keys.

    The last element tells whether that is one key, and the whole key of the place.
    """
    return tuple(
        (arc.kind == "absent", arc.place.name, keys, len(keys) == len(arc.place.keys) == 1)
        for arc in transition.still
        for keys in [plan.still_keys(transition, arc)]
    )


def _taken(transition: Transition) -> list[tuple[int, str]]:
    """The arcs that consume a token, with their places."""
    return [
        (number, arc.place.name)
        for number, arc in enumerate(transition.arcs)
        if arc.kind == "take" and arc.binds
    ]


def _kept(layout: Layout, transition: Transition) -> str:
    """The arcs for which a firing keeps a record, with the function that finds it."""
    found = (
        f"{number}: find_{layout.kept.records[counter.keys]}"
        for number, counter in kept(layout, transition)
    )
    return f"{{{', '.join(found)}}}"


def _occupies(layout: Layout, transition: Transition) -> str:
    """The functions that return the slots occupied by a firing in flight, by place."""
    if not layout.bounded(transition):
        return "lambda inputs, started: {}"
    parts = []
    for place in layout.bounded(transition):
        before, after = (
            plan.occupies(transition, place, started=started) for started in (False, True)
        )
        more = firings.beyond(layout, transition, place, from_inputs, begins=False)
        number = f"({after} if started else {before})" + (f" + {more}" if more else "")
        parts.append(f"{place.name!r}: {number}")
    return f"lambda inputs, started: {{{', '.join(parts)}}}"
