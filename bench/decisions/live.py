"""The same decisions through asyncio, in real time, with a fetch that is mocked.

Owns: the mocked effects on an event loop, the runs, and a scheduler that decides nothing, whose run shows
the cost of the shell itself.
Must not know: how the shell works.

There are no delays, so the number of requests in flight is always at its limit. The measurement begins after all
seeds are admitted and the rate of requests is steady.
"""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import anyio
from msgspec import Struct

from baseline.shell import Shell as ShellByHand
from bench.decisions.subjects import SUBJECTS
from bench.decisions.workload import KEPT, VALID, Point, Workload
from bench.figures import Spent, spent
from scraper_cpn.net import Ended, Firing, Row, Step
from scraper_cpn.run.clock import Clock
from scraper_cpn.run.effects import Batched, Binding, Paced, Plain
from scraper_cpn.run.shell import Shell
from scraper_cpn.scrape.colours import Checked, Extracted, Fetched, Parsed, Raw, Target, Valid

ALONE, OPPONENT = "no scheduler", "baseline"
POINT = Point(20_000, 1_000, 100, "eager")
DEADLINE_NS = 60_000_000_000
WARM = 1_000
"""Decisions before the first one that counts."""


class LiveRun(Struct, frozen=True, kw_only=True):
    """One run."""

    decisions: int
    cpu_s: float
    wall_s: float

    @property
    def cpu_us(self) -> float:
        """CPU time for a decision, in microseconds."""
        return self.cpu_s / self.decisions * 1e6


class Live(Struct, frozen=True, kw_only=True):
    """The results of one subject."""

    subject: str
    point: Point
    runs: list[LiveRun]


def race_live(subjects: Sequence[str], decisions: int, rounds: int) -> list[Live]:
    """Measure each of *subjects* in turn, and the shell alone. The scheduler by hand has its own shell."""
    names = [*subjects, ALONE]
    runs: dict[str, list[LiveRun]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            runs[name].append(_run(name, decisions))
    return [Live(subject=name, point=POINT, runs=some) for name, some in runs.items()]


def _run(name: str, decisions: int) -> LiveRun:
    workload = Workload(POINT)
    kernel: Any = Trivial(workload) if name == ALONE else SUBJECTS[name](workload)
    shell: Any
    mocked = Mocked(workload, decisions, spent())
    if name == OPPONENT:
        shell = ShellByHand(kernel, mocked, Clock().now_ns, on_rows=lambda _: None)
    else:
        shell = Shell(kernel, mocked.effects(), Clock())
    mocked.over = shell.abort
    gc.collect()
    gc.freeze()
    try:
        anyio.run(shell.run)
    finally:
        gc.unfreeze()
    return LiveRun(decisions=decisions, cpu_s=mocked.spent.cpu, wall_s=mocked.spent.wall)


def _no_robots(*_: object) -> Any:
    """The effect for robots.txt, which is never called: the settings ignore robots.txt."""
    raise AssertionError("unreachable")


class Mocked:
    """Mocked effects of the scrape net; a fetch ends in the next iteration of the event loop.

    Args:
        workload: gives the outcomes, which are made beforehand.
        dispatches: the number to measure; `over` is called after the last one.
        meter: measures them.
    """

    over: Callable[[], None]
    spent: Spent

    def __init__(
        self, workload: Workload, dispatches: int, meter: AbstractContextManager[Spent]
    ) -> None:
        domains = workload.point.domains
        numbers = range(WARM + dispatches)
        self._dispatches = dispatches
        self._meter = meter
        self._measuring = ExitStack()
        self._fetches = [workload.fetch(number)[1] for number in numbers]
        self._pages = iter([workload.parsed(number, number % domains) for number in numbers])

    def effects(self) -> Mapping[str, Binding]:
        """The binding of each effect name."""
        return {
            "fetch": Paced(self.fetch),
            "robots": Plain(_no_robots),
            "parse": Plain(self.parse),
            "validate": Plain(self.validate),
            "keep": Batched(self.keep),
        }

    async def fetch(self, _target: Any, _proxy: Any, _domain: Any, start: Any) -> Any:
        """The next outcome."""
        start()
        await asyncio.sleep(0)
        return self._outcome()

    robots = fetch  # never asked for

    def parse(self, _: Any) -> Any:
        """The next page."""
        return next(self._pages)

    def validate(self, _: Any) -> Any:
        """Accept all items."""
        return VALID

    async def keep(self, pages: Sequence[Any]) -> list[Any]:
        """Report the items as stored."""
        return [KEPT] * len(pages)

    def _outcome(self) -> Any:
        if not self._fetches:
            return None  # what runs when all is over
        if len(self._fetches) == self._dispatches:
            self.spent = self._measuring.enter_context(self._meter)
        outcome = self._fetches.pop()
        if not self._fetches:
            self._measuring.close()
            self.over()
        return outcome


class Trivial:
    """Has the interface of a kernel, takes whatever is next, and checks nothing."""

    def __init__(self, workload: Workload) -> None:
        self._targets = deque(target for found in workload.seeds() for target in found.targets)
        self._free = workload.settings.concurrency
        self._ready: list[Firing] = []
        self._flying: dict[int, Target] = {}
        self._next = 0

    def step(self, now_ns: int, limit: int = 0) -> Step:  # noqa: ARG002  (the surface)
        """Fire everything that is ready, and a fetch for every free slot."""
        while self._free and self._targets:
            self._free -= 1
            target = self._targets.popleft()
            self._fire("fetch", target, (target, None, None), DEADLINE_NS)
        step = Step(tuple(self._ready), None)
        self._ready.clear()
        return step

    def _fire(
        self, effect: str, target: Target, args: tuple[Any, ...], deadline_ns: int | None = None
    ) -> None:
        self._next += 1
        self._flying[self._next] = target
        self._ready.append(Firing(self._next, effect, effect, args, deadline_ns))

    def started(self, firing_id: int, now_ns: int, *, asked: bool = False) -> bool:  # noqa: ARG002
        """Nothing."""
        return True

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:  # noqa: ARG002
        """The next stage is ready."""
        target = self._flying.pop(firing_id)
        kind = type(outcome)
        if kind is Parsed:
            self._targets.append(outcome.targets[0])
            self._fire("validate", target, (Extracted(target, ()),))
        elif kind is Valid:
            self._fire("keep", target, (Checked(target, ()),))
        elif outcome is not KEPT:
            self._free += 1
            if kind is Fetched:
                self._fire("parse", target, (Raw(target, outcome.response),))
            else:
                self._targets.append(target)

    def revoke(self, firing_id: int) -> None:
        """Forget it."""
        del self._flying[firing_id]

    def drain(self) -> list[Row]:
        """No rows."""
        return []

    def ended(self, now_ns: int) -> Ended | None:
        """Never."""
