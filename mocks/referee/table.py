"""A verdict as people and as programs read it.

Owns: words and columns.
Must not know: how it was found.
"""

from typing import Any

import msgspec

from mocks.referee.expect import GUARANTEES, MILLISECOND, SECOND, Verdict, Violation

SHOWN = 20
"""Violations that are printed one by one."""
_HEADER_LINES = 1


def table(verdict: Verdict) -> str:
    """The verdict as a table, and the first violations with their lines in the log's file."""
    rows = [
        f"{name}  {meaning:<70} {verdict.count(name) or 'ok':>6}"
        for name, meaning in GUARANTEES.items()
    ]
    found = [_line(violation) for violation in verdict.violations[:SHOWN]]
    more = len(verdict.violations) - SHOWN
    if more > 0:
        found.append(f"... and {more} more")
    return "\n".join([*rows, *_summary(verdict), *found])


def _summary(verdict: Verdict) -> list[str]:
    actual_s, least_s = verdict.actual_ns / SECOND, verdict.least_time_ns / SECOND
    tolerance_ms, reaction_ms = (
        verdict.tolerance_ns / MILLISECOND,
        verdict.reaction_ns / MILLISECOND,
    )
    return [
        f"not visible on the wire: {', '.join(verdict.not_judged)}",
        f"{verdict.requests} requests, {verdict.pages} pages in {actual_s:.3f} s",
        f"politeness allowed them in {least_s:.3f} s at least, because of {verdict.bound}",
        f"utilisation {100 * verdict.utilisation:.1f} %",
        f"tolerance {tolerance_ms:g} ms, reaction {reaction_ms:g} ms",
    ]


def _line(violation: Violation) -> str:
    numbers = ", ".join(str(line + 1 + _HEADER_LINES) for line in violation.lines)
    where = f" (line {numbers})" if numbers else ""
    return f"{violation.guarantee} {violation.kind}: {violation.message}{where}"


def as_json(verdict: Verdict) -> bytes:
    """The verdict with every field, and `counts` and `utilisation` beside them, on one line.

    `lines` of a violation are positions among the requests, from 0.
    """
    data: dict[str, Any] = msgspec.to_builtins(verdict)
    data["utilisation"] = verdict.utilisation
    data["counts"] = {name: verdict.count(name) for name in GUARANTEES}
    return msgspec.json.encode(data)
