"""From the options of a link to the request that is sent.

Owns: bodies, parameters and headers as a program writes them down, their limits, and what is wrong with them.
Must not know: pages, handlers, the net, HTTP libraries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypedDict
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from scraper_cpn.scrape.colours import PRIORITY_MAX, Link
from scraper_cpn.scrape.options.values import checked_header
from scraper_cpn.scrape.request import AGAIN, FORM_TYPE, PLAIN, POOLED, Request
from scraper_cpn.scrape.text import TOKEN
from scraper_cpn.scrape.urls import normalise

DATA_BYTES_MAX = 65_536
"""Of the data of one link, in msgpack: it is kept in memory and in the state until the page is fetched."""
BODY_BYTES_MAX = 1_000_000
"""Of the body of one request, for the same reason."""
_NOT_REQUESTED = frozenset({"CONNECT", "TRACE", "TRACK"})
"""Methods that can't request a page (WHATWG Fetch, "forbidden method")."""
_BODIES = ("json", "form", "xml", "body")
_data = msgspec.msgpack.Encoder().encode


class LinkOptions(TypedDict, total=False):
    """The options of a link beside its URL, handler and priority; see `Link`."""

    data: Mapping[str, Any] | None
    method: str | None
    params: Any
    json: Any
    form: Any
    xml: str | bytes | None
    body: str | bytes | None
    headers: Any
    again: bool
    idempotent: bool
    session: str


def ready(link: Link, base: str | None = None, number: int | None = None) -> Link | None:
    """Return a link with its absolute, normalised URL and its request; None where it leads to no web address.

    *number* tells several links with `again` of one page from each other; None: that comes later. Raises `ValueError` for options that make no
    sense; the message says which, and what is allowed.
    """
    if not isinstance(link.url, str):
        raise ValueError(f"the URL is {link.url!r:.50}; give text")
    level = link.priority
    if type(level) is not int or not -PRIORITY_MAX <= level <= PRIORITY_MAX:
        most = f"a whole number from -{PRIORITY_MAX} to {PRIORITY_MAX}"
        raise ValueError(f"the priority is {level!r:.50}; give {most}")
    url = normalise(link.url, base) if link.url else None
    if url is not None and link.params is not None:
        url = normalise(_with_params(url, link.params))
    if url is None:
        return None
    if link == Link(link.url, link.to, level):
        return link if url == link.url else Link(url, link.to, level)
    request = link.request or _request(link)
    if link.again and number is not None and not request.apart:
        request = replace(request, apart=f"{AGAIN}{number}")
    special = None if request == PLAIN else request
    return Link(url, link.to, level, again=link.again, request=special)


def _request(link: Link) -> Request:
    body, kind = _body(link)
    headers = tuple(checked_headers(link.headers))
    given = next((value for name, value in headers if name.lower() == "content-type"), None)
    if not isinstance(link.session, str):
        raise ValueError(f"session is {link.session!r:.50}; give the name of a session")
    if link.session.startswith(POOLED):
        raise ValueError(
            f"session is {link.session!r:.50}; names that begin with {POOLED!r} are those of sessions=N"
        )
    return Request(
        method=_method(link.method, has_body=bool(kind)),
        headers=tuple(each for each in headers if each[0].lower() != "content-type"),
        body=body,
        content_type=given or kind,
        data=packed(link.data),
        idempotent=bool(link.idempotent),
        session=link.session,
    )


def _method(given: str | None, *, has_body: bool) -> str:
    if given is None:
        return "POST" if has_body else "GET"
    if not isinstance(given, str) or not TOKEN.fullmatch(given):
        raise ValueError(f"the method is {given!r:.50}; give a word such as POST")
    name = given.upper()
    if name in _NOT_REQUESTED:
        raise ValueError(f"the method {name} does not ask for a page")
    return name


def packed(data: Any) -> bytes:
    """Return the data of a link as it is kept. Raises `ValueError`."""
    if data is None:
        return b""
    if not isinstance(data, Mapping) or not all(isinstance(name, str) for name in data):
        raise ValueError(f"data is {data!r:.50}; give a dict whose keys are text")
    try:
        found = _data(dict(data))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(
            f"data can't be kept: {error}; give values that msgspec can encode"
        ) from None
    if len(found) > DATA_BYTES_MAX:
        raise ValueError(
            f"data has {len(found):,} bytes; at most {DATA_BYTES_MAX:,} travel with a link"
        )
    return found


def _body(link: Link) -> tuple[bytes, str]:
    """Return the body and its Content-Type; both empty for none."""
    given = [name for name in _BODIES if getattr(link, name) not in (None, UNSET)]
    if link.json is None:
        given.insert(0, "json")
    if not given:
        return b"", ""
    if len(given) > 1:
        raise ValueError(
            f"{' and '.join(given)} are given; a request has one body, so give one of them"
        )
    body, kind = _written(given[0], getattr(link, given[0]))
    if len(body) > BODY_BYTES_MAX:
        raise ValueError(f"the body has {len(body):,} bytes; at most {BODY_BYTES_MAX:,} are sent")
    return body, kind


def _written(name: str, value: Any) -> tuple[bytes, str]:
    if name == "json":
        try:
            return msgspec.json.encode(value), "application/json"
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ValueError(f"json can't be written: {error}") from None
    if name == "form":
        return urlencode(list(_pairs(value, "form"))).encode(), FORM_TYPE
    if not isinstance(value, str | bytes):
        raise ValueError(f"{name} is {value!r:.50}; give text or bytes")
    text = value.encode("utf-8", "replace") if isinstance(value, str) else value
    if name == "xml":
        return text, "application/xml"
    return text, "text/plain;charset=UTF-8" if isinstance(
        value, str
    ) else "application/octet-stream"


def _with_params(url: str, params: Any) -> str:
    query = urlencode(list(_pairs(params, "params")))
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _pairs(given: Any, what: str) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a dict or of a list of pairs; a list as a value repeats the name, None leaves it out."""
    pairs = given.items() if isinstance(given, Mapping) else given
    if isinstance(pairs, str | bytes) or not isinstance(pairs, Iterable):
        raise ValueError(f"{what} is {given!r:.50}; give a dict or a list of pairs")
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ValueError(f"{what} has {pair!r:.50}; give a dict or a list of pairs")
        name, value = pair
        for each in value if isinstance(value, list | tuple) else [value]:
            if each is not None:
                yield str(name), _text(each, f"{what}, {name}")


def _text(value: Any, what: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"{what}: the value is {value!r:.50}; give text, a number, or a list of these")


def checked_headers(given: Any) -> Iterator[tuple[str, str]]:
    """Yield the headers in a dict or in pairs. Raises `ValueError` for an invalid header."""
    if given is None:
        return
    for name, value in _pairs(given, "headers"):
        yield checked_header(f"{name}: {value}")
