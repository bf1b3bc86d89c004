"""What a firing puts: the deposits of an outcome, of a choice, and of what is spent.

Owns: calling the user's output functions and checking what they return. All deposits of a case are
worked out before any is made; whatever a function raises, the caller turns into data.
Must not know: where tokens are kept, which binding is next.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeAlias

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.interpreted.binding import Deposit, InterpretedBinding, InterpretedToken
from scraper_cpn.net.marking import blame, made, one_key, span
from scraper_cpn.net.outputs import Lost, On, Output
from scraper_cpn.net.places import Counter, KeySet, Place
from scraper_cpn.net.refusal import no_case


def chosen(binding: InterpretedBinding) -> tuple[Any, On]:
    """The outcome of an instant transition and its case; raises what the choice raises."""
    transition = binding.transition
    choice = transition.choice
    if choice is None or choice.fn is None:
        return None, transition.outcomes[0]
    outcome = choice.fn(*binding.values(choice.sources))
    case = plan.case_of(transition, type(outcome))
    if case is None:
        raise no_case(choice.name, outcome)
    return outcome, case


Lacks: TypeAlias = Callable[[KeySet[Any], Any], bool]
"""Whether a set lacks the key of a token, or the token has none."""


def ending(
    binding: InterpretedBinding, outcome: Any, now_ns: int, lacks: Lacks
) -> tuple[On, list[Deposit], str | None]:  # fmt: skip
    """The case that counts, its deposits, and None; or the error of the outputs of `Lost`.

    If an output function raises, the outcome is `Lost` instead.
    """
    case = plan.case_of(binding.transition, type(outcome))
    assert case is not None
    try:
        return case, deposits(binding, case, outcome, now_ns, lacks), None
    except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
        lost = Lost(f"an output function raised: {blame(error)}")
    case = plan.lost(binding.transition)
    try:
        return case, deposits(binding, case, lost, now_ns, lacks), None
    except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
        return case, [], f"the outputs of Lost raised: {blame(error)}"


def deposits(
    binding: InterpretedBinding, case: On, outcome: Any, now_ns: int, lacks: Lacks
) -> list[Deposit]:
    """All deposits of a case, in the order of its outputs; raises what a function raises."""
    found: list[Deposit] = []
    fresh: dict[int, list[Any]] = {}
    for number, output in enumerate(case.outputs):
        if output.kind == "consume":
            continue
        earlier = plan.fresh_from(binding.transition, case, output)
        made_of = [(colour,) for at in earlier for colour in fresh[at]]
        if not earlier:
            made_of = [_args(binding, case, output, outcome)]
        puts = [put for args in made_of for put in _deposits_of(binding, output, args, now_ns)]
        if output.seen is not None:
            fresh[number] = [put.colour for put in puts if lacks(output.seen, put.colour)]
        found += puts
    return found


def _args(binding: InterpretedBinding, case: On, output: Output, outcome: Any) -> tuple[Any, ...]:
    """The arguments of an output's function."""
    sources = plan.made_from(binding.transition, case, output) or ()
    return tuple(outcome if arc == plan.OUTCOME else binding.value(arc) for arc in sources)


def _deposits_of(
    binding: InterpretedBinding, output: Output, args: tuple[Any, ...], now_ns: int
) -> list[Deposit]:
    place = output.place
    if isinstance(place, Counter):
        return [Deposit(place, (_counter_key(binding, place), output.count))]
    tokens = made(args[0] if output.make is None else output.make(*args), place)
    if not tokens:
        return []
    if isinstance(place, KeySet):
        return [Deposit(place, token) for token in tokens]
    ready_at_ns, expires_at_ns = _times(binding, place, output, args, now_ns)
    return [Deposit(place, token, ready_at_ns, expires_at_ns, output.seen) for token in tokens]


def _times(
    binding: InterpretedBinding,
    place: Place[Any],
    output: Output,
    args: tuple[Any, ...],
    now_ns: int,
) -> tuple[int, int | None]:
    """From when to when the tokens last; never sooner than a token that was taken early from there."""
    ready = now_ns + _span_of(output.after_ns, args) if place.timed else 0
    expires = None if output.lasts_ns is None else now_ns + _span_of(output.lasts_ns, args)
    old = [token for token in binding.tokens("take") if token.place is place]
    ready = max([ready, *(token.ready_at_ns for token in old)])
    if output.lasts_ns is None:
        ends = [token.expires_at_ns for token in old if token.expires_at_ns is not None]
        expires = min(ends, default=None)
    return ready, expires


def _counter_key(binding: InterpretedBinding, counter: Counter) -> Hashable:
    """The key of a counter that is counted up, as an input tells it."""
    arc = plan.key_source(binding.transition, counter) if counter.keys else None
    if arc is None:
        return None
    keys = plan.tokens_of(binding.inputs[arc])[0].keys
    return one_key(keys[name] for name in counter.keys)


def respent(arc: Arc, token: InterpretedToken, now_ns: int) -> list[Deposit]:
    """What a `spend` puts back, dated from the start at *now_ns*; raises what its functions raise."""
    changed = token.colour if arc.change is None else arc.change(token.colour)
    return [
        Deposit(
            token.place,
            colour,
            now_ns + _span_of(arc.after_ns, (colour,)) if token.place.timed else 0,
            token.expires_at_ns,
        )
        for colour in made(changed, token.place)
    ]


def _span_of(length: Any, args: tuple[Any, ...]) -> int:
    return span(length(*args) if callable(length) else length)
