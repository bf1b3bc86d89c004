"""Signals before a crawl runs, while it runs, while it closes what it has open, and while it tells how it ended."""

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
from scraper_cpn.cli.signals import SIGNALS, Hearing, Interrupted, Obedience
from scraper_cpn.scrape.account.report import Summary
from scraper_cpn.scrape.items.outputs import CheckedOutput, ItemOutput
from tests.cli.sessions import DONE, STOPPED, Crawling, Watched

EACH = pytest.mark.parametrize("number", SIGNALS)


LONG_S = 60.0


@pytest.fixture(autouse=True)
def handlers() -> Iterator[tuple[Any, ...]]:
    """What signals do outside of a crawl; they do so again afterwards, whatever a test has left.

    A shell in the background or nohup has some of them ignored, which the command obeys.
    """
    before = tuple(signal.getsignal(number) for number in SIGNALS)
    for number in SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)
    yield tuple(signal.getsignal(number) for number in SIGNALS)
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


def run(session: Crawling, view: Watched) -> tuple[Summary | None, list[int]]:
    """Run a session as the command does."""
    with Hearing(LONG_S) as hearing:

        async def obeyed() -> Summary | None:
            hearing.tell(Obedience(session, view, hearing.received))
            return await supervised(session, view)

        return anyio.run(obeyed), hearing.received


@EACH
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
        "stopping: no new requests, 3 running; interrupt again to stop at once",
        "stopping at once",
    ]
    assert summary is not None
    assert exit_code(summary, received) == 128 + number


def test_handlers_are_gone_afterwards(handlers: tuple[Any, ...]) -> None:
    """When the crawl is over, Ctrl-C is Python's again."""
    run(Crawling(), Watched())
    assert tuple(map(signal.getsignal, SIGNALS)) == handlers
    assert signal.set_wakeup_fd(-1) == -1


class Closing(CheckedOutput):
    """An output that is sent a signal while it is closed, and another one."""

    def __init__(self, number: signal.Signals) -> None:
        self.closed = False
        self._number = number

    async def open(self) -> ItemOutput:
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
    number = signal.SIGTERM

    def __init__(self, *_: Any, **given: Any) -> None:
        super().__init__()

    async def run(self) -> Summary:
        """Run until the end."""
        if self.ends_with is STOPPED:
            os.kill(os.getpid(), self.number)
            await self.stopped.wait()
        return self.ends_with


@EACH
@pytest.mark.parametrize(("ends_with", "code"), [(DONE, 0), (STOPPED, 128)])
def test_nothing_ends_what_closes(
    number: signal.Signals,
    ends_with: Summary,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Signals that come when the session has ended change nothing, and nothing is said of them."""
    monkeypatch.setattr(Session, "ends_with", ends_with)
    monkeypatch.setattr(Session, "number", number)
    monkeypatch.setattr(cli_run, "Session", Session)
    sink = Closing(number)
    job = replace(job_of(parse(["http://a.example"])), sink=sink)
    assert run_job(job) == (code and code + number)
    assert sink.closed
    assert capsys.readouterr().err.count("stopping") == (ends_with is STOPPED)


@EACH
def test_who_has_asked_is_reported_how_it_ended(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal that comes then does not end the process, as if it had not been obeyed."""
    monkeypatch.setattr(Session, "ends_with", STOPPED)
    monkeypatch.setattr(cli_run, "Session", Session)
    monkeypatch.setattr(cli_run, "_tell", lambda *_: os.kill(os.getpid(), number))
    assert run_job(replace(job_of(parse(["http://a.example"])), sink=None)) == 143


@EACH
def test_before_a_crawl_a_signal_is_an_interruption(number: signal.Signals) -> None:
    """It is raised where the main thread is, also where the signal is ignored; then all is as before."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with pytest.raises(Interrupted) as caught:
        interrupted(number)
    assert caught.value.number == number
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def interrupted(number: int) -> None:
    """Be interrupted while nothing can be stopped yet."""
    with Hearing(LONG_S):
        os.kill(os.getpid(), number)
        signal.pause()


class Swallowing:
    """An object in whose end a signal comes: Python ignores what is raised there."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


def swallowed(*, look: bool) -> None:
    """Be interrupted where nobody hears of it."""
    with Hearing(LONG_S) as hearing:
        Swallowing()
        if look:
            hearing.check()
            raise AssertionError("it was forgotten")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interruption_that_python_swallows_is_none_the_less_one() -> None:
    """It is raised later: at the next look, or at the end."""
    for look in (True, False):
        with pytest.raises(Interrupted):
            swallowed(look=look)


def test_nohup_stays_in_force() -> None:
    """A SIGHUP that is ignored does nothing."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Hearing(LONG_S):
        os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
