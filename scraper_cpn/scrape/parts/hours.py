"""The hours in which requests may start (`--hours`).

Owns: a token for each window, from its opening to its closing. A crawl has the place only with its option.
Must not know: calendars and time zones. Each token has its absolute times from the beginning, so that no late firing
shifts a window.
"""

from collections.abc import Iterator
from typing import Any

from scraper_cpn.net import Limit, Net, Wording, expired, local, read
from scraper_cpn.scrape.colours import Window
from scraper_cpn.scrape.parts.promises import requests_of
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


def hours_of(net: Net, settings: Settings) -> list[OpenHours]:
    """The limit, if the user has given hours."""
    return [] if settings.hours is None else [OpenHours(net)]
