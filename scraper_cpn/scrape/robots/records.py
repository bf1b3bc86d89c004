"""Reading a robots.txt line by line (RFC 9309 section 2.2).

Owns: splitting bytes into lines, lines into records, and collecting the records of one crawler's group.
Must not know: how a path is compared with a rule, HTTP.

Like Google's parser, it accepts a missing colon and common misspellings, and cuts lines after 16,663 characters.
Records of other kinds (Sitemap, Content-Signal, ...) neither end nor begin a group.
"""

import codecs
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from msgspec import Struct

from scraper_cpn.scrape.robots.agent import names

SITEMAPS_MAX: Final = 1_000
"""So many records of sitemaps are read."""
_LINE_CHARS_MAX: Final = 2_083 * 8 - 1
"""Eight times the longest URL of old browsers, as in Google's parser."""
_LINE = re.compile(r"[^\r\n]+")
_SPACE = " \t\v\f\0"
_UTF_16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_STATEMENT = re.compile(
    r"[ \t]*+(?!sitemap[ \t]*:)([A-Z][A-Z-]{1,40}+)[ \t]*+:[ \t]*+(\S.{0,299}?)[ \t]*",
    re.IGNORECASE,
)
_SITEMAP = re.compile(r"[ \t]*site-?map[ \t]*:[ \t]*(\S+)", re.IGNORECASE)
_STATEMENTS_MAX: Final = 20
_SECONDS = re.compile(r"[0-9]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?", re.ASCII)
_NAMES = {
    name: meaning
    for meaning, spellings in (
        ("user-agent", ("user-agent", "useragent", "user agent")),
        ("allow", ("allow",)),
        (
            "disallow",
            ("disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"),
        ),
        ("crawl-delay", ("crawl-delay", "crawldelay", "crawl delay")),
    )
    for name in spellings
}


class Group(Struct):
    """The rules for one crawler, in the order of the file."""

    allow: list[str]
    disallow: list[str]
    crawl_delay_s: float | None = None
    statements: list[str] = []
    """Records of unknown kinds as `Name: value`, such as Content-Signal, also those before all groups; Sitemap is
    none of them. Without repetition, and at most `_STATEMENTS_MAX`."""


def text_of(body: bytes, bytes_max: int, *, cut: bool) -> str:
    """Decode a robots.txt: UTF-8, or UTF-16 with a byte order mark; invalid bytes become U+FFFD.

    Only the first *bytes_max* bytes are used. If there are more, or the body was *cut* off, an incomplete last line is
    left out: half a rule is another rule, such as `Disallow: /` for `Disallow: /private`.
    """
    cut = cut or len(body) > bytes_max
    body = body[:bytes_max]
    encoding = next((name for mark, name in _UTF_16 if body.startswith(mark)), "utf-8")
    text = body.decode(encoding, "replace").removeprefix("\ufeff")
    return text[: max(text.rfind("\n"), text.rfind("\r")) + 1] if cut else text


def group_of(text: str, token: str) -> Group:
    """Return the rules for the crawler *token*: those of all groups that name it, otherwise those for `*`.

    Cost: linear in the text.
    """
    own, every = Group([], []), Group([], [])
    is_named = False
    mine = [
        own,
        every,
    ]  # the groups to which the next records belong; rules before all groups belong to none
    is_open = False  # whether there was a user-agent line
    is_begun = False  # whether there was a rule since the last user-agent line
    for name, value in _records(text):
        if name == "user-agent":
            if is_begun or not is_open:
                mine, is_begun, is_open = [], False, True
            if value == "*" or value.startswith("* "):
                _join(mine, every)
            elif names(value, token):
                _join(mine, own)
                is_named = True
        elif name == "statement":
            for group in mine:
                _state(group, value)
        elif name == "crawl-delay":
            for group in mine if is_open else ():
                _slow(group, value)
        else:
            is_begun = True
            if value and is_open:
                for group in mine:
                    (group.allow if name == "allow" else group.disallow).append(value)
    return own if is_named else every


def named_sitemaps(text: str) -> Iterator[str]:
    """Yield what the Sitemap records name, which belong to no group (sitemaps.org); at most `SITEMAPS_MAX`."""
    found = (_SITEMAP.match(line[0][:_LINE_CHARS_MAX]) for line in _LINE.finditer(text))
    yield from islice((each[1] for each in found if each), SITEMAPS_MAX)


def _join(groups: list[Group], group: Group) -> None:
    """Add a group if it is not listed yet: thousands of lines may name the same crawler."""
    if not any(each is group for each in groups):
        groups.append(group)


def _state(group: Group, statement: str) -> None:
    if len(group.statements) < _STATEMENTS_MAX and statement not in group.statements:
        group.statements.append(statement)


def _slow(group: Group, value: str) -> None:
    """Record a Crawl-delay; the longest of several counts."""
    if _SECONDS.fullmatch(value) and any(character.isdigit() for character in value):
        group.crawl_delay_s = max(group.crawl_delay_s or 0.0, float(value))


def _records(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each record that is used here; one of an unknown kind is a statement."""
    for found in _LINE.finditer(text):
        line = found[0][:_LINE_CHARS_MAX].partition("#")[0]
        name, colon, value = line.partition(":")
        meaning = _NAMES.get(name.strip(_SPACE).lower())
        if colon and meaning is not None:
            yield meaning, value.strip(_SPACE)
        elif len(words := line.split()) == 2 and (meaning := _NAMES.get(words[0].lower())):
            yield meaning, words[1]
        elif stated := _STATEMENT.fullmatch(line):
            yield "statement", f"{stated[1]}: {stated[2]}"
