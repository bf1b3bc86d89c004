"""The speeds of docs/performance.md are those of the files that the benchmark wrote."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench import crawl, performance_page
from bench.decisions import results
from bench.decisions.race import Result
from bench.decisions.results import EngineRun
from bench.decisions.subjects import BASELINE_NATIVE, NET_NATIVE
from bench.profile import Profile
from tests.bench.test_decisions import report_of, result_of


def test_the_page_has_what_was_measured() -> None:
    """Not one figure differs; after a new measurement `python -m bench page` writes them."""
    text = performance_page.PAGE.read_text(encoding="utf-8")
    assert (
        text.partition(performance_page.BEGIN)[2].partition(performance_page.END)[0]
        == performance_page.written()
    )


def test_what_is_kept_was_measured_of_equals() -> None:
    """In the kept results all subjects have made the same dispatches in every round."""
    report = results.read(performance_page.RESULTS / "decisions.json")
    assert report.races
    assert all(found.same for found in report.races)


def page_text(*races: Result, **more: object) -> str:
    report = msgspec.structs.replace(report_of(*races), **more)
    return "\n".join(performance_page.lines(report, crawl.CrawlReport(machine=report.machine)))


def test_it_says_where_the_net_loses() -> None:
    """Points where the net is slower are counted, and the worst are named."""
    faster, slower = result_of(2, 3, 4, 1), result_of(4, 3, 4, 1)
    assert "At no point" in page_text(faster)
    assert "loses at 1 of 2 points" in page_text(faster, slower)
    assert "0.75 with 30 targets" in page_text(faster, slower)
    assert "median 1.12, least 0.75" in page_text(faster, slower)


def test_machine_code_has_its_columns() -> None:
    """Its rates and ratios stand beside the others; of the scheduler by hand a line tells what it gains."""
    found = result_of(4, 3, 4, 1)
    native = {NET_NATIVE: found.runs["baseline heap"], BASELINE_NATIVE: found.runs["net"]}
    both = msgspec.structs.replace(found, runs={**found.runs, **native})
    text = page_text(both)
    assert "| 30 targets waiting | 250,000 | 250,000 | 333,333 | 0.75 | 0.75 |" in text
    assert "| median 0.75, least 0.75 | median 0.75, least 0.75 |" in text
    assert "through the same Cython has 0.75 of its own rate in the median (0.75 to 0.75)" in text
    assert "through the same Cython" not in page_text(found)


def test_no_ratio_is_shown_of_different_decisions() -> None:
    """Where dispatches differ there is no ratio."""
    assert "not the same dispatches" in page_text(result_of(2, 3, 4, 1, digests="abaa"))


def test_engines_are_shown_where_they_were_measured() -> None:
    """An engine that was not there is left out."""
    there = EngineRun(
        engine="X", version="1", targets=9, domains=3, proxies=1, decisions=10, cpu_s=2.0
    )
    absent = EngineRun(engine="Absent", version="", targets=0, domains=0, proxies=0)
    text = page_text(result_of(1, 1, 1, 1), engines=[there, absent])
    assert "the join alone in X 1, 9 targets, 3 domains | 5 |" in text
    assert "Absent" not in text


def test_the_cpu_of_a_page_is_shown_by_part() -> None:
    """A part that one subject has nothing of is 0 there; the sum is of each subject's own parts."""
    profiles = [
        Profile(web="a web", subject="net", fetcher="aiohttp", us={"parsing": 90.0, "client": 9.6}),
        Profile(web="a web", subject="baseline", fetcher="aiohttp", us={"parsing": 80.0}),
    ]
    report = report_of(result_of(1, 1, 1, 1))
    crawls = crawl.CrawlReport(machine=report.machine, profiles=profiles)
    lines = list(performance_page.lines(report, crawls))
    first = lines.index("| us of CPU a page, a web | the net, aiohttp | by hand, aiohttp |")
    assert lines[first + 1 : first + 6] == [
        "|---|---|---|",
        "| parsing | 90 | 80 |",
        "| client | 10 | 0 |",
        "| all | 100 | 80 |",
        "",
    ]


def test_only_what_is_between_the_marks_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The text around the figures stays."""
    path = tmp_path / "performance.md"
    path.write_text(f"before\n{performance_page.BEGIN}old\n{performance_page.END}after\n")
    monkeypatch.setattr(performance_page, "PAGE", path)
    performance_page.main()
    assert (
        path.read_text()
        == f"before\n{performance_page.BEGIN}{performance_page.written()}{performance_page.END}after\n"
    )
