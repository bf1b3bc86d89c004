"""The limits of sessions, for sites that count by session: each has one turn at a time, and pauses.

Owns: the sessions, and what follows from their errors. A crawl has this part only with `sessions`.
Must not know: what a session consists of, what is requested.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from scraper_cpn.net import (
    Limit,
    Lost,
    Net,
    Output,
    Place,
    Wording,
    hold,
    put,
    put_new,
    spend,
    take,
)
from scraper_cpn.scrape.colours import (
    Deferred,
    Failed,
    Fetched,
    PooledSession,
    Raw,
    Redirected,
    SessionFault,
    Throttled,
    Unchanged,
)
from scraper_cpn.scrape.parts.logins import Logins
from scraper_cpn.scrape.policy.sessions import SessionPolicy

SESSIONS = "sessions"
"""The name of the place of sessions."""


class Sessions(Limit):
    """Each page is requested in its session; one of the pool with too many errors gives way to a new one.

    Attributes:
        known: the sessions that have a token.
    """

    counts_by = ("session",)

    def __init__(self, net: Net, p: SessionPolicy, logins: Sequence[Logins]) -> None:
        super().__init__(net, "sessions")
        self.p = p
        key = ("session", "proxy") if p.settings.sticky_proxies else ("session",)
        self.pool = self.place(SESSIONS, PooledSession, key=key, timed=True)
        self.known = self.set("known_sessions", PooledSession, key="session")
        self.slots = self.counter("session_slots", key="session", start=1)
        self.faults = self.place("session_faults", SessionFault, key="session")
        self.retired = self.sink("retired_sessions", PooledSession)
        turn = spend(self.pool, p.used, after_ns=p.gap_ns)
        self.takes = [turn] if p.settings.sticky_proxies else [turn, hold(self.slots)]
        self.puts = self._faults()
        self.wording = {
            self.pool: Wording("its session", pause="its session"),
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
                *(put(each.news, p.logged_out, self.pool, self.faults) for each in logins),
            ],
            priority=-1,
            join=("session",),
        )  # fmt: skip

    def _faults(self) -> dict[type[Any], list[Output]]:
        """What an outcome puts. Where a page has taken its session's slot before its request, it gives that back."""
        p = self.p
        outcomes = (Fetched, Unchanged, Redirected, Throttled, Failed, Lost)
        taken = [put(self.slots)] if p.settings.sticky_proxies else []
        found: dict[type[Any], list[Output]] = {each: list(taken) for each in outcomes}
        found[Failed].append(put(self.faults, p.failed, self.pool, Failed))
        found[Throttled].append(put(self.faults, p.throttled, self.pool, Throttled))
        return {outcome: outputs for outcome, outputs in found.items() if outputs}

    def brings(self, source: Place[Any] | type[Any]) -> Sequence[Output]:
        """Puts the session of a page that is the first one there."""
        place: Any = source
        return [put_new(self.known, self.pool, self.p.newcomer, place)]

    def unwanted(self, raw: Place[Raw]) -> Output:
        """What a page puts that its handler wants to come another way."""
        return put(self.faults, self.p.elsewhere, raw, Deferred)

    def properties(self) -> Iterator[Any]:
        """No session is lost, each has one request at a time, and a page is requested in its own."""
        from scraper_cpn.analysis import at_most, conserved

        places = [SESSIONS, *(["sessions_without_proxy"] if self.p.settings.sticky_proxies else [])]
        yield conserved(
            *places, minus=self.known.name, by="session", claim="G3 sessions are conserved"
        )
        yield at_most(
            1,
            in_flight="scrape_target",
            by="session",
            claim="G3 the turn of a session is one request's",
        )


def sessions_of(net: Net, p: SessionPolicy, logins: Sequence[Logins]) -> list[Sessions]:
    """The sessions, if the user has asked for a pool of them."""
    return [] if p.settings.sessions is None else [Sessions(net, p, logins)]
