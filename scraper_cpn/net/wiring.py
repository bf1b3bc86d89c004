"""Whether outcomes, outputs and calls fit their transition.

Owns: the checks on what a transition puts and whom it calls: every outcome wired, every output
made from what is there, every function given and giving the right colours.
Must not know: how a net is executed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scraper_cpn.net import hints, plan
from scraper_cpn.net.arcs import Arc, Call
from scraper_cpn.net.declare import Done, Net, Transition
from scraper_cpn.net.outputs import Lost, On, Output
from scraper_cpn.net.places import Counter, KeySet, Place


def wiring_problems(net: Net, transition: Transition) -> Iterator[str]:
    """What is wrong with a transition's outcomes, outputs and calls, without its name."""
    yield from _outcomes(transition)
    for case in transition.outcomes:
        where = "" if case.outcome is Done else f" on({case.outcome.__name__})"
        for output in case.outputs:
            for text in _output(net, transition, case, output):
                yield f",{where} {output}: {text}"
    yield from _effect(net, transition)
    for call in (transition.effect, transition.choice, transition.scan):
        if call is not None:
            for text in _call(transition, call):
                yield f", {call.name}: {text}"


def _outcomes(transition: Transition) -> Iterator[str]:
    call = transition.effect or transition.choice
    given = [case.outcome for case in transition.outcomes if case.outcome is not Done]
    if transition.effect is not None and transition.choice is not None:
        yield ": has an effect and a choice; move the choice to a transition of its own"
    for kind in given:
        if given.count(kind) > 1:
            yield f", on({kind.__name__}): is given twice; join their outputs"
            break
    if call is None:
        return
    if not call.outcomes:
        yield f", {call.name}: has no return annotation that can be read; annotate it with the union of its outcomes"
        return
    wanted = [*call.outcomes, Lost] if transition.effect else list(call.outcomes)
    for kind in wanted:
        if kind not in given:
            yield f", {call.name}: its outcome {kind.__name__} is missing; add on({kind.__name__}, ...)"
    for kind in given:
        if kind not in wanted:
            yield f", on({kind.__name__}): is no outcome of {call.name}; remove it"


def _output(net: Net, transition: Transition, case: On, output: Output) -> Iterator[str]:
    place = output.place
    if net.places.get(place.name) is not place:
        yield "is not a place of this net; use the one that this net declared"
        return
    if output.kind == "consume":
        if not any(arc.place is place and arc.kind == "hold" for arc in transition.arcs):
            yield "is not held by this transition; hold it among the inputs"
        return
    if isinstance(place, KeySet):
        yield from _forget(transition, case, output, place)
        return
    if isinstance(place, Counter):
        yield from _count_up(transition, place, output)
        return
    if type(output.count) is not int:
        yield f"is given {output.count!r}, which is no function; give a function and its sources"
    elif output.count != 1:
        yield "several tokens can only be put by a function that returns them; give one"
    yield from _timing(place, output)
    yield from _new(net, output)
    yield from _sources(transition, case, output, place)


def _count_up(transition: Transition, place: Counter, output: Output) -> Iterator[str]:
    if output.make is not None or output.sources:
        yield "a counter is given a number, not a function; give how much to add"
    if type(output.count) is not int or output.count < 1:
        yield f"counts up by {output.count!r}; give an integer from 1 up"
    if place.keys and plan.key_source(transition, place) is None:
        listed = ", ".join(place.keys)
        yield f"no input determines the key {listed}; take or read a token that has it"


def _forget(transition: Transition, case: On, output: Output, place: KeySet[Any]) -> Iterator[str]:
    """Whether an output tells a set which keys to forget."""
    if output.kind != "remove":
        yield "put(...) cannot fill a set; use put_new(set, place, ...)"
        return
    if any(other.seen is place for other in case.outputs):
        yield "one outcome can't both add to a set and remove from it; use two transitions"
    if place.paged:
        yield "nothing can be removed from a paged set; declare it without paged=True"
    sources = plan.made_from(transition, case, output)
    if sources is None:
        yield f"its sources must be inputs of this transition, or the outcome {case.outcome.__name__}"
        return
    kinds = _kinds(transition, case, sources)
    if output.make is not None:
        yield from takes_problems(output.make, kinds, several=True)
        return
    for kind in kinds:
        if kind is not None and not hints.fits(kind, place.colour):
            yield f"removes a {place.colour.__name__}, but is given {kind.__name__}; give a function and its sources"


def _timing(place: Place[Any], output: Output) -> Iterator[str]:
    if output.after_ns != 0 and not place.timed:
        yield "after_ns needs a timed place; declare it with timed=True"
    if output.lasts_ns is not None and not place.expires:
        yield "lasts_ns needs a place whose tokens expire; declare it with expires=True"
    yield from length_problems("after_ns", output.after_ns)
    yield from length_problems("lasts_ns", 0 if output.lasts_ns is None else output.lasts_ns)


def length_problems(name: str, length: Any) -> Iterator[str]:
    """Whether a length of time is one, or a function that gives it."""
    if not callable(length) and (type(length) is not int or length < 0):
        yield f"{name} is {length!r}; give an integer number of nanoseconds from 0 up, or a function"


def _new(net: Net, output: Output) -> Iterator[str]:
    seen = output.seen
    if seen is None:
        return
    assert isinstance(output.place, Place)
    if net.places.get(seen.name) is not seen:
        yield f"the set {seen.name} is not of this net; use the one that this net declared"
    if seen.colour is not output.place.colour:
        yield f"the set {seen.name} is of {seen.colour.__name__}, the place of {output.place.colour.__name__}"
    if output.place.capacity is not None:
        yield "put_new may make many tokens; its place must be unbounded"


def _sources(transition: Transition, case: On, output: Output, place: Place[Any]) -> Iterator[str]:
    if plan.fresh_from(transition, case, output):
        yield from takes_problems(output.make, (output.sources[0].colour,), several=True)
        yield from gives_problems(output.make, place)
        return
    sources = plan.made_from(transition, case, output)
    if sources is None and output.make is None:
        yield f"not exactly one input has the colour {place.colour.__name__}; give a function and its sources"
        return
    if sources is None:
        yield f"its sources must be inputs of this transition, or the outcome {case.outcome.__name__}"
        return
    if output.make is None:
        if (
            sources != (plan.OUTCOME,)
            and transition.arcs[sources[0]].many
            and place.capacity is not None
        ):
            yield "moves several tokens, but its place is bounded, and a firing puts at most one there; make it unbounded"
        return
    if _ambiguous(transition, output):
        yield "two inputs bind tokens of one place; name the arc among the sources instead of the place"
    kinds = _kinds(transition, case, sources)
    yield from takes_problems(output.make, kinds, several=True)
    yield from gives_problems(output.make, place)
    for length in (output.after_ns, output.lasts_ns):
        if callable(length):
            yield from takes_problems(length, kinds)


def _effect(net: Net, transition: Transition) -> Iterator[str]:
    call = transition.effect
    if call is None:
        return
    effect = net.effects.get(call.name)
    if effect is None or effect.outcomes is not call.outcomes:
        yield f", {call.name}: is not an effect of this net; use one that this net declared"


def _call(transition: Transition, call: Call) -> Iterator[str]:
    for source in call.sources:
        if plan.source_at(transition, source) is None:
            what = getattr(source, "name", None) or str(source)
            yield f"{what} is not an input that binds a token; name inputs of this transition"
            return
    if call.fn is not None:
        arcs = [plan.source_at(transition, source) for source in call.sources]
        kinds = tuple(_kind(transition.arcs[arc]) for arc in arcs if arc is not None)
        yield from takes_problems(call.fn, kinds)


def _ambiguous(transition: Transition, output: Output) -> bool:
    return any(len(plan.arcs_at(transition, source)) > 1 for source in output.sources)


def _kinds(
    transition: Transition, case: On, sources: tuple[int, ...]
) -> tuple[type[Any] | None, ...]:
    """The types that an output's function is given."""
    return tuple(
        case.outcome if arc == plan.OUTCOME else _kind(transition.arcs[arc]) for arc in sources
    )


def _kind(arc: Arc) -> type[Any] | None:
    """The type of what a function is given of an arc; None if that is not known."""
    if isinstance(arc.place, Counter):
        return None if arc.place.keys else int
    assert isinstance(arc.place, Place)
    return tuple if arc.many else arc.place.colour


def takes_problems(
    fn: Any, kinds: tuple[type[Any] | None, ...], *, several: bool = False
) -> Iterator[str]:
    """Whether a function can be called with these; None for what is not known. *several*: it may be a generator."""
    name = getattr(fn, "__name__", repr(fn))
    if hints.is_async(fn):
        yield f"{name} is async, but a net needs its result at once; give a plain function, or make it an effect"
        return
    if hints.is_generator(fn) and not several:
        yield f"{name} is a generator, but one result is needed; give a function that returns it"
        return
    listed = ", ".join("a key" if kind is None else kind.__name__ for kind in kinds)
    if not hints.accepts(fn, len(kinds)):
        yield f"{name} can't be called with ({listed})"
        return
    for (parameter, wanted), kind in zip(hints.parameters(fn) or [], kinds, strict=False):
        if wanted is not None and kind is not None and not hints.fits(kind, wanted):
            yield f"{name} wants {wanted.__name__} for {parameter}, but is given {kind.__name__}"


def gives_problems(fn: Any, place: Place[Any]) -> Iterator[str]:
    """Whether what a function is annotated to return fits *place*."""
    if place.capacity is not None and hints.returns_several(fn, place.colour):
        name = getattr(fn, "__name__", repr(fn))
        yield (
            f"{name} is annotated to make several tokens, but {place.name} has a capacity, and a firing "
            "puts at most one there; make the place unbounded, or the function give one token or None"
        )
    for kind in hints.tokens_returned(fn) or ():
        if not hints.fits(kind, place.colour):
            name = getattr(fn, "__name__", repr(fn))
            yield f"{name} makes {kind.__name__}, but {place.name} takes {place.colour.__name__}"
