"""Properties of single firings and their tokens, checked without states.

Owns: `every`, `paused` and `SeenEvent`.
Must not know: how a net is explored.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scraper_cpn.analysis.instance import AnalysisError
from scraper_cpn.analysis.plain import Event, PlainNet, is_fault
from scraper_cpn.analysis.properties.base import (
    Property,
    Watch,
    names_problems,
    transition_problems,
)
from scraper_cpn.analysis.properties.events import Pattern, pattern_problems
from scraper_cpn.net import Net, Place, plan
from scraper_cpn.net.outputs import Output


@dataclass(frozen=True)
class SeenEvent:
    """An event, as a property that is a function sees it: `seen["jobs"]` is the token bound there.

    Attributes:
        outcome: what an effect ended in, or a choice picked; None before that.
    """

    net: Net
    plain: PlainNet
    event: Event

    @property
    def outcome(self) -> Any:
        """The outcome of the effect or of the choice."""
        return self.event.outcome

    def __getitem__(self, place: str) -> Any:
        """The token bound at a place; a tuple where an arc binds several."""
        transition = self.net.transitions[self.event.name]
        for number, arc in enumerate(transition.arcs):
            if arc.place.name == place and arc.binds:
                return self.bound(number)
        names = ", ".join(arc.place.name for arc in transition.arcs if arc.binds)
        raise AnalysisError(
            f"net {self.net.name}, {transition.name}: binds no token of {place!r}; it binds {names}"
        )

    def puts(self, place: str) -> list[Any]:
        """The tokens (of a sink: rows) that the event puts there; of what fires in one go, also those that it has bound and leaves."""
        numbers = Counts[int]()
        if self.event.kind == "fire":
            for arc, value in zip(
                self.net.transitions[self.event.name].arcs, self.event.bound, strict=True
            ):
                if arc.place.name == place and arc.binds:
                    numbers.update(plan.tokens_of(value))
        for change in (self.event.change, *(new.change for new in self.event.news)):
            for atom, number in change.items():
                if (one := self.plain.atoms[atom]).name == place and one.kind in {"token", "row"}:
                    numbers[atom] += number
        return [self.plain.atoms[atom].value for atom in numbers.elements()]

    def bound(self, number: int) -> Any:
        """The token, or the tuple of tokens, that an input has bound."""
        arc, value = self.net.transitions[self.event.name].arcs[number], self.event.bound[number]
        colours = tuple(self.plain.atoms[atom].value for atom in plan.tokens_of(value))
        return colours if arc.many else colours[0]


@dataclass(frozen=True, eq=False)
class Every(Property):
    """See `every`."""

    pattern: Pattern
    fn: Callable[[SeenEvent], bool]
    claim: str = ""
    invariant = True

    def problems(self, net: Net) -> Iterator[str]:
        return pattern_problems(net, self.pattern)

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _Every(self, net, plain)


class _Judged(Watch):
    """Judges each event by itself, whatever the state."""

    def __init__(self, net: Net, plain: PlainNet) -> None:
        self._net, self._plain = net, plain

    def allows(self, seen: SeenEvent) -> bool | None:
        """Whether an event is right; None if it is none of those that are asked for."""
        raise NotImplementedError

    def holds_always(self) -> bool:
        """Whether each event is right."""
        found = [
            self.allows(SeenEvent(self._net, self._plain, each)) for each in self._plain.events
        ]
        self.exercised = any(allowed is not None for allowed in found)
        return False not in found

    def watched(self, event: Event) -> Sequence[int] | None:
        allowed = self.allows(SeenEvent(self._net, self._plain, event))
        self.exercised = self.exercised or allowed is not None
        return () if allowed is False else None

    def forbids(self, event: Event, numbers: dict[int, int]) -> bool:
        return True


class _Every(_Judged):
    def __init__(self, asked: Every, net: Net, plain: PlainNet) -> None:
        super().__init__(net, plain)
        self._asked = asked
        self.vacuous = f"there is never a {asked.pattern}"

    def allows(self, seen: SeenEvent) -> bool | None:
        event, pattern = seen.event, self._asked.pattern
        if event.kind != pattern.kind or event.name not in pattern.names or is_fault(event):
            return None
        return bool(self._asked.fn(seen))


def every(pattern: Pattern, fn: Callable[[SeenEvent], bool], *, claim: str = "") -> Property:
    """A function is true of every such event, given the tokens that it has bound and its outcome.

    Args:
        pattern: `fire("t")`, `end("t")`, ...
        fn: of a `SeenEvent`: `lambda seen: seen["jobs"].attempt < 3 or isinstance(seen.outcome, Over)`.
        claim: in words, for the table.
    """
    return Every(pattern, fn, claim or f"every {pattern}: {getattr(fn, '__name__', fn)}")


@dataclass(frozen=True, eq=False)
class Paused(Property):
    """See `paused`."""

    transition: str
    place: str
    at_least: Callable[[SeenEvent], int]
    claim: str = ""
    invariant = True

    def problems(self, net: Net) -> Iterator[str]:
        yield from transition_problems(net, [self.transition])
        yield from names_problems(net, [self.place], Place, "place")

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _Paused(self, net, plain)


class _Paused(_Judged):
    def __init__(self, asked: Paused, net: Net, plain: PlainNet) -> None:
        super().__init__(net, plain)
        self._asked = asked
        self.vacuous = f"{asked.transition} never puts a token into {asked.place}"

    def allows(self, seen: SeenEvent) -> bool | None:
        event = seen.event
        if event.name != self._asked.transition or event.kind not in {"fire", "end"}:
            return None
        outputs = [] if is_fault(event) else self._outputs(event)
        if not outputs:
            return None
        least_ns = self._asked.at_least(seen)
        try:
            return all(self._after_ns(seen, output) >= least_ns for output in outputs)
        except Exception:  # noqa: BLE001  (a function of the user that raises keeps no pause)
            return False

    def _outputs(self, event: Event) -> list[Output]:
        return [
            output
            for case in self._net.transitions[event.name].outcomes
            if event.outcome is None or case.outcome is type(event.outcome)
            for output in case.outputs
            if output.place.name == self._asked.place and output.kind != "consume"
        ]

    def _after_ns(self, seen: SeenEvent, output: Output) -> int:
        if not callable(output.after_ns):
            return output.after_ns
        transition = self._net.transitions[seen.event.name]
        (case,) = (case for case in transition.outcomes if output in case.outputs)
        sources = plan.made_from(transition, case, output) or ()
        args = (seen.outcome if at == plan.OUTCOME else seen.bound(at) for at in sources)
        return int(output.after_ns(*args))


def paused(
    transition: str, place: str, *, at_least: Callable[[SeenEvent], int], claim: str = ""
) -> Property:
    """Each token that a transition puts into a timed place is ready no sooner than so much later.

    Args:
        transition: that puts it.
        place: where.
        at_least: nanoseconds, of a `SeenEvent`.
        claim: in words, for the table.
    """
    return Paused(transition, place, at_least, claim or f"{transition} makes {place} wait")
