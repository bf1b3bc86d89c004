"""The media type in Content-Type, as browsers read it.

Owns: "parse a MIME type" (https://mimesniff.spec.whatwg.org/, section 4.4) and "extract a MIME type"
(https://fetch.spec.whatwg.org/, section 3.5).
Must not know: what a media type or a charset means.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from scraper_cpn.scrape.text import TOKEN

_SPACE = "\t\n\r "
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ELEMENT = re.compile(r'(?:"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[^",])*+', re.DOTALL)


@lru_cache(256)
def content_type(header: str) -> tuple[str, str | None]:
    """Return the media type (lower case; empty for nonsense) and the charset of a Content-Type header.

    Of several types the last valid one counts. It keeps the charset of an equal one before it.
    """
    found, charset = "", None
    for element in _elements(header):
        essence, parameters = parsed(element)
        if essence and essence != "*/*":
            before = charset if essence == found else None
            found, charset = essence, parameters.get("charset", before)
    return found, charset and charset.lower()


def parsed(text: str) -> tuple[str, dict[str, str]]:
    """Return a media type in lower case, empty for nonsense, and its parameters; the first of a name counts."""
    kind, *rest = _split(text.strip(_SPACE))
    main, slash, sub = kind.rstrip(_SPACE).partition("/")
    if not (slash and TOKEN.fullmatch(main) and TOKEN.fullmatch(sub)):
        return "", {}
    parameters: dict[str, str] = {}
    for each in rest:
        name, equals, value = each.lstrip(_SPACE).partition("=")
        read = _value(value) if equals and TOKEN.fullmatch(name) else None
        if read is not None:
            parameters.setdefault(name.lower(), read)
    return f"{main}/{sub}".lower(), parameters


def _value(text: str) -> str | None:
    quoted = _QUOTED.match(text)
    if quoted is None:
        value = text.rstrip(_SPACE)
        return value if value and _VALUE.fullmatch(value) else None
    value = _ESCAPED.sub(r"\1", quoted[1])
    return value if _VALUE.fullmatch(value) else None


def _split(text: str) -> Iterator[str]:
    """Yield what semicolons separate, those in the quotes of a value excepted."""
    start = at = 0
    while at < len(text):
        if text[at] == ";":
            yield text[start:at]
            start = at + 1
        quoted = text[at] == "=" and _QUOTED.match(text, at + 1)
        at = quoted.end() if quoted else at + 1
    yield text[start:]


def _elements(header: str) -> Iterator[str]:
    """Yield what commas separate, those in quotes excepted (Fetch, "get, decode, and split")."""
    at = 0
    while at <= len(header):
        found = _ELEMENT.match(header, at)
        assert found is not None
        yield found[0]
        at = found.end() + 1
