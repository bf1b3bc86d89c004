"""Workers that are killed, frozen and cut off, and a database that is, until a crawl is done nevertheless.

`python -m tests.cluster.chaos --rounds N` goes on for N faults; each round has a seed, which it prints if it fails.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mocks.postgres import Postgres, new_server
from scraper_cpn.cluster.crawl import create
from tests.cluster.errands import OPENED, LoggedErrands, Start, starts, too_late, too_soon
from tests.cluster.relay import BOTH, Relay

FAULTS = ("kill", "freeze", "swallow", "stall", "delay", "reset", "restart")
GIVE_UP_SECONDS = 300.0
"""When a round counts as hung."""


class Plan(Struct, frozen=True, kw_only=True):
    """What a round does."""

    seed: int
    faults: Sequence[str] = FAULTS
    number: int = 6
    """How many faults."""
    workers: int = 3
    partitions: int = 8
    keys: int = 12
    errands: int = 60
    visits: int = 6
    spare: int = 40
    """Visits that the budget allows beside those that are needed."""
    lease_s: float = 1.0
    frozen: tuple[float, float] = (0.2, 2.5)
    """How long a worker is frozen, or its network faulty, in leases."""
    controls: Sequence[str] = ()
    """What is turned off: `no-self-fence`, `no-fence`."""

    @property
    def allowance(self) -> int:
        """The budget of all visits."""
        return self.errands * self.visits + self.spare


@dataclass
class Found:
    """What a round came to."""

    ended: str | None = None
    lost: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    late: list[Start] = field(default_factory=list)
    soon: list[Start] = field(default_factory=list)
    missing: int = 0
    """Units of the budget that are nowhere; below 0: that have come from nowhere."""
    starts: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)

    @property
    def fine(self) -> bool:
        """Whether nothing was lost, doubled, or started at a wrong time."""
        wrong = self.lost or self.doubled or self.late or self.soon or self.missing
        return self.ended == "finished" and not wrong


class Round:
    """One crawl under faults."""

    def __init__(self, plan: Plan, server: Postgres, folder: Path) -> None:
        self._plan = plan
        self._server = server
        self._folder = folder
        self._log = folder / "starts.log"
        self._chance = random.Random(plan.seed)
        self._relay = Relay(server.socket)
        self._workers: list[subprocess.Popen[bytes]] = []
        self._said: list[Path] = []
        self._endings: set[asyncio.Task[None]] = set()
        self.found = Found()

    async def run(self) -> Found:
        """Make the crawl, run it under faults, and judge it."""
        plan = self._plan
        base = await asyncio.to_thread(self._server.new_database)
        await self._relay.open()
        name = base.split("@/")[1].split("?")[0]
        self._direct = f"{base}&name=errands"
        self._address = f"postgresql://postgres@127.0.0.1:{self._relay.port}/{name}?name=errands"
        work = LoggedErrands(plan.keys, plan.allowance, self._log)
        tokens = work.errands.tokens(plan.keys, plan.errands, plan.visits)
        await create(self._direct, work, tokens, partitions=plan.partitions)
        if "no-fence" in plan.controls:
            await self._without_fence()
        try:
            for _ in range(plan.workers):
                self._workers.append(self._started())
            await self._faults()
            await self._end()
        finally:
            self._kill_all()
            await self._relay.close()
        await self._judge()
        return self.found

    def _started(self) -> subprocess.Popen[bytes]:
        plan = self._plan
        said = self._folder / f"worker-{len(self._said)}.log"
        self._said.append(said)
        self_fence = [each for each in plan.controls if each == "no-self-fence"]
        with said.open("wb") as out:
            given = (self._address, plan.keys, plan.allowance, self._log, plan.lease_s, *self_fence)
            command = [sys.executable, "-m", "tests.cluster.errands", *map(str, given)]
            return subprocess.Popen(command, stdout=out, stderr=out)

    async def _faults(self) -> None:
        left = self._plan.number
        until = time.monotonic() + GIVE_UP_SECONDS
        while self.found.ended is None and left and time.monotonic() < until:
            self.found.ended = await self._ended()
            if len(starts(self._log)) > self._plan.number - left:  # they have work, and feel it
                await self._fault(self._chance.choice(self._plan.faults))
                left -= 1
            await asyncio.sleep(self._chance.uniform(0.1, 0.8) * self._plan.lease_s)

    async def _fault(self, kind: str) -> None:
        self.found.done[kind] += 1
        at = self._chance.randrange(len(self._workers))
        worker = self._workers[at]
        if kind == "kill":
            worker.kill()
            worker.wait()
            self._workers[at] = self._started()
        elif kind == "freeze":
            worker.send_signal(signal.SIGSTOP)
            self._later(lambda: worker.send_signal(signal.SIGCONT))
        elif kind == "restart":
            await asyncio.to_thread(self._server.restart)
        else:
            self._disturb(kind)

    def _disturb(self, kind: str) -> None:
        """A fault of the network."""
        way, some = self._chance.choice(BOTH), self._chance
        lines = [line for line in self._relay.lines if some.random() < 0.5]
        if kind == "swallow":
            for line in lines:
                line.mute.add(way)
        elif kind == "reset":
            for line in lines:
                line.reset()
        elif kind == "stall":
            self._relay.stall(way)
            self._later(self._relay.heal)
        else:
            self._relay.delay_s = some.uniform(0, 0.1) * self._plan.lease_s
            self._later(self._relay.heal)

    def _later(self, end: Callable[[], None]) -> None:
        """End a fault after a while."""
        wait_s = self._chance.uniform(*self._plan.frozen) * self._plan.lease_s

        async def ended() -> None:
            await asyncio.sleep(wait_s)
            end()

        ending = asyncio.create_task(ended())
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _end(self) -> None:
        """Wait for the end of the crawl, and of its workers."""
        until = time.monotonic() + GIVE_UP_SECONDS
        await asyncio.gather(*self._endings)
        while self.found.ended is None and time.monotonic() < until:
            self.found.ended = await self._ended()
            for at, worker in enumerate(self._workers):
                if worker.poll() not in (None, 0):  # it may: another takes its place
                    self.found.dropped["worker"] += 1
                    self._workers[at] = self._started()
            await asyncio.sleep(0.1)
        for worker in self._workers:
            left = max(0.1, until - time.monotonic())
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(worker.wait, left)

    async def _ended(self) -> str | None:
        try:
            session = await asyncpg.connect(self._direct.replace("&name=errands", ""))
        except (OSError, asyncpg.PostgresError):
            return None
        try:
            word: str | None = await session.fetchval("SELECT ended FROM scrape.cluster")
            return word
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return None
        finally:
            session.terminate()

    async def _without_fence(self) -> None:
        """A control: whoever commits is believed."""
        session = await asyncpg.connect(self._direct.replace("&name=errands", ""))
        text = await session.fetchval(
            "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'commit_batch'"
        )
        fence = "AND epoch = _epoch AND owner = _owner AND seq = _seq - 1"
        assert fence in text
        await session.execute(text.replace(fence, ""))
        await session.close()

    async def _judge(self) -> None:
        session = await asyncpg.connect(self._direct.replace("&name=errands", ""))
        rows = await session.fetch("SELECT body FROM scrape.sink_row WHERE sink = 'home'")
        left = await session.fetchval(
            "SELECT (SELECT sum(free) FROM scrape.credit)"
            " + (SELECT coalesce(sum(number), 0) FROM scrape.number WHERE counter = 'visits')"
        )
        await session.close()
        self.found.missing = self._plan.spare - int(left)
        home = Counter(msgspec.json.decode(row[0])["number"] for row in rows)
        self.found.lost = [each for each in range(self._plan.errands) if each not in home]
        self.found.doubled = [each for each, times in home.items() if times > 1]
        log = starts(self._log)
        self.found.starts = sum(each.number != OPENED for each in log)
        self.found.late, self.found.soon = too_late(log), too_soon(log)

    def _kill_all(self) -> None:
        for worker in self._workers:
            worker.send_signal(signal.SIGCONT)
            worker.kill()
            worker.wait()

    def said(self) -> str:
        """What the workers said."""
        return "\n".join(each.read_text() for each in self._said)


def play(plan: Plan, server: Postgres, folder: Path) -> Found:
    """Run a round; prints what its workers said if it goes wrong, or one has ended by itself."""
    one = Round(plan, server, folder)
    found = asyncio.run(one.run())
    if not found.fine or found.dropped:
        sys.stdout.write(one.said())
    return found


def caught(plan: Plan, server: Postgres, folder: Path, rounds: int = 6) -> Found | None:
    """The first round, of some with other seeds, in which anything was wrong; None if there is none."""
    for number in range(rounds):
        here = folder / str(number)
        here.mkdir()
        found = play(replace(plan, seed=plan.seed + number), server, here)
        if not found.fine:
            return found
    return None


def main() -> int:
    """Go on for some number of faults; returns 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000, help="faults in all")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    total: Counter[str] = Counter()
    seed, begun = given.seed, time.monotonic()
    with new_server() as server:
        while total.total() < given.rounds:
            with tempfile.TemporaryDirectory() as folder:
                found = play(Plan(seed=seed, number=20, errands=200), server, Path(folder))
            total += found.done
            sys.stdout.write(f"seed {seed}: {found}\n")
            sys.stdout.flush()
            if not found.fine:
                return 1
            seed += 1
    took = time.monotonic() - begun
    sys.stdout.write(
        f"{total.total()} faults ({dict(total)}) in {took:.0f} s: nothing lost, doubled, late or impolite\n"
    )
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(Path.cwd()))
    raise SystemExit(main())
