"""What a random net has, for counting."""

from __future__ import annotations

from scraper_cpn.net import plan
from tests.net.building import Built
from tests.net.specs import OutputSpec, PlaceSpec, TransitionSpec


def features(built: Built) -> set[str]:
    """The features of a net that its spec uses, by name."""
    found: set[str] = set()
    for place in built.spec.places:
        found |= _place_features(place)
    for transition in built.spec.transitions:
        found |= _transition_features(built, transition)
    return found


def _place_features(spec: PlaceSpec) -> set[str]:
    if spec.kind == "counter":
        kind = ("lazy" if spec.lazy else "keyed") if spec.keys else "plain"
        return {f"counter {kind}", *(["budget"] if spec.budget else [])}
    has = {
        "two keys": len(spec.keys) > 1,
        "order": bool(spec.order),
        "capacity": spec.capacity is not None,
        "timed": spec.timed,
        "expires": spec.expires,
        "work": spec.work,
        "budget": spec.budget,
        f"paged {spec.kind}": spec.paged,
        spec.kind: True,
    }
    return {name for name, use in has.items() if use}


def _transition_features(built: Built, spec: TransitionSpec) -> set[str]:
    places = {place.name: place for place in built.spec.places}
    found = {spec.kind, *_join_features(built, spec)}
    found |= {"during"} if spec.during else set()
    found |= {"scan"} if spec.scan is not None else set()
    found |= {"deadline"} if spec.deadline is not None else set()
    found |= {"priority"} if spec.priority else set()
    for arc in spec.arcs:
        kind = places[arc.place].kind
        found |= {f"{arc.kind} {kind}"}
        found |= {f"{arc.kind} paged {kind}"} if places[arc.place].paged else set()
        found |= {"early"} if arc.early else set()
        found |= {"when"} if arc.when is not None else set()
        found |= {"change"} if arc.change is not None else set()
        found |= {"change to none"} if arc.change is not None and arc.change % 4 == 1 else set()
        found |= {"after function"} if isinstance(arc.after, tuple) else set()
        found |= {"after constant"} if arc.kind == "spend" and arc.after else set()
    inputs = {arc.place for arc in spec.arcs}
    for case in spec.cases:
        for output in case:
            found |= _output_features(output)
            own = {name for name in output.sources if name in places} <= inputs
            found |= set() if own else {"put_new of what is new"}
    return found


def _output_features(output: OutputSpec) -> set[str]:
    found = {"consume"} if output.kind == "consume" else set()
    found |= {"put_new"} if output.seen else set()
    found |= {"lasts"} if output.lasts is not None else set()
    found |= {"after function"} if isinstance(output.after, tuple) else set()
    found |= {"moves"} if output.kind == "put" and output.make is None else set()
    if output.make is not None:
        makes = {4: "makes raise", 3: "makes none", 5: "makes several"}
        found |= {text for divisor, text in makes.items() if output.make % divisor == 0}
    return found


def _join_features(built: Built, spec: TransitionSpec) -> set[str]:
    transition = built.net.transitions[spec.name]
    found = set()
    for group in plan.groups(transition):
        if len(group.arcs) > 1:
            found.add("join")
            keys = plan.arc_keys(transition)
            found |= {"join on two keys"} if len(group.keys) > 1 else set()
            found |= (
                {"satellite"} if any(len(keys[a]) < len(group.keys) for a in group.arcs) else set()
            )
    found |= {"independent inputs"} if len(plan.groups(transition)) > 1 else set()
    return found
