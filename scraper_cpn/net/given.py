"""Checking the arguments of a declaration.

Owns: the checks on what kind of thing was given. What is wrong becomes a problem of the net, in one line,
and is left out, so that declaring goes on and `checked` reports all problems at once.
Must not know: what a declaration means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, get_args

from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.outputs import On, Output
from scraper_cpn.net.places import AnyPlace, Counter, KeySet, Place

T = TypeVar("T")
P = TypeVar("P", bound=AnyPlace)

FLAGS = ("timed", "expires", "source", "work", "budget", "paged")
"""What is true or false of places."""


class Given:
    """What was given to one declaration.

    Args:
        where: names it in problems.
        problems: are added to.
    """

    def __init__(self, where: str, problems: list[str]) -> None:
        self._where = where
        self._problems = problems

    def name(self, given: Any) -> str:
        """A name."""
        if isinstance(given, str):
            return given
        self._wrong(f"its name is {given!r}; give a string")
        return str(given)

    def place(self, given: P) -> P:
        """A place, a counter or a set, with the right types of arguments."""
        fixed: dict[str, Any] = {
            "name": self.name(given.name),
            "keys": self.names("key", given.keys),
        }
        if not isinstance(given, Counter):
            fixed["colour"] = self.kind("colour", given.colour)
        if isinstance(given, Place):
            fixed["order"] = self.names("order", given.order)
            fixed["capacity"] = self.number("capacity", given.capacity)
        fixed |= {
            flag: self.flag(flag, getattr(given, flag)) for flag in FLAGS if hasattr(given, flag)
        }
        same = all(getattr(given, field) == value for field, value in fixed.items())
        return given if same else replace(given, **fixed)

    def kind(self, role: str, given: Any) -> type[Any]:
        """A type."""
        if isinstance(given, type):
            return given
        self._wrong(f"its {role} is {given!r}; give a type")
        return object

    def ends(self, given: Any, more: tuple[Any, ...]) -> tuple[type[Any], ...]:
        """The outcome types of an effect, which are given together; *more*: what was given behind them."""
        apart = (*given, *more) if isinstance(given, tuple | list) else (given, *more)
        if more or apart != (given,):
            named = (each.__name__ if isinstance(each, type) else repr(each) for each in apart)
            self._wrong(
                f"its outcomes are given one by one; give them together: {' | '.join(named)}"
            )
            return tuple(each for each in apart if isinstance(each, type))
        return tuple(self.kind("outcome", each) for each in get_args(given) or (given,))

    def names(self, role: str, given: Any) -> tuple[str, ...]:
        """The names of keys or fields."""
        several = isinstance(given, Iterable) and not isinstance(given, str)
        listed = tuple(given) if several else (given,)
        if not all(isinstance(each, str) for each in listed):
            self._wrong(f"its {role} is {given!r}; give a name, or a tuple of names")
            return ()
        return listed

    def number(self, role: str, given: Any) -> int | None:
        """An integer, or None."""
        if given is None or type(given) is int:
            return given
        self._wrong(f"its {role} is {given!r}; give an integer")
        return None

    def flag(self, role: str, given: Any) -> bool:
        """A truth value."""
        return self.one(role, given, bool, "give True or False") or False

    def cases(self, given: Any) -> tuple[On, ...]:
        """The outcomes of an effect or a choice."""
        cases = self.all("outcomes", given, On, "give on(Outcome, outputs...)")
        return tuple(
            On(case.outcome, self.outputs(case.outputs))
            for case in cases
            if self.kind("outcome", case.outcome) is case.outcome
        )

    def outputs(self, given: Any) -> tuple[Output, ...]:
        """The outputs of an outcome."""
        outputs = self.all("outputs", given, Output, "give put(place)")
        return tuple(output for output in outputs if self._goes_to_places(output))

    def _goes_to_places(self, output: Output) -> bool:
        place, seen = output.place, output.seen
        if not isinstance(place, Place | Counter | KeySet):
            self._wrong(
                f"its output {place!r} is no place; give what net.place or net.sink returned"
            )
        elif not (seen is None or isinstance(seen, KeySet)):
            self._wrong(f"its {output} tests {seen!r}; give what net.set returned")
        elif output.kind == "put_new" and not isinstance(place, Place):
            self._wrong(f"its {output} is no place of tokens; give what net.place returned")
        elif output.kind == "remove" and not isinstance(place, KeySet):
            self._wrong(f"its {output} is no set; give what net.set returned")
        else:
            return True
        return False

    def limits(self, given: Any) -> tuple[Any, ...]:
        """The limits of a transition."""
        listed = given if isinstance(given, Iterable) and not isinstance(given, str) else [given]
        found = []
        for each in listed:
            if hasattr(each, "takes") and hasattr(each, "puts"):
                found.append(each)
            else:
                self._wrong(f"its limits have {each!r}; give a list of Limit")
        return tuple(found)

    def arcs(self, given: Any) -> tuple[Arc[Any], ...]:
        """The inputs, bare places as arcs that take."""
        if isinstance(given, str) or not isinstance(given, Iterable):
            self._wrong(f"its inputs are {given!r}; give a list of places and arcs")
            return ()
        arcs: list[Arc[Any]] = []
        for each in given:
            arc = Arc("take", each) if isinstance(each, Place | Counter | KeySet) else each
            if isinstance(arc, Arc) and isinstance(arc.place, Place | Counter | KeySet):
                arcs.append(self._counting(arc))
            else:
                what = arc.place if isinstance(arc, Arc) else each
                self._wrong(
                    f"its input {what!r} is no place; give what net.place or net.counter returned"
                )
        return tuple(arcs)

    def _counting(self, arc: Arc[Any]) -> Arc[Any]:
        """An arc with a number, or a function that gives it."""
        if callable(arc.count) or type(arc.count) is int:
            return arc
        self._wrong(
            f"its {arc} has a count of {arc.count!r}; give an integer, or a function of the key"
        )
        return replace(arc, count=1)

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
