"""What requests had been given before they began, when a crawl is resumed: proxies, addresses, sessions.

Owns: that it is chosen anew.
Must not know: how it is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from scraper_cpn.net import Place
from scraper_cpn.net.changes import Durable
from scraper_cpn.net.marking import Standing
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import reputes
from scraper_cpn.scrape.parts.addresses import Addresses
from scraper_cpn.scrape.parts.routes import Routes
from scraper_cpn.scrape.parts.stages import Stage
from scraper_cpn.scrape.parts.sticky import StickyProxies
from scraper_cpn.scrape.policy.routes import PROXY_AT_FAULT
from scraper_cpn.scrape.policy.stages import plain_file, plain_job, plain_target
from scraper_cpn.scrape.state.resume_proxies import given_proxies
from scraper_cpn.store.edit import Edit


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


def choose_anew(
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
    usable = {proxy.proxy for proxy in given_proxies(edit)}
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
        left = sum(proxy.group == group for proxy in given_proxies(edit))
        edit.set_number(net.proxies.group_left, group, left)
