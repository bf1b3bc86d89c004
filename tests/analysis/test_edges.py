"""The grounded net does what the kernels do: edge by edge, in both executions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from scraper_cpn.analysis import AnalysisError, Instance, at_most, ends, no_faults, verify
from scraper_cpn.analysis.forget import Forgetting
from scraper_cpn.analysis.ground import Grounder
from scraper_cpn.net import Interpreter, Net, compile_net
from scraper_cpn.nets.buildfarm import Broken, Build, Built, Machine, Package, Uploaded, build_farm
from scraper_cpn.nets.ring import Passed, ring_net
from scraper_cpn.scrape import colours as c
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.verify import ONE_DOMAIN, TWO_DOMAINS, instance_of, small
from tests.analysis.cases import judge_case
from tests.analysis.following import Follower
from tests.effort import EXPLORING, effort

EXECUTIONS = (Interpreter, compile_net)
CALLS = effort(400, 10_000)
"""Sixty thousand calls in all with `EXPLORE=1`."""
FEWER = effort(300, 1_500)
"""For each optional part."""


def crawl(urls: tuple[str, ...], **options: Any) -> tuple[Net, Instance]:
    """A small crawl, and everything that may happen in it."""
    policy = Policy(small(Settings(**{"retries": 1, **options})))
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
EXPLORED = {"one domain", "farm"}
"""Whose spaces are small enough for the usual suite."""


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("case", CASES)
def test_what_a_kernel_does_is_an_edge_of_the_explored_space(
    case: str, execution: Callable[..., Any]
) -> None:
    """Random calls with time, revocations, refused starts, stops, lost work and crashes: each is an edge, in its order."""
    net, instance = CASES[case]()
    follower = Follower(net, instance, execution, seed=7, explored=EXPLORING or case in EXPLORED)
    follower.go(CALLS if EXPLORING or case != "one domain" else CALLS // 4)  # its runs are short
    kinds = {kind for kind, _ in follower.seen}
    assert {"fire", "begin", "start", "revoke", "end", "inject", "crash"} <= kinds


PROXIES = tuple(c.Proxy(name, url=f"http://{name}") for name in ("p", "q"))
PARTS: dict[str, dict[str, Any]] = {
    "proxies that are refused": {"proxies": PROXIES, "ban_status": (403,), "per_domain": 2},
    "robots.txt behind proxies": {"proxies": PROXIES, "robots": "obey"},
    "sessions": {"sessions": 1},
    "visits": {"revisit_ns": SECOND, "visits": 2},
    "sitemaps": {"robots": "obey", "sitemaps": ("http://a.example/sitemap.xml",)},
    "files": {"robots": "obey", "files": ("images",), "save_bodies": "b"},
    "hours": {"hours": "22:00-06:00"},
    "limits": {"max_bytes": 4, "max_items": 1, "retry_after_max_ns": SECOND, "dedupe": "skip"},
}


@pytest.mark.slow
@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("part", PARTS)
def test_what_a_part_adds_is_grounded_as_kernels_run_it(
    part: str, execution: Callable[..., Any]
) -> None:
    """Each optional part of the scraper's net, edge by edge."""
    options = {"robots": "ignore", **PARTS[part]}
    follower = Follower(*crawl(ONE_DOMAIN, **options), execution, seed=5, most=0)
    follower.go(FEWER)
    assert {"fire", "begin", "start", "end", "crash"} <= {kind for kind, _ in follower.seen}


MUTANTS = [
    *(("two domains", kind) for kind in ("fire", "begin", "start", "revoke", "end", "inject")),
    *(("judge", kind) for kind in ("again", "attempt")),
]


@pytest.mark.parametrize(("case", "kind"), MUTANTS)
def test_an_exploration_that_lacks_a_kind_of_event_is_caught(case: str, kind: str) -> None:
    """The comparison fails if any one kind is left out, so that it can fail."""
    follower = Follower(*(judge_case() if case == "judge" else CASES[case]()), compile_net, seed=3)
    kept = [event for event in follower.plain.events if event.kind != kind]
    assert len(kept) < len(follower.plain.events)
    follower.plain.events[:] = kept
    with pytest.raises((AssertionError, IndexError)):
        follower.go(CALLS)


@pytest.mark.parametrize("at", range(5))
def test_an_event_that_does_something_else_is_caught(at: int) -> None:
    """A token too many, a condition too many, and an order that isn't kept: none of them gets past the comparison."""
    follower = Follower(*farm(), compile_net, seed=3)
    follower.go(CALLS)
    event = sorted(follower.taken, key=follower.plain.events.index)[at * 7]
    made = next(iter(event.change))
    changed = {
        0: replace(event, change={**event.change, made: event.change[made] + 1}),
        1: replace(event, needs={**event.needs, made: 9}),
        2: replace(event, absent=(*event.absent, *event.needs)),
        3: replace(event, room=dict.fromkeys(event.needs, 0)),
        4: replace(event, change={}),
    }[at]
    follower.plain.events[follower.plain.events.index(event)] = changed
    with pytest.raises((AssertionError, IndexError)):
        follower.go(4 * CALLS)


def test_a_wrong_forget_is_caught_edge_by_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its own check, the comparison with the kernels sees that forgetting has merged allowed and denied."""
    net, instance = crawl(ONE_DOMAIN)
    rules = net.places["robots"].colour  # type: ignore[union-attr]
    wrong = replace(instance, forget={**instance.forget, rules: "text"})
    monkeypatch.setattr(Forgetting, "_check", lambda *_: None)
    with pytest.raises((AssertionError, IndexError)):
        Follower(net, wrong, compile_net, seed=1).go(4 * CALLS)


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
