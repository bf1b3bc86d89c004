"""The functions of a transition's firings: what they take, spend and occupy.

Owns: the text of `fire_*`, `begin_*`, `spend_*`, `aside_*`, `undo_*`, and of landing.
Must not know: how a binding is found, what a case puts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc, Call
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.generate.arrivals import is_simple, write_put
from scraper_cpn.net.generate.cases import (
    arguments,
    from_inputs,
    give_number,
    later,
    may_raise,
    moved,
    several,
    take_number,
    write_ends,
    write_give,
    write_make,
)
from scraper_cpn.net.generate.influence import delaying, noted, occupy
from scraper_cpn.net.generate.inputs import Search, describe, write_find
from scraper_cpn.net.generate.layout import Influence, Layout
from scraper_cpn.net.generate.places import leave_queue, take_from_record
from scraper_cpn.net.generate.records import drop_record, lost
from scraper_cpn.net.generate.text import Text, attribute, tupled
from scraper_cpn.net.places import Counter, Place
from scraper_cpn.net.plan import Group

TAKEN = {"take", "spend", "hold", "expired"}
"""The arcs whose tokens a firing takes."""


def write_firings(text: Text, layout: Layout, search: Search, *, traced: bool) -> None:
    """The functions of a transition's firings."""
    transition = search.transition
    describe(text, search)
    if transition.scan is not None or (transition.instant and _fallible(transition)):
        _aside(text, layout, transition)
    if transition.instant:
        _fire(text, layout, search, traced=traced)
        return
    _begin(text, layout, search, traced=traced)
    if any(arc.kind == "spend" for arc in transition.arcs):
        _spend(text, layout, transition, traced=traced)
    write_ends(text, layout, transition, lambda: _land(text, layout, transition), traced=traced)
    _undo(text, layout, transition)


def _fallible(transition: Transition) -> bool:
    return transition.choice is not None or may_raise(transition.outcomes[0])


# What is taken.


def _loss(layout: Layout, search: Search) -> Influence:
    """What it means for others, whatever is left, that the inputs are taken that records have."""
    taken = [
        search.transition.arcs[arc].place
        for group, _ in search.met(layout)
        for arc in group.arcs
        if search.transition.arcs[arc].kind in TAKEN
    ]
    return layout.loss(taken)


def _take(text: Text, layout: Layout, search: Search) -> None:
    """Take the inputs. In a bounded place, a firing with an effect keeps the slot of its token."""
    met = {arc for group, _ in search.met(layout) for arc in group.arcs}
    for number, arc in enumerate(search.transition.arcs):
        if arc.kind not in TAKEN or number in met:
            continue
        if isinstance(arc.place, Counter):
            take_number(text, layout, arc.place, search.bound(number))
        elif layout.is_queue(arc.place):  # type: ignore[arg-type]
            _shift(text, layout, search, arc)
        else:
            text.add(f"drop_{layout.var(arc.place)}({search.bound(number)})")
    for group, record in search.met(layout):
        meeting = layout.meeting(search.transition, group)
        if meeting is not None and any(search.transition.arcs[n].kind in TAKEN for n in group.arcs):
            text.add(f"heappop({meeting.name}_ready)")  # the entry by which the record was found
        _take_met(text, layout, search, group, record)


def _take_met(text: Text, layout: Layout, search: Search, group: Group, record: str) -> None:
    """Take all that was found by a record, and only then look whether it is complete again."""
    arcs = [(number, search.transition.arcs[number]) for number in group.arcs]
    taken = [(number, arc) for number, arc in arcs if arc.kind in TAKEN]
    changed: list[Any] = []
    for number, arc in taken:
        if isinstance(arc.place, Counter):
            text.add(f"{record}.{layout.var(arc.place)} -= 1")
            changed.append(arc.place)
        else:
            assert isinstance(arc.place, Place)
            changed += take_from_record(text, layout, arc.place, search.bound(number), record)
    text.add(*noted(layout, layout.loss([arc.place for _, arc in taken])))
    lost(text, layout, changed, record)
    if not any(isinstance(each, Counter) for each in changed):  # else a number has moved
        drop_record(text, layout, group.keys, record)


def _shift(text: Text, layout: Layout, search: Search, arc: Arc) -> None:
    """The oldest token of a queue goes; without another one, there is no second firing."""
    assert isinstance(arc.place, Place)
    leave_queue(text, layout, arc.place)
    bit = layout.bit(search.transition)
    with text.block(f"if not {layout.var(arc.place)}:"):
        text.add(f"dirty &= ~{bit:#b}")
    if arc.place.capacity is not None and search.transition.instant:
        occupy(text, layout, arc.place, -1)


def _lose(text: Text, layout: Layout, transition: Transition, bound: Any) -> None:
    """Record what a firing has taken for good; what it spends is recorded when that is put back."""
    for number, arc in enumerate(transition.arcs):
        if arc.kind in {"take", "hold", "expired"}:
            text.add(*_lost(layout, arc, bound(number)))
            if arc.kind == "take":
                text.add(*moved(layout, arc.place, bound(number)))


def _lost(layout: Layout, arc: Arc, token: str) -> list[str]:
    """The line that records a token that is no more."""
    recorded = layout.recorded and not isinstance(arc.place, Counter)
    return [f"lose({arc.place.name!r}, {token})"] if recorded else []


def _aside(text: Text, layout: Layout, transition: Transition) -> None:
    """Set aside the token bound last, of those taken for good."""
    last = [arc for arc in transition.arcs if arc.kind in {"take", "expired"} and arc.binds][-1]
    with text.function(f"aside_{layout.var(transition)}(token, error)"):
        text.add(f"drop_{layout.var(last.place)}(token)")
        text.add(*_lost(layout, last, "token"))
        text.add(f"fault({last.place.name!r}, token.serial, token.colour, blame(error))")


def set_aside(layout: Layout, search: Search) -> list[str]:
    """The lines that set aside the token bound last, which counts as a firing."""
    arcs = search.transition.arcs
    last = [n for n, arc in enumerate(arcs) if arc.kind in {"take", "expired"} and arc.binds][-1]
    call = f"aside_{layout.var(search.transition)}({search.bound(last)}, error)"
    return [call, "return left - 1"]


# What is spent.


def _spends(
    text: Text, layout: Layout, transition: Transition, bound: Any, *, traced: bool
) -> None:
    for number, arc in enumerate(transition.arcs):
        if arc.kind == "spend":
            text.add(*_lost(layout, arc, bound(number)))
            _spend_one(text, layout, bound(number), arc, traced=traced)


def _spend(text: Text, layout: Layout, transition: Transition, *, traced: bool) -> None:
    puts = ", puts" if traced else ""
    with text.function(f"spend_{layout.var(transition)}(inputs, now{puts})"):
        for place in layout.bounded(transition):
            before = plan.occupies(transition, place, started=False)
            if before > plan.occupies(transition, place, started=True):
                occupy(text, layout, place, -1)
        _spends(text, layout, transition, from_inputs, traced=traced)


def _spend_one(text: Text, layout: Layout, old: str, arc: Arc, *, traced: bool) -> None:
    place = arc.place
    assert isinstance(place, Place)
    name = layout.var(place)
    if arc.change is None and not callable(arc.after_ns):
        ready = later(layout, arc.after_ns, "") if place.timed else "0"
        call = f"again_{name}({old}, {ready})"
        text.add(f"puts.append({call})" if traced else call)
        return
    if not layout.pauses_alike(place):
        _change(text, layout, old, arc, traced=traced)
        return
    text.add(f"old = {old}")
    with text.block("if old.pause is not None:"):  # it stays as it is, for so long
        call = f"again_{name}(old, now + old.pause)"
        text.add(f"puts.append({call})" if traced else call)
    with text.block("else:"):
        _change(text, layout, "old", arc, traced=traced)


def _change(text: Text, layout: Layout, old: str, arc: Arc, *, traced: bool) -> None:
    """Put back what a token is changed into, or itself; that this is so, and for how long, is kept."""
    place = arc.place
    assert isinstance(place, Place)
    name = layout.var(place)
    ready = later(layout, arc.after_ns, "colour") if place.timed else "0"
    with text.block("try:"):
        if arc.change is None:
            text.add(f"made_ = colour = {old}.colour")
        else:
            text.add(f"colour = {old}.colour")
            text.add(f"made_ = {layout.names.function(arc.change)}(colour)")
        with text.block("if made_ is colour:"):  # what was worked out of it holds
            text.add(f"ready = {ready}")
        with text.block("else:"):
            text.add(f"spent = {several(layout, place, 'made_')}")
            text.add("spent = (made_,) if spent is None else spent")
            text.add(f"spent = [(colour, {ready}) for colour in spent]")
    with text.block("except Exception as error:"):
        text.add(f"fault({place.name!r}, {old}.serial, {old}.colour, blame(error))")
    with text.block("else:"):
        with text.block("if made_ is colour:"):
            text.add(*([f"{old}.pause = ready - now"] if layout.pauses_alike(place) else []))
            call = f"again_{name}({old}, ready)"
            text.add(f"puts.append({call})" if traced else call)
        with text.block("else:"), text.block("for colour, ready in spent:"):
            write_put(text, layout, place, "colour", "ready", f"{old}.ends", traced=traced)


# Firing in one go.


@contextmanager
def _firings(text: Text, layout: Layout, search: Search) -> Iterator[None]:
    """One firing after the other, as long as none goes before: what follows is one, or returns."""
    with text.block("while left:"):
        at = len(text.lines)
        yield
        text.add("left -= 1")
        lower = layout.bit(search.transition) - 1
        if lower and _MAY_ENABLE.search("\n".join(text.lines[at:])):
            with text.block(f"if dirty & {lower:#b}:"):
                text.add("return left")
        queues = [
            layout.var(arc.place) for arc in search.transition.arcs if _is_shifted(layout, arc)
        ]
        if queues:  # the others fail anew
            with text.block(f"if not {queues[0]}:"):
                text.add("return left")
    text.add("return left")


_MAY_ENABLE = re.compile(r"dirty \|=|\b(?:look|ripen|put|stand|again|drop|leave|spend)_")
"""What sets bits, or calls what may."""


def _is_shifted(layout: Layout, arc: Arc) -> bool:
    queue = isinstance(arc.place, Place) and layout.is_queue(arc.place)
    return queue and arc.kind in TAKEN


def _fire(text: Text, layout: Layout, search: Search, *, traced: bool) -> None:
    transition, name = search.transition, layout.var(search.transition)
    with (
        text.function(f"fire_{name}(now, _, left)"),
        _firings(text, layout, search),
    ):
        write_find(text, layout, search, set_aside(layout, search))
        if _fallible(transition):
            with text.block("try:"):
                _make(text, layout, search)
            with text.block("except Exception as error:"):
                text.add(*set_aside(layout, search))
        else:
            _make(text, layout, search)
        text.add("next_id += 1", *(["puts = []"] if traced else []))
        _take(text, layout, search)
        _lose(text, layout, transition, search.bound)
        _spends(text, layout, transition, search.bound, traced=traced)
        _give(text, layout, search, traced=traced)
        if traced:
            outcome = "''" if transition.choice is None else "type(outcome).__name__"
            text.add(
                f"trace(('fire', now, next_id - 1, {transition.name!r}, {_serials(search)}, {outcome}, tuple(puts)))"
            )


def _make(text: Text, layout: Layout, search: Search) -> None:
    transition = search.transition
    if transition.choice is None:
        write_make(text, layout, transition, transition.outcomes[0], search.bound)
    else:
        _choose(text, layout, search, transition.choice)


def _choose(text: Text, layout: Layout, search: Search, choice: Call) -> None:
    args = arguments(search.transition, choice.sources, search.bound)
    text.add(f"outcome = {layout.names.function(choice.fn)}({args})")
    for number, case in enumerate(search.transition.outcomes):
        with text.block(_whether(layout, number, case.outcome)):
            write_make(text, layout, search.transition, case, search.bound)
    with text.block("else:"):
        text.add(f"raise no_case({choice.name!r}, outcome)")


def _whether(layout: Layout, number: int, outcome: type[Any]) -> str:
    colour = layout.names.of(outcome, outcome.__name__)
    return f"{'el' if number else ''}if type(outcome) is {colour}:"


def _give(text: Text, layout: Layout, search: Search, *, traced: bool) -> None:
    transition = search.transition
    if transition.choice is None:
        case = transition.outcomes[0]
        write_give(text, layout, transition, case, search.bound, traced=traced)
        return
    for number, case in enumerate(transition.outcomes):
        with text.block(_whether(layout, number, case.outcome)):
            write_give(text, layout, transition, case, search.bound, traced=traced)


def _serials(search: Search) -> str:
    """The serials of a binding, as the trace has them."""
    arcs = enumerate(search.transition.arcs)
    return tupled(f"{search.bound(n)}.serial" if arc.binds else "-1" for n, arc in arcs)


# Firing with an effect.


def _begin(text: Text, layout: Layout, search: Search, *, traced: bool) -> None:
    transition, effect = search.transition, search.transition.effect
    assert effect is not None
    number = layout.transitions.index(transition)
    with (
        text.function(f"begin_{layout.var(transition)}(now, firings, left)"),
        _firings(text, layout, search),
    ):
        write_find(text, layout, search, set_aside(layout, search) if transition.scan else [])
        text.add("firing_id = next_id", "next_id += 1")
        with delaying(text, layout, _loss(layout, search)):
            _take(text, layout, search)
            for place in layout.bounded(transition):
                occupy(text, layout, place, _reserved(layout, transition, place))
        bound = tupled(search.bound(arc) for arc in range(len(transition.arcs)))
        text.add(f"flights[firing_id] = flight = Flight(firing_id, {number}, {bound}, now)")
        text.add(*(["begun[firing_id] = flight"] if layout.recorded else []))
        if traced:
            text.add(f"trace(('begin', now, firing_id, {transition.name!r}, {_serials(search)}))")
        if transition.during is not None:
            _show(text, layout, search, transition.during)
        args = arguments(transition, effect.sources, search.bound)
        text.add(
            f"firings.append(Firing(firing_id, {transition.name!r}, {effect.name!r}, "
            f"({args}{',' if args else ''}), {transition.deadline_ns}))"
        )


def _reserved(layout: Layout, transition: Transition, place: Place[Any]) -> int:
    """The slots that a firing occupies from its beginning, but for what `drop_*` has not left."""
    kept = any(arc.place is place and arc.kind in TAKEN for arc in transition.arcs)
    slots = plan.occupies(transition, place, started=False)
    return slots - 1 if kept and layout.is_queue(place) else slots


def _show(text: Text, layout: Layout, search: Search, during: Place[Any]) -> None:
    """Show the first token in a place; it is not there if it is set aside."""
    first = next(n for n, arc in enumerate(search.transition.arcs) if arc.binds)
    colour = f"{search.bound(first)}.colour"
    text.add("flight.shown = serial")
    if not layout.only_shows(during):
        text.add(f"put_{layout.var(during)}({colour})")
        return
    if not is_simple(layout, during):
        with text.block("try:"):
            if during.order or layout.guards(during):
                text.add(f"token_{layout.var(during)}(serial, {colour}, 0, None)")
            else:
                text.add(*(f"hash({attribute(colour, key)})" for key in during.keys))
        with text.block("except Exception as error:"):
            text.add(f"fault({during.name!r}, serial, {colour}, blame(error))")
            text.add("flight.dark = True")
    text.add("serial += 1")


def _undo(text: Text, layout: Layout, transition: Transition) -> None:
    """Give back the inputs of a firing that has not started, exactly as they were."""
    with text.function(f"undo_{layout.var(transition)}(flight)"):
        text.add("inputs = flight.inputs")
        for place in layout.bounded(transition):
            occupy(text, layout, place, -plan.occupies(transition, place, started=False))
        _hide(text, layout, transition.during)
        for number, arc in enumerate(transition.arcs):
            if arc.kind not in TAKEN:
                continue
            if isinstance(arc.place, Counter):
                give_number(text, layout, arc.place, f"inputs[{number}]")
            else:
                text.add(f"stand_{layout.var(arc.place)}(inputs[{number}])")


def _land(text: Text, layout: Layout, transition: Transition) -> None:
    """What a firing no longer occupies or shows when its effect ends."""
    _lose(text, layout, transition, from_inputs)
    for place in layout.bounded(transition):
        occupy(text, layout, place, -plan.occupies(transition, place, started=True))
    _hide(text, layout, transition.during)


def _hide(text: Text, layout: Layout, during: Place[Any] | None) -> None:
    """Take the firing's token out of the place that shows it; it is not there if it was set aside."""
    if during is not None and not layout.only_shows(during):
        text.add(f"shown = {layout.var(during)}.get(flight.shown)")
        with text.block("if shown is not None:"):
            text.add(f"drop_{layout.var(during)}(shown)")
