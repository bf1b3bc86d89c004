"""The command as the first process of a container, whose signals have no default effect."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONTAINER = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
LAST_S = 60


def _works() -> bool:
    try:
        asked = subprocess.run(
            [*CONTAINER, "true"], check=False, capture_output=True, timeout=LAST_S
        )
    except OSError:
        return False
    return asked.returncode == 0


pytestmark = pytest.mark.skipif(not _works(), reason="this user may not start a PID namespace")
STUCK = """
import os, sys
import scraper_cpn.cli.main
from scraper_cpn import __main__ as command
from scraper_cpn.cli.signals import Hearing, Interrupted

def stuck():
    assert os.getpid() != 1
    with Hearing(GRACE_S):
        print("begun", flush=True)
        try:
            while True:
                sum(range(10**11))  # keeps the interpreter
        except Interrupted as error:
            return 128 + error.number

scraper_cpn.cli.main.main = stuck
sys.exit(command.main())
"""


def first(code: str) -> subprocess.Popen[str]:
    """Start Python as the first process of its namespace."""
    return subprocess.Popen(
        [*CONTAINER, sys.executable, "-c", code],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("grace_s", [0.01, LAST_S])
def test_it_ends_although_code_in_c_keeps_the_interpreter(grace_s: float) -> None:
    """At the end of the grace, or at the second signal, with the code of the signal."""
    with first(STUCK.replace("GRACE_S", str(grace_s))) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "begun\n"
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
        inner = int(children.read_text())
        for _ in range(1 if grace_s < 1 else 2):
            subprocess.run(["kill", "-TERM", str(inner)], check=True)
            time.sleep(0.05)  # two signals that wait at the same time are one
        started.communicate(timeout=LAST_S)
    assert started.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize(("words", "code"), [(["--version"], 0), (["--no-such-option"], 2)])
def test_it_ends_with_the_code_of_the_work(words: list[str], code: int) -> None:
    """And prints what it prints."""
    command = [*CONTAINER, sys.executable, "-m", "scraper_cpn", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LAST_S)
    assert done.returncode == code
    assert "scrape" in done.stdout + done.stderr
