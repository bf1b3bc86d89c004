"""Two signals end the command whatever its handlers and threads do; what was removed meanwhile is reported at the end."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.test_crawl import PAGES, SCRAPE, Site, site

__all__ = ["site"]  # a fixture

PATIENCE_S = 120
"""Longer than the command takes on any machine that is not stuck."""

PROGRAM = """
import asyncio, re, sys, threading, time
from scraper_cpn import Crawl

crawl = Crawl(delay="0s", robots="ignore")

def tell():
    print("stuck", file=sys.stderr, flush=True)

@crawl.page("*/0")
def first(page):
    yield {{"url": page.url}}
    yield from page.links()

@crawl.page("*")
{body}
"""

STUCK = {
    "a thread that computes": """
def other(page):
    tell()
    while True:
        pass
""",
    "a thread that sleeps": """
def other(page):
    tell()
    time.sleep(1e6)
""",
    "a loop that sleeps": """
async def other(page):
    tell()
    time.sleep(1e6)
""",
    "a task that catches its cancellation": """
async def other(page):
    tell()
    while True:
        try:
            await asyncio.sleep(1e6)
        except asyncio.CancelledError:
            pass
""",
    "a thread of its own": """
def other(page):
    threading.Thread(target=time.sleep, args=(1e6,)).start()
    tell()
    time.sleep(1e6)
""",
}


@pytest.mark.parametrize(
    ("what", "number"),
    [
        *((what, signal.SIGINT) for what in STUCK),
        ("a thread that sleeps", signal.SIGTERM),
        ("a thread that sleeps", signal.SIGHUP),
    ],
)
def test_two_signals_end_it(what: str, number: int, site: str, tmp_path: Path) -> None:
    """The exit code is that of the signal, there is no traceback, and what was stored before is there."""
    (tmp_path / "program.py").write_text(PROGRAM.format(body=STUCK[what]))
    words = (*SCRAPE, "run", "program.py", f"{site}/0", "--state", "a.db")
    with subprocess.Popen(
        words,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hears_signals,  # noqa: PLW1509 - this process has one thread
    ) as crawl:
        wait_for(crawl, "stuck")
        crawl.send_signal(number)
        if "loop" in what:
            time.sleep(0.2)  # two signals that wait at the same time are one
        else:
            wait_for(crawl, "stopping: no new requests")
        crawl.send_signal(number)
        assert crawl.stderr is not None
        message = crawl.stderr.read()
        code = crawl.wait(PATIENCE_S)
    # A loop that is blocked may be ended by the system, if the second signal comes before the first was seen.
    assert code in ({128 + number, -number} if "loop" in what else {128 + number}), message
    assert "Traceback" not in message
    with closing(sqlite3.connect(tmp_path / "a.db")) as state:
        (stored,) = state.execute("SELECT count(*) FROM sink_row WHERE sink = 'stored'").fetchone()
    assert stored >= 1


def hears_signals() -> None:
    """Undo what nohup or a background shell has set: the command obeys it, which is another test's claim."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def wait_for(crawl: subprocess.Popen[str], word: str) -> None:
    """Read standard error until a line begins with a word."""
    assert crawl.stderr is not None
    for line in crawl.stderr:
        if line.startswith(word):
            return
    raise AssertionError(f"it has ended without {word}")


KEEPS_IT = """
def other(page):
    tell()
    re.match(r"(a+)+$", "a" * 64 + "b")
"""


def test_what_keeps_the_interpreter_for_itself_is_ended(site: str, tmp_path: Path) -> None:
    """No line of Python runs beside it; the second signal does what it does to any program."""
    (tmp_path / "program.py").write_text(PROGRAM.format(body=KEEPS_IT))
    words = (*SCRAPE, "run", "program.py", f"{site}/0")
    with subprocess.Popen(
        words, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as crawl:
        wait_for(crawl, "stuck")
        while crawl.poll() is None:
            crawl.send_signal(signal.SIGINT)
            try:
                crawl.wait(0.5)
            except subprocess.TimeoutExpired:
                continue
    assert crawl.returncode in {130, -signal.SIGINT}


def test_a_program_that_never_begins_is_ended(tmp_path: Path) -> None:
    """Nothing is handled yet while its module is loaded, and code in C may keep the interpreter there, too."""
    code = (
        "import collections, itertools, sys\nprint('stuck', file=sys.stderr, flush=True)\n"
        "collections.deque(itertools.repeat(0), maxlen=0)"  # without end, and without a look at signals
    )
    (tmp_path / "program.py").write_text(code)
    with subprocess.Popen(
        [*SCRAPE, "run", "program.py"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hears_signals,  # noqa: PLW1509 - this process has one thread
    ) as crawl:
        wait_for(crawl, "stuck")
        crawl.send_signal(signal.SIGINT)
        time.sleep(0.1)  # two signals that wait at the same time are one
        crawl.send_signal(signal.SIGINT)
        # The first signal may come before the code in C is entered: then Python raises it.
        assert crawl.wait(PATIENCE_S) in {130, -signal.SIGINT}


def test_a_full_pipe_holds_nothing_up(site: str, tmp_path: Path) -> None:
    """Nobody reads standard output: two signals end it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b" " * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    words = (*SCRAPE, f"{site}/0", "--delay", "0s")
    Site.asked.clear()
    with subprocess.Popen(
        words, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True
    ) as crawl:
        os.close(writing)
        while not any(path.endswith("/0") for path in Site.asked):
            assert crawl.poll() is None
            time.sleep(0.01)
        crawl.send_signal(signal.SIGINT)
        wait_for(crawl, "stopping")
        crawl.send_signal(signal.SIGINT)
        assert crawl.wait(PATIENCE_S) == 130
    os.close(reading)


def test_a_command_does_not_wait_for_threads(tmp_path: Path) -> None:
    """One that ends by itself leaves behind what a program has started."""
    program = """
import threading, time
from scraper_cpn import Crawl
threading.Thread(target=time.sleep, args=(1e6,)).start()
crawl = Crawl()
"""
    (tmp_path / "program.py").write_text(program)
    done = subprocess.run(
        [*SCRAPE, "run", "program.py"],
        cwd=tmp_path,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 2


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.db"])
@pytest.mark.parametrize("kept", [(), ("--state", "s.db")])
def test_an_output_that_was_removed_is_reported(
    name: str, kept: tuple[str, ...], site: str, tmp_path: Path
) -> None:
    """The crawl goes on to its end and tells of it; then one line says so, and the exit code is 3."""
    words = (*SCRAPE, f"{site}/0", "--delay", "300ms", "-o", name, "-v", *kept)
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as crawl:
        wait_for(crawl, "stored")
        (tmp_path / name).unlink()
        assert crawl.stderr is not None
        message = crawl.stderr.read()
        assert crawl.wait(PATIENCE_S) == 3
    assert f"{PAGES} pages" in message
    assert message.splitlines()[-1].startswith(
        f"scrape: {name} was removed while the crawl wrote to it"
    )
    assert "Traceback" not in message
    if kept:
        done = subprocess.run(
            [*SCRAPE, "check", "s.db"], cwd=tmp_path, capture_output=True, check=False
        )
        assert done.returncode == 0


def test_a_state_that_was_removed_is_reported(site: str, tmp_path: Path) -> None:
    """As an output: nothing of it is left to go on with."""
    words = (*SCRAPE, f"{site}/0", "--delay", "300ms", "--state", "s.db", "-v")
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as crawl:
        wait_for(crawl, "stored")
        (tmp_path / "s.db").unlink()
        assert crawl.stderr is not None
        message = crawl.stderr.read()
        assert crawl.wait(PATIENCE_S) == 3
    assert message.splitlines()[-1].startswith("scrape: s.db was removed while")
    assert "Traceback" not in message


@pytest.mark.parametrize(
    "words",
    [
        ("http://127.0.0.1:9/", "-o", b"\xff.jsonl"),
        ("http://127.0.0.1:9/", "--state", b"\xff.db"),
        ("status", b"\xff.db"),
        ("run", b"\xff.py"),
        (b"http://127.0.0.1:9/\xff",),
    ],
)
def test_a_name_that_is_no_text_is_refused(words: tuple[str | bytes, ...], tmp_path: Path) -> None:
    """One line names it, and nothing is made."""
    done = subprocess.run([*SCRAPE, *words], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"scrape: the command line: '")
    assert done.stderr.endswith(b"is not UTF-8 text; rename the file, or name another\n")
    assert done.stderr.count(b"\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_whose_name_is_no_text(site: str, tmp_path: Path) -> None:
    """It is in the full name of an output, which a state has to know."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    words = [*SCRAPE, f"{site}/0", "-o", "a.jsonl", "--state", "a.db"]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert list(folder.iterdir()) == []
