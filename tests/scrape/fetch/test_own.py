"""A client that the user brings."""

import sys
from pathlib import Path
from typing import Any

import pytest

from scraper_cpn import Crawl, Link, Page, UsageError
from scraper_cpn.scrape.colours import NOT_WIRED, Failed
from scraper_cpn.scrape.fetch.client import Ask, Reply
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
        ("curl", "give one of aiohttp, httpx, or module:Class"),
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


class Unready(Counting):
    """Can't be made."""

    def __init__(self, *_: object) -> None:
        raise ValueError("no\nkey")


class Shut(Counting):
    """Can't be opened."""

    async def open(self) -> None:
        raise OSError("no file")


class Plain(Counting):
    """Is opened by no async function."""

    def open(self) -> None:  # type: ignore[override]
        return None


class Ajar(Counting):
    """Can't be closed."""

    async def close(self) -> None:
        await super().close()
        raise OSError("no end")


class Answering(Counting):
    """Answers with what no crawl can go on with."""

    answer: object = None

    async def send(self, ask: object) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("client", "said"),
    [
        (Unready, "can't be made: ValueError: no key"),
        (Shut, "can't be opened: OSError: no file"),
        (Plain, "can't be opened: TypeError: open is no async function"),
    ],
)
def test_one_that_does_not_begin(client: type[Any], said: str) -> None:
    """What a class raises before the first request is reported in one line."""
    with pytest.raises(UsageError, match=r"^fetcher: ") as raised:
        Crawl(fetcher=client).run("http://a.test/")
    assert str(raised.value) == f"fetcher: {MODULE}:{client.__name__} {said}"


@pytest.mark.anyio
async def test_one_that_does_not_close(caplog: pytest.LogCaptureFixture) -> None:
    """The crawl has its results all the same; the log tells."""
    async with Server(lambda _: page(b"<p>x", "Content-Type: text/html")) as server:
        crawl: Crawl[Any] = Crawl(fetcher=Ajar, delay=0, robots="ignore")
        assert (await crawl.crawl(server.url)).items == 1
    assert "Ajar can't be closed: OSError: no end" in caplog.text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "TypeError: send returned None; return a Reply or a Failed"),
        (RuntimeError("boom"), "RuntimeError: boom"),
        (Failed("odd", "x"), "ValueError: send returned a Failed of the kind 'odd'; give one of"),
        (
            Reply(200, {}, "text", cut=False, wired=NOT_WIRED),  # type: ignore[arg-type]
            "TypeError: send returned a body of str; give bytes",
        ),
    ],
)
def test_one_that_answers_wrongly(
    answer: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is lost, with the reason, and the crawl ends as any other."""
    monkeypatch.setattr(Answering, "answer", answer)
    summary = Crawl(fetcher=Answering, robots="ignore", retries=0).run("http://a.test/")
    assert (summary.ended, summary.failed) == ("finished", 1)
    (group,) = summary.failures
    assert group.kind == "lost"
    assert said in str(group.examples)


class Telling(Counting):
    """Raises, or returns, what it was given."""

    is_raising = True

    def __init__(self, settings: Settings, *more: Any) -> None:
        super().__init__(settings, *more)
        self._headers = settings.headers

    async def send(self, ask: Ask) -> Any:
        body = ask.request.body.decode()
        said = f"{self._headers} {ask.request.headers} {ask.proxy.url} {body}"
        if self.is_raising:
            raise OSError(said)
        return Failed("connect", said)


@pytest.mark.parametrize("is_raising", [True, False])
def test_one_that_tells_secrets(
    is_raising: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No secret is in the summary, the failed log or the state, whether a class raises with it or returns it as a reason."""
    monkeypatch.setattr(Telling, "is_raising", is_raising)
    crawl: Crawl[Any] = Crawl(
        fetcher=Telling, robots="ignore", retries=0, header=["X-Key: hush-crawl"],
        proxy="http://me:hush-proxy@127.0.0.1:9",
    )  # fmt: skip
    form = {"user": "me", "password": "hush-login"}

    @crawl.login(Link("http://a.test/login", form=form, headers={"X-Own": "hush-header"}))
    def login(page: Page) -> None:
        """Never comes to it."""

    summary = crawl.run("http://a.test/", state=tmp_path / "x.state")
    said = str(summary) + str(summary.failures)
    kept = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert said.count("***") > 2
    assert "hush" not in said
    assert b"hush" not in kept


def test_the_contract_runs_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With FETCHER the suite of all clients is about that one alone."""
    assert clients() == CLIENTS
    monkeypatch.setenv("FETCHER", f"{MODULE}:Counting")
    assert clients() == (f"{MODULE}:Counting",)
    assert Settings(fetcher=clients()[0]).fetcher
