"""Whether a failed target gets another attempt.

Owns: the cap of attempts and the next attempt.
Must not know: the net, how an attempt can fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from msgspec.structs import replace

from scraper_cpn.scrape.colours import CROWDED, WITHHELD, Again, Failure, Over, Target, Verdict
from scraper_cpn.scrape.policy.frontier import asking
from scraper_cpn.scrape.policy.sessions import next_place
from scraper_cpn.scrape.policy.visits import VisitPolicy
from scraper_cpn.scrape.settings import Settings


@dataclass(frozen=True)
class RetryPolicy:
    """Whether and when a target gets another attempt."""

    settings: Settings

    def verdict(self, failure: Failure) -> Verdict:
        """Whether a target gets another attempt."""
        left = failure.target.attempt <= self.settings.retries or _is_no_attempt(failure)
        if failure.retry and left:
            return Again()
        return Over()

    def next_attempt(self, failure: Failure) -> Target:
        """The target for its next attempt; some failures do not count as attempts."""
        if _is_no_attempt(failure):
            return failure.target
        target = failure.target
        if target.request.pooled and target.request.by_url:
            session = next_place(target.request.session, self.settings)
            target = asking(target, replace(target.request, session=session))
        return replace(target, attempt=target.attempt + 1)

    def again_after_ns(self, failure: Failure) -> int:
        """How long the next attempt waits, in addition to its domain's pause."""
        return failure.wait_ns

    def over(self, failure: Failure) -> Failure:
        """The row of a target that is not tried again; it is not the final one if the page is visited later."""
        return replace(failure, final=self.visits.after_failing(failure) is None)

    @cached_property
    def visits(self) -> VisitPolicy:
        """Visits after the first."""
        return VisitPolicy(self.settings)


def _is_no_attempt(failure: Failure) -> bool:
    """Whether the request was not written, or the page only waits for its turn to be parsed."""
    return is_unsent(failure) or failure.kind == CROWDED


def is_unsent(outcome: object) -> bool:
    """Whether the failed request was never written, so that it does not count as an attempt."""
    return getattr(outcome, "kind", "") == WITHHELD
