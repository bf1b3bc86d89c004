"""Traps: links to one of endlessly many URLs end in the log, each once. A crawl has this part unless it has no rules.

Owns: the links that count as traps.
Must not know: the rules, where links come from.
"""

from typing import Any

from scraper_cpn.net import KeySet, Net, Output, Part, Place, Sink, keyed, put, put_new
from scraper_cpn.scrape.colours import Failure, Found, Target
from scraper_cpn.scrape.policy.frontier import FrontierPolicy


class Traps(Part):
    """A link that counts as a trap becomes known like any other, and is never fetched."""

    def __init__(self, net: Net, p: FrontierPolicy) -> None:
        super().__init__(net, "traps")
        self._p = p
        self.trapped = self.place("trapped", Target, work=True, share=keyed("domain"))

    def catch(self, seen: KeySet[Target], found: Place[Found]) -> Output:
        """Takes the traps out of links; *seen* are the known URLs."""
        return put_new(seen, self.trapped, self._p.to_trap, found)

    def write(self, log: Sink[Failure]) -> None:
        """Log each with the rule that it breaks."""
        self.transition("trap", [self.trapped], outputs=[put(log, self._p.trapped, self.trapped)])

    def none_in(self, targets: Place[Target]) -> Any:
        """The property that no link to a trap waits in *targets*."""
        from scraper_cpn.analysis import each

        return each(
            targets.name,
            lambda target: target.seed or not self._p.trap(target),
            claim="G7 no link to a trap waits for its turn",
        )


def traps_of(net: Net, p: FrontierPolicy) -> Traps | None:
    """The traps, if the crawl has rules for them."""
    return Traps(net, p) if p.settings.trap_rules else None
