"""The login of a program, page by page.

Owns: which handler takes a page of a login, where it leads, and whether a page asks for a login.
Must not know: the net, how handlers are called, which requests wait for a login.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from scraper_cpn.scrape.colours import Bad, Link, LoggedIn, LoggedOut, LoginStep, Raw, Target
from scraper_cpn.scrape.pages.handlers import Handler, HandlerError, Handlers
from scraper_cpn.scrape.pages.hooked import HookError, bad
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.verdicts import HandlerDecision
from scraper_cpn.scrape.policy.logins import STEPS_MAX, LoginPolicy
from scraper_cpn.scrape.settings import Settings, UsageError


class SignOn:
    """How a program logs in. *handlers* have a login."""

    def __init__(self, handlers: Handlers, policy: LoginPolicy) -> None:
        self._handlers = handlers
        self._policy = policy

    def handler(self, step: Target) -> Handler | None:
        """Return who takes a page of a login: the first one its handler, another one whom the link has named."""
        assert self._handlers.login is not None
        if step.request.step == 1:
            return self._handlers.login
        return self._handlers.find(step.handler, step.url) if step.handler else _AT_THE_END

    def asks(self, page: Page, raw: Raw) -> LoggedOut | Bad | None:
        """Return what becomes of a page that asks for a login; None for all others, and for pages of a login.

        Raises what the program raises, as a hook.
        """
        if raw.target.request.login:
            return None
        if self._policy.is_login(raw.target.requested_url):
            return Bad("login", "the page that asks for the login")
        if not self._expired(page):
            return None
        return LoggedOut(refused=page.status == HTTPStatus.UNAUTHORIZED)

    def led(self, page: Page, raw: Raw, results: Iterable[Any]) -> LoginStep | LoggedIn | Bad:
        """Return where a page of a login leads, by what its handler has returned. Raises `HandlerError`."""
        links = list(results)
        if any(not isinstance(link, Link) for link in links) or len(links) > 1:
            raise HandlerError("returned more than a link: a page of a login leads to one page")
        if not links:
            return _REFUSED if self._expired(page) else LoggedIn()
        link = self._handlers.checked(links[0], page.base, 0)
        if link is None:
            raise HandlerError("returned a link to no web address")
        target = self._policy.next(raw.target, link)
        return (
            Bad("login", f"it takes more than {STEPS_MAX} pages")
            if target is None
            else LoginStep(target)
        )

    def _expired(self, page: Page) -> bool:
        if page.status == HTTPStatus.UNAUTHORIZED:
            return True
        expired = self._handlers.expired
        if expired is None:
            return False
        try:
            return bool(expired(page))
        except HandlerDecision:
            raise
        except Exception as error:
            raise HookError(bad(expired, error)) from error


def _no_link(page: Page) -> None:
    del page


_AT_THE_END = Handler(_no_link, "")
"""Takes the page that a login ends with."""
_REFUSED = Bad("expired", "the page after the login asks for a login again")


def sign_on_of(settings: Settings, handlers: Handlers, policy: LoginPolicy) -> SignOn | None:
    """Return how a program logs in; None if it does not. Raises `UsageError` where its login has no handler."""
    if settings.login is None:
        return None
    if handlers.login is None:
        raise UsageError("login: only a program can log in; declare how with @crawl.login(url)")
    return SignOn(handlers, policy)


def raising(ended: Bad) -> Handler:
    """Return a handler that fails each page in this way."""

    def fail(page: Page) -> None:
        del page
        raise HookError(ended)

    return Handler(fail, "")
