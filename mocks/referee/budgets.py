"""G7: pages, depth and time stay within their budgets.

Owns: what a page is for `max_pages`: any 2xx answer sent in full, robots.txt left out.
Must not know: pacing, proxies. Bytes and the budgets of one host are not judged.
"""

from collections.abc import Iterator, Sequence

from mocks.referee.expect import MILLISECOND, NEVER, Expectations, Seen, Violation
from mocks.referee.robots import RobotsBook


def pages_of(seen: Sequence[Seen], book: RobotsBook) -> list[Seen]:
    """The pages that were fetched with success and not lost, by their end."""
    kept = [item for item in seen if item.request.fetched and item.forgotten_ns == NEVER]
    pages = [item for item in kept if not book.origins(item)]
    return sorted(pages, key=lambda item: item.end_ns)


def judge_budgets(
    seen: Sequence[Seen], rules: Expectations, book: RobotsBook
) -> Iterator[Violation]:
    """The violations of G7."""
    if rules.max_pages is not None:
        for number, item in enumerate(pages_of(seen, book)[rules.max_pages :], rules.max_pages + 1):
            message = f"{item.request.url}: page {number}; {rules.max_pages} are allowed"
            yield Violation("G7", "pages", message, (item.line,))
    for item in seen:
        yield from _depth(item, rules)
        yield from _time(item, seen[0].start_ns, rules)


def _depth(item: Seen, rules: Expectations) -> Iterator[Violation]:
    depth = rules.depths.get(item.request.url, 0)
    if rules.max_depth is not None and depth > rules.max_depth:
        message = f"{item.request.url}: depth {depth}; {rules.max_depth} is allowed"
        yield Violation("G7", "depth", message, (item.line,))


def _time(item: Seen, first_ns: int, rules: Expectations) -> Iterator[Violation]:
    if rules.max_time_ns is None:
        return
    late_ns = item.start_ns - first_ns - rules.max_time_ns
    if late_ns > rules.tolerance_ns:
        message = f"{item.request.url}: started {late_ns / MILLISECOND:.1f} ms after the deadline"
        yield Violation("G7", "time", message, (item.line,))
