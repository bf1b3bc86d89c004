"""Whatever a polite crawl looks like, it passes; a moment too early, and it does not."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mocks.referee import Expectations, judge
from mocks.wirelog import Request
from tests.mocks.logs import MS, Job, PoliteCrawl, S

ROBOTS: list[dict[str, object]] = [
    {"robots": "User-agent: *\nDisallow: /private/\n"},
    {"robots": "User-agent: *\nCrawl-delay: 0.35\n"},
    {"status": 404},
]
FAILURES: list[dict[str, object]] = [
    {"status": 500},
    {"status": 0, "fate": "dropped"},
    {"status": 200, "fate": "stalled"},
    {"status": 429, "hold_ns": S},
    {"status": 503, "hold_ns": S // 3},
    {"status": 503},
]


@st.composite
def jobs(draw: st.DrawFn) -> list[Job]:
    """Some hosts, two to a domain, with a robots.txt each, and their pages in any order."""
    hosts = [
        (f"http://w{k}.h{k // 2}.example", f"h{k // 2}") for k in range(draw(st.integers(1, 4)))
    ]
    durations = st.integers(10, 400)
    robots = [
        Job(f"{host}/robots.txt", domain, [draw(st.sampled_from(ROBOTS))], draw(durations))
        for host, domain in hosts
    ]
    pages = []
    for number in range(draw(st.integers(1, 12))):
        host, domain = draw(st.sampled_from(hosts))
        answers = draw(st.lists(st.sampled_from(FAILURES), max_size=2))
        pages.append(Job(f"{host}/{number}", domain, [*answers, {}], draw(durations)))
    return robots + pages


def rules_of(crawl: PoliteCrawl, log: list[Request]) -> Expectations:
    pages = tuple(r.url for r in log if r.fetched and not r.url.endswith("/robots.txt"))
    starts_ns = [r.start_ns for r in log]
    return Expectations(
        delay_ns=crawl.delay_ns,
        per_domain=1,
        pages=pages,
        max_pages=len(pages),
        max_time_ns=max(starts_ns) - min(starts_ns),
    )


crawls = st.builds(
    PoliteCrawl,
    delay_ns=st.integers(100, 600).map(lambda ms: ms * MS),
    proxies=st.integers(1, 4),
    slack_ns=st.lists(st.sampled_from([0, 0, 1 * MS, 700 * MS]), min_size=1, max_size=5),
)


@settings(deadline=None, max_examples=200)
@given(crawls, jobs())
def test_a_polite_crawl_passes(crawl: PoliteCrawl, work: list[Job]) -> None:
    """No violation, and never faster than politeness allows."""
    log = crawl.run(work)
    verdict = judge(log, rules_of(crawl, log))
    assert verdict.violations == ()
    assert 0 < verdict.least_time_ns <= verdict.actual_ns
    assert verdict.requests == len(log)


@settings(deadline=None, max_examples=200)
@given(crawls, jobs(), st.integers(0, 50), st.integers(2_000_001, 9 * MS))
def test_a_request_moved_earlier_is_found(
    crawl: PoliteCrawl, work: list[Job], which: int, early_ns: int
) -> None:
    """A request that started as soon as it might, moved by more than the tolerance, is named."""
    log = crawl.run(work)
    tight = [
        line
        for line, request in enumerate(log)
        if request.start_ns > 0 and crawl.slack_ns[line % len(crawl.slack_ns)] == 0
    ]
    assume(tight)
    line = tight[which % len(tight)]
    moved = list(log)
    moved[line] = earlier(log[line], early_ns)
    violations = judge(moved, rules_of(crawl, log)).violations
    assert any(line in violation.lines for violation in violations)


def earlier(request: Request, by_ns: int) -> Request:
    return replace(request, start_ns=request.start_ns - by_ns, end_ns=request.end_ns - by_ns)


@settings(deadline=None, max_examples=100)
@given(st.integers(100, 600), jobs())
def test_without_slack_one_domain_takes_exactly_the_least_time(
    delay_ms: int, work: list[Job]
) -> None:
    """The bound is tight: a crawl of one domain through one proxy that never idles meets it."""
    domain = [job for job in work if job.domain == "h0"]
    crawl = PoliteCrawl(delay_ns=delay_ms * MS, proxies=1, slack_ns=[0])
    log = crawl.run(domain)
    verdict = judge(log, rules_of(crawl, log))
    assert verdict.least_time_ns == verdict.actual_ns
    assert verdict.utilisation == 1.0
