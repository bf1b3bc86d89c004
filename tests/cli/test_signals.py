"""SIGINT and SIGTERM while a crawl runs, while it closes what it has open, and while it tells how it ended."""

import os
import signal
from collections.abc import Iterator, Sequence
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from msgspec.structs import replace

from scraper_cpn.cli import crawl as cli_run
from scraper_cpn.cli.arguments import parse
from scraper_cpn.cli.crawl import exit_code, run_job, supervised
from scraper_cpn.cli.job import job_of
from scraper_cpn.cli.signals import Obedience, heard
from scraper_cpn.scrape.account.report import Summary
from scraper_cpn.scrape.items.outputs import CheckedOutput, Output
from tests.cli.sessions import DONE, STOPPED, Crawling, Watched

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@pytest.fixture(autouse=True)
def handlers() -> Iterator[tuple[Any, ...]]:
    """What signals do outside of a crawl; they do so again afterwards, whatever a test has left."""
    numbers = signal.SIGINT, signal.SIGTERM
    before = tuple(signal.getsignal(number) for number in numbers)
    yield before
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def run(session: Crawling, view: Watched) -> tuple[Summary | None, list[int]]:
    """Run a session as the command does."""
    received: list[int] = []

    async def obeyed() -> Summary | None:
        with heard(Obedience(session, view, received)):
            return await supervised(session, view)

    return anyio.run(obeyed), received


@BOTH
def test_the_first_signal_stops_and_the_second_ends(number: signal.Signals) -> None:
    """A first signal lets running requests end, and says so; another one ends at once."""

    async def work(session: Crawling) -> None:
        os.kill(os.getpid(), number)
        await session.stopped.wait()
        assert session.calls == ["stop"]
        os.kill(os.getpid(), number)

    session, view = Crawling(work), Watched()
    summary, received = run(session, view)
    assert session.calls == ["stop", "abort"]
    assert received == [number, number]
    assert view.notes == [
        "stopping: no new requests, 3 running; again to stop at once",
        "stopping at once",
    ]
    assert summary is not None
    assert exit_code(summary, received) == 128 + number


def test_handlers_are_gone_afterwards(handlers: tuple[Any, ...]) -> None:
    """When the crawl is over, Ctrl-C is Python's again."""
    run(Crawling(), Watched())
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


class Closing(CheckedOutput):
    """An output that is sent a signal while it is closed, and another one."""

    def __init__(self, number: signal.Signals) -> None:
        self.closed = False
        self._number = number

    async def open(self) -> Output:
        """Nothing to do."""
        return self

    async def write(self, batch: Sequence[Any]) -> None:
        """Nothing is written."""

    async def close(self) -> None:
        """Close, with pauses in which a signal may come."""
        for _ in range(2):
            os.kill(os.getpid(), self._number)
            await anyio.lowlevel.checkpoint()
        self.closed = True


class Session(Crawling):
    """A session that ends by itself, or is sent a signal, which it obeys."""

    ends_with = DONE

    def __init__(self, *_: Any, **given: Any) -> None:
        super().__init__()

    async def run(self) -> Summary:
        """Run until the end."""
        if self.ends_with is STOPPED:
            os.kill(os.getpid(), signal.SIGTERM)
            await self.stopped.wait()
        return self.ends_with


@BOTH
@pytest.mark.parametrize(("ends_with", "code"), [(DONE, 0), (STOPPED, 143)])
def test_nothing_ends_what_closes(
    number: signal.Signals,
    ends_with: Summary,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Signals that come when the session has ended change nothing, and nothing is said of them."""
    monkeypatch.setattr(Session, "ends_with", ends_with)
    monkeypatch.setattr(cli_run, "Session", Session)
    sink = Closing(number)
    job = replace(job_of(parse(["http://a.example"])), sink=sink)
    assert run_job(job) == code
    assert sink.closed
    assert capsys.readouterr().err.count("stopping") == (ends_with is STOPPED)


@BOTH
def test_who_has_asked_is_told_how_it_ended(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal that comes then does not end the process, as if it had not been obeyed."""
    monkeypatch.setattr(Session, "ends_with", STOPPED)
    monkeypatch.setattr(cli_run, "Session", Session)
    monkeypatch.setattr(cli_run, "_tell", lambda *_: os.kill(os.getpid(), number))
    assert run_job(replace(job_of(parse(["http://a.example"])), sink=None)) == 143
