"""The verdicts of the referee on the requests of each crawler.

Owns: the table of a scenario's verdicts. Must not know: how crawls are run or judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.peers.results import SavedResults
from bench.peers.run import Crawl
from bench.peers.scenarios import SCENARIOS, Scenario
from bench.report.document import Block, Listed, Section, Table, Text, number

RULES = {
    "G2 gap": "too early",
    "G2 hold": "during a hold",
    "G3": "beyond a proxy's limits",
    "G4": "fetched again",
    "G5 attempts": "too many attempts",
    "G5 missing": "pages missing",
    "G7": "over budget",
    "G8": "against robots.txt",
}
"""Columns: the guarantee or its rule, and what its violations are."""


def correctness(results: SavedResults | None, fresh: frozenset[tuple[str, str]]) -> Section:
    """The section; *fresh* names the crawls that were run for this report."""
    if results is None:
        return Section("Correctness on the wire", (Text("Not measured here."),))
    blocks: list[Block] = [
        Text(
            "Every crawler was given the same pages and limits; the server's log was judged by the "
            "same referee (`mocks/referee`). A number counts requests that broke a rule, or pages; 0 "
            "is in order. 2 ms of jitter and 10 ms to act on an answer are allowed. Where a crawler "
            "has no option for a limit, it breaks it because it has no such option."
        ),
        Text(where(results, fresh)),
    ]
    in_order: list[str] = []
    for scenario in SCENARIOS:
        crawls = [each for each in results.crawls if each.scenario == scenario.name]
        if all(map(_in_order, crawls)):
            in_order += [scenario.name] if crawls else []
        else:
            blocks += _verdicts(scenario, crawls, fresh)
    if in_order:
        blocks.append(
            Text(
                "All crawlers fetched all pages in order, and their consumers got them, in these "
                f"scenarios: {', '.join(in_order)}."
            )
        )
    return Section("Correctness on the wire", tuple(blocks))


def where(results: SavedResults, fresh: frozenset[tuple[str, str]]) -> str:
    """Which crawls were run now, which are kept ones, and where each was."""
    kept = [each for each in results.crawls if (each.scenario, each.subject) not in fresh]
    now = [each for each in results.crawls if (each.scenario, each.subject) in fresh]
    said = f"{len(now)} of these crawls were run for this report{_places(now)}."
    if kept:
        said += f" {len(kept)} are **kept** results{_places(kept)}; they are marked."
    return said


def _places(crawls: Sequence[Crawl]) -> str:
    """When and where crawls were run, by which commits."""
    found: dict[str, list[str]] = {}
    for each in crawls:
        machine, at, commit = each.machine.rpartition(" at ")
        commits = found.setdefault(f"{each.date} on {machine}{at}", [])
        if commit not in commits:
            commits.append(commit)
    places = (place + ", ".join(commits) for place, commits in found.items())
    return f" ({'; '.join(places)})" if found else ""


def marked(crawl: Crawl, fresh: frozenset[tuple[str, str]]) -> str:
    """A crawler's name, and whether its result is a kept one, and cut short."""
    marks = [] if (crawl.scenario, crawl.subject) in fresh else ["kept"]
    marks += [] if crawl.ended else ["did not end"]
    return crawl.program + (f" ({', '.join(marks)})" if marks else "")


def _verdicts(
    scenario: Scenario, crawls: Sequence[Crawl], fresh: frozenset[tuple[str, str]]
) -> Iterator[Block]:
    """A table with the rules that some crawler broke; the others in a line."""
    broken = [rule for rule in RULES if any(_times(each, rule) for each in crawls)]
    head = ("", *(RULES[rule] for rule in broken), "pages", "of", "items received")
    rows = tuple((marked(each, fresh), *_row(each, broken)) for each in crawls)
    yield Table(f"{scenario.name.capitalize()}: {scenario.about}", head, rows)
    kept = [words for rule, words in RULES.items() if rule not in broken]
    yield Listed((f"0 for all: {', '.join(kept)}", *_examples(crawls)))


def _row(crawl: Crawl, rules: Sequence[str]) -> Iterator[str]:
    yield from (number(_times(crawl, rule)) for rule in rules)
    yield from (number(crawl.pages), number(crawl.reachable), number(crawl.received))


def _times(crawl: Crawl, rule: str) -> int:
    return sum(count for name, count in crawl.violations.items() if name.startswith(rule))


def _examples(crawls: Sequence[Crawl]) -> Iterator[str]:
    for crawl in crawls:
        for rule, message in crawl.examples.items():
            which = "at worst" if rule.startswith("G2") else "such as"
            yield f"{crawl.program}, {rule}, {crawl.violations[rule]:,} times, {which}: {message}"


def _in_order(crawl: Crawl) -> bool:
    return not crawl.violations and crawl.reachable == crawl.pages == crawl.received and crawl.ended
