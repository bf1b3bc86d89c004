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

from scraper_cpn.scrape.loop import loop_options, on_uvloop, precise_loop
from scraper_cpn.scrape.settings import Settings

if sys.platform != "linux":
    pytest.skip("other systems' selectors count less than milliseconds", allow_module_level=True)

from scraper_cpn.scrape.loop import PreciseSelector

PATIENCE_S = 60.0
SHORT_S = 0.0004
"""Less than epoll can wait."""
MANY = 1_024
"""Descriptors that select(2) knows."""

Sockets = tuple[PreciseSelector, socket.socket, socket.socket]


class Waits:
    """The timeouts that select(2), and asyncio's usual selector, were called with, and are."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.timeouts: list[float] = []
        self.usual: list[float | None] = []
        self._real, self._real_usual = select.select, selectors.EpollSelector.select
        patch.setattr(select, "select", self._wait)
        patch.setattr(selectors.EpollSelector, "select", lambda *args: self._usually(*args))

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


def test_the_loop_of_a_client() -> None:
    """Uvloop runs the client that it makes faster, and no other."""
    assert on_uvloop(Settings(fetcher="pyreqwest"))
    assert loop_options(Settings(fetcher="pyreqwest")) == {"use_uvloop": True}
    assert not on_uvloop(Settings())
    assert loop_options(Settings()) == {"loop_factory": precise_loop}


def test_a_wait_is_as_long_as_it_was_asked_for(waits: Waits) -> None:
    """Not a whole number of milliseconds; and nothing is ready then."""
    with listening() as (selector, _, _):
        assert selector.select(SHORT_S) == []
    assert (waits.timeouts, waits.usual) == ([SHORT_S], [0])


@pytest.mark.parametrize("timeout", [None, 0, -1, PATIENCE_S])
def test_what_is_ready_is_told(waits: Waits, timeout: float | None) -> None:
    """With any timeout, as asyncio's usual selector tells it; only a wait with an end costs more."""
    with listening() as (selector, ours, theirs):
        theirs.send(b"x")
        ((key, events),) = selector.select(timeout)
        assert (key.fileobj, events) == (ours, selectors.EVENT_READ)
    assert waits.timeouts == ([timeout] if timeout == PATIENCE_S else [])


@pytest.mark.parametrize("timeout", [None, PATIENCE_S])
def test_what_becomes_ready_ends_a_wait(timeout: float | None) -> None:
    """Whether the wait has an end or none."""
    with listening() as (selector, ours, theirs):
        later = threading.Timer(0.05, theirs.send, (b"x",))
        later.start()
        ((key, _),) = selector.select(timeout)
        later.join()
        assert key.fileobj is ours


def test_all_that_is_ready_is_told_at_once() -> None:
    """Also what can be written to."""
    with listening() as (selector, ours, theirs):
        theirs.send(b"x")
        selector.register(theirs, selectors.EVENT_WRITE)
        ready = {key.fileobj: events for key, events in selector.select(PATIENCE_S)}
        assert ready == {ours: selectors.EVENT_READ, theirs: selectors.EVENT_WRITE}


def test_a_process_with_many_open_files(waits: Waits) -> None:
    """Where select(2) does not know the descriptor, epoll waits alone."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * MANY:
        pytest.skip("the system allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * MANY), hard))
    opened = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while opened[-1] < MANY:
            opened.append(os.open(os.devnull, os.O_RDONLY))
        with listening() as (selector, _, theirs):
            assert selector.fileno() >= MANY
            assert selector.select(SHORT_S) == []
            theirs.send(b"x")
            assert len(selector.select(PATIENCE_S)) == 1
    finally:
        for each in opened:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert waits.timeouts == []


def test_the_loop_waits_so(waits: Waits) -> None:
    """A sleep, in a loop that anyio runs, and one that ends early."""

    async def sleep() -> None:
        await asyncio.sleep(SHORT_S)
        with anyio.move_on_after(SHORT_S):
            await anyio.sleep_forever()

    anyio.run(sleep, backend_options=loop_options(Settings()))
    assert waits.timeouts
    assert all(0 < timeout <= SHORT_S for timeout in waits.timeouts)
