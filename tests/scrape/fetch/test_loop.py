"""A crawl's event loop suits its client, and what is due is done when it is."""

from __future__ import annotations

import asyncio
import os
import select
import selectors
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import anyio
import pytest

from scraper_cpn.scrape.fetch.loop import PreciseSelector, loop_options, precise_loop

on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux's own selector counts milliseconds, and is replaced"
)

PATIENCE_S = 60.0
SHORT_S = 0.0004
"""Less than epoll can wait."""
LONG_S = 0.02
PAUSE_S = 0.5
"""So long that a busy machine does not stand still for half of it."""
MANY = 1_024
"""Descriptors that select(2) knows."""

Sockets = tuple[PreciseSelector, socket.socket, socket.socket]


class Waits:
    """The timeouts that select(2), and asyncio's usual selector, were called with, and are."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.timeouts: list[float] = []
        self.usual: list[float | None] = []
        self._real, self._real_usual = select.select, selectors.DefaultSelector.select
        patch.setattr(select, "select", self._wait)
        patch.setattr(selectors.DefaultSelector, "select", lambda *args: self._usually(*args))

    def _wait(self, read: Any, write: Any, other: Any, timeout: float) -> Any:
        self.timeouts.append(timeout)
        return self._real(read, write, other, timeout)

    def _usually(self, selector: Any, timeout: float | None) -> Any:
        self.usual.append(timeout)
        return self._real_usual(selector, timeout)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """What a test's selectors wait for."""
    return Waits(monkeypatch)


@contextmanager
def listening() -> Iterator[Sockets]:
    """A selector that waits for the first of two connected sockets."""
    ours, theirs = socket.socketpair()
    with closing(PreciseSelector()) as selector, ours, theirs:
        selector.register(ours, selectors.EVENT_READ)
        yield selector, ours, theirs


class Chosen(asyncio.SelectorEventLoop):
    """A loop that a program prefers."""


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_loop_that_a_program_has_chosen_is_used(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by `uvloop.install()`; systems that are not Linux have their own."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(asyncio, "new_event_loop", Chosen)
    with closing(precise_loop()) as chosen:
        assert type(chosen) is Chosen


@on_linux
def test_a_wait_is_as_long_as_it_was_asked_for(waits: Waits) -> None:
    """Not a whole number of milliseconds; and nothing is ready then."""
    with listening() as (selector, _, _):
        assert selector.select(SHORT_S) == []
    assert (waits.timeouts, waits.usual) == ([SHORT_S], [0])


@on_linux
def test_a_long_wait_ends_early(waits: Waits) -> None:
    """With nothing: who waits comes again, and what is left is waited for as exactly as it can be."""
    with listening() as (selector, _, _):
        assert selector.select(LONG_S) == []
    assert len(waits.timeouts) == 1
    assert 0.9 * LONG_S < waits.timeouts[0] < LONG_S


@on_linux
@pytest.mark.parametrize("timeout", [None, 0, -1, PATIENCE_S])
def test_what_is_ready_is_reported(waits: Waits, timeout: float | None) -> None:
    """With any timeout, as asyncio's usual selector tells it; only a wait with an end costs more."""
    with listening() as (selector, ours, theirs):
        theirs.send(b"x")
        ((key, events),) = selector.select(timeout)
        assert (key.fileobj, events) == (ours, selectors.EVENT_READ)
    assert bool(waits.timeouts) is (timeout == PATIENCE_S)


@on_linux
@pytest.mark.parametrize("timeout", [None, PATIENCE_S])
def test_what_becomes_ready_ends_a_wait(timeout: float | None) -> None:
    """Whether the wait has an end or none."""
    with listening() as (selector, ours, theirs):
        later = threading.Timer(0.05, theirs.send, (b"x",))
        later.start()
        ((key, _),) = selector.select(timeout)
        later.join()
        assert key.fileobj is ours


@on_linux
def test_all_that_is_ready_is_reported_at_once() -> None:
    """Also what can be written to."""
    with listening() as (selector, ours, theirs):
        theirs.send(b"x")
        selector.register(theirs, selectors.EVENT_WRITE)
        ready = {key.fileobj: events for key, events in selector.select(PATIENCE_S)}
        assert ready == {ours: selectors.EVENT_READ, theirs: selectors.EVENT_WRITE}


@contextmanager
def descriptors(below: int) -> Iterator[None]:
    """All of them below a number are taken, but for two; as many more may be opened."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 2 * below:
        if hard != resource.RLIM_INFINITY and hard < 2 * below:
            pytest.skip("the system allows too few open files")
        resource.setrlimit(resource.RLIMIT_NOFILE, (2 * below, hard))
    opened = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while opened[-1] < below - 1:
            opened.append(os.open(os.devnull, os.O_RDONLY))
        os.close(opened.pop(0))
        os.close(opened.pop(0))
        yield
    finally:
        for each in opened:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@on_linux
@pytest.mark.parametrize(("number", "known"), [(MANY - 1, True), (MANY, False)])
def test_a_process_with_many_open_files(number: int, known: bool, waits: Waits) -> None:
    """Where select(2) does not know the descriptor, epoll waits alone."""
    with descriptors(number), listening() as (selector, _, theirs):
        assert selector.fileno() == number
        assert selector.select(SHORT_S) == []
        theirs.send(b"x")
        assert len(selector.select(PATIENCE_S)) == 1
    assert bool(waits.timeouts) is known


@on_linux
def test_the_loop_waits_so(waits: Waits) -> None:
    """A sleep, in a loop that anyio runs: no wait for it is a whole one. It is never too early."""

    async def sleep() -> bool:
        running = asyncio.get_running_loop()
        due_s = running.time() + PAUSE_S
        await asyncio.sleep(PAUSE_S)
        return running.time() >= due_s

    assert anyio.run(sleep, backend_options=loop_options())
    assert any(0.5 * PAUSE_S < each < PAUSE_S for each in waits.timeouts)
    assert max(waits.timeouts) < 0.995 * PAUSE_S
