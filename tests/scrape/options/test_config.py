"""The TOML file: every key has its place, and every mistake names it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.options.config import read_config
from scraper_cpn.scrape.options.read import read_options, settings_from
from scraper_cpn.scrape.options.table import OPTIONS
from scraper_cpn.scrape.settings import Settings, Site, UsageError

S = 10**9


def written(folder: Path, text: str) -> str:
    """Write a file of options and return its path."""
    file = folder / "crawl.toml"
    file.write_text(text)
    return str(file)


def mistake(path: str) -> str:
    """Return what is wrong with a file of options."""
    with pytest.raises(UsageError) as raised:
        settings_from(read_config(path))
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_keys_are_the_long_options(tmp_path: Path) -> None:
    """A flat file of long options, with values as text or as TOML has them, is settings."""
    path = written(
        tmp_path,
        """
        delay = "500ms"
        max-pages = 100
        timeout = 2.5
        insecure = true
        allow = ["/a", "/b"]
        domains = "c.example"
        header = { X-A = "1" }
        [[domain]]
        name = "a.example"
        delay = "3s"
        [[domain]]
        name = "b.example"
        per-domain = 2
        """,
    )
    assert settings_from(read_config(path)) == Settings(
        delay_ns=S // 2,
        max_pages=100,
        timeout_ns=5 * S // 2,
        insecure=True,
        allow=("/a", "/b"),
        domains=("c.example",),
        headers=(("X-A", "1"),),
        sites=(
            Site(name="a.example", delay_ns=3 * S),
            Site(name="b.example", per_domain=2),
        ),
    )


def test_options_of_the_command_are_keys_too(tmp_path: Path) -> None:
    """Where items go and what is shown can be set in the file."""
    given = read_config(written(tmp_path, 'output = "x.csv"\nquiet = true\ncolor = "never"'))
    assert read_options(given) == {"output": "x.csv", "quiet": True, "color": "never"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("delay = 1\nmax-page = 2", ":2: unknown key 'max-page'; did you mean max-pages?"),
        ("max_pages = 2", ":1: unknown key 'max_pages'; did you mean max-pages?"),
        ("[crawl]\ndelay = 1", ":1: unknown key 'crawl'"),
        ("help = true", ":1: unknown key 'help'"),
        ("\n\ndelay = -1", ":3: delay: -1 is negative"),
        ("delay = nan", ":1: delay: nan is not finite"),
        ('delay = "inf"', ":1: delay: 'inf' is not a duration"),
        ("backoff-max = 5\nbackoff = false", ":2: backoff: False is not allowed"),
        ("delay = 2026-01-01", ":1: delay: datetime.date(2026, 1, 1) is not allowed"),
        ('allow = ["a", "("]', ":1: allow: '(' is not a regular expression"),
        ('field = "x=[["', ":1: field: 'x=[[': bad CSS selector"),
        ("proxy = [3]", ":1: proxy: '3' is not a proxy"),
        ('[[domain]]\nname = "a.example"\ndelay = -1', ":3: delay: -1 is negative"),
        (
            '[[domain]]\nname = "a.example"\n[[domain]]\nname = "b.example"\n\ndely = 1',
            ":6: dely: unknown key 'dely'; did you mean delay?",
        ),
        ("delay = 1\n[[domain]]\ndelay = 1", ":2: domain: a domain has no name"),
        ("domain = 3", ":1: domain: give a table for each"),
        ("delay =", ":1: this is not TOML"),
        ("a = 1\nb = 2 3", ":2: this is not TOML"),
        ("delay = 1\ndelay = 2", ":2: this is not TOML"),
    ],
)
def test_a_mistake_names_file_line_and_key(text: str, message: str, tmp_path: Path) -> None:
    """Every mistake starts with file and line, as editors and terminals link them."""
    path = written(tmp_path, text)
    assert mistake(path).startswith(path + message)


def test_a_key_that_is_hidden_by_its_spelling_is_named_without_a_line(tmp_path: Path) -> None:
    """An escaped key has no line that could be found; the file and the key are reported."""
    path = written(tmp_path, '"del\\u0061y" = -1')
    assert mistake(path).startswith(f"{path}: delay: -1 is negative")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a folder, and bytes that are no text are reported with the path."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "--config: can't read" in mistake(str(tmp_path / "none.toml"))
    assert "--config: can't read" in mistake(str(tmp_path))
    assert "is not UTF-8 text" in mistake(str(tmp_path / "binary"))


@given(text=st.text())
def test_any_text_is_options_or_one_line(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No text crashes the reader."""
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text(text, encoding="utf-8", errors="replace")
    try:
        message = repr(read_config(str(file)))
    except UsageError as error:
        message = str(error)
    assert len(message.splitlines()) == 1


@given(
    name=st.sampled_from([option.name for option in OPTIONS if option.in_file]),
    number=st.integers(-10, 10),
    before=st.lists(st.sampled_from(["", "# comment", "  # delay = 3"]), max_size=4),
)
def test_every_key_is_found_in_its_line(
    name: str, number: int, before: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The line that is named is that of the key, whatever comments stand above it."""
    file = tmp_path_factory.getbasetemp() / "place.toml"
    file.write_text("\n".join([*before, f"{name} = {number}"]))
    (given,) = read_config(str(file)).values()
    assert given.value == number
    assert given.where == f"{file}:{len(before) + 1}: {name}"
