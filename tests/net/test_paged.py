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

from scraper_cpn.net import KernelBug
from scraper_cpn.net.compiled.runtime import paged as index_paged
from scraper_cpn.net.compiled.runtime.lines import Token
from scraper_cpn.net.compiled.runtime.paged import PagedLine, Pages
from scraper_cpn.net.shelf import Bound, MemoryShelf, Order, Shelved
from tests.net.tables import TableShelf

KEYS = "ab"


def token(serial: int, key: str = "a", order: Any = 0) -> Token:
    return Token(serial, f"colour {serial}", 0, None, key, order, 0)


class View:
    """Pages, and what each key has of them, as records keep it."""

    def __init__(self, width: int = 1, shelf: Any = None) -> None:
        self.pages = Pages("place", width, shelf or MemoryShelf())
        self.has: dict[str, Any] = {}

    def add(self, key: str, added: Token) -> None:
        """A token has come: if it is the first one now, whoever waits for the first one is notified."""
        before = self.first(key)
        has = self.pages.add(self.has.get(key), key, added)
        self.has[key] = self.has.get(key) if has is None else has
        now = self.first(key)
        assert now is not None
        assert has is not None or (before is not None and before.serial == now.serial)

    def first(self, key: str) -> Any:
        """Order and serial of the first token of a key, without a look at the shelf."""
        has = self.has.get(key)
        return has.head(0) if isinstance(has, PagedLine) else has

    def head(self, key: str) -> Token | None:
        """The first token of a key."""
        return self.pages.head(self.has[key], key) if key in self.has else None

    def lose(self, key: str, serial: int) -> None:
        """The first token of a key is taken."""
        if self.pages.lose(self.has[key], serial):
            del self.has[key]

    def listed(self) -> dict[int, tuple[int, Any]]:
        """Ready time and colour of all tokens."""
        return self.pages.listed(self.has.values())

    def in_memory(self, key: str) -> int:
        """How many tokens of a key are in memory."""
        has = self.has[key]
        return len(has.ready) if isinstance(has, PagedLine) else 1


def filled(number: int, shelf: Any = None) -> View:
    """A view with so many tokens of one key."""
    view = View(1, shelf)
    for serial in range(1, number + 1):
        view.add("a", token(serial))
    return view


class Paging(RuleBasedStateMachine):
    """Pages with either shelf, beside a sorted list for each key."""

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
        self.view = View(width, self.shelf)

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
        head = self.view.head(key)
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
                ("place", key, self.view.pages._wide(order), serial, f"colour {serial}")
                for key, order, serial in standing + held
            ],
            [],
        )

    @invariant()
    def heads_are_known(self) -> None:
        """The turn of each key's first token is right, without a look at the shelf."""
        for key, turns in self.model.items():
            assert (key in self.view.has) is bool(turns)
            if turns:
                head = self.view.first(key)
                assert (head.order, head.serial) == turns[0]

    @invariant()
    def all_are_counted(self) -> None:
        serials = {serial for turns in self.model.values() for _, serial in turns}
        assert len(self.view.pages) == len(serials)
        assert self.view.listed() == {serial: (0, f"colour {serial}") for serial in serials}
        hot = [self.view.in_memory(key) for key in self.view.has]
        assert self.view.pages.hot == sum(hot)
        assert max(hot, default=0) <= index_paged.PAGE

    def _add(self, added: Token) -> None:
        self.view.add(added.keys, added)
        turns = [*self.model[added.keys], (added.order, added.serial)]
        self.model[added.keys] = sorted(turns)


TestPaging = Paging.TestCase
TestPaging.settings = settings(max_examples=120, stateful_step_count=40)


def drained(view: View) -> list[int]:
    serials = []
    while head := view.head("a"):
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
    view = View()
    rooms = Counter[int]()
    for serial in range(1, 5_001):
        view.add(f"key {serial % 100}", token(serial, f"key {serial % 100}"))
    for key in view.has:
        rooms[view.in_memory(key)] += 1
        if not view.in_memory(key):
            view.head(key)
            assert view.in_memory(key) == 1
            break
    assert len(view.pages) == 5_000
    assert 500 < view.pages.hot <= 1_001
    assert len(rooms) > 2


def test_a_key_that_is_shelved_is_read_when_it_is_bound() -> None:
    """What a store says of a key is its number and first turn; then the shelf has the rest."""
    shelf = TableShelf()
    shelf.commit([("place", "a", (2, 0), serial, f"colour {serial}") for serial in (7, 9)], [])
    view = View(1, shelf)
    view.has["a"] = view.pages.shelve(2, (2, 0), 7)
    assert (len(view.pages), view.pages.hot, shelf.reads) == (2, 0, [])
    assert drained(view) == [7, 9]
    assert shelf.reads == ["a"]
    assert view.head("a") is None


def test_a_key_of_one_token_has_no_line() -> None:
    """The only token of a key stands for itself, as long as there is room in memory."""
    view = filled(1)
    assert isinstance(view.has["a"], Token)
    view.add("a", token(2))
    assert isinstance(view.has["a"], PagedLine)
    assert drained(view) == [1, 2]


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


@pytest.mark.parametrize("number", [1, 3])
def test_a_token_is_taken_in_its_turn(number: int) -> None:
    """Whoever takes another than the first of a key is wrong, be it the only one or not."""
    view = filled(number)
    with pytest.raises(KernelBug, match="token 2 of place was taken before its turn"):
        view.lose("a", 2)
