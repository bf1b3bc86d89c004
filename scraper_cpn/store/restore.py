"""Restoring a marking from a store's rows, with a check.

Owns: reading a durable marking, and comparing its hash with the stored one.
Must not know: SQL, files, what a net is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from scraper_cpn.net.changes import Durable
from scraper_cpn.net.compiled.kernel import Cold
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.port import FORGOTTEN, PagedRow, SavedMarking, StoreError
from scraper_cpn.store.sums import Sums


class Restored(Struct, frozen=True):
    """A run's marking, ready to be loaded.

    Attributes:
        durable: the marking; tokens of paged places and keys of paged sets may be left out.
        sums: checksums of the whole marking, for the batches to come.
        cold: the keys of paged places; empty if the tokens are in *durable*.
        keys: the keys of paged sets; empty if they are in *durable*.
    """

    durable: Durable
    sums: Sums
    cold: list[Cold]
    keys: dict[str, list[Any]]


def restore(saved: SavedMarking, codec: Codec, *, paged: bool = True) -> Restored:
    """Restore a run's durable marking.

    Args:
        saved: what the store has read.
        codec: the codec of the net.
        paged: leave the tokens of paged places on the shelf; False: read all of them.

    Raises:
        StoreError: a row can't be read, or the hash of all rows differs from the stored one.
    """
    try:
        restored = _restored(saved, codec, paged=paged)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise StoreError("damaged", f"a row can't be read: {error}") from error
    found = restored.sums.hash(saved.at_ns, saved.next_serial, saved.next_id)
    if found != saved.marking_hash:
        raise StoreError(
            "damaged",
            f"the marking's hash is {found:x}, not {saved.marking_hash:x}: rows are missing",
        )
    return restored


def _restored(saved: SavedMarking, codec: Codec, *, paged: bool) -> Restored:
    sums = Sums()
    sums.seq = saved.seq
    durable = Durable(saved.at_ns, saved.next_serial, saved.next_id, sunk=dict(saved.sunk))
    for row in saved.tokens:
        sums.come(codec, row)
        durable.tokens[row[0]] = codec.standing(row)
    for number in saved.numbers:
        sums.set_number(codec, number)
        durable.numbers[codec.number_key(number)] = number[2]
    flights = list(saved.flights)
    held = {serial for flight in flights for serial in codec.holds(flight)} if paged else None
    cold = list(_cold(codec, _waiting(saved.paged, codec, sums, durable, held)))
    for flight in flights:
        sums.set_flight(codec, flight)
        durable.flights[flight[0]] = codec.flying(flight, durable.tokens)
    keys = _keys(saved, codec, sums, durable, paged=paged)
    for fault in saved.faulted:
        sums.add(codec, [(fault,)])
        durable.faulted.append(codec.faulted(fault))
    return Restored(durable, sums, cold, keys)


def _waiting(
    rows: Iterable[PagedRow], codec: Codec, sums: Sums, durable: Durable, held: set[int] | None
) -> Iterator[PagedRow]:
    """The rows of paged places that stay on the shelf: all but those that a firing in flight holds.

    If *held* is None, none stays there.
    """
    for row in rows:
        sums.total += codec.paged_hash(row)
        if held is None or row[4] in held:
            durable.tokens[row[4]] = codec.standing_of_paged(row)
        else:
            yield row


def _keys(
    saved: SavedMarking, codec: Codec, sums: Sums, durable: Durable, *, paged: bool
) -> dict[str, list[Any]]:
    """Read sets; the keys of paged sets are returned separately from the marking."""
    paged_keys: dict[str, list[Any]] = {}
    known: dict[str, dict[Any, None]] = {}
    for row in saved.seen:
        sums.total += codec.row_hash(row)
        if paged and codec.is_paged(row[0]):
            paged_keys.setdefault(row[0], []).append(codec.key_of(*row))
        elif row[0].endswith(FORGOTTEN):
            name = row[0].removesuffix(FORGOTTEN)
            known[name].pop(codec.key_of(name, row[1]))
        else:
            known.setdefault(row[0], {})[codec.key_of(*row)] = None
    durable.seen.update({name: list(keys) for name, keys in known.items()})
    return paged_keys


def _cold(codec: Codec, rows: Iterable[PagedRow]) -> Iterator[Cold]:
    """The first token of each key, and the number of its tokens; the rows must be in order."""
    first: Any = None
    number = 0
    for row in rows:
        if first is not None and row[:2] == first[:2]:
            number += 1
            continue
        if first is not None:
            yield _first(codec, first, number)
        first, number = row, 1
    if first is not None:
        yield _first(codec, first, number)


def _first(codec: Codec, row: PagedRow, number: int) -> Cold:
    place, key, first, second, serial, _ = row
    return (place, codec.key_of(place, key), number, (first, second), serial)
