"""Unique items: a crawl keeps the first item for each key, made of fields that the program names.

Owns: which keys are taken, and by which page.
Must not know: the net, stores, outputs.

A page that is requested again after its items were read may claim the keys that it had: none of them was kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Target, Valid, ValidateOutcome
from scraper_cpn.scrape.settings import UsageError

_DIGEST_BYTES = 16
_encode = msgspec.json.Encoder(order="sorted").encode


class Unique:
    """The keys of items, by which only the first item of each key is kept. Memory: some 150 bytes an item."""

    def __init__(self) -> None:
        self._rules: list[tuple[str, ...]] = []
        self._owners: dict[bytes, bytes] = {}
        """For each key the page that has it."""

    def __bool__(self) -> bool:
        """Whether there is a rule."""
        return bool(self._rules)

    def anew(self) -> Unique:
        """Return the same rules for another crawl, which has no items yet."""
        new = Unique()
        new._rules = self._rules
        return new

    def add(self, fields: tuple[str, ...]) -> None:
        """Keep only one of the items that have these fields with the same values. Raises `UsageError`."""
        if not fields or not all(isinstance(field, str) for field in fields):
            raise UsageError(
                f'unique: name the fields of a key, as in unique("sku"), not {fields!r}'
            )
        self._rules.append(fields)

    def know(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Take note of items that were kept before: the page of each (see `page_of`), and the item as JSON."""
        for page, body in items:
            for key, _ in self._keys(msgspec.json.decode(body)):
                self._owners.setdefault(key, page)

    def only_new(self, target: Target, outcome: ValidateOutcome) -> ValidateOutcome:
        """Return the outcome of a page without the items whose keys others have, which it tells in `dropped`."""
        if not isinstance(outcome, Valid):
            return outcome
        page, kept, mine = page_of(target), list[Any](), set[bytes]()
        dropped: Counter[str] = Counter(dict(outcome.dropped))
        for item in outcome.items:
            keys = list(self._keys(msgspec.to_builtins(item, str_keys=True)))
            taken = [
                name for key, name in keys if key in mine or self._owners.get(key, page) != page
            ]
            if taken:
                dropped[f"another item has the same {taken[0]}"] += 1
                continue
            mine.update(key for key, _ in keys)
            kept.append(item)
        self._owners.update((key, page) for key in mine)
        return replace(outcome, items=tuple(kept), dropped=tuple(dropped.items()))

    def _keys(self, item: Any) -> Iterator[tuple[bytes, str]]:
        """Yield the key of an item by each rule whose fields it has, and the names of these."""
        for rule in self._rules:
            if isinstance(item, dict) and all(field in item for field in rule):
                values = [rule, *(item[field] for field in rule)]
                digest = blake2b(_encode(values), digest_size=_DIGEST_BYTES).digest()
                yield digest, ", ".join(rule)


def page_of(target: Target) -> bytes:
    """Return what stands for a page in a state."""
    return blake2b(target.identity.encode(), digest_size=_DIGEST_BYTES).digest()
