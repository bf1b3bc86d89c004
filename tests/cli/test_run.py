"""Running a job: views, signals, exit codes, the retry."""

import errno
import gc
import io
import os
import shlex
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from rich.console import Console

from scraper_cpn.cli import crawl as cli_run
from scraper_cpn.cli import main as cli
from scraper_cpn.cli.arguments import parse
from scraper_cpn.cli.crawl import (
    console_for,
    exit_code,
    seldom_collecting,
    supervised,
    view_for,
)
from scraper_cpn.cli.job import CrawlJob, job_of
from scraper_cpn.scrape.account.report import Changes, Summary
from scraper_cpn.scrape.items.outputs import OutputClosed, OutputError
from scraper_cpn.scrape.settings import Settings, UsageError
from scraper_cpn.show.progress import JsonView, LiveView, PlainView, QuietView
from tests.cli.sessions import DONE, STOPPED, Crawling, Watched


def job(*argv: str) -> CrawlJob:
    """Return the job of a command line, for one seed."""
    return job_of(parse(["http://a.example", *argv]))


def test_a_session_runs_to_its_end() -> None:
    """The summary of the session comes back, and no task of ours outlives it."""
    assert anyio.run(supervised, Crawling(), Watched()) == DONE


def test_the_collector_comes_seldom_and_for_the_crawl_only() -> None:
    """What exists is left alone while a crawl runs; afterwards all is as before, whatever came."""
    before = gc.get_threshold()
    with seldom_collecting():
        assert gc.get_threshold()[0] > before[0]
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    with pytest.raises(OutputError), seldom_collecting():
        raise OutputError
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_the_view_is_updated_while_the_session_runs() -> None:
    """The view gets a look at the crawl again and again."""
    view = Watched()

    async def work(session: Crawling) -> None:
        await view.seen.wait()
        session.abort()

    assert anyio.run(supervised, Crawling(work), view) == STOPPED
    assert view.updates >= 3


@pytest.mark.parametrize(
    ("summary", "received", "code"),
    [
        (DONE, [], 0),
        (Summary(ended="spent", items=1), [], 0),
        (Summary(ended="finished", items=1, failed=3), [], 0),
        (Summary(ended="finished", items=0, pages=3), [], 1),
        (Summary(ended="finished", changes=Changes(new=0, changed=0, unchanged=3, gone=0)), [], 0),
        (Summary(ended="finished", changes=Changes(new=0, changed=0, unchanged=0, gone=3)), [], 1),
        (Summary(ended="finished", items=9, seeds_failed=("http://a.example/",)), [], 1),
        (Summary(ended="stuck", items=1), [], 1),
        (STOPPED, [signal.SIGINT], 130),
        (STOPPED, [signal.SIGTERM], 143),
        (STOPPED, [signal.SIGINT, signal.SIGTERM], 143),
        (STOPPED, [], 130),
        (DONE, [signal.SIGINT], 0),
    ],
)
def test_exit_codes(summary: Summary, received: list[int], code: int) -> None:
    """0 done (also if no page has changed), 1 a seed failed or nothing stored, 130 and 143 interrupted (if that ended it)."""
    assert exit_code(summary, received) == code


def interrupted_ending() -> Exception:
    """What a task group makes of a Ctrl-C that comes while it ends."""
    error = RuntimeError("Attempted to exit a cancel scope that isn't the current one")
    error.__context__ = KeyboardInterrupt()
    return error


def interrupted_class() -> Exception:
    """What comes of a Ctrl-C while a class is made, as in an import."""

    class Interrupted:
        def __set_name__(self, owner: type, name: str) -> None:
            raise KeyboardInterrupt

    try:
        type("Made", (), {"field": Interrupted()})
    except RuntimeError as error:  # until Python 3.11
        return error
    except KeyboardInterrupt:
        newer = RuntimeError("as others may wrap it")
        newer.__cause__ = KeyboardInterrupt()
        return newer
    raise AssertionError("not interrupted")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("x: no\nlonger"), 2, "scrape: x: no longer\n"),
        (
            PermissionError(errno.EACCES, "Permission denied", "a/x.db"),
            2,
            "scrape: can't use a/x.db: Permission denied; check the name and its permissions\n",
        ),
        (
            OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300),
            2,
            f"scrape: can't use {'x' * 200}...: File name too long; check the name and its permissions\n",
        ),
        (OutputError("disk full"), 3, "scrape: disk full\n"),
        (ExceptionGroup("g", [ExceptionGroup("h", [OutputError("full")])]), 3, "scrape: full\n"),
        (KeyboardInterrupt(), 130, "scrape: interrupted\n"),
        (BaseExceptionGroup("g", [KeyboardInterrupt()]), 130, "scrape: interrupted\n"),
        (interrupted_class(), 130, "scrape: interrupted\n"),
        (interrupted_ending(), 130, "scrape: interrupted\n"),
    ],
)
def test_errors_are_one_line(
    error: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An error that is not ours ends in one line and its exit code, however it is wrapped."""
    assert failing_with(error, monkeypatch) == code
    assert capsys.readouterr() == ("", message)


def test_a_bug_of_ours_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error that nobody expected shows where it happened and asks for a report, code 70."""
    for name in (cli.__file__, None, 5):  # which no user has named
        lacking = FileNotFoundError(errno.ENOENT, "No such file", name)
        assert failing_with(lacking, monkeypatch) == 70
        assert "this is a bug" in capsys.readouterr().err
    assert failing_with(ZeroDivisionError("oops"), monkeypatch) == 70
    err = capsys.readouterr().err
    assert "ZeroDivisionError: oops" in err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("scrape: this is a bug in scrape")
    assert "please report it" in err


@pytest.mark.parametrize("error", [OutputClosed("head"), BrokenPipeError()])
def test_a_reader_that_left_is_no_error(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """When whoever reads the items has seen enough, the command ends quietly."""
    monkeypatch.setattr(cli, "_end_quietly", lambda: 0)
    assert failing_with(error, monkeypatch) == 0
    assert capfd.readouterr() == ("", "")


def failing_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the exit code of a command whose crawl raises *error*."""

    def fail(job: CrawlJob) -> int:
        raise error

    monkeypatch.setattr(cli_run, "run_job", fail)
    return cli.main(["http://a.example"])


def test_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """The view follows --json, -q and the terminal; items on a terminal keep it to themselves."""

    def kind(argv: list[str], *, err: bool, out: bool) -> type:
        monkeypatch.setattr("sys.stderr.isatty", lambda: err)
        monkeypatch.setattr("sys.stdout.isatty", lambda: out)
        view = view_for(job(*argv), Console(file=io.StringIO(), force_terminal=err))
        view.close()
        return type(view)

    monkeypatch.setenv("TERM", "xterm")
    assert kind([], err=True, out=False) is LiveView
    assert kind(["-o", "x.csv"], err=True, out=True) is LiveView
    assert kind([], err=True, out=True) is PlainView
    assert kind([], err=False, out=False) is PlainView
    assert kind(["-q"], err=True, out=False) is QuietView
    assert kind(["--json"], err=True, out=False) is JsonView
    monkeypatch.setenv("TERM", "dumb")
    assert kind([], err=True, out=False) is PlainView


def test_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """--color decides; NO_COLOR counts when it is left to us."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert console_for(job("--color", "always")).color_system == "standard"
    assert console_for(job("--color", "never")).color_system is None
    assert console_for(job()).color_system is None  # no terminal here
    monkeypatch.setenv("COLUMNS", "0")
    assert console_for(job()).width == 80
    monkeypatch.setenv("NO_COLOR", "1")
    assert console_for(job("--color", "always")).color_system == "standard"
    assert console_for(job()).color_system is None


class Ended:
    """Stands in for a session that is over: it ends with the summary of a test."""

    summary = DONE

    def __init__(self, settings: Settings, seeds: tuple[str, ...], **given: Any) -> None:
        given["on_event"]({"event": "stored", "url": seeds[0]})

    async def run(self) -> Summary:
        return self.summary


def message(
    summary: Summary, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    *argv: str,
) -> str:  # fmt: skip
    """Return what the command tells on stderr of a crawl that ends with *summary*."""
    monkeypatch.setattr(Ended, "summary", summary)
    monkeypatch.setattr(cli_run, "Session", Ended)
    assert cli.main(["http://a.example", "--delay", "2s", *argv]) == exit_code(summary, [])
    return capsys.readouterr().err


def test_few_failures_are_retried_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command for some URLs names them."""
    summary = Summary(ended="finished", items=1, failed=1, failed_urls=("http://a.example/?x&y",))
    err = message(summary, monkeypatch, capsys)
    assert err.splitlines()[-1] == "  scrape 'http://a.example/?x&y' --delay 2s"


def test_many_failures_are_retried_from_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The command for many URLs reads them from a new file, which holds exactly them."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    urls = tuple(f"http://a.example/{n}" for n in range(9))
    summary = Summary(ended="finished", items=1, failed=9, failed_urls=urls)
    words = shlex.split(message(summary, monkeypatch, capsys).splitlines()[-1])
    assert words[:2] == ["scrape", "-i"]
    assert Path(words[2]).read_text().splitlines() == list(urls)
    assert job_of(parse(words[1:])).seeds == urls


def test_failures_that_have_a_file_are_retried_from_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With --failed, the command reads that file."""
    failed = str(tmp_path / "f.jsonl")
    summary = Summary(ended="finished", items=1, failed=1, failed_urls=("http://a.example/",))
    err = message(summary, monkeypatch, capsys, "--failed", failed)
    assert f"  scrape -i {failed} --failed {tmp_path / 'f.2.jsonl'} --delay 2s\n" in err


def test_the_last_event_is_the_summary(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json all of stderr is JSON: events as they come, and the summary."""
    events = decoded(message(DONE, monkeypatch, capsys, "--json"))
    assert [event["event"] for event in events] == ["stored", "summary"]
    assert events[-1]["ended"] == "finished"
    assert events[-1]["pages"] == 1


def test_quiet_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """-q says nothing when nothing is wrong."""
    assert message(DONE, monkeypatch, capsys, "-q") == ""


def decoded(text: str) -> list[Mapping[str, Any]]:
    """Return the events of JSON lines."""
    import json

    return [json.loads(line) for line in text.splitlines()]


def test_a_list_of_failures_is_an_input(tmp_path: Path) -> None:
    """-i takes the rows of --failed: those whose URL ended as failed, each URL once or more."""
    rows = tmp_path / "f.jsonl"
    rows.write_text(
        '{"url":"http://a.example/1","kind":"timeout","again":false}\n'
        '{"url":"http://a.example/1","kind":"timeout","again":true,"status":null}\n'
        '{"url":"http://a.example/2","kind":"robots","again":false}\n'
        "# by hand\n\n http://a.example/3\n"
    )
    seeds = job_of(parse(["-i", str(rows)])).seeds
    assert seeds == ("http://a.example/1", "http://a.example/3")


def test_the_seeds_own_file_is_never_written(tmp_path: Path) -> None:
    """An output that is the input too is refused, and the seeds are still there."""
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text("http://a.example/\n")
    for option in (["--failed", str(seeds)], ["-O", "-o", str(seeds)]):
        with pytest.raises(UsageError, match="--input too"):
            job_of(parse(["-i", str(seeds), *option]))
    assert seeds.read_text() == "http://a.example/\n"


def test_devices_are_no_files_to_look_after() -> None:
    """/dev/null may be named twice, and /dev/stdout is standard output under its other name."""
    nothing = job("-o", os.devnull, "--failed", os.devnull)
    assert (nothing.output, nothing.failed) == (os.devnull, os.devnull)
    assert job("-o", "/dev/stdout").output == "-"
