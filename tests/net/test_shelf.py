"""The shelf in memory gives what was put, in its order, however it came."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scraper_cpn.net.shelf import Bound, MemoryShelf, Shelf
from tests.net.tables import TableShelf

ORDERS = st.tuples(st.integers(-1, 1), st.integers(-1, 1))
KEYS = st.sampled_from("ab")


class Shelving(RuleBasedStateMachine):
    """Any shelf, beside a sorted list for each key."""

    kind: type[Any] = MemoryShelf

    def __init__(self) -> None:
        super().__init__()
        self.shelf: Shelf = self.kind()
        self.model: dict[str, list[Any]] = {"a": [], "b": []}
        self.taken: list[tuple[str, Any]] = []
        self.serial = 0

    @rule(key=KEYS, order=ORDERS)
    def put(self, key: str, order: tuple[int, int]) -> None:
        self.serial += 1
        self._put(key, (order, self.serial, f"token {self.serial}"))

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def put_back(self, data: st.DataObject) -> None:
        key, token = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        self._put(key, token)

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        _, token = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        self.shelf.left("place", token[1])

    @precondition(lambda self: any(self.model.values()))
    @rule(data=st.data(), most=st.integers(1, 4))
    def take(self, data: st.DataObject, most: int) -> None:
        """All that is given out leaves: what a kernel keeps comes before what it asks for."""
        key = data.draw(st.sampled_from([key for key, tokens in self.model.items() if tokens]))
        tokens = self.model[key]
        bound = tokens[most][:2] if len(tokens) > most else None
        order, serial, _ = tokens[0]
        assert self.shelf.take("place", key, order, serial, most) == (tokens[:most], bound)
        for token in tokens[:most]:
            self.shelf.left("place", token[1])
            self.taken.append((key, token))
        del tokens[:most]

    @invariant()
    def all_are_listed(self) -> None:
        tokens = [token for tokens in self.model.values() for token in tokens]
        assert sorted(self.shelf.rest("place")) == sorted(tokens)
        assert not list(self.shelf.rest("elsewhere"))

    def _put(self, key: str, token: Any) -> None:
        order, serial, colour = token
        self.shelf.put("place", key, order, serial, colour)
        self.model[key] = sorted([*self.model[key], token])


class Tabled(Shelving):
    """The model of a store's shelf keeps the same contract."""

    kind = TableShelf


TestMemoryShelf = Shelving.TestCase
TestMemoryShelf.settings = settings(max_examples=80, stateful_step_count=40)
TestTableShelf = Tabled.TestCase
TestTableShelf.settings = settings(max_examples=30, stateful_step_count=30)


@pytest.mark.parametrize("most", [1, 7, 64])
def test_a_long_queue_comes_out_as_it_went_in(most: int) -> None:
    """A thousand tokens of one order, taken by pages while others come, are given once each, oldest first."""
    shelf, given = MemoryShelf(), []
    for serial in range(1, 501):
        shelf.put("place", "key", (0, 0), serial, -serial)
    bound: Bound | None = ((0, 0), 1)
    added = 500
    while bound is not None:
        order, serial = bound
        tokens, bound = shelf.take("place", "key", order, serial, most)
        given += [(serial, colour) for _, serial, colour in tokens]
        if added < 1_000 and bound is not None:
            added += 1
            shelf.put("place", "key", (0, 0), added, -added)
    assert given == [(serial, -serial) for serial in range(1, added + 1)]


def test_what_was_taken_is_not_kept_alive() -> None:
    """The shelf has no reference to what it gave away: it takes no room."""
    shelf = MemoryShelf()
    tokens = [[serial] for serial in range(10)]
    for serial, token in enumerate(tokens):
        shelf.put("place", "key", (0, 0), serial, token)
    shelf.take("place", "key", (0, 0), 0, 3)
    kept = [colour for _, _, colour in shelf.rest("place")]
    assert kept == tokens[3:]
    level = shelf._places["place"]["key"][0]
    assert not any(colour in tokens[:3] for colour in level.colours)
