"""Ctrl-C before the command has begun is as quiet as afterwards."""

import signal
import subprocess
import sys

import pytest

from scraper_cpn import __main__
from scraper_cpn.cli import main as cli

INTERRUPTED = 130

STARTED = """
import os, signal, sys

_, module, signals = sys.argv

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):
                pass  # an interrupt comes between two steps of Python

sys.meta_path.insert(0, Interrupt())
usual = signal.default_int_handler
signal.signal(signal.SIGINT, usual if signals == "usual" else signal.SIG_IGN)
from scraper_cpn.__main__ import main
sys.argv[1:] = ["--help"]
sys.exit(main())
"""
"""Starts the command as a shell does, and interrupts it when it imports a module."""


def started(module: str, signals: str = "usual") -> tuple[int, str, str]:
    """Return code, output and errors of a command that was interrupted while it imports *module*."""
    done = subprocess.run(
        [sys.executable, "-c", STARTED, module, signals],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "module", ["scraper_cpn.cli.main", "scraper_cpn.cli.arguments", "msgspec", "scraper_cpn.scrape"]
)
def test_an_interrupt_while_python_imports_is_quiet(module: str) -> None:
    """No traceback and no word: nothing has happened yet."""
    assert started(module) == (INTERRUPTED, "", "")


def test_an_interrupt_of_a_later_import_is_one_line() -> None:
    """What is imported when it is needed is interrupted as the command itself is."""
    assert started("scraper_cpn.show.help") == (INTERRUPTED, "", "scrape: interrupted\n")


def test_interrupts_that_are_ignored_stay_so() -> None:
    """A command in the background of a script does not hear the Ctrl-C for another one."""
    code, out, err = started("scraper_cpn.cli.main", "ignored")
    assert (code, err) == (0, "")
    assert out.startswith("usage: scrape")


def test_an_interrupt_outside_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that comes while an error is being reported ends it, too; signals are as they were."""

    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    before = signal.getsignal(signal.SIGINT)
    assert __main__.main() == INTERRUPTED
    assert signal.getsignal(signal.SIGINT) is before
