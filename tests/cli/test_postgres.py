"""A crawl that is kept on PostgreSQL: every command takes its address, and mistakes are one line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mocks.postgres import Postgres
from scraper_cpn.cli.main import main
from scraper_cpn.scrape.redact import redacted
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.postgres import link
from scraper_cpn.store.postgres.address import address_of
from tests.cli.test_crawl import PAGES, Site
from tests.cli.test_state_commands import SLOW, Folder
from tests.crash.command import Crawl
from tests.servers import serving

QUICK = ("--delay", "0", "--robots", "ignore")


@pytest.fixture
def site() -> Iterator[str]:
    """A small site on loopback."""
    with serving(Site) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Folder:
    """An empty folder."""
    return Folder(tmp_path, capfd)


@pytest.fixture
def state(database: str) -> str:
    """The address of a state that is not there yet."""
    return f"{database}&name=books"


def test_a_crawl_from_its_beginning_to_its_end(site: str, folder: Folder, state: str) -> None:
    """It stops at a limit and is resumed, looked at, checked and exported, as one in a file."""
    done = folder.scrape(f"{site}/0", "--state", state, "--max-pages", "2", "-q", *QUICK)
    assert (done.returncode, done.stderr) == (0, "")
    assert folder.scrape("resume", state, "--max-pages", "99", "-q").returncode == 0
    (run,) = folder.result("status", state)["runs"]
    assert (run["ended"], run["pages"], run["items"], run["pid"]) == (
        "finished",
        PAGES,
        PAGES,
        None,
    )
    assert folder.scrape("status", state).stdout.splitlines()[0] == state
    assert "stored, with 1 item" in folder.scrape("explain", state, f"{site}/1").stdout
    assert folder.scrape("retry", state).returncode == 0
    assert folder.scrape("export", state, "-o", "items.jsonl").returncode == 0
    items = (folder / "items.jsonl").read_text(encoding="utf-8").splitlines()
    assert len({json.loads(item)["url"] for item in items}) == PAGES
    assert folder.result("check", state)["runs"][0]["pages"] == PAGES
    refused = folder.scrape("backup", state, "copy.db")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "pg_dump --schema=scrape" in refused.stderr


def test_a_second_crawl_beside_it(site: str, folder: Folder, state: str) -> None:
    """A new one is refused under the same name, and can be another run of the state."""
    first = (f"{site}/0", "--state", state, "--max-pages", "1", "-q", *QUICK)
    assert folder.scrape(*first).returncode == 0
    refused = folder.scrape(*first)
    assert refused.returncode == 2
    assert f"it exists; resume it: scrape resume '{state}'" in refused.stderr
    assert folder.scrape(*first, "--run", "two").returncode == 0
    taken = folder.scrape(*first, "--run", "two")
    assert (taken.returncode, len(taken.stderr.splitlines())) == (2, 1)
    assert "name the run; it has main, two" in folder.scrape("export", state).stderr


def test_while_it_runs_and_after_a_kill(site: str, folder: Folder, state: str) -> None:
    """The process is named; a second one is refused, until the first is killed: then it goes on at once."""
    crawl = Crawl(folder.path, f"{site}/0", "--state", state, "-v", *SLOW)
    crawl.hear("stored ", 1)
    (run,) = folder.result("status", state)["runs"]
    assert (run["pid"], run["host"], run["ended"]) == (crawl.pid, "", None)
    assert "is the next of 127.0.0.1" in folder.scrape("explain", state, f"{site}/1").stdout
    for words in (("retry", state), ("resume", state)):
        refused = folder.scrape(*words)
        assert refused.returncode == 3
        assert f"is in use by another process (pid {crawl.pid} on " in refused.stderr
    crawl.end(kill=True)
    (run,) = folder.result("status", state)["runs"]
    assert (run["pid"], run["ended"], run["pages"]) == (None, None, 1)
    assert folder.scrape("retry", state).returncode == 0
    assert folder.result("check", state)["runs"][0]["pages"] == 1


MISTAKES = {
    "a database that is not there": ("{base}/nowhere?host={folder}", "has no such database"),
    "a state that is not there": ("{base}/postgres?host={folder}&name=x", "does not exist"),
    "a user who is not there": (
        "postgres://who:hush!@/postgres?host={folder}",
        "refuses this user",
    ),
    "an unknown parameter": ("{base}/postgres?host={folder}&a_b=1", "a part of the address"),
    "a parameter of no use": ("{base}/postgres?host={folder}&sslmode=x", "can't be read"),
    "a port that is none": ("postgres://who:hush!@x:99999999/", "not an address of a database"),
    "a long name": ("{base}/postgres?host={folder}&name=" + "x" * 101, "1 to 100 printable"),
    "no name": ("{base}/postgres?host={folder}&name=", "1 to 100 printable"),
}


@pytest.mark.parametrize(("given", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line(given: str, said: str, postgres: Postgres, folder: Folder) -> None:
    """With exit code 2, without a password."""
    base = "postgres://postgres@"
    line = mistake(folder, "resume", given.format(base=base, folder=postgres.folder))
    assert said in line
    assert "hush" not in line


@pytest.mark.parametrize(
    "given", ["postgres://who:hush!@/x?host=/nowhere", "postgres://nowhere.test:5/x"]
)
def test_a_server_that_does_not_answer(given: str, folder: Folder) -> None:
    """It may come back: one line, and the exit code of a state that can't be used now."""
    line = mistake(folder, "resume", given, code=3)
    assert "no server answers" in line
    assert "hush" not in line


def test_a_user_who_may_make_no_tables(postgres: Postgres, folder: Folder) -> None:
    """A new crawl is refused before anything is fetched."""
    address = f"postgres://guest:hush!@/postgres?host={postgres.folder}"
    line = mistake(folder, "http://127.0.0.1:9/", "--state", address, "-q")
    assert (
        f"postgres://guest@/postgres?host={postgres.folder}: this user has too few rights" in line
    )


def mistake(folder: Folder, *words: str, code: int = 2) -> str:
    """Run the command, which ends with *code*; returns its only line."""
    done = folder.scrape(*words)
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    return line


@pytest.fixture(autouse=True, scope="module")
def guest(postgres: Postgres) -> None:
    """A user of the server without rights."""
    sql = """DO $$ BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        REVOKE CREATE ON DATABASE postgres FROM PUBLIC"""
    other = link.Link(address_of(postgres.dsn()))
    other.call(lambda on: on.execute(sql))
    other.close()


def test_without_the_driver_a_line_says_what_to_install(tmp_path: Path) -> None:
    """The extra is named."""
    code = (
        "import sys; sys.modules['asyncpg'] = None; from scraper_cpn.cli.main import main; "
        "sys.exit(main(['status', 'postgres://localhost/x']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "pip install 'scraper-cpn[postgres]'" in line


@pytest.mark.parametrize(
    ("least", "coding", "said"), [(99, "UTF8", "needs 99 or newer"), (15, "LATIN1", "is LATIN1")]
)
def test_a_server_that_can_not_do(
    least: int, coding: str, said: str, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is too old, and a database of another encoding, are refused with one line."""
    monkeypatch.setattr(link, "LEAST_VERSION", least)
    made = link.Link(address_of(postgres.dsn()))
    name = f"coding{least}"
    more = f"ENCODING '{coding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    if least != 99:
        made.call(lambda on: on.execute(f"CREATE DATABASE {name} {more}"))
        made.close()
        made = link.Link(address_of(postgres.dsn(name)))
    with pytest.raises(StoreError, match=said) as refused:
        made.call(lambda on: on.fetch("SELECT 1"))
    assert refused.value.kind == "foreign"
    made.close()


def test_an_address_shows_no_password() -> None:
    """Neither in its text nor in its representation, wherever it was given."""
    given = "postgresql://me:hush!@host/db?password=hush!&name=books&sslpassword=hush!"
    address = address_of(given)
    assert (address.name, address.text) == ("books", "postgresql://me@host/db?name=books")
    assert "hush" not in repr(address)
    assert "hush" in address.dsn
    assert main(["status", "postgres://me:hush!@[x/"]) == 2


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_user_of_a_database_is_shown_and_its_password_is_not(scheme: str) -> None:
    """In any message; the user of another address may be a token."""
    shown = f"resume it: scrape resume '{scheme}://me@host/db?name=books'"
    assert redacted(shown) == shown
    assert "hush" not in redacted(f"at {scheme}://me:hush@host/db, {scheme}://:hush@host/db")
    assert "me" not in redacted("at http://me@host/db")
