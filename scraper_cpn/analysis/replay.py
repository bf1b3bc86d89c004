"""A way through the abstraction, tried on the real kernel.

Owns: `replayed`, which looks for times and calls that lead a kernel the same way.
Must not know: how the way was found.

Dropping time adds ways that no run can go. A mistake is certain only if a kernel makes it. The search
follows the way event by event; where the kernel would do something else first, it lets it, or lets time
pass. It is bounded, so that not finding one proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from scraper_cpn.analysis.abstraction import Abstraction
from scraper_cpn.analysis.ground import Grounder
from scraper_cpn.analysis.instance import Expiring
from scraper_cpn.analysis.monitor import Monitor
from scraper_cpn.analysis.plain import Event
from scraper_cpn.net import Interpreter, Marking, Net, Row, plan
from scraper_cpn.net.marking import Flying

MOST = 4_000
"""Calls of a kernel in one search."""
HOUR_NS = 3_600_000_000_000
Call = tuple[Any, ...]


@dataclass(frozen=True)
class _Node:
    """A kernel on its way: what is still to follow, and what was called so far."""

    marking: Marking
    rest: tuple[Event, ...]
    outside: tuple[tuple[str, Any, bool], ...]
    calls: tuple[Call, ...]
    rows: tuple[Row, ...] = ()
    """The rows that have left through sinks."""


class PathReplay:
    """Replays a path of events on a kernel."""

    def __init__(self, grounder: Grounder, monitor: Monitor, event: Event | None) -> None:
        self._grounder, self._net, self._plain = grounder, grounder.net, grounder.plain
        self._monitor, self._event = monitor, event
        self._abstract = Abstraction(grounder)
        self._events: dict[Any, list[Event]] = {}
        for each in self._plain.events:
            bound = each.bound if each.kind != "fire" else _tokens(self._net, each)
            self._events.setdefault((each.kind, each.name, bound), []).append(each)
        self._left = MOST

    def run(self, path: Sequence[Event]) -> tuple[Call, ...] | None:
        """The calls that lead to the mistake; None if none were found."""
        whole = (*path, self._event) if self._event is not None else tuple(path)
        stack = [self._first(whole)]
        known: set[Any] = set()
        while stack and self._left > 0:
            node = stack.pop()
            if self._broken(node):
                return node.calls
            mark = (node.marking, len(node.rest))
            if _frozen(mark) in known:
                continue
            known.add(_frozen(mark))
            for child in reversed(self._on(node)):
                if isinstance(child, tuple):
                    return child
                stack.append(child)
        return None

    def _first(self, path: tuple[Event, ...]) -> _Node:
        kernel, calls = begun(self._grounder)
        later = self._grounder.instance.later.items()
        outside = [
            (name, t.token, True) if isinstance(t, Expiring) else (name, t, False)
            for name, ts in later
            for t in ts
        ]
        return _Node(kernel.marking(), path, tuple(outside), tuple(calls))

    # One step on the way.

    def _on(self, node: _Node) -> list[Any]:
        """Where a kernel can go from here, the likeliest first; or the calls, if it made the mistake."""
        self._left -= 1
        if not node.rest:
            return self._idle(node)
        event = node.rest[0]
        if event.kind == "inject":
            return self._comes(node, event)
        if event.kind in {"start", "revoke", "again", "end"}:
            return self._outer(node, event)
        if event.rank is None and event.kind in {"fire", "begin"}:
            return self._by_hand(node, event)
        return self._inner(node)

    def _by_hand(self, node: _Node, event: Event) -> list[Any]:
        """Somebody fires a manual transition."""
        now_ns = node.marking.now_ns
        found: list[Any] = []
        for binding in Interpreter.load(self._net, node.marking).bindings(event.name, now_ns):
            said: list[tuple[Any, ...]] = []
            kernel = Interpreter.load(self._net, node.marking, said.append)
            kernel.begin(binding, now_ns)
            after = kernel.marking()
            dones = (self._done(each, node.marking, after) for each in said)
            done = next(each for each in dones if each is not None)
            calls = (*node.calls, ("begin", binding, now_ns))
            if self._forbidden(node, *done[:3]):
                return [calls]
            rest, rows = self._followed(node.rest, done), (*node.rows, *kernel.drain())
            found.append(_Node(after, rest, node.outside, calls, rows))
        return sorted(found, key=lambda each: len(each.rest))

    def _comes(self, node: _Node, event: Event) -> list[Any]:
        kernel = Interpreter.load(self._net, node.marking)
        for at, (name, colour, mortal) in enumerate(node.outside):
            if (name, colour) == (event.name, event.bound[0]):
                call = _injected(kernel, name, Expiring(colour) if mortal else colour)
                outside = node.outside[:at] + node.outside[at + 1 :]
                calls = (*node.calls, call)
                return [_Node(kernel.marking(), node.rest[1:], outside, calls, node.rows)]
        return []

    def _outer(self, node: _Node, event: Event) -> list[Any]:
        flying = self._likest(node, event)
        if flying is None:
            return []
        kernel, now_ns = Interpreter.load(self._net, node.marking), node.marking.now_ns
        if event.kind == "start":
            kernel.started(flying.id, now_ns)
            call: Call = ("started", flying.id, now_ns)
        elif event.kind in {"again", "end"}:
            kernel.complete(flying.id, event.outcome, now_ns)
            call = ("complete", flying.id, event.outcome, now_ns)
        else:
            kernel.revoke(flying.id)
            call = ("revoke", flying.id)
        calls = (*node.calls, call)
        bound = self._abstract.bound(flying)
        if self._forbidden(node, event.kind, event.name, bound, event.outcome):
            return [calls]
        rows = (*node.rows, *kernel.drain())
        return [_Node(kernel.marking(), node.rest[1:], node.outside, calls, rows)]

    def _likest(self, node: _Node, event: Event) -> Flying | None:
        """The firing that an event is about, or the likest there is: a kernel may have bound another token."""
        alike = [
            each
            for each in node.marking.flights
            if each.transition == event.name and _may(each, event.kind)
        ]
        bounds = {each.id: self._abstract.bound(each) for each in alike}
        return min(
            alike,
            key=lambda each: (
                bounds[each.id] != event.bound,
                bounds[each.id][:1] != event.bound[:1],
            ),
            default=None,
        )

    def _inner(self, node: _Node) -> list[Any]:
        now_ns = node.marking.now_ns
        done, after, call, wake_ns, rows = self._stepped(node.marking, now_ns)
        found: list[Any] = []
        if done is not None:
            calls = (*node.calls, call)
            if self._forbidden(node, *done[:3]):
                return [calls]
            rest, rows = self._followed(node.rest, done), (*node.rows, *rows)
            found.append(_Node(after, rest, node.outside, calls, rows))
        times = _times(node.marking) if done is not None else [] if wake_ns is None else [wake_ns]
        return found + [self._waits(node, node.rest, time) for time in times if time > now_ns]

    def _idle(self, node: _Node) -> list[Any]:
        """The way is at its end; what the kernel still does by itself may show the mistake."""
        done, after, call, wake_ns, rows = self._stepped(node.marking, node.marking.now_ns)
        if done is not None:
            return [_Node(after, (), node.outside, (*node.calls, call), (*node.rows, *rows))]
        return [] if wake_ns is None else [self._waits(node, (), wake_ns)]

    def _waits(self, node: _Node, rest: tuple[Event, ...], now_ns: int) -> _Node:
        marking = replace(node.marking, now_ns=now_ns)
        return _Node(marking, rest, node.outside, (*node.calls, ("wait", now_ns)), node.rows)

    def _stepped(
        self, marking: Marking, now_ns: int
    ) -> tuple[tuple[Any, ...] | None, Any, Call, int | None, tuple[Row, ...]]:
        """One firing: its event, the marking after it, the call, the time of the next try, and rows."""
        said: list[tuple[Any, ...]] = []
        kernel = Interpreter.load(self._net, marking, said.append)
        step = kernel.step(now_ns, 1)
        after = kernel.marking()
        call: Call = ("step", now_ns, 1)
        for event in said:
            done = self._done(event, marking, after)
            if done is not None:
                return done, after, call, None, tuple(kernel.drain())
        return None, None, call, step.wake_ns, ()

    def _done(
        self, event: tuple[Any, ...], before: Marking, after: Marking
    ) -> tuple[Any, ...] | None:
        """What a kernel says that it has done, as events name it: kind, name, what was bound, outcome."""
        if event[0] in {"begin", "attempt"}:
            flying = next(each for each in after.flights if each.id == event[2])
            return (event[0], flying.transition, self._abstract.bound(flying), "")
        if event[0] == "fire":
            return ("fire", event[3], self._serials(before, event), event[5])
        return ("fault", event[1], (), "") if event[0] == "fault" else None

    def _serials(self, marking: Marking, event: tuple[Any, ...]) -> tuple[Any, ...]:
        by_serial = {token.serial: token for token in marking.tokens}
        transition = self._net.transitions[event[3]]
        found: list[Any] = []
        for number, (arc, serials) in enumerate(zip(transition.arcs, event[4], strict=True)):
            listed = plan.tokens_of(serials)
            atoms = tuple(self._abstract.standing(by_serial[serial]) for serial in listed if serial >= 0)  # fmt: skip
            found.append(self._abstract.named(transition, number, atoms) if arc.binds else None)
        return tuple(found)

    def _followed(self, rest: tuple[Event, ...], done: tuple[Any, ...]) -> tuple[Event, ...]:
        """The way without what was done, if it comes on it: the same, or as good as the same."""
        same = [at for at, event in enumerate(rest) if _label(self._net, event) == done]
        same += [
            at
            for at, event in enumerate(rest)
            if (event.kind, event.name) == done[:2] and event.bound[:1] == done[2][:1]
        ]
        same += [0] if rest and (rest[0].kind, rest[0].name) == done[:2] else []
        return rest[: same[0]] + rest[same[0] + 1 :] if same else rest

    # Whether it is there.

    def _forbidden(
        self, node: _Node, kind: str, name: str, bound: tuple[Any, ...], outcome: Any = None
    ) -> bool:
        """Whether what the kernel has just done is what may not be done."""
        events = self._events.get((kind, name, bound), [])
        alike = [each for each in events if outcome is None or _is_same(each.outcome, outcome)]
        event = alike[0] if alike else None
        watched = None if event is None else self._monitor.watched(event)
        if event is None or watched is None:
            return False
        numbers = self._abstract.numbers(node.marking, node.outside, node.rows)
        return self._monitor.forbids(event, {a: numbers[a] for a in watched if a in numbers})

    def _broken(self, node: _Node) -> bool:
        if self._event is not None:
            return False
        numbers = self._abstract.numbers(node.marking, node.outside, node.rows)
        seen = self._monitor.seen(self._plain)
        if seen is not None and self._monitor.bad({a: numbers[a] for a in seen if a in numbers}):
            return True
        rested = self._monitor.rested(self._plain)
        if rested is None or node.marking.flights or node.rest:
            return False
        kernel = Interpreter.load(self._net, node.marking)
        if kernel.ended(node.marking.now_ns) is None:
            return False
        return self._monitor.bad_rest({a: numbers[a] for a in rested if a in numbers})


def replayed(
    grounder: Grounder, monitor: Monitor, path: Sequence[Event], event: Event | None
) -> tuple[Call, ...] | None:
    """The calls by which a kernel makes the mistake that a way leads to; None if none were found.

    Args:
        grounder: of the net.
        monitor: sees the mistake.
        path: the way to it.
        event: what may not happen at its end; None if the state itself is bad.
    """
    return PathReplay(grounder, monitor, event).run(path)


def begun(grounder: Grounder) -> tuple[Interpreter, list[Call]]:
    """A kernel with the first tokens of an instance, and the calls that gave them to it."""
    kernel = Interpreter(grounder.net)
    given = grounder.instance.tokens.items()
    return kernel, [_injected(kernel, name, token) for name, tokens in given for token in tokens]


def _injected(kernel: Interpreter, name: str, token: Any) -> Call:
    mortal = isinstance(token, Expiring)
    colour = token.token if mortal else token
    now_ns = kernel.marking().now_ns
    place: Any = kernel.net.places[name]
    ends = now_ns + HOUR_NS if mortal else None
    kernel.inject(place, colour, now_ns, expires_at_ns=ends)
    return ("inject", name, colour, now_ns, ends)


def _is_same(one: Any, other: Any) -> bool:
    """Whether outcomes are the same: a firing with other tokens than on the way has outcomes of its own."""
    return one is other or (type(one) is type(other) and bool(one == other))


def _may(flying: Flying, kind: str) -> bool:
    """Whether a kernel takes such a call for a firing."""
    if kind in {"again", "end"}:
        return flying.started and flying.due_ns is None
    return flying.handed or not flying.started


def _label(net: Net, event: Event) -> tuple[Any, ...]:
    """What a kernel says of an event."""
    if event.kind == "begin":
        return ("begin", event.name, event.bound, "")
    bound = _tokens(net, event)
    outcome = "" if event.outcome is None else type(event.outcome).__name__
    return (event.kind, event.name, bound, outcome)


def _tokens(net: Net, event: Event) -> tuple[Any, ...]:
    """What a firing in one go has bound, as its trace says it: no keys."""
    return tuple(
        value if arc.binds else None
        for arc, value in zip(net.transitions[event.name].arcs, event.bound, strict=True)
    )


def _times(marking: Marking) -> list[int]:
    """When something changes by itself."""
    times = {t.ready_at_ns for t in marking.tokens} | {t.expires_at_ns or 0 for t in marking.tokens}
    return sorted(time_ns for time_ns in times if time_ns > marking.now_ns)


def _frozen(mark: tuple[Marking, int]) -> Any:
    """The identity of a node."""
    marking, left = mark
    return (marking.now_ns, marking.tokens, marking.flights, repr(marking.counters), left)
