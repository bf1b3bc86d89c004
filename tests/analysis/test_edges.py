"""The grounded net does what the kernels do: edge by edge, in both executions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from scraper_cpn.analysis import AnalysisError, Instance, at_most, ends, no_faults, verify
from scraper_cpn.analysis.ground import Grounder
from scraper_cpn.net import Interpreter, Net, compile_net
from scraper_cpn.nets.buildfarm import Broken, Build, Built, Machine, Package, Uploaded, build_farm
from scraper_cpn.nets.ring import Passed, ring_net
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.verify import ONE_DOMAIN, TWO_DOMAINS, instance_of, small
from tests.analysis.following import Follower
from tests.effort import effort

EXECUTIONS = (Interpreter, compile_net)
CALLS = effort(1_200, 10_000)
"""Sixty thousand calls in all with `EXPLORE=1`."""


def crawl(urls: tuple[str, ...], **options: Any) -> tuple[Net, Instance]:
    """A small crawl, and everything that may happen in it."""
    policy = Policy(small(Settings(retries=1, **options)))
    net = ScrapeNet(policy)
    return net, replace(instance_of(net, urls, ""), times={})


def farm() -> tuple[Net, Instance]:
    """Three builds, two machines, one of them of another platform; builds that expire are left out."""
    return build_farm(licences=1), Instance(
        tokens={
            "machines": [Machine("m1", "arm"), Machine("m2", "x86")],
            "builds": [Build("app", "arm", 1), Build("doc", "x86", 1)],
        },
        later={"builds": [Build("late", "arm", 1)]},
        outcomes={
            "build": lambda *_: [Built(1000), Broken("no network")],
            "upload": lambda _: [Uploaded()],
        },
    )


CASES = {
    "two domains": lambda: crawl(TWO_DOMAINS),
    "one domain": lambda: crawl(
        ONE_DOMAIN, robots="ignore", per_domain=2, max_pages=1, max_time_ns=10**10
    ),
    "farm": farm,
}


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("case", CASES)
def test_what_a_kernel_does_is_an_event_of_the_grounded_net(
    case: str, execution: Callable[..., Any]
) -> None:
    """Random calls with time, revocations, refused starts, stops and lost work: each is an edge, in its order."""
    net, instance = CASES[case]()
    follower = Follower(net, instance, execution, seed=7)
    follower.go(CALLS)
    kinds = {kind for kind, _ in follower.seen}
    assert {"fire", "begin", "start", "revoke", "end"} <= kinds


@pytest.mark.parametrize("kind", ["fire", "begin", "start", "revoke", "end", "inject"])
def test_an_exploration_that_lacks_a_kind_of_event_is_caught(kind: str) -> None:
    """The comparison fails if any one kind is left out, so that it can fail."""
    net, instance = crawl(TWO_DOMAINS)
    follower = Follower(net, instance, compile_net, seed=3)
    follower.plain.events[:] = [e for e in follower.plain.events if e.kind != kind or e.name == ""]
    with pytest.raises((AssertionError, IndexError)):
        follower.go(CALLS)


def test_forgetting_what_decides_is_refused() -> None:
    """A robots.txt without its text would merge allowed and denied; the line names the function."""
    net, instance = crawl(TWO_DOMAINS)
    rules = net.places["robots"].colour  # type: ignore[union-attr]
    wrong = replace(instance, forget={**instance.forget, rules: "text"})
    with pytest.raises(AnalysisError, match=r"forget.Rules.*decides by what is forgotten"):
        Grounder(net, wrong).relaxed()


def test_forgetting_what_decides_nothing_merges_states() -> None:
    """Two builds that differ in their size alone are one; the calls that were made again are counted."""
    net, instance = farm()
    several = replace(
        instance,
        outcomes={**instance.outcomes, "build": lambda *_: [Built(1), Built(2), Built(3)]},
    )
    whole = Grounder(net, several)
    whole.relaxed()
    merged = Grounder(net, replace(several, forget={Package: "size_bytes"}))
    merged.relaxed()
    assert len(merged.plain.atoms) < len(whole.plain.atoms)
    assert merged.forgetting.checked > 0


def test_an_instance_that_does_not_fit_is_reported_what_to_do() -> None:
    """Each mistake is a line of its own, which names what there is."""
    net, _ = farm()
    wrong = Instance(
        tokens={"machine": [], "packages": [], "builds": [Machine("m", "arm")]},
        outcomes={"compile": list},
        forget={Build: "platform"},
    )
    with pytest.raises(AnalysisError) as error:
        verify(net, wrong)
    text = str(error.value)
    for part in (
        "tokens['machine']: the net has no such place; its sources are builds, machines",
        "tokens['packages']: is no source",
        "tokens['builds']: takes Build, not Machine",
        "outcomes has no 'build'; add 'build': lambda builds, machines: [Built(...), Broken(...)]",
        "outcomes['compile']: the net has no such effect",
        "forget: 'platform' is the key of builds",
    ):
        assert part in text


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_transitions_that_take_numbers_alone_are_grounded(execution: Callable[..., Any]) -> None:
    """Two rings, whose balls come of a number: each call is an edge, and each ball gets round."""
    net = ring_net(copies=2, passes=2)
    instance = Instance(outcomes={"hand": lambda _: [Passed()]})
    follower = Follower(net, instance, execution, seed=5)
    follower.go(400)
    assert ("fire", "I_0") in follower.seen
    report = verify(net, instance, ends(), no_faults(), at_most(1, "P1_0", "P2_0"))
    assert report.ok, str(report)
