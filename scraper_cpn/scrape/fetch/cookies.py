"""A cookie as a server sets it, and as a file of cookies has it.

Owns: the syntax of Set-Cookie with its dates (RFC 6265bis sections 5.1.1 and 5.6), and of the Netscape format.
Must not know: where cookies are kept, HTTP libraries.

Nothing that a server writes makes it raise.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from scraper_cpn.scrape.settings import SECOND, UsageError

COOKIE_CHARS_MAX = 4096
"""Of name and value together (RFC 6265bis section 5.6)."""
_ATTRIBUTE_CHARS_MAX = 1024
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DELIMITERS = re.compile(r"[\t -/;-@\[-`{-~]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[^0-9].*)?", re.DOTALL)
_DAY = re.compile(r"([0-9]{1,2})(?:[^0-9].*)?", re.DOTALL)
_YEAR = re.compile(r"([0-9]{2,4})(?:[^0-9].*)?", re.DOTALL)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIRST_YEAR = 1601
_AGE = re.compile(r"-?[0-9]+")
_AGE_DIGITS_MAX = 12
_FILE_FIELDS = 7
_SECONDS = re.compile(r"(-?[0-9]{1,20})(?:\.[0-9]*)?")
"""An expiry; some extensions of browsers write a fraction of a second, too."""
_HTTP_ONLY = "#HttpOnly_"
UNREADABLE = "\ufffd"
"""What a client tells of a header that it can't read."""

TOO_LARGE = "too large"
INVALID = "not valid"


class Offered(Struct, frozen=True, gc=False, kw_only=True):
    """A cookie that a server offers."""

    name: str
    value: str
    max_age_s: int | None = None
    expires_s: int | None = None
    """UTC, seconds since 1970."""
    domain: str = ""
    """In lower case, without a leading dot; empty: the host that offers it alone."""
    path: str = ""
    """Empty: the folder of the page that offers it."""
    secure: bool = False
    same_site: str = ""
    """`strict`, `lax`, `none`, or empty."""


def offered(text: str) -> Offered | str:
    """Return what a Set-Cookie header offers, or why it offers nothing: `INVALID` or `TOO_LARGE`."""
    if text == UNREADABLE or _CONTROL.search(text):
        return INVALID
    pair, _, rest = text.partition(";")
    name, mark, value = pair.partition("=")
    if not mark:
        name, value = "", pair
    name, value = name.strip(" \t"), value.strip(" \t")
    if not name and not value:
        return INVALID
    if len(name) + len(value) > COOKIE_CHARS_MAX:
        return TOO_LARGE
    return Offered(name=name, value=value, **_attributes(rest))


def _attributes(text: str) -> dict[str, Any]:
    """Return the fields that the attributes set; the last of a name counts, nonsense does not."""
    found: dict[str, Any] = {}
    for each in text.split(";"):
        name, _, value = each.partition("=")
        name, value = name.strip(" \t").lower(), value.strip(" \t")
        if len(value) > _ATTRIBUTE_CHARS_MAX:
            continue
        if name == "secure":
            found["secure"] = True
        elif name == "domain":
            found["domain"] = value.removeprefix(".").lower()
        elif name == "path":
            found["path"] = value if value.startswith("/") else ""
        elif name == "samesite":
            found["same_site"] = value.lower() if value.lower() in ("strict", "lax", "none") else ""
        elif name == "max-age" and _AGE.fullmatch(value):
            found["max_age_s"] = int(value[: _AGE_DIGITS_MAX + 1])
        elif name == "expires" and (when := date_s(value)) is not None:
            found["expires_s"] = when
    return found


def date_s(text: str) -> int | None:
    """Return the date of an Expires attribute (RFC 6265bis section 5.1.1), in seconds since 1970; None for no date."""
    clock: tuple[int, ...] | None = None
    day: int | None = None
    month: int | None = None
    year: int | None = None
    for token in _DELIMITERS.split(text):
        if clock is None and (found := _TIME.fullmatch(token)):
            clock = tuple(map(int, found.groups()))
        elif day is None and (found := _DAY.fullmatch(token)):
            day = int(found[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := _YEAR.fullmatch(token)):
            year = int(found[1])
    if clock is None or day is None or month is None or year is None:
        return None
    year += 1900 if 70 <= year <= 99 else 2000 if year <= 69 else 0
    if year < _FIRST_YEAR:
        return None
    try:
        hour, minute, second = clock
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        return None


class FileCookie(Struct, frozen=True, gc=False):
    """A cookie of a file."""

    host: str
    """In lower case, without a leading dot."""
    subdomains: bool
    path: str
    secure: bool
    expires_ns: int | None
    """UTC; None: until the crawl ends."""
    name: str
    value: str


def cookies_in(path: str, lines: Iterable[str]) -> Iterator[FileCookie]:
    """Yield the cookies of a file in the Netscape format, which browsers' extensions and curl write.

    A line has seven fields with tabs between them, and no other control characters. Raises `UsageError` for a line that
    is none; its values are not shown.
    """
    for number, text in enumerate(lines, 1):
        line = text.rstrip("\r\n").removeprefix(_HTTP_ONLY)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) == _FILE_FIELDS - 1:  # an empty value at the end may be left out
            fields.append("")
        expires = len(fields) == _FILE_FIELDS and _SECONDS.fullmatch(fields[4].strip() or "0")
        if not expires or _CONTROL.search(line):
            raise UsageError(
                f"{path}:{number}: this is no cookie; a line has seven fields with tabs between them: "
                "domain, subdomains (TRUE or FALSE), path, secure, expiry in seconds (0: none), name, value"
            )
        domain, subdomains, where, secure, _, name, value = fields
        seconds = int(expires[1])
        yield FileCookie(
            host=domain.strip().removeprefix(".").lower(),
            subdomains=subdomains.strip().upper() == "TRUE",
            path=where if where.startswith("/") else "/",
            secure=secure.strip().upper() == "TRUE",
            expires_ns=seconds * SECOND if seconds else None,
            name=name,
            value=value,
        )
