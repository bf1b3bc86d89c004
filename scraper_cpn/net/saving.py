"""A marking on its way back from plain data: JSON, msgpack, or a store's rows.

Owns: giving tokens and keys their types again, as the net declares them. The way there needs nothing:
msgspec encodes a `Marking` as it is, if it can encode the colours.
Must not know: files, stores.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from scraper_cpn.net.declare import Net
from scraper_cpn.net.errors import NetError
from scraper_cpn.net.marking import Faulted, Flying, Marking, Standing
from scraper_cpn.net.places import Counter


def thaw(net: Net, raw: Any) -> Marking:
    """The marking in *raw*, what `msgspec.json.decode` or `msgspec.msgpack.decode` made of a saved one.

    Keys come back as they were if they are strings, numbers, booleans or tuples of these.

    Raises:
        NetError: it is no marking, or a token is not of its place's colour.
    """
    try:
        marking = msgspec.convert(raw, Marking, dec_hook=_key)
        return replace(
            marking,
            tokens=tuple(_standing(net, token) for token in marking.tokens),
            flights=tuple(_flying(net, flying) for flying in marking.flights),
            faulted=tuple(_faulted(net, fault) for fault in marking.faulted),
        )
    except msgspec.ValidationError as error:
        raise NetError(f"net {net.name}, marking: {error}; give what was saved") from error


def _key(_type: type[Any], value: Any) -> Any:
    """Composite keys are tuples, which plain data holds as lists."""
    return tuple(_key(_type, each) for each in value) if isinstance(value, list) else value


def _colour(net: Net, place: str, value: Any) -> Any:
    """A token's colour; left as it is where the net has no such place, which loading refuses."""
    declared = net.places.get(place)
    if declared is None or isinstance(declared, Counter):
        return value
    return msgspec.convert(value, declared.colour)


def _standing(net: Net, token: Standing) -> Standing:
    return replace(token, colour=_colour(net, token.place, token.colour))


def _flying(net: Net, flying: Flying) -> Flying:
    return replace(flying, inputs=tuple(_bound(net, bound) for bound in flying.inputs))


def _bound(net: Net, bound: Any) -> Any:
    """A token, a tuple of tokens, or a key."""
    if isinstance(bound, dict):
        return _standing(net, msgspec.convert(bound, Standing))
    if isinstance(bound, list | tuple) and all(isinstance(each, dict) for each in bound):
        return tuple(_bound(net, each) for each in bound)
    return _key(object, bound)


def _faulted(net: Net, fault: Faulted) -> Faulted:
    """Read a token that was set aside. If it is not of its place's colour, it stays plain data."""
    try:
        return replace(fault, colour=_colour(net, fault.place, fault.colour))
    except msgspec.ValidationError:
        return fault
