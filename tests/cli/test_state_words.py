"""The words of the commands on states: mistakes, help, and how they stand in the code of the command."""

import re
import shlex

import pytest

from scraper_cpn.cli.arguments import parse
from scraper_cpn.cli.job import COMMANDS as ALL_COMMANDS
from scraper_cpn.cli.main import main
from scraper_cpn.cli.on_state import COMMANDS
from scraper_cpn.show.help import help_text
from scraper_cpn.show.state_help import HELP


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (
            ["status"],
            "status: give the file of a state: scrape status STATE; see scrape status -h",
        ),
        (
            ["check", "a", "b"],
            "check: b is one word too many: scrape check STATE; see scrape check",
        ),
        (
            ["export", "a", "b.csv"],
            "export: b.csv is one word too many: scrape export STATE [-o FILE]",
        ),
        (
            ["explain", "a"],
            "explain: give the file of a state and a URL: scrape explain STATE URL",
        ),
        (["backup", "a"], "backup: give the file of a state and a FILE: scrape backup STATE FILE"),
        (["status", "a", "--jsn"], "status: --jsn: unknown option; did you mean --json?"),
        (["status", "a", "-o", "x"], "status: -o: unknown option; see scrape status -h"),
        (["status", "a", "--delay", "5s"], "status: --delay: has no meaning here; leave it out"),
        (["retry", "a", "--kind"], "retry: --kind: needs a value: TEXT"),
        (
            ["retry", "a", "--kind", "timout"],
            "--kind timout: not a kind of failure; did you mean timeout",
        ),
        (["export", "a", "-o"], "export: -o: needs a value: FILE"),
        (
            ["status", "a", "--json=1"],
            "status: --json: must not have an argument; see scrape status -h",
        ),
        (["explain", "a", "ftp://b"], "'ftp://b' is not a URL"),
    ],
)
def test_a_mistake_is_one_line(
    argv: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong, what is allowed, where to read more; exit code 2."""
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"scrape: {line}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Within 80 columns: the usage first, each option, examples."""
    for switch in ("-h", "--help"):
        assert main([name, switch]) == 0
        out, err = capsys.readouterr()
        assert (out, err) == (HELP[name], "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith(f"usage: scrape {name} {' '.join(COMMANDS[name].wants)[:5]}")
    for option in COMMANDS[name].options:
        assert f" --{option.name} " in out
    assert "examples:" in lines


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_are_understood(name: str) -> None:
    """Each has the words and options that its command takes."""
    found = [part for line in HELP[name].splitlines() if line.startswith("  scrape")
             for part in re.split(r"&&|\||#", line)]  # fmt: skip
    mine = [shlex.split(part)[1:] for part in found if part.strip().startswith(f"scrape {name}")]
    assert mine
    for argv in mine:
        words = parse(argv[1:], COMMANDS[name].options, name)
        assert len(words.words) == len(COMMANDS[name].wants)


def test_all_commands_are_known() -> None:
    """The dispatch, the help and the list of commands name the same."""
    assert set(COMMANDS) == set(HELP)
    assert set(COMMANDS) < set(ALL_COMMANDS)
    assert "|".join(COMMANDS) in help_text()
