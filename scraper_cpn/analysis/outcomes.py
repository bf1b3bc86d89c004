"""What a binding puts: the user's functions, called with tokens instead of a running net.

Owns: `Outcomes`: choices, scans, output functions, what is spent; and what their exceptions lead to.
Must not know: atoms, events. The meaning is that of the interpreter; times are checked, then dropped.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scraper_cpn.analysis.forget import Forgetting
from scraper_cpn.analysis.instance import AnalysisError, Instance
from scraper_cpn.net import Counter, KeySet, Lost, Net, Place, plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.marking import blame, key_of, made, one_key, span
from scraper_cpn.net.outputs import On, Output


@dataclass(frozen=True)
class PlainDeposit:
    """A token that is put, or that was set aside when it was to be put (`error`); or a key that a set forgets.

    Attributes:
        seen: the set that must lack its *key*.
        fresh: sets and keys that these must have lacked before.
    """

    place: Place[Any] | Counter | KeySet[Any]
    colour: Any
    mortal: bool = False
    seen: KeySet[Any] | None = None
    key: Hashable = None
    fresh: tuple[tuple[str, Hashable], ...] = ()
    error: str | None = None


class Outcomes:
    """Calls the functions of a net for an instance."""

    def __init__(self, net: Net, instance: Instance, forgetting: Forgetting) -> None:
        self._net, self._instance, self._forgetting = net, instance, forgetting

    def agrees(self, transition: Transition, inputs: Sequence[Any]) -> bool | str:
        """Whether a transition's scan is true of a binding, or the error that it raised."""
        scan = transition.scan
        if scan is None or scan.fn is None:
            return True
        try:
            return bool(self._forgetting.call(scan.fn, _at(transition, inputs, scan.sources)))
        except AnalysisError:
            raise
        except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
            return blame(error)

    def instant(
        self, transition: Transition, inputs: Sequence[Any]
    ) -> tuple[Any, On, list[PlainDeposit]] | str:
        """The outcome, case and deposits of an instant transition whose scan agrees; or an error."""
        try:
            outcome, case = self._chosen(transition, inputs)
            return outcome, case, self._deposits(transition, inputs, case, outcome)
        except AnalysisError:
            raise
        except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
            return blame(error)

    def _chosen(self, transition: Transition, inputs: Sequence[Any]) -> tuple[Any, On]:
        choice = transition.choice
        if choice is None or choice.fn is None:
            return None, transition.outcomes[0]
        outcome = self._forgetting.call(choice.fn, _at(transition, inputs, choice.sources))
        case = plan.case_of(transition, type(outcome))
        if case is None:
            raise TypeError(f"the choice {choice.name} returned a {type(outcome).__name__}, which is no outcome of it")  # fmt: skip
        return outcome, case

    def endings(
        self, transition: Transition, inputs: Sequence[Any]
    ) -> Iterator[tuple[Any, On, list[PlainDeposit], str | None]]:
        """Each way in which an effect may end: the outcome, its case and deposits, or an error of `Lost`'s."""
        call = transition.effect
        assert call is not None
        listed = self._forgetting.call(self._instance.outcomes[call.name], _at(transition, inputs, call.sources))  # fmt: skip
        for outcome in (*listed, LOST):
            case = plan.case_of(transition, type(outcome))
            if case is None:
                names = ", ".join(kind.__name__ for kind in call.outcomes)
                raise AnalysisError(
                    f"net {self._net.name}, instance: outcomes[{call.name!r}] lists a "
                    f"{type(outcome).__name__}, which is not one of its outcomes ({names})"
                )
            yield (outcome, *self._ending(transition, inputs, case, outcome))

    def _ending(
        self, transition: Transition, inputs: Sequence[Any], case: On, outcome: Any
    ) -> tuple[On, list[PlainDeposit], str | None]:
        try:
            return case, self._deposits(transition, inputs, case, outcome), None
        except AnalysisError:
            raise
        except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
            lost = Lost(f"an output function raised: {blame(error)}")
        case = plan.lost(transition)
        try:
            return case, self._deposits(transition, inputs, case, lost), None
        except AnalysisError:
            raise
        except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
            return case, [], f"the outputs of Lost raised: {blame(error)}"

    def respent(self, arc: Arc, token: Any) -> list[PlainDeposit]:
        """What a `spend` puts back; a token whose function raises is set aside."""
        place: Any = arc.place
        try:
            changed = token.colour
            if arc.change is not None:
                changed = self._forgetting.call(arc.change, (token.colour,))
            tokens = made(changed, place)
            for colour in tokens:
                if callable(arc.after_ns):
                    span(arc.after_ns(colour))
        except AnalysisError:
            raise
        except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
            return [PlainDeposit(place, token.colour, error=blame(error))]
        return [PlainDeposit(place, colour, token.mortal) for colour in tokens]

    def _deposits(
        self, transition: Transition, inputs: Sequence[Any], case: On, outcome: Any
    ) -> list[PlainDeposit]:
        found: list[PlainDeposit] = []
        fresh: dict[int, list[PlainDeposit]] = {}
        for number, output in enumerate(case.outputs):
            if output.kind == "consume":
                continue
            earlier = [new for at in plan.fresh_from(transition, case, output) for new in fresh[at]]
            if plan.fresh_from(transition, case, output):
                puts = [
                    put
                    for new in earlier
                    for put in self._made(transition, inputs, output, (new.colour,), _fresh(new))
                ]
            else:
                sources = plan.made_from(transition, case, output) or ()
                args = tuple(
                    outcome if at == plan.OUTCOME else _value(transition.arcs[at], inputs[at])
                    for at in sources
                )
                puts = self._made(transition, inputs, output, args, ())
            fresh[number] = puts
            found += puts
        return found

    def _made(
        self,
        transition: Transition,
        inputs: Sequence[Any],
        output: Output,
        args: tuple[Any, ...],
        fresh: tuple[tuple[str, Hashable], ...],
    ) -> list[PlainDeposit]:
        place = output.place
        if isinstance(place, Counter):
            return [PlainDeposit(place, output.count, key=_counter_key(transition, inputs, place))]
        result = args[0] if output.make is None else self._forgetting.call(output.make, args)
        tokens = made(result, place)
        if not tokens:
            return []
        if isinstance(place, KeySet):
            return [_forgotten(place, colour) for colour in tokens]
        mortal = self._lasts(transition, inputs, output, args)
        return [self._deposit(place, colour, mortal, output.seen, fresh) for colour in tokens]

    def _lasts(
        self, transition: Transition, inputs: Sequence[Any], output: Output, args: tuple[Any, ...]
    ) -> bool:
        """Whether what an output puts has an end; a length of time that is none raises."""
        for length in (output.after_ns, output.lasts_ns):
            if callable(length):
                span(length(*args))
        if output.lasts_ns is not None:
            return True
        return any(
            token.mortal
            for arc, value in zip(transition.arcs, inputs, strict=True)
            if arc.place is output.place and arc.kind == "take"
            for token in plan.tokens_of(value)
        )

    def _deposit(
        self,
        place: Place[Any],
        colour: Any,
        mortal: bool,
        seen: KeySet[Any] | None,
        fresh: tuple[tuple[str, Hashable], ...],
    ) -> PlainDeposit:
        if seen is None:
            return PlainDeposit(place, colour, mortal)
        try:
            key = one_key(key_of(colour, seen))
        except Exception as error:  # noqa: BLE001  (the user's property may raise anything)
            return PlainDeposit(place, colour, error=blame(error))
        return PlainDeposit(place, colour, mortal, seen, key, fresh)


def _forgotten(place: KeySet[Any], colour: Any) -> PlainDeposit:
    """What a set forgets."""
    try:
        return PlainDeposit(place, colour, key=one_key(key_of(colour, place)))
    except Exception as error:  # noqa: BLE001  (the user's property may raise anything)
        return PlainDeposit(place, colour, error=blame(error))


LOST = Lost("lost")
"""How every effect may end."""


def _fresh(new: PlainDeposit) -> tuple[tuple[str, Hashable], ...]:
    """The keys that must have been new for a token that is made of a new one."""
    return new.fresh if new.seen is None else (*new.fresh, (new.seen.name, new.key))


def _at(
    transition: Transition, inputs: Sequence[Any], places: Sequence[Place[Any]]
) -> tuple[Any, ...]:
    """The colours bound at places."""
    arcs = [plan.source_at(transition, place) for place in places]
    return tuple(_value(transition.arcs[at], inputs[at]) for at in arcs if at is not None)


def _value(arc: Arc, bound: Any) -> Any:
    """What a function is given of what an arc has bound: a colour, a key or a number."""
    if isinstance(arc.place, Counter):
        return one_key(bound.values()) if arc.place.keys else arc.count
    if arc.many:
        return tuple(token.colour for token in bound)
    return bound.colour


def _counter_key(transition: Transition, inputs: Sequence[Any], counter: Counter) -> Hashable:
    """The key of a counter that is counted up, as an input tells it."""
    arc = plan.key_source(transition, counter) if counter.keys else None
    if arc is None:
        return None
    keys = plan.tokens_of(inputs[arc])[0].keys
    return one_key(keys[name] for name in counter.keys)
