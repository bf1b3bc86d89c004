"""A scheduler by hand that is looked at after every call: what must hold at every moment of a crawl.

Owns: the laws, checked on the places of all entries. It does as any scheduler does, only slower.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from baseline.flights import Request, Work
from baseline.pipeline import PARSERS
from baseline.queues import Heap, Levels, Queue
from baseline.scheduler import NO_END, Scheduler
from scraper_cpn.net import Row, Step
from scraper_cpn.scrape.colours import Proxy, Target
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.proxies import tokens_of
from tests.guarantees.crawls import ended_urls


class Watched(Scheduler):
    """Checks everything that it passes through."""

    def __init__(self, policy: Policy, queue: type[Queue] | None = None) -> None:
        super().__init__(policy, queue)
        self._policy = policy
        self._settings = policy.settings
        self._rows: list[Row] = []
        self._given = 0
        self._fetched = 0
        self.markings = 0

    def step(self, now_ns: int, limit: int = 100_000) -> Step:
        step = super().step(now_ns, limit)
        self._look()
        return step

    def started(self, firing_id: int, now_ns: int, *, asked: bool = False) -> bool:
        starts = super().started(firing_id, now_ns, asked=asked)
        self._look()
        return starts

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        super().complete(firing_id, outcome, now_ns)
        self._fetched += type(outcome).__name__ == "Fetched"
        self._look()

    def revoke(self, firing_id: int) -> None:
        super().revoke(firing_id)
        self._look()

    def drain(self) -> list[Row]:
        rows, self._given = self._rows[self._given :], len(self._rows)
        return rows

    def _look(self) -> None:
        self._rows += super().drain()
        self.markings += 1
        self._proxies_are_conserved()
        self._permits_are_conserved()
        self._stages_are_bounded()
        self._urls_live_once()

    # G1.

    def _proxies_are_conserved(self) -> None:
        """In the pool, reserved until their requests start, and retired: together they are all."""
        carriers = self._pool._carriers.values()
        here = Counter(seat.proxy.proxy for each in carriers for seat in each.seats if seat.here)
        here += Counter(request.proxy.proxy for request in self._requests() if not request.started)
        here += Counter(row.colour.proxy for row in self._rows if row.sink == "retired_proxies")
        direct = Proxy("direct", slots=self._settings.concurrency)
        assert here == Counter(
            {each.proxy: tokens_of(each) for each in self._settings.proxies or (direct,)}
        )

    def _requests(self) -> list[Request]:
        return [each for each in self._flights.running.values() if isinstance(each, Request)]

    def _permits_are_conserved(self) -> None:
        """Permits, slots and pages of the budget that are held are exactly those that are missing."""
        requests = self._requests()
        assert self._permits.left + len(requests) == self._settings.concurrency
        domains = Counter(request.lane.domain.domain for request in requests)
        for name, lane in self._lanes.by_name.items():
            assert lane.slots + domains[name] == self._policy.domains.slots(name)
            assert lane.here or domains[name]
        proxies = Counter(request.proxy.proxy for request in requests)
        for name, carrier in self._pool._carriers.items():
            assert carrier.slots + proxies[name] == self._policy.proxies.proxy_slots(name)
        pages = sum(isinstance(request.work, Target) for request in requests)
        assert self.count("in_progress") == pages
        budget = self._settings.max_pages or NO_END
        assert self._fetching.budget + pages + self._fetched == budget

    # G6.

    def _stages_are_bounded(self) -> None:
        """Room, pages and what is on its way fill a stage exactly; four pages are parsed at most."""
        pages = sum(isinstance(request.work, Target) for request in self._requests())
        working = Counter(
            each.kind.name for each in self._flights.running.values() if isinstance(each, Work)
        )
        parse, validate, keep = (getattr(self._pipeline, n) for n in ("parse", "validate", "keep"))
        for station, coming, most in (
            (parse, pages, 2 * self._settings.concurrency + PARSERS),
            (validate, working["parse"], 256),
            (keep, working["validate"], 256),
        ):
            stage = station.stage
            assert stage.room >= 0
            assert stage.room + len(stage.line) + working[station.name] + coming == most
        assert parse.workers + working["parse"] == PARSERS

    # G4 and G5.

    def _urls_live_once(self) -> None:
        """A URL that was admitted is in one place, in one firing, or has ended once."""
        alive = Counter(target.url for target in self._targets())
        alive += Counter(ended_urls(self._rows))
        assert alive == Counter(self._admission.seen)

    def _targets(self) -> Iterator[Target]:
        queues = [queued(lane.queue) for lane in self._lanes.by_name.values()]
        assert self._frontier.waiting == sum(map(len, queues))
        yield from (target for queue in queues for target in queue)
        asks = [target for asks in self._robots._asks.values() for _, target in asks]
        assert self._robots.asking == len(asks)
        yield from asks
        attempts = self._attempts
        cooling = [*attempts.awake, *(w for ws in attempts.timers._items.values() for w in ws)]
        assert attempts.cooling == len(cooling)
        yield from (target for _, target in cooling)
        yield from (failure.target for failure in attempts.failed)
        for station in (self._pipeline.parse, self._pipeline.validate, self._pipeline.keep):
            yield from (page.target for page in station.stage.line)
        for flight in self._flights.running.values():
            if isinstance(flight, Work):
                yield flight.page.target
            elif isinstance(flight.work, Target):
                yield flight.work


def queued(queue: Queue) -> list[Target]:
    """The targets of a domain that wait."""
    if isinstance(queue, Heap):
        return [entry[2] for entry in queue._entries]
    assert isinstance(queue, Levels)
    lines = queue._lines.values()
    return [e[2] for line in lines for e in ([line] if isinstance(line, tuple) else line)]
