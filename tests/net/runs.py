"""Random runs of a net in two executions at once, compared after every call.

Owns: the calls of a run, legal and illegal, and the comparison: the same results, errors, events of
the trace, rows, counts and markings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scraper_cpn.net import Binding, Firing, Interpreter, Kernel, Lost, Marking, Net, NetError
from scraper_cpn.net.compiled.kernel import Compiled
from tests.net.building import Built
from tests.net.nets import Draw
from tests.net.specs import Bad, Good, colour

Load = Callable[[Net, Marking, Any], Kernel]
CROWD = 16
"""Tokens beyond which nothing more is injected: the interpreter tries every combination."""


class Different(AssertionError):  # noqa: N818  (named after what it is)
    """The two executions of a net disagree."""


class Pair:
    """The interpreter, and another execution that must do the same.

    Args:
        make: the other execution, given a net and a trace.
        load: the same, given a marking to go on from.
        traced: whether they trace.
    """

    def __init__(
        self,
        built: Built,
        make: Callable[[Net, Any], Kernel] = Compiled,
        load: Load = Compiled.load,
        *,
        traced: bool = True,
    ) -> None:
        self.built = built
        self.load = load
        self.traces: tuple[list[Any], list[Any]] = ([], [])
        self.say = [trace.append if traced else None for trace in self.traces]
        self.kernels: list[Kernel] = [
            Interpreter(built.net, self.say[0]),
            make(built.net, self.say[1]),
        ]
        self.calls: list[str] = []
        self.events: set[str] = set()
        """The kinds of events that were traced."""

    def call(self, name: str, *args: Any, **options: Any) -> Any:
        """Call both; raise `Different` unless all that can be seen is the same afterwards."""
        self.calls.append(f"{name}{args}{options or ''}")
        results = [_result(kernel, name, args, options) for kernel in self.kernels]
        self._same(name, results)
        self._same("trace", self.traces)
        self.events.update(event[0] for event in self.traces[0])
        for trace in self.traces:
            trace.clear()
        markings = [kernel.marking() for kernel in self.kernels]
        self._same("marking", markings)
        self._same("in_flight", [kernel.in_flight() for kernel in self.kernels])
        for place in self.built.net.places:
            self._same(f"count {place}", [kernel.count(place) for kernel in self.kernels])
        return results[0]

    def swap(self) -> None:
        """Save each, and load it into the other execution."""
        self.calls.append("swap")
        net = self.built.net
        markings = [kernel.marking() for kernel in self.kernels]
        self.kernels = [
            Interpreter.load(net, markings[1], self.say[0]),
            self.load(net, markings[0], self.say[1]),
        ]

    def _same(self, what: str, both: Any) -> None:
        if both[0] != both[1]:
            listed = "\n  ".join(
                [*self.calls, f"interpreted {what}: {both[0]}", f"the other:  {both[1]}"]
            )
            raise Different(f"{what} differs after\n  {listed}\nof {self.built.spec}")


def _result(kernel: Kernel, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    try:
        return getattr(kernel, name)(*args, **options)
    except NetError as error:
        return f"NetError: {error}"


class Run:
    """A random run.

    Args:
        draw: where its choices come from.
        pair: the two executions.
    """

    def __init__(self, draw: Draw, pair: Pair) -> None:
        self.draw = draw
        self.pair = pair
        self.now_ns = 0
        self.wake_ns: int | None = None
        self.flights: dict[int, bool] = {}
        """Ids of firings in flight: whether they have started."""
        self.bindings: list[Binding] = []
        """Those of manual transitions that were listed, some of which are stale by now."""
        self.seen: dict[str, int] = {}
        """What happened, by kind, for those who count it."""

    def go(self, calls: int) -> None:
        """Make some calls."""
        acts = (
            [self.inject] * 6
            + [self.step] * 8
            + [self.land] * 6
            + [self.start] * 5
            + [self.revoke] * 2
            + [self.look] * 2
            + [self.by_hand] * (6 if self.manual else 0)
            + [self.mistake, self.swap if self.draw.chance(40) else self.step]
        )
        for _ in range(6 + self.draw.below(6)):
            self.inject()
        for _ in range(calls):
            self.draw.one(*acts)()

    def inject(self) -> None:
        if not self.pair.built.sources:  # a net of numbers alone
            return
        spec = self.draw.one(*self.pair.built.sources)
        place = self.pair.built.places[spec.name]
        if len(self.pair.kernels[0].marking().tokens) > CROWD:
            return
        options: dict[str, Any] = {}
        if spec.timed and self.draw.chance(50):
            options["ready_at_ns"] = self.now_ns + self.draw.below(8)
        if spec.expires and self.draw.chance(70):
            options["expires_at_ns"] = self.now_ns + self.draw.below(12)
        token = colour(place.colour, self.draw.below(8), self.draw.below(6))
        self.pair.call("inject", place, token, self.now_ns, **options)

    def pass_time(self) -> None:
        """To the very time that was announced, just before it, a little on, or not at all."""
        times = [self.now_ns, self.now_ns, self.now_ns + 1 + self.draw.below(4)]
        if self.wake_ns is not None:
            times += [self.wake_ns, self.wake_ns, self.wake_ns - 1]
        self.now_ns = max(self.now_ns, self.draw.one(*times))

    def step(self) -> None:
        self.pass_time()
        limit = self.draw.one(1, 2, 3, 8, 8, 8)
        step = self.pair.call("step", self.now_ns, limit=limit)
        self.wake_ns = step.wake_ns
        self._saw("limit" if step.wake_ns == self.now_ns else "wake" if step.wake_ns else "sleep")
        for firing in step.firings:
            self.flights[firing.id] = False
        self.pair.call("ended", self.now_ns)

    def start(self) -> None:
        waiting = [number for number, started in self.flights.items() if not started]
        if waiting:
            self.pass_time()
            firing_id = self.draw.one(*waiting)
            asked = self.draw.chance(20)
            if self.pair.call("started", firing_id, self.now_ns, asked=asked):
                self.flights[firing_id] = True
            else:
                del self.flights[firing_id]
                self._saw("refused start")

    def land(self) -> None:
        flying = [number for number, started in self.flights.items() if started]
        if flying:
            self.pass_time()
            firing_id = self.draw.one(*flying)
            self.pair.call("may_start", firing_id, self.now_ns)
            n = self.draw.below(12)
            outcome = self.draw.one(Good(n), Good(n), Bad(n), Lost("lost"))
            if firing_id % 3 and self._retries(firing_id):
                outcome = Lost("lost")  # else hardly any firing would be tried again
            self.pair.call("complete", firing_id, outcome, self.now_ns)
            del self.flights[firing_id]

    def _retries(self, firing_id: int) -> bool:
        flights = self.pair.kernels[0].marking().flights
        name = next(each.transition for each in flights if each.id == firing_id)
        return self.pair.built.net.transitions[name].attempts > 1

    def revoke(self) -> None:
        waiting = [number for number, started in self.flights.items() if not started]
        if waiting:
            firing_id = self.draw.one(*waiting)
            self.pair.call("revoke", firing_id)
            del self.flights[firing_id]
            self._saw("revoke")

    @property
    def manual(self) -> list[str]:
        """The manual transitions."""
        return [each.name for each in self.pair.built.net.transitions.values() if each.manual]

    def by_hand(self) -> None:
        """List bindings of a manual transition; begin one of them, or one that was listed before."""
        self.pass_time()
        name, limit = self.draw.one(*self.manual), self.draw.one(None, None, 1, 3)
        listed = self.pair.call("bindings", name, self.now_ns, limit=limit)
        self.bindings = [*self.bindings[-8:], *listed]
        if not self.bindings:
            return
        self.pass_time()
        binding = self.draw.one(*self.bindings[-4:])
        begun = self.pair.call(self.draw.one("begin", "try_begin"), binding, self.now_ns)
        if not isinstance(begun, Firing):
            self._saw("stale")
            self.pair.call("bindings", name, self.now_ns, limit=0)  # nothing but time passes
            return
        self._saw("begun by hand")
        if begun.effect:
            self.flights[begun.id] = False

    def look(self) -> None:
        self.pair.call("drain")
        self.pair.call("ended", self.now_ns + self.draw.below(9))
        self.pair.call("ended", self.now_ns + 1, run=self.now_ns % 2)
        tokens = self.pair.kernels[0].marking().tokens
        if tokens:
            serial = self.draw.one(*tokens).serial
            self.pair.call("explain", serial, self.now_ns)

    def swap(self) -> None:
        self.pair.call("drain")
        self.pair.swap()
        self._saw("swap")

    def mistake(self) -> None:
        """A call that must be refused, with the same words, and change nothing."""
        firing_id = self.draw.one(999, *self.flights)
        place = self.pair.built.places[self.draw.one(*self.pair.built.places)]
        calls: tuple[tuple[Any, ...], ...] = (
            ("step", self.now_ns - 1),
            ("step", 1.5),
            ("step", self.now_ns, 0),
            ("started", 999, self.now_ns),
            ("started", firing_id, self.now_ns - 1),
            ("complete", firing_id, "no outcome", self.now_ns),
            ("complete", firing_id, Good(1), self.now_ns - 1),
            ("revoke", 999),
            ("inject", place, "no colour", self.now_ns),
            ("explain", 99_999, self.now_ns),
            ("count", "nowhere"),
            ("ended", self.now_ns - 1),
        )
        result = self.pair.call(*self.draw.one(*calls))
        if not str(result).startswith("NetError"):
            raise Different(f"{self.pair.calls[-1]} was not refused")
        self._saw("mistake")

    def _saw(self, what: str) -> None:
        self.seen[what] = self.seen.get(what, 0) + 1
