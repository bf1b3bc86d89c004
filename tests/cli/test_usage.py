"""Mistakes of the user: one line, exit code 2, nothing fetched, nothing written."""

import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scraper_cpn.cli import main as command
from scraper_cpn.cli.arguments import parse
from scraper_cpn.cli.job import job_of
from scraper_cpn.cli.main import main
from scraper_cpn.scrape.arriving import LINE_BYTES_MAX
from scraper_cpn.store.port import BatchError
from scraper_cpn.version import __version__

LONG = "x" * 300
"""More than a file's name may have."""
SEED = "http://127.0.0.1:9/"
"""A seed that nobody serves: a crawl that began in spite of a mistake would end with code 1."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run the command in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files() -> dict[Path, bytes]:
    """The files of the folder, but for modules that Python has compiled."""
    found = (path for path in Path().rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in found if path.parent.name != "__pycache__"}


def mistake(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Run the command and return its one line about a mistake; it wrote nothing else."""
    before = files()
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("scrape: ")
    assert files() == before
    return line.removeprefix("scrape: ")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "there is no URL to start from; give one, or a file of URLs with -i"),
        (["-q"], "there is no URL to start from"),
        (
            ["example.org"],
            "example.org: neither a command nor a URL; did you mean https",
        ),
        (["crawl", SEED], "crawl: neither a command nor a URL; a crawl needs no command"),
        (["help"], "help: neither a command nor a URL; did you mean scrape --help?"),
        (["version"], "version: neither a command nor a URL; did you mean scrape --version?"),
        (["nett"], "nett: neither a command nor a URL; did you mean net?"),
        (["htp://a.example"], "'htp://a.example' is not a URL"),
        ([""], "'' is not a URL; give one that starts with https:// or http://"),
        (["./status"], "'./status' is not a URL"),
        (["//a.example"], "//a.example: neither a command nor a URL; did you mean https://a.ex"),
        (["ftp://a.example/x"], "'ftp://a.example/x' is not a URL"),
        (["http://"], "'http://' is not a URL"),
        (["https://u:p@a.example/"], "a URL with a user name or password"),
        ([SEED, "--delay", "-1s"], "--delay: -1s is negative"),
        ([SEED, "--delay", "nan"], "--delay: 'nan' is not a duration"),
        ([SEED, "--delay", "inf"], "--delay: 'inf' is not a duration"),
        ([SEED, "--delay", ""], "--delay: the value is empty"),
        ([SEED, "--timeout", "0"], "--timeout: 0 is not a positive duration"),
        ([SEED, "--concurrency", "0"], "--concurrency: 0 is out of range; give 1 to 10000"),
        ([SEED, "--max-pages", "x"], "--max-pages: 'x' is not a whole number"),
        ([SEED, "--max-body", "10MB"], "--max-body: '10MB' is not a size"),
        ([SEED, "--scope", "page"], "--scope: 'page' is not allowed; choose host or domain or any"),
        (
            [SEED, "--color", "blue"],
            "--color: 'blue' is not allowed; choose auto or always or never",
        ),
        ([SEED, "--allow", "("], "--allow: '(' is not a regular expression: missing )"),
        ([SEED, "-f", "price=[["], "-f: 'price=[[': bad CSS selector"),
        ([SEED, "-f", "price"], "-f: 'price': a field is NAME=SELECTOR"),
        ([SEED, "-H", "no header"], "-H: this is not a header"),
        ([SEED, "-H", "X: a\r\nY: b"], "-H: the value has control characters"),
        ([SEED, "-x", "nonsense"], "-x: 'nonsense' is not a proxy; write http://host:port"),
        ([SEED, "-x", "socks4://p:1"], "-x: socks4 proxies are not supported"),
        ([SEED, "--proxies", "none.txt"], "--proxies: can't read none.txt: No such file"),
        ([SEED, "--schema", "none.json"], "--schema: can't read none.json: No such file"),
        ([SEED, "--cacert", "none.pem"], "--cacert: can't read none.pem: No such file"),
        ([SEED, "--config", "none.toml"], "--config: can't read none.toml: No such file"),
        (["-i", "none.txt"], "--input: can't read none.txt: No such file"),
        ([SEED, "-o", "none/x.csv"], "none"),
        ([SEED, "-o", "x.xls"], "x.xls"),
        ([SEED, "-o", "."], "."),
        ([SEED, "--failed", "none/f"], "--failed: the folder none does not exist"),
        ([SEED, "--trace", "."], "--trace: can't write ."),
        ([SEED, "--trace", "-"], "--trace: - is for items and URLs only"),
        (
            [SEED, "-o", "a.csv", "--failed", "./a.csv"],
            "--failed: ./a.csv is the file of --output too",
        ),
        ([SEED, "--trace", "a", "--failed", "a"], "--trace: a is the file of --failed too"),
        ([SEED, "-O", "--append"], "-O and --append exclude each other"),
        ([SEED, "--backoff", "2h"], "backoff (2h) is longer than backoff-max (1m)"),
        ([SEED, "--dealy", "1"], "--dealy: unknown option; did you mean --delay?"),
        ([SEED, "--delay"], "--delay: needs a value: TIME"),
        (["run"], "run: give the file of a program"),
        (["run", "none.py"], "none.py does not exist; give the file"),
        (["-q", "net"], "net: put this command first"),
    ],
)
def test_a_mistake_is_one_line(
    argv: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong is reported in one line that names the option and what is allowed."""
    assert message in mistake(capsys, *argv)


@pytest.mark.parametrize(
    ("name", "text", "argv", "message"),
    [
        ("p.txt", "ok:1\nbad", ["--proxies", "p.txt"], "p.txt:2: 'bad' is not a proxy"),
        ("p.txt", "# none", ["--proxies", "p.txt"], "--proxies: p.txt has no proxy"),
        ("u.txt", "# a\n\nhttp://a.example\nfoo\n", ["-i", "u.txt"], "u.txt:4: 'foo' is not a URL"),
        ("u.txt", '{"url": 3}', ["-i", "u.txt"], "u.txt:1: this is not a row of a --failed file"),
        ("u.txt", "{", ["-i", "u.txt"], "u.txt:1: this is not a row of a --failed file"),
        ("u.txt", "# none\n", ["-i", "u.txt"], "there is no URL to start from in u.txt"),
        (
            "u.txt",
            '{"url": "http://a.example/", "again": false}',
            ["-i", "u.txt"],
            'no URL to start from in u.txt; give one (rows of a --failed file with "again": false',
        ),
        (
            "c.toml",
            "dely = 1",
            ["--config", "c.toml"],
            "c.toml:1: unknown key 'dely'; did you mean",
        ),
        ("c.toml", "delay = -1", ["--config", "c.toml"], "c.toml:1: delay: -1 is negative"),
        ("s.json", "{", ["--schema", "s.json"], "s.json"),
        ("s.json", '{"type": 3}', ["--schema", "s.json"], "s.json"),
        ("x.csv", "url\n", ["-o", "x.csv"], "x.csv"),
        ("x.jsonl", "{}\n", ["-o", "x.jsonl"], "--overwrite"),
        ("x.sqlite", "not a database" * 99, ["-o", "x.sqlite", "--append"], "x.sqlite"),
        ("urls.txt", "", ["urls.txt"], "this is a file; did you mean scrape -i urls.txt?"),
        ("a.db", "SQLite format 3", ["a.db"], "this is a file; did you mean scrape resume a.db?"),
        ("prog.py", "", ["prog.py"], "this is a file; did you mean scrape run prog.py?"),
        ("prog.py", "x = 1", ["run", "prog.py"], "prog.py needs one Crawl at module level"),
        ("prog.py", "a = 1\nb = 1 +", ["run", "prog.py"], "prog.py:2: SyntaxError: invalid syntax"),
        (
            "prog.py",
            "\n1 / 0",
            ["run", "prog.py"],
            "prog.py:2: ZeroDivisionError: division by zero",
        ),
        ("prog.py", "import sys\nsys.exit(3)", ["run", "prog.py"], "prog.py:2: SystemExit: 3"),
        (
            "prog.py",
            "from scraper_cpn.scrape.crawl import Crawl\nc = Crawl(dely=1)",
            ["run", "prog.py"],
            "prog.py:2: unknown option 'dely'; did you mean delay?",
        ),
        (
            "prog.py",
            "from scraper_cpn.scrape.crawl import Crawl\na = Crawl()\nb = Crawl()",
            ["run", "prog.py"],
            "needs one Crawl at module level; found: a, b",
        ),
    ],
)
def test_a_mistake_in_a_file_is_one_line(
    name: str, text: str, argv: list[str], message: str, folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What is wrong in a file is reported with the file, and the line where there is one."""
    (folder / name).write_text(text)
    seeds = [SEED] if argv[0] not in ("run", "-i", name) else []
    assert message in mistake(capsys, *argv, *seeds)


def test_an_existing_output_is_safe(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An output that exists is refused with both ways out, and other files stay unwritten."""
    (folder / "x.jsonl").write_text("{}\n")
    message = mistake(capsys, SEED, "-o", "x.jsonl", "--failed", "f.jsonl", "--trace", "t.jsonl")
    assert "--overwrite" in message
    assert "--append" in message


def test_the_command_line_wins_over_the_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bad value in the file does not matter where the command line has a good one."""
    (folder / "c.toml").write_text('delay = "never"\nmax-pages = 0')
    message = mistake(capsys, SEED, "--config", "c.toml", "--delay", "1s")
    assert message.startswith("c.toml:2: max-pages: 0 is out of range")


def test_no_mistake_shows_a_password(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Credentials in options that are refused are not repeated."""
    for argv in (
        ["-x", "http://ann:s3cret@p:0"],
        ["-x", "socks4://ann:s3cret@p:1"],
        ["-H", "Authorization Bearer s3cret"],
        ["http://ann:s3cret@a.example/"],
    ):
        assert "s3cret" not in mistake(capsys, SEED, *argv)


def test_version_and_help_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """-V and -h print what was asked for and do nothing else."""
    assert main(["-V"]) == 0
    assert capsys.readouterr().out == f"scrape {__version__}\n"
    for argv in (["-h"], ["--help"], ["run", "--help"], [SEED, "-h"]):
        assert main(argv) == 0
        assert capsys.readouterr().out.startswith("usage: scrape")


@pytest.mark.parametrize("argv", [["--version"], ["--delay", "-1", SEED], ["--help"]])
def test_the_module_is_the_command(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m scraper_cpn` does the same as `scrape`."""
    done = subprocess.run(
        [sys.executable, "-m", "scraper_cpn", *argv], capture_output=True, text=True, check=False
    )
    code = main(argv)
    assert (done.returncode, done.stdout, done.stderr) == (code, *capsys.readouterr())


def test_help_imports_nothing_heavy() -> None:
    """`scrape --help` answers at once: no HTTP library, parser, database or terminal library."""
    heavy = "aiohttp anyio rich turbohtml lxml cssselect endec aiosqlite jsonschema asyncio publicsuffixlist ssl"
    code = (
        "import sys; from scraper_cpn.cli.main import main; main(['--help']); "
        f"sys.exit(' '.join(name for name in '{heavy}'.split() if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_a_closed_pipe_ends_quietly() -> None:
    """`scrape --help | true` says nothing about the pipe that was closed."""
    command = (
        f"{sys.executable} -c 'import time; time.sleep(0.2)' | {sys.executable} -m scraper_cpn -h"
    )
    piped = f"({command}; echo $? >&2) | true"
    done = subprocess.run(piped, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == "0\n"


@pytest.mark.parametrize(
    "argv",
    [
        ("status", LONG),
        (SEED, "-o", f"{LONG}.jsonl"),
        (SEED, "--state", LONG),
        (SEED, "--failed", LONG),
        (SEED, "--trace", LONG),
        ("run", f"{LONG}.py"),
    ],
)
def test_a_name_that_no_file_can_have(
    argv: Sequence[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is reported by its name, whichever option has it."""
    assert "File name too long" in mistake(capsys, *argv)


def test_a_long_word_is_a_url(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Words are not looked for as files where that is impossible."""
    assert (
        main([f"{SEED}?{LONG * 20}", "-q", "--delay", "0", "--retries", "0", "--robots", "ignore"])
        == 1
    )
    capsys.readouterr()
    assert mistake(capsys, LONG * 20).startswith("'xxx")


def test_a_folder_that_is_gone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who stands in it can't write there."""
    gone = folder / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    try:
        assert main([SEED, "-o", "x.jsonl"]) == 2
    finally:
        os.chdir(folder)
    assert capsys.readouterr().err == (
        "scrape: the current folder does not exist any more; change to one that exists\n"
    )


@pytest.mark.parametrize("argv", [(SEED,), (SEED, "-o", "-")])
def test_no_standard_output(argv: Sequence[str], folder: Path) -> None:
    """Items that nobody would get are not fetched."""
    command = [sys.executable, "-m", "scraper_cpn", *argv]
    closed = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert closed.returncode == 2
    assert closed.stderr == (
        "scrape: standard output is closed; name a file for the items with -o\n"
    )


def test_a_state_that_contradicts_its_crawl_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what it is and what to do, without a traceback, also out of a task group."""

    def contradict(_: Any) -> int:
        raise ExceptionGroup(
            "", [BatchError("crawl.db: 1 of 2 rows of the table paged are missing")]
        )

    monkeypatch.setattr(command, "_dispatch", contradict)
    assert main([]) == 70
    message = capsys.readouterr().err
    assert message.startswith("scrape: crawl.db: 1 of 2 rows")
    assert "scrape check" in message
    assert message.count("\n") == 1


def test_a_line_without_end_on_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused before it fills memory, also where a crawl of many workers needs all lines first."""
    endless = io.BytesIO(b"http://a.test/\n" + b"x" * 3 * LINE_BYTES_MAX)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(endless))
    assert main(["-i", "-", "--database", "postgres://a.test/crawls"]) == 2
    assert endless.tell() < 3 * LINE_BYTES_MAX
    message = capsys.readouterr().err
    assert message == "scrape: --input: standard input:2: a line of more than 1,000,000 bytes\n"


def test_a_line_of_seeds_that_is_not_utf8_is_one_bad_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named with all others, or skipped; the lines around it are seeds. A file in UTF-16 is refused as what it is."""
    seeds = folder / "seeds.txt"
    seeds.write_bytes(b"\xef\xbb\xbf" + SEED.encode() + b"\r\nhttp://a.test/\xe4\nno url\n")
    line = mistake(capsys, "-i", "seeds.txt")
    assert line.startswith("2 lines are not URLs: seeds.txt:2: '(not UTF-8) http://a.test/")
    assert job_of(parse(["-i", "seeds.txt", "--skip-bad-seeds"])).seeds == (SEED,)
    seeds.write_bytes(SEED.encode("utf-16"))
    assert (
        mistake(capsys, "-i", "seeds.txt").strip()
        == "--input: seeds.txt is UTF-16; save it as UTF-8"
    )
