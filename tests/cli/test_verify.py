"""`scrape verify`: a table of guarantees, an exit code, and one line for a mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scraper_cpn.cli.main import main


def test_the_default_crawl_is_proved(capsys: pytest.CaptureFixture[str]) -> None:
    """Each guarantee from G1 to G7 has a row that says proved, for what, and what it rests on."""
    assert main(["verify", "--json", "--robots", "ignore", "--per-domain", "2"]) == 0
    message = json.loads(capsys.readouterr().out)
    assert message["ok"]
    assert {row["claim"][:2] for row in message["verdicts"]} >= {f"G{n}" for n in range(1, 8)}
    assert {row["verdict"] for row in message["verdicts"]} == {"proved"}
    assert all(row["for"] and row["assumes"] and row["how"] for row in message["verdicts"])
    assert any(row["states"] > 1_000 for row in message["verdicts"])


def test_a_file_of_options_and_a_program_are_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The limits of a user are proved, not only ours."""
    config = tmp_path / "crawl.toml"
    config.write_text('robots = "ignore"\nmax-pages = 5\nmax-time = "10s"\n')
    assert main(["verify", "--config", str(config), "--quiet"]) == 0
    assert "G7 each page fetched costs one of the budget" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["http://a.example/"], "http://a.example/ does not exist; give the file"),
        (["--trace", "t"], "--trace: has no meaning for a proof"),
        (["--per-domain", "0"], "--per-domain"),
    ],
)
def test_a_mistake_is_one_line(
    argv: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and what to do."""
    assert main(["verify", *argv]) == 2
    message = capsys.readouterr().err
    assert line in message
    assert message.count("\n") == 1
