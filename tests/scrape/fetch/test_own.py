"""A client that the user brings."""

import sys
from pathlib import Path
from typing import Any

import pytest

from scraper_cpn import Crawl, UsageError
from scraper_cpn.scrape.fetch.client_aiohttp import AiohttpClient
from scraper_cpn.scrape.fetch.own import own_client
from scraper_cpn.scrape.settings import Settings
from tests.scrape.conftest import clients
from tests.scrape.fetching import CLIENTS
from tests.servers import Server, page

MODULE = "tests.scrape.fetch.test_own"


class Counting(AiohttpClient):
    """Counts what it opens."""

    opened = 0

    async def open(self) -> None:
        Counting.opened += 1
        await super().open()


class Half:
    """Lacks what a client does."""

    async def open(self) -> None: ...


@pytest.mark.anyio
@pytest.mark.parametrize("given", [f"{MODULE}:Counting", Counting])
async def test_a_crawl_by_it(given: object) -> None:
    """A class is found by its name, or given as it is; its name is in the settings, and so in a state."""
    before = Counting.opened
    crawl: Crawl[Any] = Crawl(fetcher=given, delay=0, robots="ignore")
    assert crawl.settings.fetcher == f"{MODULE}:Counting"
    async with Server(lambda _: page(b"<p>x", "Content-Type: text/html")) as server:
        assert (await crawl.crawl(server.url)).items == 1
    assert Counting.opened == before + 1


def test_a_module_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the current folder is found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("own_client_beside.py").write_text(f"from {MODULE} import Counting as C\n")
    assert own_client("own_client_beside:C") is Counting
    monkeypatch.delitem(sys.modules, "own_client_beside")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("curl", "give one of aiohttp, pyreqwest, httpx, or module:Class"),
        ("a-b:C", "is not allowed"),
        ("no_such_module:C", "can't be imported: ModuleNotFoundError"),
        (f"{MODULE}:Nothing", "is no class of a client"),
        (f"{MODULE}:MODULE", "is no class of a client"),
        (f"{MODULE}:Half", "no close, no send"),
    ],
)
def test_what_is_no_client(name: str, said: str) -> None:
    """A mistake is reported in one line."""
    with pytest.raises(UsageError, match=r"^fetcher: ") as raised:
        Crawl(fetcher=name)
    assert said in str(raised.value)


def test_the_contract_runs_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With FETCHER the suite of all clients is about that one alone."""
    assert clients() == CLIENTS
    monkeypatch.setenv("FETCHER", f"{MODULE}:Counting")
    assert clients() == (f"{MODULE}:Counting",)
    assert Settings(fetcher=clients()[0]).fetcher
