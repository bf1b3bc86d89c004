"""What is under way: requests and work on pages, with what each has taken.

Owns: their numbers and their records.
Must not know: how anything is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from baseline.lanes import Lane
from baseline.proxies import Seat
from scraper_cpn.net.marking import Firing
from scraper_cpn.scrape.colours import Proxy

Endings: TypeAlias = dict[type[Any], Callable[[Any, Any, int], None]]
"""What becomes of a flight, by the type of its outcome; called with the flight, the outcome, the time."""


class Request:
    """A request for a page or for a robots.txt.

    Attributes:
        kind: what it belongs to.
        entry: what has taken its turn, as its queue knows it.
        work: the target or the job.
        lane: the domain, one of whose slots it has.
        seat: the token of its proxy, one of whose slots it has.
        proxy: that token as it was when the request was prepared.
        started: whether it has been written; then domain and proxy have their tokens back.
    """

    __slots__ = ("entry", "kind", "lane", "proxy", "seat", "started", "work")

    def __init__(self, kind: Any, entry: Any, work: Any, lane: Lane, seat: Seat) -> None:
        self.kind = kind
        self.entry = entry
        self.work = work
        self.lane = lane
        self.seat = seat
        self.proxy: Proxy = seat.proxy
        self.started = False


class Work:
    """A page in the hands of a station of the pipeline."""

    __slots__ = ("kind", "page", "started")

    def __init__(self, kind: Any, page: Any) -> None:
        self.kind = kind
        self.page = page
        self.started = False


class Flights:
    """All that is under way.

    Attributes:
        running: by number; numbers grow.
    """

    __slots__ = ("_next", "running")

    def __init__(self) -> None:
        self._next = 1
        self.running: dict[int, Request | Work] = {}

    def begin(
        self,
        transition: str,
        effect: str,
        args: tuple[Any, ...],
        flight: Request | Work,
        deadline_ns: int | None,
    ) -> Firing:
        """A flight begins; what has to be started."""
        number = self._next
        self._next = number + 1
        self.running[number] = flight
        return Firing(number, transition, effect, args, deadline_ns)
