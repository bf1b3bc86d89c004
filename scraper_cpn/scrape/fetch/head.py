"""The head of an HTTP/1.1 answer: its status and its fields, and what they say of the body's frame.

Owns: RFC 9112 sections 2 to 6 as a user agent applies them, with the leniency of browsers (WHATWG Fetch and
Chromium's parser) where the RFC leaves room.
Must not know: sockets, event loops, content codings, what an answer means.

What browsers accept is accepted: lines that end in LF alone, folded lines, a line without a colon, names that
are no tokens, a space before the colon. Such a line is dropped, or read as it was meant. What makes it
uncertain where an answer begins or ends is an error: two lengths, a NUL, a second status line in the head.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.scrape.text import TOKEN

HEAD_BYTES_MAX = 262_144
"""Of all heads of one answer, interim ones included; Chromium's limit."""
_STATUS_LINE = re.compile(
    r"(?i:http)(?:/([0-9]{1,4})(?:\.([0-9]{1,4}))?)?[ \t]+([1-9][0-9]{2})(?![0-9])([^\n]*)"
)
_SECOND_STATUS_LINE = re.compile(r"HTTP/1\.[01] [1-5][0-9]{2}(?![0-9])")
_FOLD = re.compile(r"\r?\n[ \t]+")
_LENGTH_DIGITS_MAX = 18
_FIRST_COUNTS = frozenset({"location", "retry-after"})
"""Fields without lists: the first value that is not empty counts, as in browsers."""
_WITHOUT_BODY = frozenset({204, 304})
_FINAL = 200
"""Answers of a lower status are followed by another."""


class HeadError(Exception):
    """This is not the head of an HTTP answer; the text says why."""


class Fields(Mapping[str, str]):
    """The fields of a head, looked up whatever the case of a name.

    Fields of one name are joined by commas (RFC 9110 section 5.3). Bytes that are not UTF-8 are surrogates
    (`surrogateescape`).
    """

    __slots__ = ("_joined", "pairs")

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs
        """As they came, with names in lower case."""
        joined = self._joined = dict[str, str]()
        for name, value in pairs:
            before = joined.get(name)
            if before is None or not before:
                joined[name] = value
            elif name not in _FIRST_COUNTS:
                joined[name] = f"{before}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._joined[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._joined

    def get(self, name: str, default: Any = None) -> Any:
        """As in dict; the base class would raise and catch an exception if a field is absent."""
        return self._joined.get(name.lower(), default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._joined)

    def __len__(self) -> int:
        return len(self._joined)


class Head(Struct, frozen=True, gc=False):
    """The head of a final answer."""

    status: int
    fields: Fields
    keep_alive: bool
    """Whether the server keeps the connection open after this answer (RFC 9112 section 9.3)."""
    chunked: bool
    length: int | None
    """Bytes of the body; None where it ends with its last chunk, or else with the connection."""
    codings: tuple[str, ...]
    """The codings of the body, in order: content codings, then transfer codings, `chunked` included."""
    doubt: str = ""
    """What the head says of its body that can't be true, and is ignored."""
    reason: str = ""
    """The reason phrase."""


def without_body(head: Head) -> Head:
    """Return the head of an answer to HEAD: what it says of its body is about that of a GET."""
    return replace(head, length=0, chunked=False, codings=())


def parse_head(head: bytes) -> Head:
    """Return what a head says. *head* ends before the empty line, and begins with the status line.

    Raises `HeadError`. Costs 8 microseconds for ten fields.
    """
    text = head.decode("utf-8", "surrogateescape")
    if "\0" in text:
        raise HeadError("a NUL byte in the head")
    line, _, rest = text.partition("\n")
    found = _STATUS_LINE.match(line)
    if found is None:
        raise HeadError("no status line")
    after_status = text[found.end(3) :]
    if "HTTP/1." in after_status:
        _check_second_status_line(after_status)
    fields = Fields(list(_pairs(rest)))
    return framed(
        int(found[3]), fields, persistent=_is_persistent(found), reason=found[4].strip(" \t\r")
    )


def _is_persistent(status_line: re.Match[str]) -> bool:
    major, minor = int(status_line[1] or 1), int(status_line[2] or 0)
    return major > 1 or (major == 1 and minor > 0)


def _check_second_status_line(rest: str) -> None:
    """Raise `HeadError` where another answer begins in a head: its fields would count for this one."""
    for line in rest.split("\n"):
        if _SECOND_STATUS_LINE.search(line) and not line.lower().startswith("status:"):
            raise HeadError("another answer begins inside the head")


def _pairs(rest: str) -> Iterator[tuple[str, str]]:
    """Yield names in lower case with their values; invalid fields are skipped."""
    if "\n " in rest or "\n\t" in rest:
        rest = _FOLD.sub(" ", rest)
    for line in rest.split("\n"):
        name, colon, value = line.partition(":")
        if not colon or line[0] in " \t":
            continue
        name = name.rstrip(" \t\r")
        if TOKEN.fullmatch(name):
            yield name.lower(), value.strip(" \t\r").replace("\r", " ")


def framed(status: int, fields: Fields, *, persistent: bool, reason: str = "") -> Head:
    """Return the head of these fields (RFC 9112 section 6.3); *persistent* says whether it is HTTP/1.1.

    Raises `HeadError`.
    """
    transfers = _list(fields.get("transfer-encoding"))
    chunked = transfers[-1:] == ["chunked"]
    if "chunked" in transfers and not chunked:
        raise HeadError("chunked is not the last transfer coding")
    length, doubt = (None, "") if chunked else _length(fields.get("content-length"))
    if status in _WITHOUT_BODY or status < _FINAL:
        length, chunked = 0, False
    codings = _list(fields.get("content-encoding")) + transfers
    keep_alive = (chunked or length is not None) and _keeps_alive(fields, persistent=persistent)
    return Head(status, fields, keep_alive, chunked, length, tuple(codings), doubt, reason)


def _keeps_alive(fields: Fields, *, persistent: bool) -> bool:
    """Whether a connection persists (RFC 9112 section 9.3)."""
    if "transfer-encoding" in fields and "content-length" in fields:
        return False  # RFC 9112 section 6.3: an intermediary may have seen another end
    tokens = _list(fields.get("connection")) + _list(fields.get("proxy-connection"))
    return "close" not in tokens and (persistent or "keep-alive" in tokens)


def _list(value: str | None) -> list[str]:
    """Return the elements of a field that is a list, in lower case; empty ones don't count."""
    if not value:
        return []
    return [name for each in value.lower().split(",") if (name := each.strip(" \t"))]


def _length(value: str | None) -> tuple[int | None, str]:
    """Return Content-Length, and its fault if there is one.

    The same length twice is that length. Raises `HeadError` for different ones; one that is no number is ignored,
    as in WHATWG Fetch.
    """
    if value is None:
        return None, ""
    if value.isdigit() and value.isascii() and len(value) <= _LENGTH_DIGITS_MAX:
        return int(value), ""
    lengths = {each.strip(" \t") for each in value.split(",")}
    if len(lengths) > 1:
        raise HeadError("different lengths in Content-Length")
    (only,) = lengths
    if only.isdigit() and only.isascii() and len(only.lstrip("0")) <= _LENGTH_DIGITS_MAX:
        return int(only), ""
    return None, "Content-Length is no number"
