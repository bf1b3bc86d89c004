"""Whether a failed target gets another attempt.

Owns: the cap of attempts and the next attempt.
Must not know: the net, how an attempt can fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    CROWDED,
    LOST,
    WITHHELD,
    Again,
    Failure,
    FileJob,
    Over,
    RobotsJob,
    SitemapJob,
    Target,
    Verdict,
)
from scraper_cpn.scrape.policy.frontier import asking
from scraper_cpn.scrape.policy.sessions import next_place
from scraper_cpn.scrape.policy.visits import VisitPolicy
from scraper_cpn.scrape.settings import Settings

Made = Target | RobotsJob | SitemapJob | FileJob
"""What attempts are made for."""
MadeT = TypeVar("MadeT", bound=Made)


@dataclass(frozen=True)
class RetryPolicy:
    """Whether and when a target gets another attempt."""

    settings: Settings

    def verdict(self, failure: Failure) -> Verdict:
        """Whether a target gets another attempt."""
        left = not was_last(self.settings, failure.target, failure)
        return Again() if failure.retry and left else Over()

    def next_attempt(self, failure: Failure) -> Target:
        """The target for its next attempt; some failures do not count as attempts."""
        if _is_no_attempt(failure):
            return failure.target
        target = failure.target
        if target.request.pooled and target.request.by_url:
            session = next_place(target.request.session, self.settings)
            target = asking(target, replace(target.request, session=session))
        return next_attempt(target, failure)

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


def was_last(settings: Settings, made: Made, outcome: object) -> bool:
    """Whether an attempt with this outcome was the last one.

    `--retries` bounds the attempts that the site or the page has made fail. Those that were lost with their process have a
    bound of their own: the crawler's deaths make no page fail, and a page that kills its process does so a few times only.
    """
    if _is_no_attempt(outcome):
        return False
    if is_lost(outcome):
        return made.lost + 1 >= settings.losses
    return made.attempt - made.lost > settings.retries


def next_attempt(made: MadeT, outcome: object) -> MadeT:
    """What was asked for, for its next attempt; some outcomes do not count as attempts."""
    if _is_no_attempt(outcome):
        return made
    lost = made.lost + is_lost(outcome)
    return replace(made, attempt=made.attempt + 1, lost=lost)


def _is_no_attempt(outcome: object) -> bool:
    """Whether the request was not written, or the page only waits for its turn to be parsed."""
    return getattr(outcome, "kind", "") in (WITHHELD, CROWDED)


def is_unsent(outcome: object) -> bool:
    """Whether the failed request was never written, so that it does not count as an attempt."""
    return getattr(outcome, "kind", "") == WITHHELD


def is_lost(outcome: object) -> bool:
    """Whether an attempt was lost with its process. The net's `Lost` has a reason, and neither kind nor status."""
    kind = getattr(outcome, "kind", None)
    return not hasattr(outcome, "status") if kind is None else kind == LOST
