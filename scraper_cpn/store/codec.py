"""Encoding a kernel's changes as rows of a store, and decoding them.

Owns: how tokens, firings and inputs become bytes and come back; the hash of a durable marking, kept up
with every batch.
Must not know: SQL, files, what a net is for: a `Packing` says which part of a colour is stored.

The marking hash is a sum of 64-bit hashes (XXH3), one for each row, modulo 2^64: it does not depend on
the order of rows, and a batch changes it by its own rows alone. It finds damage and our own mistakes;
it is no protection against someone who wants to fool it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any, get_type_hints

import msgspec
from msgspec.structs import astuple
from xxhash import xxh3_64_intdigest

from scraper_cpn.net import Faulted, Lost, Net, Standing, plan
from scraper_cpn.net.marking import Flying, one_key
from scraper_cpn.net.places import KeySet, Place
from scraper_cpn.store.exact import exactly
from scraper_cpn.store.port import FORGOTTEN, FlightRow, NumberRow, PagedRow, SeenRow, TokenRow

MASK = (1 << 64) - 1
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Packing(msgspec.Struct, frozen=True):
    """How values of a type are stored, if not field by field.

    Attributes:
        pack: encodes a value as anything that msgpack can hold.
        unpack: decodes the value from that.
    """

    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]


class Codec:
    """Encodes and decodes the rows of one net.

    Args:
        net: has been checked.
        packings: by type; all fields of any other type are stored.
        exact: refuse to encode what would not come back as it is; see `exact.py`.
    """

    def __init__(
        self,
        net: Net,
        packings: Mapping[type[Any], Packing] | None = None,
        *,
        exact: bool = False,
    ) -> None:
        self.net = net
        self._exact = exact
        self._packings: dict[type[Any], Packing] = dict(packings or {})
        self._text_keys = {name for name, place in net.places.items() if _has_text_key(place)}
        self._paged = {name for name, place in net.places.items() if getattr(place, "paged", False)}
        self._marks = {name: xxh3_64_intdigest(name.encode()) for name in net.places}
        self._held = {
            name: frozenset(plan.keeps(transition, started=True))
            for name, transition in net.transitions.items()
        }
        self._only_held = {
            name
            for name, transition in net.transitions.items()
            if all(
                arc.binds and not arc.many and number in self._held[name]
                for number, arc in enumerate(transition.arcs)
            )
        }
        """The transitions of which a firing holds one token for each input."""
        outcomes = [outcome for effect in net.effects.values() for outcome in effect.outcomes]
        self._outcomes: dict[str, type[Any]] = {kind.__name__: kind for kind in [*outcomes, Lost]}

    # Colours.

    def pack(self, colour: Any) -> Any:
        """Encode a colour or an outcome."""
        return self._packing(type(colour)).pack(colour)

    def unpack(self, kind: type[Any], packed: Any) -> Any:
        """Decode a colour or an outcome of a type."""
        return self._packing(kind).unpack(packed)

    def outcome(self, name: str, packed: Any) -> Any:
        """Decode an outcome, given the name of its type."""
        return self.unpack(self._outcomes[name], packed)

    def _packing(self, kind: type[Any]) -> Packing:
        packing = self._packings.get(kind)
        if packing is None:
            packing = _by_field(kind)
            if self._exact:
                packing = Packing(exactly(kind, packing.pack, packing.unpack), packing.unpack)
            self._packings[kind] = packing
        return packing

    # Tokens.

    def token(self, standing: Standing) -> TokenRow:
        """The row of a token."""
        colour = _encode(self.pack(standing.colour))
        return (
            standing.serial, standing.place, standing.ready_at_ns, standing.expires_at_ns, colour
        )  # fmt: skip

    def paged(self, standing: Standing) -> PagedRow:
        """The row of a token in a paged place."""
        place: Any = self.net.places[standing.place]
        colour = standing.colour
        first, second = pair(tuple(getattr(colour, name) for name in place.order))
        if place.by_time:
            first = standing.ready_at_ns
        key = self.key(place.name, one_key(getattr(colour, name) for name in place.keys))
        return (place.name, key, first, second, standing.serial, _encode(self.pack(colour)))

    def standing(self, row: TokenRow) -> Standing:
        """The token of a row."""
        serial, name, ready_ns, expires_ns, colour = row
        return Standing(name, serial, self.colour(name, colour), ready_ns, expires_ns)

    def standing_of_paged(self, row: PagedRow) -> Standing:
        """The token of a row of a paged place."""
        place: Any = self.net.places[row[0]]
        return Standing(row[0], row[4], self.colour(row[0], row[5]), row[2] if place.by_time else 0)

    def colour(self, place: str, colour: bytes) -> Any:
        """Decode a colour of a place."""
        declared = self.net.places[place]
        assert isinstance(declared, Place)
        return self.unpack(declared.colour, _decode(colour))

    def token_hash(self, row: TokenRow) -> int:
        """A token's part of the marking hash."""
        serial, name, ready_ns, expires_ns, colour = row
        times = ready_ns * 31 + (expires_ns or 0) * 37
        return xxh3_64_intdigest(colour, (self._marks[name] + serial * 41 + times) & MASK)

    def paged_hash(self, row: PagedRow) -> int:
        """The part of a token in a paged place in the marking hash."""
        name, key, first, second, serial, colour = row
        order = xxh3_64_intdigest(key.encode()) + first * 43 + second * 47
        return xxh3_64_intdigest(colour, (self._marks[name] + serial * 41 + order) & MASK)

    def is_paged(self, place: str) -> bool:
        """Whether a place's tokens may wait on a shelf."""
        return place in self._paged

    # Firings in flight.

    def flight(self, flying: Flying) -> FlightRow:
        """The row of a firing in flight: held tokens by serial, spent and read tokens in full."""
        if flying.transition in self._only_held:
            inputs = [token.serial for token in flying.inputs]
        else:
            inputs = self._inputs(flying)
        rest = (flying.transition, flying.started, flying.began_ns, flying.shown, inputs)
        again = (flying.attempt, flying.due_ns, flying.handed) if flying.attempt > 1 else ()
        return (flying.id, _encode((*rest, *again)))

    def _inputs(self, flying: Flying) -> list[Any]:
        held, arcs = self._held[flying.transition], self.net.transitions[flying.transition].arcs
        return [
            [self._bound(token, held=number in held) for token in bound] if arc.many
            else self._bound(bound, held=number in held) if arc.binds
            else bound
            for number, (arc, bound) in enumerate(zip(arcs, flying.inputs, strict=True))
        ]  # fmt: skip

    def flying(self, row: FlightRow, tokens: Mapping[int, Standing]) -> Flying:
        """The firing of a row; *tokens* are those that it may hold."""
        firing_id, rest = row
        transition, started, began_ns, shown, packed, *again = _decode(rest)
        arcs = self.net.transitions[transition].arcs
        inputs = tuple(
            tuple(self._standing_of(token, tokens) for token in each) if arc.many
            else self._standing_of(each, tokens) if arc.binds
            else key_from(each)
            for arc, each in zip(arcs, packed, strict=True)
        )  # fmt: skip
        return Flying(firing_id, transition, inputs, started, began_ns, shown, *again)

    def _bound(self, token: Standing, *, held: bool) -> Any:
        if held:
            return token.serial
        colour = self.pack(token.colour)
        return [token.place, token.serial, token.ready_at_ns, token.expires_at_ns, colour]

    def _standing_of(self, packed: Any, tokens: Mapping[int, Standing]) -> Standing:
        return tokens[packed] if isinstance(packed, int) else self._inline(packed)

    def transition(self, row: FlightRow) -> str:
        """The transition of a row's firing."""
        name: str = _decode(row[1])[0]
        return name

    def holds(self, row: FlightRow) -> list[int]:
        """The serials of the tokens that a row's firing holds."""
        transition, started, _, _, packed, *_ = _decode(row[1])
        declared = self.net.transitions[transition]
        return [
            token if isinstance(token, int) else token[1]
            for arc in plan.keeps(declared, started=started)
            for token in (packed[arc] if declared.arcs[arc].many else [packed[arc]])
        ]

    def spent(self, row: FlightRow) -> list[Standing]:
        """The tokens that a row's firing has spent, will spend when it starts, or reads."""
        transition, _, _, _, packed, *_ = _decode(row[1])
        return [
            self._inline(token)
            for arc, each in zip(self.net.transitions[transition].arcs, packed, strict=True)
            if arc.binds
            for token in (each if arc.many else [each])
            if not isinstance(token, int)
        ]

    def _inline(self, packed: list[Any]) -> Standing:
        name, serial, ready_ns, expires_ns, colour = packed
        declared: Any = self.net.places[name]
        return Standing(name, serial, self.unpack(declared.colour, colour), ready_ns, expires_ns)

    def row_hash(self, row: tuple[Any, ...]) -> int:
        """The part of any other row in the marking hash."""
        return xxh3_64_intdigest(_encode(row))

    # Numbers, keys, faults.

    def number(self, name: str, key: Hashable, number: int) -> NumberRow:
        """The row of a counter's number."""
        return (name, _key_text(key), number)

    def number_key(self, row: NumberRow) -> tuple[str, Hashable]:
        """The counter and the key of a row."""
        return (row[0], key_from(json.loads(row[1])))

    def seen(self, name: str, key: Hashable) -> SeenRow:
        """The row of a set's key."""
        return (name, self.key(name, key))

    def forgotten(self, name: str, key: Hashable) -> SeenRow:
        """The row that records that a set has forgotten a key."""
        return (name + FORGOTTEN, self.key(name, key))

    def key(self, name: str, key: Hashable) -> str:
        """A key of a set or a paged place: text as it is, any other as JSON.

        Raises:
            TypeError: it is neither text, bytes, a number, a truth value, None, nor a tuple of such.
        """
        return str(key) if name in self._text_keys else _key_text(key)

    def key_of(self, name: str, text: str) -> Hashable:
        """Decode a key of a set or a paged place."""
        return text if name in self._text_keys else key_from(json.loads(text))

    def fault(self, fault: Faulted) -> bytes:
        """Encode a token that was set aside; its colour is left out if it can't be encoded."""
        try:
            colour = self.pack(fault.colour)
            return _encode((fault.place, fault.serial, fault.error, colour))
        except Exception:  # noqa: BLE001  (a token that was set aside may be anything, even a broken record)
            return _encode((fault.place, fault.serial, fault.error, None))

    def faulted(self, row: bytes) -> Faulted:
        """Decode a token that was set aside; its colour stays plain data."""
        place, serial, error, colour = _decode(row)
        return Faulted(place, serial, colour, error)


def _has_text_key(declared: Any) -> bool:
    """Whether a place or set has one key, and that is a field that holds a string."""
    if not isinstance(declared, KeySet | Place) or len(declared.keys) != 1:
        return False
    return get_type_hints(declared.colour).get(declared.keys[0]) is str


def _key_text(key: Hashable) -> str:
    """Encode a key as JSON: bytes are an object, which no other key is."""
    return json.dumps(key, default=_bytes_as_json)


def _bytes_as_json(part: Any) -> dict[str, str]:
    if isinstance(part, bytes):
        return {"hex": part.hex()}
    kind = type(part).__name__
    raise TypeError(
        f"a key of type {kind} can't be kept; let it be text, bytes, a number, or a tuple"
    )


def key_from(packed: Any) -> Hashable:
    """Decode a key: composite keys are tuples, which JSON and msgpack store as lists."""
    if isinstance(packed, dict):
        return bytes.fromhex(packed["hex"])
    return tuple(key_from(part) for part in packed) if isinstance(packed, list) else packed


def pair(order: tuple[int, ...]) -> tuple[int, int]:
    """Order fields as two columns."""
    first, second = (*order, 0, 0)[:2]
    return first, second


def _by_field(kind: type[Any]) -> Packing:
    """Store all fields of a record, without their names; anything else as msgspec encodes it."""
    config = getattr(kind, "__struct_config__", None)
    if config is None:
        return Packing(msgspec.to_builtins, partial(msgspec.convert, type=kind))
    names = kind.__struct_encode_fields__
    if config.array_like:
        tag = () if config.tag is None else (config.tag,)
        return Packing(astuple, lambda packed: msgspec.convert([*tag, *packed], kind))
    return Packing(
        astuple, lambda packed: msgspec.convert(dict(zip(names, packed, strict=True)), kind)
    )
