"""Whether a net can be divided into partitions by its partition key.

Owns: the checks at definition of what places declare as their share, and that each transition binds one partition key.
Must not know: how a net is executed, how tokens cross.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.hints import field_type, has_field, is_collection
from scraper_cpn.net.outputs import On, Output
from scraper_cpn.net.partitions import is_keyed, kind_of, share_of, telling, tells_of
from scraper_cpn.net.places import AnyPlace, Counter, KeySet, Place, Sink
from scraper_cpn.net.shares import Share
from scraper_cpn.net.wiring import takes_problems

WORDS = "keyed, local, constant, channel, credit or leased"


def dividing_problems(net: Net) -> Iterator[str]:
    """What keeps a net with a partition key from being divided, one line each, without the net's name."""
    if net.partition is None:
        yield from (
            f"tells {name}: the net has no partition key; give it one" for name in net.tells
        )
        return
    yield from _net(net)
    for place in net.places.values():
        yield from (f"place {place.name}: {text}" for text in _place(net, place))
    for transition in net.transitions.values():
        yield from (f"transition {transition.name}{text}" for text in _transition(net, transition))


def _net(net: Net) -> Iterator[str]:
    names = {name for place in net.places.values() for name in place.keys}
    bys = {
        place.share.by
        for place in net.places.values()
        if isinstance(place.share, Share) and isinstance(place.share.by, str)
    }
    if net.partition not in names | bys:
        yield f"partition {net.partition}: no place has this key; name a key of its places"
    for name, fn in net.tells.items():
        if not callable(fn):
            yield f"tells {name}: is {fn!r}; give the pure function of the key that gives {net.partition}"


def _place(net: Net, place: AnyPlace) -> Iterator[str]:
    share = share_of(net, place)
    if share is None:
        yield (
            f"has no share, and no key that tells {net.partition}; "
            f"declare share={WORDS}, or give it a key that tells it"
        )
        return
    if not isinstance(share, Share):
        yield f"share is {share!r}; give {WORDS}"
        return
    checks: dict[str, Callable[[Net, Any, Share], Iterator[str]]] = {
        "keyed": _keyed, "channel": _channel, "constant": _constant, "credit": _credit, "leased": _leased
    }  # fmt: skip
    if isinstance(place, Sink) and share.kind != "local":
        yield f"a sink keeps no tokens, so that it is local, not {share.kind}; leave out share"
    elif share.kind in checks:
        yield from checks[share.kind](net, place, share)


def _keyed(net: Net, place: AnyPlace, share: Share) -> Iterator[str]:
    names = telling(net, place)
    if share.by is None and not names:
        yield (
            f"is {share.kind}, but has no key that tells {net.partition}; name the field or the function that "
            f"does: share={share.kind}(...)"
        )
    elif share.by is not None and names:
        yield f"has the key {names[0]}, which tells {net.partition}; leave out {share.by if isinstance(share.by, str) else 'the function'} of its share"
    elif share.by is None:
        return
    elif isinstance(place, Counter | KeySet):
        kept = (
            "is a counter, whose tokens have"
            if isinstance(place, Counter)
            else "is a set, whose keys have"
        )
        yield f"{kept} no colour; give it a key that tells {net.partition}, or add its key to tells of the net"
    elif isinstance(share.by, str) and not has_field(place.colour, share.by):
        yield f"{place.colour.__name__} has no field {share.by}; name the one that is its {net.partition}"
    elif isinstance(share.by, str) and is_collection(field_type(place.colour, share.by)):
        yield f"the field {share.by} of {place.colour.__name__} is a collection, which is no {net.partition}; name a field with a text, a number, bytes, an At, or a tuple of these"
    elif callable(share.by):
        yield from takes_problems(share.by, (place.colour,))


def _channel(net: Net, place: AnyPlace, share: Share) -> Iterator[str]:
    if not isinstance(place, Place):
        kind = "counter" if isinstance(place, Counter) else "set"
        yield f"is a {kind}, and only tokens of places can cross; make it keyed"
        return
    yield from _keyed(net, place, share)
    if place.capacity is not None or place.timed or place.expires:
        yield "tokens cross it without slots and times; leave out capacity, timed and expires, and put them into a place that has them"


def _constant(net: Net, place: AnyPlace, share: Share) -> Iterator[str]:
    del share
    if isinstance(place, KeySet):
        yield "is a set, which grows; make it keyed or local"
    elif isinstance(place, Place) and place.work:
        yield "is the same in each partition, so that its tokens can't be work; leave out work=True, or make it keyed"
    for transition in net.transitions.values():
        for arc in transition.arcs:
            if arc.place is place and arc.takes:
                yield f"never changes, but transition {transition.name} has {arc}; read it, or make it local"
        for output in _outputs(transition):
            if place in (output.place, output.seen):
                yield f"never changes, but transition {transition.name} has {output}; make it local or keyed"


def _credit(net: Net, place: AnyPlace, share: Share) -> Iterator[str]:
    del share
    if not isinstance(place, Counter) or place.keys or callable(place.start):
        yield "only a plain counter that starts with a number can be credit; make it one, or local"
        return
    drawn = net.credits[place.name]
    for transition in net.transitions.values():
        for output in _outputs(transition):
            if (
                output.place is place
                and output.kind == "put"
                and not _draws(transition, drawn.drawn)
            ):
                yield f"is one budget of all partitions, but transition {transition.name} has {output}, which makes units; hold it instead, or make it local"


def _draws(transition: Transition, drawn: Place[Any]) -> bool:
    return any(arc.place is drawn for arc in transition.arcs)


def _leased(net: Net, place: AnyPlace, share: Share) -> Iterator[str]:
    del share
    if isinstance(place, KeySet) or not place.keys:
        yield "is leased, but has no key that names what is leased; give it one"
    elif isinstance(place, Place):
        if not place.source:
            yield "its tokens come from other partitions; declare it with source=True"
        if place.name not in net.leases and not _goes_with(net, place):
            yield f"nothing releases its tokens; declare net.release({place.name})"


def _goes_with(net: Net, place: Place[Any]) -> bool:
    """Whether a leased place has what belongs to the tokens of another one, and must be empty for these to leave."""
    releases = [net.transitions[lease.release] for lease in net.leases.values()]
    return any(arc.place is place for each in releases for arc in each.arcs)


def _transition(net: Net, transition: Transition) -> Iterator[str]:
    names = plan.arc_keys(transition)
    mine = [n for n, arc in enumerate(transition.arcs) if is_keyed(net, arc.place)]
    for number in mine:
        yield from _one_key(net, transition.arcs[number], names[number])
    yield from _agree(net, transition, names, mine)
    for arc in transition.still:
        if is_keyed(net, arc.place) and not telling(net, arc.place):
            yield f", still {arc}: is joined on no key that tells {net.partition}; test a place that has such a key"
    for during, arc_number in transition.shows:
        if kind_of(net, during) == "keyed" and arc_number not in mine:
            shown = transition.arcs[arc_number]
            yield f", during {during.name}: is keyed, but {shown} is not; make {during.name} local"
    for case in transition.outcomes:
        for output in case.outputs:
            where = "" if len(transition.outcomes) == 1 else f" on({case.outcome.__name__})"
            yield from (
                f"{where}, {output}: {text}"
                for text in [
                    *_output(net, transition, output, bound=bool(mine)),
                    *_moved(net, transition, case, output),
                ]
            )


def _one_key(net: Net, arc: Arc, names: tuple[str, ...]) -> Iterator[str]:
    """An input that looks at several tokens must look at those of one partition key."""
    whole = arc.kind == "absent" or arc.many or (arc.kind == "read" and not arc.binds)
    if whole and not _telling(net, names):
        what = "looks for tokens" if arc.kind == "absent" else "binds tokens"
        yield (
            f", {arc}: {what} of any {net.partition}, but a partition has only its own; "
            f"join it with another input on a key that tells {net.partition}, or make {arc.place.name} local"
        )


def _telling(net: Net, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name == net.partition or name in net.tells]


def _agree(
    net: Net, transition: Transition, names: list[tuple[str, ...]], mine: list[int]
) -> Iterator[str]:
    """All keyed inputs must have one partition key, because they agree on keys that tell it."""
    if not mine:
        return
    first, *others = mine
    reached, todo = {first}, [first]
    while todo:
        here = set(_telling(net, names[todo.pop()]))
        near = [n for n in others if n not in reached and here & set(names[n])]
        reached.update(near)
        todo += near
    for number in others:
        if number not in reached:
            yield (
                f", {transition.arcs[number]}: agrees with {transition.arcs[first]} on no key that tells {net.partition}, "
                f"so that they may be in two partitions; join them on {net.partition}, declare a key that both have in "
                f"tells, or bring the tokens of one there by a channel"
            )


def _outputs(transition: Transition) -> Iterator[Output]:
    return (output for case in transition.outcomes for output in case.outputs)


def _output(net: Net, transition: Transition, output: Output, *, bound: bool) -> Iterator[str]:
    """What is put must be of the partition key that the inputs have, unless it crosses."""
    if output.kind == "consume":
        return
    place, seen, kind = output.place, output.seen, kind_of(net, output.place)
    if seen is not None and is_keyed(net, seen) and kind == "channel":
        yield f"{seen.name} is keyed, so that another partition may know the key; put into the channel with put, and use put_new where its tokens come out"
    elif not bound:
        keyed = [
            each for each in (place, seen) if each is not None and kind_of(net, each) == "keyed"
        ]
        for each in keyed[:1]:
            yield (
                f"{each.name} is keyed, but no input tells {net.partition}; "
                f"declare the share of an input as keyed, or that of {each.name} as a channel"
            )
    if kind == "leased" and not _has_lease(net, transition, place):
        yield f"{place.name} is leased, but the firing holds no lease of its key; take or hold what is leased, or make {place.name} local"
    yield from _counted_up(net, transition, place)


def _moved(net: Net, transition: Transition, case: On, output: Output) -> Iterator[str]:
    """A token that moves as it is keeps its partition key, unless it crosses."""
    came = plan.made_from(transition, case, output) if output.make is None else None
    if not came or came[0] == plan.OUTCOME or kind_of(net, output.place) != "keyed":
        return
    source = transition.arcs[came[0]].place
    before, after = _field_of(net, source), _field_of(net, output.place)
    if before and after and before != after:
        yield (
            f"the token comes from {source.name}, where the field {before} gives its {net.partition}; in {output.place.name} {after} does, "
            f"which may be another one; give it by one field, or make {output.place.name} a channel"
        )


def _field_of(net: Net, place: AnyPlace) -> str | None:
    """The field that alone tells the partition key of a place's tokens; None if it is told otherwise."""
    tells = tells_of(net, place)
    names = {each.name for each in tells if each.fn is None}
    if len(tells) != 1 or len(names) != 1 or not isinstance(place, Place):
        return None
    (name,) = names
    return name if name in getattr(place.colour, "__struct_fields__", ()) else None


def _has_lease(net: Net, transition: Transition, place: AnyPlace) -> bool:
    leases = [
        arc.place
        for arc in transition.arcs
        if arc.kind != "absent" and kind_of(net, arc.place) == "leased"
    ]
    moves = place.name in net.leases
    return place in leases or (
        not moves and any(set(place.keys) & set(each.keys) for each in leases)
    )


def _counted_up(net: Net, transition: Transition, place: AnyPlace) -> Iterator[str]:
    """A number of a partition key is put where an input tells that key."""
    if not isinstance(place, Counter) or not place.keys or not is_keyed(net, place):
        return
    source = plan.key_source(transition, place)
    if source is not None and not is_keyed(net, transition.arcs[source].place):
        yield f"{transition.arcs[source]} tells the key, but may be of another partition; make {transition.arcs[source].place.name} keyed"
