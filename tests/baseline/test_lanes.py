"""Domains, their targets and their robots.txt jobs: who may start, and from when."""

from __future__ import annotations

from msgspec.structs import replace

from baseline.frontier import TURNS_MAX, Frontier
from baseline.lanes import Lane, Lanes
from baseline.queues import Levels
from baseline.robots import DAY_NS, Robots
from baseline.timers import NEVER
from scraper_cpn.scrape.colours import Domain, Penalty, RobotsJob, Rules, Target
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings

POLICY = Policy(Settings(backoff_ns=1000, backoff_max_ns=1000, refusing_max_ns=None))


def lanes_of(*names: str, delay_ns: int = 10) -> Lanes:
    lanes = Lanes(POLICY, Levels)
    for name in names:
        lanes.open(Domain(name, delay_ns), 0)
    return lanes


def target(lane: Lane, page: int, priority: int = 0, attempt: int = 1) -> Target:
    seed = POLICY.frontier.seed(f"https://{lane.domain.domain}/{page}")
    return replace(seed, priority=priority, rank=priority, attempt=attempt)


def job(lane: Lane) -> RobotsJob:
    name = lane.domain.domain
    return RobotsJob(origin=name, url=f"{name}/robots.txt", domain=name, home=name)


def start(lanes: Lanes, frontier: Frontier, now_ns: int) -> Target:
    """Take the first target; its request starts at once and ends."""
    entry = frontier.first(now_ns)
    assert entry is not None
    assert frontier.pop() is entry
    lane = entry[3]
    lanes.spend(lane, now_ns)
    lane.slots += 1
    frontier.offer(lane, now_ns)
    return entry[2]


def test_the_first_target_of_all_ready_domains_is_next() -> None:
    """By priority, later attempts before earlier ones, then age, over all domains."""
    lanes, frontier = lanes_of("a", "b", delay_ns=0), Frontier(("priority", "late"))
    a, b = lanes.by_name["a"], lanes.by_name["b"]
    for lane, page, priority, attempt in ((a, 1, 1, 1), (b, 2, 0, 1), (a, 3, 0, 1), (b, 4, 0, 2)):
        frontier.push(lane, target(lane, page, priority, attempt), 0)
    order = [start(lanes, frontier, 0).url[-1] for _ in range(4)]
    assert order == ["4", "2", "3", "1"]
    assert frontier.waiting == 0
    assert frontier.next_ns(0) == NEVER


def test_a_domain_that_pauses_is_listed_when_the_pause_is_over() -> None:
    """Not a nanosecond before, and that is the next useful time."""
    lanes, frontier = lanes_of("a"), Frontier(("priority", "late"))
    lane = lanes.by_name["a"]
    for page in range(2):
        frontier.push(lane, target(lane, page), 0)
    start(lanes, frontier, 5)
    assert frontier.first(5) is None
    assert frontier.next_ns(5) == 15
    frontier.mature(14)
    assert frontier.first(14) is None
    frontier.mature(15)
    assert frontier.next_ns(15) == 15
    assert start(lanes, frontier, 15).url.endswith("/1")


def test_what_is_called_off_is_first_again() -> None:
    """A target that was popped and put back has its old place."""
    lanes, frontier = lanes_of("a", delay_ns=0), Frontier(("priority", "late"))
    lane = lanes.by_name["a"]
    for page in range(2):
        frontier.push(lane, target(lane, page), 0)
    entry = frontier.pop()
    assert frontier.first(0) is None, "the domain's token is away"
    lane.here, lane.slots = True, 1
    frontier.restore(entry)
    frontier.offer(lane, 0)
    assert frontier.waiting == 2
    assert frontier.first(0) is entry


def test_a_penalty_makes_the_list_and_the_timers_out_of_date() -> None:
    """A domain that is held is passed over; its old timer is no useful time."""
    lanes, frontier = lanes_of("a"), Frontier(("priority", "late"))
    lane = lanes.by_name["a"]
    frontier.push(lane, target(lane, 0), 0)
    lanes.punish(Penalty("a", wait_ns=100))
    assert lanes.apply(0) == [lane]
    frontier.offer(lane, 0)
    assert frontier.first(0) is None
    assert frontier.next_ns(0) == 100
    lanes.punish(Penalty("a", wait_ns=300))
    lanes.apply(0)
    frontier.offer(lane, 0)
    assert frontier.next_ns(0) == 300


def test_turns_are_shared_as_long_as_they_are_few() -> None:
    """A million targets of one level have one turn among them; with a turn each, nothing is kept."""
    lanes, frontier = lanes_of("a"), Frontier(("priority", "late"))
    lane = lanes.by_name["a"]
    for page in range(3):
        frontier.push(lane, target(lane, page), 0)
    entries = [lane.queue.pop() for _ in range(3)]
    assert len({id(entry[0]) for entry in entries}) == 1
    for priority in range(2 * TURNS_MAX):
        frontier.push(lane, target(lane, priority, priority), 0)
    assert len(frontier._turns) == TURNS_MAX


def test_penalties_wait_for_the_token_and_hold_the_domain() -> None:
    """A token that is away is punished when it is back, once for each penalty, the oldest first."""
    lanes = lanes_of("a")
    lane = lanes.by_name["a"]
    lane.here = False
    lanes.punish(Penalty("a"))
    lanes.punish(Penalty("a", wait_ns=0, delay_ns=77))
    lanes.punish(None)
    assert lanes.apply(1) == []
    lanes.spend(lane, 2)
    assert lane.ready_ns == 12
    assert lanes.apply(3) == [lane, lane]
    assert lane.domain == Domain("a", 77, strikes=1)
    assert 503 <= lane.ready_ns <= 1003
    assert not lanes.punished
    lanes.spend(lane, 2000)
    assert (lane.domain.calm, lane.ready_ns) == (1, 2077)


def test_jobs_wait_by_themselves_and_with_their_domain() -> None:
    """A job is due when both it and its domain are ready; the oldest that is due goes first."""
    lanes, robots = lanes_of("a", "b"), Robots()
    a, b = lanes.by_name["a"], lanes.by_name["b"]
    robots.push(a, job(a), 50, 0)
    robots.push(b, job(b), 0, 0)
    first = robots.first(0)
    assert first is not None
    assert first[2] is b
    assert robots.pop() is first
    assert robots.next_ns(0) == 50
    a.ready_ns = 70
    robots.offer(a, 0)
    assert robots.next_ns(0) == 70
    robots.push(a, job(a), 60, 55)
    robots.mature(70)
    assert robots.first(70) is not None
    assert robots.pop()[0] == 1
    assert robots.jobs == 1
    assert robots.first(70) is None
    assert robots.next_ns(70) == NEVER
    robots.restore(first)
    b.here, b.slots = True, 1
    robots.offer(b, 70)
    assert robots.first(70) is first
    assert robots.jobs == 2


def test_a_job_that_is_called_off_while_another_waits_is_found_again() -> None:
    """The timer of the one does not hide the other."""
    lanes, robots = lanes_of("a"), Robots()
    lane = lanes.by_name["a"]
    robots.push(lane, job(lane), 0, 0)
    robots.push(lane, job(lane), 40, 0)
    one = robots.pop()
    assert robots.next_ns(0) == NEVER, "the domain's token is away"
    lane.here, lane.slots = True, 1
    robots.offer(lane, 0)
    assert robots.next_ns(0) == 40
    robots.restore(one)
    robots.offer(lane, 0)
    assert robots.next_ns(0) == 0


def test_rules_let_their_targets_go_in_the_order_of_their_coming() -> None:
    """Over all origins whose rules came since; the rules last a day."""
    lanes, robots = lanes_of("a", "b"), Robots()
    targets = [target(lanes.by_name[name], page) for page, name in enumerate("abba")]
    for each in targets:
        robots.ask(each)
    assert robots.cleared() == []
    rules = {each.origin: Rules(each.origin, "") for each in targets}
    for number, known in enumerate(rules.values()):
        robots.learn(known, number)
    assert [each.url for each, _ in robots.cleared()] == [each.url for each in targets]
    assert robots.asking == 0
    assert robots.expires_ns == DAY_NS
    assert robots.expired(DAY_NS) == [rules[targets[0].origin]]
    robots.ask(targets[0])
    robots.ask(targets[1])
    assert [each.url for each, _ in robots.cleared()] == [targets[1].url]
    assert robots.expired(DAY_NS + 1) == [rules[targets[1].origin]]
    assert robots.expires_ns == NEVER
