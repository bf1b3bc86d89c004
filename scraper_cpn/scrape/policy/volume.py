"""How much is fetched: the bytes that are left, and how long the bytes of a page may take.

Owns: counting the bytes of pages. What counts is a page's body, decompressed.
Must not know: the net, clocks, sockets.
"""

from __future__ import annotations

from dataclasses import dataclass

from scraper_cpn.scrape.colours import Allowance, Bandwidth, Failure, Fetched, Received, Target
from scraper_cpn.scrape.settings import SECOND, Settings


@dataclass(frozen=True)
class VolumePolicy:
    """Counts bytes."""

    settings: Settings

    def skipped(self, target: Target) -> Failure:
        """The final row of a URL whose domain has had its pages."""
        most = self.settings.max_pages_per_domain
        reason = f"{target.domain} has had {most} pages (--max-pages-per-domain)"
        return Failure(target=target, kind="limit", reason=reason, final=True)

    def received(self, fetched: Fetched) -> Received:
        """The bytes of a page."""
        return Received(fetched.size)

    def left(self, allowance: Allowance, received: Received) -> Allowance | None:
        """The bytes that are left; None if there are none."""
        left = allowance.bytes - received.bytes
        return Allowance(left) if left > 0 else None

    def used(self, bandwidth: Bandwidth, received: Received) -> Bandwidth:
        """The bandwidth's token, which returns when the bytes may have come."""
        del received
        return bandwidth

    def use_ns(self, bandwidth: Bandwidth, received: Received) -> int:
        """How long the bytes of a page may take, rounded up."""
        del bandwidth
        assert self.settings.rate_bytes is not None
        return -(-received.bytes * SECOND // self.settings.rate_bytes)
