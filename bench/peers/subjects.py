"""The crawlers that are compared, and how each is started.

Owns: their commands, and which of them are installed.
Must not know: scenarios, what is measured.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[2]
_HERE = Path(__file__).parent
SPIDER = _HERE / "spider" / "target" / "release" / "spider-peer"
UNLIMITED = {"LINKS_VISITED_MEMORY_LIMIT": "100000000"}
"""spider spills visited links to SQLite beyond 15,000; here they stay in memory."""


class Subject(Struct, frozen=True, kw_only=True):
    """A crawler.

    Attributes:
        name: short.
        command: reads a task in JSON from standard input, prints a result in JSON.
        needs: the file that has to be there; what `make peers` makes, where it is a peer's.
        environment: of its process, beside what every process has.
    """

    name: str
    command: tuple[str, ...]
    needs: Path
    environment: dict[str, str] = {}

    @property
    def is_here(self) -> bool:
        """Whether it can be started."""
        return self.needs.is_file()


def environment_of(subject: Subject) -> dict[str, str]:
    """The environment of a crawler's process; proxies of this machine are not for the synthetic web."""
    plain = {name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**plain, **subject.environment}


def _ours(name: str, module: str, *options: str) -> Subject:
    command = (sys.executable, "-m", f"bench.peers.{module}", *options)
    return Subject(name=name, command=command, needs=_HERE / f"{module}.py")


def _python(name: str, folder: str) -> Subject:
    python = ROOT / f".venv-peers-{folder}" / "bin" / "python"
    return Subject(
        name=name, command=(str(python), str(_HERE / folder / "driver.py")), needs=python
    )


SUBJECTS = (
    _ours("net", "net"),
    _ours("baseline", "by_hand"),
    Subject(name="spider", command=(str(SPIDER),), needs=SPIDER, environment=UNLIMITED),
    _python("Scrapy", "scrapy"),
    _python("crawlee", "crawlee"),
)
