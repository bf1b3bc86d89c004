"""Wire logs as a polite crawler would make them, to be judged and to be spoiled.

Owns: a small crawl in virtual time that keeps every rule by construction: it starts each request
at the first moment at which nothing forbids it, and shares no code with the referee.
"""

from dataclasses import dataclass, field

from msgspec.structs import replace

from mocks.wirelog import Request

MS = 1_000_000
S = 1000 * MS


def made(start_ms: float, url: str, **more: object) -> Request:
    """A request of 10 ms that succeeds through `p0`, unless *more* says otherwise."""
    start_ns = int(start_ms * MS)
    end_ns = start_ns + int(float(str(more.pop("lasts_ms", 10))) * MS)
    fields = {"proxy": "p0", "status": 200, "user_agent": "me", **more}
    return Request(start_ns=start_ns, end_ns=end_ns, url=url, **fields)  # type: ignore[arg-type]


@dataclass
class Job:
    """A URL that is to be fetched, with what each of its visits gets."""

    url: str
    domain: str
    answers: list[dict[str, object]]
    lasts_ms: int = 10
    visit: int = 0
    not_before_ns: int = 0


@dataclass
class PoliteCrawl:
    """Fetches jobs in turn, each as early as delay, holds and proxies allow."""

    delay_ns: int
    proxies: int
    slack_ns: list[int]
    """Waited beyond what politeness asks, by turn, over and over."""
    log: list[Request] = field(default_factory=list)
    domain_free_ns: dict[str, int] = field(default_factory=dict)
    proxy_free_ns: dict[int, int] = field(default_factory=dict)
    delays_ns: dict[str, int] = field(default_factory=dict)

    def run(self, jobs: list[Job]) -> list[Request]:
        """The log of fetching all *jobs* until each has succeeded or run out of answers."""
        waiting = list(jobs)
        while waiting:
            job = waiting.pop(0)
            self.fetch(job)
            if job.visit < len(job.answers):
                waiting.append(job)
        return self.log

    def fetch(self, job: Job) -> None:
        """One request of a job, and what its answer means for its domain."""
        proxy = len(self.log) % self.proxies
        free_ns = (self.domain_free_ns.get(job.domain, 0), self.proxy_free_ns.get(proxy, 0))
        slack_ns = self.slack_ns[len(self.log) % len(self.slack_ns)]
        start_ns = max(*free_ns, job.not_before_ns) + slack_ns
        end_ns = start_ns + job.lasts_ms * MS
        request = made(0, job.url, proxy=f"p{proxy}", **job.answers[job.visit])
        request = replace(request, start_ns=start_ns, end_ns=end_ns)
        job.visit += 1
        job.not_before_ns = self.proxy_free_ns[proxy] = request.end_ns
        self.log.append(request)
        self.learn(job.domain, request)

    def learn(self, domain: str, request: Request) -> None:
        """Hold the domain as the answer asks, and slow down for a Crawl-delay."""
        delay_ns = self.delays_ns.get(domain, self.delay_ns)
        if request.robots and "Crawl-delay: " in request.robots:
            crawl_delay_ns = int(float(request.robots.split("Crawl-delay: ")[1].split()[0]) * S)
            delay_ns = self.delays_ns[domain] = max(delay_ns, crawl_delay_ns)
        free_ns = max(request.start_ns + delay_ns, request.end_ns)
        self.domain_free_ns[domain] = max(free_ns, request.end_ns + (request.hold_ns or 0))
