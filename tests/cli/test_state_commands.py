"""The commands on a state, on states of real crawls of a loopback site."""

import csv
import json
import shlex
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import chdir, closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from scraper_cpn.cli.main import main
from tests.cli.test_crawl import PAGES, SCRAPE, Site
from tests.servers import serving

COMMANDS = ("status", "explain", "retry", "export", "check", "backup")
MISSING = PAGES + 1
"""The URLs of the site that are missing: one beside each page, and the last page's next."""


SLOW = ("--delay", "1h", "--robots", "ignore")
"""A crawl that has its first page at once, and then waits."""


class Moody(Site):
    """The site, with a page that is broken until it is mended."""

    mended: ClassVar[bool] = False

    def do_GET(self) -> None:  # noqa: N802 - the name of the base
        if self.path == "/broken" and self.mended:
            self.asked.append(self.path)
            self._answer(200, "text/html", "<title>mended</title>")
        else:
            super().do_GET()


class Folder:
    """A folder, and what the command does there, in this process."""

    def __init__(self, path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capfd = capfd

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def scrape(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run the command."""
        self._capfd.readouterr()
        with chdir(self.path):
            code = main(argv)
        out, err = self._capfd.readouterr()
        return subprocess.CompletedProcess(argv, code, out, err)

    def result(self, *argv: str) -> Any:
        """The JSON of a command that ended well."""
        done = self.scrape(*argv, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\n") == 1
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of the site."""
    with serving(Moody) as address:
        yield address


@pytest.fixture(autouse=True)
def _broken() -> None:
    """Each test begins with a page that is broken."""
    Moody.mended = False


@pytest.fixture
def folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Folder:
    """An empty folder."""
    return Folder(tmp_path, capfd)


@pytest.fixture(scope="module")
def state(site: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a crawl of all of the site, with a page that was broken."""
    home = tmp_path_factory.mktemp("crawled")
    argv = [
        f"{site}/0", f"{site}/broken", "--state", "c.db", "--delay", "1ms",
        "--retries", "1", "--backoff", "1ms", "-f", "number=h1", "-q",
    ]  # fmt: skip
    with chdir(home):
        assert main(argv) == 1, "a seed has failed"
    return home / "c.db"


@pytest.fixture
def crawled(state: Path, folder: Folder) -> Folder:
    """A folder with that state, `c.db`."""
    shutil.copy(state, folder / "c.db")
    return folder


@contextmanager
def running(folder: Path, *argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """A crawl that runs, from its first page on; it is interrupted at the end."""
    with subprocess.Popen(
        [*SCRAPE, *argv], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(600):
                if (folder / "c.db").exists() and _begun(folder):
                    break
                assert process.poll() is None
                time.sleep(0.05)
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def _begun(folder: Path) -> bool:
    with closing(sqlite3.connect(f"file:{folder}/c.db?mode=ro", uri=True)) as base:
        rows = base.execute("SELECT count(*) FROM sink_row WHERE sink = 'stored'")
        return bool(rows.fetchone()[0])


# status


def test_status_of_a_crawl_that_is_over(crawled: Folder) -> None:
    """How it ended, its pages and failures, for people and for machines the same."""
    (run,) = crawled.result("status", "c.db")["runs"]
    assert (run["run"], run["ended"], run["pid"]) == ("main", "finished", None)
    assert (run["pages"], run["items"], run["stored"]) == (PAGES, PAGES, PAGES)
    assert (run["failed"], run["retriable"]) == (MISSING + 1, 1)
    assert set(run["waiting"].values()) == {0}
    lines = crawled.scrape("status", "c.db").stdout.splitlines()
    assert "main  finished" in lines
    assert f"fetched   {PAGES} pages" in "\n".join(lines)
    assert f"ended     {MISSING + 1} URLs failed (1 worth a retry), 0 skipped" in lines
    assert lines[-1] == "  scrape retry c.db"


def test_status_and_the_others_while_it_runs(site: str, folder: Folder) -> None:
    """The process is named; nobody waits, and nothing is changed: only retry is refused."""
    with running(folder.path, f"{site}/0", "--state", "c.db", *SLOW) as process:
        (run,) = folder.result("status", "c.db")["runs"]
        assert (run["pid"], run["ended"], run["pages"]) == (process.pid, None, 1)
        assert run["waiting"]["their turn"] == 2
        (backlog,) = run["backlog"]
        assert backlog["urls"] == 2
        assert 3_500 < (backlog["ready_at_ns"] - run["now_ns"]) / 1e9 < 3_700
        text = folder.scrape("explain", "c.db", f"{site}/1").stdout
        assert "waits for its turn; it is the next of 127.0.0.1" in text
        assert "the pause of 127.0.0.1: in " in text
        refused = folder.scrape("retry", "c.db")
        assert (refused.returncode, refused.stdout) == (3, "")
        assert f"in use by another process (pid {process.pid})" in refused.stderr
        assert folder.result("check", "c.db")["sound"]
        assert folder.result("backup", "c.db", "copy.db")["sound"]
        assert len(folder.scrape("export", "c.db").stdout.splitlines()) == 1
    assert process.returncode == 130
    done = folder.scrape("status", "c.db").stdout
    assert "main  interrupted" in done
    assert done.endswith("resume:\n  scrape resume c.db\n")
    assert folder.scrape("explain", "c.db", f"{site}/1").stdout.endswith("scrape resume c.db\n")


def test_status_after_a_kill(site: str, folder: Folder) -> None:
    """The lock has ended with the process: the crawl is not running, and not over."""
    with running(folder.path, f"{site}/0", "--state", "c.db", *SLOW) as process:
        process.kill()
        process.wait()
        (run,) = folder.result("status", "c.db")["runs"]
        assert (run["pid"], run["ended"], run["pages"]) == (None, None, 1)
        assert folder.result("check", "c.db")["sound"]


def test_several_runs(crawled: Folder, site: str) -> None:
    """Status and check tell of all; the others want one named, and so do the commands they print."""
    argv = [f"{site}/3", "--state", "c.db", "--run", "two words", "--delay", "1ms", "-q"]
    assert crawled.scrape(*argv).returncode == 0
    assert [run["run"] for run in crawled.result("status", "c.db")["runs"]] == ["main", "two words"]
    assert len(crawled.result("check", "c.db")["runs"]) == 2
    assert len(crawled.result("check", "c.db", "--run", "main")["runs"]) == 1
    assert "  scrape retry c.db --run main\n" in crawled.scrape("status", "c.db").stdout
    refused = crawled.scrape("export", "c.db")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "name the run; it has main, two words" in refused.stderr
    assert len(crawled.scrape("export", "c.db", "--run", "two words").stdout.splitlines()) == 1
    done = crawled.scrape("explain", "c.db", f"{site}/broken", "--run", "main").stdout
    assert done.endswith("scrape retry c.db --run main\n")


# explain


def test_explain_what_became_of_a_url(crawled: Folder, site: str) -> None:
    """Its items, or each of its attempts; a URL is normalised as a seed is."""
    found = crawled.result("explain", "c.db", f"{site.upper()}/0#top")
    assert (found["url"], found["stands"], found["items"]) == (f"{site}/0", "stored", 1)
    found = crawled.result("explain", "c.db", f"{site}/broken")
    assert (found["stands"], found["again"]) == ("failed", True)
    assert [row["attempt"] for row in found["attempts"]] == [1, 2]
    text = crawled.scrape("explain", "c.db", f"{site}/broken").stdout.splitlines()
    assert text[:2] == [f"{site}/broken", "failed, and is not tried again"]
    assert text[3:5] == [f"  attempt {n}: http: HTTP 500 Internal Server Error" for n in (1, 2)]
    found = crawled.result("explain", "c.db", f"{site}/missing-1")
    assert (found["stands"], found["again"]) == ("failed", False)
    assert found["target"]["parent"] == f"{site}/1"


def test_explain_what_was_never_found(crawled: Folder, site: str) -> None:
    """And whether a link to it would have been followed."""
    assert crawled.result("explain", "c.db", f"{site}/other")["kept_out"] == []
    found = crawled.result("explain", "c.db", f"{site}/private/x")
    assert (found["stands"], found["kept_out"]) == ("unknown", ["robots"])
    text = crawled.scrape("explain", "c.db", "http://elsewhere.example/").stdout
    assert "was never found in this crawl" in text
    assert "out of scope" in text


# retry


def test_what_failed_is_put_back_and_fetched(crawled: Folder, site: str) -> None:
    """The command that is printed goes on, and fetches that page, and no other, again."""
    Moody.mended = True
    done = crawled.scrape("retry", "c.db")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "1 URL put back:"
    assert crawled.result("explain", "c.db", f"{site}/broken")["stands"] == "waits"
    (run,) = crawled.result("status", "c.db")["runs"]
    assert (run["ended"], run["failed"], run["waiting"]["their turn"]) == (None, MISSING, 1)
    Moody.asked.clear()
    again = crawled.scrape(*shlex.split(lines[-1])[1:], "-q")
    assert again.returncode == 0
    assert Moody.asked == ["/broken"]
    found = crawled.result("explain", "c.db", f"{site}/broken")
    assert (found["stands"], len(found["attempts"])) == ("stored", 2)
    assert crawled.result("check", "c.db")["sound"]


def test_retry_by_kind(crawled: Folder) -> None:
    """A kind that none has failed with, and one that some have; twice is once."""
    assert crawled.result("retry", "c.db", "--kind", "timeout")["put_back"] == 0
    found = crawled.result("retry", "c.db", "--kind", "timeout", "--kind", "http")
    assert (found["put_back"], found["kinds"]) == (1, {"http": 1})
    assert "nothing to retry" in crawled.scrape("retry", "c.db").stdout


# export


def test_export_in_each_format(crawled: Folder, site: str) -> None:
    """The suffix says which; standard output is JSON Lines."""
    urls = [f"{site}/{n}" for n in range(PAGES)]
    lines = crawled.scrape("export", "c.db").stdout.splitlines()
    assert [json.loads(line)["url"] for line in lines] == urls
    done = crawled.scrape("export", "c.db", "-o", "x.jsonl")
    assert (done.returncode, done.stderr) == (0, f"{PAGES} items in x.jsonl\n")
    assert (crawled / "x.jsonl").read_text().splitlines() == lines
    assert crawled.result("export", "c.db", "-o", "x.csv") == {"output": "x.csv", "items": PAGES}
    with (crawled / "x.csv").open(newline="") as file:
        assert [(row["url"], row["number"]) for row in csv.DictReader(file)] == [
            (url, str(n)) for n, url in enumerate(urls)
        ]
    assert crawled.scrape("export", "c.db", "-o", "x.db").returncode == 0
    with closing(sqlite3.connect(crawled / "x.db")) as base:
        found = base.execute("SELECT url FROM items ORDER BY id").fetchall()
    assert [url for (url,) in found] == urls


def test_export_of_what_failed(crawled: Folder, site: str) -> None:
    """Its rows are those that `-i` takes for another crawl."""
    found = crawled.result("export", "c.db", "-o", "x.jsonl", "--failed", "f.jsonl")
    rows = [json.loads(line) for line in (crawled / "f.jsonl").read_text().splitlines()]
    assert found["failed_rows"] == len(rows) == MISSING + 2
    assert [row["url"] for row in rows if row["again"]] == [f"{site}/broken"]
    done = crawled.scrape("export", "c.db", "-o", "x.csv", "--failed", "f.jsonl", "-O")
    assert done.stderr == f"{PAGES} items in x.csv\n{MISSING + 2} failed attempts in f.jsonl\n"
    Moody.mended = True
    again = crawled.scrape("-i", "f.jsonl", "--delay", "1ms", "-q")
    assert again.stdout.count("\n") == 1


def test_export_writes_over_nothing(crawled: Folder) -> None:
    """Not over a file that is there without -O, and never over the state."""
    before = (crawled / "c.db").read_bytes()
    (crawled / "x.jsonl").write_text("mine")
    for argv in (
        ["-o", "x.jsonl"], ["-o", "y.jsonl", "--failed", "x.jsonl"],
        ["-o", "c.db", "-O"], ["-o", "./c.db", "-O"], ["--failed", "c.db", "-O"],
        ["-o", "y.jsonl", "--failed", "y.jsonl"], ["--json"], ["-o", "y.xml"],
    ):  # fmt: skip
        done = crawled.scrape("export", "c.db", *argv)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), argv
    assert (crawled / "x.jsonl").read_text() == "mine"
    assert (crawled / "c.db").read_bytes() == before
    assert crawled.scrape("export", "c.db", "-o", "x.jsonl", "-O").returncode == 0
    assert (crawled / "x.jsonl").read_text().count("\n") == PAGES


def test_export_ends_when_its_reader_does(crawled: Folder) -> None:
    """As in `scrape export c.db | head`: quietly."""
    argv = shlex.join([*SCRAPE, "export", "c.db"])
    done = subprocess.run(
        f"{argv} | true", shell=True, cwd=crawled.path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) in {(0, ""), (0, f"{PAGES} items to standard output\n")}


# check and backup


def test_check_says_what_it_checked(crawled: Folder) -> None:
    """In numbers."""
    (run,) = crawled.result("check", "c.db")["runs"]
    assert (run["pages"], run["items"], run["base"]) == (PAGES, PAGES, 0)
    assert run["failures"] == MISSING + 2
    text = crawled.scrape("check", "c.db").stdout
    assert text.startswith("c.db is sound (checked in ")
    assert (
        f"replayed to the same marking: {run['batches']} batches, {run['firings']} firings" in text
    )


def test_check_finds_damage(crawled: Folder) -> None:
    """One line and exit code 3; with --json an object that says so, and the same code."""
    with closing(sqlite3.connect(crawled / "c.db")) as base, base:
        base.execute("UPDATE token SET ready_ns = ready_ns + 1 WHERE place = 'domains'")
    done = crawled.scrape("check", "c.db")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert done.stderr.startswith("scrape: c.db is damaged: run main: the marking's hash is")
    machines = crawled.scrape("check", "c.db", "--json")
    assert machines.returncode == 3
    found = json.loads(machines.stdout)
    assert (found["sound"], f"scrape: {found['wrong']}\n") == (False, done.stderr)


def test_a_state_that_was_cut(crawled: Folder) -> None:
    """Each command says so in one line; none tells of a part of it."""
    with (crawled / "c.db").open("r+b") as file:
        file.truncate(4096 * 3)
    for command in ("status", "retry", "export", "check"):
        done = crawled.scrape(command, "c.db")
        assert (done.returncode, done.stdout) == (3, ""), command
        assert done.stderr.startswith("scrape: c.db is damaged ("), command
        assert done.stderr.count("\n") == 1, command


def test_a_backup_goes_on_as_the_state(crawled: Folder) -> None:
    """It is checked, and can be resumed; a file that exists is not written over."""
    found = crawled.result("backup", "c.db", "copy.db")
    assert (found["backup"], found["sound"]) == ("copy.db", True)
    assert found["bytes"] == (crawled / "copy.db").stat().st_size
    ends = [crawled.scrape("resume", name, "-q").returncode for name in ("c.db", "copy.db")]
    assert ends == [1, 1]  # as the crawl did: its seed has failed
    again = crawled.scrape("backup", "c.db", "copy.db")
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)


def test_where_no_backup_can_be_put(crawled: Folder) -> None:
    """It is the user's mistake, in one line that says so, and nothing is written."""
    (crawled / "file").touch()
    for where, result in (
        ("-", "backup: - is for items"),
        ("absent/b.db", "backup: the folder absent does not exist; create it first"),
        ("file/b.db", "backup: the folder file does not exist"),
    ):
        done = crawled.scrape("backup", "c.db", where)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"scrape: {result}")
        assert done.stderr.count("\n") == 1


# Mistakes, help.


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_state(folder: Folder, command: str) -> None:
    """A file that is missing or something else is the user's mistake: one line, exit code 2."""
    (folder / "notes.txt").write_text("no database, but long enough to be one" * 9)
    more = {"explain": ["http://a.example/"], "backup": ["copy.db"]}.get(command, [])
    for name, what in (("nix.db", "does not exist"), ("notes.txt", "is no state of scrape")):
        done = folder.scrape(command, name, *more)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"scrape: {name} {what}")
        assert done.stderr.count("\n") == 1
    assert [path.name for path in folder.path.iterdir()] == ["notes.txt"]
