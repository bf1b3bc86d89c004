"""What goes from one partition of a net to another: tokens of channels, units of budgets, leases.

Owns: the places and transitions that a net with a partition key has beside those of its author, by which tokens leave and
come. They are ordinary ones: a kernel knows only which tokens of a channel are its own.
Must not know: who carries what has left, and how.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scraper_cpn.net.arcs import Arc, take
from scraper_cpn.net.outputs import put
from scraper_cpn.net.places import Counter, Place, Sink
from scraper_cpn.net.shares import Credit, local

if TYPE_CHECKING:
    from scraper_cpn.net.declare import Declaring

FIRST = -1_000
"""The priority of units that come in: they are there before anything is decided."""


@dataclass(frozen=True)
class Channel:
    """A channel of a net with a partition key.

    Attributes:
        place: where tokens are put, and where those of this partition come out; `inject` brings those that other
            partitions have sent.
        out: where tokens of other partitions come instead, and wait to be sent.
        send: the manual transition that takes all of these at once.
        sent: the sink where they leave.
    """

    place: Place[Any]
    out: Place[Any]
    send: str
    sent: Sink[Any]


@dataclass(frozen=True)
class Drawn:
    """A budget of all partitions, as one of them has it.

    Attributes:
        counter: the units that are here.
        drawn: where units come in: `inject` one `Credit` for each.
        give_back: the manual transition that takes one unit.
        returned: the sink where it leaves.
        total: the units of all partitions together, in the beginning.
    """

    counter: Counter
    drawn: Place[Credit]
    give_back: str
    returned: Sink[Credit]
    total: int


@dataclass(frozen=True)
class Lease:
    """A leased place of a net with a partition key.

    Attributes:
        place: `inject` brings a token, with its times.
        release: the manual transition that takes one; its binding has the token with its times.
        released: the sink where it leaves.
    """

    place: Place[Any]
    release: str
    released: Sink[Any]


def declare_channel(part: Declaring, place: Place[Any]) -> Channel:
    """Declare where tokens of a channel wait that belong to another partition, and how they leave for it."""
    name = place.name
    out = part.place(f"{name}_out", place.colour, source=True, work=True, share=local)
    sent = part.sink(f"{name}_sent", place.colour)
    leaving = take(out, all=True)
    part.transition(f"send_{name}", [leaving], outputs=[put(sent)], manual=True)
    return Channel(place, out, f"send_{name}", sent)


def declare_credit(part: Declaring, counter: Counter, total: int) -> Drawn:
    """Declare how a partition draws units of a budget, and how it returns them."""
    name = counter.name
    drawn = part.place(f"{name}_drawn", Credit, source=True, share=local)
    returned = part.sink(f"{name}_returned", Credit)
    part.transition(f"draw_{name}", [drawn], outputs=[put(counter)], priority=FIRST)
    back = put(returned, _unit, counter)
    part.transition(f"return_{name}", [take(counter)], outputs=[back], manual=True)
    return Drawn(counter, drawn, f"return_{name}", returned, total)


def declare_lease(part: Declaring, place: Place[Any], conditions: Sequence[Arc[Any]]) -> Lease:
    """Declare how a leased token leaves its partition."""
    name = place.name
    released = part.sink(f"{name}_released", place.colour)
    one = take(place, include_waiting=place.timed)
    outputs = [put(released)]
    part.transition(f"release_{name}", [one, *conditions], outputs=outputs, manual=True)
    return Lease(place, f"release_{name}", released)


def _unit(_: int) -> Credit:
    return Credit()
