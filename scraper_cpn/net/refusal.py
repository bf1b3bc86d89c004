"""Which calls a kernel refuses, and what it says then; the same for both executions.

Owns: the checks on a call's arguments. Each raises `NetError` with one line, before anything changed.
Must not know: how an execution keeps its tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.errors import NetError
from scraper_cpn.net.outputs import On
from scraper_cpn.net.places import Place


def refuse_time(net: Net, now_ns: int, last_ns: int) -> None:
    """Time is an integer and never goes back."""
    if type(now_ns) is not int:
        raise NetError(f"net {net.name}: time is an integer number of nanoseconds, not {now_ns!r}")
    if now_ns < last_ns:
        raise NetError(
            f"net {net.name}: time went back from {last_ns} to {now_ns} ns; give a time that grows"
        )


def refuse_limit(net: Net, limit: int) -> None:
    """A step must be allowed to do something."""
    if limit < 1:
        raise NetError(f"net {net.name}: a step of at most {limit} firings; allow at least 1")


def refuse_inject(
    net: Net, place: Place[Any], colour: Any, ready_at_ns: int, expires_at_ns: int | None
) -> None:
    """A token must fit a source of this net."""
    if not isinstance(place, Place):
        raise NetError(f"net {net.name}: inject wants a place of this net, not {place!r}")
    where = f"net {net.name}, place {place.name}"
    if net.places.get(place.name) is not place:
        raise NetError(f"{where}: is not a place of this net; use the one that this net declared")
    if not place.source:
        raise NetError(f"{where}: is no source; declare it with source=True to inject into it")
    if not isinstance(colour, place.colour):
        raise NetError(f"{where}: takes {place.colour.__name__}, not {type(colour).__name__}")
    _refuse_times(where, place, ready_at_ns, expires_at_ns)


def _refuse_times(
    where: str, place: Place[Any], ready_at_ns: int, expires_at_ns: int | None
) -> None:
    for time_ns in (ready_at_ns, 0 if expires_at_ns is None else expires_at_ns):
        if type(time_ns) is not int or time_ns < 0:
            raise NetError(f"{where}: a time is an integer from 0 up, not {time_ns!r}")
    if ready_at_ns and not place.timed:
        raise NetError(
            f"{where}: is not timed; declare it with timed=True to give tokens a ready time"
        )
    if expires_at_ns is not None and not place.expires:
        raise NetError(f"{where}: its tokens don't expire; declare it with expires=True")


def listed_tokens(net: Net, tokens: Any) -> Iterator[tuple[Any, Any]]:
    """Each of the initial tokens, with its place, if they are a mapping from places to lists.

    Raises:
        NetError: they are not.
    """
    if not isinstance(tokens, Mapping):
        raise NetError(f"net {net.name}: its tokens are {tokens!r}; give {{place: [token, ...]}}")
    for place, colours in tokens.items():
        if isinstance(colours, str | bytes) or not isinstance(colours, Iterable):
            name = getattr(place, "name", place)
            raise NetError(
                f"net {net.name}, place {name}: its tokens are {colours!r}; give a list of them"
            )
        for colour in colours:
            yield place, colour


def refuse_full(net: Net, place: Place[Any], occupied: int) -> None:
    """A bounded source must have a free slot."""
    if place.capacity is not None and occupied >= place.capacity:
        raise NetError(
            f"net {net.name}, place {place.name}: is full ({place.capacity}); "
            "wait until a step has emptied it"
        )


def refuse_landed(net: Net, firing_id: int) -> NetError:
    """The error about a firing that is not in flight."""
    return NetError(f"net {net.name}, firing {firing_id}: is not in flight")


def refuse_started(net: Net, firing_id: int, *, started: bool, revoking: bool = False) -> None:
    """A firing starts once, and is revoked only before."""
    if started:
        text = "has started; it can only complete" if revoking else "has started already"
        raise NetError(f"net {net.name}, firing {firing_id}: {text}")


def case_for(
    net: Net, transition: Transition, firing_id: int, outcome: Any, *, started: bool
) -> On:
    """The case of an outcome; refused for a firing that has not started, or an undeclared type."""
    if not started:
        raise NetError(
            f"net {net.name}, firing {firing_id}: has not started; call started first, or revoke"
        )
    case = plan.case_of(transition, type(outcome))
    if case is None:
        listed = ", ".join(case.outcome.__name__ for case in transition.outcomes)
        raise NetError(
            f"net {net.name}, transition {transition.name}: "
            f"{type(outcome).__name__} is not one of its outcomes ({listed})"
        )
    return case


def refuse_name(net: Net, place: str) -> None:
    """A name must be a place's."""
    if place not in net.places:
        listed = ", ".join(net.places)
        raise NetError(f"net {net.name}: has no place {place}; it has {listed}")


def no_case(choice: str, outcome: Any) -> TypeError:
    """The error for a choice that returned a value of an undeclared type."""
    return TypeError(
        f"the choice {choice} returned a {type(outcome).__name__}, which is no outcome of it"
    )


def manual(net: Net, name: str) -> Transition:
    """The manual transition of a name; only those are begun by hand."""
    if name not in net.transitions:
        raise NetError(f"net {net.name}: has no transition {name}")
    if not net.transitions[name].manual:
        raise NetError(
            f"net {net.name}, transition {name}: fires by itself; declare it with manual=True to begin it by hand"
        )
    return net.transitions[name]
