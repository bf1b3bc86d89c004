"""Size and complexity: the amount, difficulty and purpose of coordination code.

Owns: these tables and plots. Must not know: how anything was counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from bench.report.code.classify import Part
from bench.report.code.functions import Measured, Total, total
from bench.report.code.spider import SETS, SourceMeasure
from bench.report.document import Bar, Listed, Plot, Section, Table, Text, number

SIZE = ("", "functions", "lines", "tokens", "awaits", "primitives", "written fields")
COMPLEXITY = (
    "",
    "cyclomatic, sum",
    "per function",
    "highest",
    "over 15",
    "cognitive, sum",
    "highest",
    "deepest nesting",
)
MOST = 5
"""Functions of each subject that are shown by name."""


class Code(Struct, frozen=True, kw_only=True):
    """All code that is compared."""

    parts: tuple[Part, ...]
    spider: SourceMeasure
    places: int
    """Places, counters and sets of the net: its state."""
    concerns: dict[str, str]

    def sums(self, subject: str, layer: str, *, shared: bool) -> Total:
        """The sums of a subject's parts; *shared* with others, or its own."""
        return total(
            row.function
            for part in self._of(subject, layer)
            if (len(part.subjects) > 1) == shared
            for row in part.rows
        )

    def all(self, subject: str, *layers: str) -> Total:
        """The sums of a subject's layers, what it shares included."""
        return total(
            row.function for layer in layers for p in self._of(subject, layer) for row in p.rows
        )

    def lines(self, subject: str, *, shared: bool) -> dict[str, int]:
        """Lines of policy by concern."""
        counts: Counter[str] = Counter()
        for part in self._of(subject, "policy"):
            if (len(part.subjects) > 1) == shared:
                counts.update(part.lines)
        return dict(counts)

    def _of(self, subject: str, layer: str) -> Iterator[Part]:
        return (each for each in self.parts if subject in each.subjects and each.layer == layer)


def size(code: Code) -> Section:
    """The section."""
    return Section(
        "Size and complexity",
        (
            Text(
                "Coordination code is what decides whether, when, where and through which resource a "
                "URL is requested, retried, delayed, dropped or handed on, and what keeps the state "
                "for that. `bench/report/code/coordination.md` has the definition, the sets of "
                "spider's functions and what the columns mean. An engine would serve another program "
                "as it is; for the scheduler by hand and for spider that part is asyncio and tokio, "
                "which are not counted. The net's is our own, so that it is counted, by itself and in "
                "the total."
            ),
            _plot(code, "lines"),
            _plot(code, "tokens"),
            Listed(tuple(f"spider {name}: {what}" for name, what in SETS.items())),
            Table("Size", SIZE, tuple((name, *_size(sums)) for name, sums in _sums(code))),
            Table(
                "Complexity (a dash: not measured)",
                COMPLEXITY,
                tuple((name, *_complexity(sums)) for name, sums in _sums(code)),
            ),
            Text(
                f"The net's state is in its {code.places} places, counters and sets, beside the fields "
                "that its engine writes. spider's lines are Rust: tokens compare better than lines. "
                "Its cognitive complexity and its written fields were not measured."
            ),
            Table(
                "Lines of coordination by concern (spider: set S1; the engine is left out)",
                ("concern", "the net", "shared decisions", "by hand", "spider S1"),
                tuple(_concerns(code)),
            ),
            Table(
                f"The {MOST} functions of each with the highest cyclomatic complexity",
                ("function", "of", "lines", "cyclomatic", "cognitive", "nesting"),
                tuple(_hardest(code)),
            ),
        ),
    )


def _sums(code: Code) -> Iterator[tuple[str, Total]]:
    yield "shared decisions", _shared(code)
    yield "the net: policy", code.sums("net", "policy", shared=False)
    yield "the net: policy with shared", code.all("net", "policy")
    yield "the net: engine", code.all("net", "engine")
    yield "**the net: total**", code.all("net", "policy", "engine")
    yield "by hand: policy", code.sums("baseline", "policy", shared=False)
    yield "**by hand: total**", code.all("baseline", "policy", "engine")
    for name in SETS:
        yield f"spider {name}", code.spider.total(name)


def _shared(code: Code) -> Total:
    return code.sums("net", "policy", shared=True)


def _size(sums: Total) -> Iterator[str]:
    primitives = sum(sums.primitives.values())
    figures = (sums.functions, sums.nloc, sums.tokens, sums.awaits, primitives, sums.writes)
    return (number(each) for each in figures)


def _complexity(sums: Total) -> Iterator[str]:
    yield number(sums.ccn)
    yield number(sums.ccn / sums.functions, 1)
    yield from (number(each) for each in (sums.ccn_max, sums.hard))
    yield from (number(each) for each in (sums.cognitive, sums.cognitive_max, sums.nesting_max))


def _plot(code: Code, what: str) -> Plot:
    name = "nloc" if what == "lines" else what
    shared = getattr(_shared(code), name)
    bars = [
        _bar(
            "the net",
            getattr(code.sums("net", "policy", shared=False), name),
            shared,
            getattr(code.all("net", "engine"), name),
        ),
        _bar("by hand", getattr(code.sums("baseline", "policy", shared=False), name), shared, 0),
    ]
    bars += [
        _bar(f"spider {each}", getattr(code.spider.total(each), name), 0, 0)
        for each in ("S0", "S1", "A")
    ]
    caption = f"{what.capitalize()} of coordination code"
    return Plot(
        f"size-{what}", caption, ("own policy", "shared decisions", "own engine"), tuple(bars)
    )


def _bar(name: str, own: int, shared: int, engine: int) -> Bar:
    parts = [f"{each:,}" for each in (own, shared, engine) if each]
    whole = f" = {own + shared + engine:,}" if len(parts) > 1 else ""
    return Bar(name, (own, shared, engine), " + ".join(parts) + whole)


def _concerns(code: Code) -> Iterator[tuple[str, ...]]:
    net, by_hand = code.lines("net", shared=False), code.lines("baseline", shared=False)
    shared = code.lines("net", shared=True)
    for name, meaning in code.concerns.items():
        spider = code.spider.total("S1", name).nloc
        lines = (net.get(name, 0), shared.get(name, 0), by_hand.get(name, 0), spider)
        if any(lines):
            yield (f"{name}: {meaning}", *(number(each) for each in lines))


def _hardest(code: Code) -> Iterator[tuple[str, ...]]:
    parts = {part.name: [row.function for row in part.rows] for part in code.parts}
    spider = [row.compiled for row in code.spider.rows if "S1" in row.function.sets]
    parts["spider S1"] = [each for each in spider if each is not None]
    for name, functions in parts.items():
        for each in _most(functions):
            figures = (each.nloc, each.ccn, each.cognitive, each.nesting)
            yield (f"`{each.name}`", name, *(number(figure) for figure in figures))


def _most(functions: Sequence[Measured]) -> list[Measured]:
    return sorted(functions, key=lambda each: (-each.ccn, -each.nloc, each.name))[:MOST]
