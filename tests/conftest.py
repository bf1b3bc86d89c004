"""What all tests share: Hypothesis without deadlines, and asyncio under anyio."""

import gc
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from tests.effort import EXPLORING
from tests.postgres import database, made_tables, other_postgres, own_postgres, postgres

__all__ = ["database", "made_tables", "other_postgres", "own_postgres", "postgres"]

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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Leave the tests of other folders untraced.

    The marker `no_cover` does so in a single process alone: in each of several, pytest-cov starts two
    measurements, and the marker stops one of them.
    """
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    if folder == COVERED or not item.config.pluginmanager.hasplugin("_cov"):
        return (yield)
    tracers = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracers[0])
        threading.settrace(tracers[1])


def pytest_collection_finish() -> None:
    """Leave what thousands of tests are made of out of each search for garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def anyio_backend() -> str:
    """Aiohttp runs on asyncio only."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _forgets_secrets() -> Iterator[None]:
    """Hide what one test has given as a secret in no other one: "password" is a word of many messages."""
    yield
    if redact := sys.modules.get("scraper_cpn.scrape.redact"):
        redact._remembered.clear()
        redact._words.clear()
