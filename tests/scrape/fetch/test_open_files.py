"""A crawl has as many connections as the system lets it have open files, and one that needs more is refused."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Failed
from scraper_cpn.scrape.fetch.choose import new_client
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.fetch.open_files import (
    OTHERS,
    allow_more,
    check_files,
    kept_open_max,
)
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from tests.scrape.fetching import CLIENTS, DIRECT, HERE, get, proxy_at
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
    assert str(refused.value) == (
        "concurrency: 193 requests at a time need 257 open files, and this process may have 256; "
        "lower it to 192, or raise the limit (ulimit -n 257)"
    )
    with pytest.raises(UsageError, match=r"^concurrency: 1000 "):
        new_client(Settings(concurrency=1_000))
    System(monkeypatch, INFINITE)
    check_files(10**6)


def test_few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """No advice is to have no requests at all."""
    System(monkeypatch, OTHERS)
    with pytest.raises(UsageError, match=r"may have 64; raise the limit \(ulimit -n 65\)$"):
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


@contextmanager
def no_file_left() -> Iterator[None]:
    """This process can open no file within `with`, whichever it closes: but for the standard streams."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.anyio
@pytest.mark.parametrize("fetcher", CLIENTS)
@pytest.mark.parametrize("proxied", [False, True])
async def test_no_file_for_a_connection(fetcher: str, proxied: bool) -> None:
    """Such a request may be tried again, and neither the host nor a proxy is blamed for it."""
    settings = replace(Settings(timeout_ns=10 * SECOND), fetcher=fetcher)
    async with (
        Server(lambda _: page(b"x", "Connection: close")) as server,
        Fetcher(settings, seeds=HERE) as client,
    ):
        proxy = proxy_at(server) if proxied else DIRECT
        await get(client, f"{server.url}/", proxy)  # what else is opened once is open then
        with no_file_left():
            outcome = await get(client, f"{server.url}/", proxy)
        assert outcome == Failed(
            "connect", "no connection (too many open files)", retry=True, sent=False
        )
        assert len(server.asked) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("fetcher", CLIENTS)
@pytest.mark.parametrize(
    "waves",
    [
        [(100, 0), (100, 0), (100, 0)],
        [(100, 1), (100, 1), (100, 1)],
        [(40, 0), (40, 0), (40, 1), (40, 1), (100, 0)],
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has so many loopback addresses")
async def test_waves_of_requests(
    fetcher: str, waves: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests to ever new hosts, more of them than may be kept, find files for their connections.

    The server keeps every connection, also where it is asked to close it. A wave is a number of requests
    at a time, and 0 for hosts of seeds, 1 for others.
    """
    files = 256
    System(monkeypatch, files)
    monkeypatch.setattr("scraper_cpn.scrape.fetch.destinations.not_public", lambda _: "")
    settings = replace(Settings(concurrency=100, timeout_ns=60 * SECOND), fetcher=fetcher)
    seeds = [
        f"http://127.0.{number}.{n + 1}/"
        for number, (at_once, others) in enumerate(waves)
        for n in range(0 if others else at_once)
    ]
    async with (
        Server(lambda _: page(b"x"), host="0.0.0.0") as server,
        Fetcher(settings, seeds=seeds) as client,
    ):
        for number, (at_once, _) in enumerate(waves):
            async with anyio.create_task_group() as tasks:
                for n in range(at_once):
                    url = f"http://127.0.{number}.{n + 1}:{server.port}/"
                    tasks.start_soon(get, client, url)
    assert len(server.asked) == sum(at_once for at_once, _ in waves)
    assert server.most_open < files
