"""A net drawn: as text, as DOT, as Mermaid, as SVG.

Owns: the forms in which a declared net is shown. Reads the same declaration that is executed, so that a
picture can't be out of date. Must not know: any particular net.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

from scraper_cpn.net import Counter, KeySet, Net, Place, Sink, Transition
from scraper_cpn.net.arcs import Arc, Output

AnyPlace = Place[object] | Counter | KeySet[object]
ARROWS = {
    "take": "",
    "expired": "expired",
    "spend": "spend",
    "hold": "hold",
    "read": "read",
    "absent": "absent",
}


class NoGraphviz(Exception):  # noqa: N818  (named after what it says)
    """SVG needs graphviz's `dot`, which is not installed."""


def text(net: Net) -> str:
    """The net as lines for people: places with their properties, then transitions with their arcs."""
    width = max(map(len, net.places), default=0)
    lines = [f"net {net.name}", "", "places"]
    lines += [f"  {name:<{width}}  {_describe(place)}" for name, place in net.places.items()]
    lines += ["", "transitions, in the order in which they are tried"]
    for transition in sorted(net.transitions.values(), key=lambda transition: transition.priority):
        lines += _transition_text(transition)
    return "\n".join(lines) + "\n"


def _transition_text(transition: Transition) -> Iterator[str]:
    work = transition.effect or transition.choice
    kind = (
        f"  effect {work.name}"
        if transition.effect and work
        else f"  choice {work.name}"
        if work
        else ""
    )
    yield f"  {transition.name}{kind}"
    yield f"    takes  {', '.join(map(_arc_text, transition.arcs))}"
    for case in transition.outcomes:
        outputs = ", ".join(map(_output_text, case.outputs)) or "nothing"
        label = f"{case.outcome.__name__} -> " if work else ""
        yield f"    puts   {label}{outputs}"


def _arc_text(arc: Arc) -> str:
    name = arc.place.name if arc.kind == "take" else f"{arc.kind}({arc.place.name})"
    return f"{name} early" if arc.early else name


def _output_text(output: Output) -> str:
    if output.kind == "consume":
        return f"consumes {output.place.name}"
    new = f" if new in {output.seen.name}" if output.seen else ""
    return f"{output.place.name}{new}"


def _describe(place: AnyPlace) -> str:
    """What a place holds and how, in one line."""
    key = f" by {' and '.join(place.keys)}" if place.keys else ""
    if isinstance(place, Counter):
        start = "as a function says" if callable(place.start) else f"at {_number(place.start)}"
        return f"counter{key}, starts {start}"
    if isinstance(place, KeySet):
        return f"set of {place.colour.__name__}{key}"
    if isinstance(place, Sink):
        return f"sink of {place.colour.__name__}"
    parts = [f"{place.colour.__name__}{key}"]
    parts += [f"lowest {', '.join(place.order)} first"] if place.order else []
    parts += [f"at most {place.capacity}"] if place.capacity is not None else []
    flags = {
        "timed": place.timed,
        "expires": place.expires,
        "filled from outside": place.source,
        "work": place.work,
    }
    parts += [name for name, yes in flags.items() if yes]
    return ", ".join(parts)


def _number(start: int) -> str:
    return "no end" if start >= 1 << 62 else str(start)


def mermaid(net: Net) -> str:
    """The net as a Mermaid flowchart: round places, square transitions; permits are dotted."""
    lines = ["flowchart LR"]
    for name, place in net.places.items():
        left, right = (
            ("[(", ")]")
            if isinstance(place, Sink | KeySet)
            else ("{{", "}}")
            if isinstance(place, Counter)
            else ("([", "])")
        )
        lines.append(f"  {name}{left}{name}{right}")
    for transition in net.transitions.values():
        lines.append(f"  t_{transition.name}[{transition.name}]")
        for source, target, label, dotted in _edges(transition):
            arrow = "-.->" if dotted else "-->"
            lines.append(f"  {source} {arrow}{f'|{label}|' if label else ''} {target}")
    lines.append("  classDef transition fill:#2d5b8a,color:#fff,stroke:#1b3a59")
    lines.append(f"  class {','.join(f't_{name}' for name in net.transitions)} transition")
    return "\n".join(lines) + "\n"


def dot(net: Net) -> str:
    """The net as a DOT graph, for graphviz."""
    lines = [f'digraph "{net.name}" {{', '  rankdir=LR; node [fontname="Helvetica", fontsize=11];']
    lines.append('  edge [fontname="Helvetica", fontsize=9];')
    for name, place in net.places.items():
        shape = (
            "cylinder"
            if isinstance(place, Sink | KeySet)
            else "hexagon"
            if isinstance(place, Counter)
            else "ellipse"
        )
        lines.append(f'  "{name}" [shape={shape}];')
    for transition in net.transitions.values():
        style = "shape=box, style=filled, fillcolor=steelblue4, fontcolor=white"
        lines.append(f'  "t_{transition.name}" [label="{transition.name}", {style}];')
        for source, target, label, dotted in _edges(transition):
            style = ', style=dashed, color="gray50"' if dotted else ""
            lines.append(f'  "{source}" -> "{target}" [label="{label}"{style}];')
    return "\n".join([*lines, "}"]) + "\n"


def svg(net: Net) -> str:
    """The net as SVG.

    Raises:
        NoGraphviz: `dot` is not installed.
    """
    program = shutil.which("dot")
    if program is None:
        raise NoGraphviz
    done = subprocess.run(  # noqa: S603  (the program is graphviz, the input our own)
        [program, "-Tsvg"], input=dot(net), capture_output=True, text=True, check=True
    )
    return done.stdout


def _edges(transition: Transition) -> Iterator[tuple[str, str, str, bool]]:
    """The arrows of a transition, each once: from, to, label, whether it only permits."""
    node = f"t_{transition.name}"
    for arc in transition.arcs:
        permit = arc.kind in {"hold", "spend", "read", "absent"}
        yield arc.place.name, node, ARROWS[arc.kind], permit
    if transition.during is not None:
        yield node, transition.during.name, "during", True
    labels: dict[str, list[str]] = {}
    for case in transition.outcomes:
        for output in case.outputs:
            if output.kind != "consume":
                labels.setdefault(output.place.name, []).append(case.outcome.__name__)
    named = transition.effect is not None or transition.choice is not None
    yield from _set_edges(transition)
    for place, outcomes in labels.items():
        yield node, place, ", ".join(dict.fromkeys(outcomes)) if named else "", False


def _set_edges(transition: Transition) -> Iterator[tuple[str, str, str, bool]]:
    """An arrow from each set that says what is new to a transition."""
    outputs = [output for case in transition.outcomes for output in case.outputs]
    for name in dict.fromkeys(output.seen.name for output in outputs if output.seen is not None):
        yield name, f"t_{transition.name}", "new", True
