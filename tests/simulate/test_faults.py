"""Failure injection: a seed decides which calls are spoiled, and how."""

from __future__ import annotations

from typing import Any

import pytest

from scraper_cpn.net import Lost
from scraper_cpn.simulate.faults import Faults, Nonsense, faulty

CALLS = 2000


def outcomes(faults: Faults, name: str = "fetch") -> list[tuple[int, Any]]:
    """What the calls of a spoiled effect come to."""
    effect = faulty({name: lambda call, _: (10, call)}, faults)[name]
    return [effect(call, 0) for call in range(CALLS)]


def test_without_faults_nothing_changes() -> None:
    """An effect that is not spoiled is as it was."""
    assert outcomes(Faults()) == [(10, call) for call in range(CALLS)]


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("kind", ["lost", "nonsense", "late"])
def test_about_the_share_is_spoiled(kind: str, share: float) -> None:
    """Each share is that of all calls, within five standard deviations."""
    found = outcomes(Faults(**{kind: share}, late_ns=7))  # type: ignore[arg-type]
    hit = {
        "lost": sum(isinstance(outcome, Lost) for _, outcome in found),
        "nonsense": sum(isinstance(outcome, Nonsense) for _, outcome in found),
        "late": sum(takes_ns == 17 for takes_ns, _ in found),
    }
    deviation = (CALLS * share * (1 - share)) ** 0.5
    assert abs(hit.pop(kind) - CALLS * share) <= 5 * deviation
    assert set(hit.values()) == {0}


def test_a_seed_repeats_itself_and_another_does_not() -> None:
    """The same seed spoils the same calls; another seed, or effect, others."""
    faults = Faults(seed=1, nonsense=0.5)
    assert outcomes(faults) == outcomes(faults)
    assert outcomes(faults) != outcomes(Faults(seed=2, nonsense=0.5))
    assert outcomes(faults) != outcomes(faults, "parse")


def test_the_work_of_a_lost_call_is_done() -> None:
    """The world has noticed it: what is lost is the answer."""
    calls: list[int] = []

    def effect(call: int, _: int) -> tuple[int, Any]:
        calls.append(call)
        return 0, None

    spoiled = faulty({"fetch": effect}, Faults(lost=1.0))["fetch"]
    assert isinstance(spoiled(1, 0)[1], Lost)
    assert calls == [1]
