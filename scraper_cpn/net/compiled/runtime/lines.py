"""The tokens of a compiled net, in the order in which they are taken, become ready, or expire.

Owns: the data structures that generated code is written against; those with keys are in `records.py`
and `keys.py`. Nothing here is specific to a net.
Must not know: places, transitions, the user's functions, the trace.

A token that left is dropped lazily: its entries stay in heaps until they surface, or until dead
entries outnumber live ones, when the heap is rebuilt. A token that comes back (a revoked firing's)
may have two entries; both name the same token, so that either will do.

Cost: every operation is O(log n) amortised, n being the entries of the one heap it touches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heapify, heappop, heappush, merge
from itertools import islice
from math import inf
from typing import Any

from msgspec import Struct

__all__ = [
    "EXPIRED",
    "GONE",
    "NEVER",
    "ORDERS_MAX",
    "STANDING",
    "Endings",
    "Flight",
    "Line",
    "Queued",
    "Shown",
    "Token",
    "stand_again",
]

NEVER = inf
"""The time of something that does not happen through time alone."""

GONE, STANDING, EXPIRED = 0, 1, 2
"""What a token is to the heaps that have entries of it: gone, there, or there with its time passed."""

SLACK = 64
"""Dead entries that a heap may have beyond its live ones before it is rebuilt."""


ORDERS_MAX = 256
"""Orders of several fields that are one object for all tokens of a place: heaps compare those at once."""


class Token(Struct, eq=False, gc=False):
    """A token, with what was worked out once when it was deposited.

    Attributes:
        pause: for how long it is away when it is spent, if that leaves its colour as it is; None: not known.
    """

    serial: int
    colour: Any
    ready: int = 0
    ends: int | None = None
    keys: Any = None
    order: Any = ()
    passes: int = 0
    pause: int | None = None
    state: int = GONE

    def __lt__(self, _other: Token) -> bool:
        """Entries of heaps with equal values may be in any order."""
        return False


class Queued(Struct, eq=False, gc=False):
    """A token in a queue: it has no computed attributes and no times."""

    serial: int
    colour: Any

    @property
    def ready(self) -> int:
        """It is always ready."""
        return 0

    @property
    def ends(self) -> None:
        """It never expires."""
        return


class Flight(Struct, eq=False, gc=False):
    """A firing whose effect has not ended.

    Attributes:
        ends: what it may end in, once its effect has started.
        shown: the serial of its token in the first of the transition's `during` places; the others follow.
        dark: which of these tokens were set aside, as bits.
        attempt: that is under way, or that is the next.
        due: from when on it may begin; None once it has.
        handed: whether a step has given it out, and it has not started.
    """

    id: int
    number: int
    inputs: tuple[Any, ...]
    began: int
    ends: dict[type[Any], Any] | None = None
    shown: int | None = None
    dark: int = 0
    attempt: int = 1
    due: int | None = None
    handed: bool = False

    @property
    def started(self) -> bool:
        """Whether its effect has started, in this attempt or in an earlier one."""
        return self.ends is not None or self.attempt > 1


def stand_again(queue: deque[Queued], token: Queued) -> None:
    """Put a token of a queue where it was, by its serial. Cost: O(tokens after it)."""
    at = len(queue)
    while at and queue[at - 1].serial > token.serial:
        at -= 1
    queue.insert(at, token)


class Shown:
    """The tokens of a place that only shows firings: a view of the firings.

    Args:
        flights: firings in flight, by id.
        shows: which of its places this is for a transition, and the number of the arc that is shown, by the
            number of the transition.
    """

    def __init__(self, flights: dict[int, Flight], shows: dict[int, tuple[int, int]]) -> None:
        self._flights = flights
        self._shows = shows

    def __iter__(self) -> Iterator[Token]:
        for flight in self._flights.values():
            if flight.number in self._shows:
                at, arc = self._shows[flight.number]
                assert flight.shown is not None
                if not flight.dark >> at & 1:
                    yield Token(flight.shown + at, flight.inputs[arc].colour)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def darken(self, standing: set[int]) -> None:
        """Of what was loaded, all is set aside that does not stand."""
        for flight in self._flights.values():
            if flight.number in self._shows:
                at, _ = self._shows[flight.number]
                assert flight.shown is not None
                flight.dark |= (flight.shown + at not in standing) << at


class Line:
    """Tokens in the order in which they are taken, and those that wait for their time.

    The first entry of `ready` is never dead.

    Args:
        state: of its tokens: a line of expired tokens has others than a line of standing ones.
    """

    __slots__ = ("live", "ready", "state", "waiting")

    def __init__(self, state: int = STANDING) -> None:
        self.state = state
        self.live = 0
        self.ready: list[tuple[Any, int, Token]] = []
        self.waiting: list[tuple[int, int, Token]] = []

    def add(self, token: Token, now: float) -> None:
        """Add a token; with `NEVER` for *now*, its time is ignored."""
        self.live += 1
        token.state = self.state
        if token.ready <= now:
            heappush(self.ready, (token.order, token.serial, token))
        else:
            heappush(self.waiting, (token.ready, token.serial, token))

    def lose(self) -> None:
        """Count a token as removed."""
        self.live -= 1
        ready, state = self.ready, self.state
        while ready and ready[0][2].state != state:
            heappop(ready)
        if len(ready) + len(self.waiting) > 2 * self.live + SLACK:
            self.ready = _rebuilt(self.ready, self.state)
            self.waiting = _rebuilt(self.waiting, self.state)

    def head(self, now: float) -> Token | None:
        """The token that is taken first at *now*."""
        ready, waiting = self.ready, self.waiting
        while waiting and waiting[0][0] <= now:
            token = heappop(waiting)[2]
            if token.state == self.state:
                heappush(ready, (token.order, token.serial, token))
        return ready[0][2] if ready else None

    def next_ready(self) -> float:
        """The time at which the next waiting token is ready; call it after `head`."""
        waiting = self.waiting
        while waiting:
            if waiting[0][2].state == self.state:
                return waiting[0][0]
            heappop(waiting)
        return NEVER

    def earliest(self, now: float) -> float:
        """The time at which a token can be taken: 0 for now."""
        return self.next_ready() if self.head(now) is None else 0

    def enough(self, number: float, now: float) -> float:
        """The time at which a number of tokens can be taken: 0 for now. Cost: O(n log n) of the tokens that wait."""
        if self.live < number:
            return NEVER
        self.head(now)
        waiting = [entry for entry in self.waiting if entry[2].state == self.state]
        times = sorted({entry[1]: entry[0] for entry in waiting}.values())
        short = int(number) - (self.live - len(times))
        return times[short - 1] if short > 0 else 0

    def tokens(self, now: float) -> Iterator[Token]:
        """All tokens that can be taken at *now*, in order, computed lazily.

        Cost: O(n) of the tokens that wait, if one of them is due; O(log k) for the k-th token.
        """
        due = []
        if self.waiting and self.waiting[0][0] <= now:
            due = sorted(
                (each.order, each.serial, each) for at, _, each in self.waiting if at <= now
            )
        last = None
        for _, _, token in merge(_in_order(self.ready), due):
            if token.state == self.state and token is not last:
                last = token
                yield token

    def firsts(self, number: int, now: float) -> tuple[Token, ...]:
        """The first tokens that can be taken at *now*; the caller has checked that they exist."""
        return tuple(islice(self.tokens(now), number))

    def every(self, now: float) -> tuple[Token, ...]:
        """All tokens that can be taken at *now*, in order."""
        return tuple(self.tokens(now))


def _in_order(heap: list[Any]) -> Iterator[Any]:
    """The entries of a heap in order, without changing it. Cost: O(log k) for the k-th."""
    coming = [(heap[0], 0)] if heap else []
    while coming:
        entry, at = heappop(coming)
        yield entry
        for child in (2 * at + 1, 2 * at + 2):
            if child < len(heap):
                heappush(coming, (heap[child], child))


def _rebuilt(entries: list[Any], state: int) -> list[Any]:
    """The heap without dead entries and doubles."""
    kept = list({entry[1]: entry for entry in entries if entry[2].state == state}.values())
    heapify(kept)
    return kept


class Endings:
    """Tokens by the time at which they expire."""

    __slots__ = ("heap", "live")

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, Token]] = []
        self.live = 0

    def add(self, token: Token) -> None:
        """Add a token that will expire."""
        self.live += 1
        token.state = STANDING
        assert token.ends is not None
        heappush(self.heap, (token.ends, token.serial, token))

    def lose(self) -> None:
        """Count a token as removed or expired."""
        self.live -= 1
        if len(self.heap) > 2 * self.live + SLACK:
            self.heap = _rebuilt(self.heap, STANDING)

    def next(self) -> float:
        """The time at which the next token expires."""
        heap = self.heap
        while heap:
            if heap[0][2].state == STANDING:
                return heap[0][0]
            heappop(heap)
        return NEVER

    def passed(self, now: int) -> Iterator[Token]:
        """The tokens that have expired by *now*; the caller moves each before it takes the next."""
        while self.next() <= now:
            yield heappop(self.heap)[2]
