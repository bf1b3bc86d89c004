"""The tokens of Rust, as far as counting needs them.

Owns: where comments, strings, names and brackets begin and end. Must not know: what they mean.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from msgspec import Struct

_PATTERN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>//[^\n]*)
    | (?P<open>/\*)
    | (?P<raw>\b(?:br|r)(?P<hashes>\#*)")
    | (?P<string>b?"(?:[^"\\]|\\.)*")
    | (?P<char>b?'(?:[^'\\\n]|\\(?:x[0-9a-fA-F]{2}|u\{[0-9a-fA-F_]+\}|.))')
    | (?P<lifetime>'[A-Za-z_]\w*)
    | (?P<number>\d[\w]*(?:\.\d[\w]*)?)
    | (?P<name>(?:r\#)?[A-Za-z_]\w*)
    | (?P<mark>=>|->|::|\.\.=|\.\.|&&|\|\||[-+*/%^=!<>&|.,;:#?@$~()\[\]{}])
    """,
    re.VERBOSE | re.DOTALL,
)
_NESTED = re.compile(r"/\*|\*/")
_NO_CODE = frozenset({"space", "comment", "open"})
OPEN, CLOSE = frozenset("([{"), frozenset(")]}")


class RustToken(Struct, frozen=True):
    """A piece of code: its kind, its text, where it stands in the source."""

    kind: str
    text: str
    start: int
    end: int


def tokens(source: str) -> list[RustToken]:
    """The code of a source, without white space and comments; what is unknown is left out."""
    return list(_read(source))


def _read(source: str) -> Iterator[RustToken]:
    at = 0
    while at < len(source):
        match = _PATTERN.match(source, at)
        if match is None:
            at += 1
            continue
        kind, start, at = match.lastgroup or "", at, match.end()
        if match.group("raw") is not None:
            kind, closing = "string", '"' + match.group("hashes")
            at = source.index(closing, at) + len(closing)
        elif kind == "open":
            at = _after_comment(source, at)
        if kind not in _NO_CODE:
            yield RustToken(kind, source[start:at], start, at)


def _after_comment(source: str, at: int) -> int:
    """Where a comment ends; comments of this kind nest."""
    depth = 1
    while depth:
        match = _NESTED.search(source, at)
        if match is None:
            return len(source)
        depth += 1 if match.group() == "/*" else -1
        at = match.end()
    return at


def closing(code: list[RustToken], at: int) -> int:
    """The index of the bracket that closes the one at index *at*."""
    depth = 0
    for index in range(at, len(code)):
        text = code[index].text
        if code[index].kind == "mark":
            depth += (text in OPEN) - (text in CLOSE)
        if depth == 0:
            return index
    return len(code) - 1


def blank(text: str) -> str:
    """As many spaces; lines keep their numbers."""
    return re.sub(r"[^\n]", " ", text)


class Lines:
    """The line numbers, from 1, of the places in a source."""

    def __init__(self, source: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", source))]

    def of(self, place: int) -> int:
        """The line in which a place is."""
        return bisect_right(self._starts, place)
