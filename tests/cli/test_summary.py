"""The account at the end: what was stored, what failed and why, how to go on."""

import io

from rich.console import Console

from scraper_cpn.scrape.account.report import FailureGroup, Level, Summary
from scraper_cpn.scrape.colours import KINDS, Failure, Target
from scraper_cpn.show.summary import show_summary

S = 10**9


def failure(url: str, reason: str, attempt: int = 1) -> Failure:
    """Return a failed attempt."""
    target = Target(url=url, domain="a", origin="a", site="a", requested_url=url, attempt=attempt)
    return Failure(target=target, kind="timeout", reason=reason)


def shown(summary: Summary, *, output: str = "-", retry: str | None = None) -> list[str]:
    """Return the lines of a summary at 80 columns."""
    console = Console(file=io.StringIO(), width=80, highlight=False)
    show_summary(console, summary, output=output, retry=retry)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_crawl_that_went_well() -> None:
    """Two lines say all there is to say."""
    summary = Summary(ended="finished", pages=1, items=2, bytes=8200, elapsed_ns=2 * S)
    assert shown(summary, output="x.csv") == [
        "finished after 0:02",
        "1 page (0.5/s, 8.2 kB), 2 items in x.csv",
    ]


def test_what_was_left_out() -> None:
    """Pages that had too much are counted with examples, and so are links that were not followed."""
    examples = ("https://a.example/: 5 more links; --max-links follows 10",)
    summary = Summary(ended="finished", cut=2, cut_examples=examples, not_followed=1_200)
    assert shown(summary)[2:] == [
        "2 pages had parts left out:",
        "         https://a.example/: 5 more links; --max-links follows 10",
        "1,200 links not followed: out of scope, filtered out or too deep",
    ]


def test_cookies_that_were_not_kept() -> None:
    """Each reason has its line, behind the sessions that ended."""
    summary = Summary(
        ended="finished",
        sessions_given_up=2,
        cookies_dropped={"for another site": 1, "too large": 1_200},
    )
    assert shown(summary)[2:] == [
        "2 sessions given up after errors",
        "1 cookie not kept: for another site",
        "1,200 cookies not kept: too large",
    ]


def test_levels_that_wait() -> None:
    """Each has its line, unless there is one alone."""
    levels = (Level(0, 1_200, 5 * S), Level(7, 3, 3_600 * S))
    lines = shown(Summary(ended="spent", left=1_203, levels=levels))
    assert lines[-3:] == [
        "1,203 URLs found but not fetched",
        "  1,200  of priority 0, the oldest found 0:05 ago",
        "      3  of priority 7, the oldest found 1:00:00 ago",
    ]
    assert shown(Summary(ended="spent", left=1_203, levels=levels[:1]))[-1] == lines[-3]


def test_a_crawl_with_failures() -> None:
    """Failures are counted by kind, with what the kind means, examples, and the retry."""
    summary = Summary(
        ended="spent",
        reason="--max-pages 500 is reached",
        pages=500,
        items=490,
        failed=4,
        skipped=12,
        bytes=12_345_678,
        elapsed_ns=125 * S,
        left=8123,
        failures=(
            FailureGroup(
                "timeout",
                3,
                KINDS["timeout"],
                (failure("https://a.example/x", "no answer in 30s", attempt=3),),
            ),
            FailureGroup("robots", 12, KINDS["robots"]),
        ),
        seeds_failed=("https://b.example/",),
    )
    assert shown(summary, retry="scrape -i failed.jsonl") == [
        "stopped at a limit after 2:05: --max-pages 500 is reached",
        "500 pages (4.0/s, 12.3 MB), 490 items to standard output",
        "4 URLs failed, 12 skipped:",
        "      3  timeout: no complete answer in time",
        "         https://a.example/x  no answer in 30s (attempt 3)",
        "         ... and 2 more",
        "     12  robots: robots.txt forbids the URL",
        "seed failed: https://b.example/",
        "8,123 URLs found but not fetched",
        "retry what failed:",
        "  scrape -i failed.jsonl",
    ]


def test_the_command_and_urls_are_not_broken() -> None:
    """What will be copied stays on one line, however long it is."""
    command = "scrape -i failed.jsonl " + "--allow /some/pattern " * 10
    url = "https://a.example/" + "x" * 200
    group = FailureGroup("timeout", 1, KINDS["timeout"], (failure(url, "r"),))
    lines = shown(Summary(ended="finished", failed=1, failures=(group,)), retry=command.strip())
    assert f"  {command.strip()}" in lines
    assert f"         {url}  r" in lines


def test_a_page_cannot_write_into_the_summary() -> None:
    """A URL or reason with line ends, escapes or markup stays text on its line."""
    group = FailureGroup("http", 1, KINDS["http"], (failure("u\nfinished", "\x1b[2J[red]r"),))
    (line,) = [
        text for text in shown(Summary(ended="finished", failures=(group,))) if "[red]" in text
    ]
    assert line == "         u\N{REPLACEMENT CHARACTER}finished  \N{REPLACEMENT CHARACTER}[2J[red]r"


def test_the_summary_always_says_how_the_crawl_ended() -> None:
    """Each way to end has words of its own."""
    firsts = {shown(Summary(ended=ended))[0] for ended in ("finished", "spent", "interrupted")}
    assert firsts == {
        "finished after less than 0.1 s",
        "stopped at a limit after less than 0.1 s",
        "interrupted after less than 0.1 s",
    }
    stuck = Summary(ended="stuck", reason="no proxy is left")
    assert shown(stuck)[0] == "stuck after less than 0.1 s: no proxy is left"


def test_many_failed_seeds_are_cut_short() -> None:
    """Thousands of seeds that failed do not flood the screen; the rest is counted."""
    seeds = tuple(f"https://h{number}.example/" for number in range(25))
    lines = shown(Summary(ended="finished", seeds_failed=seeds))
    assert sum(line.startswith("seed failed: https") for line in lines) == 20
    assert any("5 more" in line for line in lines)
