"""Gaps between starts, proved from the declaration alone: no state is looked at.

Owns: `min_gap`.
Must not know: how a net is explored.

A start that spends the one token of a key puts it back dated with the next start that is allowed. The gap
holds for any number of tokens if nothing else can put that token back sooner: what was taken early and is
put back stays unready as long as before (R8 of the net), and `put_new` puts a key's first token only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from scraper_cpn.analysis.ground import Grounder
from scraper_cpn.analysis.paces import Example, too_close
from scraper_cpn.analysis.plain import PlainNet
from scraper_cpn.analysis.properties.base import Property, Watch
from scraper_cpn.analysis.story import describe_token
from scraper_cpn.net import Net, Place
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.marking import blame


@dataclass(frozen=True, eq=False)
class MinGap(Property):
    """See `min_gap`."""

    place: str
    transitions: tuple[str, ...]
    at_least: Callable[[Any], int]
    claim: str = ""
    invariant = structural = everywhere = True

    def problems(self, net: Net) -> Iterator[str]:
        place = net.places.get(self.place)
        if not isinstance(place, Place) or not place.timed:
            timed = [p.name for p in net.places.values() if isinstance(p, Place) and p.timed]
            yield f"min_gap: {self.place!r} is no timed place; one of {', '.join(timed)}"
        for name in self.transitions:
            if name not in net.transitions:
                yield f"min_gap: the net has no transition {name!r}"

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _Gap(self, net, plain)


class _Gap(Watch):
    vacuous = "no token of it is ever spent"

    def __init__(self, asked: MinGap, net: Net, plain: PlainNet) -> None:
        self._asked, self._net, self._plain = asked, net, plain
        self._raised = False

    def holds_always(self) -> bool:
        """Whether every way back into the place keeps the gap, for all tokens that were grounded."""
        asked, place = self._asked, self._asked.place
        for name in asked.transitions:
            if not any(arc.place.name == place and arc.kind == "spend" for arc in self._net.transitions[name].arcs):  # fmt: skip
                self.broken = f"{name} does not spend a token of {place}"
                return False
        return all(map(self._keeps, self._net.transitions.values()))

    def example(self, grounder: Grounder) -> Example | None:
        """Two starts in one run that are too close."""
        if self._raised:
            return None
        asked = self._asked
        return too_close(grounder, asked.place, asked.transitions, asked.at_least)

    def _keeps(self, transition: Transition) -> bool:
        arcs = [arc for arc in transition.arcs if arc.place.name == self._asked.place]
        for arc in arcs:
            if arc.kind == "spend" and not self._spends(transition, arc):
                return False
        for case in transition.outcomes:
            for output in case.outputs:
                if output.place.name != self._asked.place or output.kind == "consume":
                    continue
                first_only = output.seen is not None and output.seen.keys == output.place.keys
                taken = any(arc.kind == "take" for arc in arcs)
                if not (first_only or taken):
                    self.broken = f"{transition.name} puts a token into {output.place.name} that nothing has paced"
                    return False
        return True

    def _spends(self, transition: Transition, arc: Arc[Any]) -> bool:
        tokens = [self._plain.atoms[number].value for number in self._plain.of("token", self._asked.place)]  # fmt: skip
        for token in tokens:
            self.exercised = True
            name = describe_token(token, arc.place.keys)
            try:
                changed = token if arc.change is None else arc.change(token)
                if changed is None:
                    continue
                gap_ns = arc.after_ns(changed) if callable(arc.after_ns) else arc.after_ns
            except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
                self.broken = f"{transition.name}: the pause of {name} raises {blame(error)}"
                self._raised = True
                return False
            least_ns = self._asked.at_least(token)
            if gap_ns < least_ns:
                self.broken = f"{transition.name} puts {name} back after {gap_ns:,} ns; {least_ns:,} ns are wanted"
                return False
        return True


def min_gap(
    place: str, *transitions: str, at_least: Callable[[Any], int], claim: str = ""
) -> Property:
    """Starts that spend the same token of a timed place are at least so far apart.

    Args:
        place: of the tokens that pace; each key's token is unique (ask for `conserved`, too).
        transitions: that spend them.
        at_least: nanoseconds, of a token.
        claim: in words, for the table.
    """
    return MinGap(place, transitions, at_least, claim or f"starts that spend {place} keep its gap")
