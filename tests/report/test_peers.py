"""Crawls by other programs: scenarios, processes, what is kept of them."""

import json
import sys
from pathlib import Path

import pytest

from bench.peers import results
from bench.peers.run import _options, crawl
from bench.peers.scenarios import SCENARIOS, SECOND, Scenario
from bench.peers.subjects import SUBJECTS, Subject, environment_of
from mocks.options import parser, spec_of
from scraper_cpn.simulate.web import WebSpec
from tests.report.data import a_crawl, a_kept

HASTY = """
import json, sys, urllib.request
task = json.load(sys.stdin)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": task["proxies"][0]}))
for page in ("robots.txt", "", "p/1"):
    opener.open(task["seeds"][0] + page).read()
print("noise")
print(json.dumps({"program": "hasty 1.0", "settings": {"delay": 0}, "received": 2}))
"""
USUAL = [each for each in SCENARIOS if not each.named]
SMALL = Scenario(
    name="small",
    about="1 host of 3 pages.",
    web=WebSpec(hosts=1, pages=3, links_out=0, robots=("allow",)),
    delay_ns=SECOND,
)


def _subject(folder: Path, source: str) -> Subject:
    program = folder / "crawler.py"
    program.write_text(source)
    return Subject(name="hasty", command=(sys.executable, str(program)), needs=program)


def test_the_server_is_asked_for_the_web_of_the_scenario() -> None:
    """The options of the server's command, parsed again, give the scenario's web in every field."""
    for scenario in SCENARIOS:
        args = parser().parse_args(["serve", *_options(scenario)])
        assert spec_of(args) == scenario.web


def test_every_page_of_a_scenario_can_be_fetched_within_its_attempts() -> None:
    """Only robots.txt may close pages; none fails so often that a correct crawler would miss it."""
    for scenario in USUAL:
        whole = scenario.web.hosts * scenario.web.pages
        closed = scenario.web.robots.count("disallow") * scenario.web.pages
        assert whole - closed <= len(scenario.reachable()) <= whole


def test_a_task_has_the_limits_that_the_referee_judges_by() -> None:
    """In delay, attempts, budget and a proxy's slots nothing is judged that was not asked for."""
    for scenario in USUAL:
        task, rules = scenario.task([], []), scenario.expectations()
        assert task["delay_s"] * SECOND == rules.delay_ns
        assert task["retries"] + 1 == rules.attempts
        assert task["max_pages"] == rules.max_pages
        assert rules.proxy.slots in {None, task["per_proxy"]}


def test_proxies_of_this_machine_are_not_for_the_synthetic_web(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Proxy variables in either case don't reach a crawler; its own variables do."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    spider = next(each for each in SUBJECTS if each.name == "spider")
    environment = environment_of(spider)
    assert not [name for name in environment if name.lower().endswith("_proxy")]
    assert environment["LINKS_VISITED_MEMORY_LIMIT"] == "100000000"


@pytest.mark.slow
def test_a_crawler_is_measured_and_judged(tmp_path: Path) -> None:
    """Three requests without the delay of 1 s and one page left out: each is counted by its rule.

    What the crawler prints before its result does not disturb.
    """
    found = crawl(SMALL, _subject(tmp_path, HASTY))
    assert (found.program, found.settings, found.received) == ("hasty 1.0", {"delay": 0}, 2)
    assert (found.pages, found.reachable, found.requests, found.ended) == (2, 3, 3, True)
    assert found.violations == {"G2 gap": 2, "G5 missing": 1}
    assert "1000.0 ms were due" in found.examples["G2 gap"]
    assert found.cpu_s > 0
    assert found.rss_bytes > 2**20


@pytest.mark.slow
def test_a_crawler_that_fails_counts_as_far_as_it_came(tmp_path: Path) -> None:
    """With exit code 3 it did not end, and what it says of itself is void; the log still counts."""
    found = crawl(SMALL, _subject(tmp_path, HASTY + "sys.exit(3)\n"))
    assert (found.ended, found.program, found.received, found.pages) == (False, "hasty", None, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["net", "baseline"])
def test_our_own_crawlers_fetch_and_hand_on_every_page(name: str) -> None:
    """Of 2 hosts of 5 pages all 10 come to the consumer, and the referee finds no violation."""
    subject = next(each for each in SUBJECTS if each.name == name)
    scenario = Scenario(name="small", about="", web=WebSpec(hosts=2, pages=5, links_out=0))
    found = crawl(scenario, subject)
    assert (found.pages, found.received, found.ended) == (10, 10, True)
    assert found.violations == {}


def test_a_new_result_replaces_that_of_the_same_crawl_and_leaves_the_others(tmp_path: Path) -> None:
    """Only scenario and crawler say which crawl it is; the others and the loops are read back."""
    before = a_kept(a_crawl(cpu_s=9), a_crawl("spider"), a_crawl(scenario="proxies"))
    path = tmp_path / "deeper" / "kept.json"
    results.write(results.with_new(before, [a_crawl(cpu_s=3)]), path)
    after = results.read(path)
    assert after is not None
    assert [(each.scenario, each.subject) for each in after.crawls] == [
        ("speed", "net"),
        ("speed", "spider"),
        ("proxies", "net"),
    ]
    assert after.crawls[0].cpu_s == 3
    assert after.loops == before.loops


def test_nothing_kept_is_none(tmp_path: Path) -> None:
    """Without a file of results there is no error, so that a first report can be made."""
    assert results.read(tmp_path / "kept.json") is None


def test_the_kept_results_are_of_scenarios_and_crawlers_that_are_there() -> None:
    """No row of the report is of a scenario that is gone, and no crawler is without a result."""
    kept = results.read()
    assert kept is not None
    assert {each.scenario for each in kept.crawls} <= {each.name for each in SCENARIOS}
    assert {each.subject for each in kept.crawls} == {each.name for each in SUBJECTS}
    assert json.dumps([each.settings for each in kept.crawls])
