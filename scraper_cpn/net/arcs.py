"""What goes in and out of a transition: arcs, outputs, outcomes, calls.

Owns: the words `take`, `spend`, `hold`, `read`, `absent`, `expired`, `put`, `put_new`, `consume`, `on`, `choose`, and
the built-in outcome `Lost`; all of it plain data.
Must not know: effects' implementations, how a net is executed.

Typing: an output names the places (or the outcome) from which its function makes the new token, so
that mypy checks the whole way: `put(jobs, again, jobs, Down)` wants `again(job: Job, down: Down) -> Job`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar, overload

from scraper_cpn.net.hints import returned_types
from scraper_cpn.net.places import AnyPlace, Counter, KeySet, Place

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

ArcKind = Literal["take", "spend", "hold", "read", "absent", "expired"]


@dataclass(frozen=True, eq=False)
class Arc:
    """An input of a transition."""

    kind: ArcKind
    place: AnyPlace
    early: bool = False
    when: Callable[[Any], bool] | None = None
    change: Callable[[Any], Any] | None = None
    after_ns: int | Callable[[Any], int] = 0

    @property
    def binds(self) -> bool:
        """Whether a token (not a number, nor an absence) is bound."""
        return isinstance(self.place, Place) and self.kind != "absent"

    def __str__(self) -> str:
        return f"{self.kind}({self.place.name})"


def take(
    place: Place[T] | Counter, *, early: bool = False, when: Callable[[T], bool] | None = None
) -> Arc:
    """Consume a token (of a counter: one).

    Args:
        place: where from. A bare place in a list of inputs means `take(place)`.
        early: do not wait until it is ready; put back into the same place, it stays unready at
            least as long as it would have been.
        when: only tokens for which this is true; runs once, when the token is deposited.
    """
    return Arc("take", place, early=early, when=when)


def spend(
    place: Place[T],
    change: Callable[[T], T | None] | None = None,
    *,
    after_ns: int | Callable[[T], int] = 0,
) -> Arc:
    """Take a token and put it back, changed, at the moment when the firing really starts.

    Args:
        place: a timed place, unless *after_ns* is 0.
        change: makes the token that is put back; None lets it go. Without it, the token itself.
        after_ns: it is ready again this long after the start; of the token that is put back.
    """
    return Arc("spend", place, change=change, after_ns=after_ns)


def hold(place: Place[Any] | Counter) -> Arc:
    """Take a token (of a counter: one) and give it back on every outcome that does not `consume` it."""
    return Arc("hold", place)


def read(place: Place[Any] | Counter | KeySet[Any]) -> Arc:
    """A token must be there (a number above 0, the key in the set), and stays."""
    return Arc("read", place)


def absent(place: Place[Any] | KeySet[Any]) -> Arc:
    """No token with the binding's key may be there, ready or waiting (or: the set lacks the key)."""
    return Arc("absent", place)


def expired(place: Place[Any]) -> Arc:
    """Take a token whose time has passed; the one arc that sees it then."""
    return Arc("expired", place)


@dataclass(frozen=True, eq=False)
class Lost:
    """The outcome of an effect that crashed, was cancelled, or passed its deadline.

    Attributes:
        reason: one line for people.
        detail: a traceback, where there is one.
    """

    reason: str
    detail: str = ""


Fn = Callable[..., Any]
Source: TypeAlias = Place[A] | type[A]
Made: TypeAlias = T | Iterable[T] | None


@dataclass(frozen=True, eq=False)
class Output:
    """An output arc: `put`, `put_new` or `consume`."""

    kind: Literal["put", "put_new", "consume"]
    place: AnyPlace
    make: Fn | None = None
    sources: tuple[Any, ...] = ()
    after_ns: int | Fn = 0
    lasts_ns: int | Fn | None = None
    seen: KeySet[Any] | None = None

    def __str__(self) -> str:
        return f"{self.kind}({self.place.name})"


@overload
def put(
    place: Place[Any] | Counter, /, *, after_ns: int = 0, lasts_ns: int | None = None
) -> Output: ...
@overload
def put(
    place: Place[T],
    make: Callable[[A], Made[T]],
    a: Source[A],
    /,
    *,
    after_ns: int | Callable[[A], int] = 0,
    lasts_ns: int | Callable[[A], int] | None = None,
) -> Output: ...
@overload
def put(
    place: Place[T],
    make: Callable[[A, B], Made[T]],
    a: Source[A],
    b: Source[B],
    /,
    *,
    after_ns: int | Callable[[A, B], int] = 0,
    lasts_ns: int | Callable[[A, B], int] | None = None,
) -> Output: ...
@overload
def put(
    place: Place[T],
    make: Callable[[A, B, C], Made[T]],
    a: Source[A],
    b: Source[B],
    c: Source[C],
    /,
    *,
    after_ns: int | Callable[[A, B, C], int] = 0,
    lasts_ns: int | Callable[[A, B, C], int] | None = None,
) -> Output: ...
def put(
    place: Place[Any] | Counter,
    make: Fn | None = None,
    /,
    *sources: Any,
    after_ns: int | Fn = 0,
    lasts_ns: int | Fn | None = None,
) -> Output:
    """Put what *make* returns of the *sources* into *place*: a token, several, or None for none.

    Args:
        place: a place or a sink; a counter counts one up.
        make: without it, the outcome itself if it has the place's colour, else the one input token
            that has it, moves there.
        sources: a place stands for the token bound there, an outcome's type for the outcome.
        after_ns: ready this long after the deposit; a function of the same sources. Timed places.
        lasts_ns: expires this long after the deposit; a function of the same sources.
    """
    return Output("put", place, make, sources, after_ns, lasts_ns)


@overload
def put_new(
    seen: KeySet[T], place: Place[T], make: Callable[[A], Made[T]], a: Source[A], /
) -> Output: ...
@overload
def put_new(
    seen: KeySet[T], place: Place[T], make: Callable[[A, B], Made[T]], a: Source[A], b: Source[B], /
) -> Output: ...
def put_new(seen: KeySet[Any], place: Place[Any], make: Fn, /, *sources: Any) -> Output:
    """Like `put`, but only tokens whose key *seen* lacks, which is added in the same step.

    The one source may also be a place that an earlier `put_new` of the same outcome fills: then *make* is
    called for each token that this one finds new.
    """
    return Output("put_new", place, make, sources, seen=seen)


def consume(place: Place[Any] | Counter) -> Output:
    """On this outcome, what was held from *place* is not given back."""
    return Output("consume", place)


@dataclass(frozen=True, eq=False)
class On:
    """An outcome and its output arcs."""

    outcome: type[Any]
    outputs: tuple[Output, ...]


def on(outcome: type[Any], /, *outputs: Output) -> On:
    """The output arcs of *outcome*."""
    return On(outcome, outputs)


@dataclass(frozen=True, eq=False)
class Call:
    """A function of bound tokens: what an effect or a choice is given."""

    name: str
    sources: tuple[Place[Any], ...]
    outcomes: tuple[type[Any], ...]
    fn: Fn | None = None


@dataclass(frozen=True, eq=False)
class Effect:
    """A name for asynchronous work, and the closed set of outcomes that it may end in."""

    net: str
    name: str
    outcomes: tuple[type[Any], ...]

    def __call__(self, *sources: Place[Any]) -> Call:
        """This effect, given the tokens bound at *sources*, in that order."""
        return Call(self.name, sources, self.outcomes)


@overload
def choose(fn: Callable[[A], Any], a: Place[A], /) -> Call: ...
@overload
def choose(fn: Callable[[A, B], Any], a: Place[A], b: Place[B], /) -> Call: ...
@overload
def choose(fn: Callable[[A, B, C], Any], a: Place[A], b: Place[B], c: Place[C], /) -> Call: ...
def choose(fn: Fn, /, *sources: Place[Any]) -> Call:
    """A pure function that picks the outcome; its return annotation is the closed set of them.

    As a transition's `scan`, the function returns a bool instead.
    """
    return Call(getattr(fn, "__name__", "choice"), sources, returned_types(fn), fn)
