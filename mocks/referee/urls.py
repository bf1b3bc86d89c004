"""G4, G5 and G8: what may be asked of one URL, how often, and whether all pages were fetched.

Owns: the history of each URL.
Must not know: domains, proxies.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from mocks.referee.expect import MILLISECOND, NEVER, Expectations, Seen, Violation
from mocks.referee.robots import RobotsBook


def judge_repeats(
    seen: Sequence[Seen], rules: Expectations, book: RobotsBook
) -> Iterator[Violation]:
    """The violations of G4 and of the cap in G5.

    A complete 2xx or 3xx is success. A robots.txt that several origins were redirected to may
    be fetched once for each of them.
    """
    urls: defaultdict[str, list[Seen]] = defaultdict(list)
    for item in seen:
        urls[item.request.url].append(item)
    for url, items in urls.items():
        wanted, lost = max(1, len(book.origins(items[0]))), rules.lost.get(url, 0)
        yield from _in_flight_twice(url, items, rules.tolerance_ns)
        yield from _fetched_again(url, items, wanted + lost)
        yield from _attempts(url, items, wanted, rules)


def judge_missing(seen: Iterable[Seen], rules: Expectations) -> Iterator[Violation]:
    """The pages that should have been fetched and were not (G5)."""
    fetched = {item.request.url for item in seen if item.request.fetched}
    for url in rules.pages or ():
        if url not in fetched:
            yield Violation("G5", "missing", f"{url}: reachable, and never fetched with success")


def judge_robots(
    seen: Sequence[Seen], rules: Expectations, book: RobotsBook
) -> Iterator[Violation]:
    """The violations of G8: requests that robots.txt forbids, or that came before its answer."""
    if rules.robots == "ignore":
        return
    for item in seen:
        if not item.request.origin or book.origins(item):
            continue
        answer = book.known(item.origin, item.start_ns)
        url, agent = item.request.url, item.request.user_agent
        if answer is None:
            message = f"{url}: fetched before the robots.txt of {item.origin} was answered"
            yield Violation("G8", "before robots.txt", message, (item.line,))
        elif not answer.allows(url, agent):
            yield Violation("G8", "disallowed", f"{url}: robots.txt disallows it", (item.line,))


def _attempts(url: str, items: list[Seen], wanted: int, rules: Expectations) -> Iterator[Violation]:
    """The attempts beyond the cap; those that were lost with their process have a cap of their own."""
    gone = [item for item in items if item.cut or item.forgotten_ns != NEVER]
    lost, kept = len(gone) + rules.lost.get(url, 0), len(items) - len(gone)
    most, losses = rules.attempts * wanted, rules.losses * wanted
    for item in items[len(items) - max(0, kept - rules.lost.get(url, 0) - most) :]:
        yield Violation("G5", "attempts", f"{url}: more than {most} attempts", (item.line,))
    if lost > losses:
        message = f"{url}: {lost} attempts were lost; {losses} are allowed"
        yield Violation("G5", "lost attempts", message, (items[-1].line,))


def _in_flight_twice(url: str, items: list[Seen], tolerance_ns: int) -> Iterator[Violation]:
    last = items[0]
    for item in items[1:]:
        overlap_ns = last.end_ns - item.start_ns
        if overlap_ns > tolerance_ns:
            message = f"{url}: requested {overlap_ns / MILLISECOND:.1f} ms before it was answered"
            yield Violation("G4", "in flight twice", message, (last.line, item.line))
        last = max(last, item, key=lambda s: s.end_ns)


def _fetched_again(url: str, items: list[Seen], wanted: int) -> Iterator[Violation]:
    done: list[Seen] = []
    for item in items:
        ended = [other for other in done if other.end_ns <= item.start_ns < other.forgotten_ns]
        if len(ended) >= wanted:
            message = f"{url}: requested again after it had been answered with success"
            yield Violation("G4", "fetched again", message, (ended[-1].line, item.line))
        if item.request.fate == "complete" and 200 <= item.request.status < 400:
            done.append(item)
