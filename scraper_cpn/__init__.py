"""scraper_cpn: a polite web scraper whose whole coordination is a coloured Petri net.

What a program needs is here; the kernel is in `scraper_cpn.net`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scraper_cpn.version import __version__

if TYPE_CHECKING:
    from scraper_cpn.scrape.account.report import Summary
    from scraper_cpn.scrape.colours import File, Link
    from scraper_cpn.scrape.crawl import Crawl
    from scraper_cpn.scrape.hooks import Candidate, Outgoing
    from scraper_cpn.scrape.pages.elements import Element
    from scraper_cpn.scrape.pages.page import Page
    from scraper_cpn.scrape.pages.verdicts import Drop, Retry, Stop
    from scraper_cpn.scrape.settings import UsageError

__all__ = [
    "Candidate",
    "Crawl",
    "Drop",
    "Element",
    "File",
    "Link",
    "Outgoing",
    "Page",
    "Retry",
    "Stop",
    "Summary",
    "UsageError",
    "__version__",
]

_HOMES = {
    "Crawl": "crawl",
    "Element": "pages.elements",
    "File": "colours",
    "Link": "colours",
    "Candidate": "hooks",
    "Outgoing": "hooks",
    "Drop": "pages.verdicts",
    "Page": "pages.page",
    "Retry": "pages.verdicts",
    "Stop": "pages.verdicts",
    "Summary": "account.report",
    "UsageError": "settings",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that `scrape --help` answers at once."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.scrape.{_HOMES[name]}"), name)
