"""Logins: pages wait until their session is logged in, and wait again while it logs in anew.

Owns: the state of each session's login, and the news about it. A crawl has this part only if its program logs in.
Must not know: how a login is made, how a page shows that it asks for one.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from scraper_cpn.net import Limit, Net, Output, Place, Wording, choose, on, put, put_new, read, take
from scraper_cpn.scrape.colours import (
    Bad,
    Denied,
    Failure,
    Found,
    Login,
    LoginBroken,
    LoginChanged,
    LoginNews,
    LoginStale,
    Raw,
    Redirected,
    StopRequest,
    Target,
)
from scraper_cpn.scrape.parts.permits import GateKeeper
from scraper_cpn.scrape.policy.logins import LoginPolicy, failed_step
from scraper_cpn.scrape.policy.requests import RequestPolicy

LOGINS = "logins"
"""The name of the place of sessions."""


class Logins(Limit):
    """A request for a page needs the login of its session; the steps of a login need none, and go first.

    Attributes:
        known: the gates that have a session.
    """

    counts_by = ("gate",)

    def __init__(self, net: Net, p: LoginPolicy) -> None:
        super().__init__(net, "logins")
        self.p = p
        self.sessions = self.place(LOGINS, Login, key="gate")
        self.news = self.place("login_news", LoginNews, key="gate", work=True)
        self.known = self.set("known_logins", Login, key="gate")
        self.takes = [read(self.sessions, when=p.is_in)]
        self.wording = {self.sessions: Wording("the login")}

    def brings(self, source: Place[Any] | type[Any]) -> Sequence[Output]:
        """Puts the session that a new page needs, or what lets the steps of logins pass."""
        place: Any = source
        return [
            put_new(self.known, self.sessions, self.p.newcomer, place),
            put_new(self.known, self.sessions, self.p.steps, place),
        ]

    def log_in(self, found: Place[Found], gate: GateKeeper) -> None:
        """Log sessions in, and handle the news about it; a failed login stops the crawl."""
        p, sessions, news = self.p, self.sessions, self.news
        self.transition(
            "log_in",
            [take(sessions, when=p.is_out)],
            outputs=[put(found, p.first, sessions), put(sessions, p.begun, sessions)],
        )
        changed = put(sessions, p.changed, news, sessions)
        self.transition(
            "hear",
            [news, sessions],
            choice=choose(p.heard, news, sessions),
            outcomes=[
                on(LoginChanged, changed),
                on(LoginBroken, changed, put(gate.stop, _stop)),
                on(LoginStale, put(sessions)),
            ],
            priority=-1,  # before a request starts with what is over
        )

    # The outputs of other parts' transitions for the login.

    def at_end(self, failed: Place[Failure]) -> Output:
        """What the last attempt of a step puts."""
        return put(self.news, self.p.over, failed)

    def at_denial(self, asks: Place[Target]) -> Output:
        """What a step puts that robots.txt forbids."""
        return put(self.news, self.p.denied, asks, Denied)

    def at_skip(self, targets: Place[Target]) -> Output:
        """What a step puts whose domain is not asked any more."""
        return put(self.news, failed_step, targets)

    def at_redirect(
        self, targets: Place[Target], failed: Place[Failure], p: RequestPolicy
    ) -> Sequence[Output]:
        """What a redirect puts: of a step to where it may not go, of a page to the login."""
        return [
            put(self.news, p.stray_step, targets, Redirected),
            put(self.news, self.p.sent_away, targets, self.sessions, Redirected),
            put(failed, self.p.again_later, targets, Redirected),
        ]

    def at_bad_page(self, raw: Place[Raw]) -> Output:
        """What a step puts whose handler did not lead on."""
        return put(self.news, self.p.bad, raw, Bad)

    def properties(self) -> Iterator[Any]:
        """Each gate has one session, and nothing passes while that is logged out."""
        from scraper_cpn.analysis import begin, conserved, every

        yield conserved(
            self.sessions.name,
            minus=self.known.name,
            by="gate",
            claim="G4 a session has one login at a time",
        )
        yield every(
            begin("scrape_target"),
            lambda seen: bool(
                seen[LOGINS].state == "in" and seen[LOGINS].gate == seen["prioritized_targets"].gate
            ),
            claim="G7 no page is requested without the login of its session",
        )


def logins_of(net: Net, p: LoginPolicy) -> list[Logins]:
    """The logins, if the program has any."""
    return [] if p.settings.login is None else [Logins(net, p)]


def _stop() -> StopRequest:
    return StopRequest("the login failed")
