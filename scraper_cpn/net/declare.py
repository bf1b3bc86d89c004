"""The net as its author writes it: `Net` and its transitions. Parts of a net are in `parts.py`.

Owns: the declaration, as data. Nothing here runs a net; `check.py` judges a declaration,
`interpreted/` and `compiled/` execute it.
Must not know: effects' implementations, clocks, randomness, I/O.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar

from scraper_cpn.net.arcs import Arc, Call, Effect
from scraper_cpn.net.crossings import (
    Channel,
    Drawn,
    Lease,
    declare_channel,
    declare_credit,
    declare_lease,
)
from scraper_cpn.net.given import Given
from scraper_cpn.net.outputs import Lost, On, Output, on
from scraper_cpn.net.places import AnyPlace, Counter, KeySet, Place, Sink
from scraper_cpn.net.shares import Share, credit

if TYPE_CHECKING:
    from scraper_cpn.net.parts import Limit, Part

T = TypeVar("T")
R = TypeVar("R")
P = TypeVar("P", Place[Any], Sink[Any], Counter, KeySet[Any])


@dataclass(frozen=True, eq=False)
class Transition:
    """A transition. Made by `Net.transition`."""

    name: str
    arcs: tuple[Arc, ...]
    outcomes: tuple[On, ...]
    effect: Call | None = None
    choice: Call | None = None
    scan: Call | None = None
    priority: int = 0
    shows: tuple[tuple[Place[Any], int], ...] = ()
    """Places that show the tokens of running firings, each with the number of the input that it shows."""
    deadline_ns: int | None = None
    join: tuple[str, ...] | None = None
    """The keys that its inputs are joined on; None: those that two inputs share."""
    attempts: int = 1
    pause_ns: int | Callable[[int], int] = 0
    retry: tuple[type[Any], ...] = ()
    """The outcomes after which it is attempted again."""
    still: tuple[Arc[Any], ...] = ()
    """What must hold when its effect really starts."""
    manual: bool = False
    """Whether it fires only when somebody begins one of its bindings."""

    def __repr__(self) -> str:
        return f"<transition {self.name}>"

    @property
    def instant(self) -> bool:
        """Whether it fires in one go, without an effect."""
        return self.effect is None


class Done:
    """The outcome of a transition that has neither effect nor choice."""


class Declaring(ABC):
    """The words in which a net is declared: those of `Net` itself, and of each `Part` of it.

    Attributes:
        name: of the net or of the part.
        places: declared here, by name; those of a net include those of its parts.
        effects: the same.
        transitions: the same.
    """

    name: str
    places: dict[str, AnyPlace]
    effects: dict[str, Effect]
    transitions: dict[str, Transition]

    @property
    @abstractmethod
    def net(self) -> Net:
        """The whole net."""

    def place(
        self,
        name: str,
        colour: type[T],
        *,
        key: str | tuple[str, ...] = (),
        order: str | tuple[str, ...] = (),
        capacity: int | None = None,
        timed: bool = False,
        expires: bool = False,
        source: bool = False,
        work: bool = False,
        budget: bool = False,
        paged: bool = False,
        share: Share | None = None,
    ) -> Place[T]:
        """Declare a place of tokens of type *colour*.

        Args:
            name: unique in the net, transitions included.
            colour: the type of its tokens: a frozen record.
            key: fields of the colour. Inputs of a transition whose places have a key of the same
                name are joined on it.
            order: integer fields of the colour, the lowest first; then the oldest token. Without
                it, the oldest.
            capacity: tokens it may hold, slots that are reserved for running firings included.
            timed: tokens may be put there that are ready only later.
            expires: tokens may have an end, after which only `expired(place)` sees them.
            source: `inject` may fill it.
            work: a token here is work left to do.
            budget: without a token here, the run is spent.
            paged: a kernel need not have all its tokens in memory. It means nothing else, and asks for
                a key, on which all that take from it join, and at most two order fields. A timed place is paged
                without key and order: there its tokens go in the order in which they become ready.
            share: what each partition has of it (see `shares.py`), in a net that has a partition key. By default, with a
                key that tells the partition key, `keyed`. A channel may also be filled from outside.
        """
        divided = self.net.partition is not None
        is_channel = divided and isinstance(share, Share) and share.kind == "channel"
        made = self._add(
            Place(
                self.net.name, name, colour, _names(key), _names(order), capacity, timed, expires,
                source or is_channel, work, budget, paged, share,
            )
        )  # fmt: skip
        if is_channel:
            self.net.channels[name] = declare_channel(self, made)
        return made

    def release(self, place: Place[Any], conditions: Sequence[Arc[Any]] = ()) -> None:
        """Say how a token of a leased place leaves its partition: by the manual transition `release_NAME`.

        In a net without a partition key, nothing is declared.

        Args:
            place: is leased.
            conditions: `read` or `absent`: what must hold then, joined with the token by the names of their keys, so
                that nothing which belongs to the token stays behind.
        """
        if self.net.partition is not None:
            self.net.leases[place.name] = declare_lease(self, place, conditions)

    def sink(self, name: str, colour: type[T]) -> Sink[T]:
        """Declare a place whose tokens leave as rows."""
        return self._add(Sink(self.net.name, name, colour))

    def counter(
        self,
        name: str,
        *,
        start: int | Callable[[Any], int],
        key: str | tuple[str, ...] = (),
        budget: bool = False,
        share: Share | None = None,
        unless: Place[Any] | None = None,
    ) -> Counter:
        """Declare a number of nameless tokens, or one number per *key*, first *start* (of the key).

        That of a `credit` is *start* in all partitions together, and 0 in each, until it draws some.

        Args:
            name: unique in the net, transitions included.
            start: the first number.
            key: fields by which other inputs of a transition are joined with it.
            budget: at 0, the run is spent.
            share: as of a place.
            unless: while this place has tokens, the budget's end does not end the run, unless nothing can happen later.
        """
        drawn = self.net.partition is not None and share == credit and not key
        first = 0 if drawn and isinstance(start, int) else start
        made = self._add(Counter(self.net.name, name, _names(key), first, budget, share, unless))
        if drawn and isinstance(start, int):
            self.net.credits[name] = declare_credit(self, made, start)
        return made

    def set(
        self,
        name: str,
        colour: type[T],
        *,
        key: str | tuple[str, ...],
        paged: bool = False,
        share: Share | None = None,
    ) -> KeySet[T]:
        """Declare a set of the keys of *colour* that `put_new` has seen.

        A *paged* one has one key, a string, and a kernel that is given a shelf keeps fingerprints.
        """
        return self._add(KeySet(self.net.name, name, colour, _names(key), paged, share))

    def effect(self, name: str, outcomes: type[Any] | UnionType, *more: Any) -> Effect:
        """Name an effect and the types that it may end in, together: `Paid | Declined`; `Lost` is understood.

        *more* are mistakes: types that are given one by one, which is a problem of the net.
        """
        given = Given(f"net {self.net.name}, effect {name}", self.net.problems)
        types = given.ends(outcomes, more)
        name = given.name(name)
        made = Effect(self.net.name, name, types)
        self.net.register("effect", self.net.effects, name, made)
        self.effects[name] = made
        return made

    def transition(
        self,
        name: str,
        take: Sequence[Arc[Any] | Place[Any] | Counter],
        *,
        effect: Call | None = None,
        choice: Call | None = None,
        outcomes: Sequence[On] = (),
        outputs: Sequence[Output] = (),
        limits: Sequence[Limit] = (),
        scan: Call | None = None,
        join: str | tuple[str, ...] | None = None,
        priority: int = 0,
        during: Place[Any] | Mapping[Place[Any], Place[Any] | Arc[Any]] | None = None,
        deadline_ns: int | None = None,
        still: Sequence[Arc] = (),
        attempts: int = 1,
        pause_ns: int | Callable[[int], int] = 0,
        retry: type[Any] | tuple[type[Any], ...] = Lost,
        manual: bool = False,
    ) -> Transition:
        """Declare a transition: with an effect, with a choice, or with plain outputs.

        Args:
            name: unique in the net, places included.
            take: the inputs. Bindings are tried in the order of these, each by its place's order.
            effect: the work, and the tokens that it is given: `effect=fetch(jobs)`.
            choice: a pure function that picks the outcome.
            outcomes: for an effect or a choice, every outcome.
            outputs: for a transition with neither.
            limits: what they take comes after *take*, and what they put for an outcome comes after
                that outcome's own outputs.
            scan: a guard over several tokens, tried on every combination of tokens that join.
                Cost: their number. Prefer a key or a choice.
            join: the keys that the inputs are joined on, where these are not all that two inputs share; `()` for
                none: then any tokens go together, whatever their keys.
            priority: lower goes first; then the order of declaration.
            during: a place that shows the first input for as long as the firing lasts; or several places,
                each with the input that it shows.
            deadline_ns: the effect is `Lost` this long after its start.
            attempts: how often the effect is tried. While it is, the firing keeps its inputs and its id;
                only the last failure goes the way of its outcome.
            pause_ns: how long to wait before the next attempt; a number, or a function of the attempt that failed.
            retry: the outcomes that count as failures.
            still: what must hold when the effect really starts: `read` or `absent` of small places, joined
                with the inputs by the names of their keys. Where it does not, the firing is revoked.
            manual: a step never fires it; `Kernel.bindings` lists what it could take, and `Kernel.begin` fires one
                of these.
        """
        where = f"net {self.net.name}, transition {name}"
        given = Given(where, self.net.problems)
        name, limits = given.name(name), given.limits(limits)
        arcs = given.arcs(take) + tuple(arc for limit in limits for arc in limit.takes)
        calls = (
            given.one(
                "effect", effect, Call, "call the effect with its inputs: effect=fetch(jobs)"
            ),
            given.one("choice", choice, Call, "give choose(function, places...)"),
            given.one("scan", scan, Call, "give choose(function, places...)"),
        )
        ends, puts = given.cases(outcomes), given.outputs(outputs)
        plain = effect is None and choice is None
        if outcomes if plain else outputs:
            self.net.problems.append(
                f"{where}: has {'outcomes' if plain else 'outputs'}; "
                "give outcomes to an effect or a choice, outputs to a plain transition"
            )
        ons = (on(Done, *puts),) if plain else ends
        made = Transition(
            name,
            arcs,
            tuple(_under(limits, case) for case in ons),
            *calls,
            given.number("priority", priority) or 0,
            given.shown(arcs, during),
            given.number("deadline_ns", deadline_ns),
            None if join is None else given.names("join", join),
            attempts,
            pause_ns,
            retry if isinstance(retry, tuple) else (retry,),
            still=(*given.arcs(still), *(arc for limit in limits for arc in limit.still)),
            manual=given.flag("manual", manual),
        )
        self.net.register("transition", self.net.transitions, name, made)
        self.transitions[name] = made
        return made

    def _add(self, place: P) -> P:
        place = Given(f"net {self.net.name}, place {place.name}", self.net.problems).place(place)
        self.net.register("place", self.net.places, place.name, place)
        self.places[place.name] = place
        return place


@dataclass(eq=False)
class Net(Declaring):
    """A net under construction. `checked()` of `check.py` says whether it can work.

    Args:
        name: for error messages and drawings.
        run: the key that tells runs apart, where many of them share the net: tokens with the same value belong
            to one run, whose end `Kernel.ended(now_ns, run=value)` tells.
        partition: the key by which the net can be divided into partitions: a name of keys of places. None: it can't
            be, and what its places declare as `share` means nothing.
        tells: other names of keys that tell the partition key, each with the pure function that gives it:
            `{"origin": domain_of}`.

    Attributes:
        parts: by name, in the order of declaration.
        problems: what was wrong at declaration; `checked()` reports them.
        channels: of a net with a partition key, by name.
        credits: the same.
        leases: the same.
    """

    name: str
    places: dict[str, AnyPlace] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    transitions: dict[str, Transition] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    run: str | None = None
    partition: str | None = None
    tells: Mapping[str, Callable[[Any], Hashable]] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    credits: dict[str, Drawn] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = Given(f"net {self.name}", self.problems)
        self.name = given.name(self.name)
        self.run = given.one("run", self.run, str, "give the name of a key")

    def __repr__(self) -> str:
        return f"<net {self.name}: {len(self.places)} places, {len(self.transitions)} transitions>"

    @property
    def net(self) -> Net:
        """This net."""
        return self

    def register(self, kind: str, known: dict[str, R], name: str, made: R) -> None:
        """Add what was declared to those of its kind that are *known*; a name that is taken is a problem."""
        nodes = kind in ("place", "transition")
        if name in self.places or name in self.transitions if nodes else name in known:
            self.problems.append(
                f"net {self.name}, {kind} {name}: the name is taken"
                f"{', for places and transitions share their names' if nodes else ''}; choose another"
            )
        known[name] = made

    def part_of(self, node: AnyPlace | Transition) -> Part | None:
        """The part that has declared a place or a transition; None if the net itself has."""
        for part in self.parts.values():
            if node is part.places.get(node.name) or node is part.transitions.get(node.name):
                return part
        return None


def _under(limits: Sequence[Limit], case: On) -> On:
    """An outcome, with what limits put for it after its own outputs."""
    added = [output for limit in limits for output in limit.puts.get(case.outcome, ())]
    return On(case.outcome, (*case.outputs, *added))


def _names(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names
