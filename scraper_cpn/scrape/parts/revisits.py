"""Revisits: a page that was stored is fetched again after a while. Only crawls with `--revisit` have this part.

Owns: the pages that wait for their next visit.
Must not know: how a page is fetched, how changes are found.
"""

from scraper_cpn.net import Net, Output, Part, Place, keyed, put, read
from scraper_cpn.scrape.colours import Checked, Failure, Fetched, Redirected, Target
from scraper_cpn.scrape.parts.permits import Budget, GateKeeper
from scraper_cpn.scrape.policy.requests import RequestPolicy
from scraper_cpn.scrape.policy.visits import VisitPolicy
from scraper_cpn.scrape.settings import Settings


class Revisits(Part):
    """Pages come in when they were kept, or have not changed, and leave when the time has passed."""

    def __init__(self, net: Net, p: VisitPolicy) -> None:
        super().__init__(net, "revisits")
        self._p = p
        self.rests = self.place(
            "revisits", Target, timed=True, work=True, paged=True, share=keyed("domain")
        )

    def at_kept(self, pages: Place[Checked]) -> Output:
        """Put the next visit of a page that was kept."""
        return put(self.rests, self._p.after_keeping, pages, after_ns=self._p.rest_after_keeping_ns)

    def at_page(self, targets: Place[Target]) -> Output:
        """Put the next visit of a page with the same content as before, which goes no further."""
        return put(self.rests, self._p.after_same, targets, Fetched, after_ns=self._p.rest_ns)

    def at_unchanged(self, targets: Place[Target]) -> Output:
        """Put the next visit of a page that has not changed, as its server says."""
        return put(self.rests, self._p.after_unchanged, targets, after_ns=self._p.after_ns)

    def at_redirect(self, targets: Place[Target], p: RequestPolicy) -> Output:
        """Put the next visit of a page that was kept before, and redirects for a while."""
        return put(self.rests, p.visit_later, targets, Redirected, after_ns=self._p.rest_ns)

    def at_failure(self, failed: Place[Failure]) -> Output:
        """Put the next visit of a page that was kept before, and could not be fetched this time."""
        return put(
            self.rests, self._p.after_failing, failed, after_ns=self._p.rest_after_failing_ns
        )

    def begin(self, targets: Place[Target], gate: GateKeeper, budget: Budget) -> None:
        """Put each page into *targets* when its next visit is due, while requests may still start."""
        self.transition(
            "revisit",
            [self.rests, read(gate.open), read(budget.left)],
            outputs=[put(targets, self._p.due, self.rests)],
        )


def revisits_of(net: Net, p: VisitPolicy, settings: Settings) -> Revisits | None:
    """The visits after the first, if there are any."""
    return None if settings.revisit_ns is None else Revisits(net, p)
