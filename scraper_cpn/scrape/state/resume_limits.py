"""What remains of limits when a crawl is resumed: pauses, windows, concurrent requests, budgets.

Owns: how much of each is left, and how long a pause still holds whatever the clocks did meanwhile.
Must not know: domains, proxies, stages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from scraper_cpn.net import Counter
from scraper_cpn.net.changes import Durable
from scraper_cpn.net.marking import Standing
from scraper_cpn.scrape.colours import ItemsLeft, Window
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.parts.permits import NO_END
from scraper_cpn.scrape.parts.volume import DomainBudget
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.windows import windows, windows_of_domains
from scraper_cpn.store.edit import Edit


def waits_out(ready_ns: int, delay_ns: int, last_ns: int, now_ns: int) -> int:
    """When a token may be used again that was not ready at *last_ns*, the last known time.

    It waits the rest of its pause, or its delay if that is less, from *now_ns* on: how long the process
    was away is known only from clocks, which are not trusted.
    """
    left_ns = max(0, ready_ns - last_ns)
    return max(ready_ns, now_ns + min(left_ns, delay_ns)) if left_ns else ready_ns


def put_pauses(
    edit: Edit, net: ScrapeNet, tokens: Mapping[str, list[Standing]], last_ns: int
) -> None:
    """Update the pacing tokens of limits that consist of a pause alone."""
    own = (net.domains.pacing, net.proxies.pool)
    arcs = [arc for limit in net.limits for arc in limit.takes]
    for arc in (arc for arc in arcs if arc.kind == "spend" and arc.place not in own):
        for token in tokens.get(arc.place.name, ()):
            pause_ns = arc.after_ns(token.colour) if callable(arc.after_ns) else arc.after_ns
            ready_ns = waits_out(token.ready_at_ns, pause_ns, last_ns, edit.now_ns)
            if ready_ns != token.ready_at_ns:
                edit.replace(token, token.colour, ready_ns)


def put_windows(
    edit: Edit,
    net: ScrapeNet,
    tokens: Mapping[str, list[Standing]],
    owns: Callable[[str], bool] = lambda _: True,
) -> None:
    """Put the windows in which requests may start, from now on; those of single domains only where *owns* says so."""
    for hours in net.hours:
        edit.gone += [token.serial for token in tokens.get(hours.open.name, ())]
        for opens_ns, closes_ns in windows(net.policy.settings.hours, edit.now_ns):
            edit.put(hours.open, Window(), opens_ns, closes_ns)
    for limit in net.domain_hours:
        for token in tokens.get(limit.open.name, ()):
            if token.expires_at_ns is not None:
                edit.gone.append(token.serial)
        own = {name: each for name, each in limit.p.of_domains.items() if owns(name)}
        for window, opens_ns, closes_ns in windows_of_domains(own, edit.now_ns):
            edit.put(limit.open, window, opens_ns, closes_ns)


def put_limits(edit: Edit, durable: Durable, net: ScrapeNet) -> None:
    """Set the numbers of concurrent requests to the present limits: nothing is in flight."""
    places = [arc.place for limit in net.limits for arc in limit.takes]
    places += [each.room for each in net.files]
    counters = {place.name: place for place in places if isinstance(place, Counter)}
    for (name, key), number in durable.numbers.items():
        if name in counters and number != counters[name].first(key):
            edit.set_number(counters[name], key, counters[name].first(key))


def put_budget(edit: Edit, durable: Durable, before: Policy, net: ScrapeNet, again: int) -> None:
    """Set the remaining budget of pages: those that were fetched and not stored are fetched again."""
    most, new = (policy.settings.max_pages or NO_END for policy in (before, net.policy))
    left = durable.numbers.get((net.budget.left.name, None), most)
    number = max(0, new - (most - left) + again)
    if number != left or new != most:
        edit.set_number(net.budget.left, None, number)


def put_items_left(edit: Edit, tokens: Iterable[Standing], net: ScrapeNet, items: int) -> None:
    """Set how many items may still be kept, by those that are kept: what was on its way is made again."""
    edit.gone += [token.serial for token in tokens]
    left = (net.policy.settings.max_items or 0) - items
    for limit in net.items:
        if left > 0:
            edit.put(limit.left, ItemsLeft(left))


def give_back_to_domains(
    edit: Edit, durable: Durable, net: ScrapeNet, again: Mapping[str, int]
) -> None:
    """Give back to each domain the pages that were fetched and not stored: they are fetched again."""
    for limit in net.volume:
        if isinstance(limit, DomainBudget):
            for domain, number in again.items():
                left = durable.numbers.get((limit.left.name, domain), limit.most)
                edit.set_number(limit.left, domain, left + number)
                fetched = durable.numbers.get((limit.fetched.name, domain), 0)
                edit.set_number(limit.fetched, domain, max(0, fetched - number))
