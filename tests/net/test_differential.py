"""Two executions, one meaning: random nets and random runs give the same everything in both."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from scraper_cpn.net import NetError, checked
from tests.effort import effort
from tests.net.building import Built
from tests.net.features import features
from tests.net.folded import Folded, folding
from tests.net.nets import Draw, checked_net
from tests.net.runs import Pair, Run

CALLS = 50
"""Calls of a run, after some tokens were injected."""

FEATURES = {
    "absent place", "absent set", "after constant", "after function", "budget", "capacity", "change",
    "change to none", "choice", "consume", "counter keyed", "counter lazy", "counter plain",
    "deadline", "during", "include_waiting", "effect", "expired place", "expires", "hold counter", "hold place",
    "independent inputs", "join", "join on two keys", "lasts", "makes none", "makes raise",
    "makes several", "moves", "order", "plain", "priority", "put_new", "put_new of what is new", "read counter", "read place",
    "read set", "satellite", "scan", "sink", "spend place", "take counter", "take place", "timed",
    "two keys", "when", "work",
    "absent in use", "attempts", "absent when", "claim", "count up by key", "count up by two", "hold count by key",
    "hold count counter", "hold count place", "hold when", "join declared", "numbers alone", "read count by key",
    "read count counter", "read count place", "read in use", "read when", "remove", "shows two", "spend when",
    "take all", "take all or none", "take count by key", "take count counter", "take count place",
    "two arcs on a place", "manual", "manual effect", "manual plain",
}  # fmt: skip
"""Every feature of a net, by the names that `nets.features` gives them."""

HAPPENINGS = {
    "fire",
    "begin",
    "started",
    "end",
    "revoke",
    "fault",
    "limit",
    "wake",
    "swap",
    "mistake",
}
"""What must happen in one run of ten: events of the trace, and turns of a run."""

SELDOM = {"again", "attempt", "begun by hand", "stale", "refused start"}
"""What must happen in one run of twenty."""


def drawn(seed: int) -> tuple[Built, Draw] | None:
    """The net that a seed stands for, and the choices that are left for its run."""
    random = Random(seed)
    built = checked_net(random)
    return None if built is None else (built, Draw(random))


@settings(
    max_examples=effort(30, 600),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.randoms(use_true_random=False))
def test_random_runs_are_the_same(random: Random) -> None:
    """Whatever net and run Hypothesis finds, nothing that can be seen differs."""
    built = checked_net(random)
    assume(built is not None)
    assert built is not None
    Run(Draw(random), Pair(built)).go(CALLS)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, effort(100, 5_000), 50))
def test_a_corpus_of_seeds_is_the_same(start: int) -> None:
    """A hundred runs, the same every time, for the cases that random search found once.

    Every third one is not traced: there tokens come back without a call in between.
    """
    for seed in range(start, start + 50):
        found = drawn(seed)
        if found is not None:
            built, draw = found
            Run(draw, Pair(built, traced=seed % 3 > 0)).go(CALLS)


@settings(
    max_examples=effort(25, 400),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.randoms(use_true_random=False))
def test_changes_tell_everything(random: Random) -> None:
    """A marking put together from a kernel's changes alone is the interpreter's, after every call."""
    built = checked_net(random)
    assume(built is not None)
    assert built is not None
    draw = Draw(random)
    Run(draw, Pair(built, folding(draw), Folded.load)).go(CALLS)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(5000, 5000 + effort(100, 3_000), 50))
def test_changes_tell_everything_in_a_corpus(start: int) -> None:
    """The same for a hundred seeds, the same every time."""
    for seed in range(start, start + 50):
        found = drawn(seed)
        if found is not None:
            built, draw = found
            Run(draw, Pair(built, folding(draw), Folded.load)).go(CALLS)


@pytest.mark.parametrize("seed", [1027, 1149, 1884])
def test_a_seed_that_failed_once_is_the_same(seed: int) -> None:
    """A revoked token that leads a join again; a step that reached its limit before time passed."""
    found = drawn(seed)
    assert found is not None
    built, draw = found
    Run(draw, Pair(built)).go(2 * CALLS)


def test_each_feature_is_in_one_net_of_twenty() -> None:
    """The comparison means something for every feature: 5 % of the nets have it."""
    nets = [found[0] for seed in range(400) if (found := drawn(seed)) is not None]
    counts = Counter(name for built in nets for name in features(built))
    print(*(f"{100 * counts[name] // len(nets)} % {name}" for name in sorted(FEATURES)), sep="\n")
    rare = {name: counts[name] for name in FEATURES if counts[name] * 20 < len(nets)}
    assert not rare
    assert len(nets) > 300


def test_everything_happens_in_runs() -> None:
    """Runs fire, fail, revoke, wait and reload, each in one run of ten; what asks for a rarer net, in one of twenty."""
    counts: Counter[str] = Counter()
    runs = [found for seed in range(60) if (found := drawn(seed)) is not None]
    for built, draw in runs:
        run = Run(draw, Pair(built))
        run.go(CALLS)
        counts.update(run.seen.keys() | run.pair.events)
    print(*(f"{100 * number // len(runs)} % {name}" for name, number in counts.items()), sep="\n")
    assert not {name: counts[name] for name in HAPPENINGS if counts[name] * 10 < len(runs)}
    assert not {name: counts[name] for name in SELDOM if counts[name] * 20 < len(runs)}


def test_random_nets_pass_the_checks() -> None:
    """What the drawing gives is what a user could declare: `checked` accepts it."""
    for seed in range(50):
        found = drawn(seed)
        if found is not None:
            try:
                checked(found[0].net)
            except NetError as error:
                pytest.fail(str(error))
