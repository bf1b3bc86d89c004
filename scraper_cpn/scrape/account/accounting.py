"""The account of a crawl: the numbers in its progress, its summary and its state.

Owns: the counters, how and why a crawl has ended, and how another process continues the account.
Must not know: effects, the shell, how anything is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nlargest
from typing import Any, Literal, Protocol

import msgspec

from scraper_cpn.net import Counter, Ended, Kernel, KeySet, Place, Row
from scraper_cpn.scrape.account.ledger import Ledger
from scraper_cpn.scrape.account.report import (
    HOLDS_SHOWN,
    Account,
    Ending,
    PausedDomain,
    Snapshot,
    Stage,
    Summary,
)
from scraper_cpn.scrape.arriving import KeptLines
from scraper_cpn.scrape.colours import (
    Failure,
    Fetched,
    FetchOutcome,
    Filed,
    Hold,
    Length,
    Mapped,
    Parsed,
    ParseOutcome,
    Stored,
    Valid,
    ValidateOutcome,
)
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.options.quantities import size_text
from scraper_cpn.scrape.parts.volume import Bytes
from scraper_cpn.scrape.policy.retries import is_unsent
from scraper_cpn.scrape.seeds import Unread
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.state.unread import PIPE_OPEN, TAKEN
from scraper_cpn.scrape.windows import opening_after

REASONS_MAX = 50
"""The number of reasons for dropped items that the summary lists one by one."""
OTHER_REASONS = "other reasons"


class Before(Protocol):
    """What an account goes on from."""

    @property
    def account(self) -> Account:
        """The totals of earlier processes."""

    def failures(self) -> Iterator[Failure]:
        """The rows of the failed log so far."""


class Accounting:
    """Keeps the account of a kernel of the scrape net.

    Args:
        kernel: is only read.
        net: the kernel's net.
        settings: the settings of the crawl.
        unread: the seeds that are read while it runs.
        clock_ns: the crawl's clock, UTC.

    Attributes:
        ledger: counts the rows of the sinks.
    """

    def __init__(
        self,
        kernel: Kernel,
        net: ScrapeNet,
        settings: Settings,
        unread: Unread | None = None,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._unread = unread
        self.ledger = Ledger()
        self._kernel = kernel
        self._net = net
        self._settings = settings
        self._no_address = 0
        self._sitemaps = self._mapped = self._files = 0
        self._stopped = ""
        """Why the program has stopped the crawl; empty if it has not."""
        self._dropped: dict[str, int] = {}
        """How many items functions of the program have dropped, by reason."""
        self._login_failed = ""
        """Why a login has failed; empty if none has."""
        self._attempts = self._pages = self._bytes = self._not_followed = 0
        self.connections_dropped = 0
        self.cookies: Callable[[], int] = int
        """Tells how many there are."""
        self._now_ns = clock_ns
        self._holds: dict[str, tuple[int, str]] = {}
        """The domains that pause: until when, and why."""
        self._before_ns = 0
        """How long the crawl has run in earlier processes."""
        self._began_ns = 0
        self._length: Length = None
        """The length of the output up to the last stored item."""

    def go_on(self, state: Before) -> None:
        """Add the account of earlier processes."""
        account = state.account
        self._attempts, self._pages, self._bytes = account.attempts, account.pages, account.bytes
        self._before_ns = account.elapsed_ns
        self.ledger.take(state.failures())
        self.ledger.stored, self.ledger.items = account.stored, account.items
        self.ledger.stored_again, self.ledger.changed = account.stored_again, account.changed
        self.ledger.sessions_given_up = account.sessions_given_up
        self.ledger.cut, self._not_followed = account.cut, account.not_followed
        self._no_address = account.no_address
        self._sitemaps, self._mapped = account.sitemaps, account.mapped
        self._files = account.files
        self._dropped = dict(account.dropped)

    def begin(self, now_ns: int) -> None:
        """Start the clock of the crawl."""
        self._began_ns = now_ns - self._before_ns

    def attempt(self) -> None:
        """Count a request for a page that starts."""
        self._attempts += 1

    def outcome(self, outcome: FetchOutcome) -> None:
        """Count the outcome of a request."""
        if isinstance(outcome, Fetched):
            self._pages += 1
            self._bytes += len(outcome.response.body)
        elif is_unsent(outcome):
            self._attempts -= 1

    def parsed(self, outcome: ParseOutcome) -> None:
        """A page was parsed."""
        if isinstance(outcome, Parsed):
            self._not_followed += outcome.not_followed
            self._no_address += outcome.no_address
            self.stopped(outcome.stop)

    def stopped(self, reason: str) -> None:
        """The program has stopped the crawl, if there is a reason; the first one counts."""
        self._stopped = self._stopped or reason

    def validated(self, outcome: ValidateOutcome) -> None:
        """Items of a page were validated."""
        for reason, number in outcome.dropped if isinstance(outcome, Valid) else ():
            if reason not in self._dropped and len(self._dropped) >= REASONS_MAX:
                reason = OTHER_REASONS
            self._dropped[reason] = self._dropped.get(reason, 0) + number

    def mapped(self, mapped: Mapped) -> None:
        """A sitemap was read."""
        self._sitemaps += 1
        self._mapped += len(mapped.targets)
        self._not_followed += mapped.not_followed

    def filed(self, filed: Filed) -> None:
        """A file that an item names has come."""
        self._bytes += filed.size
        self._files += filed.file.error is None

    def _take_holds(self, holds: list[Hold]) -> None:
        now_ns = self._now_ns() if holds else 0
        for hold in holds:
            self._holds[hold.domain] = (now_ns + hold.wait_ns, hold.reason)

    def _held(self, now_ns: int) -> tuple[PausedDomain, ...]:
        """All domains outside of `--hours`, and those that pause longest; those whose pause is over are forgotten."""
        self._holds = {name: hold for name, hold in self._holds.items() if hold[0] > now_ns}
        longest = nlargest(HOLDS_SHOWN, self._holds.items(), key=lambda item: item[1][0])
        return self._closed(now_ns) + tuple(
            PausedDomain(name, until, until - now_ns, why) for name, (until, why) in longest
        )

    def _closed(self, now_ns: int) -> tuple[PausedDomain, ...]:
        """The pauses outside of `--hours`, and of domains outside of their own hours."""
        hours = [("every domain", self._settings.hours, "--hours")]
        hours += [(site.name, site.hours, "its hours") for site in self._settings.sites]
        closed = ((name, opening_after(each, now_ns), why) for name, each, why in hours)
        return tuple(
            PausedDomain(name, opens_ns, opens_ns - now_ns, why)
            for name, opens_ns, why in closed
            if opens_ns is not None
        )

    def take(self, rows: Iterable[Row]) -> None:
        """Count rows that have reached a sink."""
        colours = [row.colour for row in rows]
        self.ledger.take(colours)
        self._take_holds([colour for colour in colours if isinstance(colour, Hold)])
        for colour in colours:
            if isinstance(colour, Stored) and colour.length is not None:
                self._length = colour.length
            elif isinstance(colour, Failure) and _ends_a_login(colour):
                self._login_failed = f"the login failed: {colour.reason}"

    def metadata(self, now_ns: int, summary: Summary | None = None) -> Sequence[tuple[str, bytes]]:
        """The metadata that a state records with a batch; with *summary*, also how the crawl has ended."""
        metadata: list[tuple[str, Any]] = [("account", self._account(now_ns))]
        if self._length is not None:
            metadata.append(("length", self._length))
        if self._unread is not None:
            metadata.append((TAKEN, self._unread.taken))
        if isinstance(self._unread, KeptLines):
            metadata.append((PIPE_OPEN, self._unread.arriving))
        if summary is not None:
            metadata.append(("ended", Ending(summary.ended, summary.reason)))
        return [(name, msgspec.json.encode(value)) for name, value in metadata]

    def _account(self, now_ns: int) -> Account:
        return Account(
            pages=self._pages,
            attempts=self._attempts,
            bytes=self._bytes,
            stored=self.ledger.stored,
            stored_again=self.ledger.stored_again,
            changed=self.ledger.changed,
            items=self.ledger.items,
            elapsed_ns=now_ns - self._began_ns,
            cut=self.ledger.cut,
            not_followed=self._not_followed,
            no_address=self._no_address,
            sitemaps=self._sitemaps,
            mapped=self._mapped,
            files=self._files,
            dropped=self._dropped,
            sessions_given_up=self.ledger.sessions_given_up,
            cookies=self.cookies(),
        )

    def snapshot(self, now_ns: int) -> Snapshot:
        """The present numbers of the crawl. Cost: O(domains that pause)."""
        count, net, ledger = self._count, self._net, self.ledger
        return Snapshot(
            elapsed_ns=now_ns - self._began_ns,
            pages=self._pages,
            items=ledger.items,
            attempts=self._attempts,
            failed=ledger.failed,
            skipped=ledger.skipped,
            in_flight=count(net.requests.in_progress),
            bytes=self._bytes,
            waiting={
                "robots.txt": count(net.robots.asks),
                "their turn": count(net.frontier.targets),
                "a retry": count(net.retries.cool_down),
                "unread lines of seeds": self._unread_lines,
                "sitemaps to read": self._sitemaps_left,
                "files to fetch": sum(
                    self._count(place)
                    for files in net.files
                    for place in (files.asks, files.jobs, files.wanted)
                ),
                "their next visit": 0 if net.revisits is None else count(net.revisits.rests),
            },
            stages=tuple(
                Stage(stage.name, count(stage), stage.capacity) for stage in net.pipeline.stages
            ),
            holds=self._held(now_ns),
            least_left_ns=self._least_left_ns(),
        )

    def summary(self, ended: Ended | None, now_ns: int, *, interrupted: bool) -> Summary:
        """How the crawl has ended; *ended* is the net's own word (None: the crawl was aborted)."""
        ledger = self.ledger
        over = ledger.stored + ledger.failed - ledger.bad_seeds + ledger.skipped
        over -= ledger.stored_again + ledger.ended_again
        known = self._count(self._net.frontier.seen) + self._count(self._net.frontier.requested)
        return Summary(
            ended=self._how(ended, interrupted=interrupted),
            reason="" if ended == "spent" and interrupted else self._why(ended),
            pages=self._pages,
            items=ledger.items,
            attempts=self._attempts,
            failed=ledger.failed,
            skipped=ledger.skipped,
            bytes=self._bytes,
            elapsed_ns=now_ns - self._began_ns,
            left=known - over,
            unread_lines=self._unread_lines,
            cut=ledger.cut,
            cut_examples=tuple(ledger.cut_examples),
            not_followed=self._not_followed,
            no_address=self._no_address,
            sitemaps=self._sitemaps,
            mapped=self._mapped,
            files=self._files,
            changes=ledger.changes if self._settings.compares else None,
            dropped=dict(sorted(self._dropped.items(), key=lambda each: -each[1])),
            failures=tuple(ledger.groups()),
            failed_urls=tuple(ledger.failed_urls),
            failed_requests=ledger.failed_requests,
            seeds_failed=tuple(ledger.seeds_failed),
            connections_dropped=self.connections_dropped,
            sessions_given_up=ledger.sessions_given_up,
        )

    def _how(
        self, ended: Ended | None, *, interrupted: bool
    ) -> Literal["finished", "spent", "interrupted", "stuck", "faulted"]:
        """How a crawl has ended. Interrupted, it has finished only if no line of its input was left, or could come."""
        unread = self._unread
        more = unread is not None and (unread.arriving or unread.lines > 0)
        if ended == "finished" and not (interrupted and more):
            return ended
        return "interrupted" if interrupted or ended is None else ended

    @property
    def _sitemaps_left(self) -> int:
        maps = self._net.sitemaps
        return 0 if maps is None else sum(map(self._count, (maps.asks, maps.jobs, maps.later)))

    @property
    def _unread_lines(self) -> int:
        return 0 if self._unread is None else self._unread.lines

    def _count(self, place: Place[Any] | Counter | KeySet[Any]) -> int:
        """The count of a place, counter or set of the net."""
        return self._kernel.count(place.name)

    def _why(self, ended: Ended | None) -> str:
        settings = self._settings
        if ended == "faulted":
            return "; ".join(dict.fromkeys(f.error for f in self._kernel.marking().faulted))
        if ended == "stuck":
            return self._login_failed or "no waiting URL can be processed any more"
        if ended != "spent":
            return ""
        if self._stopped:
            return f"the program stopped it: {self._stopped}"
        if settings.max_pages is not None and self._count(self._net.budget.left) == 0:
            return f"--max-pages {settings.max_pages} is reached"
        if any(not self._count(limit.left) for limit in self._net.items):
            return f"--max-items {settings.max_items} is reached"
        limit = self._reached()
        if limit:
            return limit
        if not self._count(self._net.gate.open):
            return self._login_failed or "--max-time is over"
        return "no proxy is left: their quotas or leases have ended"

    def _reached(self) -> str:
        """Which limit on how much is fetched, or when, is reached; empty for none."""
        settings, net = self._settings, self._net
        for limit in net.volume:
            if isinstance(limit, Bytes) and not self._count(limit.left):
                return f"--max-bytes {size_text(settings.max_bytes or 0)} is reached"
        if any(not self._count(hours.open) for hours in net.hours):
            return "the windows of --hours that it knew have passed"
        return ""

    def _least_left_ns(self) -> int | None:
        """A lower bound of the time left: the URLs that wait for a domain, if spread evenly over the domains."""
        domains = self._count(self._net.domains.known)
        if not domains:
            return None
        settings = self._settings
        delays = [
            settings.delay_ns,
            *(site.delay_ns for site in settings.sites if site.delay_ns is not None),
        ]
        waiting = sum(map(self._count, self._net.known_urls))
        return max(0, -(-waiting // domains) - 1) * min(delays)


def _ends_a_login(row: Failure) -> bool:
    return row.final and row.target.request.login > 0 and row.kind not in ("login", "redirected")
