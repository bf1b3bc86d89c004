"""Running small nets: kernels of either execution, tokens by the name of their place.

Owns: what the tests of behaviour share. `tests/net/conftest.py` says which execution a test gets.
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from scraper_cpn.net import (
    Arc,
    Interpreter,
    Net,
    put,
)
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.places import Counter, Place
from tests.net.ping import Log


class Pair(Struct, frozen=True):
    host: str
    path: str


def boom(*_: object) -> Any:
    raise ValueError("boom\nsecond line")


Execution = Interpreter | Compiled
new_kernel: Callable[..., Execution] = Interpreter
"""The execution of the running test."""


def kernel_of(net: Net) -> tuple[Execution, Log]:
    log = Log()
    return new_kernel(net, log), log


def inject(kernel: Execution, place: str, *colours: Any, now_ns: int = 0, **times: int) -> None:
    target = kernel.net.places[place]
    assert isinstance(target, Place)
    for colour in colours:
        kernel.inject(target, colour, now_ns, **times)


def one_step(
    *arcs: Arc | Place[Any] | Counter, net: Net, tokens: Mapping[str, Any], **options: Any
) -> list[str]:
    """The events of one step at 0 of a net with one more transition, `go`, into the sink `out`."""
    sink = net.sink("out", object)
    lead = arcs[0]
    assert isinstance(lead, Place)
    net.transition("go", arcs, outputs=[put(sink, lambda _: "x", lead)], **options)
    kernel, log = kernel_of(net)
    for place, colours in tokens.items():
        inject(kernel, place, *colours)
    log.clear()
    kernel.step(0)
    return log.take()
