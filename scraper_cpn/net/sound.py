"""Whether a marking can be one of a net.

Owns: the rules that every marking of a net keeps, whichever execution made it. A marking from
outside that breaks one is refused when it is loaded; one that a kernel made is a bug of ours.
Must not know: how an execution keeps its tokens.

Cost: O(tokens); for loading and for tests.
"""

from __future__ import annotations

from collections.abc import Iterator

from scraper_cpn.net import plan
from scraper_cpn.net.declare import Net
from scraper_cpn.net.errors import KernelBug, NetError
from scraper_cpn.net.marking import Flying, Marking, Standing
from scraper_cpn.net.places import Counter, KeySet, Place, Sink


def refuse_misfit(net: Net, marking: Marking) -> None:
    """Raise `NetError` with all that keeps *marking* from being loaded into *net*."""
    problems = [f"net {net.name}, marking: {text}" for text in misfits(net, marking)]
    if problems:
        raise NetError(*problems)


def assert_sound(net: Net, marking: Marking) -> None:
    """Raise `KernelBug` if a marking that a kernel of *net* made breaks a rule."""
    problems = list(misfits(net, marking))
    if problems:
        raise KernelBug(f"net {net.name} at {marking.now_ns} ns: {'; '.join(problems)}")


def misfits(net: Net, marking: Marking) -> Iterator[str]:
    """What is wrong with a marking, one line each."""
    if marking.net != net.name:
        yield f"is of net {marking.net}; load it into that one"
        return
    wired = list(_unknown(net, marking))
    yield from wired
    if not wired:
        yield from _tokens(net, marking)
        yield from _numbers(net, marking)
        yield from _shown(net, marking)
        yield from _overfull(net, marking)


def _unknown(net: Net, marking: Marking) -> Iterator[str]:
    """Names that the net does not have."""
    stands = {token.place for token in _all(marking)}
    for names, kind in (
        (stands, Place), (marking.counters, Counter), (marking.sets, KeySet), (marking.sunk, Sink)
    ):  # fmt: skip
        for name in sorted(names):
            if not isinstance(net.places.get(name), kind):
                yield f"the net has no {kind.__name__.lower()} {name}"
    for flying in marking.flights:
        transition = net.transitions.get(flying.transition)
        if transition is None or len(transition.arcs) != len(flying.inputs):
            yield f"firing {flying.id} is of no transition of the net ({flying.transition})"


def _all(marking: Marking) -> Iterator[Standing]:
    """The tokens that stand, and those that firings hold."""
    yield from marking.tokens
    for flying in marking.flights:
        yield from bound_by(flying)


def bound_by(flying: Flying) -> Iterator[Standing]:
    """The tokens that a firing in flight has bound."""
    for bound in flying.inputs:
        for each in bound if isinstance(bound, tuple) else (bound,):
            if isinstance(each, Standing):
                yield each


def _tokens(net: Net, marking: Marking) -> Iterator[str]:
    seen: set[int] = set()
    for token in marking.tokens:
        if token.serial in seen:
            yield f"token {token.serial} occurs twice"
        seen.add(token.serial)
    for token in _all(marking):
        place = net.places[token.place]
        assert isinstance(place, Place)
        if not isinstance(token.colour, place.colour):
            yield f"token {token.serial} in {place.name} is no {place.colour.__name__}"
        if not 0 < token.serial < marking.next_serial:
            yield f"token {token.serial} in {place.name} is not older than {marking.next_serial}"
        if (token.ready_at_ns and not place.timed) or (
            token.expires_at_ns is not None and not place.expires
        ):
            yield f"token {token.serial} in {place.name} has a time that its place does not give"
    yield from (
        f"firing {flying.id} is not older than {marking.next_id}"
        for flying in marking.flights
        if not 0 < flying.id < marking.next_id
    )


def _numbers(net: Net, marking: Marking) -> Iterator[str]:
    """A number is not below 0; and one with a key that nothing counts up, not above its first one less what is in flight."""
    known = {name: dict(numbers) for name, numbers in marking.counters.items()}
    for name, numbers in known.items():
        for key, number in numbers.items():
            if number < 0:
                yield f"{name} is at {number}" + ("" if key is None else f" for {key}")
    growing = plan.counted_up(net)
    for (name, key), taken in plan.taken(net, marking.flights).items():
        counter = net.places[name]
        if name in growing:
            continue
        assert isinstance(counter, Counter)
        first = counter.first(key)
        number = known.get(name, {}).get(key, first)
        if counter.keys and number + taken > first:
            yield f"{name} is at {number} for {key}, beside {taken} in flight, of {first}"


def _shown(net: Net, marking: Marking) -> Iterator[str]:
    """A `during` place holds exactly the tokens of its firings (less those that were set aside)."""
    aside = {fault.serial for fault in marking.faulted}
    shown = {
        flying.shown + number
        for flying in marking.flights
        if flying.shown is not None
        for number in range(len(net.transitions[flying.transition].shows))
    } - aside
    during = {place.name for t in net.transitions.values() for place, _ in t.shows}
    there = {token.serial for token in marking.tokens if token.place in during}
    for serial in sorted(there ^ shown):
        yield f"token {serial} shows no firing, or a firing's token {serial} is missing"


def _overfull(net: Net, marking: Marking) -> Iterator[str]:
    for place in net.places.values():
        if isinstance(place, Place) and place.capacity is not None:
            occupied = occupancy(net, marking, place)
            if occupied > place.capacity:
                yield f"{occupied} slots of {place.name} are taken, of {place.capacity}"


def occupancy(net: Net, marking: Marking, place: Place[object]) -> int:
    """The slots of a bounded place that are taken or reserved."""
    return sum(token.place == place.name for token in marking.tokens) + sum(
        plan.occupies(
            net.transitions[flying.transition], place, started=flying.started, inputs=flying.inputs
        )
        for flying in marking.flights
    )
