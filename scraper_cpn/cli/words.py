"""Arguments and output of the commands on states.

Owns: the arguments of such a command, and printing a record for machines or lines for people.
Must not know: what a command does.
"""

import shlex
import sys
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct
from rich.console import Console, RenderableType

from scraper_cpn.cli.arguments import Arguments
from scraper_cpn.store.states import Location, location_of

DONE = 0


class Words(Struct, frozen=True):
    """A command line: its positional words, and the options by name."""

    words: tuple[str, ...]
    options: dict[str, Any]

    @property
    def state(self) -> Location:
        """Where the state is. Raises `StoreError` for an address that can't be read."""
        return location_of(self.words[0])

    @property
    def run(self) -> str | None:
        """The name of the crawl; None: the only one."""
        run: str | None = self.options.get("run")
        return run

    @property
    def json(self) -> bool:
        """Whether to print JSON."""
        return "json" in self.options

    def named(self) -> str:
        """The state and the run, in the form of command-line words."""
        run = ["--run", self.run] if self.run is not None else []
        return shlex.join([str(self.state), *run])


def words_of(arguments: Arguments) -> Words:
    """Read the arguments of a command on states."""
    options = {key: given.value for key, given in arguments.options.items()}
    return Words(arguments.words, options)


def print_result(words: Words, record: Any, lines: Iterable[RenderableType]) -> int:
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
