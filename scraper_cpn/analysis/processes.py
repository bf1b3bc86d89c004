"""Several proofs at a time, each in a process of its own.

Owns: `in_order`.
Must not know: what is proved.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, ForkProcess
from typing import TypeVar

T = TypeVar("T")
Running = tuple[ForkProcess, Connection, Callable[[], T]]


def processors() -> int:
    """How many processors this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


def in_order(calls: Sequence[Callable[[], T]], processes: int) -> Iterator[T]:
    """The results of calls, in order; a limited number runs at a time. Calls that are not waited for any more are ended.

    Raises what a call raises. A call whose process was killed is made again here.
    """
    if processes < 2:
        yield from (call() for call in calls)
        return
    context = get_context("fork")
    todo, running = deque(calls), deque[Running[T]]()
    try:
        while todo or running:
            while todo and len(running) < processes:
                running.append(_begun(context, todo.popleft()))
            process, pipe, call = running[0]
            try:
                found, error = pipe.recv()
            except EOFError:
                found, error = call(), None
            process.join()
            running.popleft()
            if error is not None:
                raise error
            yield found
    finally:
        for process, _, _ in running:
            process.kill()
            process.join()


def _begun(context: ForkContext, call: Callable[[], T]) -> Running[T]:
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(call, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours, call


def _send(call: Callable[[], T], pipe: Connection) -> None:
    try:
        pipe.send((call(), None))
    except Exception as error:  # noqa: BLE001  (whoever waits for the result raises it)
        pipe.send((None, error))
