"""Faults that random nets hardly ever meet: each is planted, and a small net shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Net,
    absent,
    compile_net,
    put,
    put_new,
    remove,
    take,
)
from scraper_cpn.net.compiled.kernel import Compiled
from tests.net.test_mutants import Mutant, planted


class Job(Struct, frozen=True):
    host: str
    n: int = 0


def batch() -> Net:
    """Three parts go together, or none."""
    net = Net("batch")
    parts = net.place("parts", Job, source=True)
    out = net.sink("out", Job)
    net.transition("pack", [take(parts, 3)], outputs=[put(out)])
    return net


def packed(kernel: Compiled) -> int:
    """How many parts go when there are two."""
    parts: Any = kernel.net.places["parts"]
    for n in range(2):
        kernel.inject(parts, Job("a", n), 0)
    kernel.step(0)
    return kernel.count("out")


def renewal() -> Net:
    """A job waits until the set has forgotten its host."""
    net = Net("renewal")
    jobs = net.place("jobs", Job, key="host", source=True)
    again = net.place("again", Job, key="host", source=True)
    seen = net.set("seen", Job, key="host")
    out = net.sink("out", Job)
    net.transition("go", [jobs, absent(seen)], outputs=[put_new(seen, out, lambda job: job, jobs)])
    net.transition("forget", [again], outputs=[remove(seen, again)], priority=1)
    return net


def renewed(kernel: Compiled) -> int:
    """How many jobs of a host have gone once the set has forgotten the first one."""
    places: Any = kernel.net.places
    kernel.inject(places["jobs"], Job("a", 1), 0)
    kernel.step(0)
    kernel.inject(places["jobs"], Job("a", 2), 0)
    kernel.step(0)
    kernel.inject(places["again"], Job("a"), 0)
    kernel.step(0)
    return kernel.count("out")


TOO_FEW = Mutant("one token too few is enough", r"len\((\w+)\) < (\d+)", r"len(\1) < \2 - 1")
FORGOTTEN = Mutant(
    "keys that wait are not told what a set forgot",
    r"if self\.families:",
    "if False:",
    "Seen",
    True,
)


@pytest.mark.parametrize(
    ("mutant", "net", "happens", "right"),
    [(TOO_FEW, batch, packed, 0), (FORGOTTEN, renewal, renewed, 2)],
    ids=lambda given: given.name if isinstance(given, Mutant) else "",
)
def test_a_rare_fault_is_caught(
    mutant: Mutant, net: Callable[[], Net], happens: Callable[[Compiled], int], right: int
) -> None:
    """R40, R47: the sound execution does it right, and the faulty one does not."""
    assert happens(compile_net(net())) == right
    assert happens(planted(mutant)(net())) != right
