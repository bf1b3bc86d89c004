"""The tokens of a paged place by their key: which are in memory, and what is asked of the shelf."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from scraper_cpn.net import KernelBug, index_paged
from scraper_cpn.net.index import NEVER, Token
from scraper_cpn.net.index_paged import PagedView
from scraper_cpn.net.shelf import Bound, MemoryShelf, Order, Shelved
from tests.net.tables import TableShelf

KEYS = "ab"


def token(serial: int, key: str = "a", order: Any = 0) -> Token:
    return Token(serial, f"colour {serial}", 0, None, key, order, 0)


def filled(number: int, shelf: Any = None) -> PagedView:
    """A view with so many tokens of one key."""
    view = PagedView("place", 1, shelf or MemoryShelf())
    for serial in range(1, number + 1):
        view.add("a", token(serial))
    return view


class Paging(RuleBasedStateMachine):
    """A view with either shelf, beside a sorted list for each key."""

    def __init__(self) -> None:
        super().__init__()
        self.before = index_paged.PAGE, index_paged.HOT
        self.model: dict[str, list[tuple[Any, int]]] = {key: [] for key in KEYS}
        self.hands: list[Token] = []
        self.serial = 0

    @initialize(
        page=st.sampled_from([1, 2, 5, 64]), hot=st.sampled_from([1, 4, 100]), width=st.integers(0, 2),
        table=st.booleans(),
    )  # fmt: skip
    def begin(self, page: int, hot: int, width: int, table: bool) -> None:
        index_paged.PAGE, index_paged.HOT = page, hot
        self.width = width
        self.shelf: Any = TableShelf() if table else MemoryShelf()
        self.view = PagedView("place", width, self.shelf)

    def teardown(self) -> None:
        index_paged.PAGE, index_paged.HOT = self.before

    @rule(key=st.sampled_from(KEYS), order=st.tuples(st.integers(0, 2), st.integers(0, 2)))
    def add(self, key: str, order: tuple[int, int]) -> None:
        self.serial += 1
        own = ((), order[0], order)[self.width]
        self._add(token(self.serial, key, own))

    @precondition(lambda self: any(self.model.values()))
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from([key for key in KEYS if self.model[key]]))
        head = self.view.head(key, 0)
        assert head is not None
        assert (head.order, head.serial) == self.model[key].pop(0)
        assert (head.keys, head.colour) == (key, f"colour {head.serial}")
        self.view.lose(key, head.serial)
        self.hands.append(head)

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        """What was taken comes back as it was."""
        at = data.draw(st.integers(0, len(self.hands) - 1))
        self._add(self.hands.pop(at))

    @precondition(lambda self: isinstance(self.shelf, TableShelf))
    @rule()
    def commit(self) -> None:
        """The table gets all tokens, those in memory and in hands among them."""
        standing = [(key, *turn) for key, turns in self.model.items() for turn in turns]
        held = [(held.keys, held.order, held.serial) for held in self.hands]
        self.shelf.commit(
            [
                ("place", key, self.view._wide(order), serial, f"colour {serial}")
                for key, order, serial in standing + held
            ],
            [],
        )

    @invariant()
    def heads_are_known(self) -> None:
        """The turn of each key's first token is right, without a look at the shelf."""
        for key, turns in self.model.items():
            assert (key in self.view.lines) is bool(turns)
            assert self.view.earliest(key, 0) == (0 if turns else NEVER)
            if turns:
                head = self.view.lines[key].head(0)
                assert (head.order, head.serial) == turns[0]

    @invariant()
    def all_are_counted(self) -> None:
        serials = {serial for turns in self.model.values() for _, serial in turns}
        assert len(self.view) == len(serials)
        assert self.view.listed() == {serial: f"colour {serial}" for serial in serials}
        hot = [len(line.ready) for line in self.view.lines.values()]
        assert self.view.hot == sum(hot)
        assert max(hot, default=0) <= index_paged.PAGE

    def _add(self, added: Token) -> None:
        self.view.add(added.keys, added)
        turns = [*self.model[added.keys], (added.order, added.serial)]
        self.model[added.keys] = sorted(turns)


TestPaging = Paging.TestCase
TestPaging.settings = settings(max_examples=120, stateful_step_count=40)


def drained(view: PagedView) -> list[int]:
    serials = []
    while head := view.head("a", 0):
        serials.append(head.serial)
        view.lose("a", head.serial)
    return serials


def test_a_page_is_read_at_a_time() -> None:
    """A thousand tokens of a key, of which 64 are in memory: some 16 reads, and each token once."""
    shelf = TableShelf()
    assert drained(filled(1_000, shelf)) == list(range(1, 1_001))
    assert 14 <= len(shelf.reads) <= 16


def test_pages_shrink_when_much_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound on all tokens in memory a key has none there, and is read one by one."""
    monkeypatch.setattr(index_paged, "HOT", 1_000)
    view = PagedView("place", 1, MemoryShelf())
    rooms = Counter[int]()
    for serial in range(1, 5_001):
        view.add(f"key {serial % 100}", token(serial, f"key {serial % 100}"))
    for key, line in view.lines.items():
        rooms[len(line.ready)] += 1
        if not line.ready:
            view.head(key, 0)
            assert len(line.ready) == 1
            break
    assert len(view) == 5_000
    assert 500 < view.hot <= 1_001
    assert len(rooms) > 2


def test_a_key_that_is_shelved_is_read_when_it_is_bound() -> None:
    """What a store says of a key is its number and first turn; then the shelf has the rest."""
    shelf = TableShelf()
    shelf.commit([("place", "a", (2, 0), serial, f"colour {serial}") for serial in (7, 9)], [])
    view = PagedView("place", 1, shelf)
    view.shelve("a", 2, (2, 0), 7)
    assert (len(view), view.hot, shelf.reads) == (2, 0, [])
    assert drained(view) == [7, 9]
    assert shelf.reads == ["a"]
    assert view.head("a", 0) is None


class Loses(MemoryShelf):
    """A shelf that forgets."""

    def take(
        self, place: str, key: Any, order: Order, serial: int, most: int
    ) -> tuple[list[Shelved], Bound | None]:
        tokens, bound = super().take(place, key, order, serial, most)
        return tokens[1:], bound


def test_a_shelf_that_loses_tokens_is_a_bug() -> None:
    """The number and the first turn of what a shelf gives are compared with what is known of it."""
    view = filled(100, Loses())
    with pytest.raises(
        KernelBug, match=r"the shelf of place has lost tokens of 'a': it gave 63 of 68"
    ):
        drained(view)


def test_a_token_is_taken_in_its_turn() -> None:
    """Whoever takes another than the first of a key is wrong."""
    view = filled(3)
    with pytest.raises(KernelBug, match="token 2 of place was taken before its turn"):
        view.lose("a", 2)
