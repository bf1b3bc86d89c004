"""The functions of a transition's cases: what an outcome makes, puts and gives back.

Owns: the text of `make_*`, `give_*`, `back_*`.
Must not know: how a binding is found, what a firing takes.

All that a case puts is made before any of it is put, so that a function that raises changes nothing.
"""

from __future__ import annotations

from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc, Lost, On, Output
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.generate.layout import Influence, Layout
from scraper_cpn.net.generate.places import new
from scraper_cpn.net.generate.text import Text
from scraper_cpn.net.places import Counter, Place


def tokens_put(case: On) -> list[tuple[int, Output]]:
    """The outputs of a case that put tokens, with their numbers."""
    return [
        (number, output)
        for number, output in enumerate(case.outputs)
        if output.kind != "consume" and isinstance(output.place, Place)
    ]


def case_name(layout: Layout, transition: Transition, number: int) -> str:
    """What a case's functions are called after."""
    outcome = transition.outcomes[number].outcome.__name__
    wanted = f"{layout.var(transition)}_{number}_{outcome}"
    return layout.stem((transition, number), wanted, "make_", "give_")


# What a case makes.


def write_make(text: Text, layout: Layout, transition: Transition, number: int, case: On) -> None:
    """All tokens of a case, with their times; raises what a function of the user raises."""
    outputs = tokens_put(case)
    with text.block(f"def make_{case_name(layout, transition, number)}(inputs, outcome, now):"):
        for each, output in outputs:
            _make_one(text, layout, transition, case, each, output)
        text.add(f"return {_listed(dict(outputs)) or '()'}", "")


def _listed(outputs: dict[int, Output]) -> str:
    """The tokens of each output, from when and to when they last."""
    return ", ".join(f"m{each}, r{each}, e{each}" for each in outputs)


def _make_one(
    text: Text, layout: Layout, transition: Transition, case: On, number: int, output: Output
) -> None:
    sources = plan.made_from(transition, case, output) or ()
    args = ", ".join(
        "outcome" if arc == plan.OUTCOME else f"inputs[{arc}].colour" for arc in sources
    )
    place = output.place
    assert isinstance(place, Place)
    if output.make is None:
        text.add(f"m{number} = ({args},)")
    else:
        text.add(f"made_ = {layout.names.function(output.make)}({args})")
        text.add(f"m{number} = {tokens_made(layout, place)}")
    ready, ends = _times(layout, transition, output, args)
    if output.make is None or not (callable(output.after_ns) or callable(output.lasts_ns)):
        text.add(f"r{number}, e{number} = {ready}, {ends}")
        return
    text.add(f"r{number} = e{number} = None")
    with text.block(f"if m{number}:"):
        text.add(f"r{number}, e{number} = {ready}, {ends}")


def tokens_made(layout: Layout, place: Place[Any]) -> str:
    """The expression for the tokens in what a function returned."""
    colour = layout.names.of(place.colour, place.colour.__name__)
    declared = layout.names.of(place, f"{layout.var(place)}_declared")
    return f"(made_,) if type(made_) is {colour} else made(made_, {declared})"


def _times(layout: Layout, transition: Transition, output: Output, args: str) -> tuple[str, str]:
    """The expressions for when the tokens are ready, and when they end."""
    place = output.place
    assert isinstance(place, Place)
    ready = later(layout, output.after_ns, args) if place.timed else "0"
    ends = "None" if output.lasts_ns is None else later(layout, output.lasts_ns, args)
    arc = plan.bound_at(transition, place)
    if arc is not None and transition.arcs[arc].kind == "take":
        ready = f"max({ready}, inputs[{arc}].ready)" if place.timed else ready
        ends = f"inputs[{arc}].ends" if output.lasts_ns is None else ends
    return ready, ends


def later(layout: Layout, length: Any, args: str) -> str:
    """The expression for a time that lies *length* after `now`."""
    if callable(length):
        return f"now + span({layout.names.function(length)}({args}))"
    return f"now + {length}" if length else "now"


# What a case puts and gives back.


def write_give(
    text: Text, layout: Layout, transition: Transition, number: int, case: On, *, traced: bool
) -> None:
    """Put what was made, and give back what is held."""
    outputs = dict(tokens_put(case))
    name = case_name(layout, transition, number)
    with text.block(f"def give_{name}(inputs, made_, puts):"):
        influence = layout.gain([*_put_places(case), *held_places(transition)])
        influenced(text, layout, influence, nonlocals=True)
        if outputs:
            text.add(f"{_listed(outputs)} = made_")
        for each, output in enumerate(case.outputs):
            if each in outputs:
                _put(text, layout, each, output, traced=traced)
            elif output.kind != "consume":
                text.add(f"{layout.var(output.place)}[None] += 1")
                text.add(*moved(layout, output.place, "None"))
                _traced(text, f"({output.place.name!r}, -1, None, 0)", traced=traced)
        if case.outcome is Lost:
            text.add(f"back_{layout.var(transition)}(inputs, puts)")
        else:
            _back(text, layout, transition, case, traced=traced)
    text.add("")
    if case.outcome is Lost:
        with text.block(f"def back_{layout.var(transition)}(inputs, puts):"):
            _back(text, layout, transition, case, traced=traced)
        text.add("")


def _put_places(case: On) -> list[Any]:
    puts = [output for output in case.outputs if output.kind != "consume"]
    return [output.place for output in puts] + [output.seen for output in puts if output.seen]


def held_places(transition: Transition) -> list[Any]:
    """The places from which a transition holds."""
    return [arc.place for arc in transition.arcs if arc.kind == "hold"]


def _consumes(case: On, arc: Arc) -> bool:
    return any(output.kind == "consume" and output.place is arc.place for output in case.outputs)


def _put(text: Text, layout: Layout, number: int, output: Output, *, traced: bool) -> None:
    place = output.place
    assert isinstance(place, Place)
    call = f"put_{layout.var(place)}" if output.seen is None else new(layout, output.seen, place)
    with text.block(f"for colour in m{number}:"):
        if not traced:
            text.add(f"{call}(colour, r{number}, e{number})")
        elif output.seen is None:
            text.add(f"puts.append({call}(colour, r{number}, e{number}))")
        else:
            text.add(f"put = {call}(colour, r{number}, e{number})")
            with text.block("if put is not None:"):
                text.add("puts.append(put)")


def _back(text: Text, layout: Layout, transition: Transition, case: On, *, traced: bool) -> None:
    """Give back what is held and not consumed."""
    for number, arc in enumerate(transition.arcs):
        if arc.kind != "hold":
            continue
        if _consumes(case, arc):
            text.add(*moved(layout, arc.place, f"inputs[{number}]"))
            continue
        name = layout.var(arc.place)
        if isinstance(arc.place, Counter):
            text.add(f"{name}.give(inputs[{number}])" if arc.place.keys else f"{name}[None] += 1")
        else:
            call = f"again_{name}(inputs[{number}], inputs[{number}].ready)"
            text.add(f"puts.append({call})" if traced else call)


def moved(layout: Layout, place: Any, key: str) -> list[str]:
    """The line that records a number that moved for good."""
    recorded = layout.recorded and isinstance(place, Counter)
    return [f"moved[{place.name!r}, {key}] = None"] if recorded else []


def _traced(text: Text, put: str, *, traced: bool) -> None:
    if traced:
        text.add(f"puts.append({put})")


def influenced(
    text: Text, layout: Layout, influence: Influence, *, nonlocals: bool = False
) -> None:
    """Note which transitions to try again, and whose next useful time to work out again."""
    masks = {"dirty": influence.enables, "late": influence.delays}
    used = {name: mask for name, mask in masks.items() if mask}
    if nonlocals and used:
        text.add(f"nonlocal {', '.join(used)}")
    text.add(*(f"{name} |= {mask:#b}  # {layout.listed(mask)}" for name, mask in used.items()))
