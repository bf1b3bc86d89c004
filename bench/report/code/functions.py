"""The measures of a function, and their sums.

Owns: these records. Must not know: languages, which functions are coordination.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

HARD = 15
"""Functions of a higher cyclomatic complexity are counted by themselves."""


class Measured(Struct, frozen=True, kw_only=True, array_like=True):
    """A function. What is nested in it counts in it.

    Attributes:
        file: its path in its repository.
        name: with its class, as in `Policy.seed`.
        nth: how many of the same name stand before it in the file.
        start: its first line.
        nloc: lines that are not blank, comment or documentation.
        tokens: as lizard counts them.
        ccn: cyclomatic complexity.
        cognitive: cognitive complexity; None where no tool was asked.
        nesting: the deepest level of blocks in its body.
        awaits: points at which other code may run.
        writes: names of fields that it assigns or whose contents it changes; None where that can't be
            seen.
        primitives: uses of primitives of concurrency, by their kind.
    """

    file: str
    name: str
    nth: int = 0
    start: int
    nloc: int
    tokens: int
    ccn: int
    cognitive: int | None
    nesting: int
    awaits: int
    writes: tuple[str, ...] | None
    primitives: dict[str, int]


class Total(Struct, frozen=True, kw_only=True):
    """The sums of a set of functions; what is None was not measured for all of them."""

    functions: int
    nloc: int
    tokens: int
    ccn: int
    ccn_max: int
    hard: int
    cognitive: int | None
    cognitive_max: int | None
    nesting_max: int
    awaits: int
    writes: int | None
    primitives: dict[str, int]


def total(functions: Iterable[Measured]) -> Total:
    """Their sums; the sums of no functions are 0."""
    rows = list(functions)
    cognitive = [row.cognitive for row in rows if row.cognitive is not None]
    known = len(cognitive) == len(rows)
    return Total(
        functions=len(rows),
        nloc=sum(row.nloc for row in rows),
        tokens=sum(row.tokens for row in rows),
        ccn=sum(row.ccn for row in rows),
        ccn_max=max((row.ccn for row in rows), default=0),
        hard=sum(row.ccn > HARD for row in rows),
        cognitive=sum(cognitive) if known else None,
        cognitive_max=max(cognitive, default=0) if known else None,
        nesting_max=max((row.nesting for row in rows), default=0),
        awaits=sum(row.awaits for row in rows),
        writes=_fields(rows),
        primitives=_primitives(rows),
    )


def _fields(rows: list[Measured]) -> int | None:
    """How many names of fields are written after their objects were made."""
    if any(row.writes is None for row in rows):
        return None
    fields = {
        field for row in rows if not row.name.endswith("__init__") for field in row.writes or ()
    }
    return len(fields)


def _primitives(rows: list[Measured]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(row.primitives)
    return dict(sorted(counts.items()))
