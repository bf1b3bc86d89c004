"""The functions of a transition's cases: what an outcome makes, puts and gives back.

Owns: the text of `end_*`, `lost_*`, `back_*`, and that part of `fire_*` which puts and gives back.
Must not know: how tokens are made (`making.py`), how a binding is found, what a firing takes.

All that a case puts is made before any of it is put, so that a function that raises changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.compiled.generate.arrivals import (
    again,
    keep_to_keys,
    keys_of_set,
    refuse_unequal,
    set_key,
    write_put,
    write_put_new,
)
from scraper_cpn.net.compiled.generate.indexes import projected
from scraper_cpn.net.compiled.generate.influence import noted
from scraper_cpn.net.compiled.generate.kept import Bound, key_of, record_of
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.making import (
    from_inputs,
    moves_several,
    tokens_put,
    write_make,
)
from scraper_cpn.net.compiled.generate.numbers import count_up, give_number, record_change
from scraper_cpn.net.compiled.generate.text import Text
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.outputs import Lost, On, Output
from scraper_cpn.net.places import Counter, KeySet, Place


def may_raise(case: On) -> bool:
    """Whether a case calls a user's function, or may pass one an argument of the wrong type."""
    return plan.calls_functions(case) or any(output.kind == "remove" for output in case.outputs)


# The deposits and returns of a case.


def write_give(text: Text, layout: Layout, transition: Transition, case: On, bound: Bound) -> None:
    """Write the deposits of the made tokens and the return of held ones."""
    outputs = dict(tokens_put(case))
    for number, output in enumerate(case.outputs):
        if number in outputs:
            several = output.make is None and moves_several(
                transition, plan.made_from(transition, case, output) or (plan.OUTCOME,)
            )
            _give_tokens(text, layout, number, output, several=several)
        elif output.kind == "remove":
            _forget(text, layout, number, output)
        elif output.kind != "consume":
            key = _counter_key(transition, output.place, bound)
            assert isinstance(output.place, Counter)
            count_up(text, layout, output.place, output.count, key)
            text.add(*record_change(layout, output.place, key))
            text.add(
                *([f"puts.append(({output.place.name!r}, -1, {key}, 0))"] if layout.traced else [])
            )
    write_back(text, layout, transition, case, bound)


def _counter_key(transition: Transition, counter: Any, bound: Bound) -> str:
    """The expression for the key of a counter that is counted up."""
    arc = plan.key_source(transition, counter) if counter.keys else None
    if arc is None:
        return "None"
    declared = transition.arcs[arc]
    token = f"{bound(arc)}[0]" if declared.many else bound(arc)
    return projected(f"{token}.keys", declared.place.keys, counter.keys)


def _forget(text: Text, layout: Layout, number: int, output: Output) -> None:
    """Write the removal of the made tokens' keys from a set."""
    seen = output.place
    assert isinstance(seen, KeySet)
    with text.block(f"for colour in many{number}:"):
        with text.block("try:"):
            text.add(f"key = {set_key(seen)}")
            refuse_unequal(text, seen, keys_of_set(seen))
            keep_to_keys(text, layout, seen, "colour")
            text.add(f"known = {layout.var(seen)}.remove(key)")
        with text.block("except Exception as error:"):
            text.add(f"fault({seen.name!r}, -1, colour, blame(error))")
        with text.block("else:"), text.block("if known:"):
            text.add(*noted(layout, layout.watches.loss([seen])))
            text.add(*([f"unmeet({seen.name!r}, key)"] if layout.recorded else []))
        text.add(*([f"puts.append(({seen.name!r}, -1, colour, 0))"] if layout.traced else []))


def _give_tokens(text: Text, layout: Layout, number: int, output: Output, *, several: bool) -> None:
    """Write the deposit of the made tokens: usually one, unless a set is tested."""
    place = output.place
    assert isinstance(place, Place)
    ready = f"r{number}" if place.timed else "0"
    ends = f"e{number}" if place.expires else "None"
    if output.seen is not None:
        with text.block(f"for colour in m{number}:"):
            write_put_new(text, layout, output.seen, place, ready, ends)
    elif several:
        with text.block(f"for colour in many{number}:"):
            write_put(text, layout, place, "colour", ready, ends)
    elif output.make is None:
        write_put(text, layout, place, f"m{number}", ready, ends)
    else:
        with text.block(f"if many{number} is None:"):
            write_put(text, layout, place, f"m{number}", ready, ends)
        with text.block("else:"), text.block(f"for colour in many{number}:"):
            write_put(text, layout, place, "colour", ready, ends)


def write_back(text: Text, layout: Layout, transition: Transition, case: On, bound: Bound) -> None:
    """Write the return of held inputs that are not consumed: numbers last, because their records may be deleted then."""
    held = [(number, arc) for number, arc in enumerate(transition.arcs) if arc.kind == "hold"]
    back = [(number, arc) for number, arc in held if not _consumes(case, arc)]
    for number, arc in back:
        if isinstance(arc.place, Place):
            record = record_of(layout, transition, number, bound)
            old = "token" if arc.many else bound(number)
            with text.block(f"for token in {bound(number)}:") if arc.many else nullcontext():
                again(text, layout, arc.place, old, f"{old}.ready", record)
    for number, arc in held:
        if _consumes(case, arc):
            text.add(*record_change(layout, arc.place, key_of(layout, transition, number, bound)))
        elif isinstance(arc.place, Counter):
            give_number(text, layout, transition, number, bound)


def _consumes(case: On, arc: Arc) -> bool:
    return any(output.kind == "consume" and output.place is arc.place for output in case.outputs)


# The end of a firing with an effect.


def write_ends(
    text: Text, layout: Layout, transition: Transition, land: Callable[[], None]
) -> None:
    """Write the functions of all outcomes; if an output function raises, the outcome becomes `Lost`."""
    _lost(text, layout, transition)
    puts = ", puts" if layout.traced else ""
    name = layout.var(transition)
    for number, case in enumerate(transition.outcomes):
        with text.function(f"end_{layout.ends[transition, number]}(flight, outcome, now{puts})"):
            text.add("inputs = flight.inputs")
            land()
            if case.outcome is Lost:
                text.add(f"return lost_{name}(inputs, outcome, now{puts})")
                continue
            if may_raise(case):
                with text.block("try:"):
                    write_make(text, layout, transition, case, from_inputs)
                with text.block("except Exception as error:"):
                    text.add('lost = Lost(f"an output function raised: {blame(error)}")')
                    text.add(f"return lost_{name}(inputs, lost, now{puts})")
            else:
                write_make(text, layout, transition, case, from_inputs)
            write_give(text, layout, transition, case, from_inputs)
            text.add(*([f"return {case.outcome.__name__!r}"] if layout.traced else []))


def _lost(text: Text, layout: Layout, transition: Transition) -> None:
    case = plan.lost(transition)
    name, puts = layout.var(transition), ", puts" if layout.traced else ""
    with text.function(f"lost_{name}(inputs, outcome, now{puts})"):
        if may_raise(case):
            with text.block("try:"):
                write_make(text, layout, transition, case, from_inputs)
            with text.block("except Exception as error:"):
                number = layout.number(transition)
                text.add(
                    f'waste({number}, inputs, f"the outputs of Lost raised: {{blame(error)}}")'
                )
                text.add(
                    f"back_{name}(inputs{puts})", *(["return 'Lost'"] if layout.traced else [])
                )
                text.add(*([] if layout.traced else ["return"]))
        else:
            write_make(text, layout, transition, case, from_inputs)
        write_give(text, layout, transition, case, from_inputs)
        text.add(*(["return 'Lost'"] if layout.traced else []))
    if may_raise(case):
        with text.function(f"back_{name}(inputs{puts})"):
            write_back(text, layout, transition, case, from_inputs)
