"""Visits: which pages are fetched again after a while, and what has changed since.

Owns: what a page's next visit needs, and whether its content is the same.
Must not know: the net, clocks, HTTP libraries.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from msgspec.structs import replace

from scraper_cpn.scrape.colours import Checked, Failure, Fetched, Parsed, Redirected, Target
from scraper_cpn.scrape.policy.frontier import asking
from scraper_cpn.scrape.policy.stages import plain_target
from scraper_cpn.scrape.request import NEVER, Visit, first_visit
from scraper_cpn.scrape.settings import Settings

_DIGEST_BYTES = 16
_FOR_A_WHILE = frozenset({302, 303, 307})
"""Redirects after which a URL is used again (RFC 9110 section 15.4)."""
_VALIDATOR_CHARS_MAX = 1_000
"""Longer ones are not sent back: many servers refuse headers of some kilobytes."""


@dataclass(frozen=True)
class VisitPolicy:
    """When a page is visited again. A page is what a GET of its URL brings; other requests are not made again."""

    settings: Settings
    remembers: bool = False
    """As that of `Policy`."""

    @property
    def keeps(self) -> bool:
        """Whether a page keeps what tells if it has changed."""
        return self.settings.compares or self.remembers

    def after_ns(self, target: Target) -> int:
        """The time from a visit of a page to the next one."""
        visit = target.request.visit
        if visit is None or visit.after_ns is None:
            return self.settings.revisit_ns or 0
        return visit.after_ns

    def rest_ns(self, target: Target, outcome: object) -> int:
        """As `after_ns`, whatever the visit has come to."""
        del outcome
        return self.after_ns(target)

    def rest_after_keeping_ns(self, page: Checked) -> int:
        """As `after_ns`, for a page that was kept."""
        return self.after_ns(page.target)

    def rest_after_failing_ns(self, failure: Failure) -> int:
        """As `after_ns`, for a page that has failed."""
        return self.after_ns(failure.target)

    def fetched(self, target: Target, fetched: Fetched) -> Target | None:
        """The target of a page that has come, with what its next visit needs; None if its content is the same."""
        target = plain_target(target)
        if not self.keeps or not target.request.by_url:
            return target
        new, before = state_of(fetched), target.request.visit or Visit()
        if self.settings.compares and before.kept == new.content:
            return None
        visit = replace(new, number=before.number, kept=before.kept)
        return asking(target, replace(target.request, visit=visit))

    def after_keeping(self, page: Checked) -> Target | None:
        """The next visit of a page that was kept."""
        visit = page.target.request.visit
        return None if visit is None else self._next(page.target, visit)

    def after_same(self, target: Target, fetched: Fetched) -> Target | None:
        """The next visit of a page whose content was the same."""
        if self.fetched(target, fetched) is not None:
            return None
        return self._next(
            target, replace(state_of(fetched), number=_number(target), after_ns=_chosen_ns(target))
        )

    def after_unchanged(self, target: Target) -> Target | None:
        """The next visit of a page that has not changed, as its server says."""
        return None if target.request.visit is None else self._next(target, as_kept(target))

    def after_failing(self, failure: Failure) -> Target | None:
        """The next visit of a page that this crawl has visited before, and that fails in a way that may pass."""
        if not _was_visited(failure.target) or not failure.retry:
            return None
        return self._next(failure.target, as_kept(failure.target))

    def after_redirect(self, target: Target, redirect: Redirected) -> Target | None:
        """The next visit of a page that this crawl has visited before, and that redirects for a while, for example to a notice."""
        if not _was_visited(target) or redirect.status not in _FOR_A_WHILE:
            return None
        return self._next(target, as_kept(target))

    def same(self, target: Target, fetched: Fetched) -> Failure | None:
        """The row of a page whose content was the same."""
        if self.fetched(target, fetched) is not None:
            return None
        return self._row(target, "the same content as before")

    def unchanged(self, target: Target) -> Failure:
        """The row of a page that has not changed, as its server says."""
        return self._row(target, "its server says: not modified", 304)

    def is_last(self, target: Target) -> bool:
        """Whether a page is not visited again."""
        if self.settings.revisit_ns is None or not target.request.by_url:
            return True
        if _chosen_ns(target) == NEVER:
            return True
        return self.settings.visits is not None and _number(target) >= self.settings.visits

    def _next(self, target: Target, visit: Visit) -> Target | None:
        if self.is_last(target):
            return None
        visit = replace(visit, number=visit.number + 1, kept=visit.content, content="")
        request = replace(first_visit(target.request), visit=visit)
        return replace(asking(target, request), attempt=1, lost=0, hops=0)

    def known(self, target: Target, visit: Visit) -> Target:
        """A page that an earlier crawl has kept, asked for under the conditions of its last *visit* there."""
        fresh = Visit(kept=visit.kept, etag=visit.etag, modified=visit.modified)
        return self.due(asking(target, replace(target.request, visit=fresh)))

    def due(self, target: Target) -> Target:
        """A page whose next visit is due, with the conditions under which it is asked for.

        They are added now, since pages rest by the million.
        """
        visit, request = target.request.visit or Visit(), target.request
        asks = [("If-None-Match", visit.etag), ("If-Modified-Since", visit.modified)]
        headers = (*first_visit(request).headers, *(each for each in asks if each[1]))
        return asking(target, replace(request, headers=headers))

    def _row(self, target: Target, reason: str, status: int | None = None) -> Failure:
        """It is the last row of its URL where no visit follows."""
        last = self.is_last(target)
        page = plain_target(target)
        return Failure(target=page, kind="unchanged", reason=reason, status=status, final=last)


def planned(target: Target, parsed: Parsed) -> Target:
    """A page with the time of its next visit, if the program has chosen one."""
    visit = target.request.visit
    if visit is None or parsed.again_ns is None:
        return target
    return asking(target, replace(target.request, visit=replace(visit, after_ns=parsed.again_ns)))


def state_of(fetched: Fetched) -> Visit:
    """What tells whether a page has changed: its validators (RFC 9110 section 8.8) and its content."""
    if fetched.visit is not None:
        return fetched.visit
    headers = dict(fetched.response.headers)
    content = blake2b(fetched.response.body, digest_size=_DIGEST_BYTES).hexdigest()
    return Visit(
        content=content,
        etag=_sendable(headers.get("etag", "")),
        modified=_sendable(headers.get("last-modified", "")),
    )


def _sendable(validator: str) -> str:
    """A validator that can be a header of a request; empty for any other."""
    plain = validator.isascii() and validator.isprintable()
    return validator if plain and len(validator) <= _VALIDATOR_CHARS_MAX else ""


def as_kept(target: Target) -> Visit:
    """The state of a page that was kept last.

    Its validators are those that are asked for: an attempt since may have brought others, with a page that was not kept.
    """
    asked, visit = dict(target.request.headers), target.request.visit or Visit()
    return replace(
        visit,
        content=visit.kept,
        etag=asked.get("If-None-Match", ""),
        modified=asked.get("If-Modified-Since", ""),
    )


def _chosen_ns(target: Target) -> int | None:
    visit = target.request.visit
    return None if visit is None else visit.after_ns


def _was_visited(target: Target) -> bool:
    """Whether a page was visited with success before; only in an earlier crawl does not count."""
    visit = target.request.visit
    return visit is not None and bool(visit.kept) and visit.number > 1


def _number(target: Target) -> int:
    visit = target.request.visit
    return 1 if visit is None else visit.number
