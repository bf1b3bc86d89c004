"""The asyncio shell: starts the effects of a kernel's firings and returns their outcomes to it.

Owns: the loop step -> start -> wait -> complete, effects' tasks and deadlines, stopping and
cancellation. It decides nothing: the kernel decides what fires, and when. The kernel is called
synchronously, never across an await.
Must not know: what a net is for, signals, logging.

With a `Committer`, decisions become durable while the shell continues, and work that is visible outside
(`Paced`) starts only after the commit of its firing.

Every firing that a step begins ends in exactly one of: `complete` with its outcome, `complete` with
`Lost` (it raised, was cancelled, or took longer than its deadline), or `revoke` (it never started).
"""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import anyio

from scraper_cpn.net import Ended, Firing, Kernel, Lost, Row
from scraper_cpn.run.calls import Calls, EffectCall, HasTime
from scraper_cpn.run.committer import Committer
from scraper_cpn.run.effects import Batched, Binding, Paced, Plain, bindings
from scraper_cpn.run.tasks import Tasks

SECOND = 1_000_000_000
ALL = 100_000
"""The most firings in one step if nothing has to be durable."""
SLICE_NS = 2_000_000
"""The longest slice of plain work, after which the kernel and the event loop get their turn."""

_FED = (None, "finished", "stuck")
"""How a run stands that can be fed."""
_FED_AHEAD = 4
"""The most firings that wait for their commit while the feed injects more: a batch of many would be encoded in
one go on the event loop."""


class Feed(Protocol):
    """Brings tokens into a run."""

    @property
    def waits(self) -> bool:
        """Whether more may come from outside, so that the run goes on without work until `poke`."""

    def __call__(self, now_ns: int, /) -> bool:
        """Inject tokens; returns whether there were any."""


class Shell:
    """Runs a kernel to its end.

    Args:
        kernel: with its initial tokens injected.
        effects: the binding of each effect name of the net; a bare function is `Plain`.
        clock: the kernel's time.
        on_rows: is called after each step with the rows that reached a sink, in order.
        fatal: exceptions of effects that end the run and are raised; any other becomes `Lost`.
        committer: makes decisions durable; None: the run is not kept.
        feed: is called with the time whenever nothing more can start, before the run counts as finished or
            stuck: it may inject tokens, and returns whether it did.
        telling: makes what an effect's exception says into what may be kept and shown, without secrets, say.

    Raises:
        NetError: an effect of the net has no binding, or a binding is for no effect of the net.
    """

    def __init__(
        self,
        kernel: Kernel,
        effects: Mapping[str, Binding | Callable[..., Any]],
        clock: HasTime,
        *,
        on_rows: Callable[[list[Row]], None] | None = None,
        fatal: tuple[type[Exception], ...] = (),
        committer: Committer | None = None,
        feed: Feed | None = None,
        telling: Callable[[str], str] = str,
    ) -> None:
        bound = bindings(kernel, effects)
        self.kernel = kernel
        self._effects = bound
        self._clock = clock
        self._on_rows = on_rows
        self._fatal = fatal
        self._committer = committer
        self._feed = feed
        self._telling = telling
        self._limit = ALL if committer is None else committer.most
        self._calls = Calls(kernel, clock, self._wake_up, self._told)
        self._plain: deque[tuple[Plain, Firing]] = deque()
        """Plain effects that have not begun."""
        self._pending: dict[int, Any] = {}
        """Awaitables whose task has not run yet."""
        self._begun: deque[Firing] = deque()
        """Firings that were begun by hand, whose effects have not."""
        self._waiting: dict[str, list[tuple[EffectCall, Firing]]] = {}
        self._begin = {name: self._beginning(name, each) for name, each in bound.items()}
        self._busy: set[str] = set()
        self._own = Tasks(self._lost)
        self._awake = True
        """Whether anything has happened since the kernel's last step."""
        self._sleeper: asyncio.Future[None] | None = None
        self._scope: anyio.CancelScope | None = None
        self._failure: Exception | None = None
        self._draining = False

    async def run(self) -> Ended | None:
        """Run until the net has ended.

        Returns:
            How it ended; None after `abort` or `drain`, or if the caller cancelled. In every case no firing is left
            in flight.

        Raises:
            Exception: the exception of a fatal effect or of a commit; any other is a bug.
        """
        ended: Ended | None = None
        try:
            async with anyio.create_task_group() as tasks:
                self._scope = tasks.cancel_scope
                self._tasks = tasks
                self._loop = asyncio.get_running_loop()
                if self._committer is not None:
                    tasks.start_soon(self._commit, self._committer)
                ended = await self._run()
                tasks.cancel_scope.cancel()
        finally:
            self._cancel()
            try:
                await self._own.ended()
            finally:
                self._settle()
                await self._flush()
        if self._failure is not None:
            raise self._failure
        return ended

    def poke(self) -> None:
        """Step the kernel again now, because something was injected."""
        self._wake_up()

    def begin(self, firing: Firing) -> None:
        """Start the effect of a firing that somebody has begun by hand, as soon as the net runs."""
        if firing.effect:
            self._begun.append(firing)
        self._wake_up()

    def drain(self) -> None:
        """Start nothing more that is visible outside (`Paced`): `run` returns None when all else has come to rest."""
        self._draining = True
        self._wake_up()

    def abort(self) -> None:
        """Stop at once: cancel running effects, and revoke firings that had not started."""
        if self._scope is not None:
            self._cancel()
            self._scope.cancel()

    # Durability.

    async def _commit(self, committer: Committer) -> None:
        try:
            await committer.run(self._wake_up)
        except Exception as error:  # noqa: BLE001  (after any error nothing more becomes durable)
            self._fail(error)

    async def _flush(self) -> None:
        """Commit how everything ended. `run` raises an error that happens here."""
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
        self._awake = True
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    # The loop.

    async def _run(self) -> Ended | None:
        pause_ns = self._clock.now_ns() + SLICE_NS
        while True:
            self._awake = False
            self._calls.take()
            self._deliver()  # before waiting: a batch that is cut meanwhile has the rows, too
            if self._committer is not None and self._committer.full:
                await self._sleep_until(None)
                continue
            if self._draining:
                if self._drained():
                    return None
                await (asyncio.sleep(0) if self._awake else self._sleep_until(None))
                continue
            now_ns = self._clock.now_ns()
            step = self.kernel.step(now_ns, self._limit)
            ended = None if step.firings else self.kernel.ended(now_ns)
            self._deliver()
            fed = not step.firings and ended in _FED and self._fed(ended, now_ns)
            if ended is not None and not fed and not self._waits(ended):
                return ended
            begun, self._begun = self._begun, deque()
            for firing in (*begun, *step.firings):
                self._begin[firing.effect](firing)
            self._begin_batches()
            worked = self._work(pause_ns) or fed
            if self._committer is not None:
                self._committer.poke()
            if not worked and not self._awake:
                await self._sleep_until(step.wake_ns)
            elif self._clock.now_ns() >= pause_ns:
                await asyncio.sleep(0)
            else:
                continue
            pause_ns = self._clock.now_ns() + SLICE_NS

    def _drained(self) -> bool:
        """Go on without what is visible outside; returns whether everything is at rest."""
        step = self.kernel.step(self._clock.now_ns(), self._limit)
        self._deliver()
        for firing in step.firings:
            if isinstance(self._effects[firing.effect], Paced):
                self.kernel.revoke(firing.id)
            else:
                self._begin[firing.effect](firing)
        self._begin_batches()
        worked = self._work(self._clock.now_ns() + SLICE_NS)
        if self._committer is not None:
            self._committer.poke()
        return not (worked or self._calls.busy or self._plain)

    def _fed(self, ended: Ended | None, now_ns: int) -> bool:
        """Let the feed inject tokens, unless the run goes on anyhow and the next batch has enough for now."""
        if self._feed is None:
            return False
        full = self._committer is not None and self._committer.filling >= _FED_AHEAD
        return not (full and ended is None) and self._feed(now_ns)

    def _waits(self, ended: Ended) -> bool:
        return self._feed is not None and ended in _FED and self._feed.waits

    async def _sleep_until(self, wake_ns: int | None) -> None:
        """Wait for an outcome, a poke, a deadline or *wake_ns*, whichever comes first."""
        due_ns = self._calls.due_ns
        if wake_ns is None or (due_ns is not None and due_ns < wake_ns):
            wake_ns = due_ns
        timer = None
        self._sleeper = self._loop.create_future()
        if wake_ns is not None:
            wait_ns = max(0, wake_ns - self._clock.now_ns())
            timer = self._loop.call_later(wait_ns / SECOND, self._wake_up)
        try:
            await self._sleeper
        finally:
            self._sleeper = None
            if timer is not None:
                timer.cancel()
        if due_ns is not None and due_ns <= (now_ns := self._clock.now_ns()):
            self._calls.expire(now_ns)

    def _deliver(self) -> None:
        rows = self.kernel.drain()
        if rows and self._on_rows is not None:
            self._on_rows(rows)

    # Effects.

    def _beginning(self, name: str, binding: Binding) -> Callable[[Firing], None]:
        """The function that begins a firing of an effect."""
        if isinstance(binding, Plain):
            return lambda firing: self._plain.append((binding, firing))
        if isinstance(binding, Paced):
            return lambda firing: self._when_durable(self._launch, binding, firing)
        waiting = self._waiting.setdefault(name, [])
        return lambda firing: waiting.append((self._calls.open(firing), firing))

    # Plain effects.

    def _work(self, until_ns: int) -> bool:
        """Run plain effects in order until the time slice is used up; at least one."""
        if not self._plain:
            return False
        now_ns = self._clock.now_ns()
        while self._plain:
            now_ns = self._do(*self._plain.popleft(), now_ns)
            if now_ns >= until_ns:
                break
        return True

    def _do(self, binding: Plain, firing: Firing, now_ns: int) -> int:
        """Run a plain effect, starting at *now_ns*; returns the time of its end."""
        self.kernel.started(firing.id, now_ns, asked=True)
        try:
            outcome = binding.fn(*firing.args)
        except Exception as error:  # noqa: BLE001  (an effect may raise anything; it becomes Lost)
            outcome = self._lost(error)
        now_ns = self._clock.now_ns()
        if hasattr(outcome, "__await__"):
            call = self._calls.open(firing)
            call.started = True
            self._pending[firing.id] = outcome
            self._calls.limit(call)
            self._own.launch(call, self._awaited, (firing.id, outcome))
        else:
            self._calls.complete(firing.id, outcome, now_ns)
        return now_ns

    async def _awaited(self, firing_id: int, outcome: Awaitable[Any], _: Callable[[], None]) -> Any:
        """Wait for the outcome of a plain effect, which has already started."""
        del self._pending[firing_id]
        return await outcome

    # Effects that are visible outside.

    def _when_durable(self, then: Callable[..., Any], binding: Any, firing: Firing) -> None:
        call = self._calls.open(firing)
        if self._committer is None:
            then(binding, firing, call)
        else:
            self._committer.after(partial(then, binding, firing, call))

    def _launch(self, binding: Paced, firing: Firing, call: EffectCall) -> None:
        self._calls.limit(call)
        self._own.launch(call, binding.fn, firing.args)

    # Batches.

    def _begin_batches(self) -> None:
        for name, waiting in self._waiting.items():
            binding = self._effects[name]
            if waiting and name not in self._busy and isinstance(binding, Batched):
                batch = waiting[: binding.most]
                del waiting[: binding.most]
                self._busy.add(name)
                self._tasks.start_soon(self._batch, name, binding, batch)

    async def _batch(
        self, name: str, binding: Batched, batch: Sequence[tuple[EffectCall, Firing]]
    ) -> None:
        for call, _ in batch:
            call()
        try:
            outcomes = list(await binding.fn([firing.args[0] for _, firing in batch]))
        except Exception as error:  # noqa: BLE001  (an effect may raise anything; it becomes Lost)
            outcomes = [self._lost(error)] * len(batch)
        self._busy.discard(name)
        for (call, _), outcome in zip(batch, outcomes, strict=True):
            call.done(outcome)

    # The end.

    def _lost(self, error: BaseException) -> Lost:
        if isinstance(error, Exception) and isinstance(error, self._fatal):
            self._fail(error)
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return Lost(self._told(reason), self._told("".join(traceback.format_exception(error))))

    def _told(self, text: str) -> str:
        """Return what an effect says, which may be anything, as it may be told, and without what UTF-8 can't encode."""
        return self._telling(text.encode(errors="replace").decode())

    def _cancel(self) -> None:
        self._own.stopping = True
        self._calls.stop()

    def _settle(self) -> None:
        """After a cancellation: complete what had ended, complete what had started as `Lost`, revoke the rest."""
        for firing in (*(firing for _, firing in self._plain), *self._begun):
            self.kernel.revoke(firing.id)
        self._plain.clear()
        self._begun.clear()
        for awaitable in self._pending.values():
            awaitable.close()
        self._pending.clear()
        self._calls.settle()
        self._deliver()
