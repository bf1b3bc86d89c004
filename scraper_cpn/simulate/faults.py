"""Failure injection: effects that sometimes crash, take longer, or return unknown outcomes.

Owns: which calls get a fault, and which fault; decided by a seed, so that a run can be repeated.
Must not know: what an effect does, the net.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from struct import unpack
from typing import Any

from msgspec import Struct

from scraper_cpn.net import Lost
from scraper_cpn.simulate.driver import VirtualEffect


class Nonsense(Struct, frozen=True):
    """An outcome that no net has declared."""


class Faults(Struct, frozen=True, kw_only=True):
    """How often calls get faults. Shares are between 0 and 1, and drawn independently.

    Attributes:
        seed: determines every decision.
        lost: share of the calls that end in `Lost` although their work is done, like a crash between an
            answer and its record.
        nonsense: share of the calls that end in an outcome that the net does not know.
        late: share of the calls that take longer.
        late_ns: how much longer they take; beyond its deadline, a firing is `Lost`.
    """

    seed: int = 0
    lost: float = 0.0
    nonsense: float = 0.0
    late: float = 0.0
    late_ns: int = 0


def faulty(effects: Mapping[str, VirtualEffect], faults: Faults) -> dict[str, VirtualEffect]:
    """Add faults to effects. The faults of a call depend on its effect and its number there."""
    return {name: _spoiled(name, effect, faults) for name, effect in effects.items()}


def _spoiled(name: str, effect: VirtualEffect, faults: Faults) -> VirtualEffect:
    calls = 0

    def spoiled(*args: Any) -> tuple[int, Any]:
        nonlocal calls
        calls += 1
        lost, nonsense, late = _draws(f"{faults.seed}|{name}|{calls}")
        takes_ns, outcome = effect(*args)
        if late < faults.late:
            takes_ns += faults.late_ns
        if lost < faults.lost:
            outcome = Lost("an injected fault")
        elif nonsense < faults.nonsense:
            outcome = Nonsense()
        return takes_ns, outcome

    return spoiled


def _draws(what: str) -> tuple[float, ...]:
    """Three numbers from 0 (inclusive) to 1 (exclusive)."""
    digest = blake2b(what.encode(), digest_size=12).digest()
    return tuple(number / 2**32 for number in unpack(">3I", digest))
