"""The asyncio shell: starts the effects that a kernel asks for and tells it what became of them.

Owns: the loop step -> start -> wait -> complete, effects' tasks and deadlines, stopping and
cancellation. Decides nothing: what fires, and when, is the kernel's. The kernel is called
synchronously, never across an await.
Must not know: what a net is for, signals, logging.

With a `Committer`, what is decided becomes durable while the shell goes on, and work that the world
notices (`Paced`) starts only after the commit of its firing.

Every firing that a step begins ends in exactly one of: `complete` with its outcome, `complete` with
`Lost` (it raised, was cancelled, or passed its deadline), or `revoke` (it never started).
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from inspect import isawaitable
from typing import Any, Protocol

import anyio
from anyio.abc import TaskGroup

from scraper_cpn.net import Ended, Firing, Kernel, Lost, NetError, Row
from scraper_cpn.run.committer import Committer
from scraper_cpn.run.effects import Batched, Binding, Paced, Plain

SECOND = 1_000_000_000
ALL = 100_000
"""Firings in one step where nothing has to be durable."""
SLICE_NS = 2_000_000
"""After so much work in one go, whatever has become due meanwhile has its turn."""


class HasTime(Protocol):
    """A clock; see `Clock`."""

    def now_ns(self) -> int:
        """Nanoseconds that never go back."""


class Shell:
    """Runs a kernel to its end.

    Args:
        kernel: with its first tokens injected.
        effects: what each effect name of the net is bound to.
        clock: the kernel's time.
        on_rows: is given the rows that reached a sink, in order, after each step.
        fatal: exceptions of effects that end the run and are raised; any other is `Lost`.
        committer: makes durable what is decided; None: nothing is.
    """

    def __init__(
        self,
        kernel: Kernel,
        effects: Mapping[str, Binding],
        clock: HasTime,
        *,
        on_rows: Callable[[list[Row]], None] | None = None,
        fatal: tuple[type[Exception], ...] = (),
        committer: Committer | None = None,
    ) -> None:
        self.kernel = kernel
        self._effects = effects
        self._clock = clock
        self._on_rows = on_rows
        self._fatal = fatal
        self._committer = committer
        self._limit = ALL if committer is None else committer.most
        self._open: dict[int, bool] = {}
        """Firings in flight, and whether they have started."""
        self._pending: dict[int, Any] = {}
        """Awaitables whose task has not run yet."""
        self._plain: deque[tuple[Plain, Firing]] = deque()
        """Plain effects that have not begun."""
        self._outcomes: deque[tuple[int, Any]] = deque()
        self._wake = anyio.Event()
        self._waiting: dict[str, list[Firing]] = {}
        self._busy: set[str] = set()
        self._scope: anyio.CancelScope | None = None
        self._failure: Exception | None = None

    async def run(self) -> Ended | None:
        """Run until the net has ended.

        Returns:
            How it ended; None after `abort`, or when the caller cancelled. Whatever happens, no
            firing is left in flight.

        Raises:
            Exception: what a fatal effect raised, or a commit; anything else is a bug.
        """
        ended: Ended | None = None
        try:
            async with anyio.create_task_group() as tasks:
                self._scope = tasks.cancel_scope
                if self._committer is not None:
                    tasks.start_soon(self._commit, self._committer)
                ended = await self._loop(tasks)
                tasks.cancel_scope.cancel()
        finally:
            self._settle()
            await self._flush()
        if self._failure is not None:
            raise self._failure
        return ended

    def poke(self) -> None:
        """Look at the kernel again now: something was injected."""
        self._wake.set()

    def abort(self) -> None:
        """Stop at once: running effects are cancelled, what had not started goes back."""
        if self._scope is not None:
            self._scope.cancel()

    # Durability.

    async def _commit(self, committer: Committer) -> None:
        try:
            await committer.run(self._wake_up)
        except Exception as error:  # noqa: BLE001  (whatever it is, nothing is durable from here on)
            self._fail(error)

    async def _flush(self) -> None:
        """Make durable how everything ended. What fails here is raised by `run`."""
        if self._committer is None:
            return
        try:
            with anyio.CancelScope(shield=True):
                await self._committer.flush()
        except Exception as error:  # noqa: BLE001  (as above)
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        self.abort()

    def _wake_up(self) -> None:
        self._wake.set()

    # The loop.

    async def _loop(self, tasks: TaskGroup) -> Ended | None:
        while True:
            self._wake = anyio.Event()
            self._take_outcomes()
            self._deliver()  # a batch that is cut while this waits has the rows, too
            if self._committer is not None and self._committer.full:
                await self._wake.wait()
                continue
            now_ns = self._clock.now_ns()
            step = self.kernel.step(now_ns, self._limit)
            ended = None if step.firings else self.kernel.ended(now_ns)
            self._deliver()
            if ended is not None:
                return ended
            for firing in step.firings:
                self._begin(firing, tasks)
            self._begin_batches(tasks)
            self._work(tasks)
            if self._committer is not None:
                self._committer.poke()
            if self._outcomes or self._plain:
                await anyio.lowlevel.checkpoint()
            else:
                await self._sleep_until(step.wake_ns)

    async def _sleep_until(self, wake_ns: int | None) -> None:
        """Wait for an outcome, a poke, or the next useful time, whichever is first."""
        if wake_ns is None:
            await self._wake.wait()
            return
        with anyio.move_on_after(max(0, wake_ns - self._clock.now_ns()) / SECOND):
            await self._wake.wait()

    def _take_outcomes(self) -> None:
        while self._outcomes:
            firing_id, outcome = self._outcomes.popleft()
            self._complete(firing_id, outcome)

    def _complete(self, firing_id: int, outcome: Any) -> None:
        now_ns = self._clock.now_ns()
        if not self._open.pop(firing_id):
            self.kernel.started(firing_id, now_ns)
        try:
            self.kernel.complete(firing_id, outcome, now_ns)
        except NetError as error:
            broken = Lost(f"the effect broke its contract: {error}")
            self.kernel.complete(firing_id, broken, now_ns)

    def _deliver(self) -> None:
        rows = self.kernel.drain()
        if rows and self._on_rows is not None:
            self._on_rows(rows)

    # Effects.

    def _begin(self, firing: Firing, tasks: TaskGroup) -> None:
        self._open[firing.id] = False
        binding = self._effects[firing.effect]
        if isinstance(binding, Plain):
            self._plain.append((binding, firing))
        elif isinstance(binding, Paced):
            self._when_durable(partial(tasks.start_soon, self._paced, binding, firing))
        else:
            self._waiting.setdefault(firing.effect, []).append(firing)

    def _when_durable(self, then: Callable[[], Any]) -> None:
        if self._committer is None:
            then()
        else:
            self._committer.after(then)

    def _work(self, tasks: TaskGroup) -> None:
        """Do the plain effects, in order, as many as a slice of time allows; one at least."""
        end_ns = self._clock.now_ns() + SLICE_NS
        while self._plain:
            self._do(*self._plain.popleft(), tasks)
            if self._clock.now_ns() >= end_ns:
                break

    def _do(self, binding: Plain, firing: Firing, tasks: TaskGroup) -> None:
        self._open[firing.id] = True
        self.kernel.started(firing.id, self._clock.now_ns())
        try:
            outcome = binding.fn(*firing.args)
        except Exception as error:  # noqa: BLE001  (an effect may raise anything; it becomes Lost)
            outcome = self._lost(error)
        if isawaitable(outcome):
            self._pending[firing.id] = outcome
            tasks.start_soon(self._guarded, firing, outcome)
            self._wake.set()  # what it spends is back, with the next useful time
        else:
            self._outcomes.append((firing.id, outcome))

    async def _paced(self, binding: Paced, firing: Firing) -> None:
        await self._guarded(firing, binding.fn(*firing.args, lambda: self._start(firing.id)))

    async def _guarded(self, firing: Firing, work: Awaitable[Any]) -> None:
        """Wait for an outcome, at most until the deadline; whatever is raised is `Lost`."""
        self._pending.pop(firing.id, None)
        deadline_ns = firing.deadline_ns
        outcome: Any = Lost("passed its deadline")
        try:
            with anyio.move_on_after(None if deadline_ns is None else deadline_ns / SECOND):
                outcome = await work
        except Exception as error:  # noqa: BLE001  (an effect may raise anything; it becomes Lost)
            outcome = self._lost(error)
        self._ended(((firing.id, outcome),))

    def _begin_batches(self, tasks: TaskGroup) -> None:
        for name, waiting in self._waiting.items():
            binding = self._effects[name]
            if waiting and name not in self._busy and isinstance(binding, Batched):
                batch, self._waiting[name] = waiting[: binding.most], waiting[binding.most :]
                self._busy.add(name)
                tasks.start_soon(self._batch, name, binding, batch)

    async def _batch(self, name: str, binding: Batched, batch: Sequence[Firing]) -> None:
        for firing in batch:
            self._start(firing.id)
        try:
            outcomes = list(await binding.fn([firing.args[0] for firing in batch]))
        except Exception as error:  # noqa: BLE001  (an effect may raise anything; it becomes Lost)
            outcomes = [self._lost(error)] * len(batch)
        self._busy.discard(name)
        self._ended((firing.id, outcome) for firing, outcome in zip(batch, outcomes, strict=True))

    def _ended(self, outcomes: Iterable[tuple[int, Any]]) -> None:
        self._outcomes.extend(outcomes)
        self._wake.set()

    def _start(self, firing_id: int) -> None:
        if not self._open.get(firing_id, True):  # a late call counts for nothing
            self._open[firing_id] = True
            self.kernel.started(firing_id, self._clock.now_ns())
            self._wake.set()

    def _lost(self, error: Exception) -> Lost:
        if isinstance(error, self._fatal):
            self._fail(error)
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return Lost(_writable(reason), _writable("".join(traceback.format_exception(error))))

    def _settle(self) -> None:
        """After a cancellation: what had ended counts, what had started is `Lost`, the rest goes back."""
        self._take_outcomes()
        self._plain.clear()
        for awaitable in self._pending.values():
            awaitable.close()
        self._pending.clear()
        for firing_id, started in list(self._open.items()):
            if started:
                self._complete(firing_id, Lost("cancelled"))
            else:
                del self._open[firing_id]
                self.kernel.revoke(firing_id)
        self._deliver()


def _writable(text: str) -> str:
    """A text that may be anything, such that it can be written as UTF-8."""
    return text.encode(errors="replace").decode()
