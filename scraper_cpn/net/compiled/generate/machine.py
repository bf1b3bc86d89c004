"""The whole source of a compiled net: its state, the functions of its places and transitions, its calls.

Owns: the frame into which the other files write, and the functions that handle time.
Must not know: what is in those functions.

The source is one function, `build`, whose variables are the marking: a name in a closure is the
fastest thing that Python can look up.
"""

from __future__ import annotations

import re
from collections import deque
from contextlib import nullcontext
from functools import partial
from heapq import heappop, heappush
from itertools import count, islice
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.compiled.generate import (
    arrivals,
    firings,
    inputs,
    places,
    records,
)
from scraper_cpn.net.compiled.generate.calls import EVERYTHING, calls, result
from scraper_cpn.net.compiled.generate.layout import RUNTIME, Layout
from scraper_cpn.net.compiled.generate.planned import Plan, planned
from scraper_cpn.net.compiled.generate.tables import retried, write_tables
from scraper_cpn.net.compiled.generate.text import Text, assign, mask_text, plain
from scraper_cpn.net.compiled.runtime.lines import SLACK
from scraper_cpn.net.declare import Net
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
    refuse_unequal,
    span,
)
from scraper_cpn.net.outputs import Lost
from scraper_cpn.net.refusal import (
    case_for,
    no_case,
    refuse_landed,
    refuse_limit,
    refuse_started,
    refuse_time,
)

MASKS_MAX = 4_096
"""The maximum of values of `dirty` for which the first transition is cached; few occur."""

SHARED: dict[str, Any] = {
    **RUNTIME,
    "MASKS_MAX": MASKS_MAX,
    "Faulted": Faulted, "Firing": Firing, "Flying": Flying, "Lost": Lost, "Row": Row,
    "SLACK": SLACK, "Standing": Standing, "Step": Step, "amount": plan.amount, "count": count, "islice": islice,
    "partial": partial, "pause_before": plan.pause_before, "tokens_of": plan.tokens_of,
    "heappop": heappop, "heappush": heappush, "blame": blame, "case_for": case_for, "deque": deque, "made": made,
    "no_case": no_case, "order_of": order_of, "refuse_landed": refuse_landed,
    "refuse_limit": refuse_limit, "refuse_unequal": refuse_unequal, "refuse_started": refuse_started, "refuse_time": refuse_time,
    "span": span,
}  # fmt: skip
"""The objects of the package that the source uses, by name."""

LOCALS = (
    "NONE", "PARTITION", "SHELF", "away", "count", "due", "entry", "first", "has", "head", "held", "firings", "left", "line", "lone", "numbered", "order", "r", "shelve", "soon", "agreed", "build", "colour", "condition", "ends", "k", "key", "known", "lost", "made_", "now",
    "number", "numbers", "occupied", "old", "outcome", "parts", "put", "ready", "passed", "record", "ripe", "shown", "soonest", "source", "spent", "state",
    "sunk", "wake", "when", "expire", "fill_number", "fill_sinks", "fill_slots",
)  # fmt: skip
"""The local names in the functions of places and transitions."""

FRAME_STATE = """
clock = 0           # nanoseconds; never goes back
serial = 1          # of the next token
next_id = 1         # of the next firing
flights = {}        # firings in flight, by id
faulted = []
rows = []           # of the sinks, since the last drain
dirty = ALL         # bits of the transitions that may have a binding now
next_wake = NEVER   # the least of the times at_T
next_end = NEVER    # when the next token expires
due_again = []      # firings that wait for their next attempt: from when on, and id
ends_late = False   # whether that is to be worked out again
late = True         # whether any of these times is
""".strip()

RECORDING = """
recording = Recording()
born, changed, met, begun = recording.born, recording.changed, recording.met, recording.begun
aside, reported = recording.aside, recording.reported
lose, unmeet, forget = recording.lose, recording.unmeet, recording.forget
""".strip()

HEADER = '''"""The net {name}, compiled.

This source was generated from the declaration of the net, to be executed. All its functions
are closures of `build` and share its variables, which are the marking.

A step tries transitions by their bits in `dirty`, lowest first, which is the order of priority. A
transition fires until it finds no binding, or has set a lower bit. Without a binding it loses its bit until
something comes that it might use: each firing sets the bits of those that it may concern. For each
transition T:

    fire_T     an instant transition: find, make, take and put in one go; gives how many more may fire
    begin_T    a transition with an effect: find, take and reserve, the same; undo_T revokes it
    end_T_*    how it ends: what an outcome puts, made before anything is put, and gives back
    wake_T     the least time at which there is a binding, if nothing else happens and no token expires

The next useful time is the least wake_T, or the next time at which a token expires. Until then wake_T is
exact: tokens only become ready, so that a binding that is there stays. And when a token expires there
is a binding, because its place has a transition that takes it alone and needs nothing else
(`check.py`). Only transitions that take from timed places have a wake_T that is not now or never, and
so an at_T, which is None when it is to be worked out again; the others are tried when something comes.
"""
'''


def plan_of(
    net: Net,
    *,
    traced: bool = False,
    recorded: bool = False,
    printed: bool = False,
    divided: bool = False,
) -> Plan:
    """The plan of a checked net, which its source follows."""
    reserved = {**SHARED, **dict.fromkeys(_used())}
    return planned(
        Layout(net, reserved, traced=traced, recorded=recorded, printed=printed, divided=divided)
    )


def source_of(
    net: Net,
    *,
    traced: bool,
    recorded: bool = False,
    printed: bool = False,
    divided: bool = False,
) -> tuple[str, dict[str, Any]]:
    """The source of a checked net, and the objects of the declaration that it names."""
    found = plan_of(net, traced=traced, recorded=recorded, printed=printed, divided=divided)
    layout = found.layout
    wanted = {
        "traced": traced, "recorded": recorded, "retried": retried(net), "manual": bool(layout.manual)
    }  # fmt: skip
    text = Text()
    text.add(*HEADER.format(name=plain(net.name)).split("\n"))
    given = ["NET", "TRANSITIONS", "SHELF"]
    given += ["PARTITION"] if divided else []
    given += ["trace"] if traced else []
    with text.block(f"def build({', '.join(given)}):"):
        _write_constants(text, layout)
        text.add(*FRAME_STATE.split("\n"), "")
        places.write_state(text, layout)
        text.add(*(f"at_{layout.var(transition)} = None" for transition in layout.waiting))
        text.add(*(["", *RECORDING.split("\n")] if recorded else []), "")
        _write_fault(text, layout)
        records.write_records(text, layout)
        for place in layout.standing:
            places.write_place(text, layout, place)
        for search in found.searches:
            inputs.write_search(text, layout, search)
            firings.write_firings(text, layout, search)
        _write_times(text, layout)
        _write_numbers(text, layout)
        arrivals.write_shelve(text, layout)
        write_tables(text, layout)
        text.add(*calls(**wanted), "")
        text.add(*result(**wanted))
    return "\n".join(text.lines) + "\n", layout.names.objects


def _used() -> list[str]:
    """The names that the generated source reserves."""
    lines = [
        FRAME_STATE,
        RECORDING,
        *calls(**EVERYTHING),
    ]
    frame = re.findall(r"[A-Za-z_]\w*", "\n".join([*lines, *result(**EVERYTHING)]))
    numbered = [
        f"{letter}{number}"
        for letter in ("a", "e", "h", "k", "m", "many", "o", "r", "record")
        for number in range(100)
    ]
    return [*LOCALS, *frame, *numbered]


def _write_constants(text: Text, layout: Layout) -> None:
    automatic = ((1 << len(layout.transitions)) - 1) & ~layout.manual
    text.add(f"ALL = {mask_text(automatic)}")
    text.add("FIRST = {}        # by values of `dirty` that have occurred: which act goes first")
    text.add(
        "NONE = ()  # the one empty tuple that there is: no tokens, without looking into it", ""
    )


def _write_times(text: Text, layout: Layout) -> None:
    """Write the functions that handle a time that has come, and find the next one."""
    with text.function("expire(now)"):
        for place in layout.standing:
            if place.expires:
                with text.block(f"if {layout.endings[place.name]}.next() <= now:"):
                    text.add(f"expire_{layout.var(place)}(now)")
    with text.function("wake(now)"):
        for transition in layout.waiting:
            at = f"at_{layout.var(transition)}"
            with text.block(f"if {at} is None or {at} <= now:"):
                text.add(assign("dirty", f"|= {mask_text(layout.bit(transition))}"))
    with text.function("soonest(now)"):
        for transition in layout.waiting:
            name = layout.var(transition)
            with text.block(f"if at_{name} is None:"):
                text.add(assign(f"at_{name}", f"= wake_{name}(now)"))
        ends = [f"{layout.endings[p.name]}.next()" for p in layout.standing if p.expires]
        with text.block("if ends_late:"):
            text.add(assign("next_end", f"= {_least(ends)}"), assign("ends_late", "= False"))
        text.add(assign("late", "= False"))
        for number, transition in enumerate(layout.waiting):
            at = f"at_{layout.var(transition)}"
            with text.block(f"if {at} < next_wake:") if number else nullcontext():
                text.add(assign("next_wake", f"= {at}"))
        text.add(*([] if layout.waiting else [assign("next_wake", "= NEVER")]))
        text.add("return next_wake if next_wake < next_end else next_end")

    with text.function("retry_late()"):
        for transition in layout.waiting:
            with text.block(f"if at_{layout.var(transition)} is None:"):
                text.add(assign("dirty", f"|= {mask_text(layout.bit(transition))}"))
    with text.function("delay_dirty()"):
        for transition in layout.waiting:
            with text.block(f"if dirty & {mask_text(layout.bit(transition))}:"):
                text.add(assign(f"at_{layout.var(transition)}", "= None"))


def _least(parts: list[str]) -> str:
    return f"min({', '.join(parts)})" if len(parts) > 1 else parts[0] if parts else "NEVER"


def _write_numbers(text: Text, layout: Layout) -> None:
    """Write the functions that read and set the numbers by name."""
    numbers = {
        c.name: records.changed_numbers(layout, c)
        if c.keys and c.name in layout.kept.met
        else f"{layout.var(c)}.numbers"
        if c.keys
        else f"{{None: {layout.var(c)}}}"
        for c in layout.counters
    }
    sunk = {sink.name: f"sunk_{layout.var(sink)}" for sink in layout.sinks}
    free = {place.name: layout.free(place) for place in layout.limited}
    occupied = {name: f"NET.places[{name!r}].capacity - {left}" for name, left in free.items()}
    for name, expressions in (("numbers", numbers), ("sunk", sunk), ("occupied", occupied)):
        with text.function(f"{name}()"):
            text.add(
                "return {", *(f"    {key!r}: {part}," for key, part in expressions.items()), "}"
            )
    with text.function("fill_number(name, known)"):
        for counter in layout.counters:
            variable = layout.var(counter)
            with text.block(f"if name == {counter.name!r}:"):
                if counter.keys and counter.name in layout.kept.met:
                    with text.block("for key, number in known.items():"):
                        records.find_record(text, layout, counter.keys, "key")
                        text.add(f"record.{variable} = number")
                elif counter.keys:
                    text.add(f"{variable}.numbers.update(known)")
                else:
                    text.add(assign(variable, f"= known.get(None, {variable})"))
    with text.function("fill_sinks(known)"):
        text.add(*(assign(part, f"= known.get({name!r}, 0)") for name, part in sunk.items()))
    with text.function("fill_slots(known)"):
        text.add(*(assign(part, f"-= known.get({name!r}, 0)") for name, part in free.items()))


def _write_fault(text: Text, layout: Layout) -> None:
    with text.function("fault(place, serial, colour, error)"):
        text.add("faulted.append(Faulted(place, serial, colour, error))")
        text.add(*(["aside.append(faulted[-1])"] if layout.recorded else []))
        if layout.traced:
            text.add("trace(('fault', place, serial, error))")
