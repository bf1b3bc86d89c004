"""One partition of a net, in the process that has claimed it.

Owns: its kernel, shell and batches; what it sends, receives, draws and gives back with each batch; that nothing starts
after its lease is over; leaving it in order.
Must not know: which partitions this process should have, how rows of the outbox are found.

The word for how it stands (`ended`) is cut with the batch whose marking it describes. Beside the batch it could be durable
before a token that contradicts it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio
import msgspec
from msgspec.structs import replace

from scraper_cpn.cluster.lease import Claim, Lease, LeaseOverError
from scraper_cpn.cluster.mail import Letter, by_partition, opened, packed
from scraper_cpn.cluster.work import Work
from scraper_cpn.net import Ended, Row
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.partitions import destinations
from scraper_cpn.run.clock import Clock
from scraper_cpn.run.committer import Committer
from scraper_cpn.run.shell import Shell
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.port import Batch, ItemRow, SinkRow, Store
from scraper_cpn.store.recorder import Recorder, Writing
from scraper_cpn.store.shelf import StoreShelf
from scraper_cpn.store.sums import Sums

DRAIN_SECONDS = 10.0
"""How long running effects may take to end when a partition is left; then they are cancelled."""


class LeasedRecorder(Recorder):
    """A recorded kernel that lets work start only while a lease holds; *lapsed* is called when it does not."""

    def __init__(
        self,
        kernel: Compiled,
        codec: Codec,
        sums: Sums,
        writing: Writing,
        lease: Lease,
        lapsed: Callable[[], None],
    ) -> None:
        super().__init__(kernel, codec, sums, writing)
        self._lease = lease
        self._lapsed = lapsed

    def may_start(self, firing_id: int, now_ns: int) -> bool:
        """Whether a firing may start: asked just before it becomes visible outside."""
        if not self._lease.holds:
            self._lapsed()
            return False
        return super().may_start(firing_id, now_ns)


class Partition:
    """A claimed partition; made by `opening.open_partition`.

    Args:
        work: what is run.
        claim: of it.
        store: of its rows.
        kernel: with the marking that is in the store, and nothing in flight.
        sums: the checksums of that marking.
        shelf: of the kernel.
        clock: the kernel's time.
        changed: is called when it has become idle.
        sent: is called when it has sent something to other partitions.

    Attributes:
        claim: its number, its epoch, its lease.
        clock: the kernel's time.
        ended: how it stood after its last durable batch; None: it has something to do.
        idle_since_ns: since when that is so, by `Lease.now_ns`.
        leaving: whether it is being left.
        known: rows of the outbox that were given to the kernel.
        settled: those of them that are gone from the outbox; the inbox forgets them with a look that began later.
    """

    def __init__(
        self,
        work: Work,
        claim: Claim,
        store: Store,
        kernel: Compiled,
        sums: Sums,
        shelf: StoreShelf,
        clock: Clock,
        changed: Callable[[], None],
        sent: Callable[[], None],
    ) -> None:
        self.claim = claim
        self.recorder = LeasedRecorder(
            kernel, work.codec, sums, self._writing, claim.lease, self.lapse
        )
        self.ended: Ended | None = None
        self.idle_since_ns = 0
        self.leaving = False
        self.known: dict[int, None] = {}
        self.settled: list[int] = []
        self._work = work
        self._store = store
        self._shelf = shelf
        self.clock = clock
        self._changed = changed
        self._sent = sent
        channels = work.net.channels.values()
        self._channels = {each.sent.name: each for each in channels}
        self._goes_to = {
            each.sent.name: destinations(work.net, each.place, claim.of) for each in channels
        }
        self._budgets = {each.returned.name: each for each in work.net.credits.values()}
        self._letters: list[tuple[int, Letter]] = []
        self._returned: dict[str, int] = {}
        self._received: list[int] = []
        self._cut_ended: Ended | None = None
        self._shell: Shell | None = None
        self._woken = anyio.Event()
        self._over = anyio.Event()
        self._failure: Exception | None = None

    # Its life.

    async def run(self) -> None:
        """Run until it is left.

        Raises:
            LeaseOverError: its lease ended.
            StoreError: a batch could not be written, or another process has taken over.
            BatchError: a bug of ours.
        """
        try:
            while self._failure is None and not self.leaving:
                self._woken = anyio.Event()
                self._shell = self._new_shell()
                ended = await self._shell.run()
                if ended is not None:  # at the end of a budget, or faulted: more may arrive
                    await self._woken.wait()
            if self._failure is None:
                await self._last()
        finally:
            self._over.set()
        if self._failure is not None:
            raise self._failure

    async def _last(self) -> None:
        """Commit a last batch, in which whoever adapts `Work.metadata` can write how things are."""
        batch = self._cut(always=True)
        if batch is not None:
            await self.commit(batch)

    async def leave(self) -> None:
        """Start nothing more, let what runs end, and commit it; `run` returns. What takes too long is cancelled."""
        if self.leaving:
            return
        self.leaving = True
        self._wake()
        if self._shell is None:
            return
        self._shell.drain()
        with anyio.move_on_after(DRAIN_SECONDS):
            await self._over.wait()
            return
        self._shell.abort()

    def fail(self, error: Exception) -> None:
        """Stop at once: it is no longer this process's."""
        self._failure = self._failure or error
        if self._shell is not None:
            self._shell.abort()
        self._wake()

    def lapse(self) -> None:
        """Stop because the lease is over."""
        self.fail(
            LeaseOverError(
                f"the lease of partition {self.claim.pid} was over before it was renewed"
            )
        )

    def _new_shell(self) -> Shell:
        committer = Committer(self.recorder, self.cut, self.commit)
        effects = self._work.effects(self)
        rows = self._rows
        return Shell(
            self.recorder,
            effects,
            self.clock,
            on_rows=rows,
            fatal=self._work.fatal,
            committer=committer,
            feed=self,
            telling=self._work.telling,
        )

    # A feed of the shell: it goes on without work, because tokens may arrive.

    @property
    def waits(self) -> bool:
        """Whether the shell goes on without work."""
        return not self.leaving

    def __call__(self, _now_ns: int) -> bool:
        """Inject nothing: `arrive` does, whenever something has come."""
        return False

    # What comes.

    def arrive(self, row: int, body: bytes) -> int:
        """Give the kernel the tokens of a row of the outbox, which the next batch removes; returns how many."""
        if row in self.known or self._failure is not None:
            return 0
        now_ns = self.clock.now_ns()
        letters = list(opened(self._work.codec, body))
        for letter in letters:
            self.recorder.inject(
                letter.place,
                letter.colour,
                now_ns,
                ready_at_ns=letter.ready_at_ns,
                expires_at_ns=letter.expires_at_ns,
            )
        self.known[row] = None
        self._received.append(row)
        self._wake()
        return len(letters)

    def metadata(self) -> dict[str, bytes]:
        """The named values that are durable."""
        return self._store.metadata()

    def poke(self) -> None:
        """Step the kernel again now, because something was injected."""
        self._wake()

    def _wake(self) -> None:
        self._woken.set()
        if self._shell is not None:
            self._shell.poke()

    # Batches.

    def cut(self) -> Batch | None:
        """Cut a batch of what has happened since the last one, with what it sends, receives and gives back."""
        return self._cut(always=False)

    def _cut(self, *, always: bool) -> Batch | None:
        now_ns = self.clock.now_ns()
        self._send(now_ns)
        ended = self.recorder.ended(now_ns)
        batch = self.recorder.cut(
            lambda: self._metadata(ended),
            always=always or ended != self._cut_ended or not self.recorder.seq,
        )
        if batch is None:
            return None
        self._cut_ended = ended
        letters, self._letters = self._letters, []
        received, self._received = self._received, []
        returned, self._returned = self._returned, {}
        return replace(
            batch,
            rows=[row for row in batch.rows if not self._leaves(row[0])],
            sent=[
                (pid, len(some), packed(self._work.codec, some))
                for pid, some in by_partition(letters).items()
            ],
            received=received,
            credits=[(name, -number) for name, number in returned.items()],  # drawn: above 0
            idle=ended is not None,
        )

    async def commit(self, batch: Batch) -> None:
        """Make a batch durable, which renews the lease."""
        if self._failure is not None:
            raise self._failure
        asked_ns = Lease.now_ns()
        await self._store.commit(batch)
        self.claim.lease.renewed(asked_ns)
        self._shelf.committed(batch)
        self.settled += batch.received
        was, self.ended = self.ended, self._cut_ended
        if self.ended is not None and was is None:
            self.idle_since_ns = Lease.now_ns()
            self._changed()
        if batch.sent:
            self._sent()

    def _writing(self, row: Row) -> tuple[SinkRow, Sequence[ItemRow]]:
        """How a row is stored. What leaves for other partitions is no row: the batch carries it."""
        channel = self._channels.get(row.sink)
        if channel is not None:
            pid = self._goes_to[row.sink](row.colour)
            self._letters.append((pid, Letter(channel.place, row.colour)))
        elif row.sink in self._budgets:
            name = self._budgets[row.sink].counter.name
            self._returned[name] = self._returned.get(name, 0) + 1
        else:
            return self._work.writing(row)
        return (row.sink, "", b""), ()

    def _send(self, now_ns: int) -> None:
        """Let every token leave that belongs to another partition: what a batch brings about leaves with it."""
        for channel in self._channels.values():
            if self.recorder.count(channel.out.name):
                self._begin(channel.send, now_ns)

    def _begin(self, transition: str, now_ns: int) -> None:
        for binding in self.recorder.bindings(transition, now_ns, limit=1):
            self.recorder.begin(binding, now_ns)

    def _metadata(self, ended: Ended | None) -> list[tuple[str, bytes]]:
        words = [
            ("ended", msgspec.json.encode(ended)),
            ("wants", msgspec.json.encode(self._wants(ended))),
        ]
        changed = words if ended != self._cut_ended or not self.recorder.seq else []
        return [*changed, *self._work.metadata(self)]

    def _leaves(self, sink: str) -> bool:
        return sink in self._channels or sink in self._budgets

    def _rows(self, rows: list[Row]) -> None:
        kept = [row for row in rows if not self._leaves(row.sink)]
        if kept:
            self._work.rows(self, kept)

    # Budgets.

    def _wants(self, ended: Ended | None) -> list[str]:
        """The budgets for want of whose units it is at its end, and of which other partitions may have some."""
        names = [each.counter.name for each in self._budgets.values()] if ended == "spent" else []
        return [name for name in names if not self.recorder.count(name)]

    def wanted(self, most: int) -> list[str]:
        """The budgets that it should draw from now: it has work, and less than a quarter of what it may have."""
        if self.ended not in (None, "spent"):
            return []
        return [
            each.counter.name
            for each in self._budgets.values()
            if self.recorder.count(each.counter.name) * 4 < most
        ]

    def give_back(self) -> None:
        """Give back all units of budgets: it has nothing to do."""
        now_ns = self.clock.now_ns()
        for budget in self._budgets.values():
            for _ in range(self.recorder.count(budget.counter.name)):
                self._begin(budget.give_back, now_ns)
        self._wake()
