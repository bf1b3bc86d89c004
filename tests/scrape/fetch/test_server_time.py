"""The time of a server, as the operating system measures it."""

from __future__ import annotations

import socket
import sys
import time

import pytest

from scraper_cpn.scrape.fetch.tcp import kernel_ns


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="TCP_INFO is Linux's")
def test_what_this_process_does_meanwhile_does_not_count() -> None:
    """The time is that between question and answer, however late it is read."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as asking,
        listening.accept()[0] as answering,
    ):
        asking.sendall(b"?")
        answering.recv(1)
        time.sleep(0.05)
        answering.sendall(b"!")
        asking.recv(1)
        message = kernel_ns(asking)
        time.sleep(0.1)
        later = kernel_ns(asking)
    assert message is not None
    assert later is not None
    assert message >= 30_000_000
    assert abs(later - message) <= 20_000_000


def test_what_has_no_such_time() -> None:
    """Another kind of socket, or none, is unknown."""
    one, other = socket.socketpair()
    with one, other:
        assert kernel_ns(one) is None
    assert kernel_ns(None) is None
