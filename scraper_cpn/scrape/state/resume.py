"""How a crawl's marking changes when it is resumed in another process.

Owns: the edit of the marking: a new gate, limits and proxies given anew, pages whose bodies were lost
with the process, and pauses that hold whatever the clocks did meanwhile and whichever other runs crawled.
Must not know: stores, clocks, how the marking is read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from scraper_cpn.net import Counter, Lost, Place
from scraper_cpn.net.changes import Durable
from scraper_cpn.net.marking import Standing
from scraper_cpn.scrape.colours import STEPS, Domain, Gate, ItemsLeft, Proxy, Rules, Window
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import direct, first_tokens, reputes
from scraper_cpn.scrape.parts.addresses import Addresses
from scraper_cpn.scrape.parts.items import ITEMS_LEFT
from scraper_cpn.scrape.parts.logins import LOGINS
from scraper_cpn.scrape.parts.permits import NO_END
from scraper_cpn.scrape.parts.pipeline import PATIENT, STAGES
from scraper_cpn.scrape.parts.routes import Routes
from scraper_cpn.scrape.parts.sessions import SESSIONS
from scraper_cpn.scrape.parts.stages import Stage
from scraper_cpn.scrape.parts.sticky import StickyProxies
from scraper_cpn.scrape.parts.volume import DomainBudget
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.pipeline import followed
from scraper_cpn.scrape.policy.proxies import copies_of
from scraper_cpn.scrape.policy.routes import PROXY_AT_FAULT
from scraper_cpn.scrape.policy.stages import plain_file, plain_job, plain_target
from scraper_cpn.scrape.urls import domain_of
from scraper_cpn.scrape.windows import windows, windows_of_domains
from scraper_cpn.store.edit import Edit

ENDED_WITH_PROCESS = "the process ended meanwhile"
Others = Mapping[str, Standing]
"""The pacing tokens of other runs of the same state, by the name of the domain or proxy."""


def in_pipeline(durable: Durable, net: ScrapeNet) -> dict[str, int]:
    """How many pages of each domain were fetched but not stored, including those that a firing in flight holds."""
    stages = {stage.name for stage in net.pipeline.stages}
    found: dict[str, int] = {}
    for token in durable.tokens.values():
        if token.place in stages:
            domain = token.colour.target.domain
            found[domain] = found.get(domain, 0) + 1
    return found


def reopened(
    durable: Durable,
    before: Policy,
    net: ScrapeNet,
    now_ns: int,
    last_ns: int,
    others: Others | None = None,
    *,
    again: Mapping[str, int] | None = None,
    items: int = 0,
    jars: Collection[str] = (),
) -> Edit:
    """The edit with which a run begins, or is resumed.

    Args:
        durable: the marking, without firings in flight. Empty for a new run.
        before: the policy under which the marking came about.
        net: the net that continues from it, under the policy from now on.
        now_ns: the kernel's time.
        last_ns: the last known time of the previous process; 0 if there was none. How long it has been
            away is known only from clocks, which are not trusted.
        others: the pacing tokens of other runs; see `latest`.
        again: the numbers of pages that were in the pipeline; see `in_pipeline`.
        items: how many were kept so far.
        jars: the names of the jars whose cookies are still there.
    """
    edit, others, after = Edit(now_ns), others or {}, net.policy
    tokens = by_place(durable)
    for closed in (net.gate.open, net.gate.stop):
        edit.gone += [token.serial for token in tokens.get(closed.name, ())]
    most_ns = after.settings.max_time_ns
    end_ns = None if most_ns is None else now_ns + most_ns
    edit.put(net.gate.open, Gate(), expires_at_ns=end_ns)
    put_windows(edit, net, tokens)
    crawl_delays = _crawl_delays(tokens.get(net.robots.rules.name, ()), after)
    for token in tokens.get(net.domains.pacing.name, ()):
        delay_ns = _delay_ns(token.colour, before, after, crawl_delays)
        _domain(edit, token, delay_ns, last_ns, others)
    _pauses(edit, net, tokens, last_ns)
    _contents(edit, tokens, net)
    lose_pages(edit, net, tokens, ENDED_WITH_PROCESS)
    _domains_of_others(edit, durable, net, others)
    _proxies(edit, tokens.get(net.proxies.pool.name, []), before, net, last_ns, others)
    in_pool = _sessions(edit, net, tokens, last_ns)
    _logins(edit, tokens.get(LOGINS, ()), in_pool, jars)
    _stages(edit, durable, tokens, net)
    if tokens:
        _limits(edit, durable, net)
        _budget(edit, durable, before, net, sum((again or {}).values()))
        give_back_to_domains(edit, durable, net, again or {})
        _items_left(edit, tokens.get(ITEMS_LEFT, ()), net, items)
    else:
        for place, colour in first_tokens(net):
            edit.put(place, colour)
    return edit


def lose_pages(edit: Edit, net: ScrapeNet, tokens: Mapping[str, list[Standing]], why: str) -> None:
    """Fetch pages again that were fetched and not stored: their bodies were in a process that has ended."""
    for stage in STAGES:
        for token in tokens.get(stage, ()):
            if stage in PATIENT and token.colour.target.request.repeatable:
                edit.gone.append(token.serial)
                edit.put(net.retries.cool_down, followed(token.colour.target))
                continue
            failure = net.policy.pipeline.lost_page(token.colour, Lost(why))
            edit.gone.append(token.serial)
            edit.put(net.retries.failed, failure)


def _contents(edit: Edit, tokens: Mapping[str, list[Standing]], net: ScrapeNet) -> None:
    """Forget the contents of pages that were not parsed: each may have been a refusal, which all URLs have in common."""
    if net.pipeline.duplicates is None:
        return
    unparsed = {token.colour.content for token in tokens.get(net.pipeline.raw_html.name, ())}
    contents = tokens.get(net.pipeline.duplicates.contents.name, ())
    edit.gone += [token.serial for token in contents if token.colour.content in unparsed]


def waits_out(ready_ns: int, delay_ns: int, last_ns: int, now_ns: int) -> int:
    """When a token may be used again that was not ready at *last_ns*, the last known time.

    It waits the rest of its pause, or its delay if that is less, from *now_ns* on: how long the process
    was away is known only from clocks, which are not trusted.
    """
    left_ns = max(0, ready_ns - last_ns)
    return max(ready_ns, now_ns + min(left_ns, delay_ns)) if left_ns else ready_ns


def latest(tokens: Iterable[Standing]) -> dict[str, Standing]:
    """For each domain and proxy, the pacing token of several runs that waits longest.

    A proxy's token gets the smallest quota of all of them.
    """
    found: dict[str, Standing] = {}
    for token in tokens:
        name = name_of(token.colour)
        other = found.setdefault(name, token)
        if token.ready_at_ns > other.ready_at_ns:
            other = found[name] = token
        quotas = [each.colour.quota for each in (token, other) if isinstance(each.colour, Proxy)]
        least = min((quota for quota in quotas if quota is not None), default=None)
        if least is not None:
            found[name] = replace(other, colour=replace(other.colour, quota=least))
    return found


def name_of(colour: Any) -> str:
    """The name of a pacing token's domain or proxy."""
    return colour.domain if isinstance(colour, Domain) else colour.proxy


def by_place(durable: Durable) -> dict[str, list[Standing]]:
    """The tokens of a marking by their places."""
    places: dict[str, list[Standing]] = {}
    for token in durable.tokens.values():
        places.setdefault(token.place, []).append(token)
    return places


def _crawl_delays(tokens: Iterable[Standing], policy: Policy) -> dict[str, int]:
    """The longest known Crawl-delay of each domain."""
    found: dict[str, int] = {}
    for token in tokens:
        rules: Rules = token.colour
        home = rules.home or domain_of(rules.origin, policy.settings.limit_by)
        found[home] = max(found.get(home, 0), rules.crawl_delay_ns or 0)
    return found


def _delay_ns(
    domain: Domain, before: Policy, after: Policy, crawl_delays: Mapping[str, int]
) -> int:
    """The delay between two starts from now on; a longer Crawl-delay still applies."""
    name = domain.domain
    new_ns = max(after.domains.delay_ns(name), crawl_delays.get(name, 0))
    return (
        new_ns if domain.delay_ns == before.domains.delay_ns(name) else max(new_ns, domain.delay_ns)
    )


def _domain(edit: Edit, token: Standing, delay_ns: int, last_ns: int, others: Others) -> None:
    """Give a domain its new delay. If that is longer, the running pause is extended, too."""
    domain: Domain = token.colour
    longer_ns = max(0, delay_ns - domain.delay_ns)
    ready_ns = waits_out(token.ready_at_ns + longer_ns, delay_ns, last_ns, edit.now_ns)
    if domain.domain in others:
        ready_ns = max(ready_ns, others[domain.domain].ready_at_ns)
    if delay_ns != domain.delay_ns or ready_ns != token.ready_at_ns:
        edit.replace(token, replace(domain, delay_ns=delay_ns), ready_ns)


def _domains_of_others(edit: Edit, durable: Durable, net: ScrapeNet, others: Others) -> None:
    """Add the pacing tokens of domains that another run knows and this run does not."""
    known = set(durable.seen.get(net.domains.known.name, ()))
    for name, token in others.items():
        new = isinstance(token.colour, Domain) and name not in known
        if new and token.ready_at_ns > edit.now_ns:
            domain = Domain(name, net.policy.domains.delay_ns(name))
            edit.put(net.domains.pacing, domain, token.ready_at_ns)
            edit.see(net.domains.known, name)


def _proxies(
    edit: Edit,
    tokens: list[Standing],
    before: Policy,
    net: ScrapeNet,
    last_ns: int,
    others: Others,
) -> None:
    """Put the proxies given now, each with the requests it has carried and its remaining wait."""
    settings = net.policy.settings
    known = {proxy.proxy: proxy for proxy in before.settings.proxies} if last_ns else {}
    there: dict[str, list[Standing]] = {}
    for token in tokens:
        there.setdefault(token.colour.proxy, []).append(token)
    edit.gone += [token.serial for token in tokens]
    for proxy in settings.proxies or (direct(settings),):
        old, was = there.get(proxy.proxy, []), known.get(proxy.proxy)
        if was is not None and not old and not _outlasts(proxy, was):
            continue  # its quota or its lease has ended
        other = others.get(proxy.proxy)
        proxy = _carried(proxy, old, was, other)
        end_ns = _less(proxy.not_after_ns, settings.timeout_ns)
        ready_ns = _ready_ns(proxy, old, last_ns, edit.now_ns, other)
        for copy in copies_of(proxy):
            edit.put(net.proxies.pool, copy, ready_ns, end_ns)


def _bound(
    edit: Edit,
    durable: Durable,
    tokens: Mapping[str, list[Standing]],
    sticky: StickyProxies,
    net: ScrapeNet,
) -> None:
    """Give the proxies of sessions out anew."""
    assert net.proxies.gone is not None
    edit.gone += [token.serial for token in tokens.get(net.proxies.gone.name, ())]
    for token in tokens.get(sticky.targets.name, ()):
        edit.gone.append(token.serial)
        edit.put(net.retries.cool_down, plain_target(token.colour))
    for pool in net.sessions:
        for name, key in durable.numbers:
            if name == pool.slots.name:
                edit.set_number(pool.slots, key, pool.slots.first(key))


def _sessions(
    edit: Edit, net: ScrapeNet, tokens: Mapping[str, list[Standing]], last_ns: int
) -> dict[str, str]:
    """Let sessions wait out their pauses; one whose proxy is not given any more keeps another one. Returns their jars."""
    p, given, names = net.policy.sessions, {proxy.proxy for proxy in _pool(edit)}, dict[str, str]()
    for token in tokens.get(SESSIONS, ()):
        session = p.resumed(token.colour, given)
        pause_ns = max(p.gap_ns(session), net.policy.settings.backoff_max_ns)
        ready_ns = waits_out(token.ready_at_ns, pause_ns, last_ns, edit.now_ns)
        if session != token.colour or ready_ns != token.ready_at_ns:
            edit.replace(token, session, ready_ns)
        names[session.session] = session.jar
    return names


def _logins(
    edit: Edit, logins: Iterable[Standing], in_pool: Mapping[str, str], jars: Collection[str]
) -> None:
    """Let each session log in anew whose login was not complete, or whose cookies are gone."""
    for token in logins:
        name = in_pool.get(token.colour.session, token.colour.session)
        stays = token.colour.gate == STEPS or (token.colour.state == "in" and name in jars)
        if not stays:
            edit.replace(token, replace(token.colour, state="out"), token.ready_at_ns)


def _stages(
    edit: Edit, durable: Durable, tokens: Mapping[str, list[Standing]], net: ScrapeNet
) -> None:
    """Let what is given to requests before they begin be chosen anew: proxies, addresses."""
    for stage in net.stages:
        _stage(edit, durable, tokens, stage, net)
    for sticky in net.sticky:
        _bound(edit, durable, tokens, sticky, net)
    for addresses in net.addresses:
        _addresses(edit, tokens, addresses)
    for routes in net.routes:
        _routes(edit, tokens, routes, net)


def _stage(
    edit: Edit,
    durable: Durable,
    tokens: Mapping[str, list[Standing]],
    stage: Stage,
    net: ScrapeNet,
) -> None:
    """Give back what a stage had given something, so that the choice is made anew."""
    backs: list[tuple[Place[Any], Place[Any], Callable[[Any], Any]]] = [
        (stage.targets, net.retries.cool_down, plain_target),
        (stage.jobs, net.robots.jobs, plain_job),
    ]
    for maps in stage.maps:
        assert net.sitemaps is not None
        backs.append((maps, net.sitemaps.jobs, net.sitemaps.p.at_once))
        backs.append((maps, net.sitemaps.later, net.sitemaps.p.later))
    for staged, files in zip(stage.files, net.files, strict=True):
        backs.append((staged, files.jobs, plain_file))
    for staged, place, plain in backs:
        for token in tokens.get(staged.name, ()):
            if (back := plain(token.colour)) is not None:
                edit.gone.append(token.serial)
                edit.put(place, back)
    for name, key in durable.numbers:
        if name == stage.lanes.name:
            edit.set_number(stage.lanes, key, stage.lanes.first(key))


def _addresses(edit: Edit, tokens: Mapping[str, list[Standing]], addresses: Addresses) -> None:
    """Look all hosts up again: the machine may be in another network by now."""
    for place in (addresses.addresses, addresses.next):
        for token in tokens.get(place.name, ()):
            edit.gone.append(token.serial)
            edit.put(addresses.names, addresses.p.forgotten(token.colour))
    edit.gone += [token.serial for token in tokens.get(addresses.faults.name, ())]


def _routes(
    edit: Edit,
    tokens: Mapping[str, list[Standing]],
    routes: Routes,
    net: ScrapeNet,
) -> None:
    """Choose proxies anew among those given now. A proxy that rests for a domain goes on to."""
    p, given = routes.p, {proxy.proxy for proxy in net.policy.settings.proxies}
    for token in tokens.get(routes.rests.name, ()):
        if token.colour.proxy not in given:
            edit.gone.append(token.serial)
    usable = {proxy.proxy for proxy in _pool(edit)}
    for token in tokens.get(routes.routes.name, ()):
        edit.replace(token, p.resumed(token.colour, usable), 0)
    assert net.proxies.gone is not None
    old = (routes.news, routes.reputes, net.proxies.gone)
    edit.gone += [token.serial for place in old for token in tokens.get(place.name, ())]
    barred = [
        (token.colour.domain, token.colour.marks) for token in tokens.get(routes.routes.name, ())
    ]
    for place, repute in reputes(net):
        by = (domain for domain, marks in barred if any(m.proxy == repute.proxy for m in marks))
        edit.put(place, replace(repute, refused_by=tuple(by)[: PROXY_AT_FAULT - 1]))
    for group in {proxy.group for proxy in net.policy.settings.proxies}:
        left = sum(proxy.group == group for proxy in _pool(edit))
        edit.set_number(net.proxies.group_left, group, left)


def _pool(edit: Edit) -> list[Proxy]:
    """The tokens of proxies that an edit puts."""
    return [colour for _, colour, *_ in edit.born if isinstance(colour, Proxy)]


def _outlasts(proxy: Proxy, was: Proxy) -> bool:
    """Whether a retired proxy is given again with a longer lease or a larger quota."""
    more = _is_more(proxy.quota, was.quota) and _is_more(proxy.bytes, was.bytes)
    later = proxy.not_after_ns is None or proxy.not_after_ns > (was.not_after_ns or 0)
    quota_ended = (was.quota is not None or was.bytes is not None) and more
    return quota_ended or (was.not_after_ns is not None and later)


def _is_more(now: int | None, before: int | None) -> bool:
    """Whether a quota is larger than it was, or has never been there."""
    return now is None or (before is not None and now > before)


def _carried(proxy: Proxy, old: list[Standing], was: Proxy | None, other: Standing | None) -> Proxy:
    """A proxy as given now, minus the requests that it has carried, with its previous faults.

    A retired proxy counts as having used up its quota.
    """
    quota, most = proxy.quota, proxy.bytes
    for token in old[:1]:
        proxy = replace(proxy, strikes=token.colour.strikes, calm=token.colour.calm)
    if most is not None and was is not None and was.bytes is not None:
        left = (old[0].colour.bytes or 0) if old else 0
        proxy = replace(proxy, bytes=max(0, most - (was.bytes - left)))
    if quota is not None and was is not None and was.quota is not None:
        left = old[0].colour.quota if old else 0
        quota = max(0, quota - (was.quota - left))
    if quota is not None and other is not None and other.colour.quota is not None:
        quota = min(quota, other.colour.quota)
    return replace(proxy, quota=quota)


def _ready_ns(
    proxy: Proxy, old: list[Standing], last_ns: int, now_ns: int, other: Standing | None
) -> int:
    """When a proxy may be used: all its tokens wait as long as the one that waits longest."""
    times_ns = [proxy.not_before_ns or 0]
    for token in old:
        delay_ns = token.colour.delay_ns
        ready_ns = token.ready_at_ns + (max(0, proxy.delay_ns - delay_ns) if delay_ns else 0)
        times_ns.append(waits_out(ready_ns, max(proxy.delay_ns, delay_ns), last_ns, now_ns))
    return max([*times_ns, *([other.ready_at_ns] if other is not None else [])])


def _less(time_ns: int | None, by_ns: int) -> int | None:
    return None if time_ns is None else time_ns - by_ns


def _pauses(edit: Edit, net: ScrapeNet, tokens: Mapping[str, list[Standing]], last_ns: int) -> None:
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


def _limits(edit: Edit, durable: Durable, net: ScrapeNet) -> None:
    """Set the numbers of concurrent requests to the present limits: nothing is in flight."""
    places = [arc.place for limit in net.limits for arc in limit.takes]
    places += [each.room for each in net.files]
    counters = {place.name: place for place in places if isinstance(place, Counter)}
    for (name, key), number in durable.numbers.items():
        if name in counters and number != counters[name].first(key):
            edit.set_number(counters[name], key, counters[name].first(key))


def _budget(edit: Edit, durable: Durable, before: Policy, net: ScrapeNet, again: int) -> None:
    """Set the remaining budget of pages: those that were fetched and not stored are fetched again."""
    most, new = (policy.settings.max_pages or NO_END for policy in (before, net.policy))
    left = durable.numbers.get((net.budget.left.name, None), most)
    number = max(0, new - (most - left) + again)
    if number != left or new != most:
        edit.set_number(net.budget.left, None, number)


def _items_left(edit: Edit, tokens: Iterable[Standing], net: ScrapeNet, items: int) -> None:
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
