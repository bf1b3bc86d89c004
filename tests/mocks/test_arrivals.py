"""Requests are dated when they arrive, however busy the server is."""

import socket
import sys
import time
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from mocks.arrivals import _TRIES, Arrivals, Dated
from mocks.server import LOOPBACK, LoopbackWeb
from scraper_cpn.simulate.web import WebSpec

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux dates the bytes of a stream"),
]

REQUEST = b"GET / HTTP/1.1\r\nHost: h0.example\r\n\r\n"
APART_NS = 100_000
"""What two clocks that are read one after the other may differ by."""


async def test_a_busy_server_dates_requests_when_they_were_sent() -> None:
    """What was sent while the server could not read is dated before the server could read it."""
    sent: list[tuple[int, int]] = []
    async with LoopbackWeb(WebSpec(pages=4)) as web:
        with socket.create_connection((LOOPBACK, web.port)) as client:
            for _ in range(4):
                before_ns = time.monotonic_ns()
                client.send(REQUEST)
                time.sleep(0.05)  # noqa: ASYNC251 - the server is to stand still
                sent.append((before_ns, time.monotonic_ns()))
                while len(web.log) < len(sent):
                    await anyio.lowlevel.checkpoint()
    dated = [request.start_ns for request in web.log]
    assert all(
        before_ns - APART_NS <= start_ns < read_ns - APART_NS
        for start_ns, (before_ns, read_ns) in zip(dated, sent, strict=True)
    )


async def test_the_first_part_that_is_read_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that is read in two parts is dated by the first."""
    read, parts = Dated.recv, list[bytes]()

    def noted(dated: Dated, size: int) -> bytes:
        parts.append(read(dated, size))
        return parts[-1]

    monkeypatch.setattr(Dated, "recv", noted)
    async with LoopbackWeb(WebSpec(pages=4)) as web:
        with socket.create_connection((LOOPBACK, web.port)) as client:
            client.send(REQUEST[:20])
            first_ns = time.monotonic_ns()
            while not parts:
                await anyio.lowlevel.checkpoint()
            client.send(REQUEST[20:])
            while not web.log:
                await anyio.lowlevel.checkpoint()
    assert parts == [REQUEST[:20], REQUEST[20:]]
    assert web.log.requests[0].start_ns <= first_ns


async def test_what_is_read_at_once_counts_from_its_last_part() -> None:
    """A head that came in two parts while nobody read is dated by the second."""
    async with LoopbackWeb(WebSpec(pages=4)) as web:
        with socket.create_connection((LOOPBACK, web.port)) as client:
            client.send(REQUEST[:20])
            time.sleep(0.01)  # noqa: ASYNC251 - the server is to stand still
            before_ns = time.monotonic_ns()
            client.send(REQUEST[20:])
            after_ns = time.monotonic_ns()
            while not web.log:
                await anyio.lowlevel.checkpoint()
    assert before_ns - APART_NS <= web.log.requests[0].start_ns <= after_ns


class Undated:
    """A kernel that dates nothing in the first so many readings."""

    def __init__(self, readings: int, patch: pytest.MonkeyPatch) -> None:
        self.left = readings
        self._real = socket.socket.recvmsg
        patch.setattr(socket.socket, "recvmsg", lambda *args: self._read(*args), raising=False)

    def _read(self, *args: Any) -> tuple[bytes, list[Any], int, Any]:
        data, notes, flags, peer = self._real(*args)
        self.left -= 1
        return data, notes if self.left < 0 else [], flags, peer


def test_a_kernel_that_begins_to_date_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who connects finds dates, and nothing that was sent to look for them."""
    kernel = Undated(5, monkeypatch)
    with Arrivals((LOOPBACK, 0), 1) as arrivals:
        assert kernel.left < 0
        with socket.create_connection(arrivals.getsockname()) as client:
            accepted, peer = arrivals.accept()
            with accepted:
                client.send(b"x")
                sent_ns = time.monotonic_ns()
                time.sleep(0.01)
                assert accepted.recv(9) == b"x"
                assert arrivals.last_ns(peer) <= sent_ns


def test_a_kernel_that_never_dates_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read counts from when it is read."""
    monkeypatch.setattr("mocks.arrivals._PAUSE_S", 0)
    kernel = Undated(1_000_000, monkeypatch)
    with (
        Arrivals((LOOPBACK, 0), 1) as arrivals,
        socket.create_connection(arrivals.getsockname()) as client,
    ):
        assert kernel.left == 1_000_000 - _TRIES
        accepted, peer = arrivals.accept()
        with accepted:
            client.send(b"x")
            sent_ns = time.monotonic_ns()
            assert accepted.recv(9) == b"x"
            assert sent_ns <= arrivals.last_ns(peer) <= time.monotonic_ns()


def test_what_nobody_dated_counts_from_now() -> None:
    """A connection that was not accepted here, or got no date, arrived when it is asked."""
    with Arrivals((LOOPBACK, 0), 1) as arrivals:
        before_ns = time.monotonic_ns()
        unknown_ns = arrivals.last_ns(("127.0.0.1", 1))
        assert before_ns <= unknown_ns <= time.monotonic_ns()
        arrivals.setsockopt(socket.SOL_SOCKET, 35, 0)
        with socket.create_connection(arrivals.getsockname()) as client:
            accepted, peer = arrivals.accept()
            client.send(b"x")
            read_ns = time.monotonic_ns()
            with accepted:
                assert accepted.recv(9) == b"x"
                assert read_ns <= arrivals.last_ns(peer) <= time.monotonic_ns()
