"""Why a token waits: what each transition that could take it lacks, and until when.

Owns: the explanation, worked out from a saved marking, so that it is the same for both executions.
Must not know: how an execution finds its bindings.

Cost: O(tokens); it is a person's question, not a step's.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.errors import NetError
from scraper_cpn.net.marking import Lack, Marking, Standing, one_key
from scraper_cpn.net.places import AnyPlace, Counter, KeySet, Place
from scraper_cpn.net.sound import bound_by, occupancy

Keys = dict[str, Hashable]
Missing = tuple[str, int | None]
"""What is missing, and from when on that may be different."""
Lacked = tuple[str, int | None, AnyPlace | None, Hashable]
"""The same, and where and for which key it is missing."""


def lacks(net: Net, marking: Marking, serial: int, now_ns: int) -> list[Lack]:
    """Explain for each transition that could take a token what is missing at *now_ns*, in the order they are tried.

    A transition that is enabled has one entry that says so. A token that is reserved by a firing
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
            found += [Lack(transition.name, *reason) for reason in reasons]
            found += [] if reasons else [Lack(transition.name, *_nothing(transition))]
    return found


def _elsewhere(net: Net, marking: Marking, serial: int) -> Lack:
    """Explain where a token is that is in no place: reserved by a firing, or set aside."""
    for flying in marking.flights:
        if any(token.serial == serial for token in bound_by(flying)):
            waits = (
                f", which waits for attempt {flying.attempt}" if flying.due_ns is not None else ""
            )
            reason = f"it is reserved by firing {flying.id}{waits}"
            return Lack(flying.transition, reason, flying.due_ns)
    for fault in marking.faulted:
        if fault.serial == serial:
            return Lack("", f"it was set aside in {fault.place}: {fault.error}", None)
    raise NetError(f"net {net.name}: has no token {serial}; it was taken, or never there")


def _nothing(transition: Transition) -> Missing:
    if transition.manual:
        return "is enabled; it fires when it is begun by hand", None
    if transition.scan is not None:
        return (
            f"is enabled, unless {transition.scan.name} refuses it; other tokens go first",
            None,
        )
    return "is enabled; other tokens go first", None


def _reasons(
    net: Net, marking: Marking, transition: Transition, number: int, token: Standing, now_ns: int
) -> Iterator[Lacked]:
    reason = _unfit(transition.arcs[number], token, now_ns)
    if reason is not None:
        yield *reason, None, None
    names = plan.arc_keys(transition)
    known = {name: getattr(token.colour, name) for name in names[number]}
    for other, arc in enumerate(transition.arcs):
        keys = {name: known[name] for name in names[other] if name in known}
        whole = len(keys) == len(names[other])
        if other != number or arc.many:
            missing = _missing(net, marking, arc, keys, now_ns, whole=whole)
            if missing is not None:
                yield *missing, arc.place, one_key(keys.values())
    for name, needed in plan.slots(transition).items():
        place = net.places[name]
        assert isinstance(place, Place)
        assert place.capacity is not None
        if occupancy(net, marking, place) + needed > place.capacity:
            yield f"{name} is full ({place.capacity})", None, place, None


def _unfit(arc: Arc, token: Standing, now_ns: int) -> Missing | None:
    """Why this very token can't be bound by the arc."""
    expired = token.expires_at_ns is not None and token.expires_at_ns <= now_ns
    if arc.kind == "expired":
        return None if expired else ("its time has not passed", token.expires_at_ns)
    if expired:
        return "its time has passed", None
    if token.ready_at_ns > now_ns and not arc.include_waiting:
        return f"it is not ready in {token.place}", token.ready_at_ns
    if arc.when is not None and not arc.when(token.colour):
        return f"{getattr(arc.when, '__name__', 'the guard')} is not true of it", None
    return None


def _missing(
    net: Net, marking: Marking, arc: Arc, keys: Keys, now_ns: int, *, whole: bool
) -> Missing | None:
    """Explain what another arc lacks, given the keys that the token determines; they may be a part of the *whole* key."""
    place = arc.place
    of = f" for {', '.join(str(key) for key in keys.values())}" if keys else ""
    if isinstance(place, Place) and arc.binds:
        used = _with_keys(_in_use(net, marking), place, keys) if arc.include_in_use else []
        used = [token for token in used if arc.when is None or arc.when(token.colour)]
        needed = plan.amount(arc, one_key(keys.values())) if whole else arc.fewest
        there = _with_keys(marking.tokens, place, keys)
        return _too_few(there, arc, of, now_ns, needed, len(used))
    if not whole:
        return None  # another input has a say in the key
    if isinstance(place, Counter):
        return _too_low(marking, arc, place, one_key(keys.values()), of)
    if isinstance(place, KeySet):
        inside = one_key(keys.values()) in marking.sets[place.name]
        text = f"{place.name} has it already" if inside else f"{place.name} lacks it"
        return None if inside == (arc.kind == "read") else (text + of, None)
    tokens = [*marking.tokens, *(_in_use(net, marking) if arc.include_in_use else ())]
    there = [
        token for token in _with_keys(tokens, place, keys) if not arc.when or arc.when(token.colour)
    ]
    if there:
        return f"{place.name}{of} holds a token", None
    claimed = _claimed(net, marking, place, keys)
    return (f"firing {claimed} is about to put into {place.name}{of}", None) if claimed else None


def _in_use(net: Net, marking: Marking) -> list[Standing]:
    """The tokens that firings in flight have in their hands."""
    return [token for flying in marking.flights for token in plan.held(net, flying)]


def _claimed(net: Net, marking: Marking, place: Place[object], keys: Keys) -> int | None:
    """The firing that keeps the absence of these keys, if there is one."""
    for flying in marking.flights:
        transition = net.transitions[flying.transition]
        for arc, names, bound in zip(
            transition.arcs, plan.arc_keys(transition), flying.inputs, strict=True
        ):
            alike = arc.place is place and names == tuple(keys) and bound == one_key(keys.values())
            if alike and plan.claims(transition, arc):
                return flying.id
    return None


def _with_keys(tokens: Iterable[Standing], place: Place[object], keys: Keys) -> list[Standing]:
    """The tokens in a place that have these keys."""
    return [
        token
        for token in tokens
        if token.place == place.name
        and all(getattr(token.colour, name) == key for name, key in keys.items())
    ]


def _too_few(
    there: list[Standing], arc: Arc, of: str, now_ns: int, needed: int | None, used: int
) -> Missing | None:
    """What is missing of the tokens that an arc needs, beside those in use that it sees."""
    name = arc.place.name
    if needed is None:
        return f"the count of {arc}{of} is no number from 1 up", None
    waits = [_unfit(arc, token, now_ns) for token in there]
    ready = waits.count(None) + used
    if ready >= needed:
        return None
    if not there and not used:
        return f"no token in {name}{of}", None
    times = sorted(wait[1] for wait in waits if wait and wait[1] is not None)
    short = needed - ready
    until = times[short - 1] if len(times) >= short else None
    if needed == 1:
        return f"no ready token in {name}{of}", until
    return f"{ready} ready of {needed} tokens in {name}{of}", until


def _too_low(marking: Marking, arc: Arc, place: Counter, key: Hashable, of: str) -> Missing | None:
    number = dict(marking.counters[place.name]).get(key, place.first(key))
    needed = plan.amount(arc, key)
    if needed is None:
        return f"the count of {arc}{of} is no number from 1 up", None
    if number >= needed:
        return None
    fault = place.fault(key)
    text = f"{place.name}{of} is at {number}" + (f" of {needed}" if needed > 1 else "")
    return text + (f": its start raised {fault}" if fault else ""), None
