"""A client that the user brings: `--fetcher module:Class`.

Owns: finding the class, what is wrong with it, and keeping its mistakes from a crawl.
Must not know: what a client does (`client` says so).
"""

from __future__ import annotations

import logging
import re
import sys
from importlib import import_module
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from msgspec.structs import replace

from scraper_cpn.scrape import redact
from scraper_cpn.scrape.colours import KINDS, WITHHELD, Failed
from scraper_cpn.scrape.fetch.client import Ask, Reply
from scraper_cpn.scrape.redact import HARMLESS_HEADERS, redacted, writable
from scraper_cpn.scrape.settings import Settings, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.abc import AbstractResolver

    from scraper_cpn.scrape.fetch.client import Surplus

_log = logging.getLogger("scraper_cpn")
_given: dict[str, Any] = {}
"""Classes that a program gave as such, by their names."""
_PARTS = re.compile(r"[&=\s\"'{}\[\]:,]+")
"""What stands between the names and values of a form or of JSON."""
_METHODS = ("open", "close", "send")


def remember(client: type[Any]) -> str:
    """Return the name of a class that a program gave, by which `own_client` finds it."""
    name = f"{client.__module__}:{client.__qualname__}"
    _given[name] = client
    return name


class OwnClient:
    """The client of a user, as a `Client`; *name* is that of its class.

    Raises `UsageError`, when it is made and when it is opened, with what the class raises. What `send` raises, or returns that no
    crawl can go on with, loses that one request.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        resolver: AbstractResolver | None,
        on_surplus: Callable[[Surplus], None],
    ) -> None:
        made = own_client(name)
        self._name = name
        try:
            self._client = made(settings, resolver, on_surplus)
        except Exception as error:
            raise self._unusable("made", error) from error

    async def open(self) -> None:
        """Get ready."""
        try:
            await _awaited("open", self._client.open())
        except Exception as error:
            raise self._unusable("opened", error) from error

    async def close(self) -> None:
        """Close all connections. The results of a crawl are there by now: a mistake is a warning."""
        try:
            await _awaited("close", self._client.close())
        except Exception as error:  # noqa: BLE001 - whatever a user's class does
            _log.warning("fetcher: %s can't be closed: %s", self._name, _said(error))

    async def send(self, ask: Ask) -> Reply | Failed:
        """Send a request. Raises what the class raises, and `TypeError` and `ValueError` for what it returns.

        What the request alone has of secrets is hidden in all texts from then on: the class may have put it into its own.
        """
        try:
            found = _checked(await _awaited("send", self._client.send(ask)))
        except Exception:
            _hide_what_was_sent(ask)
            raise
        if not isinstance(found, Failed):
            return found
        _hide_what_was_sent(ask)
        return replace(found, reason=writable(found.reason))

    def _unusable(self, what: str, error: Exception) -> UsageError:
        if isinstance(error, UsageError):
            return error
        return UsageError(f"fetcher: {self._name} can't be {what}: {_said(error)}")


async def _awaited(method: str, result: Any) -> Any:
    if not isawaitable(result):
        raise TypeError(f"{method} is no async function")
    return await result


def _checked(found: object) -> Reply | Failed:
    if isinstance(found, Failed):
        if found.kind not in KINDS and found.kind != WITHHELD:
            raise ValueError(
                f"send returned a Failed of the kind {found.kind!r}; give one of {', '.join(KINDS)}"
            )
        return found
    if not isinstance(found, Reply):
        raise TypeError(f"send returned {found!r:.60}; return a Reply or a Failed")
    if not isinstance(found.body, bytes):
        raise TypeError(f"send returned a body of {type(found.body).__name__}; give bytes")
    return found


def _hide_what_was_sent(ask: Ask) -> None:
    """Hide the request's own headers and cookies, and the parts of what a login sends."""
    for name, value in ask.request.headers:
        if name.lower() not in HARMLESS_HEADERS:
            redact.remember(value)
    for crumb in ask.cookie().split("; ") if ask.cookie else ():
        redact.remember(crumb.partition("=")[2])
    if ask.request.login:
        body = ask.request.body.decode(errors="replace")
        for part in _PARTS.split(body):
            redact.remember(part)
            redact.remember(unquote_plus(part))


def _said(error: Exception) -> str:
    return redacted(" ".join(f"{type(error).__name__}: {error}".split()))[:200]


def own_client(name: str) -> Callable[..., Any]:
    """Return the class of a user by its name `module:Class`. The current folder is where modules are looked for last.

    Raises `UsageError` for a module that can't be imported, and for what is no client.
    """
    found = _given.get(name) or _imported(name)
    missing = [method for method in _METHODS if not callable(getattr(found, method, None))]
    if not callable(found) or missing:
        lacks = f"; it has no {', no '.join(missing)}" if found is not None and missing else ""
        raise UsageError(
            f"fetcher: {name} is no class of a client{lacks}; docs/clients.md has the port"
        )
    client: Callable[..., Any] = found
    return client


def _imported(name: str) -> Any:
    module, _, path = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found: Any = import_module(module)
    except Exception as error:
        raise UsageError(f"fetcher: {module} can't be imported: {_said(error)}") from error
    for part in path.split("."):
        found = getattr(found, part, None)
    return found
