"""G2: requests to one pacing domain start its delay apart, and none while it is held.

Owns: which gap two requests need, from the policy, Crawl-delay and Retry-After.
Must not know: proxies, budgets.

Every request that reached the origin counts: pages, retries, redirects and robots.txt. A
Crawl-delay of any origin counts for its whole domain, from the moment it was answered,
unless the answer was lost.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from msgspec import Struct

from mocks.referee.expect import MILLISECOND, NEVER, Expectations, Seen, Violation
from mocks.referee.keys import pacing_domain
from mocks.referee.overlap import crowded
from mocks.referee.robots import RobotsBook


class Step(Struct, frozen=True):
    """A request, and what politeness knew when it started."""

    item: Seen
    gap_ns: int
    """From the start of the request before it in its domain."""
    refusals: tuple[Seen, ...]
    """Requests whose hold became known since the step before."""


class Pacing:
    """The gaps and holds that the requests of a log had to keep."""

    def __init__(self, seen: Sequence[Seen], rules: Expectations, book: RobotsBook) -> None:
        self._rules = rules
        self.reaction_ns = 0 if rules.per_domain == 1 else rules.reaction_ns
        """What `Expectations.reaction_ns` comes to."""
        self._crawl_delays = _crawl_delays(rules, book)
        self.domains: defaultdict[str, list[Seen]] = defaultdict(list)
        """The requests that reached the origin, by pacing domain and start."""
        for item in seen:
            if item.request.origin:
                self.domains[item.domain].append(item)

    def steps(self, domain: str) -> Iterator[Step]:
        """The requests of a domain, in order of start. Cost: O(n log n)."""
        gap_ns = self._rules.site_delays.get(domain, self._rules.delay_ns)
        delays = self._crawl_delays.get(domain, [])[::-1]
        running: list[tuple[int, int, Seen]] = []
        for item in self.domains[domain]:
            known_ns = item.start_ns - self.reaction_ns
            while delays and delays[-1][0] <= known_ns:
                gap_ns = max(gap_ns, delays.pop()[1])
            ended = []
            while running and running[0][0] <= known_ns:
                ended.append(heappop(running)[2])
            yield Step(item, gap_ns, tuple(other for other in ended if self.hold_ns(other)))
            heappush(running, (item.end_ns, item.line, item))

    def hold_ns(self, item: Seen) -> int:
        """How long after its end a request's answer forbids others; 0 for none."""
        request = item.request
        if self._rules.hold == "none" or request.status not in (429, 503):
            return 0
        return self._rules.backoff_ns if request.hold_ns is None else request.hold_ns

    def held(self, item: Seen) -> str:
        """What a hold is for, and is asked by: the domain or the URL."""
        return item.domain if self._rules.hold == "domain" else item.request.url

    def violations(self) -> Iterator[Violation]:
        """The violations of G2."""
        for domain, items in self.domains.items():
            yield from self._gaps_and_holds(domain)
            if self._rules.per_domain is not None:
                yield from self._crowds(items, self._rules.per_domain)

    def _gaps_and_holds(self, domain: str) -> Iterator[Violation]:
        before: Seen | None = None
        holders: defaultdict[str, list[Seen]] = defaultdict(list)
        for step in self.steps(domain):
            for refusal in step.refusals:
                holders[self.held(refusal)].append(refusal)
            if before is not None:
                yield from self._gap(before, step)
            key, now_ns = self.held(step.item), step.item.start_ns
            holders[key] = [each for each in holders[key] if self._binds(each, now_ns)]
            if holders[key]:
                yield from self._hold(max(holders[key], key=self._until), step.item)
            before = step.item

    def _binds(self, refusal: Seen, now_ns: int) -> bool:
        return now_ns < min(self._until(refusal), refusal.forgotten_ns)

    def _until(self, refusal: Seen) -> int:
        return refusal.end_ns + self.hold_ns(refusal)

    def _gap(self, before: Seen, step: Step) -> Iterator[Violation]:
        gap_ns = step.item.start_ns - before.start_ns
        if gap_ns < step.gap_ns - self._rules.tolerance_ns:
            message = (
                f"{step.item.domain}: started {_ms(gap_ns)} after the request before it; "
                f"{_ms(step.gap_ns)} were due"
            )
            yield Violation("G2", "gap", message, (before.line, step.item.line))

    def _hold(self, holder: Seen, item: Seen) -> Iterator[Violation]:
        early_ns = self._until(holder) - item.start_ns
        if early_ns > self._rules.tolerance_ns:
            message = (
                f"{self.held(item)}: started {_ms(early_ns)} before the end of the "
                f"{_ms(self.hold_ns(holder))} that a {holder.request.status} calls for"
            )
            yield Violation("G2", "hold", message, (holder.line, item.line))

    def _crowds(self, items: list[Seen], most: int) -> Iterator[Violation]:
        for crowd in crowded(items, most, self._rules.tolerance_ns):
            message = f"{crowd[-1].domain}: {len(crowd)} requests at a time; {most} are allowed"
            yield Violation("G2", "at a time", message, tuple(item.line for item in crowd))


def _crawl_delays(rules: Expectations, book: RobotsBook) -> dict[str, list[tuple[int, int]]]:
    """By domain: when a Crawl-delay was answered, and its length, by time."""
    delays: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    if rules.robots == "obey":
        for origin, answers in book.answers.items():
            domain = pacing_domain(origin, rules.limit_by)
            delays[domain] += [
                (answer.at_ns, answer.crawl_delay_ns)
                for answer in answers
                if answer.forgotten_ns == NEVER
            ]
    return {domain: sorted(found) for domain, found in delays.items()}


def _ms(time_ns: int) -> str:
    return f"{time_ns / MILLISECOND:.1f} ms"
