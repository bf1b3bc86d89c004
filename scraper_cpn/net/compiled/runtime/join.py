"""Which keys of a compiled net join: the heart of the compiled search.

Owns: joins of conditions. Nothing here is specific to a net.
Must not know: places, transitions, the user's functions, the trace.

A join has a record for each key that has a lead token. A record has a *lower bound* of its place in
two heaps: the head of its lead tokens in `ready`, the time when all its inputs are there in `future`.
What makes a bound too high is told at once (`Join.touch`): a lead token that comes tells its own key,
any other gain those records that wait for it. For that a record waits for one thing alone, the input
that keeps it longest; until that comes sooner, nothing else can enable it. What makes a bound too low
is found when the record surfaces. So a change costs O(log keys), and a key that stays blocked
costs nothing.

Cost: every operation is O(log n) amortised, n being the keys of the join, for each record that it
wakes or that surfaces; a gain wakes only records that waited for it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

from scraper_cpn.net.compiled.runtime.lines import NEVER, SLACK

__all__ = ["Condition", "Join"]


class Condition:
    """Something that a key needs; records that lack it wait in `watch`, by key."""

    __slots__ = ("watch",)

    def __init__(self) -> None:
        self.watch: dict[Hashable, dict[Record, None]] = {}

    def gained(self, key: Hashable) -> None:
        """What *key* needs may be there now, or sooner than it was."""
        for record in self.watch.pop(key, ()):
            record.watched = None
            record.join.touch(record)


class Turn(Protocol):
    """When a token goes, among those of its key: a token, or what is known of one."""

    @property
    def order(self) -> Any:
        """By this first."""

    @property
    def serial(self) -> int:
        """Then by this."""


class Queue(Protocol):
    """The tokens of a key; see `Line`."""

    def head(self, now: float) -> Turn | None:
        """The one that is taken first at *now*."""

    def next_ready(self) -> float:
        """When the next waiting token is ready; to be asked after `head`."""


class Lead(Protocol):
    """The tokens that lead a join, by its keys; see `View`."""

    joins: list[Join]

    @property
    def lines(self) -> Mapping[Hashable, Queue]:
        """The keys that have one."""


Lag = Callable[[Hashable, float], tuple[float, Condition | None, Hashable]]
"""When all inputs of a key but its lead are there (0 for now), and what keeps it longest."""


class Record:
    """A key of a join that has a lead token."""

    __slots__ = ("alarm", "join", "key", "live", "number", "serial", "touched", "watched")

    def __init__(self, join: Join, key: Hashable, number: int) -> None:
        self.join = join
        self.key = key
        self.number = number
        self.live = True
        self.touched = False
        self.serial = -1
        """The lead token under which it is in `ready`; -1 if it is not."""
        self.alarm = NEVER
        """The time under which it is in `future`; NEVER if it is not."""
        self.watched: tuple[Condition, Hashable] | None = None


class Join:
    """The keys of a group of inputs that are joined, led by the first that binds a token.

    Args:
        lead: the tokens that lead it, by the group's keys.
        lag: what the group's other inputs say of a key.
    """

    __slots__ = ("future", "lag", "lead", "made", "ready", "records", "touched")

    def __init__(self, lead: Lead, lag: Lag) -> None:
        self.lead = lead
        self.lag = lag
        self.made = 0
        self.records: dict[Hashable, Record] = {}
        self.ready: list[tuple[Any, int, int, Record]] = []
        self.future: list[tuple[float, int, Record]] = []
        self.touched: list[Record] = []
        lead.joins.append(self)

    def led(self, key: Hashable) -> None:
        """A lead token has come."""
        record = self.records.get(key)
        if record is None:
            self.made += 1
            record = self.records[key] = Record(self, key, self.made)
        self.touch(record)

    def touch(self, record: Record) -> None:
        """A record's bounds may be too high."""
        if not record.touched:
            record.touched = True
            self.touched.append(record)

    def drop(self, key: Hashable) -> None:
        """The last lead token of a key has gone."""
        record = self.records.pop(key)
        record.live = False
        record.serial = -1
        record.alarm = NEVER
        self._watch(record, None, None)

    def first(self, now: float) -> Record | None:
        """The record whose inputs are all there and whose lead token is first."""
        if self.touched or (self.future and self.future[0][0] <= now):
            self._refresh(now)
        ready = self.ready
        while ready:
            _, serial, _, record = ready[0]
            if record.serial == serial:
                self._examine(record, now)
                if record.serial == serial:
                    return record
                ready = self.ready
            else:
                heappop(ready)
        return None

    def earliest(self, now: float) -> float:
        """When a record has all its inputs: 0 for now. Exact if no token expires before."""
        if self.first(now) is not None:
            return 0
        while self.future:
            at, _, record = heappop(self.future)
            if record.alarm == at:
                record.alarm = NEVER
                self._examine(record, now)
                if record.alarm == at:
                    return at
        return NEVER

    def _refresh(self, now: float) -> None:
        """Look at the records that were touched, or whose time has come."""
        touched, self.touched = self.touched, []
        for record in touched:
            record.touched = False
            if record.live:
                self._examine(record, now)
        while self.future and self.future[0][0] <= now:
            at, _, record = heappop(self.future)
            if record.alarm == at:
                record.alarm = NEVER
                self._examine(record, now)

    def _examine(self, record: Record, now: float) -> None:
        """Find a record's exact bounds."""
        line = self.lead.lines[record.key]
        head = line.head(now)
        alarm = line.next_ready()
        at, condition, key = self.lag(record.key, now)
        if head is None and alarm > at:
            at, condition = alarm, None
        if at:
            record.serial = -1
            alarm = at
        elif record.serial != head.serial:  # type: ignore[union-attr]
            self._enter(record, head)  # type: ignore[arg-type]
        if alarm != record.alarm:
            self._wake(record, alarm)
        if at or record.watched is not None:
            self._watch(record, condition, key)

    def _enter(self, record: Record, head: Turn) -> None:
        """Put a record into `ready` under its lead token."""
        record.serial = head.serial
        heappush(self.ready, (head.order, head.serial, record.number, record))
        if len(self.ready) > 2 * len(self.records) + SLACK:
            self.ready = [
                entry for entry in dict.fromkeys(self.ready) if entry[3].serial == entry[1]
            ]
            heapify(self.ready)

    def _wake(self, record: Record, alarm: float) -> None:
        """Put a record into `future`."""
        record.alarm = alarm
        if alarm < NEVER:
            heappush(self.future, (alarm, record.number, record))
            if len(self.future) > 2 * len(self.records) + SLACK:
                self.future = [
                    entry for entry in dict.fromkeys(self.future) if entry[2].alarm == entry[0]
                ]
                heapify(self.future)

    def _watch(self, record: Record, condition: Condition | None, key: Hashable) -> None:
        """Let a record wait for a key of a condition, and for no other."""
        watched = None if condition is None else (condition, key)
        if record.watched == watched:
            return
        if record.watched is not None:
            old, at = record.watched
            del old.watch[at][record]
            if not old.watch[at]:
                del old.watch[at]
        record.watched = watched
        if condition is not None:
            condition.watch.setdefault(key, {})[record] = None
