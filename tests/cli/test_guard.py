"""What can't end itself is ended from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = """
import re, time
import anyio
from scraper_cpn.cli import guard
from scraper_cpn.cli.signals import Hearing

guard.AT_ONCE_S = 0.01

def computes():
    while True:
        pass

def sleeps():
    time.sleep(1e6)

def keeps_the_interpreter():
    re.match(r"(a+)+$", "a" * 64 + "b")

async def waits():
    await anyio.sleep_forever()

async def main():
    hearing.tell(lambda number: print(number, flush=True))
    print("begun", flush=True)
    await (WORK() or waits())

with Hearing(GRACE_S) as hearing:
    anyio.run(main)
"""
NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LAST_S = 60


def command(work: str, grace_s: float) -> subprocess.Popen[str]:
    """Start a command that does not end, and return it when it has begun with that."""
    code = COMMAND.replace("WORK", work).replace("GRACE_S", str(grace_s))
    started = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=hears_signals,  # noqa: PLW1509 - this process has one thread
    )  # fmt: skip
    assert started.stdout is not None
    started.stdout.readline()
    return started


def hears_signals() -> None:
    """Undo what nohup or a background shell has set."""
    for number in NUMBERS:
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("work", ["computes", "sleeps", "keeps_the_interpreter"])
@pytest.mark.parametrize(("number", "grace_s"), [(signal.SIGTERM, 0.01), (signal.SIGINT, LAST_S)])
def test_it_ends_with_the_code_of_the_signal(
    work: str, number: signal.Signals, grace_s: float
) -> None:
    """One signal and the end of the grace, or a second signal, whatever the command does; shells tell the same code."""
    with command(work, grace_s) as started:
        started.send_signal(number)
        if grace_s == LAST_S:
            time.sleep(0.05)  # two signals that wait at the same time are one
            started.send_signal(number)
        _, message = started.communicate(timeout=LAST_S)
    assert started.returncode in {128 + number, -number}
    # The second signal kills at once what keeps the interpreter.
    assert message == "" or message.startswith("scrape: interrupted; some work did not end in time")


def test_the_guard_ends_with_the_command() -> None:
    """Also when the command is killed."""
    with command("sleeps", LAST_S) as started:
        guard = child_of(started.pid)
        started.kill()
    while not has_ended(guard):
        time.sleep(0.01)


def test_a_command_hears_signals_after_its_guard_was_killed() -> None:
    """It hears them as before."""
    with command("waits", LAST_S) as started:
        guard = child_of(started.pid)
        os.kill(guard, signal.SIGKILL)
        while not has_ended(guard):
            time.sleep(0.01)
        started.send_signal(signal.SIGTERM)
        assert started.stdout is not None
        assert started.stdout.readline() == f"{int(signal.SIGTERM)}\n"
        started.kill()
        _, message = started.communicate()
    # The signal may come before the command knows that its guard has ended: Python then says that nobody reads it.
    assert message == "" or message.startswith(UNREAD)


UNREAD = "Exception ignored when trying to write to the signal wakeup fd"


def child_of(process: int) -> int:
    """The only child of a process."""
    (child,) = map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())
    return child


def has_ended(process: int) -> bool:
    """Whether a process has ended, even if nobody has asked for its exit code yet."""
    try:
        return ") Z " in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True


def test_nobody_reads_its_messages() -> None:
    """A command is ended although the reader of its standard error has gone."""
    with command("keeps_the_interpreter", 0.01) as started:
        assert started.stderr is not None
        started.stderr.close()
        started.send_signal(signal.SIGTERM)
        assert started.wait(LAST_S) in {128 + signal.SIGTERM, -signal.SIGTERM}


def test_the_command_ends_without_reading() -> None:
    """The guard says nothing of a command that was killed before it could read what came."""
    with command("keeps_the_interpreter", LAST_S) as started:
        started.send_signal(signal.SIGTERM)
        time.sleep(0.05)  # the guard sends the number on
        started.kill()
        assert started.communicate(timeout=LAST_S)[1] == ""
