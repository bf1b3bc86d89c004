"""The pace of a session of the pool, and when another one takes its place.

Owns: the tokens of sessions and how they change.
Must not know: the net, clocks, what a session consists of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    Deferred,
    Failed,
    PooledSession,
    Raw,
    SessionFault,
    Throttled,
)
from scraper_cpn.scrape.policy.pauses import backoff_ns, gap_after
from scraper_cpn.scrape.settings import Settings

ERRORS_MAX = 3
"""After so many errors in a row a session is given up."""
_REFUSED = frozenset({401, 403})


@dataclass(frozen=True)
class SessionPolicy:
    """How often a session is used, and for how long."""

    settings: Settings

    def all(self) -> Iterator[PooledSession]:
        """The sessions with which a crawl begins."""
        for number in range(1, (self.settings.sessions or 0) + 1):
            yield PooledSession(str(number))

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
        """A page that is forbidden is an error of the session."""
        if failed.status not in _REFUSED:
            return None
        return _fault(session)

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
        errors = 1 if between > 0 else session.errors + 1
        if errors < ERRORS_MAX:
            return replace(session, errors=errors, calm=0)
        return replace(session, generation=session.generation + 1, errors=0, calm=0)

    def rest_ns(self, session: PooledSession, fault: SessionFault) -> int:
        """How long a session rests after an error."""
        after = self.after_error(session, fault)
        return backoff_ns(self.settings, max(1, after.errors), session.name)

    def given_up(self, session: PooledSession, fault: SessionFault) -> PooledSession | None:
        """The session, if another one takes its place."""
        return session if self.after_error(session, fault).generation > session.generation else None


def _fault(session: PooledSession) -> SessionFault:
    return SessionFault(session.session, session.generation, session.calm)
