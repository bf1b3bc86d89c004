"""Fingerprints answer as a set does, and take the room that they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.net.compiled.runtime.fingerprints import Fingerprints


class Chosen:
    """A key with a hash of its own choice."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        return self.number


@given(st.lists(st.tuples(st.booleans(), st.lists(st.text(max_size=3), max_size=40)), max_size=12))
def test_they_are_a_set(moves: list[tuple[bool, list[str]]]) -> None:
    """Strings that are added one by one or many at once are there, and no others; each is new once."""
    prints, model = Fingerprints(), set[str]()
    for one_by_one, keys in moves:
        if one_by_one:
            for key in keys:
                assert prints.add(key) is (key not in model)
                model.add(key)
        else:
            prints.extend(keys)
            model.update(keys)
        assert len(prints) == len(model)
    for key in [key for _, keys in moves for key in keys] + ["never added"]:
        assert (key in prints) is (key in model)


@pytest.mark.parametrize("step", [1 << 32, 256, 1])
def test_crowded_tables_lose_nothing(step: int) -> None:
    """Hashes that want the same slot, or the same shard, find other slots while the table grows."""
    prints = Fingerprints()
    keys = [Chosen(number * step) for number in range(1, 501)]
    assert all(prints.add(key) for key in keys)
    assert not any(prints.add(key) for key in keys)
    assert all(key in prints for key in keys)
    assert Chosen(501 * step) not in prints


def test_a_hash_of_zero_is_one_of_one() -> None:
    """An empty slot is written as 0, so that this hash has to be another; a negative one is itself."""
    prints = Fingerprints()
    assert prints.add(Chosen(0))
    assert Chosen(1) in prints
    assert prints.add(Chosen(-5))
    assert Chosen(-5) in prints
    prints.extend([Chosen(0)])
    assert len(prints) == 2


@pytest.mark.parametrize("number", [50_000, 90_000])
def test_a_string_takes_less_than_24_bytes(number: int) -> None:
    """However full the tables are; and as much when they were filled at once."""
    one_by_one, at_once = Fingerprints(), Fingerprints()
    keys = [f"https://example.org/{each}" for each in range(number)]
    for key in keys:
        one_by_one.add(key)
    at_once.extend(keys)
    for prints in (one_by_one, at_once):
        room_bytes = sum(8 * len(shard) for shard in prints._shards)
        assert room_bytes < 24 * number
