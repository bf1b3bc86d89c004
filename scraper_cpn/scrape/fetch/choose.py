"""Which client sends the requests of a crawl.

Owns: the choice by settings, and what is refused before anything is fetched.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.fetch.open_files import check_files
from scraper_cpn.scrape.settings import FETCHERS, Settings, UsageError

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from scraper_cpn.scrape.fetch.client import Client, Surplus

_SOCKS_BYTES_MAX = 255
"""Of a name, and of a password (RFC 1929 section 2)."""
_HTTPX_NEEDS = ("httpcore", "h2", "socksio")


def new_client(
    settings: Settings,
    resolver: "AbstractResolver | None" = None,
    on_surplus: "Callable[[Surplus], None]" = lambda _: None,
) -> "Client":
    """Return the client that the settings name, not yet open.

    *resolver* looks names up instead of the system, if the client supports that, and stays
    its owner's to close. *on_surplus* is called with each connection that was dropped because of bytes that belong to
    no request, if the client notices them. Raises `UsageError`; see `check_client` and `check_files`.
    """
    check_client(settings)
    check_files(settings.concurrency)
    if settings.fetcher == "httpx":
        from scraper_cpn.scrape.fetch.client_httpx import HttpxClient

        return HttpxClient(settings, resolver, on_surplus)
    if settings.fetcher not in FETCHERS:
        from scraper_cpn.scrape.fetch.own import OwnClient

        return OwnClient(settings.fetcher, settings, resolver, on_surplus)
    from scraper_cpn.scrape.fetch.client_aiohttp import AiohttpClient  # takes 80 ms to import

    return AiohttpClient(settings, resolver, on_surplus=on_surplus)


def check_client(settings: Settings) -> None:
    """Raise `UsageError` where the client is not installed, or can't do what the settings want."""
    by_us = settings.fetcher in FETCHERS
    if by_us and any(map(is_socks, settings.proxies)) and not is_here("python_socks"):
        raise UsageError(
            "proxy: SOCKS needs python-socks; install it with pip install 'scraper-cpn[socks]'"
        )
    for proxy in filter(is_socks, settings.proxies):
        _check_credentials(proxy)
    if settings.fetcher == "aiohttp":
        return
    if settings.fetcher not in FETCHERS:
        from scraper_cpn.scrape.fetch.own import own_client

        own_client(settings.fetcher)
        return
    if not all(map(is_here, _HTTPX_NEEDS)):
        raise UsageError(
            "fetcher: httpx is not installed; install it with pip install 'scraper-cpn[httpx]'"
        )


def _check_credentials(proxy: Proxy) -> None:
    """Refuse a name and a password that can't be sent to a proxy."""
    from yarl import URL  # takes 20 ms, and only SOCKS needs it

    url = URL(proxy.url or "")
    sizes = [len(each.encode()) for each in (url.user or "", url.password or "")]
    if max(sizes) > _SOCKS_BYTES_MAX:
        raise UsageError(
            f"proxy: the name and the password for {proxy.proxy} may have {_SOCKS_BYTES_MAX} bytes each; give others"
        )


def is_socks(proxy: Proxy) -> bool:
    """Return whether a proxy speaks SOCKS."""
    return (proxy.url or "").startswith("socks")


def is_here(module: str) -> bool:
    """Whether a library that is not needed is installed."""
    from importlib.util import find_spec  # takes 7 ms, for those who choose their client

    return find_spec(module) is not None
