"""The scheduler: what the scrape net decides, written by hand.

Owns: the order in which things are decided, what a request takes and gives back, what becomes of each
outcome. Calls and records are those of a kernel of the net, so that the same shell and the same
driver run both. For the same calls the same firings come in the same order, with the same rows and
the same next useful time.
Must not know: nets, clocks, effects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from baseline.flights import Endings, Request, Work
from baseline.frontier import Frontier
from baseline.lanes import Lane, Lanes
from baseline.pipeline import Stage
from baseline.proxies import Pool
from baseline.queues import Levels, Queue
from baseline.retries import Retries
from baseline.robots import Robots
from scraper_cpn.net.arcs import Lost
from scraper_cpn.net.errors import NetError
from scraper_cpn.net.marking import Ended, Firing, Row, Step
from scraper_cpn.scrape import colours as c
from scraper_cpn.scrape.colours import Bad, Failed, Failure, Fetched, Found, Moved, Refused, Target
from scraper_cpn.scrape.policy import Policy

NO_END = 1 << 62
PARSERS = 4
STAGE_MAX = 256
"""Pages in each stage behind the first."""


class Scheduler:
    """Decides what a crawl does next. Times are integer nanoseconds that never go back.

    A call that can't be taken raises `NetError` and changes nothing.

    Args:
        policy: of the crawl.
        queue: what targets of a domain wait in; both kinds make the same order.
    """

    def __init__(self, policy: Policy, queue: type[Queue] = Levels) -> None:
        settings = policy.settings
        self._policy = policy
        self._obeys = settings.robots == "obey"
        self._deadline_ns = 2 * settings.timeout_ns
        self._now_ns = 0
        self._settled = False
        self._wake_ns: int | None = None

        self._found: list[Found] = []
        self._seen: set[str] = set()
        self._lanes = Lanes(policy, queue)
        self._frontier = Frontier(policy.turn)
        self._robots = Robots()
        self._failed: list[Failure] = []
        self._retries = Retries()

        self._pool = Pool(policy)
        self._permits = settings.concurrency
        self._budget = settings.max_pages or NO_END
        self._gate_ns: int | None = None
        """Until when requests may start; None: they may not."""
        self._stops = 0

        self._raw: Stage[c.Raw] = Stage(2 * settings.concurrency)
        self._parsers = PARSERS
        self._parsed: Stage[c.Extracted] = Stage(STAGE_MAX)
        self._validated: Stage[c.Checked] = Stage(STAGE_MAX)

        self._flights: dict[int, Request | Work] = {}
        self._running = 0
        """Requests for pages that are prepared or run."""
        self._next_id = 1
        self._rows: list[Row] = []
        self._wire()

    def _wire(self) -> None:
        """What becomes of each outcome."""
        self._fetch_endings: Endings = {
            Fetched: self._fetched,
            Moved: self._moved,
            Refused: self._refused,
            Failed: self._request_failed,
            Lost: self._request_lost,
        }
        self._robots_endings: Endings = {
            c.Rules: self._rules,
            Moved: self._robots_moved,
            Refused: self._robots_refused,
            Failed: self._robots_failed,
            Lost: self._robots_lost,
        }
        self._parse_endings: Endings = {
            c.Parsed: self._page_parsed,
            Bad: self._parse_bad,
            Lost: self._parse_lost,
        }
        self._validate_endings: Endings = {
            c.Valid: self._page_valid,
            Bad: self._validate_bad,
            Lost: self._validate_lost,
        }
        self._keep_endings: Endings = {c.Kept: self._kept, Lost: self._keep_lost}

    # Opening calls.

    def find(self, found: Found, now_ns: int) -> None:
        """Targets are found."""
        self._pass_to(now_ns)
        self._found.append(found)

    def add_proxy(
        self,
        proxy: c.Proxy,
        now_ns: int,
        *,
        ready_at_ns: int = 0,
        expires_at_ns: int | None = None,
    ) -> None:
        """A token of a proxy may carry requests."""
        self._pass_to(now_ns)
        self._pool.add(proxy, ready_at_ns, expires_at_ns)

    def open_gate(self, now_ns: int, *, expires_at_ns: int | None = None) -> None:
        """Requests may start, until the deadline."""
        self._pass_to(now_ns)
        self._gate_ns = NO_END if expires_at_ns is None else expires_at_ns

    def stop(self, now_ns: int) -> None:
        """No request starts any more."""
        self._pass_to(now_ns)
        self._stops += 1

    # A step.

    def step(self, now_ns: int, limit: int = 100_000) -> Step:
        """Decide all that can be decided at *now_ns*; at most *limit* firings begin.

        Cost: O(log) of what waits, for each decision.
        """
        self._pass_to(now_ns)
        firings: list[Firing] = []
        self._mature(now_ns)
        self._hold_back(now_ns)
        expired = list(self._robots.expired(now_ns))
        self._admit(now_ns)
        for rules in expired:
            job = self._policy.refresh(rules)
            self._robots.push(self._lanes.by_name[job.domain], job, now_ns)
        self._get_robots(firings, limit)
        self._clear()
        self._scrape(firings, limit)
        self._judge(now_ns)
        self._retry(now_ns, firings, limit)
        self._run_pipeline(firings, limit)
        self._settled = len(firings) < limit
        self._wake_ns = self._useful_ns() if self._settled else now_ns
        return Step(tuple(firings), self._wake_ns)

    def _hold_back(self, now_ns: int) -> None:
        """Penalties, rests, ends of quotas and leases, the gate: before anything can be used."""
        if self._lanes.punished:
            for lane in self._lanes.apply(now_ns):
                self._offer(lane)
        self._pool.rest(now_ns)
        self._rows += [Row("retired_proxies", proxy) for proxy in self._pool.retired(now_ns)]
        if self._gate_ns is not None:
            if self._gate_ns <= now_ns:
                self._gate_ns = None
            elif self._stops:
                self._stops -= 1
                self._gate_ns = None

    def _mature(self, now_ns: int) -> None:
        self._pool.mature(now_ns)
        self._frontier.mature(now_ns)
        self._robots.mature(now_ns)

    def _admit(self, now_ns: int) -> None:
        """Each URL once; its domain and its authority are known from then on."""
        founds, self._found = self._found, []
        for found in founds:
            self._meet(found, now_ns)
            self._robots.ask(self._new(self._policy.to_ask(found)))
            for target in self._new(self._policy.to_fetch(found)):
                self._frontier.push(self._lanes.by_name[target.domain], target)

    def _meet(self, found: Found, now_ns: int) -> None:
        lanes, robots = self._lanes, self._robots
        strangers = tuple(t for t in found.targets if t.domain not in lanes.by_name)
        if strangers:
            for domain in self._policy.domains(Found(strangers)):
                lanes.open(domain, now_ns)
        strangers = tuple(t for t in found.targets if t.authority not in robots.known)
        if strangers:
            for job in self._policy.robots_jobs(Found(strangers)):
                robots.known.add(job.authority)
                robots.push(lanes.by_name[job.domain], job, now_ns)

    def _new(self, targets: Iterable[Target]) -> Iterator[Target]:
        seen = self._seen
        for target in targets:
            if target.url not in seen:
                seen.add(target.url)
                yield target

    def _get_robots(self, firings: list[Firing], limit: int) -> None:
        robots, pool = self._robots, self._pool
        while self._permits and self._gate_ns is not None and len(firings) < limit:
            if robots.first is None or pool.first is None:
                return
            seat, job = pool.pop(), robots.pop()
            self._permits -= 1
            lane = job[2]
            request = Request(self._robots_endings, job, lane, seat)
            args = (job[1], seat.proxy, lane.domain)
            firings.append(self._begin("get_robots", "robots", args, request, self._deadline_ns))

    def _clear(self) -> None:
        """Targets whose robots.txt has come go into the frontier, or end here."""
        for target, rules in self._robots.cleared():
            verdict = self._policy.clearance(target, rules)
            if isinstance(verdict, c.Allowed):
                self._frontier.push(self._lanes.by_name[target.domain], target)
            else:
                self._log(self._policy.denied(target, verdict))

    def _scrape(self, firings: list[Firing], limit: int) -> None:
        """The three-way join: a target, its domain, a proxy and every permit, or nothing."""
        frontier, pool, raw = self._frontier, self._pool, self._raw
        while (
            self._permits
            and self._budget
            and raw.room
            and self._gate_ns is not None
            and len(firings) < limit
        ):
            if frontier.first is None or pool.first is None:
                return
            seat, entry = pool.pop(), frontier.pop()
            self._permits -= 1
            self._budget -= 1
            raw.room -= 1
            self._running += 1
            lane = entry[3]
            request = Request(self._fetch_endings, entry, lane, seat)
            args = (entry[2], seat.proxy, lane.domain)
            firings.append(self._begin("scrape_target", "fetch", args, request, self._deadline_ns))

    def _judge(self, now_ns: int) -> None:
        """What failed gets another attempt, or ends here."""
        failures, self._failed = self._failed, []
        for failure in failures:
            if isinstance(self._policy.verdict(failure), c.Again):
                wait_ns = self._policy.again_after_ns(failure)
                self._retries.push(self._policy.next_attempt(failure), now_ns + wait_ns)
                self._log(failure)
            else:
                self._log(self._policy.over(failure))

    def _retry(self, now_ns: int, firings: list[Firing], limit: int) -> None:
        """Who has cooled down goes back, one by one: the first may take what the second would."""
        while self._gate_ns is not None and self._budget and self._retries.mature(now_ns):
            target = self._retries.pop()
            self._frontier.push(self._lanes.by_name[target.domain], target)
            self._scrape(firings, limit)

    def _run_pipeline(self, firings: list[Firing], limit: int) -> None:
        raw, parsed, validated = self._raw, self._parsed, self._validated
        while self._parsers and parsed.room and raw and len(firings) < limit:
            self._parsers -= 1
            parsed.room -= 1
            firings.append(self._work("parse", raw, self._parse_endings))
        while validated.room and parsed and len(firings) < limit:
            validated.room -= 1
            firings.append(self._work("validate", parsed, self._validate_endings))
        while validated and len(firings) < limit:
            firings.append(self._work("keep", validated, self._keep_endings))

    def _work(self, name: str, stage: Stage[Any], endings: Any) -> Firing:
        page = stage.pop()
        return self._begin(name, name, (page,), Work(endings, page, stage), None)

    def _begin(
        self,
        transition: str,
        effect: str,
        args: tuple[Any, ...],
        flight: Request | Work,
        deadline_ns: int | None,
    ) -> Firing:
        number = self._next_id
        self._next_id += 1
        self._flights[number] = flight
        return Firing(number, transition, effect, args, deadline_ns)

    def _useful_ns(self) -> int | None:
        """The least time at which something can be decided if nothing else happens."""
        times = [self._pool.ends_ns, self._robots.expires_ns]
        if self._gate_ns is not None:
            times.append(self._gate_ns if self._gate_ns < NO_END else None)
            if self._permits:
                times.append(self._request_ns())
            if self._budget:
                times.append(self._retries.next_ns(self._now_ns))
        return min((time_ns for time_ns in times if time_ns is not None), default=None)

    def _request_ns(self) -> int | None:
        """From when a request may start."""
        proxy_ns = self._pool.next_ns()
        if proxy_ns is None:
            return None
        times = [self._robots.next_ns()]
        if self._budget and self._raw.room:
            times.append(self._frontier.next_ns())
        domain_ns = min((time_ns for time_ns in times if time_ns is not None), default=None)
        return None if domain_ns is None else max(domain_ns, proxy_ns)

    # A firing's life.

    def started(self, firing_id: int, now_ns: int) -> None:
        """A firing's effect really starts: the pauses of its domain and its proxy begin."""
        flight = self._flight(firing_id)
        if flight.started:
            raise NetError(f"firing {firing_id} has started already")
        self._pass_to(now_ns)
        flight.started = True
        if isinstance(flight, Request):
            self._lanes.spend(flight.lane, now_ns)
            self._pool.spend(flight.seat, now_ns)
            if flight.lane.slots:
                self._offer(flight.lane)

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        """A firing's effect has ended."""
        flight = self._flight(firing_id)
        if not flight.started:
            raise NetError(f"firing {firing_id} has not started; it can be revoked")
        ending = flight.endings.get(type(outcome))
        if ending is None:
            raise NetError(f"{type(outcome).__name__} is no outcome of firing {firing_id}")
        self._pass_to(now_ns)
        del self._flights[firing_id]
        ending(flight, outcome, now_ns)

    def revoke(self, firing_id: int) -> None:
        """Undo a firing that has not started, exactly."""
        flight = self._flight(firing_id)
        if flight.started:
            raise NetError(f"firing {firing_id} has started; it can only complete")
        self._settled = False
        del self._flights[firing_id]
        if isinstance(flight, Work):
            self._revoke_work(firing_id, flight)
        else:
            self._revoke_request(flight)

    def _revoke_work(self, firing_id: int, work: Work) -> None:
        work.stage.restore(firing_id, work.page)
        if work.endings is self._parse_endings:
            self._parsers += 1
            self._parsed.room += 1
        elif work.endings is self._validate_endings:
            self._validated.room += 1

    def _revoke_request(self, request: Request) -> None:
        self._permits += 1
        self._pool.restore(request.seat)
        self._lanes.restore(request.lane)
        if request.endings is self._robots_endings:
            self._robots.restore(request.entry)
        else:
            self._frontier.restore(request.entry)
            self._give_back()
        self._offer(request.lane)

    def drain(self) -> list[Row]:
        """Take the rows since the last call, oldest first."""
        rows, self._rows = self._rows, []
        return rows

    def ended(self, now_ns: int) -> Ended | None:
        """How the crawl ended; None while anything runs, is due or has not been seen by a step."""
        if self._flights or not self._settled:
            return None
        if self._wake_ns is not None and self._wake_ns <= now_ns:
            return None
        if not self._has_work():
            return "finished"
        if not (self._pool.seats and self._budget and self._gate_ns is not None):
            return "spent"
        return "stuck" if self._wake_ns is None else None

    def _has_work(self) -> bool:
        waiting = self._frontier.waiting + self._robots.asking + self._robots.jobs
        return bool(
            waiting or self._retries.waiting or self._raw or self._parsed or self._validated
        )

    def count(self, place: str) -> int:
        """What is in one of the places that a crawl reports, by the net's name for it."""
        return self._counts()[place]

    def _counts(self) -> dict[str, int]:
        return {
            "seen": len(self._seen),
            "asks": self._robots.asking,
            "prioritized_targets": self._frontier.waiting,
            "cool_down": self._retries.waiting,
            "in_progress": self._running,
            "raw_html": len(self._raw),
            "parsed": len(self._parsed),
            "validated": len(self._validated),
        }

    def in_flight(self) -> int:
        """Firings whose effects have not ended."""
        return len(self._flights)

    # What becomes of a request for a page.

    def _fetched(self, request: Request, fetched: Fetched, _: int) -> None:
        self._raw.line.append(self._policy.raw(request.entry[2], fetched))
        self._running -= 1
        self._release(request)

    def _moved(self, request: Request, moved: Moved, _: int) -> None:
        target = request.entry[2]
        hop = self._policy.hop(target, moved)
        if hop is not None:
            self._found.append(hop)
        self._log(self._policy.moved(target, moved))
        self._leave(request)

    def _refused(self, request: Request, refused: Refused, _: int) -> None:
        target = request.entry[2]
        self._failed.append(self._policy.refused(target, refused))
        self._lanes.punish(self._policy.refusal(target, refused))
        self._leave(request)

    def _request_failed(self, request: Request, failed: Failed, _: int) -> None:
        self._failed.append(self._policy.failed(request.entry[2], failed))
        self._pool.blame(self._policy.at_fault(request.proxy, failed))
        self._leave(request)

    def _request_lost(self, request: Request, lost: Lost, _: int) -> None:
        self._failed.append(self._policy.lost(request.entry[2], lost))
        self._leave(request)

    def _leave(self, request: Request) -> None:
        """No page came of it: what only pages use up is given back."""
        self._give_back()
        self._release(request)

    def _give_back(self) -> None:
        self._budget += 1
        self._raw.room += 1
        self._running -= 1

    def _release(self, request: Request) -> None:
        self._permits += 1
        lane = request.lane
        lane.slots += 1
        if lane.slots == 1:
            self._offer(lane)
        self._pool.release(request.seat.carrier)

    def _offer(self, lane: Lane) -> None:
        """A domain may have become able to start a request."""
        self._frontier.offer(lane)
        if lane.jobs or lane.later:
            self._robots.offer(lane)

    # What becomes of a request for a robots.txt.

    def _rules(self, request: Request, rules: c.Rules, now_ns: int) -> None:
        self._robots.learn(rules, now_ns)
        self._lanes.punish(self._policy.slower(request.entry[1], rules))
        self._release(request)

    def _robots_moved(self, request: Request, moved: Moved, now_ns: int) -> None:
        job = request.entry[1]
        domain = self._policy.robots_hop_domain(moved)
        if domain.domain not in self._lanes.by_name:
            self._lanes.open(domain, now_ns)
        hop = self._policy.robots_hop(job, moved)
        if hop is not None:
            self._robots.push(self._lanes.by_name[hop.domain], hop, now_ns)
        rules = self._policy.robots_astray(job)
        if rules is not None:
            self._robots.learn(rules, now_ns)
        self._release(request)

    def _robots_refused(self, request: Request, refused: Refused, now_ns: int) -> None:
        self._no_robots(request, refused, now_ns)
        self._lanes.punish(self._policy.hush(request.entry[1], refused))

    def _robots_failed(self, request: Request, failed: Failed, now_ns: int) -> None:
        self._no_robots(request, failed, now_ns)
        self._pool.blame(self._policy.at_fault(request.proxy, failed))

    def _robots_lost(self, request: Request, lost: Lost, now_ns: int) -> None:
        self._no_robots(request, lost, now_ns)

    def _no_robots(self, request: Request, outcome: Any, now_ns: int) -> None:
        """Another attempt, or none is left: then all is forbidden."""
        policy, job = self._policy, request.entry[1]
        again = policy.robots_again(job, outcome)
        if again is not None:
            ready_ns = now_ns + policy.robots_wait_ns(job, outcome)
            self._robots.push(self._lanes.by_name[again.domain], again, ready_ns)
        rules = policy.robots_unreachable(job, outcome)
        if rules is not None:
            self._robots.learn(rules, now_ns)
        self._log(policy.robots_failure(job, outcome))
        self._release(request)

    # What becomes of a page in the pipeline.

    def _page_parsed(self, work: Work, parsed: c.Parsed, _: int) -> None:
        self._parsed.line.append(self._policy.extracted(work.page, parsed))
        links = self._policy.links(parsed)
        if links is not None:
            self._found.append(links)
        self._leave_raw()

    def _parse_bad(self, work: Work, bad: Bad, _: int) -> None:
        self._log(self._policy.bad(work.page, bad))
        self._parsed.room += 1
        self._leave_raw()

    def _parse_lost(self, work: Work, lost: Lost, _: int) -> None:
        self._failed.append(self._policy.lost_page(work.page, lost))
        self._parsed.room += 1
        self._leave_raw()

    def _leave_raw(self) -> None:
        self._parsers += 1
        self._raw.room += 1

    def _page_valid(self, work: Work, valid: c.Valid, _: int) -> None:
        self._validated.line.append(self._policy.checked(work.page, valid))
        for failure in self._policy.invalid(work.page, valid):
            self._log(failure)
        self._parsed.room += 1

    def _validate_bad(self, work: Work, bad: Bad, _: int) -> None:
        self._log(self._policy.bad(work.page, bad))
        self._leave_parsed()

    def _validate_lost(self, work: Work, lost: Lost, _: int) -> None:
        self._failed.append(self._policy.lost_page(work.page, lost))
        self._leave_parsed()

    def _leave_parsed(self) -> None:
        self._validated.room += 1
        self._parsed.room += 1

    def _kept(self, work: Work, kept: c.Kept, _: int) -> None:
        self._rows.append(Row("stored", self._policy.stored(work.page, kept)))
        self._validated.room += 1

    def _keep_lost(self, work: Work, lost: Lost, _: int) -> None:
        self._failed.append(self._policy.lost_page(work.page, lost))
        self._validated.room += 1

    # Parts.

    def _log(self, failure: Failure) -> None:
        self._rows.append(Row("failed_log", failure))

    def _flight(self, firing_id: int) -> Request | Work:
        flight = self._flights.get(firing_id)
        if flight is None:
            raise NetError(f"firing {firing_id} is not in flight")
        return flight

    def _pass_to(self, now_ns: int) -> None:
        if now_ns < self._now_ns:
            raise NetError(f"time went back from {self._now_ns} to {now_ns} ns")
        self._now_ns = now_ns
        self._settled = False
