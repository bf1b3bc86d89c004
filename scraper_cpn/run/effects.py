"""How the work behind a net's effect names is bound to it.

Owns: the four shapes of an effect. Must not know: what any effect does, nets, tokens.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Plain:
    """Work that starts as soon as it is called: `fn(*tokens)` gives an outcome, or an awaitable of one.

    An outcome that is there at once costs no task.
    """

    fn: Callable[..., Any]


@dataclass(frozen=True)
class Paced:
    """Work that says itself when it really starts: `await fn(*tokens, start)`.

    It calls `start()` once, at the moment when the world notices (a request is written); what the
    firing spends is dated from then. Until then it can be undone; if it never calls it, it counts
    as started when it ends.
    """

    fn: Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Called:
    """Work that calls back: `fn(*tokens, start, done)` begins it and returns at once.

    It calls `start()` as a `Paced` one does, and `done(outcome)` when it has ended; there is no task.
    It returns what cancels the work, or None where nothing can; an exception is its end.
    """

    fn: Callable[..., Callable[[], Any] | None]


@dataclass(frozen=True)
class Batched:
    """Work on many firings at once: `await fn(tokens)` gives an outcome for each, in order.

    What becomes ready while a batch is under way makes up the next one. The effect takes one token.
    """

    fn: Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]
    most: int = 256


Binding: TypeAlias = Plain | Paced | Called | Batched
