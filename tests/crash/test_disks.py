"""Disks that fill up, files that can't be written, are in use, or are not what they were.

Each is one line and an exit code; nothing is half-written, and room is enough to go on.
"""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.crash.book import Book, read, replayed
from tests.crash.command import SCRAPE, Crawl, Ended, Web, scrape, served
from tests.crash.lives import Lives
from tests.crash.test_goes_on import PAGES, RESUME, items
from tests.crash.under import under

FULL, USAGE = 3, 2
"""The exit codes of all that disks do, and of a file that is no state of this version."""
POOR = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", *SCRAPE)
"""The command of a superuser who may not write what others may not."""
MINE = SCRAPE if os.geteuid() else POOR
NEEDS_RIGHTS = pytest.mark.skipif(
    MINE is POOR and not shutil.which("setpriv"), reason="root may write everything"
)


def message(ended: Ended) -> str:
    """The one line of a crawl that a disk has ended."""
    assert ended.code == FULL, ended
    assert ended.line.startswith("scrape: ")
    return ended.line


def check_asked(web: Web, book: Book, *more: str) -> None:
    """Nobody was asked for what the state knows nothing of, so that nothing is asked for twice."""
    known = set(book.stored) | book.flights | book.pipeline | set(more)
    known |= {row.target.url for row in book.failures}
    asked = {each.url for each in web.requests() if "robots.txt" not in each.url}
    assert asked <= known


@pytest.mark.parametrize("most_bytes", [240_000, 340_000])
def test_a_state_that_can_not_grow(most_bytes: int, tmp_path: Path) -> None:
    """No file may grow any more: one line, and with more room the crawl comes to its end."""
    size = ("--hosts", "3", "--pages", "40", "--proxies", "2", "--body-bytes", "4000")
    with served(tmp_path / "wire.jsonl", *size) as web:
        lives = Lives(tmp_path)
        words = web.crawl("-q", "-o", "items.jsonl", delay="5ms")
        line = message(lives.live(words, before=under(file_bytes=most_bytes)))
        assert "crawl.db" in line
        book = lives.books[-1]
        assert len(book.stored) < 120
        assert replayed(lives.state) >= 0
        assert items(tmp_path / "items.jsonl").keys() >= book.stored.keys()
        assert lives.live(RESUME).code == 0
        book = lives.books[-1]
        assert len(book.stored) == 120
        assert items(tmp_path / "items.jsonl") == book.stored
        check_asked(web, book)
        lives.check_wire(web.requests())


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk of its own, which is full soon."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only a superuser can make a disk that is full soon")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("what", ["state", "output"])
def test_a_disk_that_is_full(what: str, tmp_path: Path) -> None:
    """The state or the output is on a disk that fills up; after making room the crawl goes on."""
    size = ("--hosts", "3", "--pages", "60", "--proxies", "2", "--body-bytes", "4000")
    room = "1500k" if what == "state" else "40k"
    with served(tmp_path / "wire.jsonl", *size) as web, small_disk(tmp_path, room) as disk:
        folder = {"state": (disk, tmp_path), "output": (tmp_path, disk)}[what]
        lives = Lives(folder[0])
        output = folder[1] / "items.jsonl"
        words = web.crawl("-q", "-o", str(output), delay="5ms")
        message(lives.live(words))
        assert len(lives.books[-1].stored) < 180
        message(lives.live(RESUME))  # it is still full
        grow = ["mount", "-o", "remount,size=64M", str(disk)]
        subprocess.run(grow, check=True)
        assert lives.live(RESUME).code == 0
        book = lives.books[-1]
        assert len(book.stored) == 180
        assert items(output) == book.stored
        assert replayed(lives.state) > 0
        check_asked(web, book)
        lives.check_wire(web.requests())


def test_a_state_has_one_writer(web: Web, tmp_path: Path) -> None:
    """A second command gets one line that names the process, and disturbs nothing."""
    crawl = Crawl(tmp_path, *web.crawl("-v", "-o", "items.jsonl", delay="2s"))
    crawl.hear("stored ", 2)
    for words in (RESUME, (*RESUME, "-o", "other.jsonl")):
        line = message(scrape(tmp_path, *words))
        assert re.search(r"in use by another process \(pid \d+\)", line)
    refused = scrape(tmp_path, *web.crawl("-q"))
    assert (refused.code, "resume" in refused.line) == (2, True)
    assert not (tmp_path / "other.jsonl").exists()
    crawl.signal(signal.SIGINT)
    assert crawl.end().code == 130
    assert scrape(tmp_path, *RESUME, "--delay", "20ms").code == 0
    book = read(tmp_path / "crawl.db")
    assert len(book.stored) == PAGES
    assert items(tmp_path / "items.jsonl") == book.stored


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the state of a crawl that was killed: its -wal has commits."""
    folder = tmp_path_factory.mktemp("killed")
    size = ("--hosts", "3", "--pages", "8", "--proxies", "2")
    with served(folder / "wire.jsonl", *size) as web:
        crawl = Crawl(folder, *web.crawl("-v", "-o", "items.jsonl"))
        crawl.hear("stored ", 8)
        assert crawl.end(kill=True).code == -signal.SIGKILL
    return folder


def cut(path: Path) -> None:
    """Cut the file in half."""
    os.truncate(path, path.stat().st_size // 2)


def spoil(path: Path) -> None:
    """Write over pages in the middle of the file."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 8192 * 4096)
        file.write(b"spoilt! " * 1024)


def sql(statement: str) -> Callable[[Path], None]:
    """Change the state with a statement."""

    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as base, base:
            base.execute(statement)

    return change


def close(path: Path) -> None:
    """Look into it with another program, which moves the -wal into the file when it leaves."""
    sql("SELECT 1 FROM run")(path)
    assert not Path(f"{path}-wal").exists()


def without_log(path: Path) -> None:
    """Remove the -wal file."""
    Path(f"{path}-wal").unlink()


def cut_log(path: Path) -> None:
    """Cut the -wal file in half."""
    cut(Path(f"{path}-wal"))


def write_hello(path: Path) -> None:
    """Put another file in its place."""
    path.write_text("hello\n" * 99)


SPOILT: dict[str, tuple[Callable[[Path], None], int, str]] = {
    "cut": (cut, FULL, "is damaged"),
    "without its -wal": (without_log, FULL, "its -wal file is missing"),
    "with half its -wal": (cut_log, FULL, "is damaged"),
    "without a token": (sql("DELETE FROM token WHERE serial = (SELECT max(serial) FROM token)"), FULL, "is damaged"),
    "empty": (lambda path: os.truncate(path, 0), USAGE, "is no state of scrape: it is empty"),
    "another file": (write_hello, USAGE, "is no state of scrape"),
    "of a newer schema": (sql("PRAGMA user_version = 99"), USAGE, "a newer version of scrape"),
    "of an older schema": (sql("PRAGMA user_version = 0"), USAGE, "an older version of scrape"),
    "of another program": (sql("PRAGMA application_id = 7"), USAGE, "is no state of scrape"),
    "of another net": (
        sql("UPDATE metadata SET value = CAST('\"other\"' AS BLOB) WHERE name = 'net_hash'"),
        USAGE,
        "whose net differs from this one",
    ),
}  # fmt: skip
"""What is done to a state, the exit code of resuming it, and a part of the line."""


@pytest.mark.parametrize("name", SPOILT)
def test_a_state_that_is_not_what_it_was(name: str, killed: Path, tmp_path: Path) -> None:
    """Each gets its one line and exit code, asks nobody, and is left as it was."""
    folder = tmp_path / "copy"
    shutil.copytree(killed, folder)
    spoil_it, code, line = SPOILT[name]
    spoil_it(folder / "crawl.db")
    before = contents(folder)
    ended = scrape(folder, *RESUME)
    assert (ended.code, line in ended.line) == (code, True), ended
    assert contents(folder) == before


def test_a_state_may_be_looked_into(web: Web, tmp_path: Path) -> None:
    """That another program has moved the -wal of a killed crawl into its state does no harm."""
    crawl = Crawl(tmp_path, *web.crawl("-v"))
    crawl.hear("stored ", 4)
    crawl.end(kill=True)
    close(tmp_path / "crawl.db")
    assert scrape(tmp_path, *RESUME).code == 0
    assert len(read(tmp_path / "crawl.db").stored) == PAGES


def test_spoilt_pages_are_never_taken_for_the_whole(killed: Path, tmp_path: Path) -> None:
    """Pages written over by something else: one line, no silent part of a crawl."""
    folder = tmp_path / "copy"
    shutil.copytree(killed, folder)
    close(folder / "crawl.db")
    spoil(folder / "crawl.db")
    assert "is damaged" in message(scrape(folder, *RESUME))


@NEEDS_RIGHTS
@pytest.mark.parametrize("what", ["file", "folder", "output"])
def test_what_may_not_be_written(what: str, killed: Path, tmp_path: Path) -> None:
    """A read-only state, folder or output is one line, before anything is changed."""
    folder = tmp_path / "copy"
    shutil.copytree(killed, folder)
    if what == "folder":
        close(folder / "crawl.db")
    # The state knows where the output is, and that is not in the copy.
    locked = {"file": folder / "crawl.db", "folder": folder, "output": killed / "items.jsonl"}[what]
    usual = locked.stat().st_mode
    locked.chmod(0o500 if what == "folder" else 0o400)
    before = contents(folder)
    ended = scrape(folder, *RESUME, before=MINE)
    assert ended.code == (2 if what == "output" else FULL)
    assert re.search("permission", ended.line, re.IGNORECASE)
    assert contents(folder) == before
    locked.chmod(usual)


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a state and of its output, but not what SQLite keeps for those who read."""
    names = ("crawl.db", "crawl.db-wal", "items.jsonl")
    found = {name: (folder / name).read_bytes() for name in names if (folder / name).exists()}
    return {name: content for name, content in found.items() if content}
