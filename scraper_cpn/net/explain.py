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
from scraper_cpn.net.marking import Lack, Marking, Standing, one_key
from scraper_cpn.net.places import Counter, KeySet, Place
from scraper_cpn.net.sound import occupancy

Keys = dict[str, Hashable]
Missing = tuple[str, int | None]
"""What is missing, and from when on that may be different."""


def lacks(net: Net, marking: Marking, serial: int, now_ns: int) -> list[Lack]:
    """What each transition that could take the token lacks at *now_ns*, in the order they are tried.

    A transition that lacks nothing has one entry that says so. A token that is reserved by a firing
    or was set aside has one entry that says so.

    Raises:
        NetError: the marking has no token with this serial.
    """
    token = next((token for token in marking.tokens if token.serial == serial), None)
    if token is None:
        return [_elsewhere(net, marking, serial)]
    found: list[Lack] = []
    for transition in plan.ordered(net):
        number = plan.bound_at(transition, net.places[token.place])
        if number is not None:
            reasons = list(_reasons(net, marking, transition, number, token, now_ns))
            found += [
                Lack(transition.name, *reason) for reason in reasons or [_nothing(transition)]
            ]
    return found


def _elsewhere(net: Net, marking: Marking, serial: int) -> Lack:
    """Where a token is that stands in no place."""
    for flying in marking.flights:
        if any(isinstance(bound, Standing) and bound.serial == serial for bound in flying.inputs):
            return Lack(flying.transition, f"it is reserved by firing {flying.id}", None)
    for fault in marking.faulted:
        if fault.serial == serial:
            return Lack("", f"it was set aside in {fault.place}: {fault.error}", None)
    raise NetError(f"net {net.name}: has no token {serial}; it was taken, or never there")


def _nothing(transition: Transition) -> Missing:
    if transition.scan is not None:
        return (
            f"lacks nothing, unless {transition.scan.name} refuses it; other tokens go first",
            None,
        )
    return "lacks nothing; other tokens go first", None


def _reasons(
    net: Net, marking: Marking, transition: Transition, number: int, token: Standing, now_ns: int
) -> Iterator[Missing]:
    reason = _unfit(transition.arcs[number], token, now_ns)
    if reason is not None:
        yield reason
    names = plan.arc_keys(transition)
    known = {name: getattr(token.colour, name) for name in names[number]}
    for other, arc in enumerate(transition.arcs):
        keys = {name: known[name] for name in names[other] if name in known}
        whole = len(keys) == len(names[other])
        missing = _missing(marking, arc, keys, now_ns, whole=whole) if other != number else None
        if missing is not None:
            yield missing
    for name, needed in plan.slots(transition).items():
        place = net.places[name]
        assert isinstance(place, Place)
        assert place.capacity is not None
        if occupancy(net, marking, place) + needed > place.capacity:
            yield f"{name} is full ({place.capacity})", None


def _unfit(arc: Arc, token: Standing, now_ns: int) -> Missing | None:
    """Why this very token can't be bound by the arc."""
    expired = token.expires_at_ns is not None and token.expires_at_ns <= now_ns
    if arc.kind == "expired":
        return None if expired else ("its time has not passed", token.expires_at_ns)
    if expired:
        return "its time has passed", None
    if token.ready_at_ns > now_ns and not arc.early:
        return f"it is not ready in {token.place}", token.ready_at_ns
    if arc.when is not None and not arc.when(token.colour):
        return f"{getattr(arc.when, '__name__', 'the guard')} is not true of it", None
    return None


def _missing(marking: Marking, arc: Arc, keys: Keys, now_ns: int, *, whole: bool) -> Missing | None:
    """What another arc lacks, given the keys that the token fixes; these may be not the *whole* key."""
    place = arc.place
    of = f" for {', '.join(str(key) for key in keys.values())}" if keys else ""
    if isinstance(place, Place) and arc.binds:
        return _no_token(_with_keys(marking, place, keys), arc, of, now_ns)
    if not whole:
        return None  # another input has a say in the key
    if isinstance(place, Counter):
        return _at_zero(marking, place, one_key(keys.values()), of)
    if isinstance(place, KeySet):
        inside = one_key(keys.values()) in marking.sets[place.name]
        text = f"{place.name} has it already" if inside else f"{place.name} lacks it"
        return None if inside == (arc.kind == "read") else (text + of, None)
    return (f"{place.name}{of} holds a token", None) if _with_keys(marking, place, keys) else None


def _with_keys(marking: Marking, place: Place[object], keys: Keys) -> list[Standing]:
    """The tokens in a place that have these keys."""
    return [
        token
        for token in marking.tokens
        if token.place == place.name
        and all(getattr(token.colour, name) == key for name, key in keys.items())
    ]


def _no_token(there: list[Standing], arc: Arc, of: str, now_ns: int) -> Missing | None:
    name = arc.place.name
    if not there:
        return f"no token in {name}{of}", None
    waits = [_unfit(arc, token, now_ns) for token in there]
    if None in waits:
        return None
    until = min((wait[1] for wait in waits if wait and wait[1] is not None), default=None)
    return f"no ready token in {name}{of}", until


def _at_zero(marking: Marking, place: Counter, key: Hashable, of: str) -> Missing | None:
    number = dict(marking.counters[place.name]).get(key, place.first(key))
    if number > 0:
        return None
    fault = place.fault(key)
    return f"{place.name}{of} is at 0" + (f": its start raised {fault}" if fault else ""), None
