"""G3: a proxy is used by at most its slots at a time, its delay apart, inside lease and quota.

Owns: the rule of each proxy.
Must not know: domains. Every request counts that reached the proxy, refused ones too.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mocks.referee.expect import MILLISECOND, Expectations, ProxyRule, Seen, Violation
from mocks.referee.overlap import crowded
from mocks.wirelog import DIRECT

_UNLIMITED = ProxyRule(slots=None)


def rule_of(proxy: str, rules: Expectations) -> ProxyRule:
    """The rule of a proxy; a request without a proxy has none unless one is given."""
    return rules.proxies.get(proxy, _UNLIMITED if proxy == DIRECT else rules.proxy)


def judge_proxies(seen: Sequence[Seen], rules: Expectations) -> Iterator[Violation]:
    """The violations of G3."""
    proxies: defaultdict[str, list[Seen]] = defaultdict(list)
    for item in seen:
        proxies[item.request.proxy].append(item)
    for proxy, items in proxies.items():
        rule = rule_of(proxy, rules)
        yield from _slots(items, rule, rules.tolerance_ns)
        yield from _delays(items, rule, rules.tolerance_ns)
        yield from _quota(items, rule)
        yield from _lease(items, rule, rules.tolerance_ns)


def _slots(items: list[Seen], rule: ProxyRule, tolerance_ns: int) -> Iterator[Violation]:
    if rule.slots is None:
        return
    for crowd in crowded(items, rule.slots, tolerance_ns):
        name = crowd[-1].request.proxy
        message = f"{name}: {len(crowd)} requests at a time; it has {rule.slots} slots"
        yield Violation("G3", "slots", message, tuple(item.line for item in crowd))


def _delays(items: list[Seen], rule: ProxyRule, tolerance_ns: int) -> Iterator[Violation]:
    for before, item in pairwise(items):
        gap_ns = item.start_ns - before.start_ns
        if gap_ns < rule.delay_ns - tolerance_ns:
            message = (
                f"{item.request.proxy}: started {gap_ns / MILLISECOND:.1f} ms after the request "
                f"before it; {rule.delay_ns / MILLISECOND:.1f} ms were due"
            )
            yield Violation("G3", "delay", message, (before.line, item.line))


def _quota(items: list[Seen], rule: ProxyRule) -> Iterator[Violation]:
    if rule.quota is None:
        return
    for number, item in enumerate(items[rule.quota :], rule.quota + 1):
        message = f"{item.request.proxy}: request {number}; its quota is {rule.quota}"
        yield Violation("G3", "quota", message, (item.line,))


def _lease(items: list[Seen], rule: ProxyRule, tolerance_ns: int) -> Iterator[Violation]:
    for item in items:
        early_ns = 0 if rule.not_before_ns is None else rule.not_before_ns - item.start_ns
        late_ns = 0 if rule.not_after_ns is None else item.end_ns - rule.not_after_ns
        name = item.request.proxy
        if early_ns > tolerance_ns:
            message = f"{name}: started {early_ns / MILLISECOND:.1f} ms before its lease"
            yield Violation("G3", "lease", message, (item.line,))
        if late_ns > tolerance_ns:
            message = f"{name}: ended {late_ns / MILLISECOND:.1f} ms after its lease"
            yield Violation("G3", "lease", message, (item.line,))
