"""General engines for coloured nets on the same join, each in its own environment.

Owns: where they are installed, and the sizes that they can run. Must not know: how they work.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.decisions.results import EngineRun

ROOT = Path(__file__).parents[2]


class Engine(Struct, frozen=True):
    """An engine, and the script that runs the join in it."""

    name: str
    script: str

    def python(self, root: Path) -> Path:
        """The Python of its environment, which `make peers` creates."""
        return root / f".venv-peers-{self.name.lower()}" / "bin" / "python"


class Size(Struct, frozen=True):
    """The size of the join that a script runs."""

    targets: int
    domains: int
    proxies: int
    decisions: int


ENGINES = (Engine("SNAKES", "join_snakes.py"), Engine("SimPN", "join_simpn.py"))
SIZES = (Size(100, 10, 5, 100), Size(1_000, 10, 5, 20), Size(1_000, 100, 10, 5))
"""They try combinations of tokens: more than that takes minutes."""


class _Said(Struct):
    version: str
    decisions: int
    cpu_s: float


def measure(sizes: Sequence[Size], root: Path = ROOT) -> Iterator[EngineRun]:
    """Run every installed engine; a missing one gives a single run without a version."""
    for engine in ENGINES:
        python = engine.python(root)
        if python.exists():
            yield from (_run(engine, python, size) for size in sizes)
        else:
            yield EngineRun(engine=engine.name, version="", targets=0, domains=0, proxies=0)


def _run(engine: Engine, python: Path, size: Size) -> EngineRun:
    numbers = map(str, (size.targets, size.domains, size.proxies, size.decisions))
    command = [str(python), str(ROOT / "bench" / "peers" / engine.script), *numbers]
    said = subprocess.run(command, capture_output=True, check=True)
    found = msgspec.json.decode(said.stdout, type=_Said)
    return EngineRun(
        engine=engine.name,
        version=found.version,
        targets=size.targets,
        domains=size.domains,
        proxies=size.proxies,
        decisions=found.decisions,
        cpu_s=found.cpu_s,
    )
