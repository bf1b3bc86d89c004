"""Checking the arguments of a declaration.

Owns: the checks on what kind of thing was given. What is wrong becomes a problem of the net, in one line,
and is left out, so that declaring goes on and `checked` reports all problems at once.
Must not know: what a declaration means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.places import Counter, KeySet, Place

T = TypeVar("T")


class Given:
    """What was given to one declaration.

    Args:
        where: names it in problems.
        problems: are added to.
    """

    def __init__(self, where: str, problems: list[str]) -> None:
        self._where = where
        self._problems = problems

    def arcs(self, given: Any) -> tuple[Arc[Any], ...]:
        """The inputs, bare places as arcs that take."""
        if isinstance(given, str) or not isinstance(given, Iterable):
            self._wrong(f"its inputs are {given!r}; give a list of places and arcs")
            return ()
        arcs: list[Arc[Any]] = []
        for each in given:
            arc = Arc("take", each) if isinstance(each, Place | Counter | KeySet) else each
            if isinstance(arc, Arc) and isinstance(arc.place, Place | Counter | KeySet):
                arcs.append(arc)
            else:
                what = arc.place if isinstance(arc, Arc) else each
                self._wrong(
                    f"its input {what!r} is no place; give what net.place or net.counter returned"
                )
        return tuple(arcs)

    def one(self, role: str, given: Any, kind: type[T], advice: str) -> T | None:
        """The argument for a role, if it has the right type; None is allowed."""
        if given is None or isinstance(given, kind):
            return given
        self._wrong(f"its {role} is {given!r}; {advice}")
        return None

    def all(self, role: str, given: Any, kind: type[T], advice: str) -> tuple[T, ...]:
        """The same of several."""
        listed = given if isinstance(given, Iterable) and not isinstance(given, str) else [given]
        found = [self.one(role, each, kind, advice) for each in listed]
        return tuple(each for each in found if each is not None)

    def shown(self, arcs: tuple[Arc[Any], ...], given: Any) -> tuple[tuple[Place[Any], int], ...]:
        """The places that show firings, each with the number of the input that it shows; -1 for none."""
        if given is None:
            return ()
        if isinstance(given, Place):
            return ((given, next((n for n, arc in enumerate(arcs) if arc.binds), -1)),)
        if not isinstance(given, Mapping):
            self._wrong(f"its during is {given!r}; give a place, or {{place: input}}")
            return ()
        return tuple((place, _number(arcs, of)) for place, of in given.items())

    def _wrong(self, text: str) -> None:
        self._problems.append(f"{self._where}: {text}")


def _number(arcs: tuple[Arc[Any], ...], of: Any) -> int:
    """The number of the first arc that binds a token and is *of*, or is on that place."""
    bound = (n for n, arc in enumerate(arcs) if arc.binds and (arc is of or arc.place is of))
    return next(bound, -1)
