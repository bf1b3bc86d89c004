"""What a kernel holds and hands out: markings, firings, faults, steps.

Owns: the records that cross the kernel's surface, the same for both executions, and the checks on
what users' functions return. A `Marking` is everything that a kernel needs to go on.
Must not know: how bindings are found.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Literal, Protocol, TypeAlias

from msgspec import Struct

from scraper_cpn.net.places import AnyPlace, KeySet, Place


class Standing(Struct, frozen=True, gc=False):
    """A token in a place."""

    place: str
    serial: int
    """Unique in a run, growing: the age of the token in its place."""
    colour: Any
    ready_at_ns: int
    """0: since ever."""
    expires_at_ns: int | None = None


class Flying(Struct, frozen=True, gc=False):
    """A firing whose effect has not ended, as it is saved."""

    id: int
    transition: str
    inputs: tuple[Any, ...]
    """One per arc: a `Standing` or a tuple of them, the key of a counter, or None for what has none."""
    started: bool
    began_ns: int
    shown: int | None
    """The serial of its token in the first of the transition's `during` places; the others follow."""
    attempt: int = 1
    """The attempt that is under way, or the next one."""
    due_ns: int | None = None
    """From when on that attempt may begin; None once it has."""
    handed: bool = False
    """Whether a step has given the attempt out, and it has not started yet."""


class Faulted(Struct, frozen=True):
    """A token that was set aside because a function of the user raised on it.

    A firing that took no token is listed itself: its transition's name, serial -1, colour None. Of a
    firing in one go that took only numbers, the counter is listed, with serial -1 and colour None.
    """

    place: str
    serial: int
    colour: Any
    error: str


class Marking(Struct, frozen=True):
    """All that a kernel needs to go on: save it, load it into either execution."""

    net: str
    now_ns: int
    next_serial: int
    next_id: int
    tokens: tuple[Standing, ...]
    """By place as declared, then by serial."""
    counters: dict[str, tuple[tuple[Hashable, int], ...]]
    """The numbers that differ from their start, by key; the plain counter's key is None."""
    sets: dict[str, tuple[Hashable, ...]]
    """The oldest key first."""
    flights: tuple[Flying, ...]
    """By id."""
    faulted: tuple[Faulted, ...]
    sunk: dict[str, int]
    """Rows that each sink has taken."""

    def __repr__(self) -> str:
        return f"<marking of {self.net} at {self.now_ns} ns: {counts(self)}>"


class Firing(Struct, frozen=True, gc=False):
    """A firing whose effect is to be started."""

    id: int
    transition: str
    effect: str
    args: tuple[Any, ...]
    """The tokens that the transition gives its effect, in that order."""
    deadline_ns: int | None
    """How long it may last, from its start; then it is `Lost`."""
    attempt: int = 1
    """The same firing comes again where its transition has more attempts."""


class Binding(Struct, frozen=True):
    """What a manual transition could take: `Kernel.begin` fires it, as long as it holds.

    Attributes:
        transition: its name.
        key: the values of the keys that its inputs join on, in the order of the inputs: one value, or a tuple of
            several; None for no key.
        ordinal: its number among the bindings of that key when it was listed, from 0.
        inputs: one per arc: a `Standing` or a tuple of them, the key of a number or an absence, or None.
    """

    transition: str
    key: Hashable
    ordinal: int
    inputs: tuple[Any, ...]

    @property
    def tokens(self) -> tuple[Standing, ...]:
        """The tokens that it binds, in the order of the arcs."""
        several = (bound if isinstance(bound, tuple) else (bound,) for bound in self.inputs)
        return tuple(each for bound in several for each in bound if isinstance(each, Standing))

    @property
    def serials(self) -> tuple[Any, ...]:
        """The serials of what each arc binds, as a trace has them: -1 for an arc that binds no token."""
        return tuple(map(_serials_of, self.inputs))


def _serials_of(bound: Any) -> Any:
    if isinstance(bound, Standing):
        return bound.serial
    tokens = bound if isinstance(bound, tuple) else (None,)
    listed = tuple(each.serial for each in tokens if isinstance(each, Standing))
    return listed if len(listed) == len(tokens) else -1


class Step(Struct, frozen=True, gc=False):
    """The decision of a step.

    Attributes:
        firings: to be started, in this order.
        wake_ns: the next useful time: the least at which another binding exists if nothing else
            happens; None if there is none. The given time itself: the step's limit was reached.
    """

    firings: tuple[Firing, ...]
    wake_ns: int | None


class Row(Struct, frozen=True, gc=False):
    """A token that left through a sink."""

    sink: str
    colour: Any


class Lack(Struct, frozen=True):
    """The reason why a transition can't take a token now.

    Attributes:
        transition: which would take it.
        reason: what is missing, for people.
        until_ns: from when on that may be different without an outcome; None if only an outcome helps.
        place: where it is missing; None if the token itself can't go yet.
        key: for which it is missing there, as far as the token fixes it: one value, or a tuple of several;
            None for no key.
    """

    transition: str
    reason: str
    until_ns: int | None
    place: AnyPlace | None = None
    key: Hashable = None


Ended: TypeAlias = Literal["finished", "stuck", "spent", "faulted"]
"""No work left; work left and no useful time; work left at the end of a budget; tokens were set aside.

A run with tokens that were set aside is `faulted`, whether other work is left or not, unless a budget has ended it.
Nothing can fire now and nothing is in flight in all three. A useful time that lies ahead (a token that
expires tomorrow) keeps only the work alive that no budget has ended.
"""

Trace: TypeAlias = Callable[[tuple[Any, ...]], None]
"""Is called with each event of a kernel, in order. Deposits are (place, serial, colour, ready at).

("inject", now, deposit); ("fire", now, id, transition, serials, outcome, deposits);
("begin", now, id, transition, serials); ("started", now, id, deposits);
("again", now, id, outcome, due) for an attempt that failed and is not the last, ("attempt", now, id, number) for the
next one; ("end", now, id, outcome, deposits); ("revoke", id); ("fault", place, serial, error).
Serials are those of the bound tokens, one an arc: a tuple for an arc that binds several, -1 for an arc
that binds none.
"""


def counts(marking: Marking) -> str:
    """The tokens of each place that has some, in one line."""
    numbers: dict[str, int] = {}
    for token in marking.tokens:
        numbers[token.place] = numbers.get(token.place, 0) + 1
    listed = [f"{place} {number}" for place, number in numbers.items()]
    listed += [f"{name} {number}" for name, number in marking.sunk.items() if number]
    listed += [f"in flight {len(marking.flights)}"] if marking.flights else []
    listed += [f"faulted {len(marking.faulted)}"] if marking.faulted else []
    return ", ".join(listed) or "empty"


class Kernel(Protocol):
    """A net that runs: the pure state machine. Times are integer nanoseconds that never go back.

    A call that can't be taken raises `NetError` and changes nothing; any other exception is a bug.
    """

    def inject(
        self,
        place: Place[Any],
        colour: Any,
        now_ns: int,
        *,
        ready_at_ns: int = 0,
        expires_at_ns: int | None = None,
    ) -> None:
        """Put a token into a place that is declared a source."""

    def step(self, now_ns: int, limit: int = 100_000) -> Step:
        """Fire all that can fire at *now_ns*, at most *limit* firings."""

    def may_start(self, firing_id: int, now_ns: int) -> bool:
        """Whether what must `still` hold when a firing starts does; of one that has started, too."""

    def bindings(
        self, transition: str, now_ns: int, *, limit: int | None = None
    ) -> tuple[Binding, ...]:
        """What a manual transition could take at *now_ns*, in order; of many, the first *limit*.

        Nothing but time passes. Cost: O(tokens of the first input of each join + bindings that are tried).
        """

    def begin(self, binding: Binding, now_ns: int) -> Firing:
        """Fire a binding; gives the firing whose effect is to be started.

        Of a transition without effect, everything has happened then, and `Firing.effect` is empty; its id is
        0 if a function raised and what was bound last was set aside.

        Raises:
            Stale: one of its own tokens, numbers, absences or slots no longer holds; nothing was changed.
        """

    def try_begin(self, binding: Binding, now_ns: int) -> Firing | None:
        """The same; None if the binding is stale."""

    def started(self, firing_id: int, now_ns: int, *, asked: bool = False) -> bool:
        """Say that an effect really starts now: what it spends is put back and dated from here.

        Where `may_start` says no, the firing is revoked instead, and this is False. With *asked* it starts in
        any case: the caller has just asked, or the effect ended and has nothing left to start.
        """

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        """Give a started firing's outcome: one of its declared types, or `Lost`."""

    def revoke(self, firing_id: int) -> None:
        """Undo a firing that has not started, exactly."""

    def drain(self) -> list[Row]:
        """Take the rows that reached a sink since the last call, oldest first."""

    def ended(self, now_ns: int, *, run: Hashable = None) -> Ended | None:
        """How the run ended; None while something is in flight or a useful time lies ahead.

        With *run*, how that one of many runs ended (see `Net.run`). Cost: O(its firings in flight + tokens of
        places with work); where work is left of it and none of its firings is in flight, O(tokens), and trying
        the combinations of its own ones.
        """

    def marking(self) -> Marking:
        """Everything, saved. Cost: O(tokens)."""

    def explain(self, serial: int, now_ns: int) -> list[Lack]:
        """Explain for each transition that could take a token what is missing. Cost: O(tokens)."""

    def count(self, place: str) -> int:
        """What is in a place.

        Of a place, its tokens, waiting ones included, reserved ones not; of a sink, all its rows so
        far; of a set, its keys; of a plain counter, its number; of a keyed one, the keys whose
        number is not what it starts with.
        """

    def in_flight(self) -> int:
        """Firings whose effects have not ended."""


def made(result: Any, place: Place[Any] | KeySet[Any]) -> tuple[Any, ...]:
    """The tokens in what an output function returned for *place*.

    Raises:
        TypeError: something is not of the place's colour, or several tokens for a bounded place.
    """
    if result is None:
        return ()
    colour = place.colour
    if isinstance(result, colour):
        return (result,)
    usual = type(result) is tuple or type(result) is list
    if not usual and (not isinstance(result, Iterable) or isinstance(result, str | bytes)):
        raise TypeError(_misfit(result, place))
    tokens = tuple(result)
    for token in tokens:
        if type(token) is not colour and not isinstance(token, colour):
            raise TypeError(_misfit(token, place))
    if isinstance(place, Place) and place.capacity is not None and len(tokens) > 1:
        raise TypeError(
            f"{len(tokens)} tokens for {place.name}, whose capacity lets a firing put one"
        )
    return tokens


def span(value: Any) -> int:
    """A length of time in nanoseconds that a user's function returned, checked."""
    if type(value) is not int or value < 0:
        raise TypeError(f"a time must be an integer number of nanoseconds from 0 up, not {value!r}")
    return value


def order_of(colour: Any, place: Place[Any]) -> tuple[int, ...]:
    """The sort key of a token in its place, checked."""
    order = tuple(getattr(colour, name) for name in place.order)
    for name, value in zip(place.order, order, strict=True):
        if type(value) is not int:
            raise TypeError(f"order field {name} must be an integer, not {value!r}")
    return order


def key_of(colour: Any, place: Place[Any] | KeySet[Any]) -> tuple[Hashable, ...]:
    """The keys of a token in its place, in the order of the declaration, checked."""
    keys = tuple(getattr(colour, name) for name in place.keys)
    hash(keys)
    for key in keys:
        refuse_unequal(key)
    return keys


def refuse_unequal(key: Hashable) -> None:
    """Refuse a key that is not equal to itself, such as NaN: nothing could ever be found by it."""
    if key != key:
        raise ValueError(f"a key must be equal to itself, and {key!r} is not")


def one_key(keys: Iterable[Hashable]) -> Hashable:
    """The key of a number or of a set's entry: None for no key, the key itself, or a tuple."""
    whole = tuple(keys)
    return whole[0] if len(whole) == 1 else whole or None


def blame(error: Exception) -> str:
    """An exception of a user's function, in one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _misfit(token: Any, place: Place[Any] | KeySet[Any]) -> str:
    return f"a {type(token).__name__} for {place.name}, which takes {place.colour.__name__}"
