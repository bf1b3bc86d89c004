"""A small web for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.command import Web, served


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """Three hosts of eight pages each, behind two proxies; one asks for a Crawl-delay."""
    robots = ("--robots", "delay,absent", "--crawl-delay", "100ms")
    size = ("--hosts", "3", "--pages", "8", "--proxies", "2", "--latency", "10ms")
    with served(tmp_path / "wire.jsonl", *size, *robots) as web:
        yield web
