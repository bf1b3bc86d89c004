"""The proxies: which may carry a request, from when, and which is next.

Owns: the tokens of all proxies with their turn, pauses, rests, quotas and leases. Who has waited
longest is next. Lists and timers are not corrected: an entry that is out of date is dropped when it
comes to the top.
Must not know: domains, permits, what a request is.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from baseline.timers import NEVER, Timers
from scraper_cpn.scrape.colours import Proxy, ProxyFault
from scraper_cpn.scrape.policy import Policy


class Carrier:
    """A proxy.

    Attributes:
        slots: requests that it may carry beside those that it does.
        seats: its tokens that are not retired.
        listed: the age of the one that stands in the pool's list; 0 for none.
        ready: the others that may be used, by age.
        parked: those whose pauses nobody waits for, since there is no slot.
    """

    __slots__ = ("listed", "parked", "ready", "seats", "slots")

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.seats: list[Seat] = []
        self.ready: list[tuple[int, Seat]] = []
        self.listed = 0
        self.parked: list[Seat] = []


class Seat:
    """A token of a proxy.

    Attributes:
        carrier: whose it is.
        proxy: the token, as the policy last changed it.
        gap_ns: from a start to the next, as the policy has it for that token.
        until_ns: the end of its lease; None for no end.
        leased: whether the end of its lease is in the pool's list.
        here: whether it is in the pool; it is away while a request is prepared, and once retired.
        serial: its age in the pool.
        ready_ns: from when it may be used.
        armed_ns: when its timer is due.
    """

    __slots__ = (
        "armed_ns",
        "carrier",
        "gap_ns",
        "here",
        "leased",
        "proxy",
        "ready_ns",
        "serial",
        "until_ns",
    )

    def __init__(self, carrier: Carrier, proxy: Proxy, until_ns: int | None) -> None:
        self.carrier = carrier
        self.proxy = proxy
        self.gap_ns = 0
        self.until_ns = until_ns
        self.leased = until_ns is None
        self.here = False
        self.serial = 0
        self.ready_ns = 0
        self.armed_ns: int | None = None

    def lasts(self, now_ns: int) -> bool:
        """Whether it is in the pool and its lease has not ended."""
        return self.here and (self.until_ns is None or now_ns < self.until_ns)


class Pool:
    """All proxies, or the direct connection.

    Attributes:
        seats: tokens that are not retired.
        ready: a heap of proxies' oldest tokens; `first` says which of them counts.
        timers: of the tokens that may be used later.
        faults: proxies that have failed by themselves, once for each token to rest.
        used_up: tokens whose quotas are used up.
        leases: a heap of the ends of leases.
    """

    __slots__ = (
        "_carriers",
        "_policy",
        "_serial",
        "faults",
        "leases",
        "ready",
        "seats",
        "timers",
        "used_up",
    )

    def __init__(self, policy: Policy) -> None:
        self._carriers: dict[str, Carrier] = {}
        self.leases: list[tuple[int, int, Seat]] = []
        self._policy = policy
        self._serial = 0
        self.faults: list[tuple[Carrier, ProxyFault]] = []
        self.ready: list[tuple[int, Seat]] = []
        self.seats = 0
        self.timers: Timers[Seat] = Timers()
        self.used_up: list[Seat] = []

    def add(self, proxy: Proxy, ready_ns: int, until_ns: int | None, now_ns: int) -> None:
        """A token comes into the pool."""
        carrier = self._carriers.get(proxy.proxy)
        if carrier is None:
            carrier = Carrier(self._policy.proxies.proxy_slots(proxy.proxy))
            self._carriers[proxy.proxy] = carrier
        seat = Seat(carrier, proxy, until_ns)
        carrier.seats.append(seat)
        self.seats += 1
        self._change(seat, proxy)
        self._count(seat)
        self._put(seat, ready_ns, now_ns)

    # The proxy whose turn it is.

    def first(self, now_ns: int) -> Seat | None:
        """The token that is next; None if none may be used."""
        ready = self.ready
        while ready:
            serial, seat = ready[0]
            carrier = seat.carrier
            if carrier.slots and _is_ripe(seat, serial, now_ns):
                return seat
            entry = heappop(ready)
            if carrier.listed == serial:
                carrier.listed = 0
            heappush(carrier.ready, entry)
            if carrier.slots:
                self._list(carrier, now_ns)
        return None

    def pop(self, now_ns: int) -> Seat:
        """Take `first`, which is there, with a slot of its proxy."""
        serial, seat = heappop(self.ready)
        carrier = seat.carrier
        if carrier.listed == serial:
            carrier.listed = 0
        seat.here = False
        carrier.slots -= 1
        if carrier.slots and carrier.ready:
            self._list(carrier, now_ns)
        return seat

    def mature(self, now_ns: int) -> None:
        """List the tokens whose pauses are over."""
        for time_ns, seat in self.timers.due(now_ns):
            if seat.armed_ns == time_ns:
                self._settle(seat, now_ns)

    def next_ns(self, now_ns: int) -> int:
        """From when a request may be carried."""
        if self.ready and self.first(now_ns) is not None:
            return now_ns
        return self.timers.next_ns(_counts)

    # A request's life.

    def spend(self, seat: Seat, now_ns: int) -> None:
        """A request has started: the pause begins."""
        proxy = self._policy.proxies.carried(seat.proxy)
        if proxy is not seat.proxy:
            self._change(seat, proxy)
            self._count(seat)
        self._put(seat, now_ns + seat.gap_ns, now_ns)

    def restore(self, seat: Seat, now_ns: int) -> None:
        """A request that was prepared does not start."""
        seat.here = True
        self._lease(seat)
        self._settle(seat, now_ns)
        self.release(seat.carrier, now_ns)

    def release(self, carrier: Carrier, now_ns: int) -> None:
        """A request has ended."""
        carrier.slots += 1
        if carrier.slots > 1:
            return
        if carrier.parked:
            parked, carrier.parked = carrier.parked, []
            for seat in parked:
                if seat.here:
                    self._settle(seat, now_ns)
        if carrier.ready:
            self._list(carrier, now_ns)

    # Rests and ends.

    def blame(self, faults: Iterable[ProxyFault]) -> None:
        """A proxy has failed by itself; the next step sees to it."""
        self.faults += [(self._carriers[fault.proxy], fault) for fault in faults]

    def rest(self, now_ns: int) -> None:
        """Rest a token for each fault, of those that are here."""
        waiting, self.faults = self.faults, []
        for carrier, fault in waiting:
            lasting = [seat for seat in carrier.seats if seat.lasts(now_ns)]
            if lasting:
                self._rest(min(lasting, key=_age), fault, now_ns)
            elif carrier.seats:
                self.faults.append((carrier, fault))

    def _rest(self, seat: Seat, fault: ProxyFault, now_ns: int) -> None:
        rested_ns = now_ns + self._policy.proxies.rest_ns(seat.proxy, fault)
        self._change(seat, self._policy.proxies.rested(seat.proxy, fault))
        self._put(seat, max(seat.ready_ns, rested_ns), now_ns)

    def retire(self, now_ns: int) -> list[Proxy]:
        """Take the tokens whose quotas are used up, then those whose leases have ended."""
        used_up = [seat for seat in self.used_up if seat.lasts(now_ns)]
        self.used_up.clear()
        ended = []
        while self.ends_ns <= now_ns:
            seat = heappop(self.leases)[2]
            seat.leased = False
            ended.append(seat)
        gone = sorted(used_up, key=_age) + sorted(ended, key=_age)
        for seat in gone:
            seat.here = False
            seat.carrier.seats.remove(seat)
        self.seats -= len(gone)
        return [seat.proxy for seat in gone]

    @property
    def ends_ns(self) -> int:
        """When the next lease ends, of the tokens that are here."""
        leases = self.leases
        while leases:
            ends_ns, _, seat = leases[0]
            if seat.here:
                return ends_ns
            heappop(leases)
            seat.leased = False
        return NEVER

    # Parts.

    def _put(self, seat: Seat, ready_ns: int, now_ns: int) -> None:
        """A token comes to the back."""
        self._serial += 1
        seat.serial = self._serial
        seat.ready_ns = ready_ns
        seat.here = True
        self._lease(seat)
        self._settle(seat, now_ns)

    def _lease(self, seat: Seat) -> None:
        if not seat.leased and seat.until_ns is not None:
            seat.leased = True
            heappush(self.leases, (seat.until_ns, seat.serial, seat))

    def _settle(self, seat: Seat, now_ns: int) -> None:
        """List a token, set its timer, or do neither while its proxy has no slot."""
        carrier, ready_ns = seat.carrier, seat.ready_ns
        seat.armed_ns = None
        if ready_ns <= now_ns:
            heappush(carrier.ready, (seat.serial, seat))
            if carrier.slots:
                self._list(carrier, now_ns)
        elif carrier.slots:
            seat.armed_ns = ready_ns
            self.timers.add(ready_ns, seat)
        else:
            carrier.parked.append(seat)

    def _list(self, carrier: Carrier, now_ns: int) -> None:
        """See to it that the oldest token of a proxy that may be used is in the list."""
        ready, listed = carrier.ready, carrier.listed
        while ready and (not listed or ready[0][0] < listed):
            entry = heappop(ready)
            if _is_ripe(entry[1], entry[0], now_ns):
                carrier.listed = entry[0]
                heappush(self.ready, entry)
                return

    def _count(self, seat: Seat) -> None:
        if self._policy.proxies.used_up(seat.proxy):
            self.used_up.append(seat)

    def _change(self, seat: Seat, proxy: Proxy) -> None:
        seat.proxy = proxy
        seat.gap_ns = self._policy.proxies.proxy_gap_ns(proxy)


def _age(seat: Seat) -> int:
    return seat.serial


def _is_ripe(seat: Seat, serial: int, now_ns: int) -> bool:
    """Whether an entry of a list is not out of date, and its token may be used."""
    return seat.serial == serial and seat.here and seat.ready_ns <= now_ns


def _counts(time_ns: int, seat: Seat) -> bool:
    """Whether a timer is still the token's; one whose proxy has no slot is parked."""
    if seat.armed_ns != time_ns:
        return False
    if not seat.here or seat.carrier.slots:
        return seat.here
    seat.armed_ns = None
    seat.carrier.parked.append(seat)
    return False
