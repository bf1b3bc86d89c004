"""The least time in which politeness allowed the requests of a log.

Owns: the bound, and what sets it.
Must not know: violations.

The bound is the largest of:

- for each pacing domain, a replay of its requests in their order, each with the duration that it
  had, started as early as these allow: the gap to the one before it (policy, Crawl-delay once
  known), the holds that it knew of (Retry-After, back-off; none that was lost), the end of an earlier request for the
  same URL, the answer of its origin's robots.txt, and `per_domain` requests at a time;
- the sum of all durations over the sum of the proxies' slots, when every request had a proxy with
  a number of slots.

It leaves out what makes a crawl slower without politeness asking for it, or what a log does not
show: which page linked to which, the crawler's own back-off for failures without Retry-After, and
the delays, quotas and leases of proxies. So a polite crawl takes at least this time (within the
tolerance), and often a little more. A log that breaks the rules may take less.
"""

from collections.abc import Sequence
from heapq import heappop, heappush

from mocks.referee.expect import NEVER, Expectations, Seen
from mocks.referee.pacing import Pacing, Step
from mocks.referee.proxies import rule_of
from mocks.referee.robots import RobotsBook


def least_time(
    seen: Sequence[Seen], rules: Expectations, pacing: Pacing, book: RobotsBook
) -> tuple[int, str]:
    """The bound in nanoseconds, and the name of what sets it. Cost: O(n log n)."""
    bounds = [
        *((_Replay(rules, pacing, book).run(domain), domain) for domain in pacing.domains),
        (_proxies(seen, rules), "the proxies"),
    ]
    least_ns, name = max(bounds, key=lambda bound: bound[0])
    return least_ns, name if least_ns else "nothing"


def _proxies(seen: Sequence[Seen], rules: Expectations) -> int:
    names = dict.fromkeys([*rules.proxies, *(item.request.proxy for item in seen)])
    slots = [rule_of(name, rules).slots for name in names]
    known = [number for number in slots if number is not None]
    if not known or len(known) < len(slots):
        return 0
    return sum(item.request.duration_ns for item in seen) // sum(known)


class _Replay:
    """The requests of one domain, as early as they may be; times count from its first start."""

    def __init__(self, rules: Expectations, pacing: Pacing, book: RobotsBook) -> None:
        self._rules = rules
        self._pacing = pacing
        self._book = book
        self._ends: dict[int, int] = {}
        """By line: when a request ends in the replay."""
        self._urls: dict[str, int] = {}
        self._robots: dict[str, int] = {}
        self._held: dict[str, int] = {}
        self._running: list[int] = []

    def run(self, domain: str) -> int:
        """The end of the last request."""
        start_ns = -1
        for step in self._pacing.steps(domain):
            self._learn(step)
            paced_ns = 0 if start_ns < 0 else start_ns + step.gap_ns
            start_ns = max(paced_ns, self._earliest(step.item))
            self._place(step.item, start_ns)
        return max(self._ends.values(), default=0)

    def _learn(self, step: Step) -> None:
        for refusal in step.refusals:
            if refusal.forgotten_ns != NEVER:
                continue
            key = self._pacing.held(refusal)
            until_ns = self._ends[refusal.line] + self._pacing.hold_ns(refusal)
            self._held[key] = max(self._held.get(key, 0), until_ns)

    def _earliest(self, item: Seen) -> int:
        """The earliest start that everything but the gap allows."""
        times = [self._held.get(self._pacing.held(item), 0), self._urls.get(item.request.url, 0)]
        if self._rules.robots == "obey" and not self._book.origins(item):
            times.append(self._robots.get(item.origin, 0))
        if self._rules.per_domain is not None and len(self._running) >= self._rules.per_domain:
            times.append(heappop(self._running))
        return max(times)

    def _place(self, item: Seen, start_ns: int) -> None:
        end_ns = start_ns + item.request.duration_ns
        self._ends[item.line] = self._urls[item.request.url] = end_ns
        heappush(self._running, end_ns)
        for origin in self._book.origins(item):
            self._robots[origin] = end_ns
