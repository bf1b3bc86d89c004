"""Sticky proxies: a page goes through the proxy that its session keeps, until that has retired.

Owns: pages that have been given the proxy of their session and wait for their turn there, and sessions whose proxy has
retired. A crawl has this part only with `sticky_proxies`.
Must not know: how a request is made, the limits of a proxy itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from scraper_cpn.net import Limit, Net, Part, Place, expired, put, read, take
from scraper_cpn.scrape.colours import PooledSession, RoutedTarget, Target
from scraper_cpn.scrape.parts.logins import Logins
from scraper_cpn.scrape.parts.proxies import Proxies
from scraper_cpn.scrape.parts.routes import PATIENCE_NS
from scraper_cpn.scrape.parts.sessions import SESSIONS, Sessions
from scraper_cpn.scrape.parts.stages import there
from scraper_cpn.scrape.policy.stages import plain_target

if TYPE_CHECKING:
    from scraper_cpn.analysis import SeenEvent
    from scraper_cpn.scrape.parts.health import Health


class StickyProxies(Part):
    """A page takes the turn of its session, and with it the name of the proxy, once nothing else keeps it.

    It is given back if that proxy is not free for a while.

    Args:
        net: of a crawl.
        sessions: those that keep a proxy.
        key: the fields by which the limits of pages count.
        turn: the fields of a target by which waiting targets are ordered.
    """

    def __init__(
        self, net: Net, sessions: Sessions, key: tuple[str, ...], turn: tuple[str, ...]
    ) -> None:
        super().__init__(net, "sticky proxies")
        self._sessions, self._key = sessions, key
        self.targets: Place[Any] = self.place(
            "bound_targets",
            RoutedTarget,
            key=(*key, "proxy"),
            order=turn,
            work=True,
            expires=True,
        )
        self.homeless = self.place("sessions_without_proxy", PooledSession, key="session")

    def connect(
        self,
        targets: Place[Target],
        others: Sequence[Limit],
        proxies: Proxies,
        health: Health,
        logins: Sequence[Logins],
    ) -> None:
        """Give each target of *targets* the proxy of its session, once *others* let it pass."""
        p, sessions, bound = self._sessions.p, self._sessions, self.targets
        ready = [there(arc) for limit in others for arc in limit.takes]
        self.transition(
            "bind",
            [targets, take(sessions.slots), read(sessions.pool), *ready],
            outputs=[put(bound, p.bound, targets, sessions.pool, lasts_ns=_patience)],
            join=self._key,
        )
        assert proxies.gone is not None
        back = [put(targets, plain_target, bound), put(sessions.slots)]
        self.transition("unbind", [expired(bound)], outputs=back)
        for why, arc in (("retired", read(proxies.gone)), ("given_up", read(health.given_up))):
            self.transition(f"unbind_{why}", [bound, arc], outputs=back, priority=-1)
        self._move(proxies, logins)

    def _move(self, proxies: Proxies, logins: Sequence[Logins]) -> None:
        """Give a session another proxy when its own has retired, as long as there is one."""
        p, pool, homeless = self._sessions.p, self._sessions.pool, self.homeless
        assert proxies.gone is not None
        self.transition(
            "lose_proxy",
            [take(pool, include_waiting=True), read(proxies.gone)],
            outputs=[put(homeless), *(put(each.news, p.left, pool) for each in logins)],
            priority=-1,
        )
        self.transition(
            "find_proxy",
            [homeless, read(proxies.pool, include_in_use=True)],
            outputs=[put(pool, p.moved, homeless, proxies.pool)],
            join=(),
        )

    def properties(self) -> Iterator[Any]:
        """Where the requests of a session go through."""
        from scraper_cpn.analysis import begin, every

        yield every(
            begin("scrape_target"),
            _keeps_its_proxy,
            claim="G3 each request goes through the proxy that its session keeps",
        )


def sticky_of(
    net: Net, sessions: Sequence[Sessions], key: tuple[str, ...], turn: tuple[str, ...]
) -> list[StickyProxies]:
    """The proxies of sessions, if each session keeps one."""
    return [
        StickyProxies(net, each, key, turn) for each in sessions if each.p.settings.sticky_proxies
    ]


def _keeps_its_proxy(seen: SeenEvent) -> bool:
    return bool(seen[SESSIONS].proxy == seen["available_proxies"].proxy)


def _patience(*_: object) -> int:
    return PATIENCE_NS
