"""Random nets with every feature: what a kernel does is an event of the grounded net, in the order that it keeps."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from scraper_cpn.analysis import Expiring, Instance
from scraper_cpn.analysis.ground import TooMuchError
from scraper_cpn.net import Interpreter, compile_net
from tests.analysis.following import Follower
from tests.effort import effort
from tests.net.building import Built
from tests.net.nets import checked_net
from tests.net.specs import COLOURS, Bad, Good, PlaceSpec, colour

CALLS = 60
SEEDS = effort(12, 1_000)
ENDLESS = 3
"""One net of so many may be left out, because new tokens can come into being in it for ever."""


def some(random: Random, place: PlaceSpec, most: int) -> list[Any]:
    """Up to so many tokens for a source, some of which have an end."""
    number = random.randrange(most + 1)
    number = number if place.capacity is None else min(number, place.capacity)
    found = [colour(COLOURS[place.colour], random.randrange(4), random.randrange(3)) for _ in range(number)]  # fmt: skip
    return [
        Expiring(token) if place.expires and random.random() < 0.4 else token for token in found
    ]


def instance_of(random: Random, built: Built) -> Instance:
    """A few tokens in each source at first, and one or none later."""
    return Instance(
        tokens={place.name: some(random, place, 2) for place in built.sources},
        later={p.name: some(random, p, 1) for p in built.sources if p.capacity is None},
        outcomes={name: lambda *_: [Good(1), Bad(2)] for name in built.net.effects},
    )


def test_random_nets_are_grounded_as_kernels_run_them() -> None:
    """Both executions, in turn; each call must be an edge, and nothing urgent may go before it."""
    seen = Counter[str]()
    for seed in range(SEEDS):
        random = Random(seed)
        built = checked_net(random)
        if built is None:
            continue
        execution = compile_net if seed % 2 else Interpreter
        try:
            follower = Follower(built.net, instance_of(random, built), execution, seed)
        except TooMuchError:
            seen["endless"] += 1
            continue
        follower.go(CALLS)
        seen.update(kind for kind, _ in follower.seen)
    assert seen["endless"] * ENDLESS < SEEDS
    assert {"fire", "begin", "start", "end", "revoke", "inject"} <= set(seen)
