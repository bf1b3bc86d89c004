"""A client that the user brings: `--fetcher module:Class`.

Owns: finding the class, and what is wrong with it.
Must not know: what a client does (`client` says so).
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from scraper_cpn.scrape.settings import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from scraper_cpn.scrape.fetch.client import Client

_given: dict[str, Any] = {}
"""Classes that a program gave as such, by their names."""
_METHODS = ("open", "close", "send")


def remember(client: type[Any]) -> str:
    """Return the name of a class that a program gave, by which `own_client` finds it."""
    name = f"{client.__module__}:{client.__qualname__}"
    _given[name] = client
    return name


def own_client(name: str) -> Callable[..., Client]:
    """Return the class of a user by its name `module:Class`. The current folder is where modules are looked for last.

    Raises `UsageError` for a module that can't be imported, and for what is no client.
    """
    found = _given.get(name) or _imported(name)
    missing = [method for method in _METHODS if not callable(getattr(found, method, None))]
    if not callable(found) or missing:
        lacks = f"; it has no {', no '.join(missing)}" if found is not None else ""
        raise UsageError(
            f"fetcher: {name} is no class of a client{lacks}; docs/clients.md has the port"
        )
    return cast("Callable[..., Client]", found)


def _imported(name: str) -> Any:
    module, _, path = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found: Any = import_module(module)
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"fetcher: {module} can't be imported: {said:.200}") from error
    for part in path.split("."):
        found = getattr(found, part, None)
    return found
