"""Whole crawls on loopback, measured in small sizes. No test looks at how long anything took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench import alone, crawl, profile, sampled, web
from bench.__main__ import main
from bench.crawl import CrawlReport
from bench.decisions.subjects import NET_NATIVE
from bench.profile import Profile
from bench.web import Web
from mocks.wirelog import Request

SECOND = 10**9
SMALL = Web(hosts=2, pages=4, delay_ns=SECOND // 100, per_domain=1, proxies=1, per_proxy=4)


def request(url: str, start_ns: int) -> Request:
    return Request(url=url, start_ns=start_ns, end_ns=start_ns + 1, status=200)


def test_jitter_counts_from_the_due_time() -> None:
    """A request is due one pause, with its margin, after the one before it; the first two are not."""
    a = [request("http://a/1", at) for at in (0, 500, 2 * SECOND, 2 * SECOND + SECOND)]
    b = [request("http://b/1", at) for at in (0, 7, 7 + SECOND + 5_000_000)]
    assert crawl.jitter([*reversed(a), *b], SECOND) == [-5_000_000, 0, SECOND - 5_000_500]


def test_without_a_pace_nothing_is_late() -> None:
    """Where no pause was asked for there is no due time."""
    assert crawl.jitter([request("http://a/1", at) for at in (0, 1, 2)], 0) == []


def test_percentiles_are_values() -> None:
    """Of a hundred values the 99th percentile is the last but none, and one value is all of them."""
    assert crawl.percentile(range(100), 0.5) == 50
    assert crawl.percentile(range(100), 0.99) == 99
    assert crawl.percentile([7], 0.99) == 7


@pytest.mark.parametrize("subject", ["net", "baseline"])
def test_a_crawl_is_measured(subject: str) -> None:
    """All pages are fetched by both subjects, without a violation, and everything has a figure."""
    found = crawl.crawled(SMALL, subject, "aiohttp")
    assert (found.pages, found.violations) == (8, 0)
    assert len(found.jitter_ns) == 2 * (4 + 1 - crawl.FIRST)
    assert min(found.cpu_s, found.wall_s, found.utilisation, found.peak_bytes) > 0
    names = [figure.name for figure in crawl.figures([found])]
    assert [name.partition(": ")[2] for name in names] == [
        "pages",
        "pages by CPU",
        "memory, peak",
        "violations",
        "start jitter, p50",
        "start jitter, p99",
        "polite utilisation",
    ]


@pytest.mark.parametrize("fetcher", web.FETCHERS)
def test_a_client_and_a_parser_alone(fetcher: str) -> None:
    """They fetch every page once, with no robots.txt, and have the figures that a crawl has."""
    found = crawl.parsed_alone(SMALL, fetcher)
    assert found.pages == SMALL.all_pages
    assert min(found.cpu_s, found.wall_s, found.peak_bytes) > 0
    names = [figure.name for figure in crawl.figures([found])]
    assert names == [
        f"client and parser alone, {fetcher}: {name}"
        for name in ("pages", "pages by CPU", "memory, peak")
    ]


def test_alone_they_parse() -> None:
    """What the pages link to is found, without a look at what it is."""
    assert alone.links(b"<a href=/x>x</a><a>y</a><a href='http://z/'>") == ["/x", None, "http://z/"]


@pytest.mark.parametrize("fetcher", web.FETCHERS)
def test_alone_a_failure_is_the_end(fetcher: str, tmp_path: Path) -> None:
    """A page that can't be fetched is no page that was fetched cheaply."""
    more = msgspec.structs.replace(SMALL, pages=SMALL.pages + 1)
    with (
        web.serving(SMALL, tmp_path / "log") as where,
        pytest.raises(RuntimeError, match=r"bench\.alone ended with 1: (.|\n)*404"),
    ):
        web.run(web.alone(more, fetcher, where))


def test_a_crawl_that_fails_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command prints when it fails is said, and nothing is measured."""
    monkeypatch.setitem(web.SUBJECTS, "net", ("json.tool",))
    with pytest.raises(RuntimeError, match=r"json\.tool ended with 2: usage"):
        crawl.crawled(SMALL, "net", "aiohttp")


@pytest.mark.parametrize("fetcher", web.FETCHERS)
def test_a_crawl_has_its_parts(fetcher: str) -> None:
    """The CPU time of a page is shown by part, for both clients; the parts make up all of it."""
    found = profile.profiled(SMALL, "net", fetcher)
    assert set(found.us) <= {*sampled.PARTS, sampled.START, sampled.THREADS}
    assert found.us[sampled.START] > 0
    assert list(found.us.values()) == sorted(found.us.values(), reverse=True)
    first = profile.figures([found])[0]
    assert (first.name, first.values) == (f"net, {fetcher}: all", (sum(found.us.values()),))


def test_a_sampled_crawl_that_fails_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """As without samples."""
    monkeypatch.setitem(web.SUBJECTS, "net", ("json.tool",))
    with pytest.raises(RuntimeError, match=r"ended with 2: usage"):
        profile.profiled(SMALL, "net", "aiohttp")


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("<net scrape 0f>", "decisions"),
        ("/x/scraper_cpn/net/compiled/runtime/lines.py", "decisions"),
        ("/x/baseline/lanes.py", "decisions"),
        ("/x/baseline/shell.py", "shell"),
        ("/x/scraper_cpn/run/tasks.py", "shell"),
        ("/x/scraper_cpn/scrape/fetch/client_aiohttp.py", "client"),
        ("/lib/python3.11/asyncio/selector_events.py", "client"),
        ("/lib/python3.11/asyncio/base_events.py", "event loop"),
        ("/x/scraper_cpn/scrape/items/outputs/jsonl.py", "checking, keeping"),
        ("/x/scraper_cpn/scrape/pages/parse.py", "parsing"),
        ("/x/scraper_cpn/scrape/policy.py", None),
    ],
)
def test_a_file_belongs_to_a_part(file: str, part: str | None) -> None:
    """What several parts call, such as the policy, belongs to who calls it."""
    assert sampled.part_of(file) == part


@pytest.mark.parametrize("machine_code", [True, False])
def test_the_command_writes_what_it_prints(
    machine_code: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Subjects and fetchers take turns, as often as asked; the file has what `--json` prints.

    Machine code is left out where it can't be built, and where frames are distinguished.
    """

    def made(web: Web, subject: str, fetcher: str) -> Any:
        return crawl.Crawled(
            web=web.name,
            subject=subject,
            fetcher=fetcher,
            pages=8,
            wall_s=2.0,
            cpu_s=1.0,
            peak_bytes=10**6,
            jitter_ns=(),
            utilisation=1.0,
            violations=0,
        )

    def sampled_as(web: Web, subject: str, fetcher: str) -> Profile:
        return Profile(web=web.name, subject=subject, fetcher=fetcher, us={"parsing": 90.0})

    def alone_as(web: Web, fetcher: str) -> Any:
        return crawl.Cost(
            web=web.name, fetcher=fetcher, pages=8, wall_s=1.0, cpu_s=0.5, peak_bytes=10**6
        )

    monkeypatch.setattr(crawl, "crawled", made)
    monkeypatch.setattr(crawl, "parsed_alone", alone_as)
    monkeypatch.setattr(crawl, "works_here", lambda: machine_code)
    monkeypatch.setattr(profile, "profiled", sampled_as)
    out = tmp_path / "new" / "crawl.json"
    given = ["crawl", "--quick", "--fetcher", "aiohttp", "--rounds", "2"]
    main([*given, "--out", str(out), "--json"])
    report = msgspec.json.decode(out.read_bytes(), type=CrawlReport)
    assert msgspec.json.decode(capsys.readouterr().out, type=CrawlReport) == report
    subjects = [name for name in web.SUBJECTS if machine_code or name != NET_NATIVE]
    assert [each.subject for each in report.crawls] == subjects * 2 * len(web.BRIEF)
    assert [each.web for each in report.alone] == [web.BRIEF[0].name] * 2
    assert [each.subject for each in report.profiles] == ["net", "baseline"]
    main(given)
    printed = capsys.readouterr().out
    assert "4 pages/s" in printed
    assert "client and parser alone, aiohttp: pages by CPU" in printed
    assert "net, aiohttp: parsing" in printed


def test_a_mistake_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown fetcher is refused before anything is crawled."""
    with pytest.raises(SystemExit) as ended:
        main(["crawl", "--fetcher", "curl"])
    assert ended.value.code == 2
    assert "invalid choice: 'curl'" in capsys.readouterr().err
