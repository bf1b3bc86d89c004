"""The command on a loopback site: items, files, failures, retries, signals, programs."""

import csv
import json
import shlex
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.scrape.fetching import CLIENTS
from tests.servers import serving

SCRAPE = [sys.executable, "-m", "scraper_cpn"]
PAGES = 4
"""Pages of the site: each links to the next, and to a page that is missing."""


NEEDS_FULL = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="needs a device that is always full"
)


class Site(BaseHTTPRequestHandler):
    """Pages in a row, a page that is missing beside each, and a tree that robots.txt forbids."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        name = self.path.removeprefix("/")
        if self.path == "/robots.txt":
            self._answer(200, "text/plain", "User-agent: *\nDisallow: /private")
        elif name.isdigit() and int(name) < PAGES:
            links = f"<a href=/{int(name) + 1}>next</a> <a href=/missing-{name}>gone</a>"
            self._answer(200, "text/html", f"<title>page {name}</title><h1>{name}</h1>{links}")
        elif name == "broken":
            self._answer(500, "text/html", "no")
        else:
            self._answer(404, "text/html", "no")

    def _answer(self, status: int, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of the site."""
    with serving(Site) as address:
        yield address


def scrape(folder: Path, *argv: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder; the delay is short unless a test gives one."""
    words = list(argv) if "--delay" in argv else ["--delay", "1ms", *argv]
    if argv[:1] in (("run",), ("net",)):
        words = [*argv] if "--delay" in argv or argv[0] == "net" else [*argv, "--delay", "1ms"]
    given = {"stdout": subprocess.PIPE, **options}
    return subprocess.run(
        [*SCRAPE, *words], cwd=folder, stderr=subprocess.PIPE, text=True, check=False, **given
    )


@pytest.mark.parametrize("fetcher", CLIENTS)
def test_items_go_to_stdout_and_all_else_to_stderr(fetcher: str, site: str, tmp_path: Path) -> None:
    """Standard output is JSON Lines and nothing else; the summary is on stderr."""
    done = scrape(tmp_path, f"{site}/0", "-f", "number=h1", "--fetcher", fetcher)
    items = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [item["url"] for item in items] == [f"{site}/{n}" for n in range(PAGES)]
    assert [item["fields"] for item in items] == [{"number": str(n)} for n in range(PAGES)]
    assert [item["depth"] for item in items] == list(range(PAGES))
    assert "finished after" in done.stderr
    assert f"{PAGES} pages" in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_suffix_says_the_format(site: str, tmp_path: Path) -> None:
    """CSV and SQLite hold the same pages, with a column for each field."""
    for name in ("items.csv", "items.db"):
        assert scrape(tmp_path, f"{site}/0", "-o", name, "-f", "number=h1").returncode == 0
    with (tmp_path / "items.csv").open(newline="") as file:
        rows = [(row["url"], row["number"]) for row in csv.DictReader(file)]
    assert rows == [(f"{site}/{n}", str(n)) for n in range(PAGES)]
    with closing(sqlite3.connect(tmp_path / "items.db")) as base:
        assert base.execute("select url, number from items order by number").fetchall() == rows


def test_an_existing_output_is_kept_replaced_or_continued(site: str, tmp_path: Path) -> None:
    """Without -O or --append an existing output is refused and stays as it is."""
    file = tmp_path / "x.jsonl"
    one_page = [f"{site}/0", "--max-pages", "1", "-o", "x.jsonl"]
    assert scrape(tmp_path, *one_page).returncode == 0
    before = file.read_text()
    refused = scrape(tmp_path, *one_page)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert file.read_text() == before
    assert scrape(tmp_path, *one_page, "--append").returncode == 0
    assert len(file.read_text().splitlines()) == 2
    assert scrape(tmp_path, *one_page, "-O").returncode == 0
    assert len(file.read_text().splitlines()) == 1


def test_a_seed_that_fails_is_code_1(site: str, tmp_path: Path) -> None:
    """A seed that is missing, forbidden, or served by nobody makes the crawl incomplete."""
    for seed in (f"{site}/missing", f"{site}/private/x", "http://127.0.0.1:9/"):
        done = scrape(tmp_path, seed, "--retries", "0", "--backoff", "1ms")
        assert (done.returncode, done.stdout) == (1, "")
        assert f"seed failed: {seed}" in done.stderr
    both = scrape(tmp_path, f"{site}/3", f"{site}/missing")
    assert both.returncode == 1
    assert both.stdout.count("\n") == 1


def test_the_retry_that_is_printed_is_run(site: str, tmp_path: Path) -> None:
    """The last line is a command that fetches what failed, and nothing else, into the same file."""
    argv = [f"{site}/0", f"{site}/broken", "-o", "x.jsonl", "--failed", "failed.jsonl"]
    done = scrape(tmp_path, *argv, "--retries", "0")
    words = shlex.split(done.stderr.splitlines()[-1])
    assert words[:3] == ["scrape", "-i", "failed.jsonl"]
    rows = [json.loads(line) for line in (tmp_path / "failed.jsonl").read_text().splitlines()]
    gone = {f"{site}/missing-{n}" for n in range(PAGES)} | {f"{site}/{PAGES}"}
    assert {row["url"] for row in rows} == gone | {f"{site}/broken"}
    assert {row["status"] for row in rows if not row["again"]} == {404}
    again = scrape(tmp_path, *words[1:])
    assert again.returncode == 1  # it is still broken, and a seed now
    assert "1 URL failed" in again.stderr
    assert len((tmp_path / "x.jsonl").read_text().splitlines()) == PAGES


def test_events_are_json(site: str, tmp_path: Path) -> None:
    """With --json each line of stderr is an event; the last is the summary."""
    done = scrape(tmp_path, f"{site}/0", "--json", "-o", "x.jsonl")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    stored = [event["url"] for event in events if event["event"] == "stored"]
    assert stored == [f"{site}/{n}" for n in range(PAGES)]
    assert events[-1]["event"] == "summary"
    assert events[-1]["ended"] == "finished"
    assert (events[-1]["pages"], events[-1]["failed"]) == (PAGES, PAGES + 1)


def test_budgets_are_obeyed(site: str, tmp_path: Path) -> None:
    """A limit ends a crawl with success, and the summary names it."""
    done = scrape(tmp_path, f"{site}/0", "--max-pages", "2")
    assert (done.returncode, done.stdout.count("\n")) == (0, 2)
    assert "stopped at a limit" in done.stderr
    assert "--max-pages 2" in done.stderr
    assert scrape(tmp_path, f"{site}/0", "--max-depth", "1").stdout.count("\n") == 2


def test_a_config_file_and_a_list_of_seeds(site: str, tmp_path: Path) -> None:
    """Options come from a file, seeds from another or from standard input."""
    (tmp_path / "crawl.toml").write_text('max-depth = 0\noutput = "x.jsonl"\nquiet = true\n')
    (tmp_path / "urls.txt").write_text(f"# two pages\n{site}/0\n\n{site}/1\n")
    done = scrape(tmp_path, "--config", "crawl.toml", "-i", "urls.txt")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len((tmp_path / "x.jsonl").read_text().splitlines()) == 2
    piped = scrape(tmp_path, "-i", "-", "--max-depth", "0", input=f"{site}/2\n")
    assert json.loads(piped.stdout)["url"] == f"{site}/2"


@pytest.mark.parametrize("fetcher", CLIENTS)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_crawl(
    number: int, code: int, fetcher: str, site: str, tmp_path: Path
) -> None:
    """Ctrl-C and SIGTERM end the crawl soon, with what was fetched kept and reported, on any event loop."""
    argv = [*SCRAPE, f"{site}/0", "--delay", "1h", "-o", "x.jsonl", "-v", "--robots", "ignore"]
    argv += ["--fetcher", fetcher]
    with subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as crawl:
        assert crawl.stderr is not None
        assert crawl.stderr.readline().startswith("stored ")
        crawl.send_signal(number)
        err = crawl.stderr.read()
    assert crawl.returncode == code
    assert err.startswith("stopping: no new requests")
    assert "interrupted after" in err
    assert "2 URLs found but not fetched" in err
    assert len((tmp_path / "x.jsonl").read_text().splitlines()) == 1


def test_a_closed_pipe_ends_the_crawl_quietly(site: str, tmp_path: Path) -> None:
    """`scrape ... | head -1` ends with the first item that head won't read, and says nothing."""
    Site.asked.clear()
    argv = [*SCRAPE, f"{site}/0", "--delay", "300ms", "-q", "--robots", "ignore"]
    with subprocess.Popen(
        argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as crawl:
        assert crawl.stdout is not None
        assert crawl.stderr is not None
        assert json.loads(crawl.stdout.readline())["url"] == f"{site}/0"
        crawl.stdout.close()
        assert crawl.stderr.read() == ""
    assert crawl.returncode == 0
    assert f"/{PAGES - 1}" not in Site.asked


@NEEDS_FULL
def test_an_output_that_fails_is_code_3(site: str, tmp_path: Path) -> None:
    """When items can't be written the crawl ends with one line and code 3."""
    with Path("/dev/full").open("w") as full:
        done = scrape(tmp_path, f"{site}/0", "-q", stdout=full)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("scrape: ")
    assert "No space left" in line


@NEEDS_FULL
@pytest.mark.parametrize("option", ["--trace", "--failed"])
def test_a_report_that_fails_is_code_3(option: str, site: str, tmp_path: Path) -> None:
    """A full disk is no bug of ours, whichever file is on it."""
    done = scrape(tmp_path, f"{site}/0", "-q", option, "/dev/full", "-o", "x.jsonl")
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("scrape: can't write: No space left")


@NEEDS_FULL
@pytest.mark.parametrize("view", ["-v", "--json"])
def test_a_log_that_can_not_be_written_stops_no_crawl(view: str, site: str, tmp_path: Path) -> None:
    """With standard error on a full disk all items are stored, and the code is that of the crawl."""
    with Path("/dev/full").open("w") as full:
        words = [*SCRAPE, f"{site}/0", "--delay", "1ms", view, "-o", "x.jsonl"]
        assert subprocess.run(words, cwd=tmp_path, stderr=full, check=False).returncode == 0
        assert subprocess.run(words, cwd=tmp_path, stderr=full, check=False).returncode == 2
    assert len((tmp_path / "x.jsonl").read_text().splitlines()) == PAGES


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_take_no_other_place(closed: str, site: str, tmp_path: Path) -> None:
    """Whichever standard streams are closed, each file holds its own and nothing of another."""
    words = [*SCRAPE, f"{site}/0", "--delay", "1ms", "-v", "-o", "x.jsonl", "--trace", "t.jsonl"]
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *words]
    done = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout == ""
    assert ("finished" in done.stderr) == ("2>" not in closed)
    items = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert [item["url"] for item in items] == [f"{site}/{n}" for n in range(PAGES)]
    trace = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert {"event", "transition"} & trace[0].keys()


def test_a_closed_stream_takes_no_other_file(site: str, tmp_path: Path) -> None:
    """Where standard output is closed, items go to their file, and no file gets what is not meant for it."""
    shell = ["sh", "-c", 'exec "$@" >&-', "sh", *SCRAPE, f"{site}/0"]
    shell += ["--delay", "1ms", "--failed", "f.jsonl", "-o", "x.jsonl"]
    done = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert f"{PAGES} items in x.jsonl" in done.stderr
    assert (tmp_path / "x.jsonl").read_text().count('"title"') == PAGES
    assert '"title"' not in (tmp_path / "f.jsonl").read_text()


PROGRAM = """
from collections.abc import Iterator
import msgspec
from beside import LIMIT
from scraper_cpn.scrape.crawl import Crawl
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.colours import Link

class Number(msgspec.Struct):
    number: int

crawl = Crawl(Number, delay=0, max_pages=LIMIT)

@crawl.page()
def numbers(page: Page) -> Iterator[Number | Link]:
    yield Number(int(page.text("h1")))
    yield from page.links("a")
"""


def test_a_program_is_run_with_the_options_of_the_command(site: str, tmp_path: Path) -> None:
    """`scrape run` uses the handlers and options of a file; the command line wins."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "json.py").write_text(PROGRAM)  # a name of the standard library does no harm
    (programs / "beside.py").write_text("LIMIT = 1")
    done = scrape(tmp_path, "run", "programs/json.py", f"{site}/0")
    assert (done.returncode, done.stdout) == (0, '{"number":0}\n')
    done = scrape(
        tmp_path, "run", "programs/json.py", f"{site}/0", "--max-pages", "3", "-o", "n.csv"
    )
    assert done.returncode == 0
    assert (tmp_path / "n.csv").read_text().splitlines() == ["number", "0", "1", "2"]


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("", "net scrape"),
        ("--dot", 'digraph "scrape"'),
        ("--mermaid", "flowchart LR"),
        ("--plan", "net scrape, as it is compiled"),
        ("--source", '"""'),
    ],
)
def test_the_net_is_printed(form: str, start: str, tmp_path: Path) -> None:
    """`scrape net` prints the net of the scraper in several forms."""
    done = scrape(tmp_path, "net", *form.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(start)
    assert "scrape_target" in done.stdout
    assert "prioritized_targets" in done.stdout


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--dto"], "net: --dto: unknown option; did you mean --dot?"),
        (["--dot", "--svg"], "net: give only one of --dot --svg"),
    ],
)
def test_a_form_that_is_none(argv: list[str], message: str, tmp_path: Path) -> None:
    """A form of the net that does not exist is one line and code 2."""
    done = scrape(tmp_path, "net", *argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"scrape: {message}; see scrape net --help\n"


def test_svg_says_what_it_needs(tmp_path: Path) -> None:
    """Without graphviz, --svg names it and the way around it."""
    done = scrape(tmp_path, "net", "--svg", env={"PATH": str(tmp_path)})
    assert done.returncode == 2
    assert done.stderr == "scrape: --svg: needs graphviz's dot; install graphviz, or use --dot\n"
