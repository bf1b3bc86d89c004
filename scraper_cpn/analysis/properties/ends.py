"""How a run ends: with its work done, and without a function that raised.

Owns: `ends`, `alive`, `no_faults`.
Must not know: how a net is explored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scraper_cpn.analysis.plain import PlainNet
from scraper_cpn.analysis.properties.base import (
    Property,
    Watch,
)
from scraper_cpn.analysis.siphons import is_ordinary, weak_siphon
from scraper_cpn.net import Counter, Net
from scraper_cpn.net.siphons import TooManyError


@dataclass(frozen=True, eq=False)
class Ends(Property):
    """See `ends`."""

    claim: str = "a run that stops is finished, or its budget is spent"

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _Ends(net, plain)


class _Ends(Watch):
    vacuous = "every run can continue; no run ever stops"

    def __init__(self, net: Net, plain: PlainNet) -> None:
        self._net, self._plain = net, plain
        self._work = [name for name, place in net.places.items() if getattr(place, "work", False)]
        self._budgets = [
            name for name, place in net.places.items() if getattr(place, "budget", False)
        ]

    def observed(self, plain: PlainNet) -> Iterable[int]:
        return self.rested(plain)

    def rested(self, plain: PlainNet) -> Sequence[int]:
        names = (*self._work, *self._budgets)
        return [*plain.of("token", *names), *plain.of("number", *names)]

    def bad_rest(self, numbers: dict[int, int]) -> bool:
        self.exercised = True
        atoms = self._plain.atoms
        work = [atoms[number].name for number in numbers if atoms[number].kind == "token"]
        return any(name in self._work for name in work) and not any(
            self._spent(name, numbers) for name in self._budgets
        )

    def _spent(self, name: str, numbers: dict[int, int]) -> bool:
        place = self._net.places[name]
        if not isinstance(place, Counter):
            return not any(self._plain.atoms[number].name == name for number in numbers)
        return any(not numbers.get(number) for number in self._plain.of("number", name))


def ends(*, claim: str = "") -> Property:
    """Where nothing can happen any more, no work is left, or a budget is spent."""
    return Ends(claim) if claim else Ends()


@dataclass(frozen=True, eq=False)
class Alive(Property):
    """See `alive`."""

    claim: str = "something can always happen"
    invariant = True

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _Alive(plain)


class _Alive(Watch):
    exercised = True

    def __init__(self, plain: PlainNet) -> None:
        self._plain = plain

    def rested(self, plain: PlainNet) -> Sequence[int]:
        return ()

    def bad_rest(self, numbers: dict[int, int]) -> bool:
        return True

    def holds_always(self) -> bool:
        """Whether each siphon contains a trap that has tokens at first."""
        if not is_ordinary(self._plain):
            return False
        try:
            return weak_siphon(self._plain) is None
        except TooManyError:
            return False


def alive() -> Property:
    """Something can always happen: there is no dead state, not even a good one.

    Where siphons and traps show it, no state is looked at.
    """
    return Alive()


@dataclass(frozen=True, eq=False)
class NoFaults(Property):
    """No function of the user raises, or returns what it may not."""

    claim: str = "no function raises"

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _NoFaults(plain)


class _NoFaults(Watch):
    exercised = True

    def __init__(self, plain: PlainNet) -> None:
        self._plain = plain

    def observed(self, plain: PlainNet) -> Iterable[int]:
        return self.seen(plain)

    def seen(self, plain: PlainNet) -> Sequence[int]:
        return [number for number, atom in enumerate(plain.atoms) if atom.kind == "fault"]

    def bad(self, numbers: dict[int, int]) -> bool:
        return bool(numbers)

    def holds_always(self) -> bool:
        return not self.seen(self._plain)


def no_faults() -> Property:
    """No function of the user raises, or returns what it may not."""
    return NoFaults()
