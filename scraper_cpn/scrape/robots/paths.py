"""Matching paths with the rules of a robots.txt (RFC 9309 section 2.2.2).

Owns: comparing a path with patterns, including `*` and `$`; which spellings of a URL are equivalent.
Must not know: files, groups, crawlers.

The longest matching rule decides; if an allow and a disallow rule have the same length, the allow rule does. A
path is compared with a rule in one pass over both. With many rules, only those with a part that occurs in the
path are tried.

Google's parser compares URLs nearly as they are spelled, RFC 9309 normalises them. If the two differ, the URL
is not fetched: disallow rules are compared in the normalised spelling, allow rules in Google's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import quote

from msgspec import Struct

_INDEXED: Final = 100
"""With fewer rules, trying all of them is faster than searching their parts in the path."""
_PART_CHARS_MAX: Final = 8
_TRIED_MAX: Final = 5_000
"""The most rules to try for one path. A path with more, which no honest site has, counts as disallowed."""
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})|[^\x21-\x7e]+")
_PLAIN_PATH = re.compile(r"[!-#&-)+-~]*")
_PLAIN_RULE = re.compile(r"[!-#&-~]*\$?")
_STARS = re.compile(r"\*+")
_UNRESERVED_MARKS = "-._~"
_PATH = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?#]*)?([^#]*)")


class _Rule(Struct, frozen=True, gc=False):
    """A pattern that is ready to be compared."""

    parts: tuple[str, ...]
    """The texts between the `*`; the first one begins the path."""
    is_whole: bool
    """Whether the last part has to end the path (`$`)."""
    is_allow: bool
    length: int

    def matches(self, path: str) -> bool:
        """Return whether *path* matches. Cost: one pass over both."""
        first, *middle = self.parts
        if not path.startswith(first):
            return False
        if not middle:
            return not self.is_whole or len(path) == len(first)
        at = len(first)
        last = middle.pop()
        for part in middle:
            at = path.find(part, at)
            if at < 0:
                return False
            at += len(part)
        if self.is_whole:
            return len(path) - at >= len(last) and path.endswith(last)
        return path.find(last, at) >= 0


class PathRules:
    """The rules of one group."""

    __slots__ = ("_by_part", "_part_lengths", "_rules")

    def __init__(self, allow: list[str], disallow: list[str]) -> None:
        forbidding, allowing = dict.fromkeys(disallow), dict.fromkeys([*allow, *_folders(allow)])
        rules = [_rule(_normalised(each), is_allow=False) for each in forbidding]
        rules += [_rule(_literal(each), is_allow=True) for each in allowing]
        rules.sort(key=lambda each: (-each.length, not each.is_allow))
        self._rules = rules
        self._by_part: dict[str, list[int]] = defaultdict(list)
        if len(rules) > _INDEXED:
            for number, rule in enumerate(self._rules):
                self._by_part[_longest(rule.parts)[:_PART_CHARS_MAX]].append(number)
        self._part_lengths = sorted(set(map(len, self._by_part)))

    def allow(self, path: str) -> bool:
        """Return whether *path* is allowed; a path that no rule matches is allowed."""
        normalised, literal = _normalised(path, is_path=True), _literal(path, is_path=True)
        rules = self._rules
        if self._by_part:
            numbers = self._candidates(normalised)
            if literal != normalised:
                numbers |= self._candidates(literal)
            if len(numbers) > _TRIED_MAX:
                return False
            rules = [self._rules[number] for number in sorted(numbers)]
        for rule in rules:
            if rule.matches(literal if rule.is_allow else normalised):
                return rule.is_allow
        return True

    def _candidates(self, path: str) -> set[int]:
        """Return the numbers of the rules whose longest part occurs in *path*."""
        found: set[int] = set()
        for length in self._part_lengths:
            for at in range(len(path) - length + 1):
                numbers = self._by_part.get(path[at : at + length])
                if numbers:
                    found.update(numbers)
        return found


def path_of(url: str) -> str:
    """Return the part of *url* that rules are compared with: its path and query."""
    found = _PATH.match(url)
    assert found is not None  # the pattern also matches an empty text
    path = found[1]
    return path if path.startswith("/") else f"/{path}"


def _rule(pattern: str, *, is_allow: bool) -> _Rule:
    parts = _STARS.split(pattern.removesuffix("$"))
    return _Rule(tuple(parts), pattern.endswith("$"), is_allow, len(pattern))


def _longest(parts: tuple[str, ...]) -> str:
    """Return the most selective part of a rule: every path has a slash."""
    return max(parts, key=lambda part: (len(part), part != "/"))


def _folders(allow: list[str]) -> list[str]:
    """Return rules for the folders whose index page is allowed: for Google both are the same page."""
    cut = [(each, each.rfind("/") + 1) for each in allow]
    return [f"{each[:end]}$" for each, end in cut if each.startswith("index.htm", end)]


def _normalised(text: str, *, is_path: bool = False) -> str:
    """Return *text* in the spelling of RFC 9309: unreserved characters unescaped, non-ASCII ones percent-encoded.

    Reserved characters are unchanged, except in a query, where the percent code is equivalent.
    """
    if _is_plain(text, is_path=is_path):
        return text
    before, mark, query = _marked(text, is_path=is_path).partition("?")
    path = _ESCAPE.sub(partial(_escaped, plain=_is_unreserved), before)
    return path + mark + _ESCAPE.sub(partial(_escaped, plain=_is_plain_in_query), query)


def _literal(text: str, *, is_path: bool = False) -> str:
    """Return *text* in Google's spelling: percent codes in upper case; in a rule, non-ASCII characters encoded, too."""
    if _is_plain(text, is_path=is_path):
        return text
    return _ESCAPE.sub(
        partial(_escaped, plain=_is_mark, keep=is_path), _marked(text, is_path=is_path)
    )


def _is_plain(text: str, *, is_path: bool) -> bool:
    """Return whether *text* has only one spelling, which is the usual case."""
    return (_PLAIN_PATH if is_path else _PLAIN_RULE).fullmatch(text) is not None


def _marked(text: str, *, is_path: bool) -> str:
    """Return *text* with literal `*` and `$` percent-encoded."""
    if is_path:
        return text.replace("*", "%2A").replace("$", "%24") if "*" in text or "$" in text else text
    return text[:-1].replace("$", "%24") + text[-1:]


def _escaped(found: re.Match[str], *, plain: Callable[[str], bool], keep: bool = False) -> str:
    """Return the spelling of a percent code, or of a non-ASCII character."""
    code = found[1]
    if code is None:
        return found[0] if keep else quote(found[0], safe="", errors="surrogatepass")
    character = chr(int(code, 16))
    return character if plain(character) else f"%{code.upper()}"


def _is_mark(character: str) -> bool:
    return character in _UNRESERVED_MARKS


def _is_unreserved(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in _UNRESERVED_MARKS)


def _is_plain_in_query(character: str) -> bool:
    return _is_unreserved(character) or character in "!'(),/:;=?@&+"
