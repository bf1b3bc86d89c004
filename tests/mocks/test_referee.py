"""The referee finds each kind of violation where it was planted, and nothing where none was."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

import mocks.referee
from mocks.referee import Expectations, ProxyRule, judge
from mocks.wirelog import Request
from tests.mocks.logs import MS, S, made

ROBOTS = {"robots": "User-agent: *\nDisallow: /private/\n"}
SLOW = {"robots": "User-agent: *\nCrawl-delay: 0.5\n"}
BUSY = {"status": 429, "hold_ns": S}
MISSING = {"status": 404}
A, B = "http://a.example", "http://b.example"

CLEAN = [
    made(0, f"{A}/robots.txt", **ROBOTS),
    made(20, f"{B}/robots.txt", **SLOW),
    made(200, f"{A}/", proxy="p1"),
    made(400, f"{A}/1", proxy="p1", **BUSY),
    made(520, f"{B}/"),
    made(1020, f"{B}/1", status=302, location="/2"),
    made(1410, f"{A}/2"),
    made(1520, f"{B}/2", status=0, fate="dropped"),
    made(1610, f"{A}/1"),
    made(2020, f"{B}/2", status=404),
]
RULES = Expectations(
    delay_ns=200 * MS,
    max_pages=6,
    max_depth=1,
    max_time_ns=2100 * MS,
    depths={f"{A}/": 0, f"{A}/1": 1, f"{A}/2": 1, f"{A}/deep": 2, f"{A}/missing": 1},
    pages=(f"{A}/", f"{B}/", f"{A}/1", f"{A}/2"),
    per_domain=1,
    proxy=ProxyRule(quota=12, not_before_ns=0, not_after_ns=3000 * MS),
)

PLANTED: dict[str, tuple[str, list[Request], dict[str, object]]] = {
    "a page too early": ("G2 gap", [made(1700, f"{A}/3")], {}),
    "a page too early after robots.txt": ("G2 gap", [made(100, f"{A}/3")], {}),
    "a redirect's hop too early": ("G2 gap", [made(1100, f"{B}/3")], {}),
    "a retry too early": ("G2 gap", [made(1700, f"{A}/3", status=500)], {}),
    "within Crawl-delay": ("G2 gap", [made(2270, f"{B}/3", **MISSING)], {"max_time_ns": None}),
    "a site's own delay": ("G2 gap", [], {"site_delays": {"a.example": 201 * MS + 2 * MS}}),
    "a host's own delay": ("G2 gap of a host or address", [], {"host_delay_ns": 203 * MS}),
    "an address's own delay": (
        "G2 gap of a host or address",
        [
            made(2050, "http://d.example/robots.txt", address="192.0.2.1"),
            made(2090, "http://e.example/robots.txt", address="192.0.2.1"),
        ],
        {"address_delay_ns": 200 * MS},
    ),
    "two at a time to an address": (
        "G2 at a time to a host or address",
        [
            made(2050, "http://d.example/robots.txt", lasts_ms=250, address="192.0.2.1"),
            made(2090, "http://e.example/robots.txt", proxy="p1", address="192.0.2.1"),
        ],
        {"per_address": 1},
    ),
    "two at a time to a host": (
        "G2 at a time to a host or address",
        [made(1810, f"{A}/3", lasts_ms=250, proxy="p1"), made(2050, f"{A}/4")],
        {"per_host": 1, "per_domain": None},
    ),
    "lost too often": ("G5 lost attempts", [], {"lost": {f"{A}/robots.txt": 4}}),
    "before Retry-After": ("G2 hold", [made(1100, f"{A}/3")], {}),
    "before Retry-After of the URL": (
        "G2 hold",
        [made(1000, f"{A}/1", status=500)],
        {"hold": "url"},
    ),
    "before a back-off": (
        "G2 hold",
        [made(1830, f"{A}/3", status=503), made(2070, f"{A}/4")],
        {"backoff_ns": S},
    ),
    "two at a time": (
        "G2 at a time",
        [made(1810, f"{A}/3", lasts_ms=250, proxy="p1"), made(2050, f"{A}/4")],
        {},
    ),
    "a proxy beyond its slots": (
        "G3 slots",
        [made(205, "http://c.example/", proxy="p1")],
        {"robots": "ignore"},
    ),
    "a proxy too often": ("G3 delay", [], {"proxy": ProxyRule(delay_ns=205 * MS)}),
    "a proxy beyond its quota": ("G3 quota", [], {"proxy": ProxyRule(quota=7)}),
    "a proxy before its lease": ("G3 lease", [], {"proxy": ProxyRule(not_before_ns=10 * MS)}),
    "a proxy after its lease": ("G3 lease", [], {"proxy": ProxyRule(not_after_ns=2025 * MS)}),
    "a URL in flight twice": (
        "G4 in flight twice",
        [
            made(1820, f"{A}/3", lasts_ms=240, status=500, proxy="p2"),
            made(2040, f"{A}/3", proxy="p1", status=500),
        ],
        {"per_domain": None},
    ),
    "a page fetched again": ("G4 fetched again", [made(1820, f"{A}/2")], {}),
    "a redirect fetched again": (
        "G4 fetched again",
        [made(2530, f"{B}/1", status=302, location="/2")],
        {"max_time_ns": None},
    ),
    "robots.txt fetched again": ("G4 fetched again", [made(1820, f"{A}/robots.txt", **ROBOTS)], {}),
    "an attempt too many": (
        "G5 attempts",
        [made(2530, f"{B}/2", status=500), made(3030, f"{B}/2", status=500)],
        {"max_time_ns": None, "proxy": ProxyRule()},
    ),
    "a page that is missing": ("G5 missing", [], {"pages": (f"{A}/missing",)}),
    "a page that only half arrived": (
        "G5 missing",
        [made(1820, f"{A}/3", fate="dropped")],
        {"pages": (f"{A}/3",)},
    ),
    "a page too many": ("G7 pages", [], {"max_pages": 3}),
    "a page too deep": ("G7 depth", [made(1820, f"{A}/deep")], {}),
    "a start after the deadline": ("G7 time", [made(2520, f"{B}/3", **MISSING)], {}),
    "a disallowed page": ("G8 disallowed", [made(1820, f"{A}/private/1")], {}),
    "a page before robots.txt": ("G8 before robots.txt", [made(1820, "http://c.example/")], {}),
    "a page while robots.txt is asked": (
        "G8 before robots.txt",
        [
            made(1820, "http://c.example/robots.txt", lasts_ms=230, proxy="p2", **ROBOTS),
            made(2030, "http://c.example/", proxy="p1"),
        ],
        {"per_domain": None},
    ),
    "a page of another port": ("G8 before robots.txt", [made(1820, f"{A}:8080/")], {}),
    "a page where robots.txt is out of order": (
        "G8 disallowed",
        [
            made(1820, "http://c.example/robots.txt", status=500),
            made(2040, "http://c.example/"),
        ],
        {},
    ),
}


def kinds(log: list[Request], rules: Expectations) -> list[str]:
    return [f"{v.guarantee} {v.kind}" for v in judge(log, rules).violations]


def test_a_clean_log_has_no_violation() -> None:
    """A polite log passes with every rule switched on."""
    assert kinds(CLEAN, RULES) == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_found_and_nothing_else(name: str) -> None:
    """Each fault makes its own kind of violation and no other, wherever it stands in the log."""
    kind, more, changes = PLANTED[name]
    rules = replace(RULES, **changes)
    assert set(kinds([*CLEAN, *more], rules)) == {kind}
    assert set(kinds([*more, *CLEAN], rules)) == {kind}


@pytest.mark.parametrize("name", [name for name, (_, more, _) in PLANTED.items() if more])
def test_a_violation_names_the_request_at_fault(name: str) -> None:
    """The last line of the violation is that of a planted request, or of one that it harms."""
    _, more, changes = PLANTED[name]
    log = [*CLEAN, *more]
    [violation] = judge(log, replace(RULES, **changes)).violations[-1:]
    assert not violation.lines or set(violation.lines) & set(range(len(CLEAN), len(log)))
    assert violation.lines or violation.kind == "missing"


def test_every_kind_is_planted() -> None:
    """No kind of violation that the referee's source names is without a plant."""
    folder = Path(mocks.referee.__file__).parent
    source = "".join(path.read_text() for path in sorted(folder.glob("*.py")))
    named = {" ".join(found) for found in re.findall(r'Violation\("(G\d)", "([^"]+)"', source)}
    assert named == {kind for kind, _, _ in PLANTED.values()}


@pytest.mark.parametrize(
    ("early_ms", "found"), [(0, []), (1.9, []), (2.1, ["G2 gap"])], ids=["on time", "in", "out"]
)
def test_the_tolerance_is_what_it_says(early_ms: float, found: list[str]) -> None:
    """A gap may be shorter by the tolerance, and not by more."""
    log = [made(0, f"{A}/1"), made(200 - early_ms, f"{A}/2")]
    assert kinds(log, Expectations(delay_ns=200 * MS, robots="ignore")) == found


def test_an_answer_counts_after_the_time_to_react() -> None:
    """A hold binds what starts later than the reaction time; at once with one request at a time."""
    busy = made(0, f"{A}/1", **BUSY)
    for start_ms, found in ((19, []), (21, ["G2 hold"])):
        log = [busy, made(start_ms, f"{A}/2", proxy="p1")]
        assert kinds(log, Expectations(delay_ns=0, robots="ignore")) == found
        one = Expectations(delay_ns=0, robots="ignore", per_domain=1)
        assert kinds(log, one) == ["G2 hold"]


def test_a_url_hold_leaves_the_domain_alone() -> None:
    """With `hold="url"` other URLs of the domain may go on; with `none` all may."""
    log = [made(0, f"{A}/1", **BUSY), made(200, f"{A}/2"), made(400, f"{A}/1")]
    rules = Expectations(delay_ns=200 * MS, robots="ignore")
    assert kinds(log, rules) == ["G2 hold", "G2 hold"]
    assert kinds(log, replace(rules, hold="url")) == ["G2 hold"]
    assert kinds(log, replace(rules, hold="none")) == []


def test_the_longest_hold_counts() -> None:
    """A later, shorter Retry-After does not end an earlier, longer one."""
    log = [
        made(0, f"{A}/1", status=503, hold_ns=5 * S),
        made(5, f"{A}/2", proxy="p1", **BUSY),
        made(2000, f"{A}/3"),
    ]
    [violation] = judge(log, Expectations(delay_ns=0, robots="ignore")).violations
    assert violation.lines == (0, 2)


def test_subdomains_share_a_pacing_domain_unless_hosts_are_limited() -> None:
    """Registrable domains come from the public suffix list; addresses stand for themselves."""
    rules = Expectations(delay_ns=S, robots="ignore")
    together = [made(0, "http://w0.h.example/"), made(500, "http://w1.h.example/")]
    assert kinds(together, rules) == ["G2 gap"]
    assert kinds(together, replace(rules, limit_by="host")) == []
    for one, two in [("a.co.uk", "b.co.uk"), ("10.0.0.1", "10.1.0.1"), ("[::1]", "[::2]")]:
        assert kinds([made(0, f"http://{one}/"), made(500, f"http://{two}/")], rules) == []


def test_what_a_proxy_refused_never_reached_the_domain() -> None:
    """A 407 counts for the proxy and the attempts, not for pacing or robots.txt."""
    log = [made(k * 20, f"{A}/", status=407, origin=False) for k in range(4)]
    assert kinds(log, Expectations()) == ["G5 attempts"]


def test_requests_without_a_proxy_have_the_rule_of_direct() -> None:
    """Without a rule any number may run at a time."""
    log = [made(k, f"http://h{k}.example/", proxy="direct") for k in range(3)]
    rules = Expectations(robots="ignore")
    assert kinds(log, rules) == []
    assert kinds(log, replace(rules, proxies={"direct": ProxyRule(slots=2)})) == ["G3 slots"]


def test_robots_txt_is_followed_through_redirects() -> None:
    """The rules at the end of a redirect hold for the origin that was asked for (RFC 9309)."""
    log = [
        made(0, f"{A}/robots.txt", status=301, location=f"{B}/rules"),
        made(100, f"{B}/rules", **ROBOTS),
        made(1000, f"{A}/ok"),
        made(2000, f"{A}/private/1"),
    ]
    assert kinds(log, Expectations()) == ["G8 disallowed"]


def test_a_robots_txt_may_be_fetched_once_for_each_origin() -> None:
    """Two origins that share a file may each ask for it, and no more often."""
    log = [
        made(0, f"{A}/robots.txt", status=301, location=f"{B}/robots.txt"),
        made(100, f"{B}/robots.txt", **ROBOTS),
        made(1100, f"{B}/robots.txt", **ROBOTS),
    ]
    assert kinds(log, Expectations()) == []
    again = made(2100, f"{B}/robots.txt", **ROBOTS)
    assert kinds([*log, again], Expectations()) == ["G4 fetched again"]


def test_a_loop_of_robots_txt_ends() -> None:
    """After five redirects there are no rules (section 2.3.1.2), so that pages may be fetched."""
    loop = [
        made(
            k * 1000,
            f"{A}/robots.txt?{k}" if k else f"{A}/robots.txt",
            status=302,
            location=f"/robots.txt?{k + 1}",
        )
        for k in range(6)
    ]
    page = made(6000, f"{A}/private/1")
    assert kinds([*loop, page], Expectations()) == []
    assert kinds([*loop[:5], page], Expectations()) == ["G8 before robots.txt"]


@pytest.mark.parametrize(("status", "found"), [(404, []), (403, []), (503, ["G8 disallowed"])])
def test_what_the_status_of_robots_txt_means(status: int, found: list[str]) -> None:
    """4xx allows all (section 2.3.1.3), 5xx nothing (2.3.1.4)."""
    log = [made(0, f"{A}/robots.txt", status=status), made(1000, f"{A}/private/1")]
    assert kinds(log, Expectations()) == found


def test_an_unreachable_robots_txt_may_be_reached_later() -> None:
    """The latest answer counts."""
    log = [
        made(0, f"{A}/robots.txt", status=0, fate="dropped"),
        made(1000, f"{A}/robots.txt", **ROBOTS),
        made(2000, f"{A}/ok"),
    ]
    assert kinds(log, Expectations()) == []


def test_rules_are_those_for_the_user_agent() -> None:
    """A group for another crawler does not bind this one."""
    robots = "User-agent: other\nDisallow: /\n\nUser-agent: *\nDisallow: /x\n"
    log = [made(0, f"{A}/robots.txt", robots=robots), made(1000, f"{A}/ok"), made(2000, f"{A}/x")]
    assert kinds(log, Expectations()) == ["G8 disallowed"]


def test_the_order_of_the_log_changes_nothing() -> None:
    """Violations name requests by their place in the log as it was given."""
    log = [made(500, f"{A}/2"), made(0, f"{A}/1")]
    [violation] = judge(log, Expectations(robots="ignore")).violations
    assert violation.lines == (1, 0)


def test_the_verdict_counts_and_says_what_it_could_not_see() -> None:
    """Requests, pages, tolerance, and that G6 does not show on the wire."""
    verdict = judge(CLEAN, RULES)
    assert (verdict.requests, verdict.pages, verdict.actual_ns) == (10, 4, 2030 * MS)
    assert (verdict.tolerance_ns, verdict.reaction_ns) == (2 * MS, 0)
    assert "G6" in verdict.not_judged
    assert judge([], RULES).utilisation == 1.0


def test_a_connect_is_judged_as_a_request_to_its_host() -> None:
    """A tunnel's target has no scheme; it must not upset the referee."""
    log = [made(0, "h.example:443", method="CONNECT", status=501, origin=False)]
    assert kinds(log, Expectations()) == []


LEAST: dict[str, tuple[list[Request], dict[str, object], int, str]] = {
    "nothing": ([], {}, 0, "nothing"),
    "gaps, and the last one's duration": (
        [made(0, f"{A}/1"), made(500, f"{A}/2"), made(900, f"{A}/3", lasts_ms=30)],
        {},
        430,
        "a.example",
    ),
    "a hold instead of a gap": (
        [made(0, f"{A}/1", **BUSY), made(3000, f"{A}/1"), made(4000, f"{A}/2")],
        {},
        10 + 1000 + 200 + 10,
        "a.example",
    ),
    "Crawl-delay once it is known": (
        [made(0, f"{A}/robots.txt", **SLOW), made(900, f"{A}/1"), made(1900, f"{A}/2")],
        {},
        500 + 500 + 10,
        "a.example",
    ),
    "no Crawl-delay when robots.txt is ignored": (
        [made(0, f"{A}/robots.txt", **SLOW), made(900, f"{A}/1"), made(1900, f"{A}/2")],
        {"robots": "ignore"},
        200 + 200 + 10,
        "a.example",
    ),
    "robots.txt before its pages": (
        [made(0, f"{A}/robots.txt", lasts_ms=700, **ROBOTS), made(800, f"{A}/1")],
        {},
        700 + 10,
        "a.example",
    ),
    "a URL after itself": (
        [made(0, f"{A}/1", lasts_ms=300, status=500), made(800, f"{A}/1")],
        {},
        300 + 10,
        "a.example",
    ),
    "one at a time": (
        [made(0, f"{A}/1", lasts_ms=300), made(800, f"{A}/2")],
        {"per_domain": 1},
        300 + 10,
        "a.example",
    ),
    "the slowest domain": (
        [made(0, f"{A}/1"), made(20, f"{B}/1"), made(500, f"{B}/2")],
        {},
        210,
        "b.example",
    ),
    "work of few proxies": (
        [made(k * 400, f"http://h{k}.example/", lasts_ms=300) for k in range(4)],
        {"proxies": {"p0": ProxyRule(slots=2), "p9": ProxyRule()}},
        400,
        "the proxies",
    ),
}


@pytest.mark.parametrize("name", LEAST)
def test_the_least_time_is_what_the_rules_allow(name: str) -> None:
    """Each part of the bound, worked out by hand."""
    log, changes, least_ms, bound = LEAST[name]
    rules = replace(Expectations(delay_ns=200 * MS), **changes)
    verdict = judge(log, rules)
    assert (verdict.least_time_ns, verdict.bound) == (least_ms * MS, bound)
