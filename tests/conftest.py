"""What all tests share: Hypothesis without deadlines, and asyncio under anyio."""

import gc
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from tests.effort import EXPLORING

settings.register_profile("project", deadline=None, derandomize=not EXPLORING)
"""The same examples each time, so that a failure is the change's; `EXPLORE=1` draws new ones."""
settings.load_profile("project")
if not EXPLORING:
    # Hypothesis also draws what stands in modules that are imported by then: others in each run and process.
    vars(providers)["is_local_module_file"] = lambda _: False

os.environ.setdefault("CFLAGS", "-O0")
"""Native kernels do the same without optimization, and are built in half the time."""

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
"""Hundreds of commands are started: each would compile the package anew, which takes longer than most of them."""

COVERED = "net"
"""The folder whose tests are measured under `--cov`: tracing makes whatever compiles a net three times as slow."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the tests of other folders untraced."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] != COVERED:
            item.add_marker("no_cover")


def pytest_collection_finish() -> None:
    """Leave what thousands of tests are made of out of each search for garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def anyio_backend() -> str:
    """Aiohttp runs on asyncio only."""
    return "asyncio"
