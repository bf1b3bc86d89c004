"""Whether a failed target gets another attempt.

Owns: the cap of attempts and the next attempt.
Must not know: the net, how an attempt can fail.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from scraper_cpn.scrape.colours import Again, Failure, Over, Target, Verdict
from scraper_cpn.scrape.settings import Settings


@dataclass(frozen=True)
class RetryPolicy:
    """Whether and when a target gets another attempt."""

    settings: Settings

    def verdict(self, failure: Failure) -> Verdict:
        """Whether a target gets another attempt."""
        if failure.retry and failure.target.attempt <= self.settings.retries:
            return Again()
        return Over()

    def next_attempt(self, failure: Failure) -> Target:
        """The target, for its next attempt."""
        return replace(failure.target, attempt=failure.target.attempt + 1)

    def again_after_ns(self, failure: Failure) -> int:
        """How long the next attempt waits by itself, beside its domain."""
        return failure.wait_ns

    def over(self, failure: Failure) -> Failure:
        """The last row of a target that failed for good."""
        return replace(failure, final=True)
