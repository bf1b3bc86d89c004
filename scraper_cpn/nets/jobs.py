"""A job queue: push, fetch with a lease, acknowledge, fail with backoff, dead letters, priorities.

    async with JobQueue.open("jobs.db") as queue:
        queue.push("resize", priority=1)
        lease = await queue.fetch()
        queue.acknowledge(lease)

All of it is the net; `JobQueue` only puts tokens in and waits for rows. A worker that fetches a job gets a
lease: acknowledged in time, the job is done; else it is given to another worker. One that fails comes back later each
time, and after some attempts it is a dead letter. An acknowledgement that comes too late counts for nothing, since the
lease that it names is gone: the two are joined by the lease. Kept in a file, the queue survives its process.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from msgspec import Struct

from scraper_cpn.net import Net, Row, absent, choose, expired, on, put
from scraper_cpn.run.live import Live, running

SECOND = 1_000_000_000
ATTEMPTS = 3


class Job(Struct, frozen=True):
    """Something to do; the lower its rank, the sooner."""

    id: int
    what: str
    rank: int = 0
    attempt: int = 1


class Ask(Struct, frozen=True):
    """A worker that wants a job; its number is that of the lease that it will get."""

    lease: int


class Lease(Struct, frozen=True):
    """A job in the hands of a worker."""

    lease: int
    job: Job


class Report(Struct, frozen=True):
    """What a worker says of the job that it has a lease for."""

    lease: int
    reason: str = ""


class Fault(Struct, frozen=True):
    """An attempt that came to nothing."""

    job: Job
    reason: str


class Again(Struct, frozen=True):
    """Try it again."""


class Over(Struct, frozen=True):
    """Give it up."""


def jobs_net(lease_ns: int) -> Net:
    """Jobs, asks and reports come in; leases, finished jobs and dead letters leave."""
    net = Net("jobs")
    jobs = net.place("jobs", Job, order="rank", timed=True, source=True, work=True)
    asks = net.place("asks", Ask, source=True, expires=True)
    leased = net.place("leased", Lease, key="lease", expires=True, work=True)
    done = net.place("acknowledged", Report, key="lease", source=True)
    failed = net.place("failed", Report, key="lease", source=True)
    faults = net.place("faults", Fault, work=True)
    leases, finished = net.sink("leases", Lease), net.sink("finished", Job)
    dead = net.sink("dead", Fault)

    given = [
        put(leased, _lease, jobs, asks, lasts_ns=lambda *_: lease_ns),
        put(leases, _lease, jobs, asks),
    ]
    net.transition("fetch", [jobs, asks], outputs=given)
    net.transition("leave", [expired(asks)])
    net.transition("acknowledge", [done, leased], outputs=[put(finished, _job, leased)])
    net.transition("fail", [failed, leased], outputs=[put(faults, _fault, leased, failed)])
    net.transition("run_out", [expired(leased)], outputs=[put(faults, _ran_out, leased)])
    net.transition("too_late", [done, absent(leased)], priority=1)
    net.transition("too_late_to_fail", [failed, absent(leased)], priority=1)
    later = put(jobs, _next_attempt, faults, after_ns=_backoff_ns)
    ends = [on(Again, later), on(Over, put(dead))]
    net.transition("judge", [faults], choice=choose(_verdict, faults), outcomes=ends)
    return net


def _lease(job: Job, ask: Ask) -> Lease:
    return Lease(ask.lease, job)


def _job(lease: Lease) -> Job:
    return lease.job


def _fault(lease: Lease, report: Report) -> Fault:
    return Fault(lease.job, report.reason)


def _ran_out(lease: Lease) -> Fault:
    return Fault(lease.job, "its lease ran out")


def _verdict(fault: Fault) -> Again | Over:
    return Again() if fault.job.attempt < ATTEMPTS else Over()


def _next_attempt(fault: Fault) -> Job:
    job = fault.job
    return Job(job.id, job.what, job.rank, job.attempt + 1)


def _backoff_ns(fault: Fault) -> int:
    return SECOND // 20 << fault.job.attempt


class JobQueue:
    """A queue that runs; see `open`."""

    def __init__(self) -> None:
        self._live: Live
        self._next = 0
        self._waiting: dict[int, anyio.Event] = {}
        self._leases: dict[int, Lease] = {}
        self.finished: list[Job] = []
        self.dead: list[Fault] = []

    @classmethod
    @asynccontextmanager
    async def open(
        cls, keep: str | Path | None = None, *, lease_ns: int = 30 * SECOND
    ) -> AsyncIterator[JobQueue]:
        """A queue, kept in a file where one is named; it is served until the block ends."""
        queue, net = cls(), jobs_net(lease_ns)
        async with (
            running(net, {}, keep=keep, on_row=queue._on_row) as live,
            anyio.create_task_group() as tasks,
        ):
            queue._live = live
            queue._next = (
                live.marking().next_serial
            )  # no number is used twice, in another process either
            tasks.start_soon(live.serve)
            try:
                yield queue
            finally:
                live.stop()

    def push(self, what: str, *, priority: int = 0, after_ns: int = 0) -> int:
        """Add a job; the lower its priority, the sooner. Returns its number."""
        number = self._number()
        self._live.inject(self._place("jobs"), Job(number, what, priority), after_ns=after_ns)
        return number

    async def fetch(self, patience_ns: int = 10 * SECOND) -> Lease | None:
        """The next job, with a lease; None if there was none for so long."""
        lease = self._number()
        self._waiting[lease] = anyio.Event()
        self._live.inject(self._place("asks"), Ask(lease), lasts_ns=patience_ns)
        with anyio.move_on_after(patience_ns / SECOND):
            await self._waiting[lease].wait()
        del self._waiting[lease]
        return self._leases.pop(lease, None)

    def acknowledge(self, lease: Lease) -> None:
        """The job is done."""
        self._live.inject(self._place("acknowledged"), Report(lease.lease))

    def fail(self, lease: Lease, reason: str) -> None:
        """The job is not done: another worker may try it later."""
        self._live.inject(self._place("failed"), Report(lease.lease, reason))

    def waiting(self) -> int:
        """Jobs that no worker has, including those that are not due yet."""
        return self._live.count("jobs")

    def _place(self, name: str) -> Any:
        return self._live.net.places[name]

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _on_row(self, row: Row) -> None:
        if row.sink == "finished":
            self.finished.append(row.colour)
        elif row.sink == "dead":
            self.dead.append(row.colour)
        elif row.colour.lease in self._waiting:
            self._leases[row.colour.lease] = row.colour
            self._waiting[row.colour.lease].set()


async def demonstrate(keep: str | None) -> None:
    """Two workers, some jobs, one of which always fails."""
    async with JobQueue.open(keep, lease_ns=SECOND) as queue:
        for number in range(5):
            queue.push(f"job {number}", priority=-number)
        queue.push("bad")

        async def work(name: str) -> None:
            while (lease := await queue.fetch(patience_ns=SECOND)) is not None:
                sys.stdout.write(f"{name} has {lease.job.what}, attempt {lease.job.attempt}\n")
                if lease.job.what == "bad":
                    queue.fail(lease, "it is bad")
                else:
                    queue.acknowledge(lease)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work, "ann")
            tasks.start_soon(work, "bob")
        sys.stdout.write(f"{len(queue.finished)} finished, {len(queue.dead)} dead\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = ArgumentParser(prog="jobs", description="A job queue with two workers.")
    parser.add_argument("--keep", metavar="FILE", help="keep the queue in FILE")
    anyio.run(demonstrate, parser.parse_args(arguments).keep)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
