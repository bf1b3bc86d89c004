"""The synthetic web's in-process face: a whole crawl in virtual time, with its wire log.

Owns: writing down what a virtual crawl asked for in the form that the referee reads, and turning the
settings of a crawl into what is expected of it.
Must not know: sockets, clocks, how the net decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from mocks.referee import Expectations, ProxyRule
from mocks.wirelog import DIRECT, Request
from scraper_cpn.net import Row
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.virtual import VirtualWeb, virtual_crawl
from scraper_cpn.simulate.driver import Run, VirtualEffect
from scraper_cpn.simulate.web import ROBOTS_PATHS, SyntheticWeb, WebAnswer
from scraper_cpn.simulate.weblayout import split

Effects = Callable[[VirtualWeb], Mapping[str, VirtualEffect]]


class Crawled(Struct, frozen=True):
    """A virtual crawl that has ended."""

    run: Run
    log: list[Request]
    """The requests on the wire, in the order of their starts; times are UTC in virtual time."""
    rows: list[Row]
    """The rows of the sinks, in order."""


def crawl(
    settings: Settings,
    web: SyntheticWeb,
    seeds: Sequence[str] = (),
    *,
    effects: Effects = VirtualWeb.effects,
    by: Callable[..., Run] = virtual_crawl,
    **given: Any,
) -> Crawled:
    """Crawl *web* in virtual time from *seeds* (by default, every host's first page).

    Args:
        settings: of the crawl.
        web: what answers.
        seeds: URLs, normalised.
        effects: what to bind, given those of the web.
        by: which crawler; called as `virtual_crawl`.
        given: what else it takes.
    """
    log: list[Request] = []
    rows: list[Row] = []

    def heard(start_ns: int, end_ns: int, proxy: str, url: str, answer: WebAnswer | None) -> None:
        request = request_of(start_ns, end_ns, proxy, url, answer, settings.agent)
        log.append(replace(request, address=web.address(split(url)[0])))

    run = by(
        settings,
        web,
        seeds or web.seeds(),
        heard=heard,
        on_rows=rows.extend,
        effects=effects,
        **given,
    )
    return Crawled(run, log, rows)


def expected(settings: Settings, pages: Sequence[str] | None = None) -> Expectations:
    """What a virtual crawl with *settings* must keep, to the nanosecond.

    Args:
        settings: of the crawl. Limits per site of `per_domain` are not judged.
        pages: what it must have fetched; None where a budget may end it before.
    """
    return Expectations(
        delay_ns=settings.delay_ns,
        site_delays={s.name: s.delay_ns for s in settings.sites if s.delay_ns is not None},
        limit_by=settings.limit_by,
        per_domain=settings.per_domain,
        host_delay_ns=settings.host_delay_ns,
        per_host=settings.per_host,
        address_delay_ns=settings.address_delay_ns if settings.has_addresses else 0,
        per_address=settings.per_address if settings.has_addresses else None,
        hold=settings.backoff_scope,
        backoff_ns=min(settings.backoff_ns, settings.backoff_max_ns) // 2,
        robots=settings.robots,
        proxies={DIRECT: ProxyRule(slots=settings.concurrency)} | _proxy_rules(settings),
        attempts=settings.retries + 1,
        pages=None if pages is None else tuple(pages),
        max_pages=settings.max_pages,
        max_time_ns=settings.max_time_ns,
        tolerance_ns=0,
        reaction_ns=0,
    )


def _proxy_rules(settings: Settings) -> dict[str, ProxyRule]:
    return {
        proxy.proxy: ProxyRule(
            slots=proxy.slots,
            delay_ns=proxy.delay_ns,
            quota=proxy.quota,
            not_before_ns=proxy.not_before_ns,
            not_after_ns=proxy.not_after_ns,
        )
        for proxy in settings.proxies
    }


def request_of(
    start_ns: int, end_ns: int, proxy: str, url: str, answer: WebAnswer | None, user_agent: str
) -> Request:
    """The record of a request; the crawler left where there is no answer."""
    if answer is None:
        return Request(
            start_ns=start_ns,
            end_ns=end_ns,
            url=url,
            proxy=proxy,
            fate="abandoned",
            user_agent=user_agent,
        )
    complete = answer.fate == "complete"
    throttled = answer.retry_after_s is not None
    return Request(
        start_ns=start_ns,
        end_ns=end_ns,
        url=url,
        proxy=proxy,
        status=answer.status,
        fate=answer.fate,
        user_agent=user_agent,
        hold_ns=answer.hold_until_ns(end_ns) - end_ns if throttled else None,
        location=dict(answer.headers).get("Location") if complete else None,
        robots=_rules(url, answer) if complete and answer.status == 200 else None,
    )


def _rules(url: str, answer: WebAnswer) -> str | None:
    return answer.body.decode() if split(url)[1] in ROBOTS_PATHS else None
