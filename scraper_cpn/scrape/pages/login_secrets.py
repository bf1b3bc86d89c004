"""What the steps of a login send: it is kept in memory alone, so that no state has a password.

Owns: the bodies and headers of the steps, from the page that leads to a step until the request is made.
Must not know: the net, states, how a request is sent.
"""

from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from scraper_cpn.scrape.colours import Failed, LoginStep, Redirected, Target
from scraper_cpn.scrape.policy.frontier import asking
from scraper_cpn.scrape.policy.requests import redirected
from scraper_cpn.scrape.request import PLAIN, Request

T = TypeVar("T")
_SENT = ("method", "headers", "body", "content_type")


class _Step(NamedTuple):
    login: int
    number: int
    request: Request


_NONE = _Step(0, 0, PLAIN)


class LoginSecrets:
    """The latest request of each session's login. *first* is that of the first step; None: a GET."""

    def __init__(self, first: Request | None = None) -> None:
        self._first = first
        self._latest: dict[str, _Step] = {}

    def hide(self, outcome: T) -> T | LoginStep:
        """Return the outcome of a page, without what the next step of a login sends."""
        if not isinstance(outcome, LoginStep):
            return outcome
        request = outcome.target.request
        self._keep(request)
        return LoginStep(asking(outcome.target, replace(request, body=b"", headers=())))

    def moved(self, step: Target, redirect: Redirected) -> None:
        """Keep what is sent after a redirect of a step."""
        whole = self.whole(step)
        if isinstance(whole, Target):
            self._keep(redirected(whole, redirect))

    def whole(self, step: Target) -> Target | Failed:
        """Return a step with all that it sends; a failure, if another process has begun the login."""
        asked = step.request
        if asked.step == 1 and (self._first is None or not step.hops):
            return self._begun(step)
        kept = self._latest.get(asked.session, _NONE)
        if (kept.login, kept.number) != (asked.login, asked.step):
            reason = "a page of a login that another process has begun"
            return Failed("login", reason, retry=False, sent=False)
        sent = {name: getattr(kept.request, name) for name in _SENT}
        return asking(step, replace(asked, **sent))

    def _begun(self, step: Target) -> Target:
        self._keep(replace(PLAIN, session=step.request.session, login=step.request.login, step=1))
        if self._first is None:
            return step
        own = step.request
        more = {name: getattr(own, name) for name in ("session", "login", "step", "apart")}
        return asking(step, replace(self._first, idempotent=True, **more))

    def _keep(self, request: Request) -> None:
        """Keep what a step sends, unless its session has begun another login meanwhile."""
        if request.login < self._latest.get(request.session, _NONE).login:
            return
        self._latest[request.session] = _Step(request.login, request.step, request)
