"""What a verdict means: proved, refuted with calls that replay, or open and said so."""

from __future__ import annotations

from typing import Any

import pytest

from scraper_cpn.analysis import (
    AnalysisError,
    Expiring,
    ExplorationLimits,
    Instance,
    StateView,
    always,
    at_most,
    begin,
    conserved,
    each,
    ends,
    never,
    no_faults,
    start,
    verify,
)
from scraper_cpn.net import Interpreter, Net, put
from scraper_cpn.nets.buildfarm import Broken, Build, Built, Machine, Uploaded, build_farm
from scraper_cpn.nets.jobs import Ask, Job, Report, jobs_net

FARM = Instance(
    tokens={
        "machines": [Machine("m1", "arm")],
        "builds": [Build("app", "arm", 1), Build("doc", "arm", 1)],
    },
    outcomes={
        "build": lambda *_: [Built(1000), Broken("no network")],
        "upload": lambda _: [Uploaded()],
    },
)


def few_packages(view: StateView) -> bool:
    """At most one package waits."""
    return view.count("packages") < 2


def test_a_build_farm_keeps_what_its_page_says() -> None:
    """Machines are conserved, one build at a time on each, packages bounded, and each run ends."""
    report = verify(
        build_farm(licences=2),
        FARM,
        conserved("machines", by="name"),
        conserved("licences"),
        conserved("line"),
        at_most(1, in_flight="build", by="platform"),
        at_most(1, in_flight="upload"),
        at_most(4, "packages"),
        each("faults", lambda fault: fault.build.attempt <= 3),
        ends(),
        no_faults(),
    )
    assert report.ok, str(report)
    assert report.verdicts[0].states == 0


def test_a_job_queue_loses_no_job() -> None:
    """A job is waiting, leased, faulted, finished or dead, whatever is reported, late or twice.

    That it ends is refuted, rightly: a job for which no worker asks any more waits.
    """
    instance = Instance(
        tokens={"jobs": [Job(1, "a")], "asks": [Expiring(Ask(1)), Expiring(Ask(2))]},
        later={"acknowledged": [Report(1), Report(2)], "failed": [Report(1, "no")]},
    )
    report = verify(
        jobs_net(lease_ns=10),
        instance,
        conserved("jobs", "leased", "faults", "finished", "dead"),
        at_most(1, "leased"),
        ends(),
        no_faults(),
    )
    wanted = ["proved", "proved", "refuted", "proved"]
    assert [v.status for v in report.verdicts] == wanted, str(report)


@pytest.mark.parametrize(
    "asked",
    [always(few_packages), never(start("build"), while_in="packages"), at_most(0, "faults")],
    ids=["always", "never", "at most"],
)
def test_what_is_refuted_can_be_replayed_call_by_call(asked: Any) -> None:
    """A kernel that is given the calls of the verdict takes each of them."""
    (verdict,) = verify(build_farm(licences=1), FARM, asked).verdicts
    assert verdict.status == "refuted"
    assert verdict.story
    net = build_farm(licences=1)
    kernel, now_ns = Interpreter(net), 0
    for call, *rest in verdict.calls:
        if call == "inject":
            name, colour, now_ns, ends_ns = rest
            place: Any = net.places[name]
            kernel.inject(place, colour, now_ns, expires_at_ns=ends_ns)
        elif call == "step":
            kernel.step(*rest)
        elif call in {"started", "complete", "revoke"}:
            getattr(kernel, call)(*rest)


def test_a_claim_that_is_never_put_to_the_test_proves_nothing() -> None:
    """Nothing happens beside faults where there are none: that is open, and said."""
    calm = Instance(tokens={"machines": [Machine("m1", "arm")]}, outcomes=FARM.outcomes)
    report = verify(
        build_farm(licences=1),
        calm,
        never(begin("build"), while_in="faults"),
        at_most(1, "packages"),
    )
    assert [v.status for v in report.verdicts] == ["not proved", "not proved"]
    assert all(v.why.startswith("proves nothing") for v in report.verdicts)
    assert not report.ok


def test_giving_up_is_no_proof() -> None:
    """A limit of states leaves the question open, and the table says so."""
    report = verify(build_farm(licences=1), FARM, ends(), limits=ExplorationLimits(states=20))
    assert report.verdicts[0].status == "gave up"
    assert not report.ok
    assert "20 states" in str(report)


def test_what_can_happen_without_end_is_reported() -> None:
    """A retry without a cap never stops making new tokens: the verdict names the place."""
    net = Net("endless")
    jobs = net.place("jobs", Job, source=True, work=True, timed=True)
    net.transition("again", [jobs], outputs=[put(jobs, _next, jobs, after_ns=1)])
    report = verify(
        net, Instance(tokens={"jobs": [Job(1, "a")]}), ends(), limits=ExplorationLimits(states=500)
    )
    assert report.verdicts[0].status == "gave up"


def _next(job: Job) -> Job:
    return Job(job.id, job.what, job.rank, job.attempt + 1)


def test_names_that_a_net_lacks_are_reported_with_those_that_it_has() -> None:
    """Each in a line of its own."""
    with pytest.raises(AnalysisError) as error:
        verify(
            build_farm(licences=1),
            FARM,
            conserved("machine"),
            never(start("judge")),
            at_most(1, in_flight="x"),
        )
    text = str(error.value)
    assert "the net has no place 'machine'; it has builds, machines" in text
    assert "judge has no effect; use fire('judge')" in text
    assert "the net has no transition 'x'" in text
