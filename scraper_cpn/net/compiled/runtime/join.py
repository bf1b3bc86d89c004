"""Joins whose inputs have different keys: which keys are complete.

Owns: joins of conditions. Nothing here is specific to a net.
Must not know: places, transitions, the user's functions, the trace.

A join has a record for each key that has a lead token, such as each domain and host. A record whose inputs
are all there is in the heap `ready`, by the turn of its first lead token. Any other waits at a *gate*: that of
the inputs that keep it longest. Inputs with the same keys, such as the pacing token and the slots of a domain,
are a family and have one gate for each key. Those that wait at a gate wait by their turn. When its inputs
come, the first passes, and the next one only after that has fired or waits elsewhere. So what comes to a
domain costs one record, and not one for each of its hosts.

The known time of a record may be too early, never too late. A gain, which could make it too late, is reported at
once: a new lead token to its record, any other gain to the gates that lacked it. A time that is too early is
corrected when the record reaches the top.

Cost: every operation is O(log n) amortised, n being the keys of the join, for each record that comes to
the top; a key that stays blocked costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

from scraper_cpn.net.compiled.runtime.lines import NEVER, SLACK

__all__ = ["Condition", "Join"]


class Condition:
    """Something that a key needs. It tells the gates of the `families` of which it is a member."""

    __slots__ = ("families",)

    def __init__(self) -> None:
        self.families: list[Family] = []

    def gained(self, key: Hashable) -> None:
        """Report that an input of *key* may be available, or available sooner."""
        for family in self.families:
            gate = family.gates.get(key)
            if gate is not None:
                gate.touch()

    def lacking(self) -> None:
        """Report that an input of some key was removed, so that known times may be too early."""
        for family in self.families:
            family.join.losses += 1


class Family:
    """The inputs of a join that have the same keys, apart from its lead: with gates for those keys that lack one.

    Args:
        join: the join.
        members: the conditions of these inputs.
    """

    __slots__ = ("gates", "join")

    def __init__(self, join: Join, members: Sequence[Condition]) -> None:
        self.join = join
        self.gates: dict[Hashable, WaitingRecords] = {}
        for member in dict.fromkeys(members):
            member.families.append(self)


class Turn(Protocol):
    """When a token goes, among those of its key: a token, or what is known of one."""

    @property
    def order(self) -> Any:
        """The first sort key."""

    @property
    def serial(self) -> int:
        """The second sort key."""


class Queue(Protocol):
    """The tokens of a key; see `Line`."""

    def head(self, now: float) -> Turn | None:
        """The token that is taken first at *now*."""

    def next_ready(self) -> float:
        """When the next waiting token is ready; to be asked after `head`."""


class Lead(Protocol):
    """The tokens that lead a join, by its keys; see `View`."""

    joins: list[Join]

    @property
    def lines(self) -> Mapping[Hashable, Queue]:
        """The keys that have one."""


Lag = Callable[[Hashable, float], tuple[float, int, Hashable]]
"""When all inputs of a key but its lead are there (0 for now), the family that is last, and its key."""


class Record:
    """A key of a join that has a lead token."""

    __slots__ = (
        "alarm", "examined", "gate", "join", "key", "live", "number", "passed", "peek", "serial", "touched",
        "waits",
    )  # fmt: skip

    def __init__(self, join: Join, key: Hashable, number: int) -> None:
        self.join = join
        self.key = key
        self.number = number
        self.live = True
        self.touched = False
        self.examined: tuple[float, int] = (NEVER, 0)
        """When it was found in `ready` to be complete, and the join's losses until then."""
        self.serial = -1
        """The lead token under which it is in `ready`; -1 if it is not."""
        self.gate: WaitingRecords | None = None
        """The gate at which it waits."""
        self.waits = -1
        """The lead token under which it is in its gate's queue; -1 if it is not."""
        self.passed: WaitingRecords | None = None
        """The gate that it has passed, and that is closed to others while it is in `ready`."""
        self.alarm = NEVER
        """The time under which it is in `future`; NEVER if it is not."""
        self.peek = NEVER
        """The time under which it is in `later`; NEVER if it is not."""


class WaitingRecords:
    """A gate: the records that wait because an input of a family is missing for their key. Deleted when none waits.

    Attributes:
        queue: those that have a turn, by it; an entry that says something else than its record is dead.
        waiting: how many they are.
        restless: those whose lead token has yet to become ready, so that they have no turn.
        occupied: whether a record that has passed is still in `ready`.
        alarm: when what is lacking will be there; NEVER if that is not known.
    """

    __slots__ = (
        "alarm", "family", "key", "number", "occupied", "queue", "restless", "touched", "waiting"
    )  # fmt: skip

    def __init__(self, family: Family, key: Hashable, number: int) -> None:
        self.family = family
        self.key = key
        self.number = number
        self.queue: list[tuple[Any, int, int, Record]] = []
        self.waiting = 0
        self.restless: dict[Record, None] = {}
        self.occupied = False
        self.alarm = NEVER
        self.touched = False

    def touch(self) -> None:
        """The missing input may be available, or available sooner."""
        if not self.touched:
            self.touched = True
            self.family.join.touched.append(self)

    def first(self) -> Record | None:
        """The first record among those that have a turn."""
        queue = self.queue
        while queue:
            _, serial, _, record = queue[0]
            if record.waits == serial and record.gate is self:
                return record
            heappop(queue)
        return None

    def add(self, record: Record, head: Turn | None) -> None:
        """Add a record, ordered by the turn of its lead token if that is ready."""
        record.gate = self
        if head is None:
            self.restless[record] = None
            return
        record.waits = head.serial
        self.waiting += 1
        heappush(self.queue, (head.order, head.serial, record.number, record))
        if len(self.queue) > 2 * self.waiting + SLACK:
            self.queue = [
                entry
                for entry in dict.fromkeys(self.queue)
                if entry[3].waits == entry[1] and entry[3].gate is self
            ]
            heapify(self.queue)

    def remove(self, record: Record) -> None:
        """Remove a record."""
        record.gate = None
        if record.waits >= 0:
            record.waits = -1
            self.waiting -= 1
        else:
            del self.restless[record]

    def leave(self, record: Record) -> None:
        """Remove a record, and delete the gate if it was the last."""
        self.remove(record)
        if not self.waiting and not self.restless:
            self.alarm = NEVER
            del self.family.gates[self.key]


class Join:
    """The keys of a group of inputs that are joined, led by the first that binds a token.

    Args:
        lead: the tokens that lead it, by the group's keys.
        lag: what the group's other inputs say of a key.
        families: the group's other inputs, those with the same keys together.
    """

    __slots__ = (
        "families",
        "future",
        "known",
        "lag",
        "later",
        "lead",
        "losses",
        "made",
        "ready",
        "records",
        "touched",
    )

    def __init__(self, lead: Lead, lag: Lag, families: Sequence[Sequence[Condition]]) -> None:
        self.lead = lead
        self.lag = lag
        self.families = [Family(self, members) for members in families]
        self.made = 0
        self.records: dict[Hashable, Record] = {}
        self.ready: list[tuple[Any, int, int, Record]] = []
        self.future: list[tuple[float, int, Record | WaitingRecords]] = []
        """A heap of the times at which a gate opens, or a record without a turn becomes complete."""
        self.later: list[tuple[float, int, Record]] = []
        """A heap of the times at which a record may get another first lead token."""
        self.losses = 0
        """The number of removed inputs so far. While it is unchanged, known times are exact."""
        self.known: tuple[float, int] = (NEVER, 0)
        """The last result of `earliest`, and the number of losses then."""
        self.touched: list[Record | WaitingRecords] = []
        lead.joins.append(self)

    def led(self, key: Hashable) -> None:
        """A lead token has come."""
        record = self.records.get(key)
        if record is None:
            self.made += 1
            record = self.records[key] = Record(self, key, self.made)
        if not record.touched:
            record.touched = True
            self.touched.append(record)

    def drop(self, key: Hashable) -> None:
        """The last lead token of a key has gone."""
        record = self.records.pop(key)
        record.live = False
        record.alarm = record.peek = NEVER
        self._withdraw(record)
        if record.gate is not None:
            record.gate.leave(record)

    def first(self, now: float) -> Record | None:
        """The record whose inputs are all there and whose lead token is first."""
        while True:
            if (
                self.touched
                or (self.future and self.future[0][0] <= now)
                or (self.later and self.later[0][0] <= now)
            ):
                self._refresh(now)
            ready = self.ready
            while ready and ready[0][3].serial != ready[0][1]:
                heappop(ready)
            if not ready:
                return None
            _, serial, _, record = ready[0]
            if record.examined == (now, self.losses):
                return record
            self._examine(record, now)
            if record.serial == serial and not self.touched:
                return record

    def earliest(self, now: float) -> float:
        """When a record has all its inputs: 0 for now. Exact if no token expires before."""
        if self.first(now) is not None:
            return 0
        while self.future:
            if (self.future[0][0], self.losses) == self.known:
                return self.known[0]
            at, _, sleeper = heappop(self.future)
            if sleeper.alarm == at:
                sleeper.alarm = NEVER
                self._look(sleeper, now)
                if sleeper.alarm == at:
                    self.known = (at, self.losses)
                    return at
        return NEVER

    def _refresh(self, now: float) -> None:
        """Examine the records that were touched or whose time has come."""
        touched, self.touched = self.touched, []
        for each in touched:
            each.touched = False
            self._look(each, now)
        while self.future and self.future[0][0] <= now:
            at, _, sleeper = heappop(self.future)
            if sleeper.alarm == at:
                sleeper.alarm = NEVER
                self._look(sleeper, now)
        while self.later and self.later[0][0] <= now:
            at, _, record = heappop(self.later)
            if record.peek == at:
                record.peek = NEVER
                self._examine(record, now)

    def _look(self, each: Record | WaitingRecords, now: float) -> None:
        if isinstance(each, WaitingRecords):
            self._open(each, now)
        elif each.live:
            self._examine(each, now)

    def _open(self, gate: WaitingRecords, now: float) -> None:
        """Let the first record at a gate pass if it can. Records that lack another input move to its gate."""
        for record in list(gate.restless):
            self._examine(record, now)
        while not gate.occupied:
            first = gate.first()
            if first is None:
                return
            turn = first.waits
            self._examine(first, now)
            if first.serial == turn and gate.waiting:
                first.passed, gate.occupied = gate, True
            elif gate.first() is first:
                return  # all other records here lack the same input

    def _examine(self, record: Record, now: float) -> None:
        """Find out whether a record is complete, and if not, which missing input comes last."""
        line = self.lead.lines[record.key]
        head = line.head(now)
        soon = line.next_ready()
        at, last, key = self.lag(record.key, now)
        if head is None:
            self._withdraw(record)
            self._rest(record, soon, at, last, key)
            return
        if soon != record.peek:
            self._peek(record, soon)
        if at:
            self._withdraw(record)
            self._wait(record, head, at, last, key)
            return
        record.examined = (now, self.losses)
        if record.serial != head.serial:
            self._withdraw(record)
            if record.gate is not None:
                record.gate.leave(record)
            record.alarm = NEVER
            record.serial = head.serial
            heappush(self.ready, (head.order, head.serial, record.number, record))
            if len(self.ready) > 2 * len(self.records) + SLACK:
                self.ready = [
                    entry for entry in dict.fromkeys(self.ready) if entry[3].serial == entry[1]
                ]
                heapify(self.ready)

    def _withdraw(self, record: Record) -> None:
        """Remove a record from `ready`; then another one may pass its gate."""
        record.serial = -1
        gate = record.passed
        if gate is not None:
            record.passed = None
            gate.occupied = False
            gate.touch()

    def _wait(self, record: Record, head: Turn, at: float, last: int, key: Hashable) -> None:
        """Let a record wait until *at* at the gate of its missing input."""
        record.alarm = NEVER
        gate = self._stand(record, head, last, key)
        if at != gate.alarm:
            gate.alarm = at
            self._set(at, gate)

    def _rest(self, record: Record, soon: float, at: float, last: int, key: Hashable) -> None:
        """Let a record wait until its lead token is ready (*soon*), or for a missing input that takes longer."""
        record.peek = NEVER
        if at >= soon:
            self._stand(record, None, last, key)
        elif record.gate is not None:
            record.gate.leave(record)
        at = max(at, soon)
        if at != record.alarm:
            record.alarm = at
            self._set(at, record)

    def _stand(self, record: Record, head: Turn | None, last: int, key: Hashable) -> WaitingRecords:
        """Let a record wait at a gate, where it may be already."""
        family, gate = self.families[last], record.gate
        if gate is not None and gate.family is family and gate.key == key:
            if record.waits == (-1 if head is None else head.serial):
                return gate
            gate.remove(record)
        else:
            if gate is not None:
                gate.leave(record)
            gate = family.gates.get(key)
            if gate is None:
                self.made += 1
                gate = family.gates[key] = WaitingRecords(family, key, self.made)
        gate.add(record, head)
        return gate

    def _set(self, at: float, sleeper: Record | WaitingRecords) -> None:
        """Set an alarm for a record or a gate."""
        if at < NEVER:
            heappush(self.future, (at, sleeper.number, sleeper))
            if len(self.future) > 2 * len(self.records) + SLACK:
                self.future = [
                    entry for entry in dict.fromkeys(self.future) if entry[2].alarm == entry[0]
                ]
                heapify(self.future)

    def _peek(self, record: Record, at: float) -> None:
        """Set an alarm for the time at which a record's next lead token is ready."""
        record.peek = at
        if at < NEVER:
            heappush(self.later, (at, record.number, record))
            if len(self.later) > 2 * len(self.records) + SLACK:
                self.later = [
                    entry for entry in dict.fromkeys(self.later) if entry[2].peek == entry[0]
                ]
                heapify(self.later)
