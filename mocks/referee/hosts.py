"""G2 for hosts: requests to one host start its delay apart, and only so many run at a time.

Owns: the limits of a host, which hold beside those of its pacing domain.
Must not know: those of domains.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mocks.referee.expect import MILLISECOND, Expectations, Seen, Violation
from mocks.referee.keys import pacing_domain
from mocks.referee.overlap import crowded


def judge_hosts(seen: Sequence[Seen], rules: Expectations) -> Iterator[Violation]:
    """The violations of the limits of a host; every request that reached the origin counts."""
    hosts: defaultdict[str, list[Seen]] = defaultdict(list)
    for item in seen:
        if item.request.origin:
            hosts[pacing_domain(item.origin, "host")].append(item)
    for host, items in hosts.items():
        for before, item in pairwise(items):
            gap_ns = item.start_ns - before.start_ns
            if gap_ns < rules.host_delay_ns - rules.tolerance_ns:
                message = (
                    f"host {host}: started {gap_ns / MILLISECOND:.1f} ms after the request before it; "
                    f"{rules.host_delay_ns / MILLISECOND:.1f} ms were due"
                )
                yield Violation("G2", "gap of a host", message, (before.line, item.line))
        if rules.per_host is not None:
            for crowd in crowded(items, rules.per_host, rules.tolerance_ns):
                message = (
                    f"host {host}: {len(crowd)} requests at a time; {rules.per_host} are allowed"
                )
                lines = tuple(each.line for each in crowd)
                yield Violation("G2", "at a time to a host", message, lines)
