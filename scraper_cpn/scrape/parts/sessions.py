"""The limits of sessions, for sites that count by session: each has one turn at a time, and pauses.

Owns: the pool of sessions, and what follows from their errors. A crawl has this part only with `sessions`.
Must not know: what a session consists of, what is requested.
"""

from collections.abc import Iterator
from typing import Any

from scraper_cpn.net import Limit, Net, Output, Place, Wording, hold, put, spend, take
from scraper_cpn.scrape.colours import Deferred, Failed, PooledSession, Raw, SessionFault, Throttled
from scraper_cpn.scrape.policy.sessions import SessionPolicy

SESSIONS = "sessions"
"""The name of the place of sessions."""


class Sessions(Limit):
    """Each page is requested by one session of the pool; one with too many errors gives way to a new one."""

    def __init__(self, net: Net, p: SessionPolicy) -> None:
        super().__init__(net, "sessions")
        self.p = p
        self.pool = self.place(SESSIONS, PooledSession, key="session", timed=True, source=True)
        self.slots = self.counter("session_slots", key="session", start=1)
        self.faults = self.place("session_faults", SessionFault, key="session")
        self.retired = self.sink("retired_sessions", PooledSession)
        self.takes = [spend(self.pool, p.used, after_ns=p.gap_ns), hold(self.slots)]
        self.puts = {
            Failed: [put(self.faults, p.failed, self.pool, Failed)],
            Throttled: [put(self.faults, p.throttled, self.pool, Throttled)],
        }
        self.wording = {
            self.pool: Wording("a session: none is free", pause="a session"),
            self.slots: Wording("a request of its session to end"),
        }
        self.transition(
            "rest_session",
            [self.faults, take(self.pool, include_waiting=True)],
            outputs=[
                put(
                    self.pool, p.after_error, self.pool, self.faults,
                    after_ns=p.rest_ns,
                ),
                put(self.retired, p.given_up, self.pool, self.faults),
            ],
            priority=-1,
        )  # fmt: skip

    def unwanted(self, raw: Place[Raw]) -> Output:
        """What a page puts that its handler wants to come another way."""
        return put(self.faults, self.p.elsewhere, raw, Deferred)

    def properties(self) -> Iterator[Any]:
        """No session is lost, and each has one request at a time."""
        from scraper_cpn.analysis import at_most, conserved

        yield conserved(SESSIONS, by="session", claim="G3 sessions are conserved")
        yield at_most(
            1,
            in_flight="scrape_target",
            by="session",
            claim="G3 the turn of a session is one request's",
        )


def sessions_of(net: Net, p: SessionPolicy) -> list[Sessions]:
    """The pool of sessions, if the user has given any."""
    return [] if p.settings.sessions is None else [Sessions(net, p)]
