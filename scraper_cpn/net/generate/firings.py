"""The functions of a transition's firings: what they take, spend and occupy, and how they end.

Owns: the text of `spend_*`, `aside_*`, `fire_*`, `begin_*`, `undo_*`, `land_*`.
Must not know: how a binding is found, what a case puts.
"""

from __future__ import annotations

from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc, Call
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.generate.cases import (
    case_name,
    influenced,
    later,
    moved,
    tokens_made,
    write_give,
    write_make,
)
from scraper_cpn.net.generate.layout import Influence, Layout
from scraper_cpn.net.generate.text import Text, tupled
from scraper_cpn.net.places import Counter, Place


def write_firings(text: Text, layout: Layout, transition: Transition, *, traced: bool) -> None:
    """The functions of a transition's firings."""
    for number, case in enumerate(transition.outcomes):
        write_make(text, layout, transition, number, case)
        write_give(text, layout, transition, number, case, traced=traced)
    if any(arc.kind == "spend" for arc in transition.arcs):
        _spend(text, layout, transition, traced=traced)
    if transition.instant or transition.scan is not None:
        _aside(text, layout, transition)
    if transition.instant:
        _fire(text, layout, transition, traced=traced)
    else:
        _begin(text, layout, transition, traced=traced)
        _undo(text, layout, transition)


# What is spent.


def _spend(text: Text, layout: Layout, transition: Transition, *, traced: bool) -> None:
    places = [arc.place for arc in transition.arcs if arc.kind == "spend"]
    with text.block(f"def spend_{layout.var(transition)}(inputs, now, puts):"):
        influence = layout.gain(places) | layout.loss(
            place for place in places if isinstance(place, Place) and place.capacity is not None
        )
        influenced(text, layout, influence, nonlocals=True)
        if not transition.instant:
            _vacate(text, layout, transition)
        for number, arc in enumerate(transition.arcs):
            if arc.kind == "spend":
                text.add(*_lost(layout, number, arc))
                _spend_one(text, layout, number, arc, traced=traced)
    text.add("")


def _vacate(text: Text, layout: Layout, transition: Transition) -> None:
    """The slots that a firing occupied for what it spends, until it started."""
    for place in layout.bounded(transition):
        before = plan.occupies(transition, place, started=False)
        if before > plan.occupies(transition, place, started=True):
            text.add(f"occupied[{place.name!r}] -= 1")


def _spend_one(text: Text, layout: Layout, number: int, arc: Arc, *, traced: bool) -> None:
    place = arc.place
    assert isinstance(place, Place)
    name, old = layout.var(place), f"inputs[{number}]"
    if arc.change is None and not callable(arc.after_ns):
        ready = later(layout, arc.after_ns, "") if place.timed else "0"
        call = f"again_{name}({old}, {ready})"
        text.add(f"puts.append({call})" if traced else call)
        return
    ready = later(layout, arc.after_ns, "colour") if place.timed else "0"
    with text.block("try:"):
        if arc.change is None:
            text.add(f"spent = ({old}.colour,)")
        else:
            text.add(f"made_ = {layout.names.function(arc.change)}({old}.colour)")
            text.add(f"spent = {tokens_made(layout, place)}")
        text.add(f"spent = [(colour, {ready}) for colour in spent]")
    with text.block("except Exception as error:"):
        text.add(f"fault({place.name!r}, {old}.serial, {old}.colour, blame(error))")
    with text.block("else:"), text.block("for colour, ready in spent:"):
        call = f"put_{name}(colour, ready, {old}.ends)"
        text.add(f"puts.append({call})" if traced else call)


# What is taken.


def _take(text: Text, layout: Layout, transition: Transition) -> None:
    """Take the inputs, as one piece of a function."""
    for number, arc in enumerate(transition.arcs):
        if arc.kind not in {"take", "spend", "hold", "expired"}:
            continue
        name = layout.var(arc.place)
        if not isinstance(arc.place, Counter):
            text.add(f"drop_{name}(inputs[{number}])")
        elif arc.place.keys:
            text.add(f"{name}.take(inputs[{number}])")
        else:
            text.add(f"{name}[None] -= 1")


def _lose(text: Text, layout: Layout, transition: Transition) -> None:
    """Record what a firing has taken for good; what it spends is recorded when that is put back."""
    for number, arc in enumerate(transition.arcs):
        if arc.kind in {"take", "hold", "expired"}:
            text.add(*_lost(layout, number, arc))
            if arc.kind == "take":
                text.add(*moved(layout, arc.place, f"inputs[{number}]"))


def _lost(layout: Layout, number: int, arc: Arc) -> list[str]:
    """The line that records a token that is no more."""
    recorded = layout.recorded and not isinstance(arc.place, Counter)
    return [f"lose({arc.place.name!r}, inputs[{number}])"] if recorded else []


def taken_places(transition: Transition) -> list[Any]:
    """The places from which a firing takes."""
    kinds = {"take", "spend", "hold", "expired"}
    return [arc.place for arc in transition.arcs if arc.kind in kinds]


def _aside(text: Text, layout: Layout, transition: Transition) -> None:
    """Set aside the token bound last, of those taken for good."""
    last = [
        number
        for number, arc in enumerate(transition.arcs)
        if arc.kind in {"take", "expired"} and arc.binds
    ][-1]
    place = transition.arcs[last].place
    with text.block(f"def aside_{layout.var(transition)}(inputs, error):"):
        text.add("nonlocal dirty, late", "dirty = late = ALL", f"token = inputs[{last}]")
        text.add(f"drop_{layout.var(place)}(token)")
        text.add(*([f"lose({place.name!r}, token)"] if layout.recorded else []))
        text.add(f"fault({place.name!r}, token.serial, token.colour, blame(error))", "")


# Firing in one go.


def _fire(text: Text, layout: Layout, transition: Transition, *, traced: bool) -> None:
    name = layout.var(transition)
    with text.block(f"def fire_{name}(inputs, now):"):
        text.add("nonlocal dirty, late, next_id")
        with text.block("try:"):
            if transition.choice is None:
                text.add(f"made_ = make_{case_name(layout, transition, 0)}(inputs, None, now)")
            else:
                _choose(text, layout, transition, transition.choice)
        with text.block("except Exception as error:"):
            text.add(f"aside_{name}(inputs, error)", "return")
        influenced(text, layout, layout.loss(taken_places(transition)))
        text.add("next_id += 1", *(["firing_id = next_id - 1", "puts = []"] if traced else []))
        _take(text, layout, transition)
        _lose(text, layout, transition)
        puts = "puts" if traced else "None"
        if any(arc.kind == "spend" for arc in transition.arcs):
            text.add(f"spend_{name}(inputs, now, {puts})")
        if transition.choice is None:
            text.add(f"give_{case_name(layout, transition, 0)}(inputs, made_, {puts})")
        else:
            text.add(f"give(inputs, made_, {puts})")
        if traced:
            outcome = "''" if transition.choice is None else "type(outcome).__name__"
            serials = serials_of(transition)
            text.add(
                f"trace(('fire', now, firing_id, {transition.name!r}, {serials}, {outcome}, tuple(puts)))"
            )
    text.add("")


def _choose(text: Text, layout: Layout, transition: Transition, choice: Call) -> None:
    args = arguments(transition, choice)
    text.add(f"outcome = {layout.names.function(choice.fn)}({args})")
    for number, case in enumerate(transition.outcomes):
        colour = layout.names.of(case.outcome, case.outcome.__name__)
        name = case_name(layout, transition, number)
        with text.block(f"{'el' if number else ''}if type(outcome) is {colour}:"):
            text.add(f"made_, give = make_{name}(inputs, outcome, now), give_{name}")
    with text.block("else:"):
        text.add(f"raise no_case({choice.name!r}, outcome)")


def arguments(transition: Transition, call: Call) -> str:
    """The colours that a call is given."""
    arcs = [plan.bound_at(transition, place) for place in call.sources]
    return ", ".join(f"inputs[{arc}].colour" for arc in arcs)


def serials_of(transition: Transition) -> str:
    """The serials of a binding, as the trace has them."""
    return tupled(
        f"inputs[{number}].serial" if arc.binds else "-1"
        for number, arc in enumerate(transition.arcs)
    )


# Firing with an effect.


def _begin(text: Text, layout: Layout, transition: Transition, *, traced: bool) -> None:
    name, effect = layout.var(transition), transition.effect
    assert effect is not None
    with text.block(f"def begin_{name}(inputs, now):"):
        text.add("nonlocal dirty, late, next_id")
        during = [] if transition.during is None else [transition.during]
        reserved = Influence(0, layout.gain(_reserved(layout, transition)).delays)
        influenced(
            text, layout, layout.loss(taken_places(transition)) | layout.gain(during) | reserved
        )
        text.add("firing_id = next_id", "next_id += 1")
        _take(text, layout, transition)
        occupy(text, layout, transition, "+")
        number = layout.transitions.index(transition)
        text.add(f"flights[firing_id] = flight = Flight(firing_id, {number}, inputs, now)")
        text.add(*(["begun[firing_id] = flight"] if layout.recorded else []))
        if traced:
            serials = serials_of(transition)
            text.add(f"trace(('begin', now, firing_id, {transition.name!r}, {serials}))")
        if transition.during is not None:
            first = next(number for number, arc in enumerate(transition.arcs) if arc.binds)
            text.add("flight.shown = serial")
            text.add(f"put_{layout.var(transition.during)}(inputs[{first}].colour, 0, None)")
        args = arguments(transition, effect)
        text.add(
            f"return Firing(firing_id, {transition.name!r}, {effect.name!r}, "
            f"({args}{',' if args else ''}), {transition.deadline_ns})"
        )
    text.add("")


def _reserved(layout: Layout, transition: Transition) -> list[Place[Any]]:
    """The bounded places in which a firing reserves slots beside those of its inputs."""
    needed = plan.slots(transition)
    return [place for place in layout.standing if place.name in needed]


def occupy(
    text: Text, layout: Layout, transition: Transition, sign: str, *, started: bool = False
) -> None:
    """Count the slots that a firing in flight occupies."""
    for place in layout.bounded(transition):
        slots = plan.occupies(transition, place, started=started)
        if slots:
            text.add(f"occupied[{place.name!r}] {sign}= {slots}")


def _undo(text: Text, layout: Layout, transition: Transition) -> None:
    """Give back the inputs of a firing that has not started, exactly as they were."""
    with text.block(f"def undo_{layout.var(transition)}(flight):"):
        text.add("inputs = flight.inputs")
        occupy(text, layout, transition, "-")
        _hide(text, layout, transition.during)
        for number, arc in enumerate(transition.arcs):
            if arc.kind not in {"take", "spend", "hold"}:
                continue
            name = layout.var(arc.place)
            if not isinstance(arc.place, Counter):
                text.add(f"stand_{name}(inputs[{number}])")
            elif arc.place.keys:
                text.add(f"{name}.give(inputs[{number}])")
            else:
                text.add(f"{name}[None] += 1")
    text.add("")


def write_landing(text: Text, layout: Layout, transition: Transition) -> None:
    """What a firing no longer occupies or shows when its effect ends."""
    during = transition.during
    with text.block(f"def land_{layout.var(transition)}(flight):"):
        left = [*layout.bounded(transition), *([] if during is None else [during])]
        influenced(text, layout, layout.loss(left), nonlocals=True)
        if layout.recorded:
            text.add("inputs = flight.inputs")
            _lose(text, layout, transition)
        occupy(text, layout, transition, "-", started=True)
        _hide(text, layout, during)
    text.add("")


def _hide(text: Text, layout: Layout, during: Place[Any] | None) -> None:
    """Take the firing's token out of the place that shows it; it is not there if it was set aside."""
    if during is not None:
        text.add(f"shown = {layout.var(during)}.get(flight.shown)")
        with text.block("if shown is not None:"):
            text.add(f"drop_{layout.var(during)}(shown)")
