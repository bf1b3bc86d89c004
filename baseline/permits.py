"""The resources of every request: a permit, its domain's token and slot, a proxy's token and slot.

Owns: the permits, the gate, the taking and giving back, for pages and robots.txt alike.
Must not know: what a request is for, what becomes of its outcome.
"""

from __future__ import annotations

from typing import Any

from baseline.flights import Flights, Request
from baseline.frontier import Frontier
from baseline.lanes import Lane, Lanes
from baseline.proxies import Pool
from baseline.robots import Robots
from scraper_cpn.net.marking import Firing

CLOSED = 0


class Permits:
    """Requests at a time, while the gate is open.

    Attributes:
        left: requests that may begin beside those that run.
        gate_ns: until when requests may start: `NEVER` for no end, `CLOSED`.
        stops: wishes that no request starts any more, as long as the gate is open.
    """

    __slots__ = (
        "_deadline_ns",
        "_flights",
        "frontier",
        "gate_ns",
        "lanes",
        "left",
        "pool",
        "robots",
        "stops",
    )

    def __init__(
        self,
        most: int,
        deadline_ns: int,
        flights: Flights,
        pool: Pool,
        lanes: Lanes,
        frontier: Frontier,
        robots: Robots,
    ) -> None:
        self._deadline_ns = deadline_ns
        self._flights = flights
        self.pool = pool
        self.lanes = lanes
        self.frontier = frontier
        self.robots = robots
        self.left = most
        self.gate_ns = CLOSED
        self.stops = 0

    def watch_gate(self, now_ns: int) -> None:
        """Close the gate at its deadline, or when someone wants it closed."""
        if self.gate_ns <= now_ns:
            self.gate_ns = CLOSED
        elif self.stops:
            self.stops -= 1
            self.gate_ns = CLOSED

    def prepare(
        self, kind: Any, names: tuple[str, str], entry: Any, work: Any, lane: Lane, now_ns: int
    ) -> Firing:
        """Begin a request, whose entry has been popped, with the proxy that is first."""
        self.left -= 1
        seat = self.pool.pop(now_ns)
        request = Request(kind, entry, work, lane, seat)
        args = (work, seat.proxy, lane.domain)
        return self._flights.begin(*names, args, request, self._deadline_ns)

    def allows(self, request: Request, now_ns: int) -> bool:
        """Whether a request that was prepared may be written."""
        return self.gate_ns > now_ns and not self.lanes.is_punished(request.lane)

    def start(self, request: Request, now_ns: int) -> None:
        """A request is written: the pauses of its domain and its proxy begin."""
        lane = request.lane
        self.lanes.spend(lane, now_ns)
        self.pool.spend(request.seat, now_ns)
        if lane.slots:
            self.offer(lane, now_ns)

    def release(self, request: Request, now_ns: int) -> None:
        """A request has ended."""
        self.left += 1
        lane = request.lane
        lane.slots += 1
        if lane.slots == 1:
            self.offer(lane, now_ns)
        self.pool.release(request.seat.carrier, now_ns)

    def undo(self, request: Request, now_ns: int) -> None:
        """A request that was prepared does not start; its entry is back already."""
        self.left += 1
        lane = request.lane
        lane.here = True
        lane.slots += 1
        self.offer(lane, now_ns)
        self.pool.restore(request.seat, now_ns)

    def offer(self, lane: Lane, now_ns: int) -> None:
        """A domain may have become able to start a request."""
        self.frontier.offer(lane, now_ns)
        if lane.jobs or lane.later:
            self.robots.offer(lane, now_ns)
