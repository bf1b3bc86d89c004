"""Logins: which pages wait for one, when there is another one, and what becomes of its own pages.

Owns: the steps of a login, what ends it, and the requests that are made again after it.
Must not know: the net, how a page shows that it asks for a login.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    ANY_LOGIN,
    PRIORITY_MAX,
    STEPS,
    Bad,
    Denied,
    Failure,
    Found,
    Hearing,
    Link,
    LoggedIn,
    LoggedOut,
    Login,
    LoginBroken,
    LoginChanged,
    LoginNews,
    LoginStale,
    LoginStep,
    Raw,
    Redirected,
    Target,
    gate_of,
)
from scraper_cpn.scrape.policy.frontier import FrontierPolicy
from scraper_cpn.scrape.policy.stages import plain_target
from scraper_cpn.scrape.request import PLAIN, Request, before_return
from scraper_cpn.scrape.settings import Settings

STEPS_MAX = 10
"""Pages of one login, without redirects."""


@dataclass(frozen=True)
class LoginPolicy:
    """When a session logs in, by which requests."""

    settings: Settings
    frontier: FrontierPolicy

    # The state of a session.

    def newcomer(self, target: Target) -> Login | None:
        """The session of a page, which is not logged in."""
        return None if target.request.login else Login(target.gate, target.request.session)

    def steps(self, target: Target) -> Login | None:
        """The token that lets the steps of all logins pass."""
        return Login(STEPS, state="in") if target.request.login else None

    def is_in(self, login: Login) -> bool:
        """Whether what needs the session may start."""
        return login.state == "in"

    def is_out(self, login: Login) -> bool:
        """Whether the session has to log in."""
        return login.state == "out"

    def begun(self, login: Login) -> Login:
        """The session while it logs in."""
        return replace(login, number=login.number + 1, state="going")

    def heard(self, news: LoginNews, login: Login) -> Hearing:
        """Whether news are about the present login."""
        if news.number == ANY_LOGIN:
            return LoginChanged() if login.state in {"in", "going"} else LoginStale()
        expected = "in" if news.state == "out" else "going"
        if news.number != login.number or login.state != expected:
            return LoginStale()
        return LoginBroken() if news.state == "failed" else LoginChanged()

    def changed(self, news: LoginNews, login: Login) -> Login:
        """The session after news."""
        return replace(login, state=news.state)

    # The steps of a login.

    def first(self, login: Login) -> Found:
        """The request for the page at which a session logs in."""
        url = self.settings.login
        assert url is not None
        request = replace(PLAIN, session=login.session, login=login.number + 1, step=1)
        return Found((), (self._step(Link(url), request),))

    def next(self, page: Target, link: Link) -> Target | None:
        """The request that a page of a login leads to; None after too many."""
        before = page.request
        if before.step >= STEPS_MAX:
            return None
        request = link.request or PLAIN
        return self._step(
            link,
            replace(request, session=before.session, login=before.login, step=before.step + 1),
        )

    def _step(self, link: Link, request: Request) -> Target:
        """A step goes before all pages. It may be made again: at worst the session logs in twice."""
        apart = f"login {request.login}, step {request.step}"
        return self.frontier.target(
            link.url,
            site=self.frontier.site_of(link.url),
            requested_url=link.url,
            priority=-PRIORITY_MAX,
            handler=str(link.to),
            request=replace(request, idempotent=True, apart=apart),
        )

    def step(self, step: LoginStep) -> Found:
        """The next request of a login, on its way."""
        return Found((), (step.target,))

    def page_of_login(self, page: Raw, outcome: LoginStep | LoggedIn) -> Failure:
        """The row of a page of a login, which is not stored."""
        del outcome
        reason = "a page of the login"
        return Failure(target=page.target, kind="login", reason=reason, final=True)

    # The news.

    def done(self, page: Raw, outcome: LoggedIn) -> LoginNews:
        """The last page of a login has come."""
        del outcome
        return _about(page.target, "in")

    def over(self, failure: Failure) -> LoginNews | None:
        """The news that a step has failed after its last attempt."""
        return failed_step(failure.target)

    def bad(self, page: Raw, bad: Bad) -> LoginNews | None:
        """The handler of a step did not lead on."""
        del bad
        return failed_step(page.target)

    def denied(self, target: Target, denied: Denied) -> LoginNews | None:
        """robots.txt forbids a step."""
        del denied
        return failed_step(target)

    def logged_out(self, page: Raw, outcome: LoggedOut) -> LoginNews:
        """A page asks for a login."""
        del outcome
        return LoginNews(page.target.gate, page.login, "out")

    def sent_away(self, target: Target, login: Login, redirect: Redirected) -> LoginNews | None:
        """A page redirects to the login."""
        if not self.sends_away(target, redirect):
            return None
        return LoginNews(target.gate, login.number, "out")

    # The pages that needed a login.

    def sends_away(self, target: Target, redirect: Redirected) -> bool:
        """Whether a redirect of a page leads to the login, instead of to what was requested."""
        if self.settings.login is None or target.request.login:
            return False
        return self.is_login(redirect.url) and not self.is_login(target.requested_url)

    def is_login(self, url: str) -> bool:
        """Whether a URL is that of the login, whatever its query."""
        return self.settings.login is not None and _path(url) == _path(self.settings.login)

    def again(self, page: Raw, outcome: LoggedOut) -> Failure:
        """The row of a page that asks for a login: it is requested again after it, unless that was a POST with another status."""
        return self._expired(page.target, refused=outcome.refused)

    def again_later(self, target: Target, redirect: Redirected) -> Failure | None:
        """The row of a page that redirects to the login; as `again`."""
        away = self.sends_away(target, redirect)
        return self._expired(target, refused=False) if away else None

    def _expired(self, target: Target, *, refused: bool) -> Failure:
        if not (refused or target.request.repeatable):
            return unsure(plain_target(target), "the site asked for a login")
        reason = "the site asked for a login"
        if target.request.turned:
            reason += " after a request that can't be made again from here"
        return Failure(
            target=self._at_first(target),
            kind="expired",
            reason=reason,
            retry=not target.request.turned,
        )

    def _at_first(self, target: Target) -> Target:
        """The target as it was before its redirects."""
        if not target.hops or target.request.turned:
            return plain_target(target)
        return self.frontier.target(
            target.requested_url,
            site=target.site,
            requested_url=target.requested_url,
            parent=target.parent,
            depth=target.depth,
            priority=target.priority,
            rank=target.rank,
            attempt=target.attempt,
            lost=target.lost,
            handler=target.handler,
            request=before_return(target.request),
        )


def unsure(target: Target, what: str) -> Failure:
    """The row of a request that the server may have processed, and that must not be sent twice."""
    reason = f"{what}; this {target.request.method} may have been processed, and is not idempotent"
    return Failure(target=target, kind="unsure", reason=reason)


def failed_step(target: Target) -> LoginNews | None:
    """The news that a step of a login has failed after its last attempt; None for a page."""
    return _about(target, "failed") if target.request.login else None


def _about(step: Target, state: Literal["in", "failed"]) -> LoginNews:
    return LoginNews(gate_of(step.request.session), step.request.login, state)


def _path(url: str) -> str:
    return url.partition("?")[0]
