"""The sessions of the pool: which pages each has, its pace, and when another one takes its place.

Owns: the tokens of sessions and how they change, and the place in the pool of each page.
Must not know: the net, clocks, what a session consists of.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from zlib import crc32

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    ANY_LOGIN,
    Deferred,
    Failed,
    LoginNews,
    PooledSession,
    Proxy,
    Raw,
    RoutedTarget,
    SessionFault,
    Target,
    Throttled,
    gate_of,
)
from scraper_cpn.scrape.policy.pauses import backoff_ns, gap_after
from scraper_cpn.scrape.request import POOLED
from scraper_cpn.scrape.settings import Settings

ERRORS_MAX = 3
"""After so many errors in a row a session is given up."""
_REFUSED = frozenset({401, 403})


@dataclass(frozen=True)
class SessionPolicy:
    """How often a session is used, and for how long."""

    settings: Settings

    def newcomer(self, target: Target) -> PooledSession:
        """The session of a page, if it is the first one there."""
        session = PooledSession(target.session)
        return (
            replace(session, proxy=self._proxy(session))
            if self.settings.sticky_proxies
            else session
        )

    def _proxy(self, session: PooledSession) -> str:
        """The proxy that a session keeps: those in one place of the pool have one after the other."""
        names = [each.proxy for each in self.settings.proxies]
        first = crc32(session.session.encode())
        if session.pooled:
            first = int(session.session.removeprefix(POOLED)) - 1
        return names[(first + session.generation - 1) % len(names)]

    def used(self, session: PooledSession) -> PooledSession:
        """The token after a start."""
        return replace(session, calm=min(session.calm + 1, 2)) if session.errors else session

    def gap_ns(self, session: PooledSession) -> int:
        """The pause from one start to the next."""
        del session
        return gap_after(self.settings.session_delay_ns)

    def throttled(self, session: PooledSession, throttled: Throttled) -> SessionFault:
        """A refusal is an error of the session."""
        del throttled
        return _fault(session)

    def failed(self, session: PooledSession, failed: Failed) -> SessionFault | None:
        """A page that is forbidden is an error of the session, and so is a proxy that it keeps and that fails."""
        own = failed.kind == "proxy" and session.proxy
        return _fault(session) if own or failed.status in _REFUSED else None

    def elsewhere(self, page: Raw, deferred: Deferred) -> SessionFault | None:
        """A page that its handler wants to come another way is an error of the session."""
        if not deferred.elsewhere or page.session is None:
            return None
        return _fault(page.session)

    def after_error(self, session: PooledSession, fault: SessionFault) -> PooledSession:
        """The token after an error: the next session in its place after too many in a row."""
        if fault.generation != session.generation:
            return session
        between = min(fault.calm, session.calm - 1)  # more may start while a page is parsed
        errors = 1 if between > 0 else min(session.errors + 1, ERRORS_MAX)
        if errors < ERRORS_MAX or not session.pooled:
            return replace(session, errors=errors, calm=0)
        return self._successor(session)

    def _successor(self, session: PooledSession) -> PooledSession:
        """The session that takes the place of one."""
        new = replace(session, generation=session.generation + 1, errors=0, calm=0)
        return replace(new, proxy=self._proxy(new)) if session.proxy else new

    def rest_ns(self, session: PooledSession, fault: SessionFault) -> int:
        """How long a session rests after an error."""
        after = self.after_error(session, fault)
        return backoff_ns(self.settings, max(1, after.errors), session.jar)

    def given_up(self, session: PooledSession, fault: SessionFault) -> PooledSession | None:
        """The session, if another one takes its place."""
        return session if self.after_error(session, fault).generation > session.generation else None

    def logged_out(self, session: PooledSession, fault: SessionFault) -> LoginNews | None:
        """The news that the login of a session is over, since another one has taken its place."""
        return None if self.given_up(session, fault) is None else _anew(session)

    # The proxy that a session keeps.

    def bound(self, target: Target, session: PooledSession) -> RoutedTarget:
        """The target that waits for the proxy of its session."""
        common = {name: getattr(target, name) for name in Target.__struct_fields__}
        return RoutedTarget(**common, request=target.request, proxy=session.proxy)

    def moved(self, session: PooledSession, proxy: Proxy) -> PooledSession:
        """The session after its proxy has retired: it begins anew through another one."""
        generation = session.generation + 1 if session.pooled else session.generation
        return replace(session, generation=generation, errors=0, calm=0, proxy=proxy.proxy)

    def left(self, session: PooledSession) -> LoginNews:
        """The news that the login of a session is over, since its proxy has retired."""
        return _anew(session)

    def resumed(self, session: PooledSession, given: Collection[str]) -> PooledSession:
        """The session in another process, whose proxies are *given*."""
        if not session.proxy or session.proxy in given or not given:
            return session
        names = sorted(given)
        name = names[crc32(session.session.encode()) % len(names)]
        generation = session.generation + 1 if session.pooled else session.generation
        return replace(session, generation=generation, proxy=name)


def place_of(page: str | None, number: int, sessions: int) -> str:
    """The place in the pool for a link of a page: the links of a page are dealt out in turn."""
    first = 0 if page is None else crc32(page.encode())
    return place_name((first + number) % sessions + 1)


def next_place(session: str, settings: Settings) -> str:
    """The place in the pool for a page that has met an error in another one."""
    return place_name(int(session.removeprefix(POOLED)) % (settings.sessions or 1) + 1)


def place_name(number: int) -> str:
    """The name of a place in the pool, from 1 on."""
    return f"{POOLED}{number}"


def _anew(session: PooledSession) -> LoginNews:
    return LoginNews(gate_of(session.session), ANY_LOGIN, "out")


def _fault(session: PooledSession) -> SessionFault:
    return SessionFault(session.session, session.generation, session.calm)
