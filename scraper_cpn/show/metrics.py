"""A crawl of many workers for machines and browsers: its metrics, and a page that shows how it is now.

Owns: the names of metrics, and the text format of Prometheus (version 0.0.4); the HTML of the page.
Must not know: how a status is read, HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape

from scraper_cpn.scrape.many.status import ManyStatus
from scraper_cpn.show.many import many_lines

METRICS_TYPE = "text/plain; version=0.0.4"
AGAIN_S = 2
"""How often the page is loaded again, in seconds."""


def metrics_text(status: ManyStatus) -> str:
    """The metrics of a crawl as Prometheus reads them."""
    return "".join(f"{line}\n" for line in _lines(status))


def live_page(status: ManyStatus) -> str:
    """The status as an HTML page that loads itself again until the crawl has ended."""
    again = f'<meta http-equiv="refresh" content="{AGAIN_S}">' if status.ended is None else ""
    text = "\n".join(line.plain for line in many_lines(status))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{again}<title>{escape(status.database)}</title>'
        f"<pre>{escape(text)}</pre></html>\n"
    )


def _lines(status: ManyStatus) -> Iterator[str]:
    for name, what in _COUNTED.items():
        yield from _metric(f"{name}_total", "counter", what, {"": getattr(status, name)})
    kinds = {each.kind: each.count for each in status.failures}
    yield from _metric("failures_total", "counter", "rows of the failed log", kinds, "kind")
    yield from _metric("waiting", "gauge", "URLs that wait", status.waiting, "for")
    backlog = {each.domain: each.urls for each in status.backlog}
    yield from _metric("backlog", "gauge", "URLs that wait, of the largest", backlog, "domain")
    yield from _metric("budget_left", "gauge", "units not drawn", status.budgets, "budget")
    working = {each.process: each.partitions for each in status.workers}
    yield from _metric("worker_partitions", "gauge", "partitions of a worker", working, "worker")
    seen = {each.process: each.seen_ns / 1e9 for each in status.workers}
    yield from _metric("worker_seen_seconds", "gauge", "since its last sign", seen, "worker")
    yield from _metric("partitions", "gauge", "partitions", {"": status.partitions})
    yield from _metric("partitions_idle", "gauge", "without work", {"": status.idle})
    yield from _metric("on_the_way", "gauge", "tokens between partitions", {"": status.on_the_way})
    yield from _metric("stopping", "gauge", "1 if it was stopped", {"": int(status.stopping)})
    running = int(status.ended is None)
    yield from _metric("running", "gauge", "1 until the crawl has ended", {"": running})


_COUNTED = {
    "pages": "pages fetched",
    "attempts": "requests for pages",
    "bytes": "bytes of pages, decompressed",
    "items": "items kept",
    "stored": "pages stored",
    "failed": "URLs that failed",
    "skipped": "URLs that were skipped",
}


def _metric(
    name: str, kind: str, what: str, values: Mapping[str, float], label: str = ""
) -> Iterable[str]:
    yield f"# HELP scrape_{name} {what}"
    yield f"# TYPE scrape_{name} {kind}"
    for value, number in values.items():
        labelled = f'{{{label}="{_escaped(value)}"}}' if label else ""
        yield f"scrape_{name}{labelled} {number}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
