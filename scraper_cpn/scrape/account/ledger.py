"""The results of a crawl so far: the rows that left the net, counted and grouped.

Owns: the numbers of `Snapshot` and `Summary` that come from rows. Must not know: the net, the shell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import structs

from scraper_cpn.scrape.account.report import Changes, FailureGroup
from scraper_cpn.scrape.colours import KINDS, Failure, Hold, PooledSession, Proxy, Stored, to_show

EXAMPLES = 3
UNSURE = "unsure"
"""The kind of requests that may have been processed, and are not sent twice by themselves."""
GONE = frozenset({301, 308, 404, 410})
"""Statuses by which a page that was kept before has no page any more (RFC 9110 sections 15.4 and 15.5)."""
UNCHANGED = "unchanged"
"""The kind of a row of a page that has not changed since it was stored."""
SKIPPED = frozenset(
    {
        "redirected",
        "robots",
        "scope",
        "filtered",
        "slow",
        "drop",
        "limit",
        "trap",
        "login",
        "duplicate",
        UNCHANGED,
    }
)
"""Kinds of ending that are not failures: the URL was rightly not stored."""


_STORED_ANYWAY = frozenset({"invalid", "partial", "sitemap", "file", "refresh", UNCHANGED})
"""Kinds of rows of a page that is stored all the same."""


_NO_MISTAKE = frozenset({"redirected", "login", "duplicate", UNCHANGED})
"""Kinds of ending of a seed that nobody need look into."""


class Ledger:
    """Counts rows of `stored` and `failed_log`.

    Args:
        on_event: is called with each row, in the form that `--json` prints.
    """

    def __init__(self, on_event: Callable[[dict[str, Any]], None] | None = None) -> None:
        self.stored = 0
        self.items = 0
        self.cut = 0
        """Pages of which the limits for one page left something out."""
        self.cut_examples: list[str] = []
        self.stored_again = self.ended_again = 0
        """Rows of visits after the first: their URLs have been stored before."""
        self.changed = self.unchanged = self.gone = 0
        """Pages that were kept before, in this crawl or in an earlier one, by what has become of them."""
        self.failed = 0
        self.skipped = 0
        self.sessions_given_up = 0
        self.retired: list[str] = []
        self.failed_urls: list[str] = []
        self.failed_requests = 0
        """How many of them are more than a URL: with a body, data, or a handler that a link has named."""
        self.seeds_failed: list[str] = []
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[Failure]] = {}
        self.on_event = on_event

    @property
    def bad_seeds(self) -> int:
        """Lines of the input that are not URLs; they count as failed, too."""
        return self._counts.get("seed", 0)

    @property
    def changes(self) -> Changes:
        """The pages by what has become of them."""
        new = self.stored - self.changed
        return Changes(new, self.changed, self.unchanged, self.gone)

    def take(self, rows: Iterable[Any]) -> None:
        """Count rows, oldest first."""
        for row in rows:
            if isinstance(row, Stored):
                self._stored(row)
            elif isinstance(row, Failure):
                self._failure(row)
            elif isinstance(row, PooledSession):
                self.sessions_given_up += 1
            elif isinstance(row, Proxy):
                self.retired.append(row.proxy)
            elif isinstance(row, Hold) and self.on_event is not None:
                self.on_event({"event": "hold", **structs.asdict(row)})

    def groups(self) -> Iterator[FailureGroup]:
        """The failures by kind, most frequent first."""
        for kind in sorted(self._counts, key=lambda kind: (-self._counts[kind], kind)):
            yield FailureGroup(kind, self._counts[kind], KINDS[kind], tuple(self._examples[kind]))

    def _stored(self, row: Stored) -> None:
        self.stored += 1
        self.stored_again += _is_later(row)
        self.changed += change_of(row) == "changed"
        self.items += row.items
        self.cut += bool(row.cut)
        if row.cut and len(self.cut_examples) < EXAMPLES:
            self.cut_examples.append(f"{row.target.url}: {'; '.join(row.cut)}")
        if self.on_event is not None:
            target = row.target
            self.on_event(
                {
                    "event": "stored",
                    "url": target.url,
                    "depth": target.depth,
                    "items": row.items,
                    "connection": row.wired.connection,
                    "ordinal": row.wired.ordinal,
                }
                | ({"cut": list(row.cut)} if row.cut else {})
                | ({"change": change} if (change := change_of(row)) else {})
            )

    def _failure(self, row: Failure) -> None:
        if row.final or row.kind in _STORED_ANYWAY:
            self._counts[row.kind] = self._counts.get(row.kind, 0) + 1
            self._examples.setdefault(row.kind, [])
            if len(self._examples[row.kind]) < EXAMPLES:
                self._examples[row.kind].append(_to_show(row))
        self.unchanged += row.kind == UNCHANGED
        self.gone += change_of(row) == "gone"
        if not _is_later(row) if row.kind == UNCHANGED else row.final:
            self._ending(row)  # what is unchanged later has been stored, or was unchanged, before
        if self.on_event is not None:
            self.on_event({"event": "failed", **failure_record(row)})

    def _ending(self, row: Failure) -> None:
        self.ended_again += _is_later(row)
        if row.kind in SKIPPED:
            self.skipped += 1
        else:
            self.failed += 1
            if worth_a_retry(row):
                self.failed_urls.append(row.target.url)
                self.failed_requests += _is_more(row)
        if row.target.seed and row.kind not in _NO_MISTAKE:
            self.seeds_failed.append(row.target.requested_url)


def _to_show(row: Failure) -> Failure:
    """Return a failure without what its request has sent: a program may write down a whole summary, and `--json` does."""
    return structs.replace(row, target=to_show(row.target))


def _is_more(row: Failure) -> bool:
    """Whether a failed request is more than its URL."""
    request = row.target.request
    return bool(row.target.handler or request.data or request.method != "GET")


def _is_later(row: Stored | Failure) -> bool:
    """Whether a row is of a visit after the first."""
    visit = row.target.request.visit
    return visit is not None and visit.number > 1


def change_of(row: Stored | Failure) -> str:
    """What has become of a page that was kept before: `changed`, `unchanged` or `gone`; empty for all else."""
    if isinstance(row, Failure) and row.kind == UNCHANGED:
        return "unchanged"
    visit = row.target.request.visit
    if visit is None or not visit.kept:
        return ""
    if isinstance(row, Stored):
        return "changed"
    return "gone" if row.final and row.status in GONE else ""


def worth_a_retry(row: Failure) -> bool:
    """Whether a retry may succeed: a 404 will be a 404 the next time, too.

    A refused address is never retried: as a seed it would be permitted.
    """
    kept_out = row.kind in SKIPPED or row.kind in {"address", "seed", UNSURE}
    return row.final and not kept_out and (row.retry or row.kind != "http")


def may_be_sent_again(row: Failure) -> bool:
    """Whether a retry is possible: also of what may have been processed, if the user wants it on purpose."""
    return worth_a_retry(row) or (row.final and row.kind == UNSURE)


def failure_record(row: Failure) -> dict[str, Any]:
    """A row of the failed log as one flat record, for people and machines.

    What has a body is not worth a retry by the record alone: bodies are in states only.
    """
    record: dict[str, Any] = {
        "url": row.target.url,
        "kind": row.kind,
        "reason": row.reason,
        "status": row.status,
        "attempt": row.target.attempt,
        "final": row.final,
        "again": worth_a_retry(row) and row.target.request.method == "GET",
        "depth": row.target.depth,
        "parent": row.target.parent,
    }
    request = row.target.request
    if request.method != "GET":
        record["method"] = request.method
    if row.target.handler:
        record["to"] = row.target.handler
    if request.data:
        record["data"] = msgspec.to_builtins(msgspec.msgpack.decode(request.data))
    if change := change_of(row):
        record["change"] = change
    return record | {"detail": row.detail} if row.detail else record
