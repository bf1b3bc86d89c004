"""A way through the abstraction, tried on the real kernel.

Owns: `replayed`, which looks for times and calls that lead a kernel the same way, and `Abstraction`,
the state of a grounded net that a marking stands for.
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

from scraper_cpn.analysis.ground import Grounder
from scraper_cpn.analysis.instance import Expiring
from scraper_cpn.analysis.monitor import Monitor
from scraper_cpn.analysis.plain import Atom, Event
from scraper_cpn.net import Interpreter, Marking
from scraper_cpn.net.marking import Flying, Standing

MOST = 4_000
"""Calls of a kernel in one search."""
HOUR_NS = 3_600_000_000_000
Call = tuple[Any, ...]


class Abstraction:
    """Markings in terms of a grounded net."""

    def __init__(self, grounder: Grounder) -> None:
        self._grounder, self._plain, self._net = grounder, grounder.plain, grounder.net

    def numbers(self, marking: Marking, outside: Sequence[tuple[str, Any, bool]]) -> dict[int, int]:
        """How many there are of each atom; what has no atom is left out.

        Args:
            marking: of a kernel of the net.
            outside: what may still come: place, token, whether it has an end.
        """
        found: dict[int, int] = {}

        def add(atom: Atom, number: int = 1) -> None:
            at = self._plain.index.get(atom)
            if at is not None and number:
                found[at] = found.get(at, 0) + number

        for standing in marking.tokens:
            for at in self._counted(standing):
                found[at] = found.get(at, 0) + 1
        found.update(self._counters(marking))
        for name, keys in marking.sets.items():
            for key in keys:
                add(Atom("key", name, key))
        for flying in marking.flights:
            add(self.flight(flying))
            transition = self._net.transitions[flying.transition]
            for at, slots in self._grounder.occupied(transition, started=flying.started).items():
                found[at] = found.get(at, 0) + slots
            for at in self._grounder.claimed(transition, self._inputs(flying)):
                found[at] = found.get(at, 0) + 1
        for fault in marking.faulted:
            add(
                Atom(
                    "fault",
                    fault.place,
                    (self._grounder.forgetting.token(fault.colour), fault.error),
                )
            )
        for name, colour, mortal in outside:
            add(Atom("outside", name, self._grounder.forgetting.token(colour), mortal))
        return found

    def _counters(self, marking: Marking) -> dict[int, int]:
        found: dict[int, int] = {}
        for number, atom in enumerate(self._plain.atoms):
            if atom.kind == "number" and atom.name in self._net.places:
                moved = dict(marking.counters.get(atom.name, ()))
                if value := moved.get(atom.value, self._plain.initial[number]):
                    found[number] = value
        return found

    def _counted(self, standing: Standing) -> list[int]:
        at = self.standing(standing)
        place: Any = self._net.places[standing.place]
        return [] if at is None else [at, *self._grounder.counting(place, at)]

    def _inputs(self, flying: Flying) -> tuple[Any, ...]:
        return self._grounder.inputs(self._net.transitions[flying.transition], self.bound(flying))

    def standing(self, standing: Standing) -> int | None:
        """The atom of a token."""
        colour = self._grounder.forgetting.token(standing.colour)
        mortal = standing.expires_at_ns is not None
        return self._plain.index.get(Atom("token", standing.place, colour, mortal))

    def flight(self, flying: Flying) -> Atom:
        """The atom of a firing."""
        return Atom("flight", flying.transition, self.bound(flying), flying.started)

    def bound(self, flying: Flying) -> tuple[Any, ...]:
        """What a firing has bound, as events say it."""
        return tuple(
            self.standing(each) if isinstance(each, Standing) else each for each in flying.inputs
        )


@dataclass(frozen=True)
class _Node:
    """A kernel on its way: what is still to follow, and what was called so far."""

    marking: Marking
    rest: tuple[Event, ...]
    outside: tuple[tuple[str, Any, bool], ...]
    calls: tuple[Call, ...]


class Replay:
    """Tries a way on a kernel."""

    def __init__(self, grounder: Grounder, monitor: Monitor, event: Event | None) -> None:
        self._grounder, self._net, self._plain = grounder, grounder.net, grounder.plain
        self._monitor, self._event = monitor, event
        self._abstract = Abstraction(grounder)
        self._events: dict[Any, Event] = {
            (event.kind, event.name, event.bound if event.kind != "fire" else _tokens(event)): event
            for event in self._plain.events
        }
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
        kernel, calls = Interpreter(self._net), list[Call]()
        for name, tokens in self._grounder.instance.tokens.items():
            for token in tokens:
                calls.append(self._inject(kernel, name, token))
        later = self._grounder.instance.later.items()
        outside = [
            (name, t.token, True) if isinstance(t, Expiring) else (name, t, False)
            for name, ts in later
            for t in ts
        ]
        return _Node(kernel.marking(), path, tuple(outside), tuple(calls))

    def _inject(self, kernel: Interpreter, name: str, token: Any) -> Call:
        mortal = isinstance(token, Expiring)
        colour = token.token if mortal else token
        now_ns = kernel.marking().now_ns
        place: Any = self._net.places[name]
        ends = now_ns + HOUR_NS if mortal else None
        kernel.inject(place, colour, now_ns, expires_at_ns=ends)
        return ("inject", name, colour, now_ns, ends)

    # One step on the way.

    def _on(self, node: _Node) -> list[Any]:
        """Where a kernel can go from here, the likeliest first; or the calls, if it made the mistake."""
        self._left -= 1
        if not node.rest:
            return self._idle(node)
        event = node.rest[0]
        if event.kind == "inject":
            return self._comes(node, event)
        if event.kind in {"start", "revoke", "end"}:
            return self._outer(node, event)
        return self._inner(node)

    def _comes(self, node: _Node, event: Event) -> list[Any]:
        kernel = Interpreter.load(self._net, node.marking)
        for at, (name, colour, mortal) in enumerate(node.outside):
            if (name, colour) == (event.name, event.bound[0]):
                call = self._inject(kernel, name, Expiring(colour) if mortal else colour)
                outside = node.outside[:at] + node.outside[at + 1 :]
                return [_Node(kernel.marking(), node.rest[1:], outside, (*node.calls, call))]
        return []

    def _outer(self, node: _Node, event: Event) -> list[Any]:
        flying = self._likest(node, event)
        if flying is None:
            return []
        kernel, now_ns = Interpreter.load(self._net, node.marking), node.marking.now_ns
        if event.kind == "start":
            kernel.started(flying.id, now_ns)
            call: Call = ("started", flying.id, now_ns)
        elif event.kind == "end":
            kernel.complete(flying.id, event.outcome, now_ns)
            call = ("complete", flying.id, event.outcome, now_ns)
        else:
            kernel.revoke(flying.id)
            call = ("revoke", flying.id)
        calls = (*node.calls, call)
        if self._forbidden(node, event.kind, event.name, self._abstract.bound(flying)):
            return [calls]
        return [_Node(kernel.marking(), node.rest[1:], node.outside, calls)]

    def _likest(self, node: _Node, event: Event) -> Flying | None:
        """The firing that an event is about, or the likest there is: a kernel may have bound another token."""
        alike = [
            each
            for each in node.marking.flights
            if each.transition == event.name and each.started == (event.kind == "end")
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
        done, after, call, wake_ns = self._stepped(node.marking, now_ns)
        found: list[Any] = []
        if done is not None:
            calls = (*node.calls, call)
            if self._forbidden(node, *done[:3]):
                return [calls]
            found.append(_Node(after, self._followed(node.rest, done), node.outside, calls))
        for time_ns in [wake_ns] if done is None else _times(node.marking):
            if time_ns is not None and time_ns > now_ns:
                waits = self._waited(node.marking, time_ns)
                found.append(
                    _Node(waits, node.rest, node.outside, (*node.calls, ("wait", time_ns)))
                )
        return found

    def _idle(self, node: _Node) -> list[Any]:
        """The way is at its end; what the kernel still does by itself may show the mistake."""
        done, after, call, wake_ns = self._stepped(node.marking, node.marking.now_ns)
        if done is not None:
            return [_Node(after, (), node.outside, (*node.calls, call))]
        if wake_ns is not None:
            waits = self._waited(node.marking, wake_ns)
            return [_Node(waits, (), node.outside, (*node.calls, ("wait", wake_ns)))]
        return []

    def _waited(self, marking: Marking, now_ns: int) -> Marking:
        return replace(marking, now_ns=now_ns)

    def _stepped(
        self, marking: Marking, now_ns: int
    ) -> tuple[tuple[Any, ...] | None, Any, Call, int | None]:
        """What one firing at a time is, the marking after it, the call, and when to try again."""
        said: list[tuple[Any, ...]] = []
        kernel = Interpreter.load(self._net, marking, said.append)
        step = kernel.step(now_ns, 1)
        after = kernel.marking()
        call: Call = ("step", now_ns, 1)
        for event in said:
            if event[0] == "begin":
                flying = next(each for each in after.flights if each.id == event[2])
                return ("begin", event[3], self._abstract.bound(flying), ""), after, call, None
            if event[0] == "fire":
                return (
                    ("fire", event[3], self._serials(marking, event), event[5]),
                    after,
                    call,
                    None,
                )
            if event[0] == "fault":
                return ("fault", event[1], (), ""), after, call, None
        return None, None, call, step.wake_ns

    def _serials(self, marking: Marking, event: tuple[Any, ...]) -> tuple[Any, ...]:
        by_serial = {token.serial: token for token in marking.tokens}
        return tuple(
            self._abstract.standing(by_serial[serial]) if serial >= 0 else None
            for serial in event[4]
        )

    def _followed(self, rest: tuple[Event, ...], done: tuple[Any, ...]) -> tuple[Event, ...]:
        """The way without what was done, if it comes on it: the same, or as good as the same."""
        same = [at for at, event in enumerate(rest) if _label(event) == done]
        same += [
            at
            for at, event in enumerate(rest)
            if (event.kind, event.name) == done[:2] and event.bound[:1] == done[2][:1]
        ]
        same += [0] if rest and (rest[0].kind, rest[0].name) == done[:2] else []
        return rest[: same[0]] + rest[same[0] + 1 :] if same else rest

    # Whether it is there.

    def _forbidden(self, node: _Node, kind: str, name: str, bound: tuple[Any, ...]) -> bool:
        """Whether what the kernel has just done is what may not be done."""
        event = self._events.get((kind, name, bound))
        watched = None if event is None else self._monitor.watched(event)
        if event is None or watched is None:
            return False
        numbers = self._abstract.numbers(node.marking, node.outside)
        return self._monitor.forbids(event, {a: numbers[a] for a in watched if a in numbers})

    def _broken(self, node: _Node) -> bool:
        if self._event is not None:
            return False
        numbers = self._abstract.numbers(node.marking, node.outside)
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
    return Replay(grounder, monitor, event).run(path)


def _label(event: Event) -> tuple[Any, ...]:
    """What a kernel says of an event."""
    if event.kind == "begin":
        return ("begin", event.name, event.bound, "")
    bound = _tokens(event)
    outcome = "" if event.outcome is None else type(event.outcome).__name__
    return (event.kind, event.name, bound, outcome)


def _tokens(event: Event) -> tuple[Any, ...]:
    """What a firing in one go has bound, as its trace says it: no keys."""
    return tuple(each if isinstance(each, int) else None for each in event.bound)


def _times(marking: Marking) -> list[int]:
    """When something changes by itself."""
    times = {t.ready_at_ns for t in marking.tokens} | {t.expires_at_ns or 0 for t in marking.tokens}
    return sorted(time_ns for time_ns in times if time_ns > marking.now_ns)


def _frozen(mark: tuple[Marking, int]) -> Any:
    """What tells two nodes apart."""
    marking, left = mark
    return (marking.now_ns, marking.tokens, marking.flights, repr(marking.counters), left)
