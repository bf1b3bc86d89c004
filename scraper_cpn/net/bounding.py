"""Whether a transition could fire endlessly without time passing.

Owns: the check that each firing uses something up, or makes something false, that the next one needs.
It looks at one transition alone: a cycle of several transitions is the author's affair.
Must not know: how a net is executed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.outputs import On
from scraper_cpn.net.places import Counter, KeySet, Place


def bounding_problems(transition: Transition) -> Iterator[str]:
    """What is wrong if nothing bounds a transition's firings at one moment, without its name."""
    if (
        transition.manual
        or _fills(transition)
        or any(_bounds(transition, arc) for arc in transition.arcs)
    ):
        return
    reasons = [f"{arc} {_reason(transition, arc)}" for arc in transition.arcs]
    because = "; ".join(reasons) or "it has no inputs"
    advice = (
        "take a token or a number from a counter"
        if transition.instant
        else "take a token, or hold one or a number from a counter, which says how many run at once"
    )
    yield f": could fire endlessly without time passing, because no firing uses anything up: {because}; {advice}"


def _fills(transition: Transition) -> bool:
    """Whether each firing takes up room in a bounded place."""
    if not transition.instant:
        return bool(plan.slots(transition))
    needed = plan.slots(transition)
    return all(
        any(output.place.name in needed for output in case.outputs) for case in transition.outcomes
    )


def _bounds(transition: Transition, arc: Arc) -> bool:
    """Whether firing often enough at one moment makes the arc say no."""
    if not transition.instant:
        return _bounds_effects(transition, arc)
    return all(_uses_up(case, arc) for case in transition.outcomes)


def _bounds_effects(transition: Transition, arc: Arc) -> bool:
    if arc.kind == "spend":
        return arc.after_ns != 0 or arc.change is not None
    taken = arc.is_held(started=True) and arc.fewest > 0
    return taken or plan.claims(transition, arc)


def _uses_up(case: On, arc: Arc) -> bool:
    if arc.kind == "hold":
        return _puts(case, "consume", arc.place)
    if arc.kind == "spend":
        return arc.after_ns != 0 or arc.change is not None
    if arc.kind == "absent":
        if isinstance(arc.place, KeySet):
            return any(output.seen is arc.place for output in case.outputs)
        return _puts(case, "put", arc.place) or _puts(case, "put_new", arc.place)
    return arc.uses_up and arc.fewest > _put_back(case, arc)


def _puts(case: On, kind: str, place: Any) -> bool:
    return any(output.kind == kind and output.place is place for output in case.outputs)


def _put_back(case: On, arc: Arc) -> int:
    """How much of what an arc takes a case puts back at once, in any case."""
    outputs = [output for output in case.outputs if output.place is arc.place]
    if isinstance(arc.place, Counter):
        return sum(output.count for output in outputs if output.kind == "put")
    moves = [each for each in outputs if each.make is None and each.after_ns == 0]
    return sum(arc.fewest for each in moves if each.kind == "put")


def _reason(transition: Transition, arc: Arc) -> str:
    """Why an arc bounds nothing."""
    if arc.kind == "read":
        return "stays as it is"
    if arc.kind == "absent":
        what = "adds to it" if isinstance(arc.place, Place) else "puts new keys into it"
        return f"stays true, for {transition.name} never {what}"
    if arc.fewest == 0:
        return "may take nothing"
    return "is put back at once"
