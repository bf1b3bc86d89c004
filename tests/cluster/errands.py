"""A net for tests of clusters: errands that go from key to key, a pause for each key, and a log of what was started.

Run as a program it is a worker: `python -m tests.cluster.errands DSN KEYS ALLOWANCE LOG LEASE_SECONDS`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from msgspec import Struct

from scraper_cpn.cluster.crawl import Tokens, join
from scraper_cpn.cluster.lease import Claim, Lease
from scraper_cpn.cluster.work import Effects, Work
from scraper_cpn.cluster.worker import Pace, run_worker
from scraper_cpn.net import Lost, Net, Place, consume, hold, on, put, spend, take
from scraper_cpn.net.shares import channel, credit
from scraper_cpn.run.effects import Paced

if TYPE_CHECKING:
    from scraper_cpn.cluster.partition import Partition

PAUSE_NS = 60_000_000
"""The least time between the starts of two errands of one key."""
CONNECT_SECONDS = 0.03
"""Between the commit of a firing and its start: in it a stopped process finds its lease over when it goes on."""
RUN_SECONDS = 0.01


class Errand(Struct, frozen=True):
    """An errand at a key, and how many keys it still has to visit."""

    number: int
    key: int
    left: int


class Turn(Struct, frozen=True):
    """The right of a key to start the next errand."""

    key: int


class Done(Struct, frozen=True):
    """The outcome of a visit."""


class Errands:
    """The net, and its places.

    Args:
        keys: how many.
        allowance: how many visits all partitions may make together.
    """

    def __init__(self, keys: int, allowance: int) -> None:
        net = self.net = Net("errands", partition="key")
        do = net.effect("do", Done)
        self.waiting: Place[Errand] = net.place(
            "waiting", Errand, key="key", work=True, share=channel()
        )
        self.turns = net.place("turns", Turn, key="key", timed=True, source=True)
        visits = net.counter("visits", start=allowance, budget=True, share=credit)
        home = net.sink("home", Errand)
        there = take(self.waiting, when=_goes_on)

        def onward(errand: Errand) -> Errand:
            key = (errand.key * 7 + errand.number + 1) % keys
            return Errand(errand.number, key, errand.left - 1)

        net.transition(
            "visit",
            [there, spend(self.turns, after_ns=PAUSE_NS), hold(visits)],
            effect=do(there),
            outcomes=[
                on(Done, put(self.waiting, onward, there), consume(visits)),
                on(Lost, put(self.waiting, _same, there)),
            ],
        )
        net.transition("come_home", [take(self.waiting, when=_is_over)], outputs=[put(home)])

    def tokens(self, keys: int, number: int, visits: int) -> Tokens:
        """Some errands, and a turn for each key."""
        errands = [Errand(each, each % keys, visits) for each in range(number)]
        return {self.waiting: errands, self.turns: [Turn(key) for key in range(keys)]}


def _goes_on(errand: Errand) -> bool:
    return errand.left > 0


def _is_over(errand: Errand) -> bool:
    return errand.left == 0


def _same(errand: Errand) -> Errand:
    return errand


OPENED = -1
"""In place of an errand's number: a claim was opened."""


class Start(Struct, frozen=True):
    """A line of the log: which visit of which errand started, under which claim, when."""

    at_ns: int
    number: int
    left: int
    key: int
    pid: int
    epoch: int


class LoggedErrands(Work):
    """Errands whose starts are appended to a file that all workers share."""

    def __init__(self, keys: int, allowance: int, log: Path) -> None:
        self.errands = Errands(keys, allowance)
        super().__init__(self.errands.net, {"do": _nothing}, settings={"keys": str(keys)})
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def effects(self, partition: Partition) -> Effects:
        """A visit, which notes its start; and a note that the claim was opened."""
        self._note(OPENED, 0, OPENED, partition.claim)
        return {"do": Paced(self._visiting(partition))}

    def _note(self, number: int, left: int, key: int, claim: Claim) -> None:
        line = (Lease.now_ns(), number, left, key, claim.pid, claim.epoch)
        os.write(self._log, (" ".join(map(str, line)) + "\n").encode())

    def _visiting(self, partition: Partition) -> Callable[..., Awaitable[Any]]:
        async def visit(errand: Errand, start: Any) -> Any:
            await anyio.sleep(CONNECT_SECONDS)
            if not start.may_start():
                return None
            self._note(errand.number, errand.left, errand.key, partition.claim)
            start()
            await anyio.sleep(RUN_SECONDS)
            return Done()

        return visit


async def _nothing(_errand: Errand) -> Done:
    return Done()


def starts(log: Path) -> list[Start]:
    """The log, in order of time; claims that were opened are in it, too."""
    lines = log.read_text().splitlines() if log.exists() else []
    return sorted((Start(*map(int, line.split())) for line in lines), key=lambda each: each.at_ns)


def too_late(log: Iterable[Start]) -> list[Start]:
    """The starts of a partition after a later claim on it had been opened."""
    newest: dict[int, int] = {}
    found = []
    for each in log:
        if each.number != OPENED and each.epoch < newest.get(each.pid, 0):
            found.append(each)
        newest[each.pid] = max(each.epoch, newest.get(each.pid, 0))
    return found


def too_soon(log: Iterable[Start]) -> list[Start]:
    """The starts of a key within its pause; clocks of two workers may differ by half of a round trip."""
    last: dict[int, int] = {}
    found = []
    for each in log:
        if (
            each.number != OPENED
            and each.key in last
            and each.at_ns - last[each.key] < PAUSE_NS - PAUSE_NS // 4
        ):
            found.append(each)
        last[each.key] = each.at_ns
    return found


async def _work(dsn: str, keys: int, allowance: int, log: Path, lease_s: float) -> str | None:
    work = LoggedErrands(keys, allowance, log)
    crawl = await join(dsn, work)
    return await run_worker(crawl, work, pace=Pace(lease_s=lease_s), tell=_tell)


def _tell(text: str) -> None:
    sys.stderr.write(f"{os.getpid()}: {text}\n")


def main(arguments: list[str]) -> None:
    """Be a worker; prints how the crawl ended."""
    dsn, keys, allowance, log, lease_s, *faults = arguments
    if "no-self-fence" in faults:  # a control: the worker never notices that its lease is over
        Lease.holds = property(lambda _: True)  # type: ignore[assignment, method-assign]
    print(anyio.run(_work, dsn, int(keys), int(allowance), Path(log), float(lease_s)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
