"""What the commands on states say to people: in few columns, and whatever is in the state."""

from collections.abc import Iterable
from io import StringIO
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from scraper_cpn.scrape.account.report import Level
from scraper_cpn.scrape.colours import KINDS, Target
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.state.check import Audit
from scraper_cpn.scrape.state.explanation import Explanation, Wait
from scraper_cpn.scrape.state.status import Backlog, Failures, Resting, RunStatus, StateStatus
from scraper_cpn.show.accounts import check_lines, retry_lines
from scraper_cpn.show.explanation import explanation_lines
from scraper_cpn.show.state import status_lines
from scraper_cpn.show.words import SECOND, ahead, moment
from scraper_cpn.show.work import progress

NOW_NS = 1_700_000_000 * SECOND
EVIL = "\x1b[2Jhttp://a.example/\u202e\n"

RUN = RunStatus(
    run="main",
    created_ns=NOW_NS - 100 * SECOND,
    now_ns=NOW_NS,
    pid=None,
    ended=None,
    reason="",
    pages=12_345,
    items=12_300,
    attempts=13_000,
    bytes=123_456_789,
    elapsed_ns=100 * SECOND,
    stored=12_345,
    failed=1_234,
    retriable=1_000,
    skipped=567,
    failures=tuple(
        Failures(kind, max(1, 20 - number), meaning, f"http://a.example/{number}")
        for number, (kind, meaning) in enumerate(KINDS.items())
    ),
    waiting={"admission": 3, "robots.txt": 12, "their turn": 999_969, "a retry": 7},
    unread_lines=1_000,
    levels=(Level(-1, 7, 90 * SECOND), Level(12, 999_984, 7_200 * SECOND)),
    ageing_ns=600 * SECOND,
    in_flight=32,
    pipeline=5,
    set_aside=1,
    domains=12,
    backlog=(
        Backlog("a.example", 1_024, NOW_NS + 3_150_000_000),
        Backlog("long-name.b.example", 7, 0),
    ),
    recent=None,
    barred=(),
    resting=(Resting("http://10.0.0.1:8080", NOW_NS + 90 * SECOND, 2),),
    retired=("http://10.0.0.2:8080",),
    batches=1,
    journal_bytes=1_000,
)


def texts(lines: Iterable[Text]) -> list[str]:
    return [line.plain for line in lines]


def shown(run: RunStatus, *more: RunStatus) -> list[str]:
    return texts(status_lines(StateStatus("crawl.db", 1_000, 0, (run, *more))))


def test_status_of_all_that_there_is() -> None:
    """Each thing has its line, which a terminal of 80 columns has to break at most seldom."""
    lines = shown(RUN)
    for line in (
        "crawl.db  1.0 kB",
        "main  not running, and not finished",
        "begun     2023-11-14 22:11:40 UTC, has run for 1:40",
        "fetched   12,345 pages, 123.5/s, 123.5 MB",
        "kept      12,300 items of 12,345 pages",
        "ended     1,234 URLs failed (1,000 worth a retry), 567 skipped",
        "    20  http, such as http://a.example/0",
        "        the server answered with an error status",
        f"     1  lost: http://a.example/{len(KINDS) - 1}",
        "waiting   3 for admission, 12 for robots.txt, 999,969 for their turn, 7 for a retry",
        "under way 32 in flight, 5 in the pipeline",
        "journal   1 batch, 1.0 kB",
        "levels          7  of priority -1, the oldest found 1:30 ago",
        "          999,984  of priority 12, the oldest found 2:00:00 ago",
        "                   priority rises by one level for each 10:00 of waiting",
        "backlog     1,024  a.example            next one in 3.2 s",
        "                7  long-name.b.example  next one now",
        "                   ... and 10 more domains",
        "at rest   http://10.0.0.1:8080  ready in 1:30, after 2 faults of its own",
        "retired   http://10.0.0.2:8080",
    ):
        assert line in lines
    assert lines[-4:] == [
        "resume:",
        "  scrape resume crawl.db",
        "retry failed URLs:",
        "  scrape retry crawl.db",
    ]
    assert max(len(line) for line in lines) <= 83


def test_a_single_level_is_not_listed() -> None:
    """A crawl without priorities has the same level for all; without ageing it stays what it is."""
    assert not any(line.startswith("levels") for line in shown(replace(RUN, levels=RUN.levels[:1])))
    assert not any("one better" in line for line in shown(replace(RUN, ageing_ns=None)))


@pytest.mark.parametrize(
    ("more", "head"),
    [
        ({"pid": 42}, "main  running in process 42"),
        ({"ended": "finished"}, "main  finished"),
        (
            {"ended": "spent", "reason": "--max-time is over"},
            "main  stopped at a limit: --max-time is over",
        ),
        ({"ended": "interrupted"}, "main  interrupted"),
        ({"ended": "stuck", "reason": "why"}, "main  stuck: why"),
    ],
)
def test_how_a_crawl_stands(more: dict[str, Any], head: str) -> None:
    """In words; what is over or runs is not to be gone on with."""
    lines = shown(replace(RUN, **more))
    assert head in lines
    goes_on = "pid" not in more and more["ended"] != "finished"
    assert ("  scrape resume crawl.db" in lines) == goes_on


def test_several_crawls_are_named_in_commands() -> None:
    """As a shell wants it."""
    lines = shown(RUN, replace(RUN, run="it's two"))
    assert "  scrape resume crawl.db --run main" in lines
    assert """  scrape resume crawl.db --run 'it'"'"'s two'""" in lines


TARGET = Target(
    url="http://a.example/", domain="a.example", origin="http://a.example:80", site="a.example",
    requested_url="http://b.example/", parent="http://a.example/0", depth=2, attempt=3,
)  # fmt: skip
WHERE = Explanation(
    url="http://a.example/", run="main", now_ns=NOW_NS, pid=7, stands="waits", domain="a.example",
    target=TARGET,
)  # fmt: skip
NET = ScrapeNet(Policy(Settings(per_host=1)))
LACKS = {
    "domains": (5, "the pause of a.example: in 5.0 s"),
    "domain_slots": (None, "a request to a.example to end (--per-domain)"),
    "hosts": (5, "the pause of host a.example: in 5.0 s"),
    "host_slots": (None, "a request to host a.example to end (--per-host)"),
    "available_proxies": (1, "a proxy: in 1.0 s, at "),
    "permits": (None, "any request to end (--concurrency)"),
    "gate": (None, "the crawl to be resumed"),
    "budget": (None, "more pages: --max-pages is reached"),
    "robots": (None, "robots.txt of a.example"),
    "parsers": (None, "a page to be parsed"),
}


def wait_of(name: str, until_ns: int | None = None) -> Wait:
    """What a URL of a.example waits for at a place, in the words of its part."""
    place = NET.places[name]
    part = NET.part_of(place)
    assert part is not None
    wording = part.wording[place]
    needs = wording.tell("a.example", timed=until_ns is not None)
    return Wait("scrape_target", name, "a.example", needs, until_ns, wording.outlasts)


@pytest.mark.parametrize("place", LACKS)
def test_what_is_lacking_is_said(place: str) -> None:
    """In people's words, once, with the time where there is one."""
    seconds, text = LACKS[place]
    wait = wait_of(place, None if seconds is None else NOW_NS + seconds * SECOND)
    lines = texts(explanation_lines(replace(WHERE, waits=(wait, wait)), "crawl.db"))
    assert len([line for line in lines if line.strip().startswith(text)]) == 1


def test_a_robots_txt_that_is_being_fetched() -> None:
    """Its firing has it in its hands; the URL waits for the answer."""
    answer = "the answer to the request for its robots.txt"
    robots = (Wait("get_robots", "", "", answer, None, outlasts=False),)
    where = replace(WHERE, stands="asks", waits=(wait_of("robots"),), robots=robots)
    lines = texts(explanation_lines(where, "crawl.db"))
    assert lines[1:4] == [
        "waits for the robots.txt of its server",
        "  robots.txt of a.example",
        "  the answer to the request for its robots.txt",
    ]


def test_what_only_a_running_crawl_can_give_is_not_said_of_another() -> None:
    """A pause and robots.txt count; that others have the permits does not."""
    waits = (wait_of("permits"), wait_of("domains", NOW_NS + 1))
    lines = texts(explanation_lines(replace(WHERE, pid=None, waits=waits), "crawl.db"))
    assert not [line for line in lines if "--concurrency" in line]
    assert [line for line in lines if "the pause of a.example" in line]
    assert lines[-1] == "the crawl is not running; resume it: scrape resume crawl.db"


@pytest.mark.parametrize(
    "stands",
    [
        "found",
        "asks",
        "waits",
        "cools down",
        "pipeline",
        "failed once",
        "in flight",
        "set aside",
        "stored",
        "failed",
        "skipped",
        "unknown",
    ],
)
def test_each_way_to_stand_has_its_words(stands: str) -> None:
    """And nothing from the web steers the terminal, or makes a line of its own."""
    row = {"kind": "redirected", "reason": f"redirects to {EVIL}", "attempt": 1}
    target = replace(TARGET, parent=EVIL, requested_url=EVIL)
    where = replace(
        WHERE, url=EVIL, stands=stands, target=target, items=1, error=EVIL, since_ns=NOW_NS,
        attempts=(row,), kept_out=("scope", "filters", "robots"), again=True,
    )  # fmt: skip
    lines = texts(explanation_lines(where, "crawl.db"))
    assert len(lines) > 2
    assert not [line for line in lines for sign in "\x1b\n\u202e" if sign in line]


def test_status_is_not_steered_by_the_web() -> None:
    """Names and examples may hold anything."""
    lines = shown(
        replace(
            RUN,
            failures=(Failures("http", 2, "meaning", EVIL),),
            backlog=(Backlog(EVIL, 1, 0),),
            resting=(Resting(EVIL, 0, 0),),
            retired=(EVIL,),
            reason=EVIL,
        )
    )
    assert not [line for line in lines for sign in "\x1b\n\u202e" if sign in line]


def test_the_accounts_of_retry_and_check() -> None:
    """The most frequent kind first; what was checked, in numbers."""
    lines = texts(retry_lines({"dns": 1, "timeout": 1_200}, "scrape resume c.db"))
    assert lines[0] == "1,201 URLs put back:"
    assert [line.split(":")[0].split() for line in lines[1:3]] == [
        ["1,200", "timeout"],
        ["1", "dns"],
    ]
    assert lines[-1] == "  scrape resume c.db"
    audit = Audit(
        run="main", tokens=1_000_000, marking_hash="0" * 16, pages=1, failures=0, items=2, base=900,
        batches=12_345, firings=678_900,
    )  # fmt: skip
    lines = texts(check_lines("c.db", [audit], 2 * SECOND, 1_500))
    assert lines == [
        "c.db: a copy of 1.5 kB",
        "c.db is sound (checked in 0:02)",
        "  main: 1,000,000 tokens, 1 page, 2 items, 0 failed attempts",
        "  replayed to the same marking: 12,345 batches since batch 900, 678,900 firings",
    ]


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (-SECOND, "now"),
        (0, "now"),
        (1, "in 0.1 s"),
        (3_150_000_000, "in 3.2 s"),
        (60 * SECOND, "in 1:00"),
        (60 * SECOND + 1, "in 1:01"),
        (7_200 * SECOND, "in 2:00:00"),
    ],
)
def test_how_far_off(ns: int, text: str) -> None:
    """Rounded up: nobody comes too early."""
    assert ahead(ns) == text


def test_a_moment() -> None:
    """UTC, to the second."""
    assert moment(NOW_NS) == "2023-11-14 22:13:20 UTC"


def test_progress_is_for_terminals() -> None:
    """A bar there, which is wiped at the end; nothing in a file."""
    for terminal in (True, False):
        file = StringIO()
        console = Console(file=file, force_terminal=terminal, width=80)
        with progress(console) as message:
            message("items", 500, 1_000)
        assert ("500/1000" in file.getvalue()) == terminal
        if not terminal:
            assert file.getvalue() == ""
