"""The worker processes of a crawl, as seen from its event loop.

Owns: how many there are, how much memory they may take together, and that none outlives the crawl.
Must not know: what a job is about.

They are started when they are first needed, which is never on most crawls.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

from scraper_cpn.scrape.pages.jobs import (
    LENGTH,
    WALL_FACTOR,
    ParseAnswer,
    ParseJob,
    answers,
    message,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CAN_WORK = hasattr(os, "fork")
"""Whether the operating system has such processes; Windows does not."""
WORKERS_MAX = max(3, min(4, os.cpu_count() or 1))
MEMORY_BYTES = 256_000_000
"""The memory of all workers together in bytes, in addition to that of idle ones (20 MB each)."""
_WEIGHT = 0.1
"""Of the last job in the mean."""
_GRACE_S = 5.0
"""Seconds by which a worker may be late to report that it has killed its child, or to start."""
_START = (
    "import os; os.nice(5); import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from scraper_cpn.scrape.pages.worker import main; main()"
)
"""The event loop goes first, from the first import of a worker on: that takes half a second of processor time."""


class WorkerError(Exception):
    """A worker process ended by itself, or could not be started."""


class Workers:
    """Up to `WORKERS_MAX` processes, each of which does one job at a time."""

    def __init__(self) -> None:
        self._all: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._free = anyio.Semaphore(WORKERS_MAX)
        self._free_for_long = anyio.Semaphore(WORKERS_MAX - 1)
        """One worker does nothing but short jobs, so that these never wait for a long one."""
        self._open = 0
        self._usual_s = 0.0
        """How long jobs have taken, by the clock: a mean in which the last ones count most."""
        self._starting = anyio.Lock()
        """To start a process holds the event loop for milliseconds, so others run between two of them."""
        self._turn = anyio.Lock()
        self._released = anyio.Event()
        self._memory_bytes = MEMORY_BYTES

    @property
    def backlog_s(self) -> float:
        """How long a new job would wait for a worker, by what the last ones took."""
        return max(0, self._open - WORKERS_MAX) * self._usual_s / WORKERS_MAX

    async def do(self, job: ParseJob) -> ParseAnswer:
        """Return the answer to a job. Cancelling it kills its process.

        Raises `WorkerError` where there is no process, or it ended for another reason than the job.
        """
        self._open += 1
        try:
            return await self._do(job)
        finally:
            self._open -= 1

    async def _do(self, job: ParseJob) -> ParseAnswer:
        longer = nullcontext() if job.is_short else self._free_for_long
        async with longer, self._free, self._memory(job.memory_bytes):
            worker = self._idle.pop() if self._idle else await self._new()
            began_s = time.monotonic()
            try:
                answer = await worker.do(job)
            except BaseException:
                await self._kill(worker)
                raise
            self._usual_s += (time.monotonic() - began_s - self._usual_s) * _WEIGHT
            self._idle.append(worker)
            return answer

    @property
    def processes(self) -> list[int]:
        """The ids of the processes."""
        return [each.process_id for each in self._all]

    async def close(self) -> None:
        """End all processes; none may be at work."""
        while self._idle:
            await self._kill(self._idle.pop())

    async def _new(self) -> _Worker:
        async with self._starting:
            worker = await _Worker.start()
        self._all.add(worker)
        return worker

    async def _kill(self, worker: _Worker) -> None:
        with anyio.CancelScope(shield=True):
            await worker.kill()
        self._all.discard(worker)

    @asynccontextmanager
    async def _memory(self, memory_bytes: int) -> AsyncIterator[None]:
        """Wait until there is so much memory left, first come, first served."""
        async with self._turn:
            while self._memory_bytes < min(memory_bytes, MEMORY_BYTES):
                self._released = anyio.Event()
                await self._released.wait()
            self._memory_bytes -= memory_bytes
        try:
            yield
        finally:
            self._memory_bytes += memory_bytes
            self._released.set()


class _Worker:
    """A process that does one job at a time."""

    def __init__(self, process: anyio.abc.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._to = process.stdin
        self._from = BufferedByteReceiveStream(process.stdout)

    @property
    def process_id(self) -> int:
        return self._process.pid

    @classmethod
    async def start(cls) -> _Worker:
        command = [sys.executable, "-c", _START, json.dumps(sys.path)]
        try:
            return cls(await anyio.open_process(command, stderr=None, start_new_session=True))
        except OSError as error:
            raise WorkerError(f"no parsing process could be started: {error}") from error

    async def do(self, job: ParseJob) -> ParseAnswer:
        asked = message(job)
        try:
            with anyio.fail_after(WALL_FACTOR * job.cpu_s + _GRACE_S):
                await self._to.send(LENGTH.pack(len(asked)) + asked)
                (length,) = LENGTH.unpack(await self._from.receive_exactly(LENGTH.size))
                return answers.decode(await self._from.receive_exactly(length))
        except (anyio.BrokenResourceError, anyio.IncompleteRead, anyio.EndOfStream) as error:
            raise WorkerError("the parsing process ended unexpectedly") from error
        except TimeoutError as error:
            raise WorkerError("the parsing process does not answer") from error

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.aclose()
