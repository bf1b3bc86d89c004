"""The process that parses what may be dangerous to parse.

Owns: doing a job, and the limits that the kernel of the operating system
enforces on it: processor time, memory, and life no longer than the crawl's.
Must not know: event loops, who asks, which pages are dangerous.

It only watches a child, the server, which reads a job at a time from standard input and writes the answer to
standard output. A page that should take no longer than usual is parsed in the server itself: if it takes much
longer, the operating system ends the server, its parent says so, and a new one costs a millisecond. For any other
page the server forks a child of its own, and writes what that said, or what killed it. So a job can neither break
the process nor leave anything behind in it. It ends with its input. Where the operating system can do it (Linux),
all of them are killed with the crawl's process; elsewhere a child ends when its time is up.
"""

from __future__ import annotations

import mmap
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from scraper_cpn.scrape.pages.jobs import (
    LENGTH,
    WALL_FACTOR,
    ParseAnswer,
    ParseHeavy,
    ParseJob,
    ParseOverLimit,
    do,
    do_if_harmless,
    jobs,
    message,
)

_KILL_WITH_PARENT = 1  # PR_SET_PDEATHSIG in <sys/prctl.h>
_IDLE, _AT_ONCE, _OTHER = range(3)
"""What the server does."""
_FULL = 3
"""The exit code of a server that a job may have left short of memory."""


def main() -> None:
    """Serve until standard input ends."""
    die_with(os.getppid())
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is for the crawl, which then ends its workers
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # who starts this process may ignore or block it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
    answer_to = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing but answers goes there
    doing = mmap.mmap(-1, 1)  # shared with the server
    here = os.getpid()
    while True:
        doing[0] = _IDLE
        server = os.fork()
        if server == 0:
            _be_server(answer_to, doing, here)
        _, status = os.waitpid(server, 0)
        if doing[0] == _AT_ONCE:
            _answer(answer_to, message(ParseHeavy()))
        elif doing[0] == _OTHER or status == 0:
            return


def _be_server(answer_to: int, doing: mmap.mmap, parent: int) -> None:
    """Do jobs until the input ends, or one has taken too much memory, and end; *doing* shows what it does."""
    code = 1
    try:
        die_with(parent)
        code = _serve(answer_to, doing)
    except Exception:  # noqa: BLE001 - its parent has nothing that it could do with one
        traceback.print_exc()
    finally:
        os._exit(code)


def _serve(answer_to: int, doing: mmap.mmap) -> int:
    while (asked := _read(sys.stdin.buffer)) is not None:
        job = jobs.decode(asked)
        doing[0] = _AT_ONCE if job.at_once else _OTHER
        answer = _done_here(job) if job.at_once else _done_elsewhere(job)
        doing[0] = _IDLE
        _answer(answer_to, message(ParseHeavy()) if answer is None else answer)
        if answer is None:
            return _FULL
    return 0


def _done_here(job: ParseJob) -> bytes | None:
    """Return the answer to a job; None if there was not enough memory. This process is killed if it takes too long."""
    try:
        with within(job.at_once_s, job.memory_bytes):
            return message(do(job))
    except MemoryError:
        return None


def _done_elsewhere(job: ParseJob) -> bytes:
    return message(do_if_harmless(job)) if job.if_harmless else _in_child(job)


def _answer(to: int, answer: bytes) -> None:
    write(to, LENGTH.pack(len(answer)) + answer)


@contextmanager
def within(cpu_s: float, memory_bytes: int) -> Iterator[None]:
    """Let the operating system end this process when the block takes longer; more memory raises `MemoryError`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = _address_space() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most if soft < 0 else min(most, soft), hard))
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def die_with(parent: int) -> None:
    """Have this process killed when its *parent* ends, however that ends; on Linux."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_KILL_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended before
            os._exit(1)


def _read(source: BinaryIO) -> bytes | None:
    """Return the next message; None at the end."""
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    asked = source.read(length)
    return asked if len(asked) == length else None


def _in_child(job: ParseJob) -> bytes:
    """Return the answer to a job, as a child of this process has written it."""
    reading, writing = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _be_child(job, writing, parent)
    os.close(writing)
    answer = read_all(reading, time.monotonic() + WALL_FACTOR * job.cpu_s)
    os.close(reading)
    if answer is None:
        os.kill(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    if answer is not None and os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
        return answer
    return message(ParseOverLimit(_cause_of_death(job, status, used)))


def _be_child(job: ParseJob, writing: int, parent: int) -> None:
    """Do a job under its limits, and end."""
    code = 1
    try:
        die_with(parent)
        _limit(job)
        write(writing, message(_done(job)))
        code = 0
    finally:
        os._exit(code)


def _done(job: ParseJob) -> ParseAnswer:
    try:
        return do(job)
    except MemoryError:
        return ParseOverLimit(_needs_memory(job))


def _limit(job: ParseJob) -> None:
    """Let the operating system end this process when the job takes too much."""
    signal.setitimer(signal.ITIMER_PROF, job.cpu_s)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = _address_space() + job.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _address_space() -> int:
    """Return the bytes of address space that this process has; a guess where the system does not say."""
    try:
        file = os.open("/proc/self/statm", os.O_RDONLY)  # as a text it takes five times as long
    except OSError:
        return 1 << 30
    pages = int(os.read(file, 100).split()[0])
    os.close(file)
    return pages * resource.getpagesize()


def _cause_of_death(job: ParseJob, status: int, used: resource.struct_rusage) -> str:
    name = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else ""
    if name == "SIGPROF":
        return f"parsing it takes more than {job.cpu_s:.2g} s of processor time"
    if name == "SIGKILL":
        return f"parsing it takes more than {WALL_FACTOR * job.cpu_s:.2g} s"
    unit = 1 if sys.platform == "darwin" else 1024
    if not name or used.ru_maxrss * unit > job.memory_bytes // 2:
        return _needs_memory(job)
    return f"the HTML parser crashed on it ({name})"


def _needs_memory(job: ParseJob) -> str:
    return f"parsing it takes more than {job.memory_bytes // 1_000_000} MB of memory"


def read_all(reading: int, until_s: float) -> bytes | None:
    """Return what is written until the other end closes; None when that takes longer than *until_s*."""
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, until_s - time.monotonic()))
        if not ready:
            return None
        part = os.read(reading, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)


def write(to: int, data: bytes) -> None:
    """Write all of *data* to a pipe."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(to, rest) :]
