"""Limits on all requests together: how many at a time, how many pages, and until when.

Owns: the permits, the budget of pages, and the gate, which the deadline or a stop request closes.
Must not know: what is requested.
"""

from scraper_cpn.net import Limit, Net, Wording, consume, expired, hold, read
from scraper_cpn.scrape.colours import Fetched, Gate, Stop
from scraper_cpn.scrape.settings import Settings

NO_END = 1 << 62
"""The budget of a crawl without `--max-pages`."""


class Permits(Limit):
    """Limits how many requests may run at a time (`--concurrency`)."""

    def __init__(self, net: Net, settings: Settings) -> None:
        super().__init__(net, "permits")
        self.free = self.counter("permits", start=settings.concurrency)
        self.takes = [hold(self.free)]
        self.wording = {self.free: Wording("any request to end (--concurrency)")}


class Budget(Limit):
    """Limits how many pages may be fetched (`--max-pages`): a request reserves one, a fetched page uses it up."""

    def __init__(self, net: Net, settings: Settings) -> None:
        super().__init__(net, "budget")
        self.left = self.counter("budget", start=settings.max_pages or NO_END, budget=True)
        self.takes = [hold(self.left)]
        self.puts = {Fetched: [consume(self.left)]}
        more = "more pages: --max-pages is reached, or will be by those in flight"
        self.wording = {self.left: Wording(more, outlasts=True)}


class GateKeeper(Limit):
    """Requests may start while the gate is open: until the deadline (`--max-time`), or until the crawl is stopped."""

    def __init__(self, net: Net) -> None:
        super().__init__(net, "gate")
        self.open = self.place("gate", Gate, source=True, expires=True, budget=True)
        self.stop = self.place("stop", Stop, source=True)
        self.takes = [read(self.open)]
        self.still = [read(self.open)]
        self.wording = {self.open: Wording("the crawl to go on: it starts no request now")}

        self.transition("close", [self.stop, self.open])
        self.transition("deadline", [expired(self.open)])
