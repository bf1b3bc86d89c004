"""Who holds the crawl is reported in one line."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from scraper_cpn.scrape.pages.handlers import Handlers
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.watchdog import LOOP_S, THREAD_S, Watchdog

handlers = Handlers()
began, ends = threading.Event(), threading.Event()


@handlers.page()
def slow(page: Page) -> None:
    began.set()
    ends.wait()


@pytest.fixture
def in_a_thread() -> Iterator[threading.Thread]:
    """A thread that is in the handler until the end of the test."""
    began.clear()
    ends.clear()
    thread = threading.Thread(target=slow, args=[Page.from_html("")])
    thread.start()
    began.wait()
    yield thread
    ends.set()
    thread.join()


@contextmanager
def watching(thread: int | None) -> Iterator[tuple[Watchdog, list[str]]]:
    """A watchdog for which *thread* has the event loop, and what it tells."""
    message: list[str] = []
    watchdog = Watchdog(handlers, message.append)
    if thread is not None:
        watchdog.__dict__["_loop_thread"] = thread
    yield watchdog, message


def test_a_handler_on_the_loop(in_a_thread: threading.Thread) -> None:
    """It is named after two seconds, with where it is, and again when it took twice as long."""
    with watching(in_a_thread.ident) as (watchdog, message):
        for now_s in (100.0, 100.0 + LOOP_S / 2):
            watchdog.look(now_s)
        assert message == []
        for now_s in (100.0 + LOOP_S, 101.0 + LOOP_S, 100.0 + 2 * LOOP_S):
            watchdog.look(now_s)
    assert [line.partition(";")[0] for line in message] == [
        "the page handler slow has held the event loop for 2 s",
        "the page handler slow has held the event loop for 4 s",
    ]
    assert "threading.py:" in message[0]


def test_a_handler_in_a_thread(in_a_thread: threading.Thread) -> None:
    """It may take longer: the crawl goes on beside it."""
    with watching(None) as (watchdog, message):
        for now_s in (0.0, THREAD_S - 1):
            watchdog.look(now_s)
        assert message == []
        watchdog.look(THREAD_S)
    assert len(message) == 1
    assert "slow has been at work on a page for 30 s, in a thread" in message[0]


def test_another_call_is_another_matter(in_a_thread: threading.Thread) -> None:
    """What was not seen at a look has ended."""
    with watching(in_a_thread.ident) as (watchdog, message):
        watchdog.look(0.0)
        ends.set()
        in_a_thread.join()
        watchdog.look(1.0)
        began.clear()
        ends.clear()
        again = threading.Thread(target=slow, args=[Page.from_html("")])
        again.start()
        began.wait()
        watchdog.look(THREAD_S)
        ends.set()
        again.join()
    assert message == []


def test_it_watches_by_itself_until_its_end() -> None:
    """It has a thread of its own, which ends."""
    watchdog = Watchdog(handlers)
    watchdog.start()
    (thread,) = (each for each in threading.enumerate() if each.name == "watchdog")
    watchdog.stop()
    thread.join()
