"""A crawl that is killed again and again, in virtual time, with all that it had on the wire.

Owns: a machine whose process, clock and boots are the test's; commits that take their time; crashes
between any two events; the wire log of all lives, as far as the crawl could know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from heapq import heappop, heappush
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from mocks.inprocess import request_of
from mocks.wirelog import Request
from scraper_cpn.net import Ended, Firing
from scraper_cpn.net.compiled import kernel as net_compile
from scraper_cpn.run import clock
from scraper_cpn.scrape.colours import Checked, Extracted, Failure, Found, Raw
from scraper_cpn.scrape.policy import Policy, sites_of
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.state.run import (
    CrawlRecord,
    Opening,
    OpenRun,
    codec_of_opening,
    first_metadata,
    opened,
    openings,
)
from scraper_cpn.scrape.virtual import EPOCH_NS, VirtualWeb
from scraper_cpn.simulate.web import SyntheticWeb
from scraper_cpn.simulate.webspec import WebAnswer
from scraper_cpn.store.memory import MemoryStore
from scraper_cpn.store.port import Batch
from scraper_cpn.store.replay import JournalReplay
from scraper_cpn.store.restore import Restored, restore
from tests.guarantees.crawls import MS

_compile = lru_cache(compile)
"""Each life compiles the same net."""
PIPELINE = (Raw, Extracted, Checked)
PACED = ("fetch", "robots")


class Machine:
    """True time, and what the system's clocks say of it."""

    def __init__(self) -> None:
        self.true_ns = EPOCH_NS
        self.booted_ns = EPOCH_NS - 1000 * SECOND
        self.boots = 1
        self.wrong_ns = 0
        """What the wall clock is ahead."""

    def reboot(self, wrong_ns: int) -> None:
        """Another boot, whose wall clock may be wrong."""
        self.boots += 1
        self.booted_ns, self.wrong_ns = self.true_ns, wrong_ns

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let `run/clock.py` ask this machine."""
        faked = SimpleNamespace(
            CLOCK_BOOTTIME=0,
            time_ns=lambda: self.true_ns + self.wrong_ns,
            clock_gettime_ns=lambda _: self.true_ns - self.booted_ns,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(net_compile, "compile", _compile, raising=False)
            patch.setattr(clock, "time", faked)
            patch.setattr(clock, "boot_id", lambda: f"boot {self.boots}")
            yield


class Killed(Exception):  # noqa: N818  (named after what it is)
    """The process is no more."""


class Mortal(MemoryStore):
    """A store of a process that may be killed at any moment, before or after the commit of a batch."""

    kill_in: int | None = None
    """Moments until the process is killed."""

    async def commit(self, batch: Batch) -> None:
        self.moment()
        await super().commit(batch)
        self.moment()

    async def take(self, batch: Batch) -> None:
        """Commit it, where the moments before and after are others'."""
        await super().commit(batch)

    def moment(self) -> None:
        """One has passed. Raises `Killed` if it was the last."""
        if self.kill_in is not None:
            self.kill_in -= 1
            if self.kill_in < 0:
                raise Killed


class Lives:
    """One crawl, in as many processes as it takes.

    Attributes:
        settings: of the next life.
        log: every request so far. One whose answer the crawl does not know of counts as abandoned,
            and so does that of a page that was fetched and not kept when its process ended.
        ended: how it ended; None while it has not.
        deaths: how often the process was killed.
    """

    def __init__(
        self,
        settings: Settings,
        web: SyntheticWeb,
        seeds: tuple[str, ...],
        random: Random,
        effects: Callable[[VirtualWeb], dict[str, Any]] = VirtualWeb.effects,
    ) -> None:
        self.settings, self.random = settings, random
        self.machine = Machine()
        self.sites = sites_of(settings, seeds)
        opening = Opening(settings, self.sites)
        self.store = Mortal(first_metadata(opening, CrawlRecord(seeds=seeds)))
        self.log: list[Request] = []
        self.ended: Ended | None = None
        self.deaths = 0
        self.acknowledged = self.known()
        """What the crawl got acknowledged is durable."""
        self.submitted: set[str] = set()
        """URLs whose submission was acknowledged."""
        self.skew_ns = 0
        self.most = random.choice([1, 4, 256])
        virtual = VirtualWeb(settings, web, Policy(settings, self.sites), self._heard)
        self.effects = dict(effects(virtual))

    def _heard(
        self, start_ns: int, end_ns: int, proxy: str, url: str, answer: WebAnswer | None
    ) -> None:
        start_ns, end_ns = start_ns - self.skew_ns, end_ns - self.skew_ns
        agent = self.settings.user_agent
        self.log.append(request_of(start_ns, end_ns, proxy, url, answer, agent))

    # What came of it.

    def known(self) -> dict[str, int]:
        """How many rows there are of everything that only grows."""
        saved = self.store.saved()
        return {"seq": saved.seq, "seen": len(list(saved.seen)), **saved.sunk}

    def rows(self, sink: str) -> list[Any]:
        """The rows of a sink."""
        return [msgspec.json.decode(row[2]) for row in self.store.rows(sink)]

    def stored(self) -> list[str]:
        """The URLs that were stored."""
        return [row["url"] for row in self.rows("stored")]

    def failures(self) -> list[Failure]:
        """The rows of the failed log."""
        return [msgspec.convert(row, Failure) for row in self.rows("failed_log")]

    def restored(self) -> Restored:
        """All that is in the store."""
        opening = openings(self.store.metadata())[-1][1]
        codec = codec_of_opening(msgspec.to_builtins(opening))
        return restore(self.store.saved(), codec, paged=False)

    def replayed(self) -> JournalReplay:
        """The whole journal, played again."""
        opening = openings(self.store.metadata())[0][1]
        replay = JournalReplay(self.store.base(), msgspec.to_builtins(opening), codec_of_opening)
        with self.machine.installed():
            replay.play(self.store.journal())
        return replay

    # Living and dying.

    async def live(
        self, moments: int | None = None, submitted: Sequence[tuple[int, str]] = ()
    ) -> None:
        """Go on in a new process: to the end, or until so many moments have passed.

        URLs are submitted after so many nanoseconds, as a program may do that crawls.
        """
        self.store.kill_in = moments
        life = Life(self, submitted)
        try:
            with self.machine.installed():
                await life.begin(await opened(self.store, Opening(self.settings, self.sites)))
                self.ended = await life.run()
        except Killed:
            self.deaths += 1
            self._bury(life)

    def _bury(self, life: Life) -> None:
        """What a crash leaves, and what the crawl can't know any more."""
        left = self.store.crash()
        assert isinstance(left, Mortal)
        self.store = left
        for at in life.unsure.values():
            end_ns = min(self.log[at].end_ns, self.machine.true_ns)
            self.log[at] = abandoned(replace(self.log[at], end_ns=end_ns))
        tokens = self.restored().durable.tokens.values()
        for url in {t.colour.target.url for t in tokens if isinstance(t.colour, PIPELINE)}:
            at = max(number for number, request in enumerate(self.log) if request.url == url)
            self.log[at] = abandoned(self.log[at])


def abandoned(request: Request) -> Request:
    """A request of which nobody knows what came of it."""
    return replace(request, fate="abandoned", status=0, hold_ns=None, location=None, robots=None)


class Life:
    """One process of a crawl: what the shell and the committer do, one event after another."""

    def __init__(self, lives: Lives, submitted: Sequence[tuple[int, str]]) -> None:
        self.submitted = submitted
        self.urls: list[str] = []
        """What was submitted since the last cut."""
        self.lives, self.machine, self.random = lives, lives.machine, lives.random
        self.unsure: dict[int, int] = {}
        """Firings with a request whose outcome is not durable, with its place in the log."""
        self.landed: list[int] = []
        """Those that ended since the last cut."""
        self.gated: list[Firing] = []
        self.committing: Batch | None = None
        self.coming: list[tuple[int, int, Callable[..., Any], tuple[Any, ...]]] = []
        self.number = 0

    async def begin(self, state: OpenRun) -> None:
        """Have what was opened. What happened while it was, has taken no time."""
        self.state = state
        self.skew_ns = state.clock.now_ns() - self.machine.true_ns
        for after_ns, url in self.submitted:
            self._at(self.machine.true_ns + after_ns, self._submit, url)
        self.due = len(self.submitted)

    def _submit(self, url: str) -> None:
        self.due -= 1
        now_ns = self.state.clock.now_ns()
        found = Found((Policy(self.lives.settings, self.lives.sites).frontier.seed(url, now_ns),))
        place: Any = self.state.net.places["found"]
        self.state.recorder.inject(place, found, now_ns)
        self.urls.append(url)

    async def run(self) -> Ended:
        """Work until it has ended and all is durable."""
        kernel, most = self.state.recorder, self.lives.most
        while True:
            wake_ns = None
            now_ns = self.state.clock.now_ns()
            full = self.committing is not None and kernel.filling >= most
            if not full:
                step = kernel.step(now_ns, most)
                wake_ns = step.wake_ns
                for firing in step.firings:
                    self._fire(firing)
                kernel.drain()
                ended = None if step.firings else kernel.ended(now_ns)
                if ended is not None and self.committing is None and not self.due:
                    await self._end()
                    return ended
            if self.committing is None:
                self._cut()
            await self._next(None if wake_ns is None else wake_ns - self.skew_ns)

    async def _next(self, wake_ns: int | None) -> None:
        """The next event, or the next useful time."""
        if self.coming and (wake_ns is None or self.coming[0][0] <= wake_ns):
            at_ns, _, act, given = heappop(self.coming)
            self.machine.true_ns = max(self.machine.true_ns, at_ns)
            self.lives.store.moment()
            done = act(*given)
            if done is not None:
                await done
        elif wake_ns is not None:
            self.machine.true_ns = max(self.machine.true_ns, wake_ns)
            self.lives.store.moment()

    def _after(self, most_ns: int, act: Callable[..., Any], *given: Any) -> None:
        """Let something happen soon, at random; at once is soon."""
        wait_ns = self.random.choice([0, self.random.randrange(most_ns + 1)])
        self._at(self.machine.true_ns + wait_ns, act, *given)

    def _at(self, at_ns: int, act: Callable[..., Any], *given: Any) -> None:
        self.number += 1
        heappush(self.coming, (at_ns, self.number, act, given))

    # Commits.

    def _cut(self) -> None:
        batch = self.state.recorder.cut(list)
        if batch is not None:
            self.committing = batch
            landed, self.landed = self.landed, []
            gated, self.gated = self.gated, []
            urls, self.urls = self.urls, []
            self._after(20 * MS, self._write, batch, landed, gated, urls)

    async def _write(
        self, batch: Batch, landed: list[int], gated: list[Firing], urls: list[str]
    ) -> None:
        await self.lives.store.take(batch)
        for firing_id in landed:
            self.unsure.pop(firing_id, None)
        self._after(5 * MS, self._acknowledge, batch, gated, urls)

    def _acknowledge(self, batch: Batch, gated: list[Firing], urls: list[str]) -> None:
        self.lives.submitted.update(urls)
        self.state.shelf.committed(batch)
        self.lives.acknowledged = self.lives.known()
        self.committing = None
        for firing in gated:
            self._after(30 * MS, self._start, firing)

    async def _end(self) -> None:
        await self.state.end(list)
        self.unsure.clear()

    # Effects.

    def _fire(self, firing: Firing) -> None:
        if firing.effect in PACED:
            self.gated.append(firing)
        else:
            self._start(firing)

    def _start(self, firing: Firing) -> None:
        now_ns = self.state.clock.now_ns()
        self.state.recorder.started(firing.id, now_ns)
        if firing.effect in PACED:
            self.unsure[firing.id] = len(self.lives.log)
        self.lives.skew_ns = self.skew_ns
        takes_ns, outcome = self.lives.effects[firing.effect](*firing.args, now_ns)
        if firing.effect not in PACED:
            takes_ns = self.random.choice([0, 3 * MS])
        self._at(self.machine.true_ns + takes_ns, self._complete, firing.id, outcome)

    def _complete(self, firing_id: int, outcome: Any) -> None:
        self.state.recorder.complete(firing_id, outcome, self.state.clock.now_ns())
        self.state.recorder.drain()
        self.landed.append(firing_id)
