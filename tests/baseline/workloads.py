"""Random crawls without a web: settings, proxies and what every effect ends in, all from one seed.

Owns: what is drawn, and a driver that runs any scheduler through it and writes down all that can be
seen from outside.
Must not know: which scheduler it drives.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from heapq import heappop, heappush
from random import Random
from typing import Any, Protocol

import pytest

from scraper_cpn.net import Ended, Firing, Lost, NetError, Row, Step
from scraper_cpn.scrape.colours import (
    Bad,
    Failed,
    Fetched,
    Found,
    Kept,
    Parsed,
    Proxy,
    Raw,
    Redirected,
    Response,
    RobotsJob,
    Rules,
    Target,
    Throttled,
    Valid,
)
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import SECOND, Settings, Site

MS = 1_000_000
EPOCH_NS = 1_700_000_000 * SECOND
STEPS_MAX = 5_000
Event = tuple[Any, ...]


class Subject(Protocol):
    """A scheduler that can be driven: what a kernel and the one by hand have in common."""

    def open(self, settings: Settings, targets: list[Target], now_ns: int) -> None: ...
    def find(self, found: Found, now_ns: int) -> None: ...
    def stop(self, now_ns: int) -> None: ...
    def step(self, now_ns: int, limit: int = ...) -> Step: ...
    def started(self, firing_id: int, now_ns: int, *, asked: bool = False) -> bool: ...
    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None: ...
    def revoke(self, firing_id: int) -> None: ...
    def drain(self) -> list[Row]: ...
    def ended(self, now_ns: int) -> Ended | None: ...


class Workload:
    """A crawl, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.seed = seed
        self.hosts = random.choice([1, 2, 3, 5, 12])
        self.pages = random.choice([3, 10, 40])
        self.zipf = random.random() < 0.3
        self.levels = random.choice([1, 1, 3])
        self.share = {
            name: random.choice([0.0, 0.0, 0.05, 0.2, 0.5])
            for name in (
                "redirected",
                "refused",
                "failed",
                "proxy",
                "lost",
                "bad",
                "revoked",
                "late",
            )
        }
        self.nonsense = random.choice([0.0, 0.0, 0.2])
        self.latency_ns = random.choice([0, MS, 80 * MS, 700 * MS])
        self.round_ns = random.choice([1, MS, 100 * MS])
        self.slow_stage = random.choice(["", "", "", "parse", "validate", "keep"])
        self.settings = self._settings()
        self.policy = Policy(self.settings)
        self.seeds = [self.url() for _ in range(random.choice([1, 1, 3, 30]))]
        self.later = [
            (random.choice([0, 3, 50]) * SECOND // 3 * random.randrange(3), self.url())
            for _ in range(random.choice([0, 0, 1, 4]))
        ]
        self.stop_ns = random.choice([None] * 5 + [0, SECOND, 5 * SECOND])

    def _settings(self) -> Settings:
        r = self.random
        delays = [0, 0, 100 * MS, SECOND, 3 * SECOND]
        ending = r.random() < 0.4
        return Settings(
            delay_ns=r.choice(delays),
            per_domain=r.choice([1, 1, 2, 4]),
            concurrency=r.choice([1, 2, 4, 16]),
            limit_by=r.choice(["domain", "host"]),
            scope="any",
            max_pages=r.choice([None, 1, 5, 30]) if ending else None,
            max_time_ns=r.choice([None, 1, 20]) and r.randrange(1, 20) * SECOND if ending else None,
            retries=r.choice([0, 1, 3]),
            backoff_ns=r.choice([0, MS, 500 * MS]),
            backoff_max_ns=2 * SECOND,
            backoff_scope=r.choice(["domain", "url"]),
            timeout_ns=r.choice([SECOND, 30 * SECOND]),
            max_redirects=r.choice([0, 3]),
            robots=r.choice(["obey", "ignore"]),
            ageing_ns=r.choice([None, None, 1, 300 * MS]),
            sites=tuple(self._site() for _ in range(r.choice([0, 0, 2]))),
            proxies=tuple(self._proxy(n, ending=ending) for n in range(r.choice([0, 0, 1, 3, 9]))),
            seed=r.randrange(3),
            dead_after=0,  # the scheduler by hand gives no domain up
            refusing_max_ns=None,
        )

    def _site(self) -> Site:
        r = self.random
        name = f"d{r.randrange(self.hosts)}.example"
        return Site(
            name=name,
            delay_ns=r.choice([None, 0, 2 * SECOND]),
            per_domain=r.choice([None, 1, 3]),
        )

    def _proxy(self, number: int, *, ending: bool) -> Proxy:
        r = self.random
        name = f"http://p{number}.example:8080"
        return Proxy(
            name,
            name,
            slots=r.choice([1, 1, 2, 5]),
            delay_ns=r.choice([0, 0, 100 * MS, 900 * MS]),
            quota=r.choice([None, 0, 1, 7]) if ending else None,
            not_before_ns=r.choice([None, None, EPOCH_NS + 2 * SECOND]),
            not_after_ns=EPOCH_NS + r.randrange(1, 60) * SECOND
            if ending and r.random() < 0.5
            else None,
        )

    # What is found.

    def url(self, draw: float | None = None) -> str:
        """An address of the web."""
        one = self.random.random() if draw is None else draw
        host = int(self.hosts * (one**4 if self.zipf else one))
        page = int(one * 1_000_003) % self.pages
        sub = "www." if page % 3 == 0 else ""
        return f"https://{sub}d{host}.example/{page}"

    def target(self, url: str, page: Target | None, priority: int, now_ns: int) -> Target:
        """A target, with a rank as the policy gives them."""
        return self.policy.frontier.target(
            url,
            site=self.policy.frontier.site_of(url),
            requested_url=url,
            parent=None if page is None else page.url,
            depth=0 if page is None else page.depth + 1,
            priority=priority,
            rank=self.policy.frontier.rank(priority, now_ns),
        )

    # What effects end in.

    def draws(self, *what: Any) -> Random:
        """A source of numbers for one thing."""
        digest = blake2b(f"{self.seed} {what}".encode(), digest_size=8).digest()
        return Random(digest)

    def outcome(self, firing: Firing, count: int, now_ns: int) -> tuple[int, Any]:
        """How long an effect takes, and what it ends in."""
        work = firing.args[0]
        target = getattr(work, "target", work)
        r = self.draws(firing.effect, target.url, target.attempt, count)
        takes_ns = self.latency_ns * r.randrange(3)
        if firing.effect == self.slow_stage:
            takes_ns += r.randrange(4) * SECOND
        if r.random() < self.share["late"]:
            takes_ns += r.choice([100, 90_000]) * SECOND  # more than a day: rules expire
        takes_ns -= takes_ns % self.round_ns
        if firing.deadline_ns is not None and takes_ns > firing.deadline_ns:
            return firing.deadline_ns, Lost("took longer than its deadline")
        if r.random() < self.share["lost"]:
            return takes_ns, Lost("it crashed")
        return takes_ns, getattr(self, f"_{firing.effect}")(r, work, now_ns)

    def _request(self, r: Random) -> Any:
        if r.random() < self.share["redirected"]:
            return Redirected(301, self.url(r.random()))
        if r.random() < self.share["refused"]:
            return Throttled(503, r.choice([None, 0, 400 * MS, 2 * SECOND]))
        if r.random() < self.share["failed"]:
            return Failed("http", "it failed", 500, retry=r.random() < 0.8)
        if r.random() < self.share["proxy"]:
            return Failed("proxy", "the proxy failed")
        return None

    def _fetch(self, r: Random, target: Target, now_ns: int) -> Any:
        return self._request(r) or Fetched(
            Response(
                url=target.url,
                status=200,
                content_type="text/html",
                charset=None,
                body=b"",
                fetched_at_ns=now_ns,
                elapsed_ns=1,
            )
        )

    def _robots(self, r: Random, job: RobotsJob, _: int) -> Any:
        text = r.choice(["", "User-agent: *\nDisallow: /1"])
        delay_ns = r.choice([None, None, 300 * MS, 4 * SECOND])
        return self._request(r) or Rules(job.origin, text, delay_ns, r.choice([0, 100 * MS]))

    def _parse(self, r: Random, page: Raw, now_ns: int) -> Any:
        if r.random() < self.share["bad"]:
            return Bad("parse", "no HTML")
        urls = dict.fromkeys(self.url(r.random()) for _ in range(r.choice([0, 3, 12])))
        return Parsed(
            (),
            tuple(self.target(u, page.target, r.randrange(self.levels), now_ns) for u in urls),
        )

    def _validate(self, r: Random, _page: Any, _: int) -> Any:
        if r.random() < self.share["bad"]:
            return Bad("invalid", "no item fits")
        return Valid((), ("an item does not fit",) if r.random() < self.share["bad"] else ())

    def _keep(self, _r: Random, _page: Any, _: int) -> Any:
        return Kept(0)


class Drive:
    """One scheduler, driven through a workload; `events` is what was seen."""

    def __init__(self, workload: Workload, subject: Subject, limit: int) -> None:
        self._workload = workload
        self._subject = subject
        self._limit = limit
        self._coming: list[tuple[int, int, Callable[[int], None]]] = []
        self._serial = 0
        self._counts: dict[Any, int] = {}
        self.now_ns = EPOCH_NS
        self.events: list[Event] = []

    def run(self) -> list[Event]:
        """Drive it to its end, or for `STEPS_MAX` steps."""
        load, subject = self._workload, self._subject
        seeds = [load.target(url, None, 0, EPOCH_NS) for url in load.seeds]
        subject.open(load.settings, seeds, EPOCH_NS)
        for after_ns, url in load.later:
            target = load.target(url, None, 0, EPOCH_NS + after_ns)
            self._at(EPOCH_NS + after_ns, partial(subject.find, Found((target,))))
        if load.stop_ns is not None:
            self._at(EPOCH_NS + load.stop_ns, subject.stop)
        for _ in range(STEPS_MAX):
            if not self._turn():
                break
        return self.events

    def _turn(self) -> bool:
        step = self._subject.step(self.now_ns, self._limit)
        for firing in step.firings:
            self._begin(firing)
        self.events.append(("wake", self.now_ns, step.wake_ns))
        rows = (row for row in self._subject.drain() if row.sink != "holds")  # only the net tells
        self.events += [("row", row.sink, row.colour) for row in rows]
        ended = self._subject.ended(self.now_ns)
        if ended is not None:
            self.events.append(("ended", self.now_ns, ended))
        times = [time_ns for time_ns, _, _ in self._coming[:1]]
        if step.wake_ns is not None:
            times.append(step.wake_ns)
        if not times or (ended is not None and not self._coming):
            return False
        self.now_ns = max(self.now_ns, min(times))
        while self._coming and self._coming[0][0] <= self.now_ns:
            heappop(self._coming)[2](self.now_ns)
        return True

    def _at(self, time_ns: int, do: Callable[[int], None]) -> None:
        self._serial += 1
        heappush(self._coming, (time_ns, self._serial, do))

    def _begin(self, firing: Firing) -> None:
        work = firing.args[0]
        named = getattr(work, "target", work)
        colours = tuple(firing.args[1:])
        self.events.append(
            (
                "begin",
                self.now_ns,
                firing.transition,
                firing.effect,
                named.url,
                named.attempt,
                colours,
            )
        )
        what = (firing.effect, named.url, named.attempt)
        count = self._counts[what] = self._counts.get(what, 0) + 1
        r = self._workload.draws("begin", *what, count)
        delay_ns = r.choice([0, 0, 0, MS, 50 * MS]) if firing.deadline_ns is not None else 0
        if count < 4 and r.random() < self._workload.share["revoked"]:
            self._at(self.now_ns + delay_ns, lambda _: self._subject.revoke(firing.id))
        elif delay_ns:
            self._at(self.now_ns + delay_ns, lambda now: self._start(firing, count, now))
        else:
            self._start(firing, count, self.now_ns)

    def _start(self, firing: Firing, count: int, now_ns: int) -> None:
        if not self._subject.started(firing.id, now_ns):
            return
        takes_ns, outcome = self._workload.outcome(firing, count, now_ns)
        self._at(now_ns + takes_ns, lambda now: self._end(firing, outcome, now))

    def _end(self, firing: Firing, outcome: Any, now_ns: int) -> None:
        if self._workload.draws("end", firing.id).random() < self._workload.nonsense:
            with pytest.raises(NetError):
                self._subject.complete(firing.id, "nonsense", now_ns)
        self._subject.complete(firing.id, outcome, now_ns)
