"""Running the partitions of a net in virtual time, in one process: channels that delay, and partitions that crash.

Owns: `simulate_partitions` and `run_partitions`. Each partition has a kernel of its own and commits after each step: what it
has decided is durable then, what it sends leaves, and its effects start. One that crashes loses what it has not
committed; it is taken over from its last commit, and its firings in flight are `Lost`. All of it follows from a seed.
Must not know: what a net is for, the real clock, stores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from random import Random
from typing import Any

from msgspec import Struct, field

from scraper_cpn.net import (
    Credit,
    Ended,
    Firing,
    Lease,
    Lost,
    Marking,
    Net,
    NetError,
    Partition,
    Place,
    Row,
    destination,
)
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.compiled.source import Build, generated, in_python
from scraper_cpn.simulate.driver import (
    Coming,
    SlowEffect,
    Starting,
    VirtualEffect,
    completed,
    launched,
    refuse_unbound,
)
from scraper_cpn.simulate.net import Duration, effects_of

DRAWN_AT_ONCE = 8
"""Units of a budget that a partition draws at a time."""
WORST_FIRST: tuple[Ended, ...] = ("faulted", "stuck", "spent", "finished")


class Hazards(Struct, frozen=True, kw_only=True):
    """What happens to partitions and channels.

    Attributes:
        seed: all else follows from it.
        delay_ns: a token is in a channel for 0 to this long.
        crashes: how often a partition crashes, in all.
        between: a partition crashes after 1 to so many of its commits, as long as crashes are left.
        away_ns: how long until a partition that has crashed is taken over.
        moves: per cent of commits at which a leased token is released, and goes to another partition.
    """

    seed: int = 0
    delay_ns: int = 0
    crashes: int = 0
    between: int = 20
    away_ns: int = 0
    moves: int = 0


class Divided(Struct, frozen=True):
    """The result of a run of partitions.

    Attributes:
        ended: the worst end of a partition, once all have ended and no channel has a token; None if time was up first, or
            a partition waits for a hand.
        now_ns: the virtual time at the end.
        firings: effects that were started.
        rows: what reached the sinks and was committed, in that order.
        markings: of each partition, at the end.
        crashes: how often a partition crashed.
        carried: tokens that went from one partition to another.
        free: of each budget, the units that no partition has.
    """

    ended: Ended | None
    now_ns: int
    firings: int
    rows: tuple[Row, ...]
    markings: tuple[Marking, ...]
    crashes: int
    carried: int
    free: dict[str, int]


class Letter(Struct, frozen=True, order=True):
    """A token on its way into a partition."""

    due_ns: int
    number: int
    place: str
    colour: Any
    ready_at_ns: int = 0
    expires_at_ns: int | None = None


class _Part(Struct):
    """A partition: its kernel, and what has happened since its last commit."""

    kernel: Compiled
    coming: list[Coming] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    taken: list[Letter] = field(default_factory=list)
    released: list[Any] = field(default_factory=list)
    drawn: dict[str, int] = field(default_factory=dict)
    wake_ns: int | None = 0
    durable: Marking | None = None
    commits_left: int = 0
    back_ns: int | None = None
    """When it is taken over after a crash; None if it runs."""

    @property
    def partition(self) -> Partition:
        """Which one it is."""
        assert self.kernel.partition is not None
        return self.kernel.partition


def simulate_partitions(
    net: Net,
    durations: Mapping[str, Duration],
    tokens: Mapping[Place[Any], Iterable[Any]],
    partitions: int,
    *,
    each: Mapping[Place[Any], Iterable[Any]] | None = None,
    hazards: Hazards | None = None,
    until_ns: int | None = None,
) -> Divided:
    """Run the partitions of a net to their end without waiting.

    Args:
        net: has a partition key.
        durations: for each effect, its duration and outcome.
        tokens: the initial tokens, by place: those of keyed places and channels go where they belong, others in turn.
        partitions: how many.
        each: tokens that every partition has.
        hazards: what happens meanwhile; by default nothing.
        until_ns: the time to stop at.

    Raises:
        NetError: the net can't work or be divided, an effect has no duration, or a token does not fit.
    """
    dealt = list(_dealt(net, tokens, partitions))

    def fill(kernel: Compiled, number: int) -> None:
        mine = [(place, colour) for to, place, colour in dealt if to == number]
        mine += [(place, colour) for place, several in (each or {}).items() for colour in several]
        for place, colour in mine:
            kernel.inject(place, colour, 0)

    effects = effects_of(net, durations)
    return run_partitions(net, effects, partitions, fill, hazards=hazards, until_ns=until_ns)


def _dealt(
    net: Net, tokens: Mapping[Place[Any], Iterable[Any]], partitions: int
) -> Iterable[tuple[int, Place[Any], Any]]:
    for place, colours in tokens.items():
        for number, colour in enumerate(colours):
            try:
                yield destination(net, place, colour, partitions), place, colour
            except NetError:
                yield number % partitions, place, colour


def run_partitions(
    net: Net,
    effects: Mapping[str, VirtualEffect | SlowEffect],
    partitions: int,
    fill: Callable[[Compiled, int], None],
    *,
    hazards: Hazards | None = None,
    now_ns: int = 0,
    until_ns: int | None = None,
) -> Divided:
    """As `simulate_partitions`, with kernels that *fill* gives their tokens; it is called with each and its number."""
    build = in_python(generated(net, divided=True))
    parts = [
        _Part(Compiled(net, build=build, partition=Partition(number, partitions)))
        for number in range(partitions)
    ]
    for number, part in enumerate(parts):
        refuse_unbound(part.kernel, effects)
        fill(part.kernel, number)
    return _World(net, effects, build, parts, hazards or Hazards()).run(now_ns, until_ns)


class _World:
    """All partitions, and what is between them."""

    def __init__(
        self,
        net: Net,
        effects: Mapping[str, VirtualEffect | SlowEffect],
        build: Build,
        parts: list[_Part],
        hazards: Hazards,
    ) -> None:
        self._net, self._effects, self._build = net, effects, build
        self._parts, self._hazards = parts, hazards
        self._random = Random(hazards.seed)
        self._crashes_left = hazards.crashes
        self._rows: list[Row] = []
        self._sent = {each.sent.name: each for each in net.channels.values()}
        self._returned = {each.returned.name: each for each in net.credits.values()}
        self._released = {each.released.name: each for each in net.leases.values()}
        self._free = {name: each.total for name, each in net.credits.items()}
        self._firings = self._carried = self._numbered = 0
        for part in parts:
            self._arm(part)

    def run(self, now_ns: int, until_ns: int | None) -> Divided:
        """Run until nothing can happen any more."""
        while True:
            busy = [
                self._advance(part, now_ns) for part in self._parts if self._is_due(part, now_ns)
            ]
            if any(busy):
                continue
            over = self._ended(now_ns) is not None
            times = [at for part in self._parts if (at := self._next(part)) is not None]
            if (over or not times) and self._lend(now_ns):
                continue
            if over or not times:
                return self._result(now_ns)
            now_ns = max(now_ns, min(times))
            if until_ns is not None and now_ns >= until_ns:
                return self._result(until_ns)

    def _ended(self, now_ns: int) -> Ended | None:
        """How all have ended; None while a partition goes on, or a channel has a token."""
        if any(part.letters or part.back_ns is not None for part in self._parts):
            return None
        ends = [part.kernel.ended(now_ns) for part in self._parts]
        return None if None in ends else next(end for end in WORST_FIRST if end in ends)

    def _result(self, now_ns: int) -> Divided:
        return Divided(
            self._ended(now_ns),
            now_ns,
            self._firings,
            tuple(self._rows),
            tuple(part.kernel.marking() for part in self._parts),
            self._hazards.crashes - self._crashes_left,
            self._carried,
            self._free,
        )

    def _next(self, part: _Part) -> int | None:
        """When something happens next in a partition."""
        if part.back_ns is not None:
            return part.back_ns
        times = [part.coming[0][0]] if part.coming else []
        times += [part.letters[0].due_ns] if part.letters else []
        times += [] if part.wake_ns is None else [part.wake_ns]
        return min(times, default=None)

    def _is_due(self, part: _Part, now_ns: int) -> bool:
        at = self._next(part)
        if at is not None and at <= now_ns:
            return True
        return part.back_ns is None and bool(self._wanted(part, now_ns))

    def _advance(self, part: _Part, now_ns: int) -> bool:
        """All that happens at once in a partition, up to its commit; false if there was nothing."""
        if part.back_ns is not None:
            return self._take_over(part, now_ns)
        heard = self._hear(part, now_ns)
        drew = self._draw(part, now_ns)
        step = part.kernel.step(now_ns)
        part.wake_ns = step.wake_ns
        self._send(part, now_ns)
        rows = part.kernel.drain()
        if not (heard or drew or step.firings or rows):
            return False
        if self._crashes(part):
            return self._crash(part, now_ns)
        self._commit(part, rows, now_ns)
        if self._crashes(part):
            return self._crash(part, now_ns)
        self._start(part, step.firings, now_ns)
        return True

    # What comes, and what is decided.

    def _hear(self, part: _Part, now_ns: int) -> bool:
        """Give a kernel the outcomes and letters that are due."""
        heard = False
        while part.coming and part.coming[0][0] <= now_ns:
            _, firing_id, outcome = heappop(part.coming)
            heard = True
            if not isinstance(outcome, Starting):
                completed(part.kernel, firing_id, outcome, now_ns)
            elif part.kernel.started(firing_id, now_ns, asked=outcome.late):
                heappush(part.coming, outcome.ended(now_ns))
        while part.letters and part.letters[0].due_ns <= now_ns:
            letter = heappop(part.letters)
            place: Any = self._net.places[letter.place]
            part.kernel.inject(
                place,
                letter.colour,
                now_ns,
                ready_at_ns=letter.ready_at_ns,
                expires_at_ns=letter.expires_at_ns,
            )
            part.taken.append(letter)
            heard = True
        return heard

    def _wanted(self, part: _Part, now_ns: int) -> list[str]:
        """The budgets of which a partition needs units that are free."""
        short = [name for name, free in self._free.items() if free and not part.kernel.count(name)]
        return short if short and part.kernel.ended(now_ns) == "spent" else []

    def _draw(self, part: _Part, now_ns: int) -> bool:
        """Draw units that a partition needs; they are its own when it commits."""
        wanted = self._wanted(part, now_ns)
        for name in wanted:
            units = min(self._free[name], DRAWN_AT_ONCE)
            part.drawn[name] = units
            self._free[name] -= units
            for _ in range(units):
                part.kernel.inject(self._net.credits[name].drawn, Credit(), now_ns)
        return bool(wanted)

    def _send(self, part: _Part, now_ns: int) -> None:
        """Let leave what belongs elsewhere, and what is not needed here."""
        kernel = part.kernel
        for channel in self._net.channels.values():
            if kernel.count(channel.out.name):
                for binding in kernel.bindings(channel.send, now_ns):
                    kernel.begin(binding, now_ns)
        if kernel.ended(now_ns) not in {None, "spent"}:
            for name, drawn in self._net.credits.items():
                while kernel.count(name):
                    kernel.begin(kernel.bindings(drawn.give_back, now_ns, limit=1)[0], now_ns)
        for lease in self._net.leases.values():
            if self._random.randrange(100) < self._hazards.moves:
                self._release(part, lease, self._random.choice(self._parts), now_ns)

    def _release(self, part: _Part, lease: Lease, to: _Part, now_ns: int) -> bool:
        """Release a leased token, if one is free; it goes to another partition with the next commit."""
        for binding in part.kernel.bindings(lease.release, now_ns, limit=1):
            part.kernel.begin(binding, now_ns)
            part.released.append((binding.tokens[0], to))
            return True
        return False

    def _lend(self, now_ns: int) -> bool:
        """Have a partition release a leased token for one that is stuck without any."""
        for lease in self._net.leases.values():
            for poor in self._parts:
                waits = poor.kernel.ended(now_ns) in {"stuck", "spent"}
                if poor.kernel.count(lease.place.name) or not waits:
                    continue
                for rich in self._parts:
                    if self._release(rich, lease, poor, now_ns):
                        self._commit(rich, rich.kernel.drain(), now_ns)
                        return True
        return False

    # Commits.

    def _commit(self, part: _Part, rows: list[Row], now_ns: int) -> None:
        """Make durable what a partition has decided: its rows are written, its letters leave."""
        released = iter(part.released)
        for row in rows:
            if row.sink in self._sent:
                self._post(self._sent[row.sink].place, row.colour, now_ns)
            elif row.sink in self._returned:
                self._free[self._returned[row.sink].counter.name] += 1
            elif row.sink in self._released:
                token, to = next(released)
                times = (token.ready_at_ns, token.expires_at_ns)
                self._write(to, self._released[row.sink].place, row.colour, now_ns, *times)
            else:
                self._rows.append(row)
        part.taken, part.released, part.drawn = [], [], {}
        part.commits_left -= 1
        if part.commits_left <= 0 and self._crashes_left:
            part.durable = part.kernel.marking()  # from now on it may crash

    def _post(self, place: Place[Any], colour: Any, now_ns: int) -> None:
        to = destination(self._net, place, colour, len(self._parts))
        self._carried += 1
        self._write(self._parts[to], place, colour, now_ns)

    def _write(self, to: _Part, place: Place[Any], colour: Any, now_ns: int, *times: Any) -> None:
        due_ns = now_ns + self._random.randint(0, self._hazards.delay_ns)
        self._numbered += 1
        heappush(to.letters, Letter(due_ns, self._numbered, place.name, colour, *times))

    def _start(self, part: _Part, firings: Iterable[Firing], now_ns: int) -> None:
        """Start effects, whose decisions are durable now."""
        for firing in firings:
            self._firings += 1
            work = self._effects[firing.effect](*firing.args, now_ns)
            following = launched(part.kernel, firing, work, now_ns)
            if following is not None:
                heappush(part.coming, following)
        if firings:
            part.wake_ns = now_ns

    # Crashes.

    def _arm(self, part: _Part) -> None:
        """Let a partition crash after some commits."""
        part.durable = None
        part.commits_left = self._random.randint(1, self._hazards.between)

    def _crashes(self, part: _Part) -> bool:
        """Whether a partition crashes now: before a commit, or between a commit and the start of its effects."""
        may = part.durable is not None and self._crashes_left > 0
        return may and self._random.randrange(3) == 0

    def _crash(self, part: _Part, now_ns: int) -> bool:
        """Forget what was not committed, and all that runs."""
        self._crashes_left -= 1
        for name, units in part.drawn.items():
            self._free[name] += units
        for letter in part.taken:
            heappush(part.letters, letter)
        part.coming, part.taken, part.released, part.drawn = [], [], [], {}
        part.back_ns = now_ns + self._hazards.away_ns
        return True

    def _take_over(self, part: _Part, now_ns: int) -> bool:
        """Go on from the last commit; what became of its firings in flight is unknown."""
        if part.back_ns is None or part.back_ns > now_ns:
            return False
        assert part.durable is not None
        kernel = Compiled.load(self._net, part.durable, build=self._build, partition=part.partition)
        for flying in part.durable.flights:
            if flying.handed:
                kernel.revoke(flying.id)
            if flying.due_ns is not None:
                continue
            if not flying.started:
                kernel.started(flying.id, now_ns, asked=True)
            kernel.complete(flying.id, Lost("the partition has crashed"), now_ns)
        part.kernel, part.back_ns, part.wake_ns = kernel, None, now_ns
        self._arm(part)
        return True
