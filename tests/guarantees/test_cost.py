"""The cost of a step: it depends neither on the number of targets nor on how many are blocked."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from scraper_cpn.scrape.colours import Failed
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import SECOND, Settings, Site
from tests.guarantees.subjects import Subject

OPEN = "d0.example"
"""The one domain that is never blocked."""
GONE = Failed("http", "HTTP 404", 404, retry=False)


def blocked_crawl(subject: Subject, domains: int, each: int) -> Any:
    """A kernel with *each* targets in every domain, all but `OPEN` blocked for an hour."""
    sites = (Site(name=OPEN, delay_ns=0),)
    settings = Settings(
        delay_ns=3600 * SECOND, concurrency=domains, sites=sites, robots="ignore", scope="any"
    )
    policy = Policy(settings)
    targets = [
        policy.frontier.seed(f"http://d{d}.example/{n}")
        for n in range(each)
        for d in range(domains)
    ]
    kernel = subject.opened(policy, targets)
    for _ in range(2):  # each domain's first request, and what becomes of it
        for firing in kernel.step(0).firings:
            kernel.started(firing.id, 0)
            kernel.complete(firing.id, GONE, 0)
    kernel.drain()
    return kernel


def lines_of_a_step(kernel: Any, steps: int) -> float:
    """The lines of Python that a step, its start and its end run, on average."""
    lines = 0

    def tracer(_frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        for now_ns in range(1, steps + 1):
            (firing,) = kernel.step(now_ns).firings
            kernel.started(firing.id, now_ns)
            kernel.complete(firing.id, GONE, now_ns)
            kernel.drain()
    finally:
        sys.settrace(before)
    return lines / steps


def test_a_step_costs_the_same_with_a_hundred_thousand_targets(subject: Subject) -> None:
    """10^5 targets on 10^4 domains, all but one blocked: as many lines run as with 100 on 10."""
    few = lines_of_a_step(blocked_crawl(subject, 10, 10), 8)
    many = lines_of_a_step(blocked_crawl(subject, 10_000, 10), 8)
    assert many <= 1.5 * few


def test_all_but_one_domain_are_blocked(subject: Subject) -> None:
    """The crawl that is measured is what it claims to be: one firing a step, always of that domain."""
    kernel = blocked_crawl(subject, 10, 10)
    for now_ns in (1, 2, 3):
        (firing,) = kernel.step(now_ns).firings
        assert firing.args[0].domain == OPEN
        kernel.started(firing.id, now_ns)
        kernel.complete(firing.id, GONE, now_ns)
    assert kernel.count("prioritized_targets") == 89 - 3
