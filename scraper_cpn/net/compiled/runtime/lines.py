"""The tokens of a compiled net, in the order in which they are taken, become ready, or expire.

Owns: the data structures that generated code is written against; those with keys are in `index_records.py`
and `index_keys.py`. Nothing here is specific to a net.
Must not know: places, transitions, the user's functions, the trace.

A token that left is dropped lazily: its entries stay in heaps until they surface, or until dead
entries outnumber live ones, when the heap is rebuilt. A token that comes back (a revoked firing's)
may have two entries; both name the same token, so that either will do.

Cost: every operation is O(log n) amortised, n being the entries of the one heap it touches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
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
"""The time at which something happens that won't happen by itself."""

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


class Queued(Struct, eq=False, gc=False):
    """A token in a queue: nothing was worked out, and it has no times."""

    serial: int
    colour: Any

    @property
    def ready(self) -> int:
        """From the beginning."""
        return 0

    @property
    def ends(self) -> None:
        """Never."""
        return


class Flight(Struct, eq=False, gc=False):
    """A firing whose effect has not ended.

    Attributes:
        ends: what it may end in, once its effect has started.
        shown: the serial of its token in the transition's `during` place.
        dark: whether that token was set aside.
    """

    id: int
    number: int
    inputs: tuple[Any, ...]
    began: int
    ends: dict[type[Any], Any] | None = None
    shown: int | None = None
    dark: bool = False

    @property
    def started(self) -> bool:
        """Whether its effect has started."""
        return self.ends is not None


def stand_again(queue: deque[Queued], token: Queued) -> None:
    """Put a token of a queue where it was, by its serial. Cost: O(tokens after it)."""
    at = len(queue)
    while at and queue[at - 1].serial > token.serial:
        at -= 1
    queue.insert(at, token)


class Shown:
    """The tokens of a place that only shows firings: nothing but a view of these.

    Args:
        flights: firings in flight, by id.
        firsts: the number of the arc that is shown, by the number of the transition.
    """

    def __init__(self, flights: dict[int, Flight], firsts: dict[int, int]) -> None:
        self._flights = flights
        self._firsts = firsts

    def __iter__(self) -> Iterator[Token]:
        for flight in self._flights.values():
            if flight.number in self._firsts and not flight.dark:
                assert flight.shown is not None
                yield Token(flight.shown, flight.inputs[self._firsts[flight.number]].colour)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def darken(self, standing: set[int]) -> None:
        """Of what was loaded, all is set aside that does not stand."""
        for flight in self._flights.values():
            flight.dark = flight.number in self._firsts and flight.shown not in standing


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
        """A token has come; with `NEVER` for *now*, its time does not matter."""
        self.live += 1
        token.state = self.state
        if token.ready <= now:
            heappush(self.ready, (token.order, token.serial, token))
        else:
            heappush(self.waiting, (token.ready, token.serial, token))

    def lose(self) -> None:
        """One of the tokens has gone."""
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
        """When the next waiting token is ready; to be asked after `head`."""
        waiting = self.waiting
        while waiting:
            if waiting[0][2].state == self.state:
                return waiting[0][0]
            heappop(waiting)
        return NEVER

    def earliest(self, now: float) -> float:
        """When a token can be taken: 0 for now."""
        return self.next_ready() if self.head(now) is None else 0

    def tokens(self, now: float) -> list[Token]:
        """All that can be taken at *now*, in order. Cost: O(n log n)."""
        entries = [(token.order, token.serial, token) for at, _, token in self.waiting if at <= now]
        return [entry[2] for entry in sorted(_rebuilt(self.ready + entries, self.state))]


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
        """A token that will expire has come."""
        self.live += 1
        token.state = STANDING
        assert token.ends is not None
        heappush(self.heap, (token.ends, token.serial, token))

    def lose(self) -> None:
        """One of them has gone, or has expired."""
        self.live -= 1
        if len(self.heap) > 2 * self.live + SLACK:
            self.heap = _rebuilt(self.heap, STANDING)

    def next(self) -> float:
        """When the next one expires."""
        heap = self.heap
        while heap:
            if heap[0][2].state == STANDING:
                return heap[0][0]
            heappop(heap)
        return NEVER

    def passed(self, now: int) -> Iterator[Token]:
        """Those that have expired by *now*; the caller moves each before it asks for the next."""
        while self.next() <= now:
            yield heappop(self.heap)[2]
