"""Binding work to the effect names of a net.

Owns: the three shapes of an effect. Must not know: what any effect does, tokens.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from scraper_cpn.net import Kernel, Net, NetError


class Start(Protocol):
    """The handle with which work reports the moment when it becomes visible outside."""

    def may_start(self) -> bool:
        """Whether the work may become visible outside; called just before it does.

        If False, the work's result is ignored, unless it had already reported its start.
        """

    def __call__(self) -> None:
        """Report the start: the work becomes visible outside now."""


@dataclass(frozen=True)
class Plain:
    """Work that starts as soon as it is called: `fn(*tokens)` returns an outcome, or an awaitable of one.

    An outcome that is returned directly costs no task.
    """

    fn: Callable[..., Any]


@dataclass(frozen=True)
class Paced:
    """Work that reports its own start: `await fn(*tokens, start)`.

    It calls `start()` once, at the moment when it becomes visible outside (a request is written); what the
    firing spends is dated from then. Until then it can be undone. If it never calls `start()`, it counts as
    started when it ends. Just before, it calls `start.may_start()`; if that returns False, it does not start,
    and its result is ignored: a net may forbid a start that it had decided on (`still`).
    """

    fn: Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Batched:
    """Work on many firings at once: `await fn(tokens)` returns an outcome for each, in order.

    Firings that begin while a batch is under way form the next batch. The effect takes one token.
    """

    fn: Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]
    most: int = 256


Binding: TypeAlias = Plain | Paced | Batched


def bindings(
    kernel: Kernel, given: Mapping[str, Binding | Callable[..., Any]]
) -> dict[str, Binding]:
    """The binding of each effect of a kernel's net; a bare function is `Plain`.

    Raises:
        NetError: one line for each effect that is missing, is not in the net, or is bound to something that
            can't be called. A kernel without a net is not checked.
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
    """The problems of the bindings, one line each."""
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
