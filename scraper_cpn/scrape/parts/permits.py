"""Limits on all requests together: how many at a time, how many pages, and until when.

Owns: the permits, the budget of pages, and the gate, which the deadline or a stop request closes.
Must not know: what is requested.
"""

from collections.abc import Iterator
from typing import Any

from scraper_cpn.net import (
    Limit,
    Net,
    Place,
    Wording,
    consume,
    credit,
    expired,
    hold,
    local,
    read,
)
from scraper_cpn.scrape.colours import Fetched, Gate, StopRequest
from scraper_cpn.scrape.parts.promises import pages_of, requests_of
from scraper_cpn.scrape.settings import Settings

NO_END = 1 << 62
"""The budget of a crawl without `--max-pages`."""


class Permits(Limit):
    """Limits how many requests may run at a time (`--concurrency`)."""

    def __init__(self, net: Net, settings: Settings) -> None:
        super().__init__(net, "permits")
        self._most = settings.concurrency
        self.free = self.counter("permits", start=self._most, share=local)
        self.takes = [hold(self.free)]
        self.wording = {self.free: Wording("any request to end (--concurrency)")}

    def properties(self) -> Iterator[Any]:
        """Requests at a time."""
        from scraper_cpn.analysis import at_most

        yield at_most(self._most, in_flight=requests_of(self.net), claim="G6 requests at a time")


class Budget(Limit):
    """Limits how many pages may be fetched (`--max-pages`): a request reserves one, a fetched page uses it up.

    When it is used up, the crawl is over; pages in *unless* still wait for what they need.
    """

    def __init__(self, net: Net, settings: Settings, unless: Place[Any] | None = None) -> None:
        super().__init__(net, "budget")
        self._limited = settings.max_pages is not None
        self.left = self.counter(
            "budget",
            start=settings.max_pages or NO_END,
            budget=True,
            unless=unless,
            share=credit if self._limited else local,
        )
        self.takes = [hold(self.left)]
        self.puts = {Fetched: [consume(self.left)]}
        more = "more pages: --max-pages is reached, or will be by those in flight"
        self.wording = {self.left: Wording(more, outlasts=True)}

    def properties(self) -> Iterator[Any]:
        """What a page costs."""
        from scraper_cpn.analysis import costs

        for name in pages_of(self.net) if self._limited else ():
            yield costs(
                self.left.name,
                name,
                Fetched,
                claim="G7 each page fetched costs one of the budget",
            )


class GateKeeper(Limit):
    """Requests may start while the gate is open: until the deadline (`--max-time`), or until the crawl is stopped."""

    def __init__(self, net: Net) -> None:
        super().__init__(net, "gate")
        self.open = self.place("gate", Gate, source=True, expires=True, budget=True, share=local)
        self.stop = self.place("stop", StopRequest, source=True, share=local)
        self.takes = [read(self.open)]
        self.still = [read(self.open)]
        self.wording = {self.open: Wording("the crawl to be resumed: it starts no more requests")}

        self.transition("close", [self.stop, self.open])
        self.transition("deadline", [expired(self.open)])

    def properties(self) -> Iterator[Any]:
        """No start through a closed gate."""
        from scraper_cpn.analysis import never, start

        yield never(
            start(*requests_of(self.net)),
            without=self.open.name,
            claim="G7 no start after a stop or the deadline",
        )
