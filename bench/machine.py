"""The machine of a measurement.

Owns: the machine's and the versions' names, the form of a file of results. Must not know: what is measured.
"""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import msgspec
from msgspec import Struct

from scraper_cpn.version import __version__

NICE = ("nice", "-n", "5")
"""Before the command of a crawler: its web on the same machine has to see each request when it comes."""
LIBRARIES = ("aiohttp", "anyio", "msgspec", "turbohtml")


class Machine(Struct, frozen=True, kw_only=True):
    """The machine and the versions, on which figures depend."""

    processor: str
    processors: int
    system: str
    python: str
    scrape: str
    commit: str
    """Of the program, with `+` where files differ from it; empty outside of a repository."""
    libraries: dict[str, str]
    load: float
    """Processes that were running before, on average of a minute."""

    def __str__(self) -> str:
        return (
            f"{self.processor}, {self.processors} processors, {self.system}, {self.python}, "
            f"scrape {self.scrape} at {self.commit or 'no commit'}"
        )


def written(report: Struct, path: Path) -> None:
    """Write a report as JSON, in lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def machine() -> Machine:
    """The current machine."""
    return Machine(
        processor=_processor(),
        processors=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        scrape=__version__,
        commit=_commit(),
        libraries={name: version(name) for name in LIBRARIES},
        load=round(os.getloadavg()[0], 1),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _commit() -> str:
    command = ["git", "describe", "--always", "--abbrev=12", "--dirty=+"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said.stdout.strip()
