"""The small make: real commands, each part once, what fails is tried again, what was built stays built."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper_cpn.net import checked
from scraper_cpn.nets.databuild import databuild_net, main

FILE = """
[raw]
run = "echo raw >> log"
[clean]
run = "echo clean >> log"
needs = ["raw"]
[stats]
run = "echo stats >> log"
needs = ["clean", "raw"]
[flaky]
run = "echo flaky >> log; test $(grep -c flaky log) -ge 2"
[bad]
run = "echo bad >> log; exit 3"
[top]
run = "echo top >> log"
needs = ["bad", "raw"]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("build.toml").write_text(FILE)
    return "build.toml"


def log() -> list[str]:
    return Path("log").read_text().split()


def test_each_part_is_built_once_after_what_it_needs(file: str) -> None:
    """Also where two want it, and two parts need it."""
    assert main([file, "stats", "clean", "stats"]) == 0
    assert log() == ["raw", "clean", "stats"]


def test_a_command_that_fails_is_run_again(file: str) -> None:
    """Up to three times."""
    assert main([file, "flaky"]) == 0
    assert log() == ["flaky", "flaky"]


def test_what_needs_a_broken_part_is_not_built(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is reported, and the exit code says so."""
    assert main([file, "top"]) == 1
    assert sorted(log()) == ["bad"] * 3 + ["raw"]
    message = capsys.readouterr().out
    assert "broken  bad: exit code 3" in message
    assert "not built top: what it needs is broken" in message


def test_what_was_built_stays_built_and_can_be_built_anew(file: str) -> None:
    """Kept in a file, from one process to the next."""
    for options in (["stats"], ["stats"], ["--again", "clean"], ["stats", "raw"]):
        assert main([file, *options, "--keep", "built.db"]) == 0
    assert log() == ["raw", "clean", "stats", "clean"]


@pytest.mark.parametrize(
    ("text", "arguments", "line"),
    [
        ("[a]\nrun = 'x'\nneeds = ['b']\n", ["a"], "a needs b, which has no table; add [b]"),
        ("[a]\nrun = 'x'\nneeds = ['a']\n", ["a"], "a needs a; break the circle"),
        ("[a]\nran = 'x'\n", ["a"], "unknown field `ran`"),
        ("[a", ["a"], "build.toml: "),
        ("[a]\nrun = 'x'\n", ["b"], "has no part b; it has a"),
    ],
)
def test_a_mistake_is_one_line(
    text: str, arguments: list[str], line: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And exit code 2."""
    Path(file).write_text(text)
    assert main([file, *arguments]) == 2
    message = capsys.readouterr().err
    assert line in message
    assert message.count("\n") == 1


def test_a_file_without_needs_is_a_net_too() -> None:
    """A count by key that nothing asks for."""
    assert checked(databuild_net({"a": []})).name == "databuild"
