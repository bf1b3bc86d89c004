"""The functions of a transition's firings.

Owns: the text of `fire_*`, `begin_*`, `undo_*`, and of landing.
Must not know: how a binding is found and taken, what a case puts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc, Call
from scraper_cpn.net.compiled.generate.arrivals import (
    keep_to_keys,
    refuse_unequal,
)
from scraper_cpn.net.compiled.generate.cases import may_raise, write_ends, write_give
from scraper_cpn.net.compiled.generate.indexes import Influence
from scraper_cpn.net.compiled.generate.influence import delayed, noted, occupy
from scraper_cpn.net.compiled.generate.inputs import describe, write_find
from scraper_cpn.net.compiled.generate.kept import Bound, keeps
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.looks import Search
from scraper_cpn.net.compiled.generate.making import arguments, from_inputs, write_make
from scraper_cpn.net.compiled.generate.numbers import give_number
from scraper_cpn.net.compiled.generate.recalling import write_recall
from scraper_cpn.net.compiled.generate.taking import (
    lose,
    loss_of,
    set_aside,
    spends,
    take,
    write_aside,
    write_spend,
)
from scraper_cpn.net.compiled.generate.text import Text, assign, attribute, mask_text, tupled
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.places import Counter, Place


def write_firings(text: Text, layout: Layout, search: Search) -> None:
    """The functions of a transition's firings."""
    transition = search.transition
    describe(text, search)
    if transition.manual:
        write_recall(text, layout, search)
    if plan.may_raise(transition):
        write_aside(text, layout, transition)
    if transition.instant:
        _fire(text, layout, search)
        return
    _reserve(text, layout, transition)
    _begin(text, layout, search)
    if any(arc.kind == "spend" for arc in transition.arcs):
        write_spend(text, layout, transition)
    write_ends(text, layout, transition, lambda: _land(text, layout, transition))
    _undo(text, layout, transition)


def _given(transition: Transition) -> str:
    """The parameters of a firing: how many more may fire, or the inputs of a manual binding."""
    return "inputs" if transition.manual else "left"


def _fallible(transition: Transition) -> bool:
    return transition.choice is not None or may_raise(transition.outcomes[0])


# Firing in one go.


@contextmanager
def _firings(text: Text, layout: Layout, search: Search) -> Iterator[None]:
    """Write a loop of firings that runs while no other transition has precedence; its body is one firing, or returns."""
    if search.transition.manual:
        yield
        return
    with text.block("while left:"):
        yield
        text.add("left -= 1")
        lower = layout.bit(search.transition) - 1
        if lower & layout.enabled_by(search.transition):
            with text.block(f"if dirty & {mask_text(lower)}:"):
                text.add("return left")
        queues = [
            layout.var(arc.place) for arc in search.transition.arcs if _is_shifted(layout, arc)
        ]
        if queues:  # the other outcomes are tried again
            with text.block(f"if not {queues[0]}:"):
                text.add("return left")
    text.add("return left")


def _is_shifted(layout: Layout, arc: Arc) -> bool:
    queue = isinstance(arc.place, Place) and layout.how(arc.place).is_queue
    return queue and arc.takes


def _fire(text: Text, layout: Layout, search: Search) -> None:
    transition, name = search.transition, layout.var(search.transition)
    with (
        text.function(f"fire_{name}(now, _, {_given(transition)})"),
        _firings(text, layout, search),
    ):
        write_find(text, layout, search, set_aside(layout, search) if transition.scan else [])
        if _fallible(transition):
            with text.block("try:"):
                _make(text, layout, search)
            with text.block("except Exception as error:"):
                text.add(*set_aside(layout, search))
        else:
            _make(text, layout, search)
        text.add(assign("next_id", "+= 1"), *(["puts = []"] if layout.traced else []))
        take(text, layout, search)
        lose(text, layout, transition, search.bound)
        spends(text, layout, transition, search.bound)
        _give(text, layout, search)
        if layout.traced:
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


def _give(text: Text, layout: Layout, search: Search) -> None:
    transition = search.transition
    if transition.choice is None:
        case = transition.outcomes[0]
        write_give(text, layout, transition, case, search.bound)
        return
    for number, case in enumerate(transition.outcomes):
        with text.block(_whether(layout, number, case.outcome)):
            write_give(text, layout, transition, case, search.bound)


def _serials(search: Search) -> str:
    """The serials of a binding, as the trace has them."""
    arcs = enumerate(search.transition.arcs)
    return tupled(
        "-1" if not arc.binds
        else f"tuple([token.serial for token in {search.bound(n)}])" if arc.many
        else f"{search.bound(n)}.serial"
        for n, arc in arcs
    )  # fmt: skip


# Firing with an effect.


def _begin(text: Text, layout: Layout, search: Search) -> None:
    transition, effect = search.transition, search.transition.effect
    assert effect is not None
    number = layout.number(transition)
    with (
        text.function(f"begin_{layout.var(transition)}(now, firings, {_given(transition)})"),
        _firings(text, layout, search),
    ):
        write_find(text, layout, search, set_aside(layout, search) if transition.scan else [])
        text.add("firing_id = next_id", assign("next_id", "+= 1"))
        marked = loss_of(layout, search).delays
        text.add(*delayed(layout, marked))
        take(text, layout, search, marked)
        for place in layout.bounded(transition):
            more, reserved = (
                beyond(layout, transition, place, search.bound),
                _reserved(layout, transition, place),
            )
            occupy(text, layout, place, reserved, more, marked=marked)
        found = {arc: record for group, record in search.met(layout) for arc in group.arcs}
        bound = tupled(
            found[arc] if keeps(layout, transition, arc) else search.bound(arc)
            for arc in range(len(transition.arcs))
        )
        text.add(f"flights[firing_id] = flight = Flight(firing_id, {number}, {bound}, now)")
        text.add(*(["begun[firing_id] = flight"] if layout.recorded else []))
        if layout.traced:
            text.add(f"trace(('begin', now, firing_id, {transition.name!r}, {_serials(search)}))")
        if reserves(layout, transition):
            text.add(f"reserve_{layout.var(transition)}(flight.inputs, False)")
        for at, (during, arc) in enumerate(transition.shows):
            _show(text, layout, search, during, at, arc)
        args = arguments(transition, effect.sources, search.bound)
        text.add(
            f"firings.append(Firing(firing_id, {transition.name!r}, {effect.name!r}, "
            f"({args}{',' if args else ''}), {transition.deadline_ns}))"
        )


def _reserved(layout: Layout, transition: Transition, place: Place[Any]) -> int:
    """The slots that a firing occupies from its beginning, except those that `drop_*` has not freed."""
    if layout.how(place).is_queue:
        return plan.slots(transition).get(place.name, 0)
    return plan.occupies(transition, place, started=False)


def beyond(
    layout: Layout, transition: Transition, place: Place[Any], bound: Bound, *, begins: bool = True
) -> str:
    """The expression for the slots beyond the least number that a firing occupies; empty for none."""
    if begins and layout.how(place).is_queue:
        return ""
    open_ended = [
        (n, arc)
        for n, arc in enumerate(transition.arcs)
        if arc.place is place and arc.takes and (arc.all or callable(arc.count))
    ]
    return " + ".join(f"len({bound(n)}) - {arc.fewest}" for n, arc in open_ended)


def reserves(layout: Layout, transition: Transition) -> bool:
    """Whether other transitions see the tokens that a running firing has taken, or the absences that it claims."""
    used = any(arc.takes and _is_used(layout, arc) for arc in transition.arcs)
    return not transition.instant and (used or bool(layout.claims(transition)))


def _is_used(layout: Layout, arc: Arc) -> bool:
    return isinstance(arc.place, Place) and bool(layout.how(arc.place).used)


def _reserve(text: Text, layout: Layout, transition: Transition) -> None:
    """Write the bookkeeping for tokens in use, which some arcs still see, and for claimed absences."""
    if not reserves(layout, transition):
        return
    claims = layout.claims(transition)
    for word, use, call in (("reserve", "use", "add"), ("release", "unuse", "lose")):
        with text.function(f"{word}_{layout.var(transition)}(inputs, started)"):
            for number, arc in enumerate(transition.arcs):
                if not arc.takes or not _is_used(layout, arc):
                    continue
                several = f"inputs[{number}]" if arc.many else f"(inputs[{number}],)"
                spent = text.block("if not started:") if arc.kind == "spend" else nullcontext()
                with spent, text.block(f"for token in {several}:"):
                    text.add(f"{use}_{layout.var(arc.place)}(token)")
            for number, found in claims:
                mask = layout.watches.absences(found.place)
                influence = Influence(0, mask) if use == "use" else Influence(mask, 0)
                text.add(f"{found.name}.{call}(inputs[{number}])", *noted(layout, influence))


def _show(
    text: Text, layout: Layout, search: Search, during: Place[Any], at: int, arc: int
) -> None:
    """Write the code that shows a token in a place, unless the token was set aside."""
    colour = f"{search.bound(arc)}.colour"
    text.add(*([] if at else ["flight.shown = serial"]))
    if not layout.how(during).only_shows:
        text.add(f"put_{layout.var(during)}({colour})")
        return
    if not layout.how(during).is_simple:
        with text.block("try:"):
            if during.order or layout.how(during).guards:
                text.add(f"token_{layout.var(during)}(serial, {colour}, 0, None)")
            else:
                keys = [attribute(colour, key) for key in during.keys]
                text.add(*(f"hash({key})" for key in keys))
                refuse_unequal(text, during, keys)
            keep_to_keys(text, layout, during, colour)
        with text.block("except Exception as error:"):
            text.add(f"fault({during.name!r}, serial, {colour}, blame(error))")
            text.add(f"flight.dark |= {1 << at}")
    text.add(assign("serial", "+= 1"))


def _undo(text: Text, layout: Layout, transition: Transition) -> None:
    """Write the function that returns the inputs of a firing that has not started, exactly as they were."""
    with text.function(f"undo_{layout.var(transition)}(flight)"):
        text.add("inputs = flight.inputs")
        for place in layout.bounded(transition):
            more = beyond(layout, transition, place, from_inputs, begins=False)
            occupied = plan.occupies(transition, place, started=False)
            occupy(text, layout, place, occupied, more, sign=-1)
        if reserves(layout, transition):
            text.add(f"release_{layout.var(transition)}(inputs, False)")
        _hide(text, layout, transition)
        for number, arc in enumerate(transition.arcs):
            if not arc.takes:
                continue
            if isinstance(arc.place, Counter):
                give_number(text, layout, transition, number, from_inputs)
            elif arc.many:
                with text.block(f"for token in inputs[{number}]:"):
                    text.add(f"stand_{layout.var(arc.place)}(token)")
            else:
                text.add(f"stand_{layout.var(arc.place)}(inputs[{number}])")


def _land(text: Text, layout: Layout, transition: Transition) -> None:
    """Write the release of the slots and shown tokens of a firing whose effect has ended."""
    lose(text, layout, transition, from_inputs)
    for place in layout.bounded(transition):
        more = beyond(layout, transition, place, from_inputs, begins=False)
        occupy(text, layout, place, plan.occupies(transition, place, started=True), more, sign=-1)
    if reserves(layout, transition):
        text.add(f"release_{layout.var(transition)}(inputs, True)")
    _hide(text, layout, transition)


def _hide(text: Text, layout: Layout, transition: Transition) -> None:
    """Write the removal of the firing's shown tokens, except those that were set aside."""
    for at, (during, _) in enumerate(transition.shows):
        if not layout.how(during).only_shows:
            text.add(f"shown = {layout.var(during)}.get(flight.shown{f' + {at}' if at else ''})")
            with text.block("if shown is not None:"):
                text.add(f"drop_{layout.var(during)}(shown)")
