"""A TOML file of options.

Owns: locating a key, so that an error can name file, line and key.
Must not know: what options mean, which source takes precedence.

The keys are the long options; each `[[domain]]` table holds the limits of one domain. Paths in the
file are relative to the folder where the command runs, as on the command line.
"""

import re
import tomllib
from typing import Any

from scraper_cpn.scrape.options.read import GivenValue, likely
from scraper_cpn.scrape.options.table import OPTIONS
from scraper_cpn.scrape.options.values import file_text
from scraper_cpn.scrape.redact import shown
from scraper_cpn.scrape.settings import UsageError


def read_config(path: str) -> dict[str, GivenValue]:
    """Return the options of a TOML file, by their Python names, each with its place.

    Raises `UsageError` for a file that can't be read, is not TOML, or has an unknown key; values
    are not checked.
    """
    text = _text(path)
    given = {}
    for name, value in _parsed(path, text).items():
        key = _key_of(name, _place(path, text, name))
        if name == "domain":
            value = _with_places(path, text, value)
        given[key] = GivenValue(value, f"{_place(path, text, name)}: {name}")
    return given


def _text(path: str) -> str:
    try:
        return file_text(path)
    except ValueError as error:
        raise UsageError(f"--config: {error}") from None


def _parsed(path: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or a number of too many digits
        message, _, position = str(error).partition(" (at ")
        line = re.search(r"\d+", position)
        number = line[0] if line else text.rstrip().count("\n") + 1  # "at end of document"
        raise UsageError(f"{path}:{number}: this is not TOML: {message.lower()}") from None
    except RecursionError:
        raise UsageError(f"{path}: this is not a file of options: nested too deep") from None


def _key_of(name: str, place: str) -> str:
    known = {option.name: option.key for option in OPTIONS if option.in_file}
    if name not in known:
        raise UsageError(f"{place}: unknown key {shown(name)}{likely(name, known)}")
    return known[name]


def _with_places(path: str, text: str, tables: Any) -> Any:
    """Return the `[[domain]]` tables with the place of each value."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        return tables
    starts = [found.start() for found in re.finditer(r"^\s*\[\[", text, re.MULTILINE)]
    placed = []
    for number, table in enumerate(tables):
        start = starts[number] if number < len(starts) else 0
        placed.append(
            {
                key: GivenValue(value, f"{_place(path, text, key, start)}: {key}")
                for key, value in table.items()
            }
        )
    return placed


def _place(path: str, text: str, name: str, start: int = 0) -> str:
    """Return `file:line` of a key, or `file` if an escape in its spelling hides it."""
    key = re.compile(rf"^[ \t]*(?:\[\[?[ \t]*)?[\"']?{re.escape(name)}(?![\w-])", re.MULTILINE)
    found = key.search(text, start)
    return f"{path}:{text.count(chr(10), 0, found.end()) + 1}" if found else path
