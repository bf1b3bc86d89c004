"""The nets that come with the kernel have the properties that their pages claim, and are grounded as kernels run them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from scraper_cpn.analysis import (
    Instance,
    Property,
    StateView,
    alive,
    always,
    at_most,
    begin,
    conserved,
    each,
    ends,
    never,
    no_faults,
    verify,
)
from scraper_cpn.net import Interpreter, Lost, Net, compile_net, on, put
from scraper_cpn.nets.ci import MATRIX
from scraper_cpn.nets.philosophers import Eaten, Fork
from tests.analysis.cases import (
    NEEDS,
    Case,
    ci_case,
    databuild_case,
    jobs_case,
    judge_case,
    philosophers_case,
    pool_case,
    ring_case,
)
from tests.analysis.following import Follower

CASES: dict[str, Callable[[], Case]] = {
    "ci": ci_case,
    "judge": judge_case,
    "databuild": databuild_case,
    "pool": pool_case,
    "jobs": jobs_case,
    "ring": ring_case,
    "philosophers": philosophers_case,
}
STEPS = {f"{tag}-{version}" for tag, version in MATRIX}


def part_of(token: Any) -> str | None:
    """The part that a token of databuild is about."""
    part = getattr(token, "part", None) or getattr(getattr(token, "job", None), "part", None)
    return None if part is None else str(part)


def fork_in_hand(token: Any) -> int | None:
    """A fork that lies there, or that a guest has who waits for the other one."""
    return int(token.fork if isinstance(token, Fork) else token.seat)


def needs_are_there(view: StateView) -> bool:
    """What is about to be built has all that it needs."""
    built = {part.part for part in view.tokens("built")}
    return all(need in built for job in view.tokens("jobs") for need in NEEDS[job.part])


PROPERTIES: dict[str, list[Property]] = {
    "ci": [
        conserved("agents", by="name"),
        at_most(1, in_flight="run", by="name"),
        conserved("builds", "open_builds", "releases", "stopped", by="build"),
        each("releases", lambda release: set(release.artifacts) == STEPS),
        never(begin("run"), while_in="over", by="build"),
        ends(),
        no_faults(),
    ],
    "judge": [
        each("pairs", lambda pair: pair.answer.task == pair.rubric.task),
        conserved("judges"),
        at_most(1, in_flight="judge"),
        ends(),
        no_faults(),
    ],
    "databuild": [
        conserved("slots"),
        at_most(1, in_flight="run", by="part"),
        conserved("new_wants", "waiting", "jobs", "faults", "built", "broken", minus="wanted", by=part_of),
        always(needs_are_there),
        no_faults(),
    ],
    "pool": [
        conserved("room", "idle", "lent", "checking", "closing", "resting"),
        at_most(2, "idle", "lent"),
        at_most(1, in_flight="open"),
        no_faults(),
    ],
    "jobs": [
        conserved("jobs", "leased", "faults", "finished", "dead"),
        at_most(1, "leased"),
        each("jobs", lambda job: job.attempt <= 3),
        no_faults(),
    ],
    "ring": [
        at_most(1, "new0", "P1_0", "P2_0"),
        at_most(1, in_flight=("T1_1", "T2_1")),
        each("out", lambda ball: ball.left == 0),
        ends(),
        no_faults(),
    ],
    "philosophers": [
        conserved("hungry", "waiting", "fed", by="seat"),
        conserved("forks", "waiting", by=fork_in_hand),
        conserved("chairs", "waiting"),
        ends(),
        no_faults(),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_net_has_the_properties_of_its_page(name: str) -> None:
    """Over all interleavings of a small instance."""
    report = verify(*CASES[name](), *PROPERTIES[name])
    assert report.ok, str(report)


def test_without_the_key_a_wrong_pair_is_made() -> None:
    """It is refuted, with the way to it."""
    net, instance = judge_case(keyed=False)
    (verdict,) = verify(net, instance, PROPERTIES["judge"][0]).verdicts
    assert verdict.status == "refuted"
    assert "pair(" in verdict.story[-1]


def test_philosophers_with_a_chair_for_each_may_starve() -> None:
    """The deadlock is refuted, with the way to it: all sit down."""
    (verdict,) = verify(*philosophers_case(chairs=3), ends()).verdicts
    assert verdict.status == "refuted"
    assert [line.partition(" ")[2].partition("(")[0] for line in verdict.story] == ["sit_down"] * 3


def test_what_siphons_show_needs_no_states() -> None:
    """A token that goes round for ever: something can always happen."""
    net = Net("round")
    here, there = (net.place(name, Fork, source=True) for name in ("here", "there"))
    walk = net.effect("walk", Eaten)
    for name, place, other in (("go", here, there), ("come", there, here)):
        outcomes = [on(Eaten, put(other, same, place)), on(Lost, put(place))]
        net.transition(name, [place], effect=walk(place), outcomes=outcomes)
    instance = Instance(tokens={"here": [Fork(1)]}, outcomes={"walk": lambda _: [Eaten()]})
    (verdict,) = verify(net, instance, alive()).verdicts
    assert (verdict.status, verdict.states) == ("proved", 0)


def same(fork: Fork) -> Fork:
    """The same."""
    return fork


def test_a_part_whose_need_is_broken_waits_for_ever() -> None:
    """As the page says: the run ends with what could not be built."""
    (verdict,) = verify(*databuild_case(), ends()).verdicts
    assert verdict.status == "refuted"
    assert verdict.calls


@pytest.mark.parametrize("name", CASES)
def test_firings_without_a_stage_of_their_own_change_no_verdict(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun and started firings as one: the same verdicts with fewer states, and counterexamples that replay."""
    asked = [
        *PROPERTIES[name],
        ends(),
        alive(),
        at_most(0, in_flight=tuple(CASES[name]()[0].effects)),
    ]
    asked = [each for each in asked if not list(each.problems(CASES[name]()[0]))]
    few = verify(*CASES[name](), *asked)
    monkeypatch.setattr(
        sys.modules["scraper_cpn.analysis.verify"], "merged", lambda plain, _: plain
    )
    many = verify(*CASES[name](), *asked)
    assert [(v.claim, v.status) for v in few.verdicts] == [
        (v.claim, v.status) for v in many.verdicts
    ]
    assert sum(v.states for v in few.verdicts) <= sum(v.states for v in many.verdicts)


@pytest.mark.parametrize("execution", [Interpreter, compile_net])
@pytest.mark.parametrize("name", CASES)
def test_what_a_kernel_does_with_several_tokens_is_an_event(
    name: str, execution: Callable[..., Any]
) -> None:
    """Arcs of several tokens, two arcs on one place, `all`, thresholds, `remove` and attempts are edges, too."""
    follower = Follower(*CASES[name](), execution, seed=11)
    follower.go(150)
    assert len(follower.seen) >= 4
