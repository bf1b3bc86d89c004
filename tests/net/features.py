"""What a random net has, for counting."""

from __future__ import annotations

from scraper_cpn.net import plan
from tests.net.building import Built
from tests.net.specs import ArcSpec, OutputSpec, PlaceSpec, TransitionSpec


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
        "by time": spec.paged and spec.timed,
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
        by_time = places[arc.place].paged and places[arc.place].timed
        found |= {f"{arc.kind} by time"} if by_time else set()
        found |= {"include_waiting"} if arc.early else set()
        found |= {"when"} if arc.when is not None else set()
        found |= _wide_features(arc, kind)
        found |= {"change"} if arc.change is not None else set()
        found |= {"change to none"} if arc.change is not None and arc.change % 4 == 1 else set()
        found |= {"after function"} if isinstance(arc.after, tuple) else set()
        found |= {"after constant"} if arc.kind == "spend" and arc.after else set()
    inputs = {arc.place for arc in spec.arcs}
    transition = built.net.transitions[spec.name]
    bound = [arc.place for arc in transition.arcs if arc.binds]
    found |= {"two arcs on a place"} if len(bound) > len(set(bound)) else set()
    found |= {"numbers alone"} if not bound else set()
    found |= {"join declared"} if spec.join is not None else set()
    found |= {"shows two"} if len(transition.shows) > 1 else set()
    found |= {f"manual {spec.kind}", "manual"} if spec.manual else set()
    found |= {"attempts"} if spec.attempts > 1 else set()
    found |= {"claim"} if any(plan.claims(transition, arc) for arc in transition.arcs) else set()
    for case in spec.cases:
        for output in case:
            found |= _output_features(output)
            if places[output.place].kind == "counter" and output.kind == "put":
                found |= {"count up by key"} if places[output.place].keys else set()
                found |= {"count up by two"} if output.count > 1 else set()
            own = {name for name in output.sources if name in places} <= inputs
            found |= set() if own else {"put_new of what is new"}
    return found


def _wide_features(arc: ArcSpec, kind: str) -> set[str]:
    """What an arc has beyond binding one token."""
    has = {
        f"{arc.kind} count {kind}": arc.count == 2 and not arc.all,
        f"{arc.kind} count by key": isinstance(arc.count, tuple),
        "take all": arc.all,
        "take all or none": arc.all and arc.count == 0,
        f"{arc.kind} when": arc.when is not None,
        f"{arc.kind} in use": arc.in_use,
    }
    return {name for name, use in has.items() if use}


def _output_features(output: OutputSpec) -> set[str]:
    found = {output.kind} & {"consume", "remove"}
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
