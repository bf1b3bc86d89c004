"""The functions of places: how a token is made, comes, leaves, and passes its time.

Owns: the text of `token_*`, `stand_*`, `leave_*`, `drop_*`, `expire_*`, `put_*`, `again_*`, `new_*`.
Must not know: transitions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scraper_cpn.net.generate.layout import Index, Layout, projected
from scraper_cpn.net.generate.text import Text, attribute, plain, tupled
from scraper_cpn.net.places import KeySet, Place, Sink


def write_state(text: Text, layout: Layout) -> None:
    """The variables in which the marking is kept."""
    for counter in layout.counters:
        start = f"Tally({layout.names.of(counter, f'{layout.var(counter)}_declared')}.first)"
        text.add(f"{layout.var(counter)} = {start if counter.keys else {None: counter.start}}")
    for seen in layout.sets:
        printed = "Printed() if PRINTED else " if seen.paged else ""
        text.add(f"{layout.var(seen)} = {printed}Seen()")
    for place in layout.standing:
        view = f"PagedView({place.name!r}, {len(place.order)}, SHELF)"
        text.add(f"{layout.var(place)} = {view if place.paged else {}}")
    for found in layout.indexes.values():
        if found.place.paged:
            continue
        state = "EXPIRED" if found.expired else ""
        kind = {"line": f"Line({state})", "view": "View()", "presence": "Presence()"}[found.kind]
        text.add(f"{found.name} = {kind}")
    text.add(
        *(f"{endings(layout, place)} = Endings()" for place in layout.standing if place.expires)
    )
    text.add("occupied = " + _zeros(p for p in layout.standing if p.capacity is not None))
    text.add("sunk = " + _zeros(layout.sinks))


def _zeros(places: Iterable[Place[Any]]) -> str:
    return repr({place.name: 0 for place in places})


def endings(layout: Layout, place: Place[Any]) -> str:
    """The variable with the times at which a place's tokens expire."""
    return layout.stem((place, "endings"), f"{layout.var(place)}_endings")


def write_place(text: Text, layout: Layout, place: Place[Any], *, traced: bool) -> None:
    """The functions of one place."""
    text.add("", f"# {plain(_title(place))}", "")
    _token(text, layout, place)
    if place.paged:
        _page(text, layout.var(place))
    else:
        _keep(text, layout, place)
    _put(text, layout, place, traced=traced)
    if _comes_back(layout, place):
        _again(text, layout, place, traced=traced)


def _page(text: Text, name: str) -> None:
    """A paged place is one index, which has all that there is to know of its tokens."""
    with text.block(f"def stand_{name}(token):"):
        text.add(f"{name}.add(token.keys, token)", "")
    with text.block(f"def drop_{name}(token):"):
        text.add(f"{name}.lose(token.keys, token.serial)", "")


def _keep(text: Text, layout: Layout, place: Place[Any]) -> None:
    """A place that is not paged has its tokens by serial, and indexes of them."""
    _stand(text, layout, place)
    _leave(text, layout, place)
    _drop(text, layout, place)
    if place.expires:
        _expire(text, layout, place)


def _title(place: Place[Any]) -> str:
    parts = [f"Place {place.name} of {place.colour.__name__}"]
    parts += [f"key {', '.join(place.keys)}"] if place.keys else []
    parts += [f"order {', '.join(place.order)}"] if place.order else []
    parts += [f"capacity {place.capacity}"] if place.capacity is not None else []
    parts += ["timed"] if place.timed else []
    parts += ["paged"] if place.paged else []
    parts += ["expires"] if place.expires else []
    return "; ".join(parts) + "."


def _token(text: Text, layout: Layout, place: Place[Any]) -> None:
    name = layout.var(place)
    with text.block(f"def token_{name}(serial, colour, ready, ends):"):
        keys = [f"k{number}" for number in range(len(place.keys))]
        orders = [f"o{number}" for number in range(len(place.order))]
        for variable, field in zip(keys, place.keys, strict=True):
            text.add(f"{variable} = {attribute('colour', field)}")
        text.add(*(f"hash({variable})" for variable in keys))
        for variable, field in zip(orders, place.order, strict=True):
            text.add(f"{variable} = {attribute('colour', field)}")
        if orders:
            whole = " or ".join(f"type({variable}) is not int" for variable in orders)
            with text.block(f"if {whole}:"):
                declared = layout.names.of(place, f"{name}_declared")
                text.add(f"order_of(colour, {declared})")
        tests = [
            f"({1 << bit} if {layout.names.function(guard)}(colour) else 0)"
            for bit, guard in enumerate(layout.guards(place))
        ]
        order = orders[0] if len(orders) == 1 else tupled(orders)
        key = "None" if not keys else keys[0] if len(keys) == 1 else tupled(keys)
        passes = " | ".join(tests) or "0"
        text.add(f"return Token(serial, colour, ready, ends, {key}, {order}, {passes})", "")


def _stand(text: Text, layout: Layout, place: Place[Any]) -> None:
    name = layout.var(place)
    with text.block(f"def stand_{name}(token):"):
        text.add(f"{name}[token.serial] = token")
        _counted(text, layout, place, "+=", "add")
        if place.expires:
            with text.block("if token.ends is not None:"):
                with text.block("if token.ends <= clock:"):
                    text.add(
                        "token.state = EXPIRED", f"{_expired(layout, place)}.add(token, NEVER)"
                    )
                    text.add("return")
                text.add(f"{endings(layout, place)}.add(token)")
        text.add("token.state = STANDING")
        for found in _seen_by(layout, place):
            when = "NEVER" if found.early else "clock"
            call = f"{found.name}.add({_key(found)}token, {when})"
            _if_passing(text, found, call)
    text.add("")


def _leave(text: Text, layout: Layout, place: Place[Any]) -> None:
    with text.block(f"def leave_{layout.var(place)}(token, state):"):
        text.add("token.state = state")
        if place.expires:
            with text.block("if token.ends is not None:"):
                text.add(f"{endings(layout, place)}.lose()")
        for found in _seen_by(layout, place):
            _if_passing(text, found, f"{found.name}.lose({_key(found).removesuffix(', ')})")
    text.add("")


def _drop(text: Text, layout: Layout, place: Place[Any]) -> None:
    name = layout.var(place)
    with text.block(f"def drop_{name}(token):"):
        text.add(f"del {name}[token.serial]")
        _counted(text, layout, place, "-=", "lose")
        if place.expires:
            with text.block("if token.state == EXPIRED:"):
                text.add("token.state = GONE", f"{_expired(layout, place)}.lose()", "return")
        text.add(f"leave_{name}(token, GONE)", "")


def _expire(text: Text, layout: Layout, place: Place[Any]) -> None:
    name = layout.var(place)
    influence = layout.gain([place]) | layout.loss([place])
    with text.block(f"def expire_{name}(now):"):
        text.add("nonlocal dirty, late")
        with text.block(f"for token in {endings(layout, place)}.passed(now):"):
            text.add(f"leave_{name}(token, EXPIRED)")
            text.add(f"{_expired(layout, place)}.add(token, NEVER)")
        text.add(f"dirty |= {influence.enables:#b}", f"late |= {influence.delays:#b}", "")


def _put(text: Text, layout: Layout, place: Place[Any], *, traced: bool) -> None:
    name = layout.var(place)
    with text.block(f"def put_{name}(colour, ready, ends):"):
        text.add("nonlocal serial", "number = serial", "serial += 1")
        if place.keys or place.order or layout.guards(place):
            with text.block("try:"):
                text.add(f"token = token_{name}(number, colour, ready, ends)")
            with text.block("except Exception as error:"):
                text.add(f"fault({place.name!r}, number, colour, blame(error))")
            with text.block("else:"):
                text.add(f"stand_{name}(token)", *_born(layout, place))
        else:
            text.add("token = Token(number, colour, ready, ends, None, (), 0)")
            text.add(f"stand_{name}(token)", *_born(layout, place))
        if traced:
            text.add(f"return ({place.name!r}, number, colour, ready)")
    text.add("")


def _comes_back(layout: Layout, place: Place[Any]) -> bool:
    """Whether tokens are put back as they are."""
    arcs = [arc for transition in layout.transitions for arc in transition.arcs]
    return any(arc.place is place and arc.kind in {"hold", "spend"} for arc in arcs)


def _again(text: Text, layout: Layout, place: Place[Any], *, traced: bool) -> None:
    """Put the same colour back: what was worked out of it holds."""
    name = layout.var(place)
    with text.block(f"def again_{name}(old, ready):"):
        text.add("nonlocal serial", "number = serial", "serial += 1")
        text.add(
            "token = Token(number, old.colour, ready, old.ends, old.keys, old.order, old.passes)"
        )
        text.add(f"stand_{name}(token)", *_born(layout, place))
        if traced:
            text.add(f"return ({place.name!r}, number, old.colour, ready)")
    text.add("")


def _born(layout: Layout, place: Place[Any]) -> list[str]:
    """The line that records a token that came."""
    recorded = layout.recorded and place.name not in layout.shown
    return [f"born[number] = ({place.name!r}, token)"] if recorded else []


def write_sink(text: Text, layout: Layout, place: Sink[Any], *, traced: bool) -> None:
    """The one function of a sink."""
    text.add("", f"# Sink {plain(place.name)} of {place.colour.__name__}.", "")
    with text.block(f"def put_{layout.var(place)}(colour, ready, ends):"):
        text.add("nonlocal serial", "number = serial", "serial += 1")
        text.add(f"sunk[{place.name!r}] += 1", f"rows.append(Row({place.name!r}, colour))")
        if traced:
            text.add(f"return ({place.name!r}, number, colour, 0)")
    text.add("")


def new(layout: Layout, seen: KeySet[Any], place: Place[Any]) -> str:
    """The function that puts into *place* what *seen* has not seen."""
    return layout.stem((seen, place), f"new_{layout.var(seen)}_{layout.var(place)}")


def write_new(
    text: Text, layout: Layout, seen: KeySet[Any], place: Place[Any], *, traced: bool
) -> None:
    """Put a token if its key is new; without a key, set it aside."""
    put = f"put_{layout.var(place)}(colour, ready, ends)"
    with text.block(f"def {new(layout, seen, place)}(colour, ready, ends):"):
        text.add("nonlocal serial")
        with text.block("try:"):
            keys = [attribute("colour", name) for name in seen.keys]
            text.add(f"key = {keys[0] if len(keys) == 1 else tupled(keys)}", "hash(key)")
        with text.block("except Exception as error:"):
            text.add("serial += 1", f"fault({place.name!r}, serial - 1, colour, blame(error))")
            text.add(f"return ({place.name!r}, serial - 1, colour, 0)" if traced else "return")
        with text.block(f"if {layout.var(seen)}.add(key):"):
            text.add(*([f"met.append(({seen.name!r}, key))"] if layout.recorded else []))
            text.add(f"return {put}" if traced else put)
        if traced:
            text.add("return None")
    text.add("")


def _counted(text: Text, layout: Layout, place: Place[Any], sign: str, call: str) -> None:
    """Count a token in or out of what counts all tokens, whatever they wait for."""
    if place.capacity is not None:
        text.add(f"occupied[{place.name!r}] {sign} 1")
    for found in layout.of(place):
        if found.kind == "presence":
            text.add(f"{found.name}.{call}({_key(found).removesuffix(', ')})")


def _seen_by(layout: Layout, place: Place[Any]) -> list[Index]:
    """The indexes of the tokens that stand."""
    return [found for found in layout.of(place) if found.kind != "presence" and not found.expired]


def _expired(layout: Layout, place: Place[Any]) -> str:
    return next(found.name for found in layout.of(place) if found.expired)


def _key(found: Index) -> str:
    """The first argument of an index that has keys."""
    return "" if not found.names else projected("token.keys", found.place.keys, found.names) + ", "


def _if_passing(text: Text, found: Index, call: str) -> None:
    if not found.bit:
        text.add(call)
        return
    with text.block(f"if token.passes & {found.bit}:"):
        text.add(call)
