"""The rows of a crawl in its state: stored pages and failed attempts.

Owns: encoding and decoding rows, and which of them were put back since.
Must not know: files, SQL, the net, how a crawl is resumed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from xxhash import xxh3_64_intdigest

from scraper_cpn.net import Row
from scraper_cpn.scrape.account.ledger import may_be_sent_again
from scraper_cpn.scrape.colours import (
    FAILED_LOG,
    Failure,
    Hold,
    PooledSession,
    RequestTarget,
    Stored,
    Target,
)
from scraper_cpn.scrape.request import PLAIN, Request, Visit, first_visit
from scraper_cpn.scrape.state.metadata import read_row, read_value
from scraper_cpn.store.port import ItemRow, SinkRow

RetriedKinds = Mapping[str, int]
"""By kind of failure: how many rows the failed log had when that kind was last put back."""

_json = msgspec.json.Encoder().encode


class Logged(Protocol):
    """The part of a store or a reader that the failed log needs."""

    def metadata(self) -> dict[str, bytes]:
        """The named values of the run."""

    def rows(self, sink: str) -> Iterator[SinkRow]:
        """The rows of a sink, oldest first."""


class StoredPage(Struct, frozen=True, omit_defaults=True):
    """What a state keeps of a stored page, beside its items."""

    url: str
    depth: int
    items: int
    checksum: int
    """The checksum of the page and its items; see `checksum_of`."""
    connection: int = 0
    """The connection on which the page came, numbered by the process that fetched it. 0 if unknown."""
    ordinal: int = 0
    """The number of its request on the connection, from 1 on."""
    cut: tuple[str, ...] = ()
    """What the limits for one page left out, a line for each."""
    request: str = ""
    """Its identity, where that is more than the URL."""
    site: str = ""
    parent: str | None = None
    priority: int = 0
    handler: str = ""
    """As those of its target, for a later crawl that asks for it again."""
    asked: Request | None = None
    """Its request, where it is a GET of its URL with headers or data."""
    visit: Visit | None = None
    """What tells a later crawl whether it has changed; None: it was not kept."""


def writing(row: Row) -> tuple[SinkRow, list[ItemRow]]:
    """Encode a row and its items for a state."""
    colour = row.colour
    if isinstance(colour, Stored):
        url, depth, items = colour.target.url, colour.target.depth, list(_items(colour))
        wired = colour.wired
        checksum = checksum_of(url, depth, items)
        page = StoredPage(
            url,
            depth,
            colour.items,
            checksum,
            wired.connection,
            wired.ordinal,
            colour.cut,
            _apart(colour.target),
            **_for_later(colour.target),
        )
        return (row.sink, url, _json(page)), items
    if isinstance(colour, Failure):
        return (row.sink, colour.target.url, _json(colour)), []
    if isinstance(colour, Hold):
        return (row.sink, colour.domain, _json(colour)), []
    if isinstance(colour, PooledSession):
        return (row.sink, colour.jar, _json({"session": colour.jar})), []
    return (row.sink, colour.proxy, _json({"proxy": colour.proxy})), []


def _apart(target: Target) -> str:
    return "" if target.request.by_url else target.identity


def _for_later(target: Target) -> dict[str, Any]:
    """What a later crawl needs to ask for a page again."""
    request = first_visit(target.request)
    plain = request == PLAIN or not request.by_url
    return {
        "site": target.site,
        "parent": target.parent,
        "priority": target.priority,
        "handler": target.handler,
        "asked": None if plain else request,
        "visit": target.request.visit,
    }


class _Asked(Struct, frozen=True):
    """The part of a failure whose target has a request of its own."""

    target: RequestTarget


def read_failure(body: bytes) -> Failure:
    """Read a row of the failed log. Raises `StoreError`."""
    row = read_row(body, Failure)
    if b'"request":' not in body:
        return row
    return replace(row, target=read_row(body, _Asked).target)


def checksum_of(url: str, depth: int, items: Iterable[ItemRow]) -> int:
    """The checksum of a page and its items in encoded form: 64 bits of xxHash."""
    total = xxh3_64_intdigest(f"{depth} {url}".encode())
    for fingerprint, visit, ordinal, body in items:
        total = xxh3_64_intdigest(body, total)
        total = xxh3_64_intdigest(fingerprint + b"%d %d" % (visit, ordinal), total)
    return total


def _items(stored: Stored) -> Iterator[ItemRow]:
    """The items of a page, each with its identity."""
    visit = stored.target.request.visit
    fingerprint = hashlib.blake2b(stored.target.identity.encode(), digest_size=16).digest()
    for ordinal, item in enumerate(stored.kept):
        yield (fingerprint, visit.number if visit else 1, ordinal, _json(item))


def failures(log: Logged) -> Iterator[Failure]:
    """The rows of the failed log, oldest first; rows that were put back are not final any more.

    Raises:
        StoreError: a row can't be read.
    """
    retried = retried_kinds(log.metadata())
    for number, (_, _, body) in enumerate(log.rows(FAILED_LOG)):
        row = read_failure(body)
        gone_on = number < retried.get(row.kind, 0) and may_be_sent_again(row)
        yield replace(row, final=False) if gone_on else row


def retried_kinds(metadata: Mapping[str, bytes]) -> RetriedKinds:
    """Read which rows were put back so far."""
    return read_value(metadata, "put_back", dict[str, int], b"{}")


def retried_entry(before: RetriedKinds, kinds: Iterable[str], rows: int) -> tuple[str, bytes]:
    """The value after these kinds were put back, when the failed log had *rows* rows.

    A kind that was put back at a longer log keeps its number: its rows among those were put back.
    """
    after = {kind: max(rows, before.get(kind, 0)) for kind in sorted(kinds)}
    return ("put_back", _json({**before, **after}))
