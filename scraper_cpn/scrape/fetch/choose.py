"""Which client sends the requests of a crawl.

Owns: the choice by settings, and what is refused before anything is fetched.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from scraper_cpn.scrape.fetch.open_files import check_files
from scraper_cpn.scrape.settings import Settings, UsageError

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from scraper_cpn.scrape.fetch.client import Client, Surplus

_EXTRA = "pip install 'scraper-cpn[fast]'"


def new_client(
    settings: Settings,
    resolver: "AbstractResolver | None" = None,
    on_surplus: "Callable[[Surplus], None]" = lambda _: None,
) -> "Client":
    """Return the client that the settings name, not yet open.

    *resolver* looks names up instead of the system, as far as the client lets anyone do that, and stays
    its owner's to close. *on_surplus* is told of each connection that was dropped for bytes that belong to
    no request, as far as the client learns of them. Raises `UsageError`; see `check_client` and `check_files`.
    """
    check_client(settings)
    check_files(settings.concurrency)
    if settings.fetcher == "pyreqwest":
        from scraper_cpn.scrape.fetch.client_pyreqwest import PyreqwestClient

        return PyreqwestClient(settings, resolver, on_surplus)
    from scraper_cpn.scrape.fetch.client_aiohttp import AiohttpClient  # takes 80 ms to import

    return AiohttpClient(settings, resolver, on_surplus=on_surplus)


def check_client(settings: Settings) -> None:
    """Raise `UsageError` where the client is not installed, or can't do what the settings want."""
    if settings.fetcher == "aiohttp":
        return
    if not is_here(settings.fetcher):
        raise UsageError(f"fetcher: {settings.fetcher} is not installed; install it with {_EXTRA}")
    if settings.cacert is not None:
        raise UsageError(
            f"cacert: {settings.fetcher} can't use a CA file; leave out fetcher or cacert"
        )


def is_here(module: str) -> bool:
    """Whether a library that is not needed is installed."""
    from importlib.util import find_spec  # takes 7 ms, for those who choose their client

    return find_spec(module) is not None
