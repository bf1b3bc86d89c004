"""Text: the tokens of HTTP, and lines of limited length for people."""

import os
import re

from scraper_cpn.scrape.settings import UsageError

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token: the form of methods and field names (RFC 9110, section 5.6.2)."""

LINE_CHARS_MAX = 300
"""A longer message is cut: it quotes the item, and an item may be as long as a page."""


def one_line(text: str) -> str:
    """Return *text* as one line of limited length; its end, which names the path, is kept."""
    text = " ".join(text.split())
    if len(text) <= LINE_CHARS_MAX:
        return text
    return f"{text[: LINE_CHARS_MAX - 103]}...{text[-100:]}"


def check_name(word: str, name: str | os.PathLike[str]) -> None:
    """Raise `UsageError` if a file's name, given with an option or a command (*word*), is not UTF-8 text.

    Names of files appear in messages and in states.
    """
    try:
        os.fspath(name).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{word}: {os.fspath(name)!r} is not UTF-8 text; rename the file, or name another"
        ) from None
