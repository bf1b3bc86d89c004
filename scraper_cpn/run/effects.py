"""How the work behind a net's effect names is bound to it.

Owns: the four shapes of an effect. Must not know: what any effect does, tokens.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from scraper_cpn.net import Kernel, Net, NetError


class Start(Protocol):
    """What work that the world notices is given to say when it does."""

    def may_start(self) -> bool:
        """Whether the world may notice; asked just before. If not, what the work returns does not count.

        Unless it had said that it starts: then it ends in what it returns.
        """

    def __call__(self) -> None:
        """The world notices now."""


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
    as started when it ends. Just before, it asks `start.may_start()`; if that is False, it does not start,
    and returns what it likes: a net may forbid a start that it had decided on (`still`).
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


def bindings(
    kernel: Kernel, given: Mapping[str, Binding | Callable[..., Any]]
) -> dict[str, Binding]:
    """What each effect of a kernel's net is bound to; a bare function is `Plain`.

    Raises:
        NetError: one line for each effect that is missing, or is none of the net's, or is bound to what can't
            be called. A kernel that tells no net is taken at its word.
    """
    net = getattr(kernel, "net", None) or getattr(getattr(kernel, "kernel", None), "net", None)
    if isinstance(net, Net):
        problems = list(binding_problems(net, given))
        if problems:
            raise NetError(*problems)
    return {
        name: each if isinstance(each, Binding) else Plain(each) for name, each in given.items()
    }


def binding_problems(net: Net, given: Mapping[str, Any]) -> list[str]:
    """What is wrong with how effects are bound, one line each."""
    listed = ", ".join(net.effects) or "none"
    where = f"net {net.name}, effect"
    missing = [
        f"{where} {name}: is bound to nothing; give a function for it in the effects"
        for name in net.effects
        if name not in given
    ]
    others = [
        f"{where} {name}: is no effect of the net, which has {listed}; remove it"
        for name in given
        if name not in net.effects
    ]
    uncalled = [
        f"{where} {name}: is bound to {each!r}, which can't be called; give a function"
        for name, each in given.items()
        if name in net.effects and not (isinstance(each, Binding) or callable(each))
    ]
    return [*missing, *others, *uncalled]
