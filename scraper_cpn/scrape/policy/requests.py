"""What happens after a request for a page, by its outcome.

Owns: the tokens for pages, redirects and failures.
Must not know: the net, what a failed target does next.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Protocol

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    CROWDED,
    LOST,
    Deferred,
    Failed,
    Failure,
    Fetched,
    Found,
    Login,
    LoginNews,
    PooledSession,
    Proxy,
    Raw,
    Redirected,
    Target,
    Throttled,
)
from scraper_cpn.scrape.policy.duplicates import DuplicatePolicy
from scraper_cpn.scrape.policy.frontier import FrontierPolicy, split
from scraper_cpn.scrape.policy.logins import LoginPolicy, failed_step, unsure
from scraper_cpn.scrape.policy.pauses import backoff_ns
from scraper_cpn.scrape.policy.retries import is_unsent
from scraper_cpn.scrape.policy.routes import is_ban
from scraper_cpn.scrape.policy.stages import plain_target
from scraper_cpn.scrape.policy.visits import VisitPolicy
from scraper_cpn.scrape.request import FORM_TYPES, PLAIN, Request, first_visit, returning
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import origin_of

TOO_MANY_REQUESTS = 429
NOT_PROCESSED = frozenset({408, 421, 425, 407})
"""Statuses that say that the request was not processed (RFC 9110, RFC 8470)."""

TOKEN_REFUSED = frozenset({400, 403, 419, 422})
"""Statuses with which frameworks refuse a form whose hidden token does not count any more."""


class Reason(Protocol):
    """Anything with a reason, such as the net's `Lost`."""

    @property
    def reason(self) -> str:
        """One line for people."""


@dataclass(frozen=True)
class RequestPolicy:
    """Turns each outcome of a fetch into tokens and rows for its target."""

    settings: Settings
    frontier: FrontierPolicy
    remembers: bool = False
    """As that of `Policy`."""

    def raw(self, target: Target, fetched: Fetched) -> Raw:
        """The token of a page that is to be parsed."""
        return Raw(target, fetched.response)

    def raw_through(self, target: Target, proxy: Proxy, fetched: Fetched) -> Raw | None:
        """As `raw`, with the name of the proxy; None for a page that has not changed since its last visit."""
        page = self.visits.fetched(target, fetched)
        content = self.duplicates.key(target, fetched)
        return None if page is None else Raw(page, fetched.response, proxy.proxy, 0, content)

    def raw_logged_in(
        self, target: Target, proxy: Proxy, login: Login, fetched: Fetched
    ) -> Raw | None:
        """As `raw_through`, with the number of the login."""
        page = self.visits.fetched(target, fetched)
        if page is None:
            return None
        content = self.duplicates.key(target, fetched)
        return Raw(page, fetched.response, proxy.proxy, login.number, content)

    @cached_property
    def duplicates(self) -> DuplicatePolicy:
        """Pages with the same content."""
        return DuplicatePolicy(self.settings)

    @cached_property
    def visits(self) -> VisitPolicy:
        """Visits after the first."""
        return VisitPolicy(self.settings, self.remembers)

    def raw_in_session(
        self, target: Target, proxy: Proxy, session: PooledSession, fetched: Fetched
    ) -> Raw | None:
        """As `raw_through`, with the session of the pool."""
        page = self.raw_through(target, proxy, fetched)
        return None if page is None else replace(page, session=session)

    def raw_logged_in_session(
        self, target: Target, proxy: Proxy, login: Login, session: PooledSession, fetched: Fetched
    ) -> Raw | None:
        """As `raw_in_session`, with the number of the login."""
        page = self.raw_logged_in(target, proxy, login, fetched)
        return None if page is None else replace(page, session=session)

    @cached_property
    def logins(self) -> LoginPolicy:
        """Logins."""
        return LoginPolicy(self.settings, self.frontier)

    def deferred(self, page: Raw, deferred: Deferred) -> Failure:
        """The row of a page that its handler wants to be requested again."""
        after_ns = deferred.after_ns
        if after_ns is None:
            after_ns = backoff_ns(self.settings, page.target.attempt, page.target.url)
        return Failure(
            target=page.target,
            kind=CROWDED if deferred.crowded else "retry",
            reason=deferred.reason,
            status=deferred.status,
            retry=True,
            wait_ns=after_ns,
        )

    def hop(self, target: Target, redirect: Redirected) -> Found | None:
        """The target of a redirect, if it passes what a link must pass and is within the limit."""
        if self._stray(target, redirect) or self.logins.sends_away(target, redirect):
            return None
        url, request = self._goal(target, redirect), target.request
        plain = request is PLAIN and not redirect.cookies
        hop = self.frontier.target(
            url,
            site=self.frontier.site_after(target, url),
            requested_url=target.requested_url,
            parent=target.parent,
            depth=target.depth,
            priority=target.priority,
            rank=target.rank,
            hops=target.hops + 1,
            handler=target.handler,
            request=request if plain else redirected(target, redirect),
        )
        found = Found((hop,)) if plain else split([hop])
        return self.frontier.depths.links(target, found.targets, found.requests)

    def hop_now(self, target: Target, redirect: Redirected) -> Found | None:
        """The target of a redirect without a Retry-After."""
        return None if redirect.wait_ns else self.hop(target, redirect)

    def hop_later(self, target: Target, redirect: Redirected) -> Found | None:
        """The target of a redirect that asks to wait."""
        return self.hop(target, redirect) if redirect.wait_ns else None

    def hop_after_ns(self, target: Target, redirect: Redirected) -> int:
        """How long such a target waits."""
        del target
        return redirect.wait_ns

    def redirect_of_page(self, target: Target, redirect: Redirected) -> Failure | None:
        """As `redirect`; a URL that asks for a login is not over."""
        away = self.logins.sends_away(target, redirect)
        return None if away else self.redirect(target, redirect)

    def stray_step(self, target: Target, redirect: Redirected) -> LoginNews | None:
        """The news of a step of a login whose redirect is not followed."""
        return failed_step(target) if self._stray(target, redirect) else None

    def visit_later(self, target: Target, redirect: Redirected) -> Target | None:
        """The next visit of a page that redirects for a while, but not to its login."""
        away = self.logins.sends_away(target, redirect)
        return None if away else self.visits.after_redirect(plain_target(target), redirect)

    def redirect(self, target: Target, redirect: Redirected) -> Failure:
        """The row of a URL that redirects; it is not the final one if the page is visited later."""
        final = self.visit_later(target, redirect) is None
        target = plain_target(target)
        stray = self._stray(target, redirect)
        kind, reason = stray or (
            "redirected",
            f"redirects to {redirect.url}{self._remark(target, redirect)}",
        )
        return Failure(target=target, kind=kind, reason=reason, status=redirect.status, final=final)

    def throttled(self, target: Target, throttled: Throttled) -> Failure:
        """The row of an attempt that the server refused."""
        if is_ban(self.settings, target, throttled.status):
            return self._banned(target, throttled.status)
        reason = f"HTTP {throttled.status}" + (
            ", no Retry-After" if throttled.wait_ns is None else ""
        )
        by_domain = self.settings.backoff_scope == "domain"
        wait_ns = (
            0
            if by_domain
            else throttled.wait_ns or backoff_ns(self.settings, target.attempt, target.url)
        )
        failure = Failure(
            target=plain_target(target),
            kind="throttled",
            reason=reason,
            status=throttled.status,
            retry=True,
            wait_ns=wait_ns,
        )
        asked_back = throttled.status == TOO_MANY_REQUESTS or throttled.wait_ns is not None
        return failure if asked_back else self._unless_processed(failure)

    def failed(self, target: Target, failed: Failed) -> Failure:
        """The row of an attempt that failed."""
        if is_ban(self.settings, target, failed.status):
            return self._banned(target, failed.status)
        unsent = is_unsent(failed)
        wait_ns = 0 if unsent else failed.wait_ns
        if not (unsent or wait_ns):
            wait_ns = backoff_ns(self.settings, target.attempt, target.url)
        failure = Failure(
            target=plain_target(target),
            kind=failed.kind,
            reason=failed.reason + _of_a_form(target, failed.status),
            status=failed.status,
            retry=failed.retry,
            wait_ns=wait_ns,
        )
        processed = failed.sent and not unsent and failed.status not in NOT_PROCESSED
        return self._unless_processed(failure) if processed else failure

    def lost(self, target: Target, lost: Reason) -> Failure:
        """The row of an attempt that was cancelled or crashed."""
        wait_ns = backoff_ns(self.settings, target.attempt, target.url)
        failure = Failure(
            target=plain_target(target),
            kind=LOST,
            reason=lost.reason,
            retry=True,
            wait_ns=wait_ns,
        )
        return self._unless_processed(failure)

    def _banned(self, target: Target, status: int | None) -> Failure:
        """The row of an attempt whose proxy the site has refused; the next one goes through another."""
        failure = Failure(
            target=plain_target(target),
            kind="banned",
            reason=f"HTTP {status} refuses the proxy",
            status=status,
            retry=True,
        )
        processed = status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return self._unless_processed(failure) if processed else failure

    def _unless_processed(self, failure: Failure) -> Failure:
        """The row of an attempt that the server may have processed: then only what may be repeated is retried."""
        if not failure.retry or failure.target.request.repeatable:
            return failure
        return replace(unsure(failure.target, failure.reason), status=failure.status)

    def _stray(self, target: Target, redirect: Redirected) -> tuple[str, str] | None:
        """Why a redirect is not followed."""
        if target.hops >= self.settings.max_redirects:
            return (
                "redirect",
                f"more than {self.settings.max_redirects} redirects, the last to {redirect.url}",
            )
        if self._circles(target, redirect):
            return ("redirect", "redirects in a circle, back to itself")
        return self.frontier.objection(target, self._goal(target, redirect))

    def _goal(self, target: Target, redirect: Redirected) -> str:
        """The URL that is requested after a redirect.

        It has the parameters that URLs lack otherwise where a server insists on them, and would redirect back.
        """
        url = self.frontier.asked(redirect.url)
        return redirect.url if url in (target.url, target.requested_url) else url

    def _remark(self, target: Target, redirect: Redirected) -> str:
        if self.frontier.joins(target, redirect.url):
            return ""
        return " (another site: its links there are not followed; --follow-seeds follows them)"

    def _circles(self, target: Target, redirect: Redirected) -> bool:
        """Whether a redirect leads back to a request that was made; the answer to a POST may be on its own URL.

        A URL with other cookies than before is another request, as long as `max_redirects` allows.
        """
        if redirect.cookies and _returns(target, redirect):
            return redirected(target, redirect) == target.request
        url = self._goal(target, redirect)
        if target.request.by_url:
            return url in (target.url, target.requested_url)
        if url != target.url and (target.request.turned or url != target.requested_url):
            return False
        return redirected(target, redirect) == target.request


def _of_a_form(target: Target, status: int | None) -> str:
    """What may be wrong with a form that is refused, as a remark; empty for anything else."""
    request = target.request
    is_form = request.method == "POST" and request.content_type.startswith(FORM_TYPES)
    if status not in TOKEN_REFUSED or not is_form or request.login or target.parent is None:
        return ""
    return f" (the token of a form may be over; a new one is on its page: {target.parent})"


def _returns(target: Target, redirect: Redirected) -> bool:
    return redirect.url in (target.url, target.requested_url)


def redirected(target: Target, redirect: Redirected) -> Request:
    """The request of the next hop (RFC 9110 section 15.4; WHATWG Fetch, "HTTP-redirect fetch").

    303 makes a GET of all but HEAD, 301 and 302 make one of POST. Such a GET is the answer to its request, and is
    made although its URL is known. Headers stay with their origin. So is one that comes back with other cookies, and what
    follows it.
    """
    request = first_visit(target.request)
    if redirect.cookies and _returns(target, redirect):
        request = returning(request, redirect.cookies)
    if origin_of(redirect.url) != target.origin:
        request = replace(request, headers=())
    method, status = request.method, redirect.status
    if not (
        (method == "POST" and status in (301, 302))
        or (method not in ("GET", "HEAD") and status == HTTPStatus.SEE_OTHER)
    ):
        return request
    apart = request.identity(target.url)
    return replace(
        request, method="GET", body=b"", content_type="", idempotent=False, apart=apart, turned=True
    )
