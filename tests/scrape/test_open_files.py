"""A crawl has as many connections as the system lets it have open files, and one that needs more is refused."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from msgspec.structs import replace

from scraper_cpn.scrape.client import new_client
from scraper_cpn.scrape.colours import Failed
from scraper_cpn.scrape.fetch import Fetcher
from scraper_cpn.scrape.open_files import (
    OTHERS,
    allow_more,
    check_files,
    files_max,
    kept_open_max,
)
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from tests.scrape.fetching import FETCHERS, get, nobody
from tests.servers import Server, page

resource: Any = pytest.importorskip("resource", reason="a system without a limit")
INFINITE: int = resource.RLIM_INFINITY


class System:
    """A system that allows a process so many open files, and none more than *most*."""

    def __init__(
        self, patch: pytest.MonkeyPatch, soft: int, hard: int | None = None, most: int = 10**9
    ) -> None:
        self.limits = (soft, soft if hard is None else hard)
        self._most = most
        patch.setattr(resource, "getrlimit", lambda _: self.limits)
        patch.setattr(resource, "setrlimit", lambda _, limits: self._set(limits))

    def _set(self, limits: tuple[int, int]) -> None:
        if limits[0] > self._most:
            raise ValueError("current limit exceeds maximum limit")
        self.limits = limits


@pytest.mark.parametrize(
    ("soft", "concurrency", "most"),
    [
        (256, 1, 128),
        (1_024, 100, 512),
        (1_024, 300, 600),  # twice the concurrency
        (1_024, 400, 560),  # 400 files are for new connections
        (256, 192, 0),
        (256, 1_000, 0),
        (10**6, 1, 1_000),
        (INFINITE, 1, 1_000),
    ],
)
def test_kept_connections(
    soft: int, concurrency: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With those in use they are never more than the files that may be open."""
    System(monkeypatch, soft)
    assert kept_open_max(concurrency, 1_000) == most


def test_what_needs_more_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line that says how many are allowed, before anything is fetched."""
    System(monkeypatch, 256)
    check_files(256 - OTHERS)
    with pytest.raises(UsageError) as refused:
        check_files(256 - OTHERS + 1)
    assert "concurrency: 193 requests at a time" in str(refused.value)
    assert "the 256 files that this process may have open; lower it to 192" in str(refused.value)
    with pytest.raises(UsageError, match=r"^concurrency: 1000 "):
        new_client(Settings(concurrency=1_000))
    System(monkeypatch, INFINITE)
    check_files(10**6)


def test_few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """No advice is to have no requests at all."""
    System(monkeypatch, 32)
    with pytest.raises(UsageError, match="lower it to 1, or"):
        check_files(1)


@pytest.mark.parametrize(
    ("limits", "then"),
    [
        ({"soft": 1_024, "hard": 4_096}, 4_096),
        ({"soft": 1_024, "hard": 10**6}, 65_536),
        ({"soft": 256, "hard": INFINITE}, 65_536),
        ({"soft": 256, "hard": INFINITE, "most": 20_000}, 10_240),
        ({"soft": 256, "hard": INFINITE, "most": 1_000}, 256),
        ({"soft": 4_096, "hard": 4_096}, 4_096),
        ({"soft": 10**5, "hard": 10**6}, 10**5),
        ({"soft": INFINITE, "hard": INFINITE}, INFINITE),
    ],
)
def test_more_files(limits: dict[str, int], then: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the system allows, and at most 65,536; what there is is never made less."""
    system = System(monkeypatch, **limits)
    allow_more()
    assert system.limits == (then, limits["hard"])


def test_a_system_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none on Windows."""
    monkeypatch.setitem(sys.modules, "resource", None)
    allow_more()
    assert files_max() == sys.maxsize


@contextmanager
def no_file_left() -> Iterator[None]:
    """This process can open no file within `with`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    first = os.open(os.devnull, os.O_RDONLY)
    taken = [first]
    resource.setrlimit(resource.RLIMIT_NOFILE, (first + 1, hard))
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.anyio
@pytest.mark.parametrize("fetcher", FETCHERS)
async def test_no_file_for_a_connection(fetcher: str) -> None:
    """It is a request that may be tried again, and its reason is not the server's."""
    settings = replace(Settings(timeout_ns=10 * SECOND), fetcher=fetcher)
    async with (
        Server(lambda _: page(b"x", "Connection: close")) as server,
        Fetcher(settings, own=nobody) as client,
    ):
        await get(client, f"{server.url}/")  # what else is opened once is open then
        with no_file_left():
            outcome = await get(client, f"{server.url}/")
        assert isinstance(outcome, Failed)
        assert (outcome.kind, outcome.retry, len(server.asked)) == ("connect", True, 1)
        assert outcome.reason.startswith("no connection (Too many open files")
