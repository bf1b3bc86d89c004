"""`scrape --help`: the golden text, and that it stays in step with the table."""

from pathlib import Path

from scraper_cpn.scrape.options.table import OPTIONS
from scraper_cpn.show.help import help_text

GOLDEN = Path(__file__).with_name("help.txt")


def test_the_help_is_the_golden_one() -> None:
    """The help changes only on purpose; to change it, write `help_text()` to help.txt."""
    assert help_text() == GOLDEN.read_text(encoding="utf-8")


def test_the_help_names_every_option_once() -> None:
    """Every option of the command line has its line, and the rest has none."""
    lines = help_text().splitlines()
    for option in OPTIONS:
        short = f"-{option.short}, " if option.short else "    "
        name = f"  {short}--{option.name} "
        starts = [line for line in lines if f"{line} ".startswith(name)]
        assert len(starts) == option.on_command_line, option.name


def test_the_help_fits_a_terminal() -> None:
    """No line is longer than 80 columns."""
    assert max(map(len, help_text().splitlines())) <= 80


def test_the_help_gives_defaults() -> None:
    """A default is shown in the form in which it would be written."""
    text = " ".join(help_text().split())
    assert "requests at a time in total (default 32)" in text
    assert "(default 10M)" in text
    assert "for robots.txt (default 1s)" in text
