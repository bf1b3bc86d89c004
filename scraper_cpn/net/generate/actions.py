"""The functions of what a firing does: what it takes, makes, puts, spends and gives back.

Owns: the text of `make_*`, `give_*`, `spend_*`, `take_*`, `undo_*`, `aside_*`, `fire_*`, `begin_*`.
Must not know: how a binding is found.

All that a case puts is made before any of it is put, so that a function that raises changes nothing.
"""

from __future__ import annotations

from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc, Call, Lost, On, Output
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.generate.layout import Influence, Layout
from scraper_cpn.net.generate.places import new
from scraper_cpn.net.generate.text import Text, tupled
from scraper_cpn.net.places import Counter, Place


def write_actions(text: Text, layout: Layout, transition: Transition, *, traced: bool) -> None:
    """The functions of a transition's firings."""
    for number, case in enumerate(transition.outcomes):
        _make(text, layout, transition, number, case)
        _give(text, layout, transition, number, case, traced=traced)
    if any(arc.kind == "spend" for arc in transition.arcs):
        _spend(text, layout, transition, traced=traced)
    if transition.instant or transition.scan is not None:
        _aside(text, layout, transition)
    if transition.instant:
        _fire(text, layout, transition, traced=traced)
    else:
        _begin(text, layout, transition, traced=traced)
        _undo(text, layout, transition)


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
    return f"{layout.var(transition)}_{number}_{outcome}"


# What a case makes.


def _make(text: Text, layout: Layout, transition: Transition, number: int, case: On) -> None:
    outputs = tokens_put(case)
    with text.block(f"def make_{case_name(layout, transition, number)}(inputs, outcome, now):"):
        for each, output in outputs:
            _make_one(text, layout, transition, case, each, output)
        text.add(f"return {tupled(f'm{each}, r{each}, e{each}' for each, _ in outputs)}", "")


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
        text.add(f"m{number} = {_tokens(layout, place)}")
    ready, ends = _times(layout, transition, output, args)
    if output.make is None or not (callable(output.after_ns) or callable(output.lasts_ns)):
        text.add(f"r{number} = {ready}", f"e{number} = {ends}")
        return
    text.add(f"r{number} = e{number} = None")
    with text.block(f"if m{number}:"):
        text.add(f"r{number} = {ready}", f"e{number} = {ends}")


def _tokens(layout: Layout, place: Place[Any]) -> str:
    """The expression for the tokens in what a function returned."""
    colour = layout.names.of(place.colour, place.colour.__name__)
    declared = layout.names.of(place, f"{layout.var(place)}_declared")
    return f"(made_,) if type(made_) is {colour} else made(made_, {declared})"


def _times(
    layout: Layout, transition: Transition, output: Output, args: str
) -> tuple[str, str]:
    """The expressions for when the tokens are ready, and when they end."""
    place = output.place
    assert isinstance(place, Place)
    ready = _later(layout, output.after_ns, args) if place.timed else "0"
    ends = "None" if output.lasts_ns is None else _later(layout, output.lasts_ns, args)
    arc = plan.bound_at(transition, place)
    if arc is not None and transition.arcs[arc].kind == "take":
        ready = f"max({ready}, inputs[{arc}].ready)" if place.timed else ready
        ends = f"inputs[{arc}].ends" if output.lasts_ns is None else ends
    return ready, ends


def _later(layout: Layout, length: Any, args: str) -> str:
    if callable(length):
        return f"now + span({layout.names.function(length)}({args}))"
    return f"now + {length}" if length else "now"


# What a case puts and gives back.


def _give(
    text: Text, layout: Layout, transition: Transition, number: int, case: On, *, traced: bool
) -> None:
    outputs = dict(tokens_put(case))
    name = case_name(layout, transition, number)
    with text.block(f"def give_{name}(inputs, made_, puts):"):
        influence = layout.gain([*_put_places(case), *held_places(transition)])
        _influenced(text, influence, nonlocals=True)
        if outputs:
            text.add(f"{', '.join(f'm{each}, r{each}, e{each}' for each in outputs)} = made_")
        for each, output in enumerate(case.outputs):
            if each in outputs:
                _put(text, layout, each, output, traced=traced)
            elif output.kind != "consume":
                text.add(f"{layout.var(output.place)}[None] += 1")
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


def _back(
    text: Text, layout: Layout, transition: Transition, case: On, *, traced: bool
) -> None:
    """Give back what is held and not consumed."""
    for number, arc in enumerate(transition.arcs):
        if arc.kind != "hold" or _consumes(case, arc):
            continue
        name = layout.var(arc.place)
        if isinstance(arc.place, Counter):
            text.add(f"{name}.give(inputs[{number}])" if arc.place.keys else f"{name}[None] += 1")
        else:
            call = f"again_{name}(inputs[{number}], inputs[{number}].ready)"
            text.add(f"puts.append({call})" if traced else call)


def _traced(text: Text, put: str, *, traced: bool) -> None:
    if traced:
        text.add(f"puts.append({put})")


def _influenced(text: Text, influence: Influence, *, nonlocals: bool = False) -> None:
    """Note which transitions to try again, and whose next useful time to work out again."""
    names = [
        name
        for name, mask in (("dirty", influence.enables), ("late", influence.delays))
        if mask
    ]
    if nonlocals and names:
        text.add(f"nonlocal {', '.join(names)}")
    if influence.enables:
        text.add(f"dirty |= {influence.enables:#b}")
    if influence.delays:
        text.add(f"late |= {influence.delays:#b}")


# What is spent.


def _spend(text: Text, layout: Layout, transition: Transition, *, traced: bool) -> None:
    places = [arc.place for arc in transition.arcs if arc.kind == "spend"]
    with text.block(f"def spend_{layout.var(transition)}(inputs, now, puts):"):
        influence = layout.gain(places) | layout.loss(
            place for place in places if isinstance(place, Place) and place.capacity is not None
        )
        _influenced(text, influence, nonlocals=True)
        if not transition.instant:
            _vacate(text, layout, transition)
        for number, arc in enumerate(transition.arcs):
            if arc.kind == "spend":
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
        ready = _later(layout, arc.after_ns, "") if place.timed else "0"
        call = f"again_{name}({old}, {ready})"
        text.add(f"puts.append({call})" if traced else call)
        return
    ready = _later(layout, arc.after_ns, "colour") if place.timed else "0"
    with text.block("try:"):
        if arc.change is None:
            text.add(f"spent = ({old}.colour,)")
        else:
            text.add(f"made_ = {layout.names.function(arc.change)}({old}.colour)")
            text.add(f"spent = {_tokens(layout, place)}")
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
        _influenced(text, layout.loss(taken_places(transition)))
        text.add("next_id += 1", *(["firing_id = next_id - 1", "puts = []"] if traced else []))
        _take(text, layout, transition)
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
        _influenced(
            text, layout.loss(taken_places(transition)) | layout.gain(during) | reserved
        )
        text.add("firing_id = next_id", "next_id += 1")
        _take(text, layout, transition)
        occupy(text, layout, transition, "+")
        number = layout.transitions.index(transition)
        text.add(f"flights[firing_id] = flight = Flight(firing_id, {number}, inputs, now)")
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
        _influenced(text, layout.loss(left), nonlocals=True)
        occupy(text, layout, transition, "-", started=True)
        _hide(text, layout, during)
    text.add("")


def _hide(text: Text, layout: Layout, during: Place[Any] | None) -> None:
    """Take the firing's token out of the place that shows it; it is not there if it was set aside."""
    if during is not None:
        text.add(f"shown = {layout.var(during)}.get(flight.shown)")
        with text.block("if shown is not None:"):
            text.add(f"drop_{layout.var(during)}(shown)")
