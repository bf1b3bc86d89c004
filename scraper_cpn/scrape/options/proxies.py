"""Reading lines about proxies, from a file or the command line.

Owns: the syntax of proxies (`URL [slots=N] [delay=TIME] [quota=N] [bytes=SIZE] [group=NAME]
[not_before=WHEN] [not_after=WHEN]`), their names in logs, and the check that no two are the same.
Must not know: how proxies are chosen or used.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.options.quantities import count, duration, size
from scraper_cpn.scrape.options.values import file_text, group, host
from scraper_cpn.scrape.redact import HIDDEN, hidden, remember, shown
from scraper_cpn.scrape.settings import SECOND, UsageError

_SCHEMES = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""The kinds of proxies, with their usual ports."""
_ALLOWED = "write http://host:port, socks5://host:port or host:port"
_WITH_PASSWORD = re.compile(r"^([^\s:/@]+:\d+):.+")
"""A line host:port:user:password, the usual form of sold lists; the host may have no dot."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_proxies(lines: Iterable[tuple[str, str]], slots: int) -> tuple[Proxy, ...]:
    """Return the proxies of *lines*, pairs of a place such as `proxies.txt:3` and a text.

    *slots* (at least 1) is the default for lines that give none. Proxies that differ only in the password
    get a number after their name, so that names are unique. Raises `UsageError` with the place.
    """
    proxies: list[Proxy] = []
    places: dict[str | None, str] = {}
    names: dict[str, int] = {}
    for place, line in lines:
        try:
            proxy = proxy_of(line, slots)
        except ValueError as error:
            raise UsageError(f"{place}: {error}") from None
        if proxy.url in places:
            raise UsageError(
                f"{place}: {proxy.proxy} is given twice, also in {places[proxy.url]}; remove one"
            )
        places[proxy.url] = place
        names[proxy.proxy] = names.get(proxy.proxy, 0) + 1
        proxies.append(_numbered(proxy, names[proxy.proxy]))
    return tuple(proxies)


def lines_of(path: str) -> list[tuple[str, str]]:
    """Return the lines of a file with their places, without blank lines and `#` comments.

    Raises `ValueError` when the file can't be read, or has no proxy.
    """
    lines = []
    for number, line in enumerate(file_text(path).splitlines(), start=1):
        if content := re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip():
            lines.append((f"{path}:{number}", content))
    if not lines:
        raise ValueError(f"{path} has no proxy; {_ALLOWED}, one per line")
    return lines


def proxy_of(line: str, slots: int) -> Proxy:
    """Return the proxy of one line. Raises `ValueError` (never with the password in it)."""
    if not isinstance(line, str) or not line.split():
        raise ValueError(f"a proxy is text; {_ALLOWED}")
    address, *words = line.split()
    if any("@" in word for word in words):
        raise ValueError(f"{shown(line)} has a space in its user or password; write it as %20")
    url, name = _url_and_name(address)
    given = _limits(words)
    not_before, not_after = given.get("not_before_ns"), given.get("not_after_ns")
    if not_before is not None and not_after is not None and not_before >= not_after:
        raise ValueError(f"{name}: not_before must be earlier than not_after")
    return Proxy(proxy=name, url=url, **{"slots": slots, **given})


def _numbered(proxy: Proxy, number: int) -> Proxy:
    if number == 1:
        return proxy
    from msgspec.structs import replace

    return replace(proxy, proxy=f"{proxy.proxy}#{number}")


def _url_and_name(address: str) -> tuple[str, str]:
    """Return the URL with credentials, and its name: without the password, and without a user that has no password.

    Such a user is a key, which some services use instead.
    """
    scheme = address.partition("://")[0].lower() if "://" in address else ""
    if scheme and scheme not in _SCHEMES:
        raise ValueError(f"{hidden(scheme)} proxies are not supported; {_ALLOWED}")
    try:
        parts = urlsplit(address if scheme else f"http://{address}")
        where, port = _host_of(parts), parts.port
    except ValueError:
        where, port = "", None
    if (
        not where
        or port == 0
        or parts.netloc.count("@") > 1
        or (port is None and not scheme)
        or not _is_bare(parts.path, address)
    ):
        without = _WITH_PASSWORD.sub(rf"\1:{HIDDEN}", address)
        raise ValueError(f"{shown(without)} is not a proxy; {_ALLOWED}")
    port = port or _SCHEMES[parts.scheme]
    user, at, _ = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    remember(unquote(password or name))
    name = name if password else HIDDEN if at else ""
    return (
        f"{parts.scheme}://{user}{at}{where}:{port}",
        f"{parts.scheme}://{name}{at}{where}:{port}",
    )


def _host_of(parts: SplitResult) -> str:
    name = parts.hostname or ""
    return host(f"[{name}]" if ":" in name else name)


def _is_bare(path: str, address: str) -> bool:
    return path in ("", "/") and not re.search(r"[?#\\\x00-\x20\x7f-\x9f]", address)


def _limits(words: Iterable[str]) -> dict[str, Any]:
    """Return the fields of `Proxy` that `key=value` words set."""
    given: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in _KEYS:
            what = f"{shown(key)} is unknown" if equals else "a word without = follows the URL"
            raise ValueError(f"{what}; allowed are {', '.join(f'{name}=' for name in _KEYS)}")
        field, read = _KEYS[key]
        if field in given:
            raise ValueError(f"{key} is given twice")
        try:
            given[field] = read(value)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    return given


def moment(text: str) -> int:
    """Return nanoseconds since 1970 (UTC) of a UNIX time or an ISO 8601 date with time.

    A time without an offset is UTC. Raises `ValueError`.
    """
    try:
        if re.fullmatch(r"\d{1,11}(\.\d{1,9})?", text, re.ASCII):
            seconds, _, fraction = text.partition(".")
            return int(seconds) * SECOND + int(fraction.ljust(9, "0") or 0)
        when = datetime.fromisoformat(text)
        since = (when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, OverflowError):
        raise ValueError(
            f"{shown(text)} is not a time; give seconds since 1970 or 2026-12-31T18:00:00Z"
        ) from None
    return since // timedelta(microseconds=1) * 1000


_KEYS = {
    "slots": ("slots", count(1, 10_000)),
    "delay": ("delay_ns", duration),
    "quota": ("quota", count(1)),
    "bytes": ("bytes", size),
    "group": ("group", group),
    "not_before": ("not_before_ns", moment),
    "not_after": ("not_after_ns", moment),
}
