"""The synthetic web in a process of its own, for a crawler in this process.

Owns: how `python -m mocks serve` is started and ended. Must not know: its options, who crawls.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@contextmanager
def served(log: Path, options: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Serve it within `with`; gives what it says of itself: its seeds and its proxies.

    Args:
        log: where it writes the wire log, which is whole afterwards.
        options: of `python -m mocks serve`.
    """
    command = [sys.executable, "-m", "mocks", "serve", *options, "--log", str(log.absolute())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())
        finally:
            server.terminate()
