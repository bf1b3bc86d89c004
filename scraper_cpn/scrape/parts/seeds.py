"""Seeds that are not URLs: each is logged, with its reason.

Owns: the lines of an input that could not be read as URLs.
Must not know: how an input is read, what a target is for.
"""

from scraper_cpn.net import Net, Part, Sink, local, put
from scraper_cpn.scrape.colours import Failure


class Seeds(Part):
    """Bad lines come in as failures, and go to the log of all others."""

    def __init__(self, net: Net) -> None:
        super().__init__(net, "seeds")
        self.bad = self.place("bad_seeds", Failure, source=True, work=True, share=local)

    def refuse(self, log: Sink[Failure]) -> None:
        """Log each bad line."""
        self.transition("refuse", [self.bad], outputs=[put(log)])
