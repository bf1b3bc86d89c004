"""Why a token waits: what each transition that could take it lacks, and until when.

Owns: the explanation, worked out from a saved marking, so that it is the same for both executions.
Must not know: how an execution finds its bindings.

Cost: O(tokens); it is a person's question, not a step's.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.errors import NetError
from scraper_cpn.net.marking import Lack, Marking, Standing
from scraper_cpn.net.places import Counter, KeySet, Place


def lacks(net: Net, marking: Marking, serial: int, now_ns: int) -> list[Lack]:
    """What each transition that could take the token lacks at *now_ns*, in the order they are tried.

    A transition that lacks nothing has one entry that says so: other bindings go first.

    Raises:
        NetError: no token in a place has this serial.
    """
    token = next((token for token in marking.tokens if token.serial == serial), None)
    if token is None:
        raise NetError(
            f"net {net.name}: no token {serial} is in a place; it was taken, or is reserved by a firing"
        )
    found: list[Lack] = []
    for transition in plan.ordered(net):
        number = plan.bound_at(transition, net.places[token.place])
        if number is not None:
            reasons = list(_reasons(net, marking, transition, number, token, now_ns))
            found += reasons or [
                Lack(transition.name, "lacks nothing; other tokens go first", None)
            ]
    return found


def _reasons(
    net: Net, marking: Marking, transition: Transition, number: int, token: Standing, now_ns: int
) -> Iterator[Lack]:
    reason = _unfit(transition.arcs[number], token, now_ns)
    if reason is not None:
        yield Lack(transition.name, *reason)
    names = plan.arc_keys(transition)
    known = {name: getattr(token.colour, name) for name in names[number]}
    for other, arc in enumerate(transition.arcs):
        if other != number:
            keys = {name: known[name] for name in names[other] if name in known}
            missing = _missing(net, marking, arc, keys, now_ns)
            if missing is not None:
                yield Lack(transition.name, *missing)
    for name, needed in plan.slots(transition).items():
        place = net.places[name]
        assert isinstance(place, Place)
        if place.capacity is not None and _occupied(net, marking, place) + needed > place.capacity:
            yield Lack(transition.name, f"{name} is full ({place.capacity})", None)


def _unfit(arc: Arc, token: Standing, now_ns: int) -> tuple[str, int | None] | None:
    """Why this very token can't be bound by the arc."""
    expired = token.expires_at_ns is not None and token.expires_at_ns <= now_ns
    if arc.kind == "expired":
        return None if expired else ("its time has not passed", token.expires_at_ns)
    if expired:
        return ("its time has passed", None)
    if token.ready_at_ns > now_ns and not arc.early:
        return (f"it is not ready in {token.place}", token.ready_at_ns)
    if arc.when is not None and not arc.when(token.colour):
        return (f"{getattr(arc.when, '__name__', 'the guard')} is not true of it", None)
    return None


def _missing(
    net: Net, marking: Marking, arc: Arc, keys: dict[str, Hashable], now_ns: int
) -> tuple[str, int | None] | None:
    """What another arc of the transition lacks, given the keys that the token fixes."""
    place = arc.place
    of = f" for {', '.join(str(key) for key in keys.values())}" if keys else ""
    if isinstance(place, Counter):
        if len(keys) < len(place.keys):
            return None
        key = (
            next(iter(keys.values())) if len(keys) == 1 else tuple(keys.values()) if keys else None
        )
        number = dict(marking.counters[place.name]).get(key, place.first(key))
        return None if number > 0 else (f"{place.name}{of} is at 0", None)
    if isinstance(place, KeySet):
        inside = tuple(keys.values())[0] in marking.sets[place.name] if len(keys) == 1 else False
        return (
            None
            if inside == (arc.kind == "read")
            else (f"{place.name}{of} decides against it", None)
        )
    there = [
        token
        for token in marking.tokens
        if token.place == place.name
        and all(getattr(token.colour, name) == key for name, key in keys.items())
    ]
    if arc.kind == "absent":
        return (f"{place.name}{of} holds a token", None) if there else None
    waits = [(_unfit(arc, token, now_ns), token) for token in there]
    if any(unfit is None for unfit, _ in waits):
        return None
    until = min((unfit[1] for unfit, _ in waits if unfit and unfit[1] is not None), default=None)
    return (
        f"no ready token in {place.name}{of}" if there else f"no token in {place.name}{of}",
        until,
    )


def _occupied(net: Net, marking: Marking, place: Place[object]) -> int:
    occupied = sum(token.place == place.name for token in marking.tokens)
    for flight in marking.flights:
        transition = net.transitions[flight.transition]
        occupied += plan.slots(transition).get(place.name, 0)
        for arc in transition.arcs:
            if arc.place is place and arc.kind in {"take", "hold", "expired"}:
                occupied += 1
            elif arc.place is place and arc.kind == "spend":
                occupied += not flight.started
    return occupied
