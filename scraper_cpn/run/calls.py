"""Calls: firings whose effects are under way.

Owns: the open calls, their reports (that they start, how they ended), and their deadlines.
Must not know: nets, tasks, how an effect does its work.

Each report counts once: a start or an end that is late or repeated is ignored. Ends wait in a queue
until `take`, so that many of them are completed at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from scraper_cpn.net import Firing, Kernel, Lost, NetError


class HasTime(Protocol):
    """A clock; see `Clock`."""

    def now_ns(self) -> int:
        """Nanoseconds that never go back."""


class EffectCall:
    """A firing whose effect is under way, as its effect sees it."""

    __slots__ = ("_calls", "cancel", "id", "limit_ns", "started")

    def __init__(self, calls: Calls, firing_id: int, limit_ns: int | None) -> None:
        self._calls = calls
        self.id = firing_id
        self.limit_ns = limit_ns
        """How long the call may last, in nanoseconds; None: without limit."""
        self.started = False
        self.cancel: Callable[[], Any] | None = None
        """Stops the work."""

    def may_start(self) -> bool:
        """Whether the effect may become visible outside; called just before it does.

        If False, the effect has nothing left to do: a firing that had not started is undone.
        """
        return self._calls.may_start(self)

    def __call__(self) -> None:
        """Report the start: the effect becomes visible outside now; what the firing spends is dated from now."""
        self._calls.start(self)

    def done(self, outcome: Any) -> None:
        """Report the end of the effect."""
        self._calls.end(self, outcome)


class Calls:
    """All calls of a kernel.

    Args:
        kernel: receives the starts and the ends.
        clock: the kernel's time.
        wake: is called after each report.
        told: makes a text about an outcome into what may be kept.
    """

    def __init__(
        self,
        kernel: Kernel,
        clock: HasTime,
        wake: Callable[[], None],
        told: Callable[[str], str] = str,
    ) -> None:
        self._kernel = kernel
        self._clock = clock
        self._wake = wake
        self._told = told
        self._open: dict[int, EffectCall] = {}
        self._ended: deque[tuple[EffectCall, Any]] = deque()
        self._ends: dict[int, dict[EffectCall, int]] = {}
        """The deadlines of calls, grouped by how long they may last, the earliest first."""
        self.due_ns: int | None = None
        """A lower bound of the next deadline; None: no call has one."""

    @property
    def busy(self) -> bool:
        """Whether any call is open."""
        return bool(self._open)

    def open(self, firing: Firing) -> EffectCall:
        """Open a call for a firing that has just begun."""
        call = self._open[firing.id] = EffectCall(self, firing.id, firing.deadline_ns)
        return call

    def limit(self, call: EffectCall) -> None:
        """Start the time limit of a call, whose work begins now."""
        if call.limit_ns is not None:
            ends_ns = self._clock.now_ns() + call.limit_ns
            self._ends.setdefault(call.limit_ns, {})[call] = ends_ns
            if self.due_ns is None or ends_ns < self.due_ns:
                self.due_ns = ends_ns

    def may_start(self, call: EffectCall) -> bool:
        """See `EffectCall.may_start`."""
        if call.id not in self._open:
            return False
        if self._kernel.may_start(call.id, self._clock.now_ns()):
            return True
        if not call.started:
            self._close(call)
            self._kernel.revoke(call.id)
            self._wake()
        return False

    def start(self, call: EffectCall) -> None:
        """See `EffectCall.__call__`."""
        if not call.started and call.id in self._open:
            call.started = True
            self._kernel.started(call.id, self._clock.now_ns(), asked=True)
            self._wake()

    def end(self, call: EffectCall, outcome: Any) -> None:
        """See `EffectCall.done`."""
        if self._close(call):
            self._ended.append((call, outcome))
            self._wake()

    def _close(self, call: EffectCall) -> bool:
        """Close a call, whose further reports are ignored; returns whether it was open."""
        if self._open.pop(call.id, None) is None:
            return False
        if call.limit_ns in self._ends:
            self._ends[call.limit_ns].pop(call, None)
        return True

    def expire(self, now_ns: int) -> None:
        """End the calls that have passed their deadline. Cost: O(1) for each that had one."""
        late: list[EffectCall] = []
        firsts: list[int] = []
        for running in self._ends.values():
            for call, ends_ns in running.items():
                if ends_ns > now_ns:
                    firsts.append(ends_ns)
                    break
                late.append(call)
        self.due_ns = min(firsts, default=None)
        for call in late:
            self.end(call, Lost("took longer than its deadline"))
            self._stop(call)

    def take(self) -> None:
        """Complete all firings that have ended, with one time stamp."""
        if self._ended:
            now_ns = self._clock.now_ns()
            while self._ended:
                call, outcome = self._ended.popleft()
                if not call.started:
                    self._kernel.started(call.id, now_ns, asked=True)
                self.complete(call.id, outcome, now_ns)

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        """Complete a started firing with its outcome; an outcome that the net does not know becomes `Lost`."""
        try:
            self._kernel.complete(firing_id, outcome, now_ns)
        except NetError as error:
            broken = Lost(self._told(f"the outcome of the effect was refused: {error}"))
            self._kernel.complete(firing_id, broken, now_ns)

    def stop(self) -> None:
        """Cancel all work that can be cancelled."""
        for call in list(self._open.values()):
            self._stop(call)

    def settle(self) -> None:
        """After `stop`: complete what had ended, complete what had started as `Lost`, revoke the rest."""
        self.take()
        now_ns = self._clock.now_ns()
        for call in self._open.values():
            if call.started:
                self.complete(call.id, Lost("cancelled"), now_ns)
            else:
                self._kernel.revoke(call.id)
        self._open.clear()

    def _stop(self, call: EffectCall) -> None:
        cancel, call.cancel = call.cancel, None  # a second cancellation would interrupt its cleanup
        if cancel is not None:
            cancel()
