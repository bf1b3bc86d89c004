"""The hours in which requests may start: of the whole crawl (`--hours`), and of single domains.

Owns: a token for each window, from its opening to its closing. A crawl has the places only with their options.
Must not know: calendars and time zones. Each token has its absolute times from the beginning, so that no late firing
shifts a window.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from scraper_cpn.net import Limit, Net, Output, Place, Wording, expired, local, put, put_new, read
from scraper_cpn.scrape.colours import DomainWindow, Redirected, Window
from scraper_cpn.scrape.parts.health import Health
from scraper_cpn.scrape.parts.promises import requests_of
from scraper_cpn.scrape.policy.hours import HoursPolicy
from scraper_cpn.scrape.settings import Settings


class OpenHours(Limit):
    """Requests may start while the token of a window is ready. What has started then still arrives."""

    def __init__(self, net: Net) -> None:
        super().__init__(net, "hours")
        self.open = self.place(
            "open_hours",
            Window,
            source=True,
            timed=True,
            expires=True,
            budget=True,
            share=local,
        )
        self.takes = [read(self.open)]
        self.still = [read(self.open)]
        again = "the crawl to be resumed: the windows of --hours that it knew have passed"
        self.wording = {self.open: Wording(again, pause="the next window (--hours)")}
        self.transition("close_window", [expired(self.open)])

    def properties(self) -> Iterator[Any]:
        """No start outside of a window."""
        from scraper_cpn.analysis import never, start

        yield never(
            start(*requests_of(self.net)),
            without=self.open.name,
            claim="G2 no start outside of --hours",
        )


class DomainHours(Limit):
    """Requests to a domain may start while a token of it is ready; a domain without hours has one that never ends."""

    counts_by = ("domain",)

    def __init__(self, net: Net, p: HoursPolicy, health: Health) -> None:
        super().__init__(net, "hours of domains")
        self.p = p
        self.open = self.place(
            "domain_hours", DomainWindow, key="domain", source=True, timed=True, expires=True
        )
        self.known = self.set("known_hours", DomainWindow, key="domain")
        self.takes = [read(self.open)]
        self.still = [read(self.open)]
        again = "the hours of {key}: the windows that the crawl knew have passed"
        self.wording = {self.open: Wording(again, pause="the hours of {key}")}
        over = put(health.given_up, p.over, self.open)
        self.transition("close_domain", [expired(self.open)], outputs=[over])

    def brings(self, source: Place[Any] | type[Any]) -> Sequence[Output]:
        """Puts the window of a domain without hours, when it is seen for the first time."""
        make: Any = self.p.hop_any_time if source is Redirected else self.p.any_time
        return [put_new(self.known, self.open, make, source)]

    def properties(self) -> Iterator[Any]:
        """No start outside of the hours of a domain."""
        from scraper_cpn.analysis import never, start

        yield never(
            start(*requests_of(self.net)),
            without=self.open.name,
            by="domain",
            claim="G2 no start outside of the hours of its domain",
        )


def domain_hours_of(net: Net, p: HoursPolicy, health: Health) -> list[DomainHours]:
    """The hours of domains, if the user has given any."""
    return [DomainHours(net, p, health)] if p.of_domains else []


def hours_of(net: Net, settings: Settings) -> list[OpenHours]:
    """The limit, if the user has given hours."""
    return [] if settings.hours is None else [OpenHours(net)]
