"""The features of each subject, and the coordination code that they take.

Owns: the table of features, and what a feature costs. Must not know: how code is counted.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.report.document import Section, Table, Text, number
from bench.report.sections.size import Code

FEATURES = Path(__file__).parents[1] / "code" / "features.toml"


OPT_IN = "opt-in"
"""Says of a feature that the usual path, which is what is counted (of spider: S1), does not have its code."""


class Feature(Struct, frozen=True, forbid_unknown_fields=True):
    """A feature: `yes`, `no`, or what a subject does instead."""

    name: str
    concern: str
    net: str
    baseline: str
    spider: str
    counted: bool = True
    """Whether its code is among what is counted; else it is not among the features of the costs."""


class _Features(Struct, frozen=True):
    features: tuple[Feature, ...]


def the_features(path: Path = FEATURES) -> tuple[Feature, ...]:
    """All features."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Features).features


def features(code: Code, all_of_them: tuple[Feature, ...]) -> Section:
    """The section."""
    return Section(
        "Features",
        (
            Text(
                "Fewer lines may mean fewer features, so both are shown. Of spider the table says what "
                "was read in its source. The net and the scheduler by hand decide the same, but for "
                "what the net's engine adds. The code for going on after a crash is not counted, so that "
                "this feature is left out of the costs of features. So are those of ours that an option "
                "brings (opt-in): most of their code is in parts that are not counted. Cookies and HTTP/2 "
                "are no coordination (none)."
            ),
            Table(
                "Features",
                ("feature", "concern", "the net", "by hand", "spider 2.52.4"),
                tuple((f.name, f.concern, f.net, f.baseline, f.spider) for f in all_of_them),
            ),
            Table(
                "What is paid for a feature (lines; answers that begin with `yes` count)",
                ("", "features", "lines", "lines a feature"),
                tuple(_costs(code, all_of_them)),
            ),
        ),
    )


def _costs(code: Code, all_of_them: tuple[Feature, ...]) -> list[tuple[str, ...]]:
    counted = [f for f in all_of_them if f.counted]
    net = _always(f.net for f in counted)
    by_hand = _always(f.baseline for f in counted)
    spider = [f.spider for f in counted if f.spider.startswith("yes")]
    policy, whole = code.all("net", "policy"), code.all("net", "policy", "engine")
    return [
        _cost("the net: policy with shared decisions", net, policy.nloc),
        _cost("the net: total", net, whole.nloc),
        _cost("by hand: total", by_hand, code.all("baseline", "policy", "engine").nloc),
        _cost("spider S1", _always(spider), code.spider.total("S1").nloc),
        _cost("spider D (opt-in features included)", len(spider), code.spider.total("D").nloc),
    ]


def _always(answers: Iterable[str]) -> int:
    return sum(each.startswith("yes") and OPT_IN not in each for each in answers)


def _cost(name: str, count: int, lines: int) -> tuple[str, ...]:
    return name, number(count), number(lines), number(lines / count if count else None)
