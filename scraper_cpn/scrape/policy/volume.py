"""How much is fetched and kept: the bytes and items that are left, and how long the bytes of a page may take.

Owns: counting the bytes and items of pages. What counts as bytes is a page's body, decompressed.
Must not know: the net, clocks, sockets.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    Allowance,
    Bandwidth,
    Checked,
    Domain,
    DomainAllowance,
    DomainReceived,
    Failure,
    Fetched,
    Filed,
    ItemsLeft,
    Owed,
    Received,
    Target,
)
from scraper_cpn.scrape.settings import SECOND, Settings


@dataclass(frozen=True)
class VolumePolicy:
    """Counts bytes and items."""

    settings: Settings

    def skipped(self, target: Target) -> Failure:
        """The final row of a URL whose domain has had its pages."""
        most = self.settings.max_pages_per_domain
        reason = f"{target.domain} has had {most} pages (--max-pages-per-domain)"
        return Failure(target=target, kind="limit", reason=reason, final=True)

    def allowance(self, target: Target) -> DomainAllowance:
        """The bytes that may come from a new domain."""
        return DomainAllowance(target.domain, self.settings.max_bytes_per_domain or 0)

    def received_from(self, domain: Domain, fetched: Fetched) -> DomainReceived:
        """The bytes of a page, with its domain."""
        return DomainReceived(domain.domain, fetched.size)

    def left_there(
        self, allowance: DomainAllowance, received: DomainReceived
    ) -> DomainAllowance | None:
        """The bytes that are left of a domain; None if there are none."""
        left = allowance.bytes - received.bytes
        return DomainAllowance(allowance.domain, left) if left > 0 else None

    def full(self, target: Target) -> Failure:
        """The final row of a URL whose domain has sent its bytes."""
        most = self.settings.max_bytes_per_domain
        reason = f"{target.domain} has sent {most:,} bytes or more (--max-bytes-per-domain)"
        return Failure(target=target, kind="limit", reason=reason, final=True)

    def received(self, fetched: Fetched | Filed) -> Received:
        """The bytes of a page or a file."""
        return Received(fetched.size)

    def left(self, allowance: Allowance, received: Received) -> Allowance | None:
        """The bytes that are left; None if there are none."""
        left = allowance.bytes - received.bytes
        return Allowance(left) if left > 0 else None

    def portion(self, page: Checked, left: ItemsLeft) -> Checked:
        """A page with as many of its items as may still be kept."""
        over = page.size - left.items
        if over <= 0:
            return page
        line = f"{over} item{'s' if over > 1 else ''} left out (--max-items)"
        number = left.items if page.number else 0
        return replace(page, items=page.items[: left.items], cut=(*page.cut, line), number=number)

    def items_left(self, left: ItemsLeft, page: Checked) -> ItemsLeft | None:
        """The items that may be kept after a page; None if there are none."""
        return ItemsLeft(left.items - page.size) if left.items > page.size else None


@dataclass(frozen=True)
class RatePolicy:
    """The pause after the bytes of a page. Each partition of a crawl has the same share of `--rate-limit`."""

    settings: Settings
    partitions: int

    def used(self, bandwidth: Bandwidth, received: Received) -> Bandwidth:
        """The bandwidth's token, which returns when the bytes may have come."""
        del received
        return bandwidth

    def use_ns(self, bandwidth: Bandwidth, received: Received) -> int:
        """How long the bytes of a page may take, rounded up: all partitions together never have more than the limit."""
        del bandwidth
        assert self.settings.rate_bytes is not None
        return -(-received.bytes * self.partitions * SECOND // self.settings.rate_bytes)


SHARES = 64
"""The shares of `max_bytes` for each partition, so that what all partitions may hold at the end is a small part of it."""


@dataclass(frozen=True)
class BytePolicy:
    """The shares of `max_bytes` that the partitions of a crawl draw one after another."""

    settings: Settings
    partitions: int

    @property
    def number(self) -> int:
        """How many there are."""
        return min(SHARES * self.partitions, self.settings.max_bytes or 0)

    @property
    def bytes(self) -> int:
        """The bytes of one. All together are `max_bytes`, or a few bytes less."""
        return (self.settings.max_bytes or 0) // self.number

    def overdrawn(self, allowance: Allowance, received: Received) -> Owed | None:
        """What is owed after the bytes of a page; None if some are left."""
        over = received.bytes - allowance.bytes
        return Owed(over) if over >= 0 else None

    def owes_more(self, owed: Owed, received: Received) -> Owed:
        """What is owed after the bytes of a page that was in flight."""
        return Owed(owed.bytes + received.bytes)

    def paid(self, owed: Owed) -> Allowance | None:
        """What is left of a share when what was owed is paid; None if it is not enough."""
        left = self.bytes - owed.bytes
        return Allowance(left) if left > 0 else None

    def still_owed(self, owed: Owed) -> Owed | None:
        """What is still owed then; None if something is left."""
        over = owed.bytes - self.bytes
        return Owed(over) if over >= 0 else None
