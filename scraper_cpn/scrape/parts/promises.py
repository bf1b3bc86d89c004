"""The promises of limits, derived from the user's settings independently of the policy.

Owns: which transitions make requests, and what the user has asked for. A policy with a mistake in it is
compared with this.
Must not know: how anything is proved.
"""

from fnmatch import fnmatchcase

from scraper_cpn.net import Net
from scraper_cpn.scrape.colours import Fetched, Filed, Throttled
from scraper_cpn.scrape.settings import Settings


def requests_of(net: Net) -> tuple[str, ...]:
    """The transitions whose effects send requests: a server may refuse what they ask for."""
    return tuple(
        name
        for name, transition in net.transitions.items()
        if any(case.outcome is Throttled for case in transition.outcomes)
    )


def pages_of(net: Net) -> tuple[str, ...]:
    """The transitions that fetch pages, without those for robots.txt."""
    return tuple(
        name
        for name, transition in net.transitions.items()
        if any(case.outcome is Fetched for case in transition.outcomes)
    )


def bodies_of(net: Net) -> tuple[str, ...]:
    """The transitions that fetch pages or files, whose bytes count."""
    return tuple(
        name
        for name, transition in net.transitions.items()
        if any(case.outcome in (Fetched, Filed) for case in transition.outcomes)
    )


def asked_delay_ns(settings: Settings, domain: str) -> int:
    """The pause that the user has asked for between two requests to a domain."""
    own = [site.delay_ns for site in settings.sites if site.name == domain]
    return next((delay_ns for delay_ns in own if delay_ns is not None), settings.delay_ns)


def asked_slots(settings: Settings, domain: str) -> int:
    """How many requests to a domain the user allows at a time."""
    own = [site.per_domain for site in settings.sites if site.name == domain]
    return next((number for number in own if number is not None), settings.per_domain)


def asked_group(settings: Settings, domain: str) -> str:
    """The group of proxies that the user has asked for; empty for those without a group."""
    own = [site.proxy_group for site in settings.sites if site.name == domain]
    named = [group for group in own if group is not None]
    return next(
        iter([*named, *(g for glob, g in settings.proxy_for if fnmatchcase(domain, glob))]), ""
    )


def asked_proxy_slots(settings: Settings, proxy: str) -> int:
    """How many requests the user allows through a proxy at a time."""
    own = [each.slots for each in settings.proxies if each.proxy == proxy]
    return next(iter(own), settings.concurrency)
