"""What a proof says: verdicts, and the report that lists them.

Owns: `Verdict` and `Report`, and how they are shown.
Must not know: how anything is proved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["proved", "refuted", "not proved", "gave up"]


@dataclass(frozen=True)
class Verdict:
    """What is known of one property.

    Attributes:
        claim: the property, in words.
        status: `proved` and `refuted` are certain. `refuted` has been replayed on a kernel. `not proved`:
            the question stays open, and `why` says what is missing. `gave up`: a limit was reached.
        scope: for what it holds: all sizes, or an instance.
        how: by structure or by exploration, and what the abstraction drops.
        assumes: what it rests on beside the net itself.
        states: that were explored for it; 0 for a proof by structure.
        seconds: of processor time.
        why: what is open or was found, in one line.
        story: the way to the mistake, a line for each event.
        calls: the same as calls of a kernel, which replay it.
    """

    claim: str
    status: Status
    scope: str = ""
    how: str = ""
    assumes: tuple[str, ...] = ()
    states: int = 0
    seconds: float = 0.0
    why: str = ""
    story: tuple[str, ...] = ()
    calls: tuple[tuple[Any, ...], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it is proved."""
        return self.status == "proved"


@dataclass(frozen=True)
class Report:
    """The verdicts on one net.

    Attributes:
        abstraction: what was left out of the exploration, and why that is sound.
    """

    net: str
    verdicts: tuple[Verdict, ...]
    abstraction: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything asked is proved."""
        return all(verdict.ok for verdict in self.verdicts)

    def __str__(self) -> str:
        """A table, and below it what is not proved and what the proofs rest on."""
        rows = [("claim", "verdict", "for", "states", "seconds")]
        rows += [
            (v.claim, v.status, v.scope, f"{v.states:,}" if v.states else "-", f"{v.seconds:.2f}")
            for v in self.verdicts
        ]
        lines = [*_table(rows)]
        for status in ("refuted", "not proved", "gave up"):
            lines += _open([verdict for verdict in self.verdicts if verdict.status == status])
        assumed = dict.fromkeys(line for verdict in self.verdicts for line in verdict.assumes)
        if assumed:
            lines += ["", "This rests on:", *(f"  - {line}" for line in assumed)]
        return "\n".join(lines)


def _open(verdicts: Sequence[Verdict]) -> list[str]:
    """Verdicts without a proof, grouped by reason."""
    lines: list[str] = []
    for reasons in dict.fromkeys(tuple(_reasons(verdict)) for verdict in verdicts):
        alike = [verdict for verdict in verdicts if tuple(_reasons(verdict)) == reasons]
        lines += ["", *(f"{verdict.status}: {verdict.claim}" for verdict in alike), *reasons]
    return lines


def _reasons(verdict: Verdict) -> list[str]:
    lines = [f"  {verdict.why}"] if verdict.why else []
    return lines + [f"  {line}" for line in verdict.story]


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]
