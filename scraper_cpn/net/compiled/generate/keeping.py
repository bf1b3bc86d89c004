"""How each place of a compiled net is kept.

Owns: that choice, made once for each place from its declaration and the structures that were chosen.
Must not know: the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.compiled.generate.indexes import Index
from scraper_cpn.net.compiled.generate.structures import Structures
from scraper_cpn.net.compiled.generate.watching import Use
from scraper_cpn.net.declare import Net
from scraper_cpn.net.partitions import Tell, tells_of
from scraper_cpn.net.places import Place

Way = Literal["queue", "serials", "records", "shown"]


@dataclass(frozen=True)
class Keeping:
    """How the tokens of a place are kept.

    Attributes:
        way: `queue`: the oldest is always taken first, and nothing else is looked for; `serials`: by serial, with an
            index for each way in which arcs look; `records`: in the records of their keys, without a table of their own;
            `shown`: nowhere, because they follow from the firings in flight.
        indexes: in which arcs find them.
        field: the field of the records that has all of them, with the way `records`.
        guards: that are asked about each token when it comes.
        tells: what gives its partition key, where the net is divided.
        channel: whether a token may belong to another partition.
        shows: whether it shows firings, maybe beside tokens of its own.
        comes_back: whether tokens are put back unchanged.
        pauses_alike: whether every spent token pauses by the same functions, so that its pause can be kept with it.
    """

    place: Place[Any]
    way: Way
    indexes: tuple[Index, ...]
    field: Index | None
    guards: tuple[Any, ...]
    tells: tuple[Tell, ...]
    channel: bool
    shows: bool
    comes_back: bool
    pauses_alike: bool

    @property
    def is_queue(self) -> bool:
        """Whether a queue is enough."""
        return self.way == "queue"

    @property
    def only_shows(self) -> bool:
        """Whether it only shows firings: no transition puts tokens there or reads it."""
        return self.way == "shown"

    @property
    def is_simple(self) -> bool:
        """Whether nothing is computed for a token when it comes."""
        return not (self.place.keys or self.place.order or self.guards or self.tells)

    @property
    def is_plain_queue(self) -> bool:
        """Whether a queue is enough whose tokens are their colours and serials."""
        return self.is_queue and self.is_simple

    @property
    def used(self) -> list[Index]:
        """The indexes that also contain the tokens in use."""
        return [found for found in self.indexes if found.in_use]


def keeping_of(
    net: Net,
    place: Place[Any],
    kept: Structures,
    uses: Mapping[str, list[Use]],
    guards: Mapping[str, list[Any]],
    *,
    shows: bool,
    divided: bool,
) -> Keeping:
    """Choose how a place is kept."""
    own, arcs = uses[place.name], [use.arc for use in uses[place.name]]
    indexes = tuple(kept.of(place))
    field = None if shows else _field(indexes, own)
    way: Way = "serials"
    if shows and not (indexes or own):
        way = "shown"
    elif field is not None:
        way = "records"
    elif not shows and _oldest_first(place, indexes):
        way = "queue"
    return Keeping(
        place,
        way,
        indexes,
        field,
        tuple(guards[place.name]),
        tells_of(net, place) if divided else (),
        divided and place.name in net.channels,
        shows,
        any(arc.comes_back for arc in arcs),
        place.timed and _alike([arc for arc in arcs if arc.kind == "spend"]),
    )


def _field(indexes: tuple[Index, ...], uses: list[Use]) -> Index | None:
    """The field of the records that has all tokens of a place, so that no other index is needed."""
    if any(use.arc.kind == "absent" or use.transition.manual for use in uses):
        return None
    return next((each for each in indexes if each.kind == "held" and not each.bit), None)


def _oldest_first(place: Place[Any], indexes: tuple[Index, ...]) -> bool:
    plain = not (place.order or place.timed or place.expires or place.paged)
    return plain and all(
        found.kind == "line" and not (found.bit or found.scanned or found.in_use)
        for found in indexes
    )


def _alike(spends: list[Arc]) -> bool:
    pauses = [(arc.change, arc.after_ns) for arc in spends]
    return pauses.count(pauses[0]) == len(pauses) if pauses else False
