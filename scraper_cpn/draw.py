"""Drawing a net as text, DOT, Mermaid or SVG, with its tokens; its parts are groups that can be drawn alone.

Owns: the forms in which a declared net is shown. It reads the declaration that is executed, so that a picture
is never out of date. Must not know: any particular net.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from scraper_cpn.net import Counter, KeySet, Marking, Net, NetError, Part, Place, Sink, Transition
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.costs import costs
from scraper_cpn.net.outputs import Output
from scraper_cpn.net.partitions import described

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


@dataclass(frozen=True)
class DrawnGroup:
    """Elements that are drawn together: those of a part, or those that belong to no part."""

    name: str
    places: list[AnyPlace]
    transitions: list[Transition]


def groups_of(net: Net, part: Part | None = None) -> list[DrawnGroup]:
    """The parts of a net as groups, last the elements without a part; with *part*, only that one."""
    parts = [part] if part is not None else list(net.parts.values())
    groups = [
        DrawnGroup(each.name, list(each.places.values()), list(each.transitions.values()))
        for each in parts
    ]
    if part is None:
        places = [place for place in net.places.values() if net.part_of(place) is None]
        alone = [each for each in net.transitions.values() if net.part_of(each) is None]
        groups += [DrawnGroup("", places, alone)] if places or alone else []
    return groups


def text(net: Net, part: Part | None = None) -> str:
    """The net as lines of text: each part with its places and its transitions, or only one part.

    The transitions of a part are in the order in which they are tried; the list of all of them at the end, too.
    """
    lines = [f"net {net.name}"]
    lines += [f"divided by {net.partition}"] if net.partition is not None else []
    for group in groups_of(net, part):
        lines += ["", f"part {group.name}" if group.name else "of no part" if net.parts else ""]
        lines += _group_text(net, group)
    if part is not None:
        lines += _users(net, part)
    elif net.parts:
        order = ", ".join(each.name for each in _tried(net.transitions.values()))
        lines += ["", "transitions, in the order in which they are tried", f"  {order}"]
    slow = costs(net) if part is None else []
    lines += ["", "what is slow", *(f"  {line}" for line in slow)] if slow else []
    return "\n".join(lines) + "\n"


def _users(net: Net, part: Part) -> Iterator[str]:
    """The transitions of other parts that are connected to this one."""
    for transition in _tried(net.transitions.values()):
        if transition.name not in part.transitions:
            takes = [arc for arc in transition.arcs if arc.place.name in part.places]
            puts = [each for case in transition.outcomes for each in case.outputs]
            uses = [_arc_text(arc) for arc in takes]
            uses += [
                f"puts {_output_text(each)}" for each in puts if each.place.name in part.places
            ]
            if uses:
                yield f"  used by     {transition.name}: {', '.join(dict.fromkeys(uses))}"


def _tried(transitions: Iterable[Transition]) -> list[Transition]:
    """Transitions in the order in which they are tried."""
    return sorted(transitions, key=lambda transition: transition.priority)


def _group_text(net: Net, group: DrawnGroup) -> Iterator[str]:
    width = max((len(place.name) for place in group.places), default=0)
    for place in group.places:
        share = f", share {words}" if (words := described(net, place)) else ""
        yield f"  place       {place.name:<{width}}  {_describe(place)}{share}"
    for transition in _tried(group.transitions):
        yield from _transition_text(transition)


def _transition_text(transition: Transition) -> Iterator[str]:
    work = transition.effect or transition.choice
    kind = (
        f"  effect {work.name}"
        if transition.effect and work
        else f"  choice {work.name}"
        if work
        else ""
    )
    first = f", priority {transition.priority}" if transition.priority else ""
    by_hand = ", manual" if transition.manual else ""
    yield f"  transition  {transition.name}{kind}{first}{by_hand}"
    yield f"      takes  {', '.join(map(_arc_text, transition.arcs))}"
    for case in transition.outcomes:
        outputs = ", ".join(map(_output_text, case.outputs)) or "nothing"
        label = f"{case.outcome.__name__} -> " if work else ""
        yield f"      puts   {label}{outputs}"


def _arc_text(arc: Arc) -> str:
    count = "" if callable(arc.count) or arc.count == 1 else f", {arc.count}"
    count = ", all" if arc.all else ", by key" if callable(arc.count) else count
    named = arc.kind != "take" or count
    name = f"{arc.kind}({arc.place.name}{count})" if named else arc.place.name
    words = (("include_waiting", "even waiting ones"), ("include_in_use", "even in use"))
    return " ".join([name, *(word for field, word in words if getattr(arc, field))])


def _output_text(output: Output) -> str:
    if output.kind == "consume":
        return f"consumes {output.place.name}"
    new = f" if new in {output.seen.name}" if output.seen else ""
    return f"{output.place.name}{new}"


def _describe(place: AnyPlace) -> str:
    """Describe a place's type and properties in one line."""
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


def draw(
    net: Net,
    marking: Marking | None = None,
    form: Literal["dot", "mermaid", "svg", "text"] = "mermaid",
) -> str:
    """Draw a net, with the tokens in its places.

    Args:
        net: is drawn as declared, even if it is not valid.
        marking: the net's marking; without one, no tokens are drawn.
        form: `mermaid` (Markdown pages show it), `dot` (graphviz), `svg` (needs graphviz), or `text`.

    Raises:
        NoGraphviz: the form is SVG, and `dot` is not installed.
        NetError: there is no such form.
    """
    if form == "text":
        return text(net)
    forms = {"mermaid": mermaid, "dot": dot, "svg": svg}
    if form not in forms:
        raise NetError(
            f"net {net.name}: is not drawn as {form!r}; give one of {', '.join(forms)}, text"
        )
    return forms[form](net, marking=marking)


def _label(place: AnyPlace, held: dict[str, int]) -> str:
    """The name of a place, and its number of tokens."""
    return place.name if place.name not in held else f"{place.name}: {held[place.name]}"


def _held(net: Net, marking: Marking | None) -> dict[str, int]:
    """The number of tokens in each place that is not empty, by name."""
    if marking is None:
        return {}
    found: dict[str, int] = {}
    for token in marking.tokens:
        found[token.place] = found.get(token.place, 0) + 1
    for name, keys in marking.sets.items():
        found[name] = len(keys)
    for place in net.places.values():
        if isinstance(place, Counter) and not place.keys:
            found[place.name] = dict(marking.counters[place.name]).get(None, place.first(None))
        elif isinstance(place, Counter):
            found[place.name] = len(marking.counters[place.name])
    found |= marking.sunk
    return {name: number for name, number in found.items() if number}


def _id(name: str) -> str:
    """A name as a Mermaid identifier."""
    return re.sub(r"\W", "_", name)


def mermaid(net: Net, part: Part | None = None, *, marking: Marking | None = None) -> str:
    """The net as a Mermaid flowchart: round places, square transitions; permits are dotted.

    With *part*, only that part, and the elements elsewhere that its transitions are connected to.
    """
    lines, held = ["flowchart LR"], _held(net, marking)
    groups = groups_of(net, part)
    for group in groups:
        nodes = [_mermaid_place(place, held) for place in group.places]
        nodes += [_mermaid_transition(each) for each in group.transitions]
        if not group.name:
            lines += [f"  {node}" for node in nodes]
            continue
        lines.append(f"  subgraph part_{_id(group.name)}[{group.name}]")
        lines += [f"    {node}" for node in nodes]
        lines.append("  end")
    edges = _all_edges(net, part)
    places, transitions = _elsewhere(net, groups, edges)
    lines += [f"  {_mermaid_place(place, held)}" for place in places]
    lines += [f"  {_mermaid_transition(each)}" for each in transitions]
    for source, target, label, dotted in edges:
        arrow = "-.->" if dotted else "-->"
        lines.append(f"  {_id(source)} {arrow}{f'|{label}|' if label else ''} {_id(target)}")
    names = [_id(f"t_{each.name}") for group in groups for each in group.transitions]
    if names:
        lines.append("  classDef transition fill:#2d5b8a,color:#fff,stroke:#1b3a59")
        lines.append(f"  class {','.join(names)} transition")
    return "\n".join(lines) + "\n"


def _mermaid_transition(transition: Transition) -> str:
    return f"{_id(f't_{transition.name}')}[{transition.name}]"


def _mermaid_place(place: AnyPlace, held: dict[str, int]) -> str:
    left, right = {"cylinder": ("[(", ")]"), "hexagon": ("{{", "}}"), "ellipse": ("([", "])")}[
        _shape(place)
    ]
    return f"{_id(place.name)}{left}{_label(place, held)}{right}"


def dot(net: Net, part: Part | None = None, *, marking: Marking | None = None) -> str:
    """The net as a DOT graph, for graphviz; with *part*, only that part and the elements connected to it."""
    lines = [f'digraph "{net.name}" {{', '  rankdir=LR; node [fontname="Helvetica", fontsize=11];']
    lines.append('  edge [fontname="Helvetica", fontsize=9];')
    held = _held(net, marking)
    groups = groups_of(net, part)
    for group in groups:
        nodes = [
            f'"{each.name}" [shape={_shape(each)}{_dot_label(each, held)}];'
            for each in group.places
        ]
        nodes += [_dot_transition(each) for each in group.transitions]
        if not group.name:
            lines += [f"  {node}" for node in nodes]
            continue
        lines.append(f'  subgraph "cluster_{group.name}" {{')
        lines.append(f'    label="{group.name}"; fontname="Helvetica"; color="gray70";')
        lines += [f"    {node}" for node in nodes]
        lines.append("  }")
    edges = _all_edges(net, part)
    places, transitions = _elsewhere(net, groups, edges)
    for place in places:
        lines.append(f'  "{place.name}" [shape={_shape(place)}, style=dashed, color="gray50"];')
    for each in transitions:
        style = 'shape=box, style=dashed, color="gray50"'
        lines.append(f'  "t_{each.name}" [label="{each.name}", {style}];')
    for source, target, label, dotted in edges:
        style = ', style=dashed, color="gray50"' if dotted else ""
        lines.append(f'  "{source}" -> "{target}" [label="{label}"{style}];')
    return "\n".join([*lines, "}"]) + "\n"


def _dot_label(place: AnyPlace, held: dict[str, int]) -> str:
    return f', label="{_label(place, held)}"' if place.name in held else ""


def _dot_transition(transition: Transition) -> str:
    style = "shape=box, style=filled, fillcolor=steelblue4, fontcolor=white"
    return f'"t_{transition.name}" [label="{transition.name}", {style}];'


def _shape(place: AnyPlace) -> str:
    if isinstance(place, Sink | KeySet):
        return "cylinder"
    return "hexagon" if isinstance(place, Counter) else "ellipse"


Draw = Callable[..., str]
"""Draws a net, or one part of it."""

Edge = tuple[str, str, str, bool]
"""An arrow: from, to, label, whether it only permits."""


def _all_edges(net: Net, part: Part | None) -> list[Edge]:
    """The arrows of a net; with *part*, those that begin or end there."""
    edges = [edge for transition in net.transitions.values() for edge in _edges(transition)]
    if part is None:
        return edges
    own = part.places.keys() | {f"t_{name}" for name in part.transitions}
    return [edge for edge in edges if own & set(edge[:2])]


def _elsewhere(
    net: Net, groups: list[DrawnGroup], edges: list[Edge]
) -> tuple[list[AnyPlace], list[Transition]]:
    """The places and transitions at the ends of arrows that are in no group."""
    ends = dict.fromkeys(name for edge in edges for name in edge[:2])
    here = {place.name for group in groups for place in group.places}
    ours = {each.name for group in groups for each in group.transitions}
    places = [net.places[name] for name in ends if name in net.places and name not in here]
    names = [name.removeprefix("t_") for name in ends if name not in net.places]
    return places, [net.transitions[name] for name in names if name not in ours]


def svg(net: Net, part: Part | None = None, *, marking: Marking | None = None) -> str:
    """The net as SVG, or one part of it.

    Raises:
        NoGraphviz: `dot` is not installed.
    """
    program = shutil.which("dot")
    if program is None:
        raise NoGraphviz(
            "SVG needs graphviz's dot, which is not installed: install graphviz, or draw mermaid or dot"
        )
    done = subprocess.run(  # noqa: S603  (the program is graphviz, the input our own)
        [program, "-Tsvg"],
        input=dot(net, part, marking=marking),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _edges(transition: Transition) -> Iterator[Edge]:
    """The arrows of a transition, each once."""
    node = f"t_{transition.name}"
    for arc in transition.arcs:
        permit = arc.kind in {"hold", "spend", "read", "absent"}
        yield arc.place.name, node, ARROWS[arc.kind], permit
    for shown, _ in transition.shows:
        yield node, shown.name, "during", True
    labels: dict[str, list[str]] = {}
    for case in transition.outcomes:
        for output in case.outputs:
            if output.kind != "consume":
                labels.setdefault(output.place.name, []).append(case.outcome.__name__)
    named = transition.effect is not None or transition.choice is not None
    yield from _set_edges(transition)
    for place, outcomes in labels.items():
        yield node, place, ", ".join(dict.fromkeys(outcomes)) if named else "", False


def _set_edges(transition: Transition) -> Iterator[Edge]:
    """An arrow from each set by which a transition recognises new tokens."""
    outputs = [output for case in transition.outcomes for output in case.outputs]
    for name in dict.fromkeys(output.seen.name for output in outputs if output.seen is not None):
        yield name, f"t_{transition.name}", "new", True
