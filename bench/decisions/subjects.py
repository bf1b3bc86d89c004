"""The subjects of a race.

Owns: making each with its initial tokens. Must not know: what is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from baseline import opening as by_hand
from baseline.queues import Heap, Levels
from baseline.scheduler import Scheduler
from bench.decisions.drive import Subject
from bench.decisions.native import by_hand as by_hand_native
from bench.decisions.workload import Workload
from scraper_cpn.native import native
from scraper_cpn.net import Interpreter, Kernel, Row, Step
from scraper_cpn.net.compiled.kernel import compile_net
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import open_crawl
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.virtual import EPOCH_NS

NET_NATIVE, BASELINE_NATIVE = "net native", "baseline native"
"""Those that are compiled to machine code, where that can be done."""


def net(workload: Workload) -> Subject:
    """The scrape net, compiled."""
    return _opened(workload, compile_net)


def net_native(workload: Workload) -> Subject:
    """The scrape net, compiled to machine code."""
    return _opened(workload, partial(compile_net, builder=native))


def interpreter(workload: Workload) -> Subject:
    """The scrape net, searched completely at each step."""
    return _opened(workload, Interpreter)


def _opened(workload: Workload, execution: Callable[..., Kernel]) -> Kernel:
    declared = ScrapeNet(Policy(workload.settings))
    kernel = execution(declared)
    open_crawl(kernel, declared, (), EPOCH_NS)
    for each in workload.seeds():
        kernel.inject(declared.frontier.found, each, EPOCH_NS)
    return kernel


def baseline(workload: Workload) -> Subject:
    """The scheduler written by hand, with the faster of its queues."""
    return _by_hand(workload, Levels)


def baseline_heap(workload: Workload) -> Subject:
    """The same with binary heaps."""
    return _by_hand(workload, Heap)


def baseline_native(workload: Workload) -> Subject:
    """The scheduler by hand as machine code."""
    scheduler: Any = by_hand_native("scheduler").Scheduler
    queue = by_hand_native("queues").Levels
    return _begun(scheduler(Policy(workload.settings), queue), by_hand_native("opening"), workload)


def _by_hand(workload: Workload, queue: type[Levels | Heap]) -> Subject:
    return _begun(Scheduler(Policy(workload.settings), queue), by_hand, workload)


def _begun(scheduler: Scheduler, opening: Any, workload: Workload) -> Scheduler:
    opening.open_crawl(scheduler, workload.settings, (), EPOCH_NS)
    for each in workload.seeds():
        scheduler.find(each, EPOCH_NS)
    return scheduler


SUBJECTS: dict[str, Callable[[Workload], Subject]] = {
    "net": net,
    NET_NATIVE: net_native,
    "baseline": baseline,
    BASELINE_NATIVE: baseline_native,
    "baseline heap": baseline_heap,
    "interpreter": interpreter,
}


class Recorder:
    """Records the decisions of a subject for a replay."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self.started, self.complete = subject.started, subject.complete
        self.steps: list[Step] = []
        self.rows: list[list[Row]] = []

    def step(self, now_ns: int) -> Step:
        """Note a step."""
        self.steps.append(self._subject.step(now_ns))
        return self.steps[-1]

    def drain(self) -> list[Row]:
        """Note the rows."""
        self.rows.append(self._subject.drain())
        return self.rows[-1]


class Replay:
    """Repeats recorded decisions without deciding anything: it shows the cost of the driver."""

    def __init__(self, noted: Recorder) -> None:
        self._steps, self._rows = iter(noted.steps), iter(noted.rows)

    def step(self, now_ns: int) -> Step:  # noqa: ARG002  (the surface)
        """The next step."""
        return next(self._steps)

    def started(self, firing_id: int, now_ns: int) -> bool:  # noqa: ARG002
        """Nothing."""
        return True

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        """Nothing."""

    def drain(self) -> list[Row]:
        """The next rows."""
        return next(self._rows)
