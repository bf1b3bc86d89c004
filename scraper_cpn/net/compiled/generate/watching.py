"""What each transition watches: which changes may enable it, and which may put off its next useful time.

Owns: the watches of a net, all found at once from its declaration, and the masks of transitions that follow from them.
Must not know: how a place is kept, the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.compiled.generate.indexes import Influence
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.places import Place


class Use(NamedTuple):
    """An arc that looks at a place: of which transition, by its number in the order, and which of its arcs."""

    number: int
    transition: Transition
    at: int
    arc: Arc


@dataclass(frozen=True)
class Watch:
    """A transition that looks at a place through an arc.

    Attributes:
        number: of the transition.
        arc: that looks.
        bit: of the guard that a token must pass to matter; 0 for every token.
        by_join: whether the join of its inputs tells when something has come, in place of this watch.
    """

    number: int
    arc: Arc
    bit: int
    by_join: bool

    @property
    def fears(self) -> bool:
        """Whether what comes can only stand in its way."""
        return self.arc.kind == "absent"

    @property
    def expired(self) -> bool:
        """Whether only tokens matter whose time has passed."""
        return self.arc.kind == "expired"


class Watches:
    """The watches of a net.

    Args:
        transitions: in the order in which they are tried.
        uses: of each place, by its name.
        guards: on the tokens of each place; the n-th has the bit 1 << n.
        in_joins: the arcs that find their tokens by a join: a transition's name and the arc's number.
        manual: the mask of the manual transitions, which no change enables.
    """

    def __init__(
        self,
        transitions: Sequence[Transition],
        uses: Mapping[str, list[Use]],
        guards: Mapping[str, list[Any]],
        in_joins: AbstractSet[tuple[str, int]],
        manual: int,
    ) -> None:
        self._automatic = ~manual
        self._of = {
            name: [
                Watch(
                    number,
                    arc,
                    0 if arc.when is None else 1 << guards[name].index(arc.when),
                    (transition.name, at) in in_joins,
                )
                for number, transition, at, arc in found
            ]
            for name, found in uses.items()
        }
        self._slots: dict[str, dict[int, int]] = {name: {} for name in uses}
        for number, transition in enumerate(transitions):
            for name, needed in plan.slots(transition).items():
                self._slots[name][number] = needed

    def of(self, place: Any) -> list[Watch]:
        """The watches of a place, in the order of the transitions."""
        return self._of[place.name]

    def slots(self, place: Any) -> dict[int, int]:
        """The slots of a place that transitions need, by their numbers."""
        return self._slots[place.name]

    # The masks.

    def gain(self, places: Iterable[Any]) -> Influence:
        """The influence of a token or number that is added to these places."""
        found = [each for place in places for each in self.of(place)]
        return self._influence(
            [each for each in found if not (each.fears or each.by_join)],
            [each for each in found if each.fears],
        )

    def gain_of(self, place: Place[Any], *, bit: int = 0, expired: bool = False) -> Influence:
        """The influence of a token that passes a guard, or has expired, on the arcs that look only for such tokens.

        With *bit* 0 and not *expired*: on the other arcs.
        """
        alike = [
            each
            for each in self.of(place)
            if not each.by_join and each.expired == expired and each.bit == bit
        ]
        return self._influence(
            [each for each in alike if not each.fears], [each for each in alike if each.fears]
        )

    def loss(self, places: Iterable[Any]) -> Influence:
        """The influence of a token or number that is removed from these places."""
        found = [each for place in places for each in self.of(place)]
        return self._influence(
            [each for each in found if each.fears], [each for each in found if not each.fears]
        )

    def absences(self, place: Place[Any]) -> int:
        """The transitions with an inhibitor arc on a place."""
        return self._mask([each for each in self.of(place) if each.fears])

    def readers_in_use(self, place: Place[Any]) -> int:
        """The transitions that read a place's tokens that are in use."""
        reads = [each for each in self.of(place) if each.arc.kind == "read"]
        return self._mask([each for each in reads if each.arc.include_in_use])

    def wants_slots(self, place: Place[Any]) -> int:
        """The transitions that need slots of a place."""
        return sum(1 << number for number in self.slots(place)) & self._automatic

    def most_slots(self, place: Place[Any]) -> int:
        """The largest number of slots of a place that a transition needs."""
        return max(self.slots(place).values(), default=0)

    def _influence(self, enables: list[Watch], delays: list[Watch]) -> Influence:
        return Influence(self._mask(enables), self._mask(delays))

    def _mask(self, watches: list[Watch]) -> int:
        return reduce(or_, (1 << each.number for each in watches), 0) & self._automatic
