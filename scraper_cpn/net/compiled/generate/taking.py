"""Taking and spending the inputs of a firing, and setting tokens aside.

Owns: the text of taking, of `aside_*` and of `spend_*`.
Must not know: how a binding is found, what a case puts.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.compiled.generate.arrivals import again, write_put
from scraper_cpn.net.compiled.generate.indexes import Influence
from scraper_cpn.net.compiled.generate.influence import noted, occupy
from scraper_cpn.net.compiled.generate.kept import key_of, record_of
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.looks import Search
from scraper_cpn.net.compiled.generate.making import from_inputs, later, several
from scraper_cpn.net.compiled.generate.numbers import record_change, take_number
from scraper_cpn.net.compiled.generate.places import leave_queue, take_from_record
from scraper_cpn.net.compiled.generate.records import drop_record, find_record, lost
from scraper_cpn.net.compiled.generate.text import Text, assign, mask_text
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.places import Counter, Place
from scraper_cpn.net.plan import JoinGroup


def loss_of(layout: Layout, search: Search) -> Influence:
    """The influence of taking inputs from records on other transitions, whatever remains there."""
    taken = [
        search.transition.arcs[arc].place
        for group, _ in search.met(layout)
        for arc in group.arcs
        if search.transition.arcs[arc].takes
    ]
    return layout.watches.loss(taken)


def take(text: Text, layout: Layout, search: Search, marked: int = 0) -> None:
    """Write the removal of the inputs. In a bounded place, a firing with an effect keeps the slot of its token.

    *marked*: see `noted`.
    """
    met = {arc for group, _ in search.met(layout) for arc in group.arcs}
    for number, arc in enumerate(search.transition.arcs):
        if not arc.takes or number in met:
            continue
        bound = search.bound(number)
        if isinstance(arc.place, Counter):
            take_number(text, layout, arc.place, bound, layout.amount(arc, bound), marked)
        elif layout.how(arc.place).is_queue:  # type: ignore[arg-type]
            _shift(text, layout, search, arc, bound, marked)
        elif arc.many:
            with text.block(f"for token in {bound}:"):
                text.add(f"drop_{layout.var(arc.place)}(token)")
        else:
            text.add(f"drop_{layout.var(arc.place)}({bound})")
    for group, record in search.met(layout):
        meeting = layout.kept.meeting(search.transition, group)
        if meeting is not None and any(search.transition.arcs[n].takes for n in group.arcs):
            text.add(f"heappop({meeting.name}_ready)")  # the entry by which the record was found
        _take_met(text, layout, search, group, record, marked)


def _take_met(
    text: Text, layout: Layout, search: Search, group: JoinGroup, record: str, marked: int
) -> None:
    """Take all inputs that were found in a record, then examine the record once."""
    arcs = [(number, search.transition.arcs[number]) for number in group.arcs]
    taken = [(number, arc) for number, arc in arcs if arc.takes]
    changed: list[Any] = []
    for number, arc in taken:
        if isinstance(arc.place, Counter):
            text.add(f"{record}.{layout.var(arc.place)} -= 1")
            changed.append(arc.place)
        else:
            assert isinstance(arc.place, Place)
            changed += take_from_record(
                text, layout, arc.place, search.bound(number), record, marked
            )
    text.add(*noted(layout, layout.watches.loss([arc.place for _, arc in taken]), marked))
    lost(text, layout, changed, record)
    if not any(isinstance(each, Counter) for each in changed):  # otherwise a number has changed
        drop_record(text, layout, group.keys, record)


def _shift(text: Text, layout: Layout, search: Search, arc: Arc, bound: str, marked: int) -> None:
    """Remove the oldest tokens of a queue; if it is then empty, the loop of firings ends."""
    assert isinstance(arc.place, Place)
    with text.block(f"for _ in {bound}:") if arc.many else nullcontext():
        leave_queue(text, layout, arc.place, marked=marked)
        if arc.place.capacity is not None and search.transition.instant:
            occupy(text, layout, arc.place, -1, marked=marked)
    bit = layout.bit(search.transition)
    with text.block(f"if not {layout.var(arc.place)}:"):
        text.add(assign("dirty", f"&= ~{mask_text(bit)}"))


def lose(text: Text, layout: Layout, transition: Transition, bound: Any) -> None:
    """Record the consumed tokens; spent ones are recorded when they are put back."""
    for number, arc in enumerate(transition.arcs):
        if arc.is_held(started=True):
            if arc.many and layout.recorded:
                with text.block(f"for token in {bound(number)}:"):
                    text.add(*_lost(layout, arc, "token"))
            else:
                text.add(*_lost(layout, arc, bound(number)))
            if arc.kind == "take":
                text.add(
                    *record_change(layout, arc.place, key_of(layout, transition, number, bound))
                )


def _lost(layout: Layout, arc: Arc, token: str) -> list[str]:
    """The line that records a removed token."""
    recorded = layout.recorded and not isinstance(arc.place, Counter)
    return [f"lose({arc.place.name!r}, {token})"] if recorded else []


def write_aside(text: Text, layout: Layout, transition: Transition) -> None:
    """Write the function that sets aside the last bound token among the consumed ones."""
    arc = transition.arcs[_last(transition)]
    with text.function(f"aside_{layout.var(transition)}(token, error)"):
        if isinstance(arc.place, Counter):
            _lose_number(text, layout, arc, arc.place)
            return
        assert isinstance(arc.place, Place)
        if arc.many and layout.how(arc.place).is_queue:  # it is not the oldest
            leave_queue(text, layout, arc.place, "remove(token)")
            if arc.place.capacity is not None:
                occupy(text, layout, arc.place, -1)
        else:
            text.add(f"drop_{layout.var(arc.place)}(token)")
        text.add(*_lost(layout, arc, "token"))
        text.add(f"fault({arc.place.name!r}, token.serial, token.colour, blame(error))")


def _lose_number(text: Text, layout: Layout, arc: Arc, counter: Counter) -> None:
    """Consume from a number; its key is in `token`."""
    text.add("key = token")
    if counter.keys and counter.name in layout.kept.met:
        find_record(text, layout, counter.keys, "key")
        text.add(
            f"record.{layout.var(counter)} -= 1", *noted(layout, layout.watches.loss([counter]))
        )
        lost(text, layout, [counter])
    else:
        take_number(text, layout, counter, "key", layout.amount(arc, "key"))
    text.add(*record_change(layout, counter, "key"))
    text.add(f"fault({counter.name!r}, -1, None, blame(error))")


def set_aside(layout: Layout, search: Search) -> list[str]:
    """The lines that set aside the token or number bound last, which counts as a firing."""
    number = _last(search.transition)
    last = search.bound(number)
    if search.transition.arcs[number].many:
        last = f"{last}[-1]"
    return [
        f"aside_{layout.var(search.transition)}({last}, error)",
        "return" if search.transition.manual else "return left - 1",
    ]


def _last(transition: Transition) -> int:
    """The arc whose token or number is set aside."""
    number = plan.set_aside_at(transition)
    assert number is not None
    return number


# Spending.


def spends(text: Text, layout: Layout, transition: Transition, bound: Any) -> None:
    """Write the lines that put back the spent tokens of a firing."""
    for number, arc in enumerate(transition.arcs):
        if arc.kind == "spend":
            assert isinstance(arc.place, Place)
            if layout.how(arc.place).used and not transition.instant:
                text.add(f"unuse_{layout.var(arc.place)}({bound(number)})")
            text.add(*_lost(layout, arc, bound(number)))
            record = record_of(layout, transition, number, bound)
            _spend_one(text, layout, bound(number), arc, record)


def write_spend(text: Text, layout: Layout, transition: Transition) -> None:
    """Write the function that puts back spent tokens when the effect starts."""
    puts = ", puts" if layout.traced else ""
    with text.function(f"spend_{layout.var(transition)}(inputs, now{puts})"):
        for place in layout.bounded(transition):
            before = plan.occupies(transition, place, started=False)
            if before > plan.occupies(transition, place, started=True):
                occupy(text, layout, place, -1)
        spends(text, layout, transition, from_inputs)


def _spend_one(text: Text, layout: Layout, old: str, arc: Arc, record: str) -> None:
    place = arc.place
    assert isinstance(place, Place)
    if arc.change is None and not callable(arc.after_ns):
        ready = later(layout, arc.after_ns, "") if place.timed else "0"
        again(text, layout, place, old, ready, record)
        return
    if not layout.how(place).pauses_alike:
        _change(text, layout, old, arc, record)
        return
    text.add(f"old = {old}")
    with text.block("if old.pause is not None:"):  # the token is unchanged, with this pause
        again(text, layout, place, "old", "now + old.pause", record)
    with text.block("else:"):
        _change(text, layout, "old", arc, record)


def _change(text: Text, layout: Layout, old: str, arc: Arc, record: str) -> None:
    """Put back the changed token. If it is unchanged, cache that and its pause."""
    place = arc.place
    assert isinstance(place, Place)
    ready = later(layout, arc.after_ns, "colour") if place.timed else "0"
    with text.block("try:"):
        if arc.change is None:
            text.add(f"made_ = colour = {old}.colour")
        else:
            text.add(f"colour = {old}.colour")
            text.add(f"made_ = {layout.names.function(arc.change)}(colour)")
        with text.block("if made_ is colour:"):  # its computed attributes remain valid
            text.add(f"ready = {ready}")
        with text.block("else:"):
            text.add(f"spent = {several(layout, place, 'made_')}")
            text.add("spent = (made_,) if spent is None else spent")
            text.add(f"spent = [(colour, {ready}) for colour in spent]")
    with text.block("except Exception as error:"):
        text.add(f"fault({place.name!r}, {old}.serial, {old}.colour, blame(error))")
    with text.block("else:"):
        with text.block("if made_ is colour:"):
            text.add(*([f"{old}.pause = ready - now"] if layout.how(place).pauses_alike else []))
            again(text, layout, place, old, "ready", record)
        with text.block("else:"), text.block("for colour, ready in spent:"):
            write_put(text, layout, place, "colour", "ready", f"{old}.ends")
