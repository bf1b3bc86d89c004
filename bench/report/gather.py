"""Gathering the data of a report, measured now or read from files.

Owns: where each comes from. Must not know: what the report says of it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from bench.crawl import CrawlReport
from bench.crawl import read as read_crawls
from bench.decisions.results import Report
from bench.decisions.results import read as read_decisions
from bench.peers import results
from bench.peers.__main__ import crawls
from bench.report.code import spider
from bench.report.code.classify import NONE, parts_of, the_classes
from bench.report.code.functions import Measured
from bench.report.sections.features import Feature, the_features
from bench.report.sections.size import Code
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings

DECISIONS = results.KEPT.with_name("decisions.json")
CRAWLS = results.KEPT.with_name("crawl.json")


class Data(Struct, frozen=True, kw_only=True):
    """The data of a report."""

    code: Code
    features: tuple[Feature, ...]
    crawls: results.SavedResults | None
    fresh: frozenset[tuple[str, str]]
    """Scenarios and crawlers of the crawls that were run for this report."""
    repeated: CrawlReport | None
    decisions: Report | None


def gather(*, crawl: bool, say: Callable[[str], None], kept: Path = results.KEPT) -> Data:
    """Measure the code, run the crawls if asked to, and read everything else.

    Raises:
        ClassesError: functions and their classification differ.
        ValueError: a file of results is none.
    """
    new = crawls((), say) if crawl else []
    before = results.read(kept)
    return Data(
        code=the_code(),
        features=the_features(),
        crawls=results.with_new(before, new) if new else before,
        fresh=frozenset((each.scenario, each.subject) for each in new),
        repeated=read_crawls(CRAWLS) if CRAWLS.is_file() else None,
        decisions=read_decisions(DECISIONS) if DECISIONS.is_file() else None,
    )


def the_code() -> Code:
    """The code as it is now, and what is kept of spider's. Cost: about two seconds."""
    classes = the_classes()
    net = ScrapeNet(Policy(Settings()))
    return Code(
        parts=tuple(parts_of(classes)),
        spider=spider.kept(),
        places=len(net.places),
        concerns={name: text for name, text in classes.concerns.items() if name != NONE},
    )


def functions_csv(code: Code) -> str:
    """Every function that counts, with its figures."""
    file = StringIO()
    lines = csv.writer(file, lineterminator="\n")
    figures = [name for name in Measured.__struct_fields__ if name not in {"writes", "primitives"}]
    lines.writerow(["part", "concern", *figures, "written fields", "primitives"])
    lines.writerows(_rows(code, figures))
    return file.getvalue()


def _rows(code: Code, figures: list[str]) -> Iterator[list[object]]:
    found = [(part.name, row.concern, row.function) for part in code.parts for row in part.rows]
    for row in code.spider.rows:
        for name in spider.SETS:
            counted = row.counted(name)
            if counted is not None:
                found.append((f"spider {name}", row.function.concern, counted))
    for part, concern, function in found:
        given = asdict(function)
        writes = " ".join(function.writes or ())
        primitives = " ".join(f"{kind}:{count}" for kind, count in function.primitives.items())
        yield [part, concern, *(given[name] for name in figures), writes, primitives]
