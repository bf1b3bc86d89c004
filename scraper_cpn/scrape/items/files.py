"""The files that items name: their URLs, and what is put in their place.

Owns: which values of an item are files, and how an item looks once they have ended.
Must not know: the net, how a file is fetched or saved.

A file may stand in a field as a URL or as a `File`, alone or in a list. Items are dicts, Structs, dataclasses or attrs
classes; fields may also be in a dict `fields`, as in a page's own item.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from scraper_cpn.scrape.colours import File
from scraper_cpn.scrape.urls import normalise

FIELDS = "fields"
"""The dict of a page's own item that has what the user's selectors found."""

Change = Callable[[Any], Any]


def with_urls(items: Iterable[Any], names: tuple[str, ...], base: str) -> tuple[Any, ...]:
    """Return items whose fields *names* have a `File` for each URL, which may be relative to *base*.

    Values that are no URLs remain, and are no files; a URL that is no web address is a file with an error.
    """

    def change(value: Any) -> Any:
        if isinstance(value, File):
            return value if value.path or value.error else change(value.url)
        if not isinstance(value, str):
            return value
        url = normalise(value, base) if value.strip() else None  # an empty one is not the page
        return File(value, error="it is no web address") if url is None else File(url)

    return tuple(_changed(item, names, change) for item in items)


def wanted_in(items: Iterable[Any], names: tuple[str, ...]) -> list[str]:
    """Return the different URLs of the files that items name and that have not ended, in their order."""
    found: dict[str, None] = {}

    def note(value: Any) -> Any:
        if isinstance(value, File) and not (value.path or value.error):
            found[value.url] = None
        return value

    for item in items:
        _changed(item, names, note)
    return list(found)


def with_files(
    items: Iterable[Any], names: tuple[str, ...], ended: Mapping[str, File]
) -> tuple[Any, ...]:
    """Return items with the files that have ended in place of those that were wanted."""

    def change(value: Any) -> Any:
        return ended.get(value.url, value) if isinstance(value, File) else value

    return tuple(_changed(item, names, change) for item in items)


def other_than_files(item: Any, names: tuple[str, ...]) -> tuple[str, Any] | None:
    """Return the field among *names* that has anything but files, URLs and None, and that value; None if there is none."""
    found: list[tuple[str, Any]] = []

    def note(name: str, value: Any) -> Any:
        if not (value is None or isinstance(value, File | str)):
            found.append((name, value))
        return value

    for name in names:
        _changed(item, (name,), partial(note, name))
    return found[0] if found else None


def _changed(item: Any, names: tuple[str, ...], change: Change) -> Any:
    """Return an item with the files in some of its fields changed; the item itself stays as it is."""
    if isinstance(item, dict):
        return item | {name: _each(item[name], change) for name in names if name in item}
    new = {name: _each(getattr(item, name), change) for name in names if hasattr(item, name)}
    fields = getattr(item, FIELDS, None)
    if isinstance(fields, dict):
        new[FIELDS] = _changed(fields, names, change)
    if isinstance(item, msgspec.Struct):
        return msgspec.structs.replace(item, **new)
    item = copy.copy(item)
    for name, value in new.items():
        object.__setattr__(item, name, value)  # as its class may be frozen
    return item


def _each(value: Any, change: Change) -> Any:
    return [change(each) for each in value] if isinstance(value, list | tuple) else change(value)
