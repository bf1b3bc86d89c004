"""The whole source of a compiled net: its state, the functions of its places and transitions, its calls.

Owns: the frame into which `places.py`, `inputs.py` and `cases.py` write, and the firing loop.
Must not know: what is in those functions.

The source is one function, `build`, whose variables are the marking: a name in a closure is the
fastest thing that Python can look up.
"""

from __future__ import annotations

import re
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Lost
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.generate import cases, firings, inputs, places, recording
from scraper_cpn.net.generate.calls import calls
from scraper_cpn.net.generate.layout import RUNTIME, Layout
from scraper_cpn.net.generate.text import Text, plain
from scraper_cpn.net.marking import (
    Faulted,
    Firing,
    Flying,
    Row,
    Standing,
    Step,
    blame,
    made,
    order_of,
    span,
)
from scraper_cpn.net.outputs import no_case
from scraper_cpn.net.places import Place
from scraper_cpn.net.refusal import (
    case_for,
    refuse_landed,
    refuse_limit,
    refuse_started,
    refuse_time,
)

SHARED: dict[str, Any] = {
    **RUNTIME,
    "Faulted": Faulted, "Firing": Firing, "Flying": Flying, "Lost": Lost, "Row": Row,
    "Standing": Standing, "Step": Step, "blame": blame, "case_for": case_for, "made": made,
    "no_case": no_case, "order_of": order_of, "refuse_landed": refuse_landed,
    "refuse_limit": refuse_limit, "refuse_started": refuse_started, "refuse_time": refuse_time,
    "span": span,
}  # fmt: skip
"""What the source uses of the package, by name."""

LOCALS = (
    "PRINTED", "SHELF", "agreed", "build", "colour", "condition", "endings", "ends", "give", "k", "key", "made_", "now",
    "number", "old", "outcome", "put", "ready", "record", "shown", "soonest", "spent", "state", "when",
)  # fmt: skip
"""The names that the functions of places and transitions use for themselves."""

FRAME_STATE = """
clock = 0          # nanoseconds; never goes back
serial = 1         # of the next token
next_id = 1        # of the next firing
flights = {}       # firings in flight, by id
faulted = []
rows = []          # of the sinks, since the last drain
dirty = ALL        # bits of the transitions that may have a binding now
late = ALL         # bits of those whose next useful time is to be worked out again
wakes = [NEVER] * COUNT
next_wake = NEVER  # the least of them
""".strip()

HEADER = '''"""The net {name}, compiled.

This source was generated from the declaration of the net; it is executed, not kept. All its functions
are closures of `build` and share its variables, which are the marking.

A step tries transitions by their bits in `dirty`, lowest first, which is the order of priority, and
starts again at the lowest after every firing. A transition that finds no binding loses its bit until
something comes that it might use: each firing sets the bits of those that it may concern. For each
transition T:

    find_T     the binding that goes first, as a tuple with an entry for each arc, or None
    wake_T     the least time at which there is one, if nothing else happens and no token expires
    fire_T     an instant transition: take, make, put in one go
    begin_T    a transition with an effect: take and reserve; undo_T revokes it, land_T ends it
    make_T_*   what a case puts, made before anything is put; give_T_* puts it and gives back

The next useful time is the least wake_T. Until the first token expires this is exact: tokens only
become ready, so that a binding that is there stays. And when a token expires there is a binding,
because its place has a transition that takes it alone and needs nothing else (`check.py`); its wake_T
is that very time.
"""
'''


def source_of(net: Net, *, traced: bool, recorded: bool = False) -> tuple[str, dict[str, Any]]:
    """The source of a checked net, and the objects of the declaration that it names."""
    layout = Layout(net, {**SHARED, **dict.fromkeys(_used())}, recorded=recorded)
    searches = [inputs.search_of(layout, transition) for transition in layout.transitions]
    text = Text()
    text.add(*HEADER.format(name=plain(net.name)).split("\n"))
    trace = ", trace" if traced else ""
    with text.block(f"def build(NET, TRANSITIONS, SHELF, PRINTED{trace}):"):
        text.add(f"ALL = {(1 << len(searches)) - 1:#b}", "FAULT = object()  # a scan raised", "")
        text.add(*FRAME_STATE.replace("COUNT", str(len(searches))).split("\n"), "")
        places.write_state(text, layout)
        text.add(*(["", *recording.STATE.split("\n")] if recorded else []), "")
        _write_fault(text, traced=traced, recorded=recorded)
        _write_places(text, layout, traced=traced)
        for search in searches:
            inputs.write_search(text, layout, search)
            firings.write_firings(text, layout, search.transition, traced=traced)
            if not search.transition.instant:
                firings.write_landing(text, layout, search.transition)
        _write_tables(text, layout)
        if recorded:
            text.add("", *recording.FUNCTIONS.strip().split("\n"))
        text.add("", *calls(traced=traced, recorded=recorded))
    return "\n".join(text.lines) + "\n", layout.names.objects


def _used() -> list[str]:
    """The names that the source uses for itself."""
    lines = [FRAME_STATE, recording.STATE, recording.FUNCTIONS, *calls(traced=True, recorded=True)]
    frame = re.findall(r"[A-Za-z_]\w*", "\n".join(lines))
    numbered = [f"{letter}{number}" for letter in "aekmor" for number in range(100)]
    return [*LOCALS, *frame, *numbered]


def _write_fault(text: Text, *, traced: bool, recorded: bool) -> None:
    with text.block("def fault(place, serial, colour, error):"):
        text.add("faulted.append(Faulted(place, serial, colour, error))")
        text.add(*(["aside.append(faulted[-1])"] if recorded else []))
        if traced:
            text.add("trace(('fault', place, serial, error))")
    text.add("")


def _write_places(text: Text, layout: Layout, *, traced: bool) -> None:
    for standing in layout.standing:
        places.write_place(text, layout, standing, traced=traced)
    for sink in layout.sinks:
        places.write_sink(text, layout, sink, traced=traced)
    pairs = {
        (output.seen, output.place): None
        for transition in layout.transitions
        for case in transition.outcomes
        for output in case.outputs
        if output.seen is not None and isinstance(output.place, Place)
    }
    for seen, place in pairs:
        places.write_new(text, layout, seen, place, traced=traced)


def _write_tables(text: Text, layout: Layout) -> None:
    """By number of transition, and by name of place."""
    stems = [(layout.var(transition), transition) for transition in layout.transitions]
    effects = [(stem, transition) for stem, transition in stems if not transition.instant]
    text.add(
        "", "# Tables: by a transition's number (its place in the order), or by a place's name.", ""
    )
    _list(text, "FINDS", [f"find_{stem}" for stem, _ in stems])
    _list(text, "WAKES", [f"wake_{stem}" for stem, _ in stems])
    _list(text, "ACTS", [f"{'fire' if t.instant else 'begin'}_{stem}" for stem, t in stems])
    for table, prefix in (("LANDS", "land"), ("UNDOS", "undo"), ("BACKS", "back")):
        _dict(text, table, {_number(layout, t): f"{prefix}_{stem}" for stem, t in effects})
    spends = {
        _number(layout, t): f"spend_{stem}"
        for stem, t in effects
        if any(arc.kind == "spend" for arc in t.arcs)
    }
    _dict(text, "SPENDS", spends)
    _dict(text, "CASES", {_number(layout, t): _cases(layout, t) for _, t in effects})
    _dict(text, "TAKEN", {_number(layout, t): repr(_taken(t)) for _, t in effects})
    if layout.recorded:
        _dict(text, "COUNTED", {_number(layout, t): repr(plan.counted(t)) for _, t in effects})
    _dict(text, "OCCUPIES", {_number(layout, t): repr(_occupies(layout, t)) for _, t in effects})
    for table, prefix in (("TOKENS", "token"), ("STANDS", "stand"), ("PUTS", "put")):
        _dict(text, table, {p.name: f"{prefix}_{layout.var(p)}" for p in layout.standing})
    gains = {p.name: layout.gain([p]) for p in layout.standing if p.source}
    _dict(text, "GAINS", {name: f"({m.enables:#b}, {m.delays:#b})" for name, m in gains.items()})
    _dict(text, "PLACES", {place.name: layout.var(place) for place in layout.standing})
    numbers = {c.name: layout.var(c) + (".numbers" if c.keys else "") for c in layout.counters}
    _dict(text, "NUMBERS", numbers)
    _dict(text, "SETS", {seen.name: layout.var(seen) for seen in layout.sets})
    expires = [
        f"({places.endings(layout, p)}, expire_{layout.var(p)})"
        for p in layout.standing
        if p.expires
    ]
    _list(text, "EXPIRES", expires)


def _number(layout: Layout, transition: Transition) -> int:
    return layout.transitions.index(transition)


def _list(text: Text, name: str, parts: list[str]) -> None:
    text.add(f"{name} = [", *(f"    {part}," for part in parts), "]")


def _dict(text: Text, name: str, parts: dict[Any, str]) -> None:
    text.add(f"{name} = {{", *(f"    {key!r}: {part}," for key, part in parts.items()), "}")


def _cases(layout: Layout, transition: Transition) -> str:
    """By the outcome's type: its functions, and its name in the trace."""
    parts = []
    for number, case in enumerate(transition.outcomes):
        outcome = layout.names.of(case.outcome, case.outcome.__name__)
        name = cases.case_name(layout, transition, number)
        parts.append(f"{outcome}: (make_{name}, give_{name}, {case.outcome.__name__!r})")
    return f"{{{', '.join(parts)}}}"


def _taken(transition: Transition) -> list[tuple[int, str]]:
    """The arcs that take a token for good, with their places."""
    return [
        (number, arc.place.name)
        for number, arc in enumerate(transition.arcs)
        if arc.kind == "take" and arc.binds
    ]


def _occupies(layout: Layout, transition: Transition) -> tuple[dict[str, int], dict[str, int]]:
    """The slots that a firing in flight occupies, before and after it started."""
    before, after = (
        {
            place.name: plan.occupies(transition, place, started=started)
            for place in layout.bounded(transition)
        }
        for started in (False, True)
    )
    return before, after
