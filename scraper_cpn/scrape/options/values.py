"""Reading the values of options: choices, patterns, headers, paths. Numbers are in `quantities`.

Owns: the spelling of every kind of value, for the command line, the TOML file and the Python API
alike. A reader takes a text or an object, and returns the value or raises `ValueError` with what is
wrong and what is allowed; the caller knows where it was given.
Must not know: which options there are, where a value comes from.
"""

import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from msgspec import Struct

from scraper_cpn.scrape.options.quantities import Reader, count, plain_text
from scraper_cpn.scrape.redact import HARMLESS_HEADERS, hidden, remember, shown
from scraper_cpn.scrape.settings import FETCHERS, Settings
from scraper_cpn.scrape.text import TOKEN

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

    source = plain_text(value, "give auto, off or the URL of a sitemap")
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
    source = plain_text(value, allowed)
    module, colon, name = source.partition(":")
    names = [*module.split("."), *name.split(".")]
    if source in FETCHERS or (colon and all(each.isidentifier() for each in names)):
        return source
    raise ValueError(f"{shown(source)} is not allowed; {allowed}")


def group(value: object) -> str:
    """Read the name of a group of proxies."""
    name = plain_text(value, "give a name such as residential")
    if not re.fullmatch(r"[\w.-]{1,64}", name):
        raise ValueError(
            f"{shown(name)} is not the name of a group; give letters, digits, . - and _"
        )
    return name


def proxy_for(value: object) -> tuple[str, str]:
    """Read `PATTERN=GROUP`: domains and the group of proxies that serves them."""
    allowed = "give PATTERN=GROUP, such as *.de=german or shop.example=residential"
    glob, equals, name = plain_text(value, allowed).partition("=")
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
    return plain_text(value, "give some text")


def product_token(value: object) -> str:
    """Read the name by which robots.txt knows a crawler (RFC 9309 section 2.2.1)."""
    from scraper_cpn.scrape.robots.agent import is_token

    name = plain_text(value, "give a name such as ExampleBot")
    if not is_token(name):
        raise ValueError(
            f"{name!r} can't be in a robots.txt; give letters, - and _, such as ExampleBot"
        )
    return name


def pattern(value: object) -> str:
    """Read a regular expression (Python's `re`) and return its text."""
    source = plain_text(value, "give a regular expression")
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
    source = plain_text(value, allowed, secret=True)
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
    source = plain_text(value, allowed)
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
        raise ValueError(f"{shown(value)} is not the path of a file; give one as a text or a Path")
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
        return plain_lines(file_bytes(path).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{_name(path)} is not UTF-8 text (byte {error.start})") from error


def file_bytes(path: str) -> bytes:
    """Return the bytes of a file. Raises `ValueError` in one line when it can't be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"can't read {_name(path)}: {error.strerror}; check the path") from error


def plain_lines(text: str) -> str:
    """A text whose lines end with a line feed alone."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


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
