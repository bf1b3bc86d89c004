"""Mistakes that are planted in the scrape net and its policy: each is refused, by the right guarantee."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as changed

from scraper_cpn.analysis import ExplorationLimits, Report
from scraper_cpn.analysis.compiled import Builder
from scraper_cpn.net import Net, NetError, consume, put
from scraper_cpn.scrape import colours as c
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.verify import verify_crawl

Change = Callable[[Net, Policy], None]
SETTINGS = Settings(
    robots="ignore", per_domain=2, retries=1, max_pages=2, max_time_ns=10**10, concurrency=2,
    proxies=(c.Proxy("p", url="http://p", delay_ns=5), c.Proxy("q", url="http://q", delay_ns=5)),
)  # fmt: skip


def proved(
    change: Change | None = None,
    settings: Settings = SETTINGS,
    states: int = 40_000,
    builder: Builder | None = None,
) -> Report:
    """What is proved of a crawl whose net has been changed."""

    def made(policy: Policy) -> ScrapeNet:
        net = ScrapeNet(policy)
        if change is not None:
            change(net, policy)
        return net

    limits = ExplorationLimits(states=states)
    return verify_crawl(settings, net=made, limits=limits, builder=builder)


def arcs(name: str, change: Callable[[Any], Any]) -> Change:
    """Each input of a transition becomes another, or goes."""

    def apply(net: Net, _: Policy) -> None:
        old = net.transitions[name]
        new = tuple(arc for arc in map(change, old.arcs) if arc is not None)
        net.transitions[name] = replace(old, arcs=new)

    return apply


def without(name: str, place: str) -> Change:
    """A transition forgets an input."""
    return arcs(name, lambda arc: None if arc.place.name == place else arc)


def kind(name: str, place: str, wanted: str) -> Change:
    """An input does something else."""
    return arcs(name, lambda arc: replace(arc, kind=wanted) if arc.place.name == place else arc)


def field(name: str, place: str, **values: Any) -> Change:
    """An input has other values."""
    return arcs(name, lambda arc: replace(arc, **values) if arc.place.name == place else arc)


def outputs(name: str, outcome: str, change: Callable[[Any], Any]) -> Change:
    """Each output of an outcome becomes another, or goes."""

    def apply(net: Net, _: Policy) -> None:
        old = net.transitions[name]
        cases = []
        for case in old.outcomes:
            if case.outcome.__name__ == outcome:
                kept = tuple(out for out in map(change, case.outputs) if out is not None)
                case = replace(case, outputs=kept)
            cases.append(case)
        net.transitions[name] = replace(old, outcomes=tuple(cases))

    return apply


def loses(name: str, outcome: str, place: str) -> Change:
    """An outcome forgets an output."""
    return outputs(name, outcome, lambda out: None if out.place.name == place else out)


def adds(name: str, outcome: str, make: Callable[[Net, Policy], Any]) -> Change:
    """An outcome has one more output."""

    def apply(net: Net, policy: Policy) -> None:
        old = net.transitions[name]
        cases = tuple(
            replace(case, outputs=(*case.outputs, make(net, policy)))
            if case.outcome.__name__ == outcome
            else case
            for case in old.outcomes
        )
        net.transitions[name] = replace(old, outcomes=cases)

    return apply


def still(name: str, place: str) -> Change:
    """A transition does not ask any more, when its effect starts."""

    def apply(net: Net, _: Policy) -> None:
        old = net.transitions[name]
        kept = tuple(arc for arc in old.still if arc.place.name != place)
        net.transitions[name] = replace(old, still=kept)

    return apply


def _again(target: c.Target) -> c.Target:
    return target


def _twice(_: c.Failure) -> list[c.Target]:
    return [_.target, _.target]


def _same_attempt(failure: c.Failure) -> c.Target:
    return failure.target


def _many(failure: c.Failure) -> c.Target:
    return changed(failure.target, attempt=failure.target.attempt + 2)


def _nothing(_: Any) -> None:
    return None


def _raises(_: Any) -> c.Domain:
    raise ValueError("a mistake")


def _endless(failure: c.Failure) -> c.Again | c.Over:
    return c.Again() if failure.retry else c.Over()


def _other(out: Any, place: str, make: Any) -> Any:
    return replace(out, make=make) if out.place.name == place else out


def _judged(verdict: Any) -> Change:
    def apply(net: Net, _: Policy) -> None:
        old = net.transitions["judge"]
        assert old.choice is not None
        net.transitions["judge"] = replace(old, choice=replace(old.choice, fn=verdict))

    return apply


def _extra_token(net: Net, _: Policy) -> Any:
    return put(net.places["domains"], _domain_of, net.places["prioritized_targets"])  # type: ignore[arg-type]


def _domain_of(target: c.Target) -> c.Domain:
    return c.Domain(target.domain, 0)


def _refetch(net: Net, _: Policy) -> Any:
    return put(net.places["prioritized_targets"], _again, net.places["prioritized_targets"])  # type: ignore[arg-type]


BY_STRUCTURE: dict[str, tuple[Change, str]] = {
    "a pause is not kept in a domain": (field("scrape_target", "domains", after_ns=0), "G2 starts"),
    "a pause is halved": (field("scrape_target", "domains", after_ns=lambda d: d.delay_ns // 2), "G2 starts"),
    "robots.txt keeps no pause": (field("get_robots", "domains", after_ns=0), "G2 starts"),
    "a request does not spend the pacing token": (kind("scrape_target", "domains", "hold"), "G2 starts"),
    "a request reads the pacing token": (kind("scrape_target", "domains", "read"), "G2 starts"),
    "a request takes the pacing token for good": (kind("scrape_target", "domains", "take"), "G2 a domain"),
    "a spent pacing token is lost": (field("scrape_target", "domains", change=_nothing), "G2 a domain"),
    "a penalty swallows the pacing token": (loses("penalise", "Done", "domains"), "G2 a domain"),
    "a second pacing token after a page": (adds("scrape_target", "Fetched", _extra_token), "G2 a domain"),
    "a second pacing token after a failure": (adds("scrape_target", "Failed", _extra_token), "G2 starts"),
    "a proxy has no pause": (field("scrape_target", "available_proxies", after_ns=0), "G3 starts"),
    "a proxy is taken for good": (kind("scrape_target", "available_proxies", "take"), "G1"),
    "a proxy is lost when it is spent": (field("scrape_target", "available_proxies", change=_nothing), "G1"),
    "a rested proxy does not come back": (outputs("rest", "Done", lambda out: None), "G1"),
    "a page costs nothing": (outputs("scrape_target", "Fetched", lambda o: None if o.kind == "consume" else o), "G7 each"),
    "a failure costs a page": (adds("scrape_target", "Failed", lambda net, _: consume(net.places["budget"])), "G7 each"),  # type: ignore[arg-type]
    "lost work costs a page": (adds("scrape_target", "Lost", lambda net, _: consume(net.places["budget"])), "G7 each"),  # type: ignore[arg-type]
    "a lost request vanishes": (loses("scrape_target", "Lost", "failed"), "G5 a URL"),
    "a throttled request vanishes": (loses("scrape_target", "Throttled", "failed"), "G5 a URL"),
    "a failed request vanishes": (loses("scrape_target", "Failed", "failed"), "G5 a URL"),
    "a page vanishes behind the fetch": (loses("scrape_target", "Fetched", "raw_html"), "refused"),
    "a lost page vanishes": (loses("parse", "Lost", "failed"), "G5 a URL"),
    "a bad page has no row": (loses("parse", "Bad", "failed_log"), "G5 a URL"),
    "a page is not kept": (loses("keep", "Kept", "stored"), "refused"),
    "a URL lives on after its page": (adds("scrape_target", "Fetched", _refetch), "G5 a URL"),
    "a failure goes again twice": (outputs("judge", "Again", lambda o: _other(o, "cool_down", _twice)), "G5 a URL"),
    "the last failure has no row": (outputs("judge", "Over", lambda out: None), "G5 a URL"),
    "a retry is forgotten": (loses("judge", "Again", "cool_down"), "refused"),
}  # fmt: skip
"""Refused without a look at states."""
BY_STATES: dict[str, tuple[Change, str]] = {
    "a hold is not asked for at the start": (still("scrape_target", "penalties"), "G2 no start"),
    "the deadline is not asked for at the start": (still("scrape_target", "gate"), "G7 no start"),
    "a domain has no slots": (without("scrape_target", "domain_slots"), "G2 requests"),
    "a proxy has more slots": (field("scrape_target", "proxy_slots", kind="read"), "G3 requests"),
    "requests need no permit": (without("scrape_target", "permits"), "G6 requests"),
    "attempts have no end": (_judged(_endless), "G5 attempts"),
    "attempts are counted by twos": (outputs("judge", "Again", lambda o: _other(o, "cool_down", _many)), "G5 attempts"),
    "what has cooled down waits for a page": (field("wake", "budget", kind="take"), "G7 each"),
    "a penalty raises": (outputs("penalise", "Done", lambda o: replace(o, make=lambda *_: _raises(0))), "no function"),
}  # fmt: skip


@pytest.mark.slow
def test_the_net_itself_is_proved() -> None:
    """Without a mistake, each guarantee is."""
    report = proved(states=200_000)
    assert report.ok, str(report)


def refused_by(change: Change, states: int) -> list[str]:
    """The claims that are broken; a net that is refused at its definition has one of its own."""
    try:
        report = proved(change, states=states)
    except NetError as error:
        return [f"refused: {error}"]
    return [
        verdict.claim for verdict in report.verdicts if verdict.status in {"refuted", "not proved"}
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_STRUCTURE)
def test_a_mistake_in_the_structure_is_refused_by_its_guarantee(name: str) -> None:
    """No state is looked at for it: an event of the grounded net, or the declaration, breaks the claim."""
    change, claim = BY_STRUCTURE[name]
    claims = refused_by(change, states=4_000)
    assert any(each.startswith(claim) for each in claims), claims


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_STATES)
def test_a_mistake_that_some_order_shows_is_refused_by_its_guarantee(name: str) -> None:
    """It is found by exploration, and replayed on a kernel where it is called refuted."""
    change, claim = BY_STATES[name]
    claims = refused_by(change, states=40_000)
    assert any(each.startswith(claim) for each in claims), claims


def test_both_gaps_are_refuted_with_calls_that_replay() -> None:
    """A net that does not ask at the start starts within a hold, and after the deadline: a kernel does it."""
    for place, claim in (("penalties", "G2 no start"), ("gate", "G7 no start")):
        report = proved(still("scrape_target", place))
        (verdict,) = [v for v in report.verdicts if v.claim.startswith(claim)]
        assert verdict.status == "refuted"
        assert verdict.calls[-1][0] == "started"
        assert any("starts" in line for line in verdict.story)
