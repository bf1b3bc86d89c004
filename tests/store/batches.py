"""Batches for tests, and a model of what a store holds after them.

Owns: a model on plain dicts that stands for the port's promises, and random batches that fit it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import msgspec

from scraper_cpn.store.port import Batch, SavedMarking, Store

PLACES = ("waiting", "parked")
KEYS = ("a.example", "b.example", "ü.example", '["x",1]')
COUNTERS = (("budget", "null"), ("domain", '"a.example"'), ("domain", '"b.example"'))


def batch(seq: int, **parts: Any) -> Batch:
    """A batch with what a test does not care for filled in."""
    plain: dict[str, Any] = {
        "at_ns": seq * 1_000,
        "next_serial": 100 * seq,
        "next_id": 10 * seq,
        "firings": seq,
        "marking_hash": seq * (-1) ** seq,
        "inputs": f"inputs {seq}".encode(),
    }
    return Batch(seq=seq, **(plain | parts))


@dataclass
class Model:
    """What a store must hold after some batches."""

    last: Batch | None = None
    tokens: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    paged: dict[tuple[Any, ...], bytes] = field(default_factory=dict)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    flights: dict[int, bytes] = field(default_factory=dict)
    faulted: list[bytes] = field(default_factory=list)
    rows: list[tuple[str, str, bytes]] = field(default_factory=list)
    items: list[tuple[bytes, int, int, bytes]] = field(default_factory=list)
    metadata: dict[str, bytes] = field(default_factory=dict)
    journal: list[tuple[Any, ...]] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        """Go on by one batch."""
        self.tokens = {key: row for key, row in self.tokens.items() if key not in set(batch.gone)}
        self.tokens.update((row[0], row) for row in batch.born)
        for key in batch.paged_gone:
            del self.paged[key]
        self.paged.update((row[:5], row[5]) for row in batch.paged_born)
        self.numbers.update(((counter, key), n) for counter, key, n in batch.numbers)
        for flight in batch.landed:
            del self.flights[flight]
        self.flights.update(batch.flights)
        self.seen += batch.seen
        self.faulted += batch.faulted
        self.rows += batch.rows
        self.items += batch.items
        self.metadata.update(batch.metadata)
        self.journal.append(
            (batch.seq, batch.at_ns, batch.firings, batch.marking_hash, batch.inputs)
        )
        self.last = batch

    def copy(self) -> Model:
        """What it is now; later batches leave the copy alone."""
        return deepcopy(self)

    def marking(self) -> dict[str, Any]:
        """What `plain` must say of the marking."""
        last = self.last or batch(0, next_serial=1, next_id=1, marking_hash=0)
        return {
            "seq": last.seq,
            "at_ns": last.at_ns,
            "next_serial": last.next_serial,
            "next_id": last.next_id,
            "marking_hash": last.marking_hash,
            "tokens": [row for _, row in sorted(self.tokens.items())],
            "paged": [(*key, colour) for key, colour in sorted(self.paged.items())],
            "numbers": sorted((*key, n) for key, n in self.numbers.items()),
            "seen": self.seen,
            "flights": sorted(self.flights.items()),
            "faulted": self.faulted,
            "sunk": dict(Counter(sink for sink, _, _ in self.rows)),
        }


def plain(saved: SavedMarking) -> dict[str, Any]:
    """A saved marking with all its rows read, in an order that does not depend on the store."""
    said = msgspec.structs.asdict(saved)
    for name in ("tokens", "paged", "numbers", "seen", "flights", "faulted"):
        said[name] = list(said[name])
    said["numbers"].sort()
    return said


def check(store: Store, model: Model, base: Model | None = None) -> None:
    """Assert that a store says what the model says; its journal begins at *base*."""
    base = base or Model()
    assert plain(store.saved()) == model.marking()
    assert plain(store.base()) == base.marking()
    assert list(store.journal()) == model.journal[len(base.journal) :]
    assert store.metadata() == model.metadata
    assert list(store.items()) == model.items
    for sink in {sink for sink, _, _ in model.rows} | {"none"}:
        assert list(store.rows(sink)) == [row for row in model.rows if row[0] == sink]


class Batches:
    """Random batches that fit one another, and the model after them. The same seed gives the same."""

    def __init__(self, seed: int, size: int = 4) -> None:
        self._random = random.Random(seed)
        self._size = size
        self.model = Model()
        self._serial = self._id = 0

    def next(self) -> Batch:
        """Make the next batch, and take it into the model."""
        made = batch(len(self.model.journal) + 1, **self._tokens(), **self._paged(), **self._rest())
        made = msgspec.structs.replace(
            made,
            next_serial=self._serial + 1,
            next_id=self._id + 1,
            inputs=self._random.randbytes(self._random.randrange(300)),
            marking_hash=self._random.getrandbits(64) - 2**63,
        )
        self.model.take(made)
        return made

    def _tokens(self) -> dict[str, Any]:
        gone = self._some(self.model.tokens)
        born = [
            (serial, "proxies", self._random.randrange(9), expires, self._bytes())
            for serial in self._serials()
            for expires in [self._random.choice([None, 7])]
        ]
        return {"gone": gone, "born": born}

    def _paged(self) -> dict[str, Any]:
        gone = self._some(self.model.paged)
        born = [
            (
                self._pick(PLACES),
                self._pick(KEYS),
                self._random.randrange(-3, 3),
                0,
                serial,
                self._bytes(),
            )
            for serial in self._serials()
        ]
        return {"paged_gone": gone, "paged_born": born}

    def _rest(self) -> dict[str, Any]:
        seq = len(self.model.journal) + 1
        landed = self._some(self.model.flights)
        begun = [(self._next_id(), self._bytes()) for _ in range(self._count())]
        again = [
            (key, self._bytes()) for key in self._some(self.model.flights) if key not in landed
        ]
        return {
            "landed": landed,
            "flights": begun + again,
            "numbers": [(*key, self._random.randrange(-9, 9)) for key in self._some(COUNTERS)],
            "seen": [("urls", f"https://{seq}.example/{n}") for n in range(self._count())],
            "faulted": [self._bytes() for _ in range(self._count() // 3)],
            "rows": [
                (self._pick(("done", "failed")), f"url {seq}", self._bytes())
                for _ in range(self._count())
            ],
            "items": [(seq.to_bytes(16, "big"), 1, n, self._bytes()) for n in range(self._count())],
            "metadata": [("length", str(seq).encode())] * self._random.randrange(2),
        }

    def _some(self, of: Any) -> list[Any]:
        keys = list(of)
        return self._random.sample(keys, min(len(keys), self._count()))

    def _serials(self) -> Iterator[int]:
        for _ in range(self._count()):
            self._serial += 1
            yield self._serial

    def _next_id(self) -> int:
        self._id += 1
        return self._id

    def _count(self) -> int:
        return self._random.randrange(self._size)

    def _bytes(self) -> bytes:
        return self._random.randbytes(self._random.choice([0, 20, 20, 400]))

    def _pick(self, of: Sequence[str]) -> str:
        return self._random.choice(of)
