"""The figures in which the net is worse, and the threats to their validity.

Owns: the rules that find losses, and the list of threats. Must not know: how anything was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bench.peers.results import SavedResults
from bench.peers.run import Crawl
from bench.peers.scenarios import SCENARIOS
from bench.report.document import Listed, Section, Text
from bench.report.sections.size import Code

NET = "net"
"""With its default HTTP client; the names of its other ones begin with this."""
NOISE = 1.05
"""A smaller ratio of two times, in one run each, is not called a difference."""

FLAT = (
    "A flat scheduler, written by hand in one closure of 375 lines without the structure of `baseline/`, "
    "made the same requests in two thirds of the net's time. It was measured once, and is not part of this "
    "repository; `baseline/` is therefore not the fastest opponent that an expert can write."
)
"""What no result in a file says."""

THREATS = (
    (
        "The net, the scheduler by hand, the referee and this report have the same authors. The scheduler by "
        "hand shares the net's policy, colours, effects and HTTP client, so that it differs from it in "
        "coordination alone; another author might have written a shorter or faster one."
    ),
    (
        "The definition of coordination code is ours. It was written with spider's figures, before the "
        "net was counted, and is applied function by function; a reader may draw the line elsewhere: "
        "`functions.csv` has every function with its figures."
    ),
    (
        "Rust and Python are not the same unit. Tokens and cyclomatic complexity compare better than lines; "
        "lizard leaves out `loop` and the arms of `select!`."
    ),
    (
        "spider does more than is compared here (browsers, hedged requests, other backends) and less of what is "
        "(see the features). It was built for throughput without delays; a crawl with delays is not what its "
        "authors measure."
    ),
    (
        "The list of features is ours, too: it asks for what our schedulers do, and knows of spider's others "
        "only in a few lines. A cost for a feature counts all features as equal."
    ),
    "Each peer was set up by people who read its documents, not by its authors. The settings are below.",
    (
        "One machine, loopback, a synthetic web: no TLS, no DNS, no loss of packets. The server takes CPU from "
        "the crawlers, more from the faster ones. Each crawl was run once; memory is the peak of the "
        "process. Where other programs were running, a request may reach the server late, and the next "
        "one then counts as early: the worst case beside each count tells a few milliseconds from a broken "
        "rule."
    ),
    (
        "With spider there is a `Website` for each host, which its delay needs; together they may have "
        "more requests at once than the limit says, never fewer than two each. Its memory has the channel that "
        "must hold every page for none to be lost."
    ),
)


def losses(code: Code, results: SavedResults | None) -> Section:
    """The section."""
    crawls = results.crawls if results is not None else ()
    return Section(
        "Losses",
        (
            Text(
                "Where another subject has the better number. Differences of times under "
                f"{100 * (NOISE - 1):.0f} % are left out."
            ),
            Listed((FLAT, *_size(code), *_crawls(crawls))),
        ),
    )


def threats(results: SavedResults | None) -> Section:
    """Threats to validity, and the settings of all crawlers in one scenario."""
    crawls = results.crawls if results is not None else ()
    settings = {each.program: each.settings for each in crawls if each.scenario == "speed"}
    said = tuple(f"{name}: `{given}`" for name, given in settings.items())
    shown = (Text("Settings, as each crawler says, in the scenario speed:"), Listed(said))
    return Section("Threats to validity", (Listed(THREATS), *(shown if said else ())))


def _size(code: Code) -> Iterator[str]:
    whole = code.all("net", "policy", "engine")
    others = {"the scheduler by hand": code.all("baseline", "policy", "engine")}
    others |= {f"spider {name}": code.spider.total(name) for name in ("S0", "S1", "A")}
    for name, sums in others.items():
        if sums.nloc < whole.nloc:
            yield (
                f"{name} has {sums.nloc:,} lines of coordination and {sums.tokens:,} tokens; the net with "
                f"its engine has {whole.nloc:,} and {whole.tokens:,}: {whole.tokens / sums.tokens:.1f} "
                "times the tokens."
            )


def _crawls(crawls: Sequence[Crawl]) -> Iterator[str]:
    for scenario in SCENARIOS:
        some = {each.subject: each for each in crawls if each.scenario == scenario.name}
        net = some.pop(NET, None)
        if net is not None:
            yield from _violations(net)
            for other in some.values():
                if not other.subject.startswith(NET):
                    yield from _slower(net, other)


def _violations(net: Crawl) -> Iterator[str]:
    for rule, count in net.violations.items():
        yield f"{net.scenario}: the net breaks {rule} {count} times, such as: {net.examples[rule]}"


_MEASURES: dict[str, Callable[[Crawl], float]] = {
    "s": lambda crawl: crawl.wall_s,
    "s of CPU": lambda crawl: crawl.cpu_s,
    "MiB": lambda crawl: crawl.rss_bytes / 2**20,
}


def _slower(net: Crawl, other: Crawl) -> Iterator[str]:
    but = _but(other)
    for unit, measure in _MEASURES.items():
        if measure(net) > NOISE * measure(other):
            ratio = measure(net) / measure(other)
            yield (
                f"{net.scenario}: {other.program} needs {measure(other):,.2f} {unit}, the net "
                f"{measure(net):,.2f}: {ratio:.1f} times as much.{but}"
            )


def _but(other: Crawl) -> str:
    """The remark on a better time."""
    broken = sum(other.violations.values())
    lost = 0 if other.received is None else other.pages - other.received
    rules = f" It broke rules {broken:,} times." if broken else ""
    return rules + (f" Its consumer did not get {lost:,} of the pages." if lost else "")
