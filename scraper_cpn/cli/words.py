"""The words of the commands on states, and their answers.

Owns: telling words from options, and printing a record for machines or lines for people.
Must not know: what a command does.
"""

import getopt
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from rich.console import Console, RenderableType

from scraper_cpn.cli.arguments import ON_COMMAND_LINE
from scraper_cpn.scrape.options.read import likely
from scraper_cpn.scrape.settings import UsageError

DONE = 0

_SWITCHES = {"h": "help", "O": "overwrite", "o": "output"}


class Words(Struct, frozen=True):
    """A command line: what stands alone, and the options by name."""

    words: tuple[str, ...]
    options: dict[str, Any]

    @property
    def state(self) -> Path:
        """The file of the state."""
        return Path(self.words[0])

    @property
    def run(self) -> str | None:
        """Which crawl; None: the only one."""
        run: str | None = self.options.get("run")
        return run

    @property
    def json(self) -> bool:
        """Whether machines read it."""
        return "json" in self.options

    def named(self) -> str:
        """The state and the run, as a command names them."""
        run = ["--run", self.run] if self.run is not None else []
        return shlex.join([self.words[0], *run])


def parsed(name: str, known: Sequence[str], argv: Sequence[str]) -> Words:
    """Split a command line; *known* are the long options, with `=` where a value follows.

    Raises:
        UsageError: an option that is not known, or lacks its value.
    """
    long = ["help", *known]
    short = "".join(
        letter + ":" * (f"{option}=" in long)
        for letter, option in _SWITCHES.items()
        if {option, f"{option}="} & set(long)
    )
    try:
        pairs, words = getopt.gnu_getopt(list(argv), short, long)
    except getopt.GetoptError as error:
        raise UsageError(f"{name}: {_explained(error, name, long)}") from None
    options: dict[str, Any] = {}
    for written, text in pairs:
        option = _SWITCHES.get(written.lstrip("-"), written.lstrip("-"))
        options[option] = [*options.get(option, ()), text] if option == "kind" else text or True
    return Words(tuple(words), options)


def _explained(error: getopt.GetoptError, name: str, known: Iterable[str]) -> str:
    written = f"-{error.opt}" if len(error.opt) == 1 else f"--{error.opt}"
    if written[2:] in ON_COMMAND_LINE and "not recognized" in error.msg:
        return f"{written}: has no meaning here; leave it out"
    if "not recognized" in error.msg:
        names = [f"--{each.removesuffix('=')}" for each in known]
        return f"{written}: unknown option{likely(written, names) or f'; see scrape {name} -h'}"
    if "requires argument" in error.msg:
        return f"{written}: wants a value; see scrape {name} -h"
    return f"{error.msg}; see scrape {name} -h"


def told(words: Words, record: Any, lines: Iterable[RenderableType]) -> int:
    """Print a record for machines, or lines for people."""
    if words.json:
        print_json(record)
        return DONE
    console = Console(highlight=False)
    for line in lines:
        console.print(line, soft_wrap=True)
    return DONE


def print_json(record: Any) -> None:
    """Print a record as one line of JSON."""
    sys.stdout.write(msgspec.json.encode(record).decode() + "\n")
