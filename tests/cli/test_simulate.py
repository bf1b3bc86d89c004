"""`scrape simulate`: a crawl in virtual time, from the command line."""

import json
from pathlib import Path

import pytest

from scraper_cpn.cli.main import main


def test_says_how_long_a_crawl_would_take(capsys: pytest.CaptureFixture[str]) -> None:
    """Three hosts of four pages at one request a second: robots.txt and the pages, in turn."""
    assert main(["simulate", "hosts=3", "pages=4", "--delay", "1"]) == 0
    first, second, third = capsys.readouterr().out.splitlines()[:3]
    assert first == "finished after 4.0 s of virtual time"
    assert second == "12 pages stored, 15 requests"
    assert third == "0 failed, 0 skipped"


def test_json_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints the same account as one object."""
    assert main(["simulate", "pages=4", "fail=1", "fail_times=1", "fail_kinds=500", "--json"]) == 0
    account = json.loads(capsys.readouterr().out)
    assert (account["ended"], account["stored"], account["requests"]) == ("finished", 4, 9)


def test_the_seed_decides_the_trace(tmp_path: Path) -> None:
    """The same seed writes the same bytes, another seed does not (G10)."""
    traces = []
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        trace = str(tmp_path / name)
        assert main(["simulate", "fail=0.5", "-q", "--seed", seed, "--trace", trace]) == 0
        traces.append(Path(trace).read_bytes())
    assert traces[0] == traces[1]
    assert traces[0] != traces[2]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["hots=3"], "hots=3: not a parameter of the web; did you mean hosts?"),
        (["hosts"], "hosts: not a parameter of the web"),
        (["hosts=x"], "hosts"),
        (["fail=2"], "fail"),
        (["latency=soon"], "latency=soon"),
        (["-o", "x.jsonl"], "--output"),
    ],
)
def test_mistakes_are_one_line(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake is one line that names it, and exit code 2."""
    assert main(["simulate", *argv]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_help_lists_the_knobs(capsys: pytest.CaptureFixture[str]) -> None:
    """`scrape simulate --help` names every knob with its default."""
    assert main(["simulate", "--help"]) == 0
    text = capsys.readouterr().out
    assert "  hosts            1\n" in text
    assert "  fail_kinds       500,503," in text


def test_a_trace_that_can_not_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A trace in a folder that is not there is refused before the crawl."""
    assert main(["simulate", "--trace", str(tmp_path / "absent" / "trace.jsonl")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
