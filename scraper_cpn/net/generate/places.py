"""The functions of places: how a token is made, comes, leaves, and passes its time.

Owns: the text of `token_*`, `stand_*`, `leave_*`, `drop_*`, `expire_*`, `put_*`, `again_*`, `shelve`, and of
what a place's gain or loss means for others.
Must not know: what transitions do.

A place is kept in one of four ways: a queue, where the oldest token always goes first; tokens by
serial, with an index for each way in which they are looked for; a paged index; or not at all, where
it only shows firings.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from scraper_cpn.net.generate import records
from scraper_cpn.net.generate.layout import Index, Influence, Layout, projected
from scraper_cpn.net.generate.text import Text, attribute, plain, tupled
from scraper_cpn.net.places import KeySet, Place, Sink


def write_state(text: Text, layout: Layout) -> None:
    """The variables in which the marking is kept."""
    for counter in layout.counters:
        if counter.keys and counter.name in layout.met:
            continue
        start = f"Tally({layout.names.of(counter, f'{layout.var(counter)}_declared')}.first)"
        text.add(f"{layout.var(counter)} = {start if counter.keys else counter.start}")
    for seen in layout.sets:
        kind = "Printed() if PRINTED else Split()" if seen.paged else "Seen()"
        text.add(f"{layout.var(seen)} = {kind}")
    for place in layout.standing:
        text.add(f"{layout.var(place)} = {_kept_as(layout, place)}")
    for found in layout.indexes.values():
        if found.kind == "held" or found.place.paged or layout.is_queue(found.place):
            continue
        state = "EXPIRED" if found.expired else ""
        kind = {"line": f"Line({state})", "view": "View()", "presence": "Presence()"}[found.kind]
        text.add(f"{found.name} = {kind}")
    text.add(
        *(f"{endings(layout, place)} = Endings()" for place in layout.standing if place.expires)
    )
    text.add(*(f"{slots(layout, place)} = 0" for place in layout.limited))
    text.add(*(f"sunk_{layout.var(sink)} = 0" for sink in layout.sinks))


def _kept_as(layout: Layout, place: Place[Any]) -> str:
    if layout.only_shows(place):
        firsts = {
            number: next(at for at, arc in enumerate(each.arcs) if arc.binds)
            for number, each in enumerate(layout.transitions)
            if each.during is place
        }
        return f"Shown(flights, {firsts})"
    if place.paged:
        return f"PagedView({place.name!r}, {len(place.order)}, SHELF)"
    return "deque()" if layout.is_queue(place) else "{}"


def endings(layout: Layout, place: Place[Any]) -> str:
    """The variable with the times at which a place's tokens expire."""
    return layout.stem((place, "endings"), f"{layout.var(place)}_endings")


def slots(layout: Layout, place: Place[Any]) -> str:
    """The variable with the number of slots that are occupied."""
    return f"slots_{layout.var(place)}"


# What a gain or a loss means for others.


def noted(layout: Layout, influence: Influence) -> list[str]:
    """The lines that note which transitions to try again, and whose next useful time is another now."""
    delays = influence.delays & layout.timed
    masks = {"dirty": influence.enables, "late": delays}
    return [f"{name} |= {mask:#b}  # {layout.listed(mask)}" for name, mask in masks.items() if mask]


def only_if(text: Text, condition: str, lines: list[str]) -> None:
    """Lines that are needed only under a condition."""
    if lines:
        with text.block(f"if {condition}:"):
            text.add(*lines)


def occupy(text: Text, layout: Layout, place: Place[Any], change: int) -> None:
    """Count slots; who needs some may begin again once there were too few, or can't any more."""
    assert place.capacity is not None
    name, most = slots(layout, place), layout.most_slots(place)
    left = place.capacity - most
    if change > 0:
        text.add(f"{name} += {change}")
        delays = Influence(0, layout.wants_slots(place) & layout.timed)
        only_if(text, f"{name} > {left}", noted(layout, delays))
    elif change < 0:
        text.add(f"{name} -= {-change}")
        enables = Influence(layout.wants_slots(place), 0)
        only_if(text, f"{name} > {left + change}", noted(layout, enables))


# Tokens.


def write_place(text: Text, layout: Layout, place: Place[Any], *, traced: bool) -> None:
    """The functions of one place."""
    text.add(f"# {plain(_title(layout, place))}", "")
    _token(text, layout, place)
    if layout.only_shows(place):
        return
    if place.paged:
        _page(text, layout, place)
    elif layout.is_queue(place):
        _queue(text, layout, place)
    else:
        _keep(text, layout, place)
    _put(text, layout, place, traced=traced)
    if _comes_back(layout, place):
        _again(text, layout, place, traced=traced)


def _title(layout: Layout, place: Place[Any]) -> str:
    parts = [f"Place {place.name} of {place.colour.__name__}"]
    parts += [f"key {', '.join(place.keys)}"] if place.keys else []
    parts += [f"order {', '.join(place.order)}"] if place.order else []
    parts += [f"capacity {place.capacity}"] if place.capacity is not None else []
    parts += ["timed"] if place.timed else []
    parts += ["paged"] if place.paged else []
    parts += ["expires"] if place.expires else []
    parts += ["a queue"] if layout.is_queue(place) else []
    parts += ["shows firings"] if layout.only_shows(place) else []
    return "; ".join(parts) + "."


def is_simple(layout: Layout, place: Place[Any]) -> bool:
    """Whether nothing of a token is worked out when it is deposited."""
    return not (place.keys or place.order or layout.guards(place))


def _token(text: Text, layout: Layout, place: Place[Any]) -> None:
    if is_simple(layout, place):
        return
    name = layout.var(place)
    if len(place.order) > 1:
        text.add(f"orders_{name} = {{}}")
    with text.function(f"token_{name}(serial, colour, ready, ends)"):
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
        if len(orders) > 1:
            text.add(f"order = {order}")
            with text.block(f"if len(orders_{name}) < ORDERS_MAX:"):
                text.add(f"order = orders_{name}.setdefault(order, order)")
            order = "order"
        key = "None" if not keys else keys[0] if len(keys) == 1 else tupled(keys)
        passes = " | ".join(tests) or "0"
        text.add(f"return Token(serial, colour, ready, ends, {key}, {order}, {passes})")


def _page(text: Text, layout: Layout, place: Place[Any]) -> None:
    """A paged place is one index, which has all that there is to know of its tokens."""
    name = layout.var(place)
    held = [found for found in layout.of(place) if found.kind == "held"]
    with text.function(f"stand_{name}(token)"):
        _come_to_page(text, layout, place)
    with text.function(f"drop_{name}(token)"):
        text.add(*noted(layout, layout.loss([place])))
        call = f"{name}.lose(token.keys, token.serial)"
        text.add(*([] if held else [call]))
        for found in held:
            text.add(f"record = {layout.records(place.keys)}[token.keys]")
            with text.block(f"if {call}:"):
                text.add(f"record.{found.name} = None")
            records.lost(text, layout, [found])
            records.drop_record(text, layout, place.keys, "record", found.name)


def _come_to_page(text: Text, layout: Layout, place: Place[Any]) -> None:
    """A token comes to a paged place."""
    name = layout.var(place)
    held = [found for found in layout.of(place) if found.kind == "held"]
    text.add(*noted(layout, layout.gain([place])))
    text.add(f"{'line = ' if held else ''}{name}.add(token.keys, token)")
    for found in held:
        with text.block("if line is not None:"):
            _open(text, layout, found, "token.keys")


def _open(text: Text, layout: Layout, found: Index, key: str) -> None:
    """A key of a paged place has another first token."""
    records.find_record(text, layout, found.place.keys, key)
    text.add(f"record.{found.name} = line")
    records.come(text, layout, found, "None")


def write_shelve(text: Text, layout: Layout) -> None:
    """What a shelf has of a key, when a kernel is loaded."""
    with text.function("shelve(name, key, count, order, first)"):
        text.add("line = PLACES[name].shelve(key, count, order, first)")
        for found in layout.indexes.values():
            if found.place.paged and found.kind == "held":
                with text.block(f"if name == {found.place.name!r}:"):
                    _open(text, layout, found, "key")


def _queue(text: Text, layout: Layout, place: Place[Any]) -> None:
    """Who looks at a queue sees the oldest token, and so notices the first that comes and the last that goes."""
    name = layout.var(place)
    with text.function(f"stand_{name}(token)"):
        only_if(text, f"not {name}", noted(layout, layout.gain([place])))
        if place.capacity is not None:
            occupy(text, layout, place, 1)
        text.add(f"stand_again({name}, token)")
    with text.function(f"drop_{name}(token)"):
        leave_queue(text, layout, place)
        if place.capacity is not None:
            occupy(text, layout, place, -1)


def leave_queue(text: Text, layout: Layout, place: Place[Any]) -> None:
    """The oldest token goes."""
    name = layout.var(place)
    text.add(f"{name}.popleft()")
    only_if(text, f"not {name}", noted(layout, layout.loss([place])))


def _keep(text: Text, layout: Layout, place: Place[Any]) -> None:
    """Tokens by serial, and indexes of them."""
    _stand(text, layout, place)
    _leave(text, layout, place)
    _drop(text, layout, place)
    if place.expires:
        _expire(text, layout, place)


def _stand(text: Text, layout: Layout, place: Place[Any]) -> None:
    name = layout.var(place)
    with text.function(f"stand_{name}(token)"):
        text.add(*noted(layout, layout.gain_of(place)))
        text.add(f"{name}[token.serial] = token")
        _counted(text, layout, place, "add", 1)
        if place.expires:
            with text.block("if token.ends is not None:"):
                with text.block("if token.ends <= clock:"):
                    text.add(
                        "token.state = EXPIRED", f"{_expired(layout, place)}.add(token, NEVER)"
                    )
                    text.add(*noted(layout, layout.gain_of(place, expired=True)), "return")
                text.add(f"{endings(layout, place)}.add(token)")
                text.add("next_end = min(next_end, token.ends)")
        text.add("token.state = STANDING")
        for bit in range(len(layout.guards(place))):
            lines = noted(layout, layout.gain_of(place, bit=1 << bit))
            only_if(text, f"token.passes & {1 << bit}", lines)
        for found in _seen_by(layout, place):
            when = "NEVER" if found.early or not place.timed else "clock"
            call = f"{found.name}.add({_key(found)}token, {when})"
            _if_passing(text, found, call)
        _meet(text, layout, place)


def _leave(text: Text, layout: Layout, place: Place[Any]) -> None:
    with text.function(f"leave_{layout.var(place)}(token, state)"):
        text.add("token.state = state")
        if place.expires:
            with text.block("if token.ends is not None:"):
                text.add(f"{endings(layout, place)}.lose()", f"late |= {layout.ends:#b}")
        for found in _seen_by(layout, place):
            _if_passing(text, found, f"{found.name}.lose({_key(found).removesuffix(', ')})")
        for alike in _held(layout, place):
            with passing(text, alike[0]):
                text.add(f"record = {layout.records(place.keys)}[token.keys]")
                for found in alike:
                    records.leave(text, found, "token", "record")
                records.lost(text, layout, alike)
                records.drop_record(text, layout, place.keys, "record", alike[0].name)


def take_from_record(
    text: Text, layout: Layout, place: Place[Any], token: str, record: str
) -> list[Index]:
    """A standing token goes that was found by its record; gives the fields that have lost it."""
    name = layout.var(place)
    if place.paged:
        with text.block(f"if {name}.lose({record}.key, {token}.serial):"):
            text.add(f"{record}.{name} = None")
        return [found for alike in _held(layout, place) for found in alike]
    text.add(f"del {name}[{token}.serial]")
    _counted(text, layout, place, "lose", -1, token)
    text.add(f"{token}.state = GONE")
    if place.expires:
        with text.block(f"if {token}.ends is not None:"):
            text.add(f"{endings(layout, place)}.lose()", f"late |= {layout.ends:#b}")
    for found in _seen_by(layout, place):
        call = f"{found.name}.lose({_key(found, token).removesuffix(', ')})"
        _if_passing(text, found, call, token)
    for alike in _held(layout, place):
        with passing(text, alike[0], token):
            for found in alike:
                records.leave(text, found, token, record)
    return [found for alike in _held(layout, place) for found in alike]


def _meet(text: Text, layout: Layout, place: Place[Any]) -> None:
    """A token comes to the record of its key, and may complete joins there."""
    for alike in _held(layout, place):
        with passing(text, alike[0]):
            records.find_record(text, layout, place.keys, "token.keys")
            for number, found in enumerate(alike):
                text.add(f"h{number} = record.{found.name}")
                records.stand(text, found, f"h{number}")
            for number, found in enumerate(alike):
                records.come(text, layout, found, f"h{number}")


def _drop(text: Text, layout: Layout, place: Place[Any]) -> None:
    name = layout.var(place)
    with text.function(f"drop_{name}(token)"):
        text.add(*noted(layout, layout.loss([place])))
        text.add(f"del {name}[token.serial]")
        _counted(text, layout, place, "lose", -1)
        if place.expires:
            with text.block("if token.state == EXPIRED:"):
                text.add("token.state = GONE", f"{_expired(layout, place)}.lose()", "return")
        text.add(f"leave_{name}(token, GONE)")


def _expire(text: Text, layout: Layout, place: Place[Any]) -> None:
    name = layout.var(place)
    with text.function(f"expire_{name}(now)"):
        with text.block(f"for token in {endings(layout, place)}.passed(now):"):
            text.add(f"leave_{name}(token, EXPIRED)")
            text.add(f"{_expired(layout, place)}.add(token, NEVER)")
        text.add(*noted(layout, layout.gain([place]) | layout.loss([place])))


# How tokens come.


def put(layout: Layout, place: Place[Any], ready: str, ends: str) -> str:
    """The call that puts a colour."""
    name = layout.var(place)
    times = [ready] if place.timed else []
    times += [ends if place.timed else f"ends={ends}"] if place.expires else []
    return f"put_{name}({', '.join(['colour', *times])})"


def write_put(
    text: Text, layout: Layout, place: Place[Any], ready: str, ends: str, *, traced: bool
) -> None:
    """Put the token of a colour: in place, where that is short."""
    if isinstance(place, Sink) or (layout.is_queue(place) and is_simple(layout, place)):
        (_sink if isinstance(place, Sink) else _append)(text, layout, place)
        text.add(*([f"puts.append(({place.name!r}, serial - 1, colour, 0))"] if traced else []))
        return
    call = put(layout, place, ready, ends)
    text.add(f"puts.append({call})" if traced else call)


def _append(text: Text, layout: Layout, place: Place[Any]) -> None:
    name = layout.var(place)
    only_if(text, f"not {name}", noted(layout, layout.gain([place])))
    made = "Token(serial, colour)"
    if _born(layout, place):
        text.add(f"{name}.append(token := {made})", *_born(layout, place, "serial"))
    else:
        text.add(f"{name}.append({made})")
    text.add("serial += 1")
    if place.capacity is not None:
        occupy(text, layout, place, 1)


def _put(text: Text, layout: Layout, place: Place[Any], *, traced: bool) -> None:
    name = layout.var(place)
    with text.function(f"put_{name}(colour, ready=0, ends=None)"):
        if layout.is_queue(place) and is_simple(layout, place):
            _append(text, layout, place)
            text.add(*([f"return ({place.name!r}, serial - 1, colour, 0)"] if traced else []))
            return
        text.add("number = serial", "serial += 1")
        if is_simple(layout, place):
            text.add("token = Token(number, colour, ready, ends)")
            text.add(f"stand_{name}(token)", *_born(layout, place))
        else:
            with text.block("try:"):
                text.add(f"token = token_{name}(number, colour, ready, ends)")
            with text.block("except Exception as error:"):
                text.add(f"fault({place.name!r}, number, colour, blame(error))")
            with text.block("else:"):
                if place.paged:
                    _come_to_page(text, layout, place)
                else:
                    text.add(f"stand_{name}(token)")
                text.add(*_born(layout, place))
        if traced:
            text.add(f"return ({place.name!r}, number, colour, ready)")


def _comes_back(layout: Layout, place: Place[Any]) -> bool:
    """Whether tokens are put back as they are."""
    arcs = [arc for transition in layout.transitions for arc in transition.arcs]
    return any(arc.place is place and arc.kind in {"hold", "spend"} for arc in arcs)


def _again(text: Text, layout: Layout, place: Place[Any], *, traced: bool) -> None:
    """Put the same colour back: what was worked out of it holds."""
    name = layout.var(place)
    with text.function(f"again_{name}(old, ready)"):
        text.add("number = serial", "serial += 1")
        text.add(
            "token = Token(number, old.colour, ready, old.ends, old.keys, old.order, old.passes)"
        )
        text.add(f"stand_{name}(token)", *_born(layout, place))
        if traced:
            text.add(f"return ({place.name!r}, number, old.colour, ready)")


def _born(layout: Layout, place: Place[Any], number: str = "number") -> list[str]:
    """The line that records a token that came."""
    recorded = layout.recorded and place.name not in layout.shown
    return [f"born[{number}] = ({place.name!r}, token)"] if recorded else []


def _sink(text: Text, layout: Layout, place: Place[Any]) -> None:
    text.add("serial += 1", f"sunk_{layout.var(place)} += 1")
    text.add(f"rows.append(Row({place.name!r}, colour))")


def write_put_new(
    text: Text,
    layout: Layout,
    seen: KeySet[Any],
    place: Place[Any],
    ready: str,
    ends: str,
    *,
    traced: bool,
) -> None:
    """Put the token of a colour if its key is new; without a key, set it aside."""
    keys = [attribute("colour", name) for name in seen.keys]
    with text.block("try:"):
        text.add(f"key = {keys[0] if len(keys) == 1 else tupled(keys)}", "hash(key)")
    with text.block("except Exception as error:"):
        text.add("serial += 1", f"fault({place.name!r}, serial - 1, colour, blame(error))")
        text.add(*([f"puts.append(({place.name!r}, serial - 1, colour, 0))"] if traced else []))
        text.add("continue")
    name = layout.var(seen)
    # What is not paged can be asked without a call, and mostly says no.
    with text.block(f"if {name}.add(key):" if seen.paged else f"if key not in {name}.keys:"):
        text.add(*([] if seen.paged else [f"{name}.add(key)"]))
        text.add(*noted(layout, layout.gain([seen])))
        text.add(*([f"met.append(({seen.name!r}, key))"] if layout.recorded else []))
        write_put(text, layout, place, ready, ends, traced=traced)


def _counted(
    text: Text, layout: Layout, place: Place[Any], call: str, change: int, bound: str = "token"
) -> None:
    """Count a token in or out of what counts all tokens, whatever they wait for."""
    if place.capacity is not None:
        occupy(text, layout, place, change)
    for found in layout.of(place):
        if found.kind == "presence":
            text.add(f"{found.name}.{call}({_key(found, bound).removesuffix(', ')})")


def _seen_by(layout: Layout, place: Place[Any]) -> list[Index]:
    """The indexes of the tokens that stand."""
    kinds = {"line", "view"}
    return [found for found in layout.of(place) if found.kind in kinds and not found.expired]


def _held(layout: Layout, place: Place[Any]) -> list[list[Index]]:
    """The fields of records that have the tokens that stand; those with the same guard together."""
    held = [found for found in layout.of(place) if found.kind == "held"]
    return [
        [found for found in held if found.bit == bit]
        for bit in dict.fromkeys(found.bit for found in held)
    ]


def passing(text: Text, found: Index, bound: str = "token") -> AbstractContextManager[None]:
    """What concerns only tokens that pass the guard of an index."""
    return text.block(f"if {bound}.passes & {found.bit}:") if found.bit else nullcontext()


def _expired(layout: Layout, place: Place[Any]) -> str:
    return next(found.name for found in layout.of(place) if found.expired)


def _key(found: Index, bound: str = "token") -> str:
    """The first argument of an index that has keys."""
    return (
        "" if not found.names else projected(f"{bound}.keys", found.place.keys, found.names) + ", "
    )


def _if_passing(text: Text, found: Index, call: str, bound: str = "token") -> None:
    with passing(text, found, bound):
        text.add(call)
