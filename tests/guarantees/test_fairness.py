"""Who waits for a scarce proxy: with strict priority some wait for ever, with ageing nobody does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper_cpn.net import Kernel, Net
from scraper_cpn.net.compiled.kernel import compile_net
from scraper_cpn.scrape.colours import Failed, Found, Link, Proxy, Target
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import open_crawl
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.state.run import CrawlRecord, Opening, first_metadata, opened
from scraper_cpn.store.sqlite import create, open_run
from tests.effort import effort

LEVELS = 10
AGEING_NS = 20 * SECOND
START_NS = 1_800_000_000 * SECOND
GONE = Failed("http", "HTTP 404", 404, retry=False)


def scarce(ageing_ns: int | None) -> Settings:
    """One proxy for all, one request at a time; no other limit is in the way."""
    proxy = Proxy("http://p.example:1", "http://p.example:1")
    return Settings(ageing_ns=ageing_ns, proxies=(proxy,), delay_ns=0, robots="ignore", scope="any")


def found(policy: Policy, number: int, level: int, now_ns: int, domains: int = 7) -> Found:
    """A link, found at a time."""
    page = policy.frontier.seed("http://start.example/", START_NS)
    link = Link(f"http://d{number % domains}.example/{number}", priority=level)
    return Found(policy.frontier.discover(page, [link], now_ns))


def served(kernel: Kernel, now_ns: int) -> Target | None:
    """The page that the proxy is used for now, if any waits; it is gone."""
    for firing in kernel.step(now_ns).firings:
        kernel.started(firing.id, now_ns)
        kernel.complete(firing.id, GONE, now_ns)
        target: Target = firing.args[0]
        return target
    return None


class Queue:
    """A crawl that fetches a page a second, and gets links."""

    def __init__(self, ageing_ns: int | None) -> None:
        self.policy = Policy(scarce(ageing_ns))
        net = ScrapeNet(self.policy)
        self.kernel = compile_net(net)
        self.place: Any = net.places["found"]
        open_crawl(self.kernel, net, [], START_NS)
        self.waiting: dict[str, Target] = {}
        self.number = 0

    def since_ns(self, target: Target) -> int:
        """When a page was found."""
        return self.policy.frontier.since_ns(target.priority, target.rank)

    def find(self, level: int, now_ns: int) -> None:
        """A link of a level is found."""
        links = found(self.policy, self.number, level, now_ns)
        self.waiting[links.targets[0].url] = links.targets[0]
        self.number += 1
        self.kernel.inject(self.place, links, now_ns)

    def serve(self, now_ns: int) -> Target | None:
        """The page that has its turn."""
        target = served(self.kernel, now_ns)
        if target is not None:
            del self.waiting[target.url]
        return target

    def oldest_ns(self) -> dict[int, int]:
        """When the oldest waiting page of each level was found."""
        return {
            level: min(self.since_ns(t) for t in self.waiting.values() if t.priority == level)
            for level in {target.priority for target in self.waiting.values()}
        }


def overloaded(ageing_ns: int | None, seconds: int) -> tuple[Queue, list[Target]]:
    """Ten equal levels, two links a second: twice what the proxy can carry. All that was fetched."""
    queue, fetched = Queue(ageing_ns), []
    for second in range(seconds):
        now_ns = START_NS + second * SECOND
        for number in (2 * second, 2 * second + 1):
            queue.find(number % LEVELS, now_ns)
        target = queue.serve(now_ns)
        assert target is not None
        fetched.append(target)
    return queue, fetched


def test_strict_priority_starves_half_of_the_levels() -> None:
    """Without ageing, the worse half of ten equal levels gets nothing while the proxy is scarce."""
    _, fetched = overloaded(None, 1000)
    second_half = Counter(target.priority for target in fetched[500:])
    assert sorted(second_half) == [0, 1, 2, 3, 4]


def test_with_ageing_every_level_is_served() -> None:
    """Each level gets as much as any other; its oldest page is older by a period a level at most."""
    queue, fetched = overloaded(AGEING_NS, 1000)
    second_half = Counter(target.priority for target in fetched[500:])
    assert sorted(second_half) == list(range(LEVELS))
    assert max(second_half.values()) - min(second_half.values()) <= 1
    oldest_ns = queue.oldest_ns()
    for level, since_ns in oldest_ns.items():
        assert oldest_ns[0] - since_ns <= level * AGEING_NS


@pytest.mark.parametrize("level", [1, 9])
def test_no_page_waits_for_ever(level: int) -> None:
    """While better ones keep coming as fast as they are fetched: a period for each level, and its turn."""
    waits_ns = {}
    for ageing_ns in (None, AGEING_NS):
        queue = Queue(ageing_ns)
        queue.find(level, START_NS)
        for second in range(500):
            now_ns = START_NS + second * SECOND
            queue.find(0, now_ns)
            target = queue.serve(now_ns)
            if target is not None and target.priority == level:
                waits_ns[ageing_ns] = now_ns - START_NS
    assert waits_ns == {AGEING_NS: level * AGEING_NS}


ARRIVALS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=40
)
"""Seconds since the arrival before, level, pages that are fetched next."""


@settings(max_examples=effort(10, 500))  # each compiles a net
@given(ARRIVALS, st.integers(1, 5))
def test_nobody_is_overtaken_by_what_is_found_much_later(
    arrivals: list[tuple[int, int, int]], period: int
) -> None:
    """Only by what is found at most a period later for each level by which it is better."""
    queue, now_ns = Queue(period * SECOND), START_NS
    for after, level, pages in arrivals:
        now_ns += after * SECOND
        queue.find(level, now_ns)
        for _ in range(pages):
            target = queue.serve(now_ns)
            for left in queue.waiting.values() if target else ():
                assert target is not None
                levels = left.priority - target.priority
                later_ns = queue.since_ns(target) - queue.since_ns(left)
                assert later_ns <= levels * period * SECOND


# Over the end of a process.

COUNT = 300
"""Of one domain: more than stay in memory."""


def links(policy: Policy) -> Iterator[Found]:
    """Links of ten levels, found in a time in which the order of the levels changes."""
    for number in range(COUNT):
        yield found(policy, number, number * 7 % LEVELS, START_NS + number * SECOND, domains=1)


def in_turn(kernel: Kernel, now_ns: int, most: int = COUNT) -> list[str]:
    """The URLs that are fetched next."""
    pages = (served(kernel, now_ns) for _ in range(most))
    return [page.url for page in pages if page is not None]


def inject(kernel: Kernel, net: Net, policy: Policy, now_ns: int) -> None:
    """Tell a kernel of all links."""
    place: Any = net.places["found"]
    for each in links(policy):
        kernel.inject(place, each, now_ns)


@pytest.mark.anyio
@pytest.mark.parametrize("ageing_ns", [None, AGEING_NS])
async def test_the_order_survives_the_process(tmp_path: Path, ageing_ns: int | None) -> None:
    """What waits is fetched in the same order, whether its process goes on or another one."""
    opening = Opening(scarce(ageing_ns), ())
    net = ScrapeNet(opening.policy)
    kernel = compile_net(net)
    open_crawl(kernel, net, [], START_NS)
    inject(kernel, net, opening.policy, START_NS)
    expected = in_turn(kernel, START_NS)
    targets = [each.targets[0] for each in links(opening.policy)]
    ranked = sorted(targets, key=attrgetter(*opening.policy.frontier.turn))
    assert expected == [target.url for target in ranked]

    path, fetched = tmp_path / "a.db", []
    store = create(path, "main", first_metadata(opening, CrawlRecord(seeds=())))
    for process in range(3):
        state = await opened(store, opening)
        now_ns = state.clock.now_ns()
        if process == 0:
            inject(state.recorder, state.net, opening.policy, now_ns)
        fetched += in_turn(state.recorder, now_ns, COUNT // 3)
        batch = state.recorder.cut(list)
        assert batch is not None
        await state.commit(batch)
        await store.close()
        store = open_run(path, "main")
    await store.close()
    assert fetched == expected
