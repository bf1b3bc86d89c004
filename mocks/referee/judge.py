"""Judging a log: every guarantee in turn.

Owns: the order of judgement.
Must not know: any rule.
"""

from collections.abc import Iterable

from mocks.referee.budgets import judge_budgets, pages_of
from mocks.referee.deaths import cut
from mocks.referee.expect import Expectations, Verdict, Violation
from mocks.referee.hosts import judge_addresses, judge_hosts
from mocks.referee.keys import in_order
from mocks.referee.least import least_time
from mocks.referee.pacing import Pacing
from mocks.referee.proxies import judge_proxies
from mocks.referee.robots import RobotsBook
from mocks.referee.urls import judge_missing, judge_repeats, judge_robots
from mocks.wirelog import Request


def judge(log: Iterable[Request], rules: Expectations) -> Verdict:
    """The verdict on a *log* for the guarantees G2, G3, G4, G5, G7 and G8.

    Args:
        log: requests of one crawl in any order; violations name them by their position.
        rules: the limits that the crawl was given.

    Cost: O(n log n) in the number of requests; 100,000 take about two seconds.
    """
    seen = cut(in_order(log, rules.limit_by), rules.deaths)
    book = RobotsBook(seen)
    pacing = Pacing(seen, rules, book)
    violations = [
        *pacing.violations(),
        *judge_hosts(seen, rules),
        *judge_addresses(seen, rules),
        *judge_proxies(seen, rules),
        *judge_repeats(seen, rules, book),
        *judge_missing(seen, rules),
        *judge_budgets(seen, rules, book),
        *judge_robots(seen, rules, book),
    ]
    least_ns, bound = least_time(seen, rules, pacing, book)
    return Verdict(
        requests=len(seen),
        pages=len({item.request.url for item in pages_of(seen, book)}),
        violations=tuple(sorted(violations, key=_place)),
        least_time_ns=least_ns,
        actual_ns=max(s.end_ns for s in seen) - seen[0].start_ns if seen else 0,
        bound=bound,
        tolerance_ns=rules.tolerance_ns,
        reaction_ns=pacing.reaction_ns,
    )


def _place(violation: Violation) -> tuple[str, tuple[int, ...]]:
    return violation.guarantee, violation.lines[-1:]
