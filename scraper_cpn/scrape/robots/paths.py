"""Which rule of a robots.txt decides about a path (RFC 9309 section 2.2.2).

Owns: comparing a path with patterns, `*` and `$` included; which spellings of a URL are the same.
Must not know: files, groups, crawlers.

The longest rule that matches decides, and of an allow and a disallow rule of the same length the allow rule.
A path is compared with a rule in one pass over both. With many rules only those are tried of which a part
occurs in the path.

Google's parser compares URLs nearly as they are written, RFC 9309 normalised. Where the two differ, the crawl
keeps away: a disallow rule is compared in the normalised spelling, an allow rule in that of Google.
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
"""With fewer rules trying all of them is faster than looking for their parts in the path."""
_PART_CHARS_MAX: Final = 8
_TRIED_MAX: Final = 5_000
"""Rules for one path. With more, which no honest site has, it counts as disallowed."""
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})|[^\x21-\x7e]+")
_PLAIN_PATH = re.compile(r"[!-#&-)+-~]*")
_PLAIN_RULE = re.compile(r"[!-#&-~]*\$?")
_STARS = re.compile(r"\*+")
_UNRESERVED_MARKS = "-._~"
_PATH = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?#]*)?([^#]*)")


class _Rule(Struct, frozen=True, gc=False):
    """A pattern that is ready to be compared."""

    parts: tuple[str, ...]
    """What is between the `*`; the first one begins the path."""
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
        """Return whether *path* is allowed, which is what no rule is about."""
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
        """Return the numbers of the rules of which the longest part occurs in *path*."""
        found: set[int] = set()
        for length in self._part_lengths:
            for at in range(len(path) - length + 1):
                numbers = self._by_part.get(path[at : at + length])
                if numbers:
                    found.update(numbers)
        return found


def path_of(url: str) -> str:
    """Return what rules are about: the path of *url* with its query."""
    found = _PATH.match(url)
    assert found is not None  # it matches nothing as well
    path = found[1]
    return path if path.startswith("/") else f"/{path}"


def _rule(pattern: str, *, is_allow: bool) -> _Rule:
    parts = _STARS.split(pattern.removesuffix("$"))
    return _Rule(tuple(parts), pattern.endswith("$"), is_allow, len(pattern))


def _longest(parts: tuple[str, ...]) -> str:
    """Return the part that says most: all paths have a slash."""
    return max(parts, key=lambda part: (len(part), part != "/"))


def _folders(allow: list[str]) -> list[str]:
    """Return the rules for the folders whose index page is allowed: they are the same page, says Google."""
    cut = [(each, each.rfind("/") + 1) for each in allow]
    return [f"{each[:end]}$" for each, end in cut if each.startswith("index.htm", end)]


def _normalised(text: str, *, is_path: bool = False) -> str:
    """Return *text* in the spelling of RFC 9309: unreserved characters as such, all others but ASCII in percent.

    Reserved ones stay as they are, but in a query, where a percent code means the same.
    """
    if _is_plain(text, is_path=is_path):
        return text
    before, mark, query = _marked(text, is_path=is_path).partition("?")
    path = _ESCAPE.sub(partial(_escaped, plain=_is_unreserved), before)
    return path + mark + _ESCAPE.sub(partial(_escaped, plain=_is_plain_in_query), query)


def _literal(text: str, *, is_path: bool = False) -> str:
    """Return *text* in the spelling of Google's parser: percent codes in upper case; of a rule, all else but ASCII, too."""
    if _is_plain(text, is_path=is_path):
        return text
    return _ESCAPE.sub(
        partial(_escaped, plain=_is_mark, keep=is_path), _marked(text, is_path=is_path)
    )


def _is_plain(text: str, *, is_path: bool) -> bool:
    """Return whether *text* has but one spelling, as nearly all have."""
    return (_PLAIN_PATH if is_path else _PLAIN_RULE).fullmatch(text) is not None


def _marked(text: str, *, is_path: bool) -> str:
    """Return *text* with a `*` and `$` that stand for themselves in percent codes."""
    if is_path:
        return text.replace("*", "%2A").replace("$", "%24") if "*" in text or "$" in text else text
    return text[:-1].replace("$", "%24") + text[-1:]


def _escaped(found: re.Match[str], *, plain: Callable[[str], bool], keep: bool = False) -> str:
    """Return how a percent code, or what is not ASCII, is spelled."""
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
