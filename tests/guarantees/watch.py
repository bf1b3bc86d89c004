"""A kernel that is looked at after every call: what must hold at every moment of a crawl.

Owns: the laws, checked on the marking alone. It does as any kernel does, only slower.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from scraper_cpn.net import Ended, Kernel, Lack, Marking, Net, Row, Standing, Step, Trace
from scraper_cpn.net.compiled.kernel import compile_net
from scraper_cpn.net.sound import assert_sound
from scraper_cpn.scrape.colours import Proxy, Target
from scraper_cpn.scrape.settings import Settings
from tests.guarantees.crawls import ended_urls


class Watched:
    """Wraps a kernel of the scrape net and checks every marking that it passes through."""

    def __init__(self, kernel: Kernel, net: Net, settings: Settings) -> None:
        self._kernel = kernel
        self._net = net
        self._settings = settings
        self._rows: list[Row] = []
        self._drained = 0
        self.markings = 0

    def inject(self, *args: Any, **given: Any) -> None:
        self._kernel.inject(*args, **given)

    def step(self, now_ns: int, limit: int = 100_000) -> Step:
        step = self._kernel.step(now_ns, limit)
        self._look()
        return step

    def started(self, firing_id: int, now_ns: int, *, asked: bool = False) -> bool:
        starts = self._kernel.started(firing_id, now_ns, asked=asked)
        self._look()
        return starts

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        self._kernel.complete(firing_id, outcome, now_ns)
        self._look()

    def revoke(self, firing_id: int) -> None:
        self._kernel.revoke(firing_id)
        self._look()

    def drain(self) -> list[Row]:
        rows, self._drained = self._rows[self._drained :], len(self._rows)
        return rows

    def ended(self, now_ns: int) -> Ended | None:
        return self._kernel.ended(now_ns)

    def marking(self) -> Marking:
        return self._kernel.marking()

    def explain(self, serial: int, now_ns: int) -> list[Lack]:
        return self._kernel.explain(serial, now_ns)

    def count(self, place: str) -> int:
        return self._kernel.count(place)

    def in_flight(self) -> int:
        return self._kernel.in_flight()

    def _look(self) -> None:
        self._rows += self._kernel.drain()
        marking = self._kernel.marking()
        self.markings += 1
        assert_sound(self._net, marking)
        assert not marking.faulted
        self._proxies_are_conserved(marking)
        self._permits_are_conserved(marking)
        self._urls_live_once(marking)

    def _proxies_are_conserved(self, marking: Marking) -> None:
        """G1: available, in use (reserved until its request starts) and retired are the pool."""
        here = Counter(
            token.colour.proxy for token in standing(marking) if token.place == "available_proxies"
        )
        here += Counter(row.colour.proxy for row in self._rows if row.sink == "retired_proxies")
        direct = Proxy("direct", slots=self._settings.concurrency)
        pool = self._settings.proxies or (direct,)
        assert here == Counter({proxy.proxy: _tokens(proxy) for proxy in pool})

    def _permits_are_conserved(self, marking: Marking) -> None:
        """Permits and slots that are held are exactly those that are missing."""
        free = dict(marking.counters["permits"]).get(None, self._settings.concurrency)
        assert free + len(self._holders(marking, "permits")) == self._settings.concurrency
        for place, start in self._slots().items():
            held = Counter(self._holders(marking, place))
            left = dict(marking.counters[place])
            for key in [*held, *left]:
                assert left.get(key, start(key)) + held[key] == start(key)

    def _slots(self) -> dict[str, Callable[[Hashable], int]]:
        places: dict[str, Any] = self._net.places
        return {name: places[name].first for name in ("domain_slots", "proxy_slots")}

    def _holders(self, marking: Marking, place: str) -> list[Hashable]:
        """The keys that firings hold of a number, one for each."""
        return [
            bound
            for flight in marking.flights
            for arc, bound in zip(
                self._net.transitions[flight.transition].arcs, flight.inputs, strict=True
            )
            if arc.place.name == place
        ]

    def _urls_live_once(self, marking: Marking) -> None:
        """G4 and G5: a URL that was admitted is in one place, in one firing, or has ended once."""
        alive = Counter(_urls(standing(marking, during=False)))
        alive += Counter(ended_urls(self._rows))
        assert alive == Counter(marking.sets["seen"])


def standing(marking: Marking, *, during: bool = True) -> Iterator[Standing]:
    """The tokens in places and those that firings have taken (what they spent is back already)."""
    for token in marking.tokens:
        if during or token.place != "in_progress":
            yield token
    for flight in marking.flights:
        for bound in flight.inputs:
            if isinstance(bound, Standing) and not (flight.started and _spent(bound)):
                yield bound


def _tokens(proxy: Proxy) -> int:
    """How many tokens a proxy has: one that is paced or counted, else one for each slot."""
    return 1 if proxy.delay_ns or proxy.quota is not None else proxy.slots


def _spent(token: Standing) -> bool:
    return token.place in ("available_proxies", "domains")


def _urls(tokens: Iterator[Standing]) -> Iterator[str]:
    """The URLs that travel through the net, apart from those that a page has found."""
    for token in tokens:
        target = getattr(token.colour, "target", token.colour)
        if isinstance(target, Target):
            yield target.url


def watched(settings: Settings) -> Callable[[Net, Trace | None], Watched]:
    """How to make a watched kernel of a crawl with *settings*."""
    return lambda net, trace: Watched(compile_net(net, trace), net, settings)
