"""A picture of a small state space, for Graphviz.

Owns: `space_dot`.
Must not know: how a net is explored, what is to be proved.
"""

from __future__ import annotations

from scraper_cpn.analysis.instance import AnalysisError
from scraper_cpn.analysis.plain import Atom
from scraper_cpn.analysis.space import Space
from scraper_cpn.analysis.story import describe_token

STATES_MAX = 500


def space_dot(space: Space) -> str:
    """The states that were reached, and the events between them, in the language of Graphviz.

    The first state has a double border, a dead one is red. Each lists its tokens, numbers and firings.

    Raises:
        AnalysisError: there are more than `STATES_MAX` states, which no picture shows.
    """
    if space.states > STATES_MAX:
        raise AnalysisError(
            f"net {space.plain.name}: {space.states:,} states are too many to draw; at most {STATES_MAX}"
        )
    numbers = {state: number for number, state in enumerate(space.parents)}
    lines = [f"digraph {_quoted(space.plain.name)} {{", "  node [shape=box];"]
    for state, number in numbers.items():
        marks = [f"label={_quoted(_marking_text(space, state))}"]
        marks += ["peripheries=2"] * (state == space.first) + ["color=red"] * (state in space.dead)
        lines.append(f"  s{number} [{', '.join(marks)}];")
        for event, after in space.successors(state):
            label = _quoted(f"{event.kind} {event.name}")
            lines.append(f"  s{number} -> s{numbers[after]} [label={label}];")
    return "\n".join([*lines, "}"]) + "\n"


def _marking_text(space: Space, state: int) -> str:
    atoms = space.plain.atoms
    shown = (
        f"{_atom(atoms[number])}{f' x{count}' if count > 1 else ''}"
        for number, count in space.numbers(state).items()
        if atoms[number].kind in {"token", "number", "key", "flight", "outside"}
    )
    return "\n".join(shown)


def _atom(atom: Atom) -> str:
    if atom.kind == "flight":
        return f"{atom.name} in flight{', started' if atom.runs else ''}"
    return atom.name if atom.value is None else f"{atom.name}: {describe_token(atom.value)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
