"""What happens to a page in the pipeline.

Owns: what each stage passes to the next, and the rows of pages that end there.
Must not know: the net, how a page is parsed, validated or kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    Bad,
    Checked,
    Deferred,
    Extracted,
    Failure,
    Found,
    Kept,
    Parsed,
    Raw,
    StopRequest,
    Stored,
    Target,
    Valid,
)
from scraper_cpn.scrape.policy.frontier import asking
from scraper_cpn.scrape.policy.requests import Reason, RequestPolicy
from scraper_cpn.scrape.policy.visits import planned


@dataclass(frozen=True)
class PipelinePolicy:
    """Makes the tokens and rows that each stage passes on."""

    requests: RequestPolicy

    def links(self, page: Raw, parsed: Parsed) -> Found | None:
        """The links of a page.

        What must not be sent twice is left out where they were followed before: the same form may be another request by
        now, with another hidden token.
        """
        requests = parsed.requests
        if page.target.request.followed:
            requests = tuple(each for each in requests if each.request.repeatable)
        if not (parsed.targets or requests):
            return None
        frontier = self.requests.frontier
        return frontier.without_traps(frontier.depths.links(page.target, parsed.targets, requests))

    def extracted(self, page: Raw, parsed: Parsed) -> Extracted:
        """The token of a page that is to be validated."""
        return Extracted(
            planned(page.target, parsed), parsed.items, page.response.wired, parsed.cut
        )

    def told(self, page: Raw, parsed: Parsed) -> list[Failure]:
        """The rows of a page that goes on: its refreshes that are not followed, and what its handler raised at last."""
        target, bad = page.target, parsed.trouble
        rows = [Failure(target=target, kind="refresh", reason=why) for why in parsed.refused]
        if bad is not None:
            reason, detail = bad.reason, bad.detail
            rows.append(Failure(target=target, kind="partial", reason=reason, detail=detail))
        return rows

    def stop(self, parsed: Parsed) -> StopRequest | None:
        """The request of a handler to start no more requests."""
        return StopRequest(parsed.stop) if parsed.stop else None

    def deferred(self, page: Raw, deferred: Deferred) -> Failure:
        """The row of a page that is requested again."""
        return self.requests.deferred(page, deferred)

    def bad(self, page: Raw | Extracted, bad: Bad) -> Failure:
        """The row of a page that fails because of its content."""
        return Failure(
            target=page.target, kind=bad.kind, reason=bad.reason, detail=bad.detail, final=True
        )

    def checked(self, page: Extracted, valid: Valid) -> Checked:
        """The token of a page whose items are to be written."""
        cut = (*page.cut, *_dropped(valid))
        return Checked(page.target, valid.items, page.wired, cut, valid.number)

    def invalid(self, page: Extracted, valid: Valid) -> list[Failure]:
        """A row for each item that does not fit the schema; the page continues with the others."""
        return [Failure(target=page.target, kind="invalid", reason=line) for line in valid.errors]

    def stored(self, page: Checked, kept: Kept) -> Stored:
        """The row of a page that was stored."""
        return Stored(page.target, kept.items, page.items, kept.length, page.wired, page.cut)

    def lost_page(self, page: Raw | Extracted | Checked, lost: Reason) -> Failure:
        """The row of a page that was lost in the pipeline; its URL is fetched again."""
        parsed = not isinstance(page, Raw)
        return self.requests.lost(followed(page.target) if parsed else page.target, lost)


def followed(target: Target) -> Target:
    """The target of a page whose links are on their way, and that is fetched again."""
    return asking(target, replace(target.request, followed=True))


def _dropped(valid: Valid) -> list[str]:
    """A line for each reason for which items of a page were dropped."""
    return [
        f"{number} item{'s' if number > 1 else ''} dropped: {reason}"
        for reason, number in valid.dropped
    ]
