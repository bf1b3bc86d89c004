"""Paged places mean nothing: whatever is on the shelf, nets run as if all tokens were in memory."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from scraper_cpn.net.compiled.runtime import paged as index_paged
from tests.effort import effort
from tests.net.features import features
from tests.net.nets import Draw
from tests.net.paged_nets import Stored, paged_net, storing
from tests.net.runs import Pair, Run

CALLS = 50

ROOMS = [(1, 1_000), (2, 1_000), (64, 1_000), (4, 3), (1, 1)]
"""Tokens in memory: of a key, and of a place."""


@pytest.fixture(params=ROOMS, ids=lambda room: f"{room[0]}-of-{room[1]}")
def room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """How many tokens may be in memory."""
    of_key, of_place = request.param
    monkeypatch.setattr(index_paged, "PAGE", of_key)
    monkeypatch.setattr(index_paged, "HOT", of_place)
    return of_key, of_place


SETTINGS = settings(
    max_examples=15,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)


@pytest.mark.usefixtures("room")
@SETTINGS
@given(st.randoms(use_true_random=False), st.booleans())
def test_random_paged_runs_are_the_same(random: Random, stored: bool) -> None:
    """R38: with the shelf in memory, or in a table that a kernel is saved to and loaded from."""
    built = paged_net(random)
    assume(built is not None)
    assert built is not None
    draw = Draw(random)
    pair = Pair(built, storing(draw), Stored.load) if stored else Pair(built)
    Run(draw, pair).go(CALLS)


@pytest.mark.slow
@pytest.mark.usefixtures("room")
@pytest.mark.parametrize("stored", [False, True])
def test_a_corpus_of_paged_seeds_is_the_same(stored: bool) -> None:
    """The same runs every time."""
    for seed in range(effort(30, 1_000)):
        random = Random(seed)
        built = paged_net(random)
        if built is not None:
            draw = Draw(random)
            pair = Pair(built, storing(draw), Stored.load) if stored else Pair(built)
            Run(draw, pair).go(CALLS)


def test_paged_nets_are_of_every_kind() -> None:
    """The comparison means something: paged places lead joins, are held, spent and read, beside all else."""
    nets = [built for seed in range(300) if (built := paged_net(Random(seed))) is not None]
    counts = Counter(name for built in nets for name in features(built))
    wanted = {
        "paged place", "paged set", "put_new", "order", "timed", "expires", "capacity", "effect",
        "choice", "join on two keys", "absent set", "satellite",
        *(f"{kind} paged place" for kind in ("take", "hold", "spend", "read")),
        *(f"{kind} by time" for kind in ("take", "hold", "spend", "read")),
    }  # fmt: skip
    assert not {name: counts[name] for name in wanted if counts[name] * 40 < len(nets)}
    assert len(nets) > 150
