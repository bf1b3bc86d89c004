"""The functions of places: how a token is made, stands, leaves, and passes its time.

Owns: the text of `token_*`, `stand_*`, `leave_*`, `drop_*` and `expire_*`.
Must not know: how tokens come (`arrivals.py`), what transitions do.

A place is kept in one of four ways: a queue, where the oldest token always goes first; tokens by
serial, with an index for each way in which they are looked for; a paged index; or not at all, where
it only shows firings.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from scraper_cpn.net.compiled.generate import records
from scraper_cpn.net.compiled.generate.arrivals import (
    come_to_page,
    first_comes,
    make_token,
    write_arrivals,
)
from scraper_cpn.net.compiled.generate.indexes import Index, Influence, projected
from scraper_cpn.net.compiled.generate.influence import noted, occupy, only_if
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.text import Text, assign, plain
from scraper_cpn.net.compiled.runtime.lines import NEVER
from scraper_cpn.net.places import Place


def write_state(text: Text, layout: Layout) -> None:
    """Write the variables of the marking."""
    for counter in layout.counters:
        if counter.keys and counter.name in layout.kept.met:
            continue
        most = layout.most(counter)
        more = "" if most == 1 else f", {most if most < NEVER else 'NEVER'}"
        start = f"Tally({layout.names.of(counter, f'{layout.var(counter)}_declared')}.first{more})"
        text.add(
            f"{layout.var(counter)} = {start if counter.keys else f'NET.places[{counter.name!r}].start'}"
        )
    for seen in layout.sets:
        kind = ("Printed()" if layout.printed else "Split()") if seen.paged else "Seen()"
        text.add(f"{layout.var(seen)} = {kind}")
    for place in layout.standing:
        if place.paged or layout.how(place).field is None:
            text.add(f"{layout.var(place)} = {_kept_as(layout, place)}")
    for found in layout.kept.indexes.values():
        if found.kind == "held" or found.place.paged or layout.how(found.place).is_queue:
            continue
        state = "EXPIRED" if found.expired else ""
        kind = {"line": f"Line({state})", "view": "View()", "presence": "Presence()"}[found.kind]
        text.add(f"{found.name} = {kind}")
    for transition in layout.transitions:
        for arc in transition.arcs:
            if callable(arc.count):
                declared = layout.names.of(arc, "arc_declared")
                text.add(f"{layout.amounts[arc]} = Amounts(partial(amount, {declared}))")
    text.add(
        *(f"used_{layout.var(place)} = {{}}" for place in layout.standing if layout.how(place).used)
    )
    text.add(
        *(f"{layout.endings[place.name]} = Endings()" for place in layout.standing if place.expires)
    )
    text.add(
        *(f"{layout.free(place)} = NET.places[{place.name!r}].capacity" for place in layout.limited)
    )
    text.add(*(f"sunk_{layout.var(sink)} = 0" for sink in layout.sinks))


def _kept_as(layout: Layout, place: Place[Any]) -> str:
    if layout.how(place).only_shows:
        shows = {
            number: (at, arc)
            for number, each in enumerate(layout.transitions)
            for at, (shown, arc) in enumerate(each.shows)
            if shown is place
        }
        return f"Shown(flights, {shows})"
    if place.by_time:
        return f"PagedTimes({place.name!r}, SHELF)"
    if place.paged:
        kind = "PagedView" if layout.how(place).field is None else "Pages"
        return f"{kind}({place.name!r}, {len(place.order)}, SHELF)"
    return "deque()" if layout.how(place).is_queue else "{}"


def listing(layout: Layout, place: Place[Any]) -> str:
    """The expression for a function that lists the tokens of a place."""
    found = layout.how(place).field
    if found is None:
        return layout.var(place)
    if place.paged:
        return (
            f"PagedRecords({layout.var(place)}, {layout.kept.records[place.keys]}, {found.name!r})"
        )
    expired = f", {_expired(layout, place)}" if place.expires else ""
    return f"Held({layout.kept.records[place.keys]}, {found.name!r}{expired})"


# Tokens.


def write_place(text: Text, layout: Layout, place: Place[Any]) -> None:
    """Write the functions of a place."""
    text.add(f"# {plain(_title(layout, place))}", "")
    _token(text, layout, place)
    if layout.how(place).only_shows:
        return
    if place.paged:
        _page(text, layout, place)
        stand = None
    elif layout.how(place).is_queue:
        _queue(text, layout, place)
        stand = None
    else:
        _keep(text, layout, place)
        stand = partial(_stand, text, layout, place)
    write_arrivals(text, layout, place, stand)


def _title(layout: Layout, place: Place[Any]) -> str:
    parts = [f"Place {place.name} of {place.colour.__name__}"]
    parts += [f"key {', '.join(place.keys)}"] if place.keys else []
    parts += [f"order {', '.join(place.order)}"] if place.order else []
    parts += ["bounded"] if place.capacity is not None else []
    parts += ["timed"] if place.timed else []
    parts += ["paged"] if place.paged else []
    parts += ["expires"] if place.expires else []
    parts += ["a queue"] if layout.how(place).is_queue else []
    parts += ["shows firings"] if layout.how(place).only_shows else []
    return "; ".join(parts) + "."


def _token(text: Text, layout: Layout, place: Place[Any]) -> None:
    if layout.how(place).is_simple:
        return
    name = layout.var(place)
    if len(place.order) > 1:
        text.add(f"orders_{name} = {{}}")
    with text.function(f"token_{name}(serial, colour, ready, ends)"):
        text.add(f"return {make_token(text, layout, place, 'serial')}")


def _page(text: Text, layout: Layout, place: Place[Any]) -> None:
    """Write a paged place: one index with all that is known of its tokens."""
    name, found = layout.var(place), layout.how(place).field
    with text.function(f"stand_{name}(token)"):
        come_to_page(text, layout, place)
    with text.function(f"drop_{name}(token)"):
        text.add(*noted(layout, layout.watches.loss([place])))
        if found is None:
            text.add(f"{name}.lose(token.keys, token.serial)")
            return
        text.add(f"record = {layout.kept.records[place.keys]}[token.keys]")
        with text.block(f"if {name}.lose(record.{found.name}, token.serial):"):
            text.add(f"record.{found.name} = None")
        records.lost(text, layout, [found])
        records.drop_record(text, layout, place.keys, "record", found.name)


def _queue(text: Text, layout: Layout, place: Place[Any]) -> None:
    """Write a queue. Arcs see only its oldest token: the first arrival and the last removal influence transitions."""
    name = layout.var(place)
    with text.function(f"stand_{name}(token)"):
        first_comes(text, layout, place)
        if place.capacity is not None:
            occupy(text, layout, place, 1)
        text.add(f"stand_again({name}, token)")
    with text.function(f"drop_{name}(token)"):
        leave_queue(text, layout, place)
        if place.capacity is not None:
            occupy(text, layout, place, -1)


def leave_queue(
    text: Text, layout: Layout, place: Place[Any], how: str = "popleft()", *, marked: int = 0
) -> None:
    """Write the removal of a token, by default the oldest."""
    name, most = layout.var(place), layout.most(place)
    text.add(f"{name}.{how}")
    lines = noted(layout, layout.watches.loss([place]), marked)
    if most < NEVER:
        only_if(text, f"not {name}" if most == 1 else f"len({name}) < {most}", lines)
    else:
        text.add(*lines)


def _keep(text: Text, layout: Layout, place: Place[Any]) -> None:
    """Write a place with tokens by serial, and indexes of them."""
    with text.function(f"stand_{layout.var(place)}(token)"):
        _stand(text, layout, place)
    _leave(text, layout, place)
    _drop(text, layout, place)
    if place.expires:
        _expire(text, layout, place)
    if layout.how(place).used:
        _use(text, layout, place)


def _use(text: Text, layout: Layout, place: Place[Any]) -> None:
    """Keep a copy of a taken token visible to the arcs that look for tokens in use."""
    name, used = layout.var(place), layout.how(place).used
    readers = layout.watches.readers_in_use(place)
    with text.function(f"use_{name}(token)"):
        text.add(
            "copy = Token(token.serial, token.colour, token.ready, token.ends, token.keys, token.order, token.passes)"
        )
        text.add(f"used_{name}[token.serial] = copy")
        for found in used:
            key = projected("token.keys", place.keys, found.names)
            call = f"add({key})" if found.kind == "presence" else f"add({_key(found)}copy, NEVER)"
            _if_passing(text, found, f"{found.name}.{call}")
        text.add(*noted(layout, Influence(readers, layout.watches.absences(place))))
    with text.function(f"unuse_{name}(token)"):
        text.add(f"used_{name}.pop(token.serial).state = GONE")
        for found in used:
            key = projected("token.keys", place.keys, found.names)
            call = key if found.kind == "presence" else _key(found).removesuffix(", ")
            _if_passing(text, found, f"{found.name}.lose({call})")
        text.add(*noted(layout, Influence(layout.watches.absences(place), readers)))


def _stand(text: Text, layout: Layout, place: Place[Any], *, given: bool = False) -> None:
    """Write the arrival of a token; *given*: `record` may be the record of its key."""
    name = layout.var(place)
    text.add(*noted(layout, layout.watches.gain_of(place)))
    if layout.how(place).field is None:
        text.add(f"{name}[token.serial] = token")
    _counted(text, layout, place, "add", 1)
    if place.expires:
        with text.block("if token.ends is not None:"):
            with text.block("if token.ends <= clock:"):
                text.add(f"{_expired(layout, place)}.add(token, NEVER)")
                text.add(*noted(layout, layout.watches.gain_of(place, expired=True)), "return")
            text.add(f"{layout.endings[place.name]}.add(token)")
            text.add(assign("next_end", "= min(next_end, token.ends)"))
    for bit in range(len(layout.how(place).guards)):
        lines = noted(layout, layout.watches.gain_of(place, bit=1 << bit))
        only_if(text, f"token.passes & {1 << bit}", lines)
    for found in _seen_by(layout, place):
        when = "NEVER" if found.ignores_ready or not place.timed else "clock"
        call = f"{found.name}.add({_key(found)}token, {when})"
        _if_passing(text, found, call)
    _meet(text, layout, place, given=given)


def _leave(text: Text, layout: Layout, place: Place[Any]) -> None:
    with text.function(f"leave_{layout.var(place)}(token, state)"):
        text.add("token.state = state")
        if place.expires:
            with text.block("if token.ends is not None:"):
                text.add(
                    f"{layout.endings[place.name]}.lose()", assign(("ends_late", "late"), "= True")
                )
        for found in _seen_by(layout, place):
            _if_passing(text, found, f"{found.name}.lose({_key(found).removesuffix(', ')})")
        for alike in _held(layout, place):
            with passing(text, alike[0]):
                text.add(f"record = {layout.kept.records[place.keys]}[token.keys]")
                for found in _fields(alike):
                    records.leave(text, found, "token", "record")
                records.lost(text, layout, alike)
                records.drop_record(text, layout, place.keys, "record", alike[0].name)


def take_from_record(
    text: Text, layout: Layout, place: Place[Any], token: str, record: str, marked: int
) -> list[Index]:
    """Write the removal of a token that was found in its record; returns the fields that contained it."""
    name = layout.var(place)
    if place.paged:
        with text.block(f"if {name}.lose({record}.{name}, {token}.serial):"):
            text.add(f"{record}.{name} = None")
        return [found for alike in _held(layout, place) for found in alike]
    if layout.how(place).field is None:
        text.add(f"del {name}[{token}.serial]")
    _counted(text, layout, place, "lose", -1, token, marked)
    gone = f"{token}.state = GONE"
    if place.expires:
        with text.block(f"if {token}.ends is not None:"):
            text.add(
                gone,
                f"{layout.endings[place.name]}.lose()",
                assign(("ends_late", "late"), "= True"),
            )
    for found in _seen_by(layout, place):
        call = f"{found.name}.lose({_key(found, token).removesuffix(', ')})"
        _if_passing(text, found, gone, call, bound=token)
    for alike in _held(layout, place):
        with passing(text, alike[0], token):
            for found in _fields(alike):
                records.leave(text, found, token, record)
    return [found for alike in _held(layout, place) for found in alike]


def _meet(text: Text, layout: Layout, place: Place[Any], *, given: bool) -> None:
    """Write the arrival of a token in the record of its key, where it may complete joins."""
    for alike in _held(layout, place):
        with passing(text, alike[0]):
            records.find_record(text, layout, place.keys, "token.keys", given=given)
            for found in _fields(alike):
                text.add(f"held = record.{found.name}")
                records.stand(text, layout, found, "held")
            for found in alike:
                records.come(text, layout, found, "held")


def _drop(text: Text, layout: Layout, place: Place[Any]) -> None:
    name = layout.var(place)
    with text.function(f"drop_{name}(token)"):
        text.add(*noted(layout, layout.watches.loss([place])))
        if layout.how(place).field is None:
            text.add(f"del {name}[token.serial]")
        _counted(text, layout, place, "lose", -1)
        if place.expires:
            with text.block("if token.state == EXPIRED:"):
                text.add("token.state = GONE", f"{_expired(layout, place)}.lose()", "return")
        text.add(f"leave_{name}(token, GONE)")


def _expire(text: Text, layout: Layout, place: Place[Any]) -> None:
    name = layout.var(place)
    with text.function(f"expire_{name}(now)"):
        with text.block(f"for token in {layout.endings[place.name]}.passed(now):"):
            text.add(f"leave_{name}(token, EXPIRED)")
            text.add(f"{_expired(layout, place)}.add(token, NEVER)")
        text.add(*noted(layout, layout.watches.gain([place]) | layout.watches.loss([place])))


def _counted(
    text: Text,
    layout: Layout,
    place: Place[Any],
    call: str,
    change: int,
    bound: str = "token",
    marked: int = 0,
) -> None:
    """Update the indexes that count all tokens, ready or waiting."""
    if place.capacity is not None:
        occupy(text, layout, place, change, marked=marked)
    for found in layout.kept.of(place):
        if found.kind == "presence":
            key = projected(f"{bound}.keys", place.keys, found.names)
            _if_passing(text, found, f"{found.name}.{call}({key})", bound=bound)


def _seen_by(layout: Layout, place: Place[Any]) -> list[Index]:
    """The indexes of tokens that have not expired."""
    kinds = {"line", "view"}
    return [found for found in layout.kept.of(place) if found.kind in kinds and not found.expired]


def _held(layout: Layout, place: Place[Any]) -> list[list[Index]]:
    """The record fields with tokens that have not expired, grouped by guard."""
    held = [found for found in layout.kept.of(place) if found.kind == "held"]
    return [
        [found for found in held if found.bit == bit]
        for bit in dict.fromkeys(found.bit for found in held)
    ]


def _fields(alike: list[Index]) -> list[Index]:
    """One index of each field."""
    return list({found.name: found for found in alike}.values())


def passing(text: Text, found: Index, bound: str = "token") -> AbstractContextManager[None]:
    """A block for tokens that pass the guard of an index."""
    return text.block(f"if {bound}.passes & {found.bit}:") if found.bit else nullcontext()


def _expired(layout: Layout, place: Place[Any]) -> str:
    return next(found.name for found in layout.kept.of(place) if found.expired)


def _key(found: Index, bound: str = "token") -> str:
    """The first argument of an index that has keys."""
    return (
        "" if not found.names else projected(f"{bound}.keys", found.place.keys, found.names) + ", "
    )


def _if_passing(text: Text, found: Index, *lines: str, bound: str = "token") -> None:
    with passing(text, found, bound):
        text.add(*lines)
