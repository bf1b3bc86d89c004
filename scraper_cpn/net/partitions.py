"""How a net is divided into partitions: what tells the partition of a token.

Owns: the share of each place, with its default; the partition keys of a token; what a kernel refuses of other partitions.
`dividing.py` checks that the net can be divided so.
Must not know: how partitions are run, how tokens cross.

The promise. In a net that `dividing.py` accepts, each token of a keyed place is in the partition of its partition key, because
a deposit anywhere else is set aside (R52). All keyed inputs of a firing have one partition key, because they agree on a
key that tells it. So a firing needs nothing of another partition, and the firings of all partitions together are a run
of the whole net, in which tokens of channels may be late, and each partition has local tokens of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

from scraper_cpn.net.declare import Net
from scraper_cpn.net.errors import NetError
from scraper_cpn.net.marking import Marking
from scraper_cpn.net.places import AnyPlace, Counter, Place, Sink
from scraper_cpn.net.shares import Partition, Share, keyed, local, partition_of


class Tell(NamedTuple):
    """What gives a partition key of a token.

    Attributes:
        name: the field of its colour; None: the colour itself.
        fn: the function of that; None: it is the partition key.
    """

    name: str | None
    fn: Callable[[Any], Hashable] | None

    def key(self, colour: Any, known: Mapping[str, Hashable] = {}) -> Hashable:
        """The partition key of a token, of whose keys some are known; raises what the user's functions raise."""
        if self.name is None:
            value = colour
        else:
            value = known[self.name] if self.name in known else getattr(colour, self.name)
        return value if self.fn is None else self.fn(value)


def telling(net: Net, place: AnyPlace) -> tuple[str, ...]:
    """The keys of a place that tell the partition key, that itself first."""
    found = [name for name in place.keys if name in net.tells and name != net.partition]
    return tuple([name for name in place.keys if name == net.partition] + found)


def share_of(net: Net, place: AnyPlace) -> Share | None:
    """The share of a place in a net that has a partition key; None if it declares none, and has none by default."""
    if place.share is not None:
        return place.share
    if isinstance(place, Sink):
        return local
    return keyed() if telling(net, place) else None


def kind_of(net: Net, place: AnyPlace) -> str:
    """The kind of a place's share; empty for none."""
    share = share_of(net, place)
    return share.kind if isinstance(share, Share) else ""


def described(net: Net, place: AnyPlace) -> str:
    """The share of a place in words, with what tells the partition key; empty where there is nothing to say."""
    share = None if net.partition is None or isinstance(place, Sink) else share_of(net, place)
    if share is None:
        return ""
    by = getattr(share.by, "__name__", "a function") if callable(share.by) else share.by
    return f"{share.kind} by {by}" if by else share.kind


def is_keyed(net: Net, place: AnyPlace) -> bool:
    """Whether what is taken from a place belongs to this partition by its key."""
    return kind_of(net, place) in {"keyed", "channel"}


def tells_of(net: Net, place: AnyPlace) -> tuple[Tell, ...]:
    """What gives the partition keys of the tokens of a place, which must all be of one partition; none if it is not keyed.

    The first one says where a token of a channel goes.
    """
    share = share_of(net, place)
    if net.partition is None or share is None or share.kind not in {"keyed", "channel"}:
        return ()
    if isinstance(place, Counter | Sink):
        return ()
    names = telling(net, place)
    if names:
        return tuple(
            Tell(name, None if name == net.partition else net.tells[name]) for name in names
        )
    return (Tell(None, share.by) if callable(share.by) else Tell(share.by, None),)


def destination(net: Net, place: Place[Any], colour: Any, partitions: int) -> int:
    """Return the partition to which a token of a channel, or of another keyed place, belongs; see `destinations`."""
    return destinations(net, place, partitions)(colour)


def destinations(net: Net, place: Place[Any], partitions: int) -> Callable[[Any], int]:
    """The function that says to which partition a token of a channel, or of another keyed place, belongs.

    It raises anything that a function of the user raises.

    Raises:
        NetError: the place is not keyed.
    """
    tells = tells_of(net, place)
    if not tells:
        raise NetError(
            f"net {net.name}, place {place.name}: its tokens have no partition key, so that they belong to no partition; "
            "name a channel or a keyed place"
        )
    tell = tells[0]
    return lambda colour: partition_of(tell.key(colour), partitions)


def refuse_undivided(net: Net, partition: Partition | None) -> None:
    """Only a net with a partition key has partitions."""
    if partition is not None and net.partition is None:
        raise NetError(
            f'net {net.name}: has no partition key; declare one: Net("{net.name}", partition="key")'
        )


def refuse_foreign(net: Net, place: Place[Any], colour: Any, partition: Partition | None) -> None:
    """Refuse to inject what belongs to another partition."""
    for tell in tells_of(net, place) if partition is not None else ():
        assert partition is not None
        try:
            key = tell.key(colour)
            foreign = not partition.owns(key)
        except Exception:  # noqa: BLE001  (the deposit will set it aside, with the error)
            return
        if foreign:
            owner = partition_of(key, partition.of)
            raise NetError(
                f"net {net.name}, place {place.name}: {key!r} belongs to partition {owner} of {partition.of}, "
                f"not to {partition.number}; inject it there"
            )


def refuse_moved(net: Net, marking: Marking, partition: Partition | None) -> None:
    """Refuse to load a marking with tokens of another partition. Cost: O(tokens)."""
    for token in marking.tokens if partition is not None else ():
        place = net.places[token.place]
        assert isinstance(place, Place)
        refuse_foreign(net, place, token.colour, partition)
