"""Reading the values of options: durations, sizes, counts, patterns, headers, paths.

Owns: the spelling of every kind of value, for the command line, the TOML file and the Python API
alike. A reader takes a text or an object, and returns the value or raises `ValueError` with what is
wrong and what is allowed; the caller knows where it was given.
Must not know: which options there are, where a value comes from.
"""

import math
import os
import re
import warnings
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

from msgspec import Struct

from scraper_cpn.scrape.redact import HARMLESS_HEADERS, hidden, remember, shown
from scraper_cpn.scrape.settings import FETCHERS, MILLISECOND, SECOND, Settings
from scraper_cpn.scrape.text import TOKEN

Reader = Callable[[Any], Any]

UNITS_NS = {
    "d": 86_400 * SECOND,
    "h": 3_600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": MILLISECOND,
}
"""Units from the largest on, so that `duration_text` can take the first that fits."""

LONGEST_NS = 36_500 * UNITS_NS["d"]
"""A century: the sum with the present time stays below 2**63 nanoseconds."""

UNITS_BYTES = {"G": 10**9, "M": 10**6, "k": 10**3}

LARGEST_COUNT = 9 * 10**18
"""A round number that fits 64 bits."""

_NUMBER = r"(\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})"
"""Any finite float fits; longer ones would overflow `Decimal`."""

_DURATION = re.compile(rf"{_NUMBER}\s*(ms|s|m|h|d|)", re.ASCII)
_SIZE = re.compile(rf"{_NUMBER}\s*([kKmMgG]?)", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Also matches bytes of a command line that are not UTF-8."""

_SHARES_MOST = 20
_LINE_BREAKING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_MEDIA_TYPE = re.compile(r"\*|[\w.+*-]+/[\w.+*-]+", re.ASCII)
_PARAMETER = re.compile(r"[^\s,&=?#*]+\*?")

_FORBIDDEN_HEADERS = {
    "user-agent": "use -A/--user-agent",
    "proxy-authorization": "put user:password into the proxy's URL",
    "host": "it follows from the URL",
    "content-length": "it follows from the body",
    "transfer-encoding": "it follows from the body",
    "connection": "connections are kept by the fetcher",
    "accept-encoding": "the fetcher sets it to the codings that it can decode",
}


class Kind(Struct, frozen=True):
    """A kind of value: how it is read and shown, and its name in the help."""

    read: Reader
    metavar: str = ""
    """The value's name in the help; empty for a switch, which takes no value."""
    show: Callable[[Any], str] = str
    """Converts a value back to text."""


def duration(value: object) -> int:
    """Read a duration and return nanoseconds, from 0 to a century.

    Text is a number with ms, s, m, h or d; without a unit, and as an int or float, it is seconds.
    """
    allowed = "a duration is a number with ms, s, m, h or d, such as 500ms or 1.5h"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not finite; {allowed}")
        value = f"{Decimal(str(value)):f}"
    text = _text(value, allowed)
    if text.startswith("-"):
        raise ValueError(f"{hidden(text)} is negative; {allowed}")
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{shown(text)} is not a duration; {allowed}")
    ns = int(Decimal(found[1]) * UNITS_NS[found[2] or "s"])
    if ns > LONGEST_NS:
        raise ValueError(f"{hidden(text)} is too long; a century (36500d) is the most")
    return ns


def positive_duration(value: object) -> int:
    """Read a duration above 0 and return nanoseconds."""
    ns = duration(value)
    if ns == 0:
        raise ValueError(
            f"{hidden(str(value))} is not a positive duration; give more than 0, such as 30s"
        )
    return ns


def duration_text(ns: int) -> str:
    """Return the shortest exact text that `duration` reads as *ns*."""
    for unit, size in UNITS_NS.items():
        if ns % size == 0 and ns:
            return f"{ns // size}{unit}"
    if ns == 0:
        return "0s"
    return f"{(Decimal(ns) / MILLISECOND).normalize():f}ms"


def size(value: object) -> int:
    """Read a size and return bytes, at least 1. Text may end in k, M or G (powers of 1000)."""
    allowed = "a size is a number of bytes, or one with k, M or G, such as 10M"
    text = _text(value, allowed)
    if text.startswith("-"):
        raise ValueError(f"{hidden(text)} is negative; {allowed}")
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"{shown(text)} is not a size; {allowed}")
    unit = found[2].upper().replace("K", "k")
    count = int(Decimal(found[1]) * UNITS_BYTES.get(unit, 1))
    if not 1 <= count <= LARGEST_COUNT:
        raise ValueError(f"{hidden(text)} is out of range; a size is 1 byte to 9000000000G")
    return count


def size_text(count: int) -> str:
    """Return the shortest exact text that `size` reads as *count* bytes."""
    for unit, factor in UNITS_BYTES.items():
        if count % factor == 0 and count:
            return f"{count // factor}{unit}"
    return str(count)


def share(value: object) -> float:
    """Read a share: a percentage such as 25%, or a number above 0 and up to 1."""
    allowed = "a share is a percentage such as 25%, or a number above 0 and up to 1"
    text = _text(value, allowed)
    found = re.fullmatch(rf"{_NUMBER}\s*(%?)", text, re.ASCII)
    if found is None:
        raise ValueError(f"{shown(text)} is not a share; {allowed}")
    number = float(found[1]) / (100 if found[2] else 1)
    if not 0.001 <= number <= 1:
        raise ValueError(f"{hidden(text)} is out of range; a share is 0.1% to 100%")
    return number


def share_text(number: float) -> str:
    """Return the text that `share` reads as *number*."""
    return f"{number * 100:g}%"


def count(least: int, most: int = LARGEST_COUNT) -> Reader:
    """Return a reader of whole numbers from *least* to *most*."""
    span = f"{least} or more" if most == LARGEST_COUNT else f"{least} to {most}"

    def read(value: object) -> int:
        text = _text(value, f"give a whole number, {span}")
        if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
            raise ValueError(f"{shown(text)} is not a whole number; give {span}")
        if not re.fullmatch(r"[+-]?0*\d{1,19}", text):
            raise ValueError(f"{shown(text)} is out of range; give {least} to {most}")
        if not least <= int(text) <= most:
            raise ValueError(f"{hidden(text)} is out of range; give {span}")
        return int(text)

    return read


def choice(*names: str) -> Reader:
    """Return a reader that takes one of *names*."""

    def read(value: object) -> str:
        if value not in names:
            raise ValueError(f"{shown(value)} is not allowed; choose {' or '.join(names)}")
        return str(value)

    return read


def choices(*names: str) -> Reader:
    """Return a reader of a list of some of *names*, without repetition: a text with commas, or a list of texts."""

    def read(value: object) -> tuple[str, ...]:
        words = value.split(",") if isinstance(value, str) else value
        if not isinstance(words, list | tuple) or not words:
            raise ValueError(f"{shown(value)} is not allowed; choose from {', '.join(names)}")
        given = [word.strip() if isinstance(word, str) else word for word in words]
        for word in given:
            if word not in names:
                raise ValueError(f"{shown(word)} is not allowed; choose from {', '.join(names)}")
        return tuple(dict.fromkeys(given))

    return read


def choices_or_none(*names: str) -> Reader:
    """Return a reader like that of `choices`, which also takes `none` alone, or an empty list."""
    some = choices(*names)

    def read(value: object) -> tuple[str, ...]:
        return () if value in ("none", [], ()) else some(value)

    return read


def sitemap(value: object) -> str:
    """Read `auto`, `off` or the URL of a sitemap."""
    from scraper_cpn.scrape.settings import UsageError
    from scraper_cpn.scrape.urls import seed_url

    source = _text(value, "give auto, off or the URL of a sitemap")
    if source in ("auto", "off"):
        return source
    try:
        return seed_url(source)
    except UsageError as error:
        raise ValueError(f"{error}, or auto or off") from None


def parameters(value: object) -> tuple[str, ...]:
    """Read names of parameters of URLs: a text with commas, or a list of texts; `none`, or an empty list, for none."""
    words = value.split(",") if isinstance(value, str) else value
    if words in (["none"], [], ()):
        return ()
    if not isinstance(words, list | tuple):
        raise ValueError(f"{shown(value)} is not allowed; give names, such as tracking,ref,sort_*")
    for word in words:
        if not isinstance(word, str) or not _PARAMETER.fullmatch(word.strip()) or word == "none":
            raise ValueError(
                f"{shown(word)} is no parameter's name; give names, such as tracking,ref,sort_*"
            )
    return tuple(dict.fromkeys(word.strip() for word in words))


def choices_of(field: str) -> tuple[str, ...]:
    """Return the values that the `Literal` type of a field of `Settings` allows."""
    return get_args(Settings.__annotations__[field])


def client(value: object) -> str:
    """Read the name of an HTTP client, `module:Class`, or a class."""
    if isinstance(value, type):
        from scraper_cpn.scrape.fetch.own import remember as remember_client

        return remember_client(value)
    allowed = f"give one of {', '.join(FETCHERS)}, or module:Class"
    source = _text(value, allowed)
    module, colon, name = source.partition(":")
    names = [*module.split("."), *name.split(".")]
    if source in FETCHERS or (colon and all(each.isidentifier() for each in names)):
        return source
    raise ValueError(f"{shown(source)} is not allowed; {allowed}")


def group(value: object) -> str:
    """Read the name of a group of proxies."""
    name = _text(value, "give a name such as residential")
    if not re.fullmatch(r"[\w.-]{1,64}", name):
        raise ValueError(
            f"{shown(name)} is not the name of a group; give letters, digits, . - and _"
        )
    return name


def proxy_for(value: object) -> tuple[str, str]:
    """Read `PATTERN=GROUP`: domains and the group of proxies that serves them."""
    allowed = "give PATTERN=GROUP, such as *.de=german or shop.example=residential"
    glob, equals, name = _text(value, allowed).partition("=")
    glob = glob.strip().lower()
    if not equals or not glob or "/" in glob:
        raise ValueError(f"{shown(value)} does not name domains and a group; {allowed}")
    return glob, group(name)


def proxy_for_text(pair: tuple[str, str]) -> str:
    """Return the text that `proxy_for` reads as *pair*."""
    return "=".join(pair)


def statuses(value: object) -> tuple[int, ...]:
    """Read HTTP statuses of errors: a text with commas, a number, or a list of these."""
    allowed = "give statuses of errors (400 to 599), such as 403,429"
    words = value if isinstance(value, list | tuple) else str(value).split(",")
    try:
        found = tuple(dict.fromkeys(count(400, 599)(word) for word in words))
    except ValueError:
        found = ()
    if not found or isinstance(value, bool):
        raise ValueError(f"{shown(value)} is not allowed; {allowed}")
    return found


def shares(value: object) -> tuple[int, ...]:
    """Read the shares of levels: two or more numbers from 1 to 100, as a text with commas or a list."""
    words = value if isinstance(value, list | tuple) else str(value).split(",")
    try:
        found = tuple(count(1, 100)(word) for word in words)
    except ValueError:
        found = ()
    if not 2 <= len(found) <= _SHARES_MOST:
        raise ValueError(
            f"{shown(value)} is not allowed; give 2 to {_SHARES_MOST} numbers from 1 to 100, such as 8,4,1"
        )
    return found


def statuses_text(found: tuple[int, ...]) -> str:
    """Return the text that `statuses`, or `shares`, reads as *found*."""
    return ",".join(map(str, found))


def switch(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} is not allowed; give true or false")
    return value


def text(value: object) -> str:
    """Read a text that is not empty and has no control characters."""
    return _text(value, "give some text")


def product_token(value: object) -> str:
    """Read the name by which robots.txt knows a crawler (RFC 9309 section 2.2.1)."""
    from scraper_cpn.scrape.robots.agent import is_token

    name = _text(value, "give a name such as ExampleBot")
    if not is_token(name):
        raise ValueError(
            f"{name!r} can't be in a robots.txt; give letters, - and _, such as ExampleBot"
        )
    return name


def pattern(value: object) -> str:
    """Read a regular expression (Python's `re`) and return its text."""
    source = _text(value, "give a regular expression")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "possible nested set" is no mistake of the user
            re.compile(source)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(
            f"{shown(source)} is not a regular expression: {hidden(str(error))}"
        ) from None
    return source


def header(value: object) -> tuple[str, str]:
    """Read a header as `checked_header`; a value that may be secret is hidden in messages from now on."""
    name, content = checked_header(value)
    if name.lower() not in HARMLESS_HEADERS:
        remember(content)
    return name, content


def checked_header(value: object) -> tuple[str, str]:
    """Read `Name: value` (RFC 9110 section 5); a name that the fetcher owns is refused."""
    allowed = "a header is 'Name: value' on one line"
    source = _text(value, allowed, secret=True)
    name, colon, content = source.partition(":")
    if not colon or not TOKEN.fullmatch(name):
        raise ValueError(f"this is not a header; {allowed}")  # not repeated: it may be a secret
    if advice := _FORBIDDEN_HEADERS.get(name.lower()):
        raise ValueError(f"the header {name} can't be set here; {advice}")
    return name, content.strip()


def host(value: object) -> str:
    """Read the name of a host or domain and return it in the form of URLs: lower case, Punycode."""
    import ada_url

    allowed = "give a host or domain such as example.org"
    source = _text(value, allowed)
    try:
        found = ada_url.URL(f"http://{source.rstrip('.')}/")
    except ValueError:
        raise ValueError(f"{shown(source)} is not the name of a host; {allowed}") from None
    if re.search(r"[/?#@*\\\s]|:\d*$", source):
        raise ValueError(f"{shown(source)} is not just a name; {allowed} (subdomains are included)")
    return str(found.hostname)


def tables(value: object) -> list[dict[str, Any]]:
    """Read a list of tables with text keys."""
    found = [value] if isinstance(value, dict) else value
    if not isinstance(found, list | tuple) or not all(isinstance(row, dict) for row in found):
        raise ValueError("give a table for each, with name and limits")
    return [{str(key): content for key, content in row.items()} for row in found]


def file(value: object) -> str:
    """Read the path of a file, which need not exist."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str) or not value or _LINE_BREAKING.search(value):
        raise ValueError(f"{shown(value)} is not the path of a file")
    return value


def place(value: object) -> str:
    """Read the path of a file or folder, which need not exist, and make it absolute."""
    return os.path.abspath(file(value))  # noqa: PTH100 - a Path would keep ".."


def media_types(value: object) -> tuple[str, ...]:
    """Read glob patterns of media types: a text with commas, or a list of texts."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not words:
        raise ValueError(
            f"{shown(value)} is not allowed; give media types, such as image/*,text/html"
        )
    for word in words:
        if not isinstance(word, str) or not _MEDIA_TYPE.fullmatch(word.strip()):
            raise ValueError(
                f"{shown(word)} is no media type; give one such as image/* or text/html"
            )
    return tuple(word.strip().lower() for word in words)


def existing_file(value: object) -> str:
    """Read the path of a file that can be read."""
    path = file(value)
    file_text(path)
    return path


def file_text(path: str) -> str:
    """Return the text of a file (UTF-8, a byte order mark is dropped).

    Raises `ValueError` in one line when the file can't be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"can't read {_name(path)}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{_name(path)} is not UTF-8 text (byte {error.start})") from error


def _name(path: str) -> str:
    """Return the path of a file for a message, redacted: it may be a proxy given to the wrong option."""
    return hidden(path) if ":" in path else path


def certificates(value: object) -> str:
    """Read the path of a PEM file with certificates to trust."""
    import ssl

    path = existing_file(value)
    try:
        ssl.create_default_context(cafile=path)
    except (ssl.SSLError, OSError) as error:
        raise ValueError(f"{_name(path)} holds no certificates in PEM form") from error
    return path


def _text(value: object, allowed: str, *, secret: bool = False) -> str:
    said = "the value" if secret else shown(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, float):
        value = f"{Decimal(str(value)):f}"
    if not isinstance(value, str):
        raise ValueError(f"{said} is not allowed; {allowed}")
    if not value.strip():
        raise ValueError(f"the value is empty; {allowed}")
    if _CONTROL.search(value):
        raise ValueError(f"{said} has control characters; {allowed}")
    return value.strip()
