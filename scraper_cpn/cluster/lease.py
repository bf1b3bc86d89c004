"""Claims and their leases, as their holder sees them: until when it may start work that others can see.

Owns: the deadline of a claim on this machine's clock.
Must not know: the database, nets.

The database counts a lease from the moment when it answers a call; its holder counts from before it sent that call.
So the holder's deadline comes first, however long the call took, as long as both clocks run at the same pace.
Suspension of the machine counts: the clock is that of `run/clock.py`, the time elapsed since boot. Wall clocks play no part.
"""

from __future__ import annotations

from msgspec import Struct

from scraper_cpn.run.clock import elapsed_clock

_elapsed_ns = elapsed_clock()

MARGIN = 50
"""One part in so many of a lease is given away, for clocks whose paces differ."""
FORGOTTEN = 200
"""One part in so many is added to the shortest time of a call with each further call."""


class LeaseOverError(Exception):
    """A lease ended before it was renewed: work must not start any more, and another worker may have taken over."""


class Lease:
    """The right to start work for one claim.

    Args:
        length_ns: of the lease on the database's clock.
        asked_ns: when the claim was sent; see `now_ns`.
    """

    def __init__(self, length_ns: int, asked_ns: int) -> None:
        self.length_ns = length_ns
        self._holds_ns = length_ns - length_ns // MARGIN
        self._asked_ns = asked_ns

    @staticmethod
    def now_ns() -> int:
        """Nanoseconds since the machine booted."""
        return _elapsed_ns()

    def renewed(self, asked_ns: int) -> None:
        """Report that a call which was sent at *asked_ns* has renewed the lease."""
        self._asked_ns = max(self._asked_ns, asked_ns)

    @property
    def age_ns(self) -> int:
        """The time since the last renewal was sent."""
        return _elapsed_ns() - self._asked_ns

    @property
    def holds(self) -> bool:
        """Whether work may start now."""
        return self.age_ns < self._holds_ns


class Offset:
    """The database's time as this machine's elapsed time and an offset, from the calls that were answered soonest.

    A partition's due times were written by another machine's clock. The error of both is at most half of a short round
    trip, however long some calls took.
    """

    def __init__(self) -> None:
        self.ns = 0
        self._best_ns = 1 << 62

    def heard(self, asked_ns: int, answered_ns: int, now_ns: int) -> None:
        """Take note of an answer, with the database's time *now_ns* in it."""
        took_ns = answered_ns - asked_ns
        if took_ns < self._best_ns:
            self._best_ns = took_ns
            self.ns = now_ns - (asked_ns + took_ns // 2)
        self._best_ns += self._best_ns // FORGOTTEN  # clocks drift: no answer is the best for ever


class Claim(Struct, frozen=True):
    """A claim on a partition.

    Attributes:
        pid: the partition's number.
        of: how many there are.
        epoch: how often it has been claimed: it tells this claim from all others.
        offset_ns: from the time elapsed since the machine booted to the database's time.
        lease: until when it holds.
    """

    pid: int
    of: int
    epoch: int
    offset_ns: int
    lease: Lease
