"""How a crawl's marking changes when it is resumed in another process.

Owns: the edit of the marking: a new gate, limits and proxies given anew, pages whose bodies were lost
with the process, and pauses that hold whatever the clocks did meanwhile and whichever other runs crawled.
Must not know: stores, clocks, how the marking is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from scraper_cpn.net import Lost
from scraper_cpn.net.changes import Durable
from scraper_cpn.net.marking import Standing
from scraper_cpn.scrape.colours import STEPS, Domain, Gate, Proxy, Rules
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import first_tokens
from scraper_cpn.scrape.parts.items import ITEMS_LEFT
from scraper_cpn.scrape.parts.logins import LOGINS
from scraper_cpn.scrape.parts.pipeline import PATIENT, STAGES
from scraper_cpn.scrape.parts.sessions import SESSIONS
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.pipeline import followed
from scraper_cpn.scrape.state.resume_limits import (
    give_back_to_domains,
    put_budget,
    put_items_left,
    put_limits,
    put_pauses,
    put_windows,
    waits_out,
)
from scraper_cpn.scrape.state.resume_proxies import Others, given_proxies, put_proxies
from scraper_cpn.scrape.state.resume_stages import choose_anew
from scraper_cpn.scrape.urls import domain_of
from scraper_cpn.store.edit import Edit

ENDED_WITH_PROCESS = "the process ended meanwhile"


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
    put_pauses(edit, net, tokens, last_ns)
    _contents(edit, tokens, net)
    lose_pages(edit, net, tokens, ENDED_WITH_PROCESS)
    _domains_of_others(edit, durable, net, others)
    put_proxies(edit, tokens.get(net.proxies.pool.name, []), before, net, last_ns, others)
    in_pool = _sessions(edit, net, tokens, last_ns)
    _logins(edit, tokens.get(LOGINS, ()), in_pool, jars)
    choose_anew(edit, durable, tokens, net)
    if tokens:
        put_limits(edit, durable, net)
        put_budget(edit, durable, before, net, sum((again or {}).values()))
        give_back_to_domains(edit, durable, net, again or {})
        put_items_left(edit, tokens.get(ITEMS_LEFT, ()), net, items)
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


def _sessions(
    edit: Edit, net: ScrapeNet, tokens: Mapping[str, list[Standing]], last_ns: int
) -> dict[str, str]:
    """Let sessions wait out their pauses; one whose proxy is not given any more keeps another one. Returns their jars."""
    p, names = net.policy.sessions, dict[str, str]()
    given = {proxy.proxy for proxy in given_proxies(edit)}
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
