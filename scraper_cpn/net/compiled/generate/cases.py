"""The functions of a transition's cases: what an outcome makes, puts and gives back.

Owns: the text of `end_*`, `lost_*`, `back_*`, and that part of `fire_*` which makes and puts.
Must not know: how a binding is found, what a firing takes.

All that a case puts is made before any of it is put, so that a function that raises changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc, Lost, On, Output
from scraper_cpn.net.compiled.generate import records
from scraper_cpn.net.compiled.generate.arrivals import (
    again,
    is_known,
    keep_to_keys,
    keys_of_set,
    refuse_unequal,
    set_key,
    write_put,
    write_put_new,
)
from scraper_cpn.net.compiled.generate.indexes import projected
from scraper_cpn.net.compiled.generate.influence import noted, only_if
from scraper_cpn.net.compiled.generate.inputs import value
from scraper_cpn.net.compiled.generate.kept import Bound, keeps, key_of, record_of
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.text import Text, assign
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.places import Counter, KeySet, Place


def from_inputs(arc: int) -> str:
    """The expression for an input of a firing in flight."""
    return f"inputs[{arc}]"


def tokens_put(case: On) -> list[tuple[int, Output]]:
    """The outputs of a case that put tokens, with their numbers."""
    return [
        (number, output)
        for number, output in enumerate(case.outputs)
        if output.kind != "consume" and isinstance(output.place, Place)
    ]


def may_raise(case: On) -> bool:
    """Whether a case calls a user's function, or may pass one an argument of the wrong type."""
    return plan.calls_functions(case) or any(output.kind == "remove" for output in case.outputs)


def arguments(transition: Transition, sources: Any, bound: Bound) -> str:
    """The argument expressions of a call."""
    arcs = [plan.source_at(transition, source) for source in sources]
    return ", ".join(value(transition, arc, bound(arc)) for arc in arcs if arc is not None)


# The tokens that a case makes.


def write_make(text: Text, layout: Layout, transition: Transition, case: On, bound: Bound) -> None:
    """Write the code that makes all tokens of a case, with their times; errors of user functions propagate."""
    for number, output in tokens_put(case):
        earlier = plan.fresh_from(transition, case, output)
        if earlier:
            _make_of_new(text, layout, number, output, earlier)
            _make_times(text, layout, transition, number, output, "", bound)
            continue
        sources = plan.made_from(transition, case, output) or ()
        args = ", ".join(
            "outcome" if arc == plan.OUTCOME else _given(layout, transition, arc, bound)
            for arc in sources
        )
        assert isinstance(output.place, Place)
        if output.seen is not None:
            make = layout.names.function(output.make)
            text.add(f"many{number} = {make}({args})")
            _make_unseen(text, layout, number, output)
        elif output.make is None and _moves_several(transition, sources):
            declared = layout.names.of(output.place, f"{layout.var(output.place)}_declared")
            text.add(f"many{number} = made({args}, {declared})")
        elif output.make is None:
            text.add(f"m{number} = {args}")
        else:
            text.add(f"m{number} = {layout.names.function(output.make)}({args})")
            text.add(f"many{number} = {several(layout, output.place, f'm{number}')}")
        _make_times(text, layout, transition, number, output, args, bound)
    for number, output in enumerate(case.outputs):
        if output.kind == "remove":
            _make_forgotten(text, layout, transition, case, number, bound)


def _given(layout: Layout, transition: Transition, arc: int, bound: Bound) -> str:
    """The expression for the argument that an output's function gets from an arc."""
    keyed = isinstance(transition.arcs[arc].place, Counter) and transition.arcs[arc].place.keys
    return key_of(layout, transition, arc, bound) if keyed else value(transition, arc, bound(arc))


def _moves_several(transition: Transition, sources: tuple[int, ...]) -> bool:
    return sources != (plan.OUTCOME,) and transition.arcs[sources[0]].many


def _make_forgotten(
    text: Text, layout: Layout, transition: Transition, case: On, number: int, bound: Bound
) -> None:
    """Write the code that makes the tokens whose keys a set forgets."""
    output = case.outputs[number]
    sources = plan.made_from(transition, case, output) or ()
    args = ", ".join(
        "outcome" if arc == plan.OUTCOME else _given(layout, transition, arc, bound)
        for arc in sources
    )
    call = args if output.make is None else f"{layout.names.function(output.make)}({args})"
    declared = layout.names.of(output.place, f"{layout.var(output.place)}_declared")
    text.add(f"many{number} = made({call}, {declared})")


def _make_unseen(text: Text, layout: Layout, number: int, output: Output) -> None:
    """Write the code that makes the tokens whose keys a set lacks; usually there are none."""
    colour, declared = _colour_of(layout, output)
    with text.block(f"if many{number} is NONE:"):
        text.add(f"m{number} = NONE")
    with text.block("else:"):
        text.add(f"m{number} = []")
        with text.block(f"if type(many{number}) is not tuple:"):
            text.add(f"many{number} = made(many{number}, {declared})")
        with text.block(f"for colour in many{number}:"):
            with text.block(f"if type(colour) is not {colour}:"):
                text.add(f"made(many{number}, {declared})")
            _add_unseen(text, layout, number, output)


def _make_of_new(
    text: Text, layout: Layout, number: int, output: Output, earlier: list[int]
) -> None:
    """As `_make_unseen`, for tokens that are made from each new token of an earlier output."""
    colour, declared = _colour_of(layout, output)
    text.add(f"m{number} = NONE")
    for at in earlier:
        with text.block(f"if m{at}:"):
            text.add(f"m{number} = [*m{number}]")
            with text.block(f"for source in m{at}:"):
                text.add(f"made_ = {layout.names.function(output.make)}(source)")
                one = f"(made_,) if type(made_) is {colour} else made(made_, {declared})"
                with text.block(f"for colour in {one}:"):
                    _add_unseen(text, layout, number, output)


def _colour_of(layout: Layout, output: Output) -> tuple[str, str]:
    """The names of the colour of an output's place, and of the place."""
    place = output.place
    assert isinstance(place, Place)
    colour = layout.names.of(place.colour, place.colour.__name__)
    return colour, layout.names.of(place, f"{layout.var(place)}_declared")


def _add_unseen(text: Text, layout: Layout, number: int, output: Output) -> None:
    assert output.seen is not None
    with text.block("try:"), text.block(f"if {is_known(layout, output.seen)}:"):
        text.add("continue")
    with text.block("except Exception:"):  # it is set aside when it is put
        text.add("pass")
    text.add(f"m{number}.append(colour)")


def _make_times(
    text: Text,
    layout: Layout,
    transition: Transition,
    number: int,
    output: Output,
    args: str,
    bound: Bound,
) -> None:
    place = output.place
    assert isinstance(place, Place)
    ready, ends = _times(layout, transition, output, args, bound)
    parts = [(f"r{number}", ready)] if place.timed else []
    parts += [(f"e{number}", ends)] if place.expires else []
    lines = [f"{name} = {value}" for name, value in parts]
    if output.make is None or not (callable(output.after_ns) or callable(output.lasts_ns)):
        text.add(*lines)
        return
    with text.block(f"if m{number}:" if output.seen else f"if many{number} is not NONE:"):
        text.add(*lines)


def several(layout: Layout, place: Place[Any], one: str) -> str:
    """The expression for the tokens in a function's result; None if the result is a single token."""
    colour = layout.names.of(place.colour, place.colour.__name__)
    declared = layout.names.of(place, f"{layout.var(place)}_declared")
    none = [f"{one} is None"]
    if not issubclass(tuple, place.colour):
        none.append(f"{one} is NONE")
    if not issubclass(list, place.colour):
        none.append(f"(type({one}) is list and not {one})")
    return f"None if type({one}) is {colour} else NONE if {' or '.join(none)} else made({one}, {declared})"


def _times(
    layout: Layout, transition: Transition, output: Output, args: str, bound: Bound
) -> tuple[str, str]:
    """The expressions for the times at which the tokens become ready and expire."""
    place = output.place
    assert isinstance(place, Place)
    ready = later(layout, output.after_ns, args)
    ends = "None" if output.lasts_ns is None else later(layout, output.lasts_ns, args)
    taken = [
        n for n, arc in enumerate(transition.arcs) if arc.kind == "take" and arc.place is place
    ]
    if len(taken) == 1 and not transition.arcs[taken[0]].many:
        ready = f"max({ready}, {bound(taken[0])}.ready)"
        ends = f"{bound(taken[0])}.ends" if output.lasts_ns is None else ends
    elif taken:
        parts = [f"*{bound(n)}" if transition.arcs[n].many else bound(n) for n in taken]
        old = f"({', '.join(parts)},)"
        # Cython can't compile a starred list in a call of max, but it compiles a sum of lists.
        ready = f"max([{ready}] + [token.ready for token in {old}])"
        first = f"min([token.ends for token in {old} if token.ends is not None], default=None)"
        ends = first if output.lasts_ns is None else ends
    return ready, ends


def later(layout: Layout, length: Any, args: str) -> str:
    """The expression for a time that lies *length* after `now`."""
    if callable(length):
        return f"now + span({layout.names.function(length)}({args}))"
    return f"now + {length}" if length else "now"


# The deposits and returns of a case.


def write_give(text: Text, layout: Layout, transition: Transition, case: On, bound: Bound) -> None:
    """Write the deposits of the made tokens and the return of held ones."""
    outputs = dict(tokens_put(case))
    for number, output in enumerate(case.outputs):
        if number in outputs:
            several = output.make is None and _moves_several(
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
            text.add(*noted(layout, layout.loss([seen])))
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


# Numbers.


def take_number(
    text: Text, layout: Layout, counter: Counter, key: str, count: str, marked: int = 0
) -> None:
    """Decrease a number. A transition is affected only if the number falls below what it needs."""
    name, most = layout.var(counter), layout.most(counter)
    lines = noted(layout, layout.loss([counter]), marked)
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
        text.add(*noted(layout, layout.gain([counter])))


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
    only_if(text, reached, noted(layout, layout.gain([counter])))


def record_change(layout: Layout, place: Any, key: str) -> list[str]:
    """The line that records a number that has changed for good."""
    recorded = layout.recorded and isinstance(place, Counter)
    return [f"changed[{place.name!r}, {key}] = None"] if recorded else []


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
