"""The asyncio shell of the scheduler by hand: starts effects, tells what became of them.

Owns: the loop step -> start -> wait, the tasks of effects and their deadlines, stopping. Decides
nothing. The scheduler is called synchronously, never across an await.
Must not know: what effects do, signals.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from inspect import isawaitable
from typing import Any, Protocol

from baseline.scheduler import Scheduler
from scraper_cpn.net.errors import NetError
from scraper_cpn.net.marking import Ended, Firing, Row
from scraper_cpn.net.outputs import Lost
from scraper_cpn.scrape.colours import (
    Checked,
    Domain,
    Extracted,
    FetchOutcome,
    KeepOutcome,
    ParseOutcome,
    Proxy,
    Raw,
    RobotsJob,
    RobotsOutcome,
    Target,
    ValidateOutcome,
)
from scraper_cpn.scrape.redact import redacted

SECOND = 1_000_000_000
BATCH_MAX = 256
"""Pages that are kept together."""


class Start:
    """What a request is given: it asks just before it is written, and calls when it is."""

    def __init__(self, ask: Callable[[], bool], written: Callable[[], None]) -> None:
        self.may_start = ask
        """Whether it may be written. If not, and it had not started, it has been undone."""
        self._written = written

    def __call__(self) -> None:
        """The request was written; its pauses begin."""
        self._written()


class Effects(Protocol):
    """The work that the scheduler asks for."""

    async def fetch(
        self, target: Target, proxy: Proxy, domain: Domain, start: Start
    ) -> FetchOutcome:
        """A page."""

    async def robots(
        self, job: RobotsJob, proxy: Proxy, domain: Domain, start: Start
    ) -> RobotsOutcome:
        """A robots.txt."""

    def parse(self, raw: Raw) -> ParseOutcome | Awaitable[ParseOutcome]:
        """A page's items and links."""

    def validate(self, page: Extracted) -> ValidateOutcome:
        """The items that fit."""

    async def keep(self, pages: Sequence[Checked]) -> Sequence[KeepOutcome]:
        """Items are written."""


class Shell:
    """Runs a scheduler to its end. Use it once.

    Args:
        scheduler: opened.
        effects: the work.
        now_ns: the scheduler's time.
        on_rows: is given the rows, in order.
        fatal: exceptions of effects that end the run and are raised; any other is `Lost`.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        effects: Effects,
        now_ns: Callable[[], int],
        *,
        on_rows: Callable[[list[Row]], None],
        fatal: tuple[type[Exception], ...] = (),
    ) -> None:
        self._scheduler = scheduler
        self._effects = effects
        self._now_ns = now_ns
        self._on_rows = on_rows
        self._fatal = fatal
        self._failure: Exception | None = None
        self._open: dict[int, bool] = {}
        """Firings that have not ended, and whether they have started."""
        self._outcomes: list[tuple[int, Any]] = []
        self._to_keep: list[Firing] = []
        self._is_keeping = self._aborted = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    async def run(self) -> Ended | None:
        """Run until the crawl has ended; None after `abort`. Nothing is left in flight.

        Raises:
            Exception: what a fatal effect raised; anything else is a bug.
        """
        try:
            ended = await self._loop()
        finally:
            await self._settle()
        if self._failure is not None:
            raise self._failure
        return ended

    def poke(self) -> None:
        """Look at the scheduler again now: something has changed from outside."""
        self._wake.set()

    def abort(self) -> None:
        """Stop at once: what runs is cancelled, what had not started goes back."""
        self._aborted = True
        self._wake.set()

    # The loop.

    async def _loop(self) -> Ended | None:
        while not self._aborted:
            self._wake.clear()
            self._complete_all()
            now_ns = self._now_ns()
            step = self._scheduler.step(now_ns)
            self._deliver()
            ended = None if step.firings else self._scheduler.ended(now_ns)
            if ended is not None:
                return ended
            for firing in step.firings:
                self._begin(firing)
            self._begin_batch()
            await self._wait_until(now_ns if self._outcomes else step.wake_ns)
        return None

    async def _wait_until(self, wake_ns: int | None) -> None:
        """Wait for an outcome, a poke or the next useful time; others have their turn in any case."""
        if wake_ns is None:
            await self._wake.wait()
            return
        wait_ns = wake_ns - self._now_ns()
        if wait_ns <= 0:
            await asyncio.sleep(0)
            return
        timer = asyncio.get_running_loop().call_later(wait_ns / SECOND, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    def _complete_all(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        for number, outcome in outcomes:
            if number not in self._open:  # it was undone
                continue
            self._start(number)
            del self._open[number]
            self._complete(number, outcome)

    def _complete(self, number: int, outcome: Any) -> None:
        now_ns = self._now_ns()
        try:
            self._scheduler.complete(number, outcome, now_ns)
        except NetError as error:
            broken = Lost(redacted(f"the outcome of the effect was refused: {error}"))
            self._scheduler.complete(number, broken, now_ns)

    def _deliver(self) -> None:
        rows = self._scheduler.drain()
        if rows:
            self._on_rows(rows)

    # Effects.

    def _begin(self, firing: Firing) -> None:
        self._open[firing.id] = False
        if firing.effect == "keep":
            self._to_keep.append(firing)
        elif firing.deadline_ns is None:
            self._work(firing)
        else:
            effect = getattr(self._effects, firing.effect)
            start = Start(partial(self._may_start, firing.id), partial(self._written, firing.id))
            request = effect(*firing.args, start)
            self._spawn(self._guarded(firing, request))

    def _work(self, firing: Firing) -> None:
        """Parse or validate, at once if that is quick."""
        self._start(firing.id)
        try:
            outcome = getattr(self._effects, firing.effect)(*firing.args)
        except Exception as error:  # noqa: BLE001  (an effect may raise anything; it becomes Lost)
            outcome = self._lost(error)
        if isawaitable(outcome):
            self._spawn(self._guarded(firing, outcome))
        else:
            self._outcomes.append((firing.id, outcome))

    async def _guarded(self, firing: Firing, work: Awaitable[Any]) -> None:
        """Wait for an outcome, at most until the deadline; whatever is raised is `Lost`."""
        deadline_ns = firing.deadline_ns
        outcome: Any = Lost("took longer than its deadline")
        try:
            async with asyncio.timeout(None if deadline_ns is None else deadline_ns / SECOND):
                outcome = await work
        except TimeoutError:
            pass
        except Exception as error:  # noqa: BLE001  (an effect may raise anything; it becomes Lost)
            outcome = self._lost(error)
        self._outcomes.append((firing.id, outcome))
        self._wake.set()

    def _begin_batch(self) -> None:
        if self._to_keep and not self._is_keeping:
            self._is_keeping = True
            batch, self._to_keep = self._to_keep[:BATCH_MAX], self._to_keep[BATCH_MAX:]
            for firing in batch:
                self._start(firing.id)
            self._spawn(self._keep(batch))

    async def _keep(self, batch: Sequence[Firing]) -> None:
        try:
            outcomes: Sequence[Any] = await self._effects.keep([one.args[0] for one in batch])
        except Exception as error:  # noqa: BLE001  (an effect may raise anything; it becomes Lost)
            outcomes = [self._lost(error)] * len(batch)
        self._is_keeping = False
        self._outcomes += [(one.id, each) for one, each in zip(batch, outcomes, strict=True)]
        self._wake.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _written(self, number: int) -> None:
        """A request is on its way: the pauses that begin now may change what is useful."""
        self._start(number)
        self._wake.set()

    def _may_start(self, number: int) -> bool:
        """Whether a request may be written; one that may not, and has not started, is undone."""
        started = self._open.get(number)
        if started is None:
            return False
        if self._scheduler.may_start(number, self._now_ns()):
            return True
        if not started:
            del self._open[number]
            self._scheduler.revoke(number)
            self._wake.set()
        return False

    def _start(self, number: int) -> None:
        if not self._open.get(number, True):  # a late call counts for nothing
            self._open[number] = True
            self._scheduler.started(number, self._now_ns(), asked=True)

    def _lost(self, error: Exception) -> Lost:
        if isinstance(error, self._fatal):
            self._failure = self._failure or error
            self.abort()
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return Lost(redacted(reason), redacted("".join(traceback.format_exception(error))))

    async def _settle(self) -> None:
        """Settle open work: ended work counts, started work is `Lost`, the rest goes back."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._complete_all()
        for number, started in self._open.items():
            if started:
                self._complete(number, Lost("cancelled"))
            else:
                self._scheduler.revoke(number)
        self._open.clear()
        self._deliver()
