"""The signature of a net: whether a state was written by the net that is to read it.

Owns: a net as lines of text that two versions of a program can compare, and the list of differences.
Must not know: files, what a net is for.

The numbers of a net (capacities, initial values of counters, delays) are not included: they may change
while a run lasts. Functions appear by name; their module's version says whether they decide the same. The number of
partitions is included: it says where each token is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, get_type_hints

import msgspec
from xxhash import xxh3_128_hexdigest

from scraper_cpn.net import Net, Transition
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.outputs import On, Output
from scraper_cpn.net.partitions import described
from scraper_cpn.net.places import Counter, KeySet, Place

KERNEL_VERSION = "1"
"""Changes whenever the same inputs lead a kernel to other decisions."""

NetSignature = dict[str, str]
"""The parts of a net, in order, by kind and name: `place found`, `transition admit`."""

_DIFFERENCES_SHOWN = 5
_WHOLE_CHARS_MAX = 120
"""Longer descriptions of a difference are cut to what differs."""
_WORDS_BEFORE = 2


def signature_of(net: Net, versions: Mapping[str, str], partitions: int = 1) -> NetSignature:
    """Describe a net as lines of text.

    Args:
        net: has been checked.
        versions: of the modules of the net's functions, by name.
        partitions: into how many a net with a partition key is divided.
    """
    signature = {"kernel": KERNEL_VERSION, **versions, **_division(net, partitions)}
    signature |= {
        f"{_kind(place)} {name}": _place(net, place) for name, place in net.places.items()
    }
    effects = {
        f"effect {name}": ", ".join(map(_type, effect.outcomes))
        for name, effect in net.effects.items()
    }
    transitions = {
        f"transition {name}": " ".join(_transition(transition))
        for name, transition in net.transitions.items()
    }
    return signature | effects | transitions


def hash_of(signature: NetSignature) -> str:
    """A hash of the signature: 32 hexadecimal digits."""
    return xxh3_128_hexdigest(msgspec.json.encode(signature))


def differences(written: NetSignature, now: NetSignature) -> list[str]:
    """The differences, one line each; empty for equal signatures in the same order."""
    gone = [f"{name} is gone" for name in written if name not in now]
    new = [f"{name} is new" for name in now if name not in written]
    other = [
        "{} was ({}), is ({})".format(name, *_where_they_differ(written[name], now[name]))
        for name in written
        if name in now and written[name] != now[name]
    ]
    reordered = [] if gone or new or list(written) == list(now) else ["the order of declaration"]
    return [*gone, *new, *other, *reordered]


def _where_they_differ(was: str, now: str) -> tuple[str, str]:
    """Two descriptions; of long ones the words that differ, and what stands before them."""
    if max(len(was), len(now)) <= _WHOLE_CHARS_MAX:
        return was, now
    old, new = was.split(" "), now.split(" ")
    same = _common(old, new)
    begin = max(0, same - _WORDS_BEFORE)
    after = _common(old[same:][::-1], new[same:][::-1])
    first, second = (
        _shortened(" ".join(words[begin : len(words) - after]), begin > 0, after > 0)
        for words in (old, new)
    )
    return first, second


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """How many words both begin with."""
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _shortened(text: str, cut_before: bool, cut_behind: bool) -> str:
    """A part of a description, with dots where it is cut."""
    is_long = len(text) > _WHOLE_CHARS_MAX
    return f"{'... ' * cut_before}{text[:_WHOLE_CHARS_MAX]}{' ...' * (is_long or cut_behind)}"


def listed(found: list[str]) -> str:
    """Differences in one line; of many, the first."""
    more = len(found) - _DIFFERENCES_SHOWN
    return "; ".join(found[:_DIFFERENCES_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _kind(place: Any) -> str:
    return "set" if isinstance(place, KeySet) else type(place).__name__.lower()


def _division(net: Net, partitions: int) -> NetSignature:
    """By which key a net is divided, and what tells it; nothing for a net without a partition key."""
    if net.partition is None:
        return {}
    tells = (f"{name} by {_function('', fn).strip()}" for name, fn in net.tells.items())
    return {"partitions": "; ".join([f"{partitions} by {net.partition}", *tells])}


def _place(net: Net, place: Any) -> str:
    keys = f"key {','.join(place.keys)}" if place.keys else ""
    share = f"share {words}" if (words := described(net, place)) else ""
    if isinstance(place, Counter):
        unless = f"unless {place.unless.name}" if place.unless is not None else ""
        return " ".join(filter(None, [keys, "budget" if place.budget else "", unless, share]))
    parts = [_type(place.colour), keys]
    if isinstance(place, Place):
        parts.append(f"order {','.join(place.order)}" if place.order else "")
        parts.append("bounded" if place.capacity is not None else "")
        parts += [
            word
            for word in ("timed", "expires", "source", "work", "budget", "paged")
            if getattr(place, word)
        ]
    parts.append(share)
    return " ".join(filter(None, parts))


def _type(kind: type[Any]) -> str:
    """A type, with its fields if it is a record."""
    fields = getattr(kind, "__struct_fields__", ())
    hints = get_type_hints(kind) if fields else {}
    parts = [f"{name}: {_hint(hints[name])}" for name in fields]
    return f"{kind.__name__}({', '.join(parts)})" if parts else kind.__name__


def _hint(hint: Any) -> str:
    return str(hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else hint)


def _transition(transition: Transition) -> Iterator[str]:
    if transition.priority:
        yield f"priority {transition.priority}"
    yield f"[{', '.join(map(_arc, transition.arcs))}]"
    for word, call in (
        ("effect", transition.effect), ("choice", transition.choice), ("scan", transition.scan)
    ):  # fmt: skip
        if call is not None:
            yield f"{word} {call.name}({', '.join(_source(each) for each in call.sources)})"
    if transition.join is not None:
        yield f"join {', '.join(transition.join)}"
    if transition.manual:
        yield "manual"
    if transition.attempts > 1:
        yield f"attempts after {', '.join(kind.__name__ for kind in transition.retry)}"
    for place, arc in transition.shows:
        yield f"during {place.name} of {transition.arcs[arc].place.name}"
    yield from (_case(case) for case in transition.outcomes)


def _arc(arc: Arc) -> str:
    parts = [str(arc)]
    parts += [word for word in ("include_waiting", "include_in_use", "all") if getattr(arc, word)]
    parts += [] if callable(arc.count) or arc.count == 1 else [f"count {arc.count}"]
    parts += [
        _function(word, getattr(arc, word)) for word in ("count", "when", "change", "after_ns")
    ]
    return " ".join(filter(None, parts))


def _case(case: On) -> str:
    return f"{case.outcome.__name__} -> {', '.join(map(_output, case.outputs)) or 'nothing'}"


def _output(output: Output) -> str:
    sources = [_source(each) for each in output.sources]
    parts = [str(output), f"if new in {output.seen.name}" if output.seen is not None else ""]
    parts += [] if output.count == 1 else [f"count {output.count}"]
    parts += [_function(word, getattr(output, word)) for word in ("make", "after_ns", "lasts_ns")]
    parts += [f"of {', '.join(sources)}"] if sources else []
    return " ".join(filter(None, parts))


def _source(source: Any) -> str:
    """A place or a type by its name, an arc as it is written."""
    if isinstance(source, Arc):
        return str(source)
    return source.__name__ if isinstance(source, type) else str(source.name)


def _function(word: str, value: int | Callable[..., Any] | None) -> str:
    """A function by its name; a number may change."""
    return f"{word} {getattr(value, '__name__', 'function')}" if callable(value) else ""
