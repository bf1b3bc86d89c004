"""How an event changes numbers of atoms, while it is being put together.

Owns: `Changes`, `Tested`, `add`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Changes = defaultdict[int, int]


@dataclass(frozen=True)
class Tested:
    """The condition of an event, whatever its result; see `plain.Event`."""

    needs: dict[int, int]
    absent: tuple[int, ...] = ()
    room: dict[int, int] = field(default_factory=dict)
    bound: tuple[Any, ...] = ()
    urgent: bool = False


def add(change: Changes, more: Mapping[int, int], times: int = 1) -> None:
    """Add changes to others, so many times."""
    for atom, number in more.items():
        change[atom] += times * number
