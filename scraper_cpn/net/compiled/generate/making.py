"""What a case makes before anything is put: tokens, their times, and the keys that sets forget.

Owns: the text of making. A function of the user that raises changes nothing.
Must not know: how tokens are put.
"""

from __future__ import annotations

from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.compiled.generate.arrivals import is_known
from scraper_cpn.net.compiled.generate.kept import Bound, key_of
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.looks import value
from scraper_cpn.net.compiled.generate.text import Text
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.outputs import On, Output
from scraper_cpn.net.places import Counter, Place


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


def arguments(transition: Transition, sources: Any, bound: Bound) -> str:
    """The argument expressions of a call."""
    arcs = [plan.source_at(transition, source) for source in sources]
    return ", ".join(value(transition, arc, bound(arc)) for arc in arcs if arc is not None)


def write_make(text: Text, layout: Layout, transition: Transition, case: On, bound: Bound) -> None:
    """Write the code that makes all tokens of a case, with their times; errors of user functions propagate."""
    for number, output in tokens_put(case):
        earlier = plan.fresh_from(transition, case, output)
        if earlier:
            _make_of_new(text, layout, number, output, earlier)
            _make_times(text, layout, transition, number, output, "", bound)
            continue
        sources = plan.made_from(transition, case, output) or ()
        args = _given(layout, transition, sources, bound)
        assert isinstance(output.place, Place)
        if output.seen is not None:
            make = layout.names.function(output.make)
            text.add(f"many{number} = {make}({args})")
            _make_unseen(text, layout, number, output)
        elif output.make is None and moves_several(transition, sources):
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


def _given(layout: Layout, transition: Transition, sources: tuple[int, ...], bound: Bound) -> str:
    """The expressions for the arguments of an output's function."""
    return ", ".join(
        "outcome" if arc == plan.OUTCOME else given_of(layout, transition, arc, bound)
        for arc in sources
    )


def given_of(layout: Layout, transition: Transition, arc: int, bound: Bound) -> str:
    """The expression for the argument that an output's function gets from an arc."""
    keyed = isinstance(transition.arcs[arc].place, Counter) and transition.arcs[arc].place.keys
    return key_of(layout, transition, arc, bound) if keyed else value(transition, arc, bound(arc))


def moves_several(transition: Transition, sources: tuple[int, ...]) -> bool:
    """Whether an output without a function moves all tokens of an arc that binds several."""
    return sources != (plan.OUTCOME,) and transition.arcs[sources[0]].many


def _make_forgotten(
    text: Text, layout: Layout, transition: Transition, case: On, number: int, bound: Bound
) -> None:
    """Write the code that makes the tokens whose keys a set forgets."""
    output = case.outputs[number]
    args = _given(layout, transition, plan.made_from(transition, case, output) or (), bound)
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
