"""What a transition takes, and the functions that it calls: input arcs, effects, choices.

Owns: the words `take`, `spend`, `hold`, `read`, `absent`, `expired` and `choose`; all of it plain data. What is put is in
`outputs`.
Must not know: effects' implementations, how a net is executed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar, overload

from scraper_cpn.net.hints import returned_types
from scraper_cpn.net.places import AnyPlace, Counter, KeySet, Place

if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultTypeVar

    Bound_co = DefaultTypeVar("Bound_co", covariant=True, default=Any)
else:
    Bound_co = TypeVar("Bound_co", covariant=True)

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")

ArcKind = Literal["take", "spend", "hold", "read", "absent", "expired"]

Amount: TypeAlias = int | Callable[[Any], int]
"""How many: a number, or a function of the key that the inputs join on."""


class Fate(NamedTuple):
    """What an arc of some kind does to what it binds.

    Attributes:
        takes: whether that leaves its place when the firing begins.
        back: when it comes back: at the start of the effect, or at its end; None: never.
    """

    takes: bool
    back: Literal["start", "end"] | None = None


FATES: dict[ArcKind, Fate] = {
    "take": Fate(takes=True),
    "expired": Fate(takes=True),
    "spend": Fate(takes=True, back="start"),
    "hold": Fate(takes=True, back="end"),
    "read": Fate(takes=False),
    "absent": Fate(takes=False),
}
"""The kinds of arcs. What follows from these facts alone asks for them, not for a kind."""


@dataclass(frozen=True, eq=False)
class Arc(Generic[Bound_co]):
    """An input of a transition. Among an output's sources it stands for what it binds.

    Attributes:
        kind: what happens to what it binds.
        place: where that is.
        include_waiting: whether it sees tokens that are not ready yet.
        when: only tokens for which this is true.
        change: what `spend` puts back.
        after_ns: when that is ready again.
        count: how many tokens it needs; of a counter, how many it takes.
        all: whether it binds every token that it sees, and *count* is the least number of them.
        include_in_use: whether it sees tokens that running firings have taken from the place.
    """

    kind: ArcKind
    place: AnyPlace
    include_waiting: bool = False
    when: Callable[[Any], bool] | None = None
    change: Callable[[Any], Any] | None = None
    after_ns: int | Callable[[Any], int] = 0
    count: Amount = 1
    all: bool = False
    include_in_use: bool = False

    @cached_property
    def binds(self) -> bool:
        """Whether a token (not a number, nor an absence) is bound."""
        return isinstance(self.place, Place) and self.kind != "absent"

    @cached_property
    def takes(self) -> bool:
        """Whether what it binds leaves its place when the firing begins."""
        return FATES[self.kind].takes

    @cached_property
    def comes_back(self) -> bool:
        """Whether what it takes comes back."""
        return FATES[self.kind].back is not None

    @cached_property
    def uses_up(self) -> bool:
        """Whether what it takes is gone for good."""
        return self.takes and not self.comes_back

    def is_held(self, *, started: bool) -> bool:
        """Whether a firing in flight has what the arc has taken; *started*: whether its effect has."""
        return self.takes and not (started and FATES[self.kind].back == "start")

    @cached_property
    def many(self) -> bool:
        """Whether it binds a tuple of tokens instead of one."""
        return self.binds and (self.all or callable(self.count) or self.count != 1)

    @cached_property
    def fewest(self) -> int:
        """The least number of tokens that it binds, whatever the key."""
        return 1 if callable(self.count) else self.count

    def __str__(self) -> str:
        return f"{self.kind}({self.place.name})"


@overload
def take(
    place: Place[T],
    *,
    include_waiting: bool = False,
    when: Callable[[T], bool] | None = None,
) -> Arc[T]: ...
@overload
def take(
    place: Place[T],
    count: Amount,
    *,
    include_waiting: bool = False,
    when: Callable[[T], bool] | None = None,
) -> Arc[tuple[T, ...]]: ...
@overload
def take(
    place: Place[T],
    *,
    all: Literal[True],
    at_least: int = 1,
    include_waiting: bool = False,
    when: Callable[[T], bool] | None = None,
) -> Arc[tuple[T, ...]]: ...
@overload
def take(place: Counter, count: Amount = 1) -> Arc[Any]: ...
def take(
    place: Place[Any] | Counter,
    count: Amount = 1,
    *,
    all: bool = False,  # noqa: A002  (the word that says it)
    at_least: int = 1,
    include_waiting: bool = False,
    when: Callable[[Any], bool] | None = None,
) -> Arc[Any]:
    """Consume a token; of a counter, one.

    Args:
        place: where from. A bare place in a list of inputs means `take(place)`.
        count: so many, or none at all: functions are given a tuple of them. A function of the key that the
            inputs join on may say how many.
        all: every token that is there (and has the key that the inputs join on), as a tuple.
        at_least: with *all*, how many there must be; with 0, none is fine, too.
        include_waiting: do not wait until it is ready. Put back into the same place, it stays unready at
            least as long as it would have been.
        when: only tokens for which this is true; it is called once, when the token is deposited.
    """
    number = at_least if all else count
    return Arc("take", place, include_waiting, when, count=number, all=all)


def spend(
    place: Place[T],
    change: Callable[[T], T | None] | None = None,
    *,
    after_ns: int | Callable[[T], int] = 0,
    when: Callable[[T], bool] | None = None,
) -> Arc[T]:
    """Take a token and put it back, changed, at the moment when the firing really starts.

    Args:
        place: a timed place, unless *after_ns* is 0.
        change: makes the token that is put back; None lets it go. Without it, the token itself.
        after_ns: it is ready again this long after the start; of the token that is put back.
        when: only tokens for which this is true.
    """
    return Arc("spend", place, when=when, change=change, after_ns=after_ns)


@overload
def hold(place: Place[T], *, when: Callable[[T], bool] | None = None) -> Arc[T]: ...
@overload
def hold(
    place: Place[T], count: Amount, *, when: Callable[[T], bool] | None = None
) -> Arc[tuple[T, ...]]: ...
@overload
def hold(place: Counter, count: Amount = 1) -> Arc[Any]: ...
def hold(
    place: Place[Any] | Counter, count: Amount = 1, *, when: Callable[[Any], bool] | None = None
) -> Arc[Any]:
    """Take *count* tokens and give them back on every outcome that does not `consume` them."""
    return Arc("hold", place, when=when, count=count)


@overload
def read(
    place: Place[T],
    *,
    when: Callable[[T], bool] | None = None,
    include_in_use: bool = False,
) -> Arc[T]: ...
@overload
def read(
    place: Place[T],
    *,
    at_least: Amount,
    when: Callable[[T], bool] | None = None,
    include_in_use: bool = False,
) -> Arc[tuple[T, ...]]: ...
@overload
def read(place: Counter, *, at_least: Amount = 1) -> Arc[Any]: ...
@overload
def read(place: KeySet[Any]) -> Arc[Any]: ...
def read(
    place: Place[Any] | Counter | KeySet[Any],
    *,
    at_least: Amount = 1,
    when: Callable[[Any], bool] | None = None,
    include_in_use: bool = False,
) -> Arc[Any]:
    """A token must be there (of a set: the key), and stays: a test arc.

    Args:
        place: where.
        at_least: so many must be there; functions are given a tuple of them. Of a counter, its number.
        when: only tokens for which this is true.
        include_in_use: see tokens, too, that running firings have taken from there.
    """
    return Arc("read", place, when=when, count=at_least, include_in_use=include_in_use)


def absent(
    place: Place[T] | KeySet[Any],
    *,
    when: Callable[[T], bool] | None = None,
    include_in_use: bool = False,
) -> Arc[Any]:
    """No token with the binding's key may be there, ready or waiting (or: the set lacks the key).

    This is an inhibitor arc. If the transition has an effect that puts into the place, the absence is
    claimed: until the firing has ended, nobody else finds the place empty (of that key).

    Args:
        place: where.
        when: only tokens for which this is true count.
        include_in_use: tokens that running firings have taken from there count, too.
    """
    return Arc("absent", place, when=when, include_in_use=include_in_use)


def expired(place: Place[T]) -> Arc[T]:
    """Take a token whose time has passed; the one arc that sees it then."""
    return Arc("expired", place)


Fn = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Call:
    """A function of bound tokens: what an effect or a choice is given."""

    name: str
    sources: tuple[Any, ...]
    """Places, counters and arcs."""
    outcomes: tuple[type[Any], ...]
    fn: Fn | None = None


@dataclass(frozen=True, eq=False)
class Effect:
    """A name for asynchronous work, and the closed set of outcomes that it may end in."""

    net: str
    name: str
    outcomes: tuple[type[Any], ...]

    def __repr__(self) -> str:
        return f"<effect {self.name}>"

    def __call__(self, *sources: Place[Any] | Counter | Arc[Any]) -> Call:
        """This effect, given what is bound at *sources*, in that order."""
        return Call(self.name, sources, self.outcomes)


Given: TypeAlias = Place[A] | Arc[A] | Counter
"""What a choice is given: what is bound there."""


@overload
def choose(fn: Callable[[A], Any], a: Given[A], /) -> Call: ...
@overload
def choose(fn: Callable[[A, B], Any], a: Given[A], b: Given[B], /) -> Call: ...
@overload
def choose(fn: Callable[[A, B, C], Any], a: Given[A], b: Given[B], c: Given[C], /) -> Call: ...
def choose(fn: Fn, /, *sources: Any) -> Call:
    """A pure function that picks the outcome; its return annotation is the closed set of them.

    As a transition's `scan`, the function returns a bool instead.
    """
    return Call(getattr(fn, "__name__", "choice"), sources, returned_types(fn), fn)
