"""Virtual time for a race: one loop that drives every subject through the same surface.

Owns: the order of calls, which is that of `run/shell.py` and `simulate/driver.py`: step, start, drain,
complete. Effects that end at once are completed before the next step.
Must not know: who the subject is, what is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Any, Protocol

from bench.decisions.workload import KEPT, VALID
from scraper_cpn.net import Row, Step


class Subject(Protocol):
    """The surface of the net's kernel that a race needs; see `scraper_cpn.net.Kernel`."""

    def step(self, now_ns: int) -> Step:
        """Decide."""

    def started(self, firing_id: int, now_ns: int) -> bool:
        """An effect starts."""

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        """An effect has ended."""

    def drain(self) -> list[Row]:
        """Take the rows that have reached a sink."""


class Drive:
    """Drives a subject through virtual time.

    Args:
        subject: with its first tokens.
        fetch: gives the next fetch's time (ns) and outcome, for the tokens of a firing.
        parse: gives the next page's links.
        keeping_ns: how long it takes to keep a page's items, about.
        now_ns: the time to begin at.
    """

    def __init__(
        self,
        subject: Subject,
        fetch: Callable[[Any], tuple[int, Any]],
        parse: Callable[[Any], Any],
        keeping_ns: int,
        now_ns: int,
    ) -> None:
        self._subject = subject
        self._fetch = fetch
        self._parse = parse
        self._keeping_ns = keeping_ns
        self._coming: list[tuple[int, int, Any]] = []
        self.now_ns = now_ns
        self.times: list[int] = []
        """Of the dispatches, in order."""
        self.dispatches: list[tuple[Any, ...]] = []
        """Their tokens: target, proxy, domain."""
        self.firings = 0
        """Effects of all kinds that were started."""

    def run(self, dispatches: int) -> None:
        """Continue until the total of dispatches is reached.

        The cost of the loop itself is that of a replay.
        """
        step, started = self._subject.step, self._subject.started
        complete, drain = self._subject.complete, self._subject.drain
        coming, times, log = self._coming, self.times, self.dispatches
        fetch, parse, keeping_ns = self._fetch, self._parse, self._keeping_ns
        ended: list[tuple[int, Any]] = []
        now_ns, firings = self.now_ns, self.firings
        while len(times) < dispatches:
            found = step(now_ns)
            for firing in found.firings:
                number, effect = firing.id, firing.effect
                firings += 1
                started(number, now_ns)
                if effect == "fetch":
                    takes_ns, outcome = fetch(firing.args)
                    heappush(coming, (now_ns + takes_ns, number, outcome))
                    times.append(now_ns)
                    log.append(firing.args)
                elif effect == "parse":
                    ended.append((number, parse(firing.args[0])))
                elif effect == "validate":
                    ended.append((number, VALID))
                elif keeping_ns:
                    takes_ns = keeping_ns * (1 + firings % 16) // 8  # or they would end in bursts
                    heappush(coming, (now_ns + takes_ns, number, KEPT))
                else:
                    ended.append((number, KEPT))
            drain()
            if ended:
                for number, outcome in ended:
                    complete(number, outcome, now_ns)
                ended.clear()
            elif not found.firings:
                wake_ns = found.wake_ns
                now_ns = coming[0][0] if wake_ns is None else wake_ns
                if coming and coming[0][0] < now_ns:
                    now_ns = coming[0][0]
            while coming and coming[0][0] <= now_ns:
                _, number, outcome = heappop(coming)
                complete(number, outcome, now_ns)
        self.now_ns, self.firings = now_ns, firings

    def digest(self) -> str:
        """A hash of all dispatches: time, URL, proxy, attempt."""
        hashed = blake2b(digest_size=8)
        for now_ns, (target, proxy, _) in zip(self.times, self.dispatches, strict=True):
            hashed.update(f"{now_ns} {target.url} {proxy.proxy} {target.attempt}\n".encode())
        return hashed.hexdigest()
