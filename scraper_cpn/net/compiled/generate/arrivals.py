"""How tokens come into places: new, back as they were, or if a set lacks their key.

Owns: the text of `put_*`, `again_*` and `shelve`, and of every deposit.
Must not know: how a place that is not paged finds a token, what transitions do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from scraper_cpn.net.compiled.generate import records
from scraper_cpn.net.compiled.generate.indexes import Index
from scraper_cpn.net.compiled.generate.influence import noted, occupy, only_if
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.text import Text, assign, attribute, tupled
from scraper_cpn.net.compiled.runtime.keys import SHARDS
from scraper_cpn.net.hints import is_equal_to_itself
from scraper_cpn.net.places import KeySet, Place, Sink


def write_arrivals(
    text: Text, layout: Layout, place: Place[Any], stand: Callable[..., None] | None
) -> None:
    """Write the functions that deposit tokens in a place; *stand* writes the body of `stand_*` inline if it is short."""
    _put(text, layout, place)
    if layout.how(place).comes_back:
        _again(text, layout, place, stand)


def make_token(text: Text, layout: Layout, place: Place[Any], serial: str) -> str:
    """Write the lines that compute a token's attributes from `colour`; returns the expression that creates the token."""
    name = layout.var(place)
    keys = [f"k{number}" for number in range(len(place.keys))]
    orders = [f"o{number}" for number in range(len(place.order))]
    for variable, field in zip(keys, place.keys, strict=True):
        text.add(f"{variable} = {attribute('colour', field)}")
    text.add(*(f"hash({variable})" for variable in keys))
    refuse_unequal(text, place, keys)
    for variable, field in zip(orders, place.order, strict=True):
        text.add(f"{variable} = {attribute('colour', field)}")
    if orders:
        whole = " or ".join(f"type({variable}) is not int" for variable in orders)
        with text.block(f"if {whole}:"):
            declared = layout.names.of(place, f"{name}_declared")
            text.add(f"order_of(colour, {declared})")
    tests = [
        f"({1 << bit} if {layout.names.function(guard)}(colour) else 0)"
        for bit, guard in enumerate(layout.how(place).guards)
    ]
    order = orders[0] if len(orders) == 1 else tupled(orders)
    if len(orders) > 1:
        order = _shared_order(text, name, order)
    key = "None" if not keys else keys[0] if len(keys) == 1 else tupled(keys)
    return f"Token({serial}, colour, ready, ends, {key}, {order}, {' | '.join(tests) or '0'})"


def partition_key(
    layout: Layout, place: Place[Any] | KeySet[Any], at: int, colour: str, keys: Sequence[str] = ()
) -> str:
    """The expression for a partition key of *colour*; *keys*: the variables that have its keys."""
    name, fn = layout.tells(place)[at]
    if name is None:
        value = colour
    else:
        value = (
            keys[place.keys.index(name)] if keys and name in place.keys else attribute(colour, name)
        )
    return value if fn is None else f"{layout.names.function(fn)}({value})"


def keep_to_keys(
    text: Text,
    layout: Layout,
    place: Place[Any] | KeySet[Any],
    colour: str,
    keys: Sequence[str] = (),
    first: int = 0,
) -> None:
    """Write the lines that raise for a token of another partition."""
    for at in range(first, len(layout.tells(place))):
        text.add(
            f"PARTITION.check({place.name!r}, {partition_key(layout, place, at, colour, keys)})"
        )


def refuse_unequal(text: Text, place: Place[Any] | KeySet[Any], keys: list[str]) -> None:
    """Write the refusal of keys that are not equal to themselves, for those that may not be."""
    for variable, name in zip(keys, place.keys, strict=True):
        if not is_equal_to_itself(place.colour, name):
            with text.block(f"if {variable} != {variable}:"):
                text.add(f"refuse_unequal({variable})")


def _shared_order(text: Text, name: str, order: str) -> str:
    """Share one object among equal orders of several fields; returns the variable that refers to it."""
    with text.block("try:"):
        text.add(f"order = orders_{name}[{order}]")
    with text.block("except KeyError:"):
        text.add(f"order = {order}")
        with text.block(f"if len(orders_{name}) < ORDERS_MAX:"):
            text.add(f"orders_{name}[order] = order")
    return "order"


def put(layout: Layout, place: Place[Any], colour: str, ready: str, ends: str) -> str:
    """The call that deposits a colour."""
    name = layout.var(place)
    times = [ready] if place.timed else []
    times += [ends if place.timed else f"ends={ends}"] if place.expires else []
    return f"put_{name}({', '.join([colour, *times])})"


def write_put(
    text: Text, layout: Layout, place: Place[Any], colour: str, ready: str, ends: str
) -> None:
    """Write the deposit of a colour: inline if that is short, else as a call."""
    if isinstance(place, Sink) or layout.how(place).is_plain_queue:
        (_sink if isinstance(place, Sink) else _append)(text, layout, place, colour)
        text.add(
            *([f"puts.append(({place.name!r}, serial - 1, {colour}, 0))"] if layout.traced else [])
        )
        return
    call = put(layout, place, colour, ready, ends)
    text.add(f"puts.append({call})" if layout.traced else call)


def _append(text: Text, layout: Layout, place: Place[Any], colour: str = "colour") -> None:
    name = layout.var(place)
    first_comes(text, layout, place)
    made = f"Queued(serial, {colour})"
    if _born(layout, place):
        text.add(f"{name}.append(token := {made})", *_born(layout, place, "serial"))
    else:
        text.add(f"{name}.append({made})")
    text.add(assign("serial", "+= 1"))
    if place.capacity is not None:
        occupy(text, layout, place, 1)


def first_comes(text: Text, layout: Layout, place: Place[Any]) -> None:
    """The first token of a queue may enable transitions that need one; each token may enable those that need several."""
    lines = noted(layout, layout.watches.gain([place]))
    if layout.most(place) == 1:
        only_if(text, f"not {layout.var(place)}", lines)
    else:
        text.add(*lines)


def _put(text: Text, layout: Layout, place: Place[Any]) -> None:
    name = layout.var(place)
    with text.function(f"put_{name}(colour, ready=0, ends=None)"):
        if layout.how(place).is_plain_queue:
            _append(text, layout, place)
            text.add(
                *([f"return ({place.name!r}, serial - 1, colour, 0)"] if layout.traced else [])
            )
            return
        text.add("number = serial", assign("serial", "+= 1"))
        if layout.how(place).is_simple:
            text.add("token = Token(number, colour, ready, ends)")
            text.add(f"stand_{name}(token)", *_born(layout, place))
        else:
            with text.block("try:"):
                text.add(f"token = {make_token(text, layout, place, 'number')}")
                _route(text, layout, place)
            with text.block("except Exception as error:"):
                text.add(f"fault({place.name!r}, number, colour, blame(error))")
            with text.block("else:"):
                if layout.how(place).channel:
                    with text.block("if away:"):
                        out = layout.var(layout.net.channels[place.name].out)
                        text.add(f"return put_{out}(colour)")
                if place.paged:
                    come_to_page(text, layout, place)
                else:
                    text.add(f"stand_{name}(token)")
                text.add(*_born(layout, place))
        if layout.traced:
            text.add(f"return ({place.name!r}, number, colour, ready)")


def _route(text: Text, layout: Layout, place: Place[Any]) -> None:
    """Write what keeps a token in this partition, or finds out that it belongs to another one."""
    keys = [f"k{number}" for number in range(len(place.keys))]
    if not layout.how(place).channel:
        keep_to_keys(text, layout, place, "colour", keys)
        return
    text.add(f"away = not PARTITION.owns({partition_key(layout, place, 0, 'colour', keys)})")
    with text.block("if not away:") if len(layout.tells(place)) > 1 else nullcontext():
        keep_to_keys(text, layout, place, "colour", keys, first=1)


def again(text: Text, layout: Layout, place: Place[Any], old: str, ready: str, record: str) -> None:
    """Put back a token that stays as it was; *record*: that of its key, where it is at hand."""
    given = f", {record}" if record and _takes_record(layout, place) else ""
    call = f"again_{layout.var(place)}({old}, {ready}{given})"
    text.add(f"puts.append({call})" if layout.traced else call)


def _takes_record(layout: Layout, place: Place[Any]) -> bool:
    """Whether a returning token is put into a record inline."""
    return place.name in layout.kept.met and not place.paged and not layout.traced


def _again(
    text: Text, layout: Layout, place: Place[Any], stand: Callable[..., None] | None
) -> None:
    """Put the same colour back; its computed attributes remain valid."""
    name, given = layout.var(place), _takes_record(layout, place)
    with text.function(f"again_{name}(old, ready{', record=None' if given else ''})"):
        text.add("number = serial", assign("serial", "+= 1"))
        known = "ready, old.ends, old.keys, old.order, old.passes, old.pause"
        queued = layout.how(place).is_plain_queue
        made = "Queued(number, old.colour)" if queued else f"Token(number, old.colour, {known})"
        text.add(f"token = {made}")
        text.add(*_born(layout, place))
        if layout.traced or stand is None:
            text.add(f"stand_{name}(token)")
        else:
            stand(given=given)  # inline: each request does this twice
        if layout.traced:
            text.add(f"return ({place.name!r}, number, old.colour, ready)")


def _born(layout: Layout, place: Place[Any], number: str = "number") -> list[str]:
    """The line that records a new token."""
    recorded = layout.recorded and not layout.how(place).shows
    return [f"born[{number}] = ({place.name!r}, token)"] if recorded else []


def _sink(text: Text, layout: Layout, place: Place[Any], colour: str) -> None:
    text.add(assign("serial", "+= 1"), assign(f"sunk_{layout.var(place)}", "+= 1"))
    text.add(f"rows.append(Row({place.name!r}, {colour}))")


def write_put_new(
    text: Text, layout: Layout, seen: KeySet[Any], place: Place[Any], ready: str, ends: str
) -> None:
    """Put the token of a colour if its key is new; without a key, set it aside."""
    with text.block("try:"):
        text.add(f"key = {set_key(seen)}", "hash(key)")
        refuse_unequal(text, seen, keys_of_set(seen))
        keep_to_keys(text, layout, seen, "colour")
    with text.block("except Exception as error:"):
        text.add(assign("serial", "+= 1"))
        text.add(f"fault({place.name!r}, serial - 1, colour, blame(error))")
        text.add(
            *([f"puts.append(({place.name!r}, serial - 1, colour, 0))"] if layout.traced else [])
        )
        text.add("continue")
    name = layout.var(seen)
    # A set that is not paged is tested inline; most keys are already known.
    with text.block(f"if {name}.add(key):" if seen.paged else f"if key not in {name}.keys:"):
        text.add(*([] if seen.paged else [f"{name}.add(key)"]))
        text.add(*noted(layout, layout.watches.gain([seen])))
        text.add(*([f"met[{seen.name!r}, key] = None"] if layout.recorded else []))
        write_put(text, layout, place, "colour", ready, ends)


def keys_of_set(seen: KeySet[Any]) -> list[str]:
    """The expressions for the parts of a set's key in `key`."""
    return ["key"] if len(seen.keys) == 1 else [f"key[{n}]" for n in range(len(seen.keys))]


def set_key(seen: KeySet[Any]) -> str:
    """The expression for the key that a colour has in a set."""
    keys = [attribute("colour", name) for name in seen.keys]
    return keys[0] if len(keys) == 1 else tupled(keys)


def is_known(layout: Layout, seen: KeySet[Any]) -> str:
    """The condition that a set contains the key of a colour."""
    name = layout.var(seen)
    if seen.paged and not layout.printed:  # inline
        return f"(key := {set_key(seen)}) in {name}.tables[hash(key) & {SHARDS - 1}]"
    return f"{set_key(seen)} in {name}.keys"


def come_to_page(text: Text, layout: Layout, place: Place[Any]) -> None:
    """Write the deposit of a token in a paged place."""
    name, found = layout.var(place), layout.how(place).field
    text.add(*noted(layout, layout.watches.gain([place])))
    if found is None:
        text.add(f"{name}.add(token.keys, token)")
        return
    records.find_record(text, layout, place.keys, "token.keys")
    text.add(f"has = {name}.add(record.{found.name}, token.keys, token)")
    with text.block("if has is not None:"):
        _open(text, layout, found)


def _open(text: Text, layout: Layout, found: Index) -> None:
    """Handle a new first token of a key of a paged place."""
    text.add(f"record.{found.name} = has")
    records.look(text, layout, found)


def write_shelve(text: Text, layout: Layout) -> None:
    """Write the function that registers a key's tokens on the shelf when a kernel is loaded."""
    with text.function("shelve(name, key, count, order, first)"):
        text.add("has = PLACES[name].shelve(key, count, order, first)")
        for place in layout.standing:
            found = layout.how(place).field
            if place.paged and found is not None:
                with text.block(f"if name == {place.name!r}:"):
                    records.find_record(text, layout, place.keys, "key")
                    _open(text, layout, found)
