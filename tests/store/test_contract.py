"""What every store promises, whatever it is made of."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper_cpn.store.port import Batch, BatchError, StoreError
from tests.store.batches import Batches, Model, batch, check, plain
from tests.store.conftest import QUICK, MemoryShelf, PostgresShelf, Shelf, new_shelf

pytestmark = pytest.mark.anyio

TOKEN = (1, "proxies", 5, None, b"p1")
OTHER = (2, "proxies", 0, 9, b"p2")
TARGET = ("waiting", "a.example", -1, 0, 3, b"u3")
ITEM = (b"f" * 16, 1, 0, b'{"title":"one"}')
START = Model(metadata={"settings": b"{}"})


async def committed(shelf: Shelf, *batches: Batch) -> Model:
    """Commit batches; returns the model after them."""
    model = START.copy()
    for made in batches:
        await shelf.store.commit(made)
        model.take(made)
    return model


async def test_a_new_run_is_empty(shelf: Shelf) -> None:
    """It holds nothing but the metadata that it was made with."""
    check(shelf.store, START)


async def test_all_parts_of_a_batch_come_back(shelf: Shelf) -> None:
    """What a batch brings is read back as it was given, also by one who opens the store later."""
    full = batch(
        1,
        born=[TOKEN, OTHER],
        paged_born=[TARGET],
        numbers=[("budget", "null", 7)],
        seen=[("urls", "https://a.example/"), ("urls", "https://b.example/")],
        flights=[(1, b"flight")],
        faulted=[b"fault"],
        rows=[("done", "https://a.example/", b"{}")],
        items=[ITEM],
        metadata=[("length", b"12")],
    )
    model = await committed(shelf, full)
    check(shelf.store, model)
    check(await shelf.open_again(), model)


async def test_what_goes_is_gone(shelf: Shelf) -> None:
    """Tokens, targets and flights that a batch ends are not there any more."""
    first = batch(1, born=[TOKEN, OTHER], paged_born=[TARGET], flights=[(1, b"x"), (2, b"y")])
    second = batch(2, gone=[1], paged_gone=[TARGET[:5]], landed=[2])
    model = await committed(shelf, first, second)
    assert list(shelf.store.saved().tokens) == [OTHER]
    check(await shelf.open_again(), model)


async def test_numbers_flights_and_metadata_replace(shelf: Shelf) -> None:
    """A counter's key has its last number, a flight its last row, a name its last value."""
    first = batch(1, numbers=[("n", "null", 1)], flights=[(1, b"x")], metadata=[("settings", b"1")])
    second = batch(
        2, numbers=[("n", "null", 2)], flights=[(1, b"y")], metadata=[("settings", b"2")]
    )
    model = await committed(shelf, first, second)
    assert list(shelf.store.saved().numbers) == [("n", "null", 2)]
    check(await shelf.open_again(), model)


async def test_a_token_may_go_and_come_in_one_batch(shelf: Shelf) -> None:
    """What goes leaves before what is born comes."""
    moved = (1, "resting", 8, None, b"p1")
    model = await committed(shelf, batch(1, born=[TOKEN]), batch(2, gone=[1], born=[moved]))
    check(shelf.store, model)


CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "a token that is there is born": {"born": [TOKEN]},
    "a token is born twice": {"born": [OTHER, OTHER]},
    "a token goes that is not there": {"gone": [7]},
    "a token goes twice": {"gone": [1, 1]},
    "a target that is there is born": {"paged_born": [TARGET]},
    "a target goes that is not there": {"paged_gone": [("waiting", "a.example", 0, 0, 3)]},
    "a flight lands that is not there": {"landed": [7]},
    "a flight begins twice": {"flights": [(5, b""), (5, b"")]},
    "a number is set twice": {"numbers": [("n", "null", 1), ("n", "null", 2)]},
    "an item is kept again": {"items": [(*ITEM[:3], b"other")]},
}


@pytest.mark.parametrize("parts", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
async def test_a_batch_that_contradicts_the_state_is_refused_as_a_whole(
    shelf: Shelf, parts: dict[str, Any]
) -> None:
    """Nothing of it is there, and the store takes no further batch: it is our bug."""
    model = await committed(shelf, batch(1, born=[TOKEN], paged_born=[TARGET], items=[ITEM]))
    with pytest.raises(BatchError) as first:
        await shelf.store.commit(batch(2, seen=[("urls", "x")], metadata=[("a", b"b")], **parts))
    with pytest.raises(BatchError) as second:
        await shelf.store.commit(batch(2))
    assert str(second.value) == str(first.value)
    check(shelf.store, model)
    check(await shelf.open_again(), model)


@pytest.mark.parametrize("seq", [0, 1, 3])
async def test_a_batch_must_follow_the_last(shelf: Shelf, seq: int) -> None:
    """Neither a batch that was there nor one with a gap before it is taken; a server with a gap has lost some."""
    model = await committed(shelf, batch(1))
    refused = f"batch {seq} does not follow batch 1|its last batch is 1, not {seq - 1}"
    with pytest.raises((BatchError, StoreError), match=refused):
        await shelf.store.commit(batch(seq))
    check(shelf.store, model)


async def test_pages_are_in_order_from_where_they_are_asked(shelf: Shelf) -> None:
    """A page begins with the token that is named, and knows no other key and no other place."""
    rows = [("waiting", "a.example", o1, o2, serial, b"") for o1, o2, serial in
            [(-2, 0, 9), (-1, 1, 2), (-1, 1, 5), (-1, 2, 1), (0, 0, 4)]]  # fmt: skip
    strangers = [("waiting", "a.example2", 0, 0, 6, b""), ("parked", "a.example", 0, 0, 7, b"")]
    await committed(shelf, batch(1, paged_born=[*reversed(rows), *strangers]))
    page = shelf.store.page
    assert page("waiting", "a.example", (-(2**63), 0, 0), 100) == rows
    assert page("waiting", "a.example", (-1, 1, 5), 2) == rows[2:4]
    assert page("waiting", "a.example", (-1, 1, 6), 1) == rows[3:4]
    assert page("waiting", "a.example", (1, 0, 0), 5) == []
    assert page("waiting", "b.example", (0, 0, 0), 5) == []


async def test_a_page_sees_what_is_committed(shelf: Shelf) -> None:
    """The next page after a batch knows what it brought and what it took."""
    await committed(shelf, batch(1, paged_born=[TARGET]))
    assert shelf.store.page("waiting", "a.example", (-1, 0, 0), 9) == [TARGET]
    await shelf.store.commit(batch(2, paged_gone=[TARGET[:5]]))
    assert shelf.store.page("waiting", "a.example", (-1, 0, 0), 9) == []


async def test_extreme_values_come_back(shelf: Shelf) -> None:
    """The least and greatest numbers, empty bytes and texts of any letters survive."""
    low, high = -(2**63), 2**63 - 1
    odd = "nul \0, \N{SNOWMAN}, '; --"
    made = batch(
        1,
        marking_hash=low,
        inputs=b"",
        born=[(high, odd, low, high, b"")],
        paged_born=[(odd, "", low, high, 0, b"\0")],
        numbers=[(odd, odd, high)],
        seen=[(odd, ""), ("", odd)],
        metadata=[(odd, b"")],
    )
    model = await committed(shelf, made)
    check(await shelf.open_again(), model)


async def test_texts_are_added(shelf: Shelf) -> None:
    """They are there with their batch, after those before."""
    first, second = batch(1, texts=[(1, 1, "a\n"), (2, 5, "b")]), batch(2, texts=[(3, 6, "c")])
    await shelf.store.commit(first)
    await shelf.store.commit(second)
    store = await shelf.open_again()
    assert list(store.texts(1)) == [(1, "a\n"), (5, "b"), (6, "c")]
    assert list(store.texts(2, 2)) == [(5, "b")]


async def test_what_is_acknowledged_survives_a_crash(shelf: Shelf) -> None:
    """A store that was not closed holds every batch that `commit` returned for."""
    model = await committed(shelf, batch(1, born=[TOKEN]), batch(2, born=[OTHER]))
    check(await shelf.crash(), model)


async def test_a_cancelled_commit_is_whole(shelf: Shelf) -> None:
    """A cancellation waits for the batch: it is there, and the next one follows."""
    task = asyncio.create_task(shelf.store.commit(batch(1, born=[TOKEN])))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    with anyio.CancelScope() as scope:
        scope.cancel()
        await shelf.store.commit(batch(2, born=[OTHER]))
    model = START.copy()
    model.take(batch(1, born=[TOKEN]))
    model.take(batch(2, born=[OTHER]))
    check(shelf.store, model)


async def test_close_twice(shelf: Shelf) -> None:
    """Closing a store again does nothing, and what was committed is there when it is opened."""
    model = await committed(shelf, batch(1, born=[TOKEN]))
    await shelf.store.close()
    await shelf.store.close()
    check(await shelf.open_again(), model)


async def test_a_reader_in_the_middle_does_not_mind(shelf: Shelf) -> None:
    """Rows that nobody reads to their end don't keep a store from being closed and opened."""
    model = await committed(shelf, batch(1, items=[ITEM, (b"g" * 16, 1, 0, b"{}")]))
    half = shelf.store.items()
    assert next(half) == ITEM
    check(await shelf.open_again(), model)


STEPS = st.sampled_from(["commit", "reopen", "crash"])


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@given(seed=st.integers(0, 2**32), steps=st.lists(STEPS))
@settings(max_examples=40)
def test_a_store_is_what_its_batches_make_it(kind: str, seed: int, steps: list[str]) -> None:
    """After any batches, however often it was closed or crashed, a store says what the model says."""
    with tempfile.TemporaryDirectory(dir=QUICK) as folder:
        anyio.run(take, new_shelf(kind, Path(folder), ""), seed, steps)


@given(seed=st.integers(0, 2**32), steps=st.lists(STEPS, max_size=6))
@settings(max_examples=5)
def test_so_is_one_on_postgresql(shared_database: str, seed: int, steps: list[str]) -> None:
    """The same, with fewer examples: each opening makes connections."""
    anyio.run(take, PostgresShelf(shared_database), seed, steps)


async def take(shelf: Shelf, seed: int, steps: list[str]) -> None:
    """Take a store through steps, and check it after each."""
    batches = Batches(seed, size=6)
    batches.model.metadata["settings"] = b"{}"
    try:
        for step in [*steps, "commit"]:
            if step == "commit":
                await shelf.store.commit(batches.next())
            else:
                await (shelf.open_again() if step == "reopen" else shelf.crash())
            check(shelf.store, batches.model)
    finally:
        await shelf.store.close()


def test_the_model_is_not_the_store() -> None:
    """The check fails where a store has forgotten a batch: it compares what it says it does."""

    async def run() -> None:
        shelf = MemoryShelf()
        model = START.copy()
        model.take(batch(1, born=[TOKEN]))
        assert plain(shelf.store.saved()) != model.marking()
        with pytest.raises(AssertionError):
            check(shelf.store, model)

    anyio.run(run)


async def test_a_crashed_memory_store_takes_no_batch() -> None:
    """As a process that is gone writes no more."""
    shelf = MemoryShelf()
    old = shelf.store
    await shelf.crash()
    with pytest.raises(StoreError, match="crashed"):
        await old.commit(batch(1))
