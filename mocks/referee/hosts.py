"""G2 for hosts and IP addresses: requests to one start its delay apart, and only so many run at a time.

Owns: the limits of a host and of an address, which hold beside those of the pacing domain.
Must not know: those of domains.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from mocks.referee.expect import MILLISECOND, Expectations, Seen, Violation
from mocks.referee.keys import pacing_domain
from mocks.referee.overlap import crowded


def judge_hosts(seen: Sequence[Seen], rules: Expectations) -> Iterator[Violation]:
    """The violations of the limits of a host; every request that reached the origin counts."""
    delay_ns, most = rules.host_delay_ns, rules.per_host
    yield from _judge("host", seen, rules, _host, delay_ns, most)


def judge_addresses(seen: Sequence[Seen], rules: Expectations) -> Iterator[Violation]:
    """As `judge_hosts`, for IP addresses, as far as the log knows them."""
    delay_ns, most = rules.address_delay_ns, rules.per_address
    yield from _judge("address", seen, rules, lambda item: item.request.address, delay_ns, most)


def _host(item: Seen) -> str:
    return pacing_domain(item.origin, "host")


def _judge(
    what: str,
    seen: Sequence[Seen],
    rules: Expectations,
    key: Callable[[Seen], str],
    delay_ns: int,
    most: int | None,
) -> Iterator[Violation]:
    together: defaultdict[str, list[Seen]] = defaultdict(list)
    for item in seen:
        if item.request.origin and (name := key(item)):
            together[name].append(item)
    for name, items in together.items():
        for before, item in pairwise(items):
            gap_ns = item.start_ns - before.start_ns
            if gap_ns < delay_ns - rules.tolerance_ns:
                message = (
                    f"{what} {name}: started {gap_ns / MILLISECOND:.1f} ms after the request before it; "
                    f"{delay_ns / MILLISECOND:.1f} ms were due"
                )
                yield Violation("G2", "gap of a host or address", message, (before.line, item.line))
        if most is not None:
            for crowd in crowded(items, most, rules.tolerance_ns):
                message = f"{what} {name}: {len(crowd)} requests at a time; {most} are allowed"
                lines = tuple(each.line for each in crowd)
                yield Violation("G2", "at a time to a host or address", message, lines)
