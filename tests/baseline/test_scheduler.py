"""The scheduler as its caller sees it: what it refuses, what it counts, how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from baseline.opening import open_crawl
from baseline.queues import Heap, Levels
from baseline.scheduler import Reported, Scheduler
from scraper_cpn.net import Firing, Lost, NetError
from scraper_cpn.scrape.colours import (
    Failed,
    Fetched,
    Found,
    Kept,
    Parsed,
    Proxy,
    Response,
    Throttled,
    Valid,
)
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import SECOND, Settings
from tests.baseline.watched import Watched
from tests.baseline.workloads import Drive, Workload

PAGE = Fetched(
    Response(
        url="u",
        status=200,
        content_type="text/html",
        charset=None,
        body=b"",
        fetched_at_ns=1,
        elapsed_ns=1,
    )
)
ENDS: dict[str, Any] = {
    "fetch": PAGE,
    "parse": Parsed((), ()),
    "validate": Valid(()),
    "keep": Kept(0),
}
GONE = Failed("http", "HTTP 404", 404, retry=False)


def opened(pages: int = 3, **given: Any) -> Scheduler:
    """A scheduler whose pages are all of one domain."""
    settings = Settings(**{"robots": "ignore", "delay_ns": 0, **given})
    policy = Policy(settings)
    scheduler = Scheduler(policy)
    seeds = [policy.frontier.seed(f"https://a.example/{page}") for page in range(pages)]
    open_crawl(scheduler, settings, seeds, 0)
    return scheduler


def one(scheduler: Scheduler, now_ns: int = 0) -> Firing:
    (firing,) = scheduler.step(now_ns).firings
    return firing


def end(scheduler: Scheduler, firing: Firing, outcome: Any, now_ns: int = 0) -> None:
    scheduler.started(firing.id, now_ns)
    scheduler.complete(firing.id, outcome, now_ns)


def test_a_call_that_can_not_be_taken_changes_nothing() -> None:
    """Twice started, ended before, unknown, an outcome of others, time that goes back."""
    scheduler = opened()
    firing = one(scheduler, 5)
    throttled: list[Callable[[], object]] = [
        lambda: scheduler.complete(firing.id, PAGE, 5),
        lambda: scheduler.started(99, 5),
        lambda: scheduler.complete(99, PAGE, 5),
        lambda: scheduler.revoke(99),
        lambda: scheduler.started(firing.id, 4),
        lambda: scheduler.step(4),
    ]
    for call in throttled:
        with pytest.raises(NetError):
            call()
    scheduler.started(firing.id, 5)
    for call in (
        lambda: scheduler.started(firing.id, 5),
        lambda: scheduler.revoke(firing.id),
        lambda: scheduler.complete(firing.id, Kept(0), 5),
        lambda: scheduler.complete(firing.id, PAGE, 4),
    ):
        with pytest.raises(NetError):
            call()
    assert scheduler.in_flight() == 1
    scheduler.complete(firing.id, PAGE, 5)
    with pytest.raises(NetError):
        scheduler.complete(firing.id, PAGE, 5)


def test_a_page_goes_its_way_and_the_crawl_ends() -> None:
    """Fetched, parsed, validated, kept: at each step it is where the counts say."""
    scheduler = opened(1)
    assert scheduler.ended(0) is None, "no step has looked yet"
    steps: list[tuple[str, Reported | None, Reported | None]] = [
        ("fetch", "in_progress", "raw_html"),
        ("parse", None, "parsed"),
        ("validate", None, "validated"),
        ("keep", None, None),
    ]
    for effect, before, after in steps:
        firing = one(scheduler)
        assert firing.effect == effect
        assert scheduler.ended(0) is None
        assert before is None or scheduler.count(before) == 1
        end(scheduler, firing, ENDS[effect])
        assert after is None or scheduler.count(after) == 1
    assert scheduler.step(0).firings == ()
    assert [(row.sink, row.colour.target.url) for row in scheduler.drain()] == [
        ("stored", "https://a.example/0")
    ]
    assert scheduler.drain() == []
    assert (scheduler.ended(0), scheduler.count("seen")) == ("finished", 1)


def test_counts_are_of_what_waits() -> None:
    """URLs that ask, that wait, and that cool down."""
    scheduler = opened(3, backoff_ns=SECOND)
    firing = one(scheduler)
    assert scheduler.count("prioritized_targets") == 2
    end(scheduler, firing, Failed("http", "HTTP 500", 500))
    scheduler.step(0)
    assert (scheduler.count("cool_down"), scheduler.count("prioritized_targets")) == (1, 1)
    asking = opened(3, robots="obey")
    asking.step(0)
    assert (asking.count("asks"), asking.count("seen")) == (3, 3)


def test_a_step_begins_at_most_so_many() -> None:
    """A limit that is reached makes the same time useful again."""
    scheduler = opened(9, per_domain=9, concurrency=9)
    for page in range(9):
        step = scheduler.step(7, 1)
        assert (len(step.firings), step.wake_ns) == (1, 7)
        assert step.firings[0].args[0].url.endswith(f"/{page}")
        scheduler.started(step.firings[0].id, 7)
    assert scheduler.step(7, 1).firings == ()


def test_a_firing_knows_its_deadline() -> None:
    """Twice the time limit of a request; work on pages has none."""
    scheduler = opened(1, timeout_ns=SECOND)
    firing = one(scheduler)
    assert firing.deadline_ns == 2 * SECOND
    end(scheduler, firing, PAGE)
    assert one(scheduler).deadline_ns is None


def test_the_next_step_is_useful() -> None:
    """Of a pause, a lease, a deadline and a retry, what comes first; nothing while all permits are out."""
    proxy = Proxy("p", delay_ns=SECOND, not_after_ns=100 * SECOND)
    scheduler = opened(
        2, concurrency=1, max_time_ns=50 * SECOND, proxies=(proxy,), timeout_ns=SECOND
    )
    firing = one(scheduler)
    scheduler.started(firing.id, 0)
    assert scheduler.step(0).wake_ns == 50 * SECOND
    scheduler.complete(firing.id, GONE, 0)
    assert scheduler.step(0).wake_ns == SECOND + 5_000_000
    scheduler.stop(1)
    step = scheduler.step(1)
    assert (step.firings, step.wake_ns) == ((), 99 * SECOND)
    assert scheduler.ended(1) == "spent"


def test_a_budget_that_is_spent_ends_the_crawl() -> None:
    """A page that did not come gives its part back, one that came does not."""
    scheduler = opened(3, max_pages=1)
    end(scheduler, one(scheduler), GONE)
    end(scheduler, one(scheduler), PAGE)
    for effect in ("parse", "validate", "keep"):
        end(scheduler, one(scheduler), ENDS[effect])
    step = scheduler.step(0)
    assert (step.firings, step.wake_ns, scheduler.ended(0)) == ((), None, "spent")


def test_pools_and_gates_that_are_at_their_end_end_the_crawl() -> None:
    """Without a proxy, or after the deadline, work that is left is left."""
    empty = opened(1, proxies=(Proxy("p", quota=0),))
    empty.step(0)
    assert empty.ended(0) == "spent"
    closed = opened(1, max_time_ns=SECOND, delay_ns=10 * SECOND)
    closed.step(SECOND)
    assert closed.ended(SECOND) == "spent"
    unopened = Scheduler(Policy(Settings()))
    unopened.step(0)
    assert unopened.ended(0) == "finished"


def test_what_is_called_off_is_begun_again_in_the_same_order() -> None:
    """Requests, and work in every stage."""
    scheduler = opened(3, per_domain=3)
    firings = []
    for _ in range(3):
        firings.append(one(scheduler))
        scheduler.started(firings[-1].id, 0)
    for firing in firings:
        scheduler.complete(firing.id, PAGE, 0)
    for effect in ("parse", "validate", "keep"):
        begun = scheduler.step(0).firings
        assert {firing.effect for firing in begun} == {effect}
        for number in (2, 0, 1):
            scheduler.revoke(begun[number].id)
        again = scheduler.step(0).firings
        assert [firing.args for firing in again] == [firing.args for firing in begun]
        for firing in again:
            end(scheduler, firing, ENDS[effect])
    scheduler.step(0)
    assert scheduler.ended(0) == "finished"


def test_a_penalty_is_seen_to_by_the_next_step() -> None:
    """A refusal holds the domain from then on."""
    scheduler = opened(2)
    end(scheduler, one(scheduler), Throttled(503, 3 * SECOND))
    assert scheduler.step(SECOND).wake_ns == 4 * SECOND
    assert one(scheduler, 4 * SECOND).args[0].attempt == 2


def test_lost_work_is_tried_again() -> None:
    """A page that is lost in any stage is fetched again."""
    scheduler = opened(1, backoff_ns=0, losses=5)
    for last in ("fetch", "parse", "validate", "keep"):
        for effect in ("fetch", "parse", "validate", "keep"):
            end(scheduler, one(scheduler), Lost("it crashed") if effect == last else ENDS[effect])
            if effect == last:
                break
    assert [row.colour.reason for row in (scheduler.step(0), scheduler.drain())[1]] == [
        "it crashed"
    ] * 4


def test_links_are_found_late() -> None:
    """What is found from outside joins, once."""
    scheduler = opened(1)
    policy = Policy(Settings())
    scheduler.find(
        Found(
            (
                policy.frontier.seed("https://a.example/0"),
                policy.frontier.seed("https://b.example/"),
            )
        ),
        0,
    )
    urls = [firing.args[0].url for firing in scheduler.step(0).firings]
    assert urls == ["https://a.example/0", "https://b.example/"]


def test_a_level_each_has_its_line_and_ageing_a_heap() -> None:
    """Where nearly every target has a turn of its own, lines would be of one each."""
    for ageing_ns, kind in ((None, Levels), (SECOND, Heap)):
        scheduler = opened(1, ageing_ns=ageing_ns)
        scheduler.step(0)
        assert isinstance(scheduler._lanes.by_name["a.example"].queue, kind)


@pytest.mark.parametrize("seed", range(40))
def test_at_every_call_everything_is_somewhere_once(seed: int) -> None:
    """Through random crawls: proxies, permits, slots, budget, room and URLs (see `Watched`)."""

    class Opened(Watched):
        def open(self, settings: Settings, targets: Any, now_ns: int) -> None:
            open_crawl(self, settings, targets, now_ns)

    workload = Workload(seed)
    scheduler = Opened(workload.policy)
    events = Drive(workload, scheduler, 100_000).run()
    assert events[-1][0] == "ended"
    assert scheduler.markings > len([event for event in events if event[0] == "begin"])
