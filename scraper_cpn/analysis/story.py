"""A path through a grounded net, described for people.

Owns: the lines of a story. Must not know: how the way was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scraper_cpn.analysis.plain import Event, PlainNet, is_fault
from scraper_cpn.net import Net, plan

WORDS = {
    "begin": "begins", "start": "starts", "revoke": "is revoked", "end": "ends in", "again": "fails and will be attempted again after",
    "attempt": "begins its next attempt", "fire": "fires",
}  # fmt: skip
LONG = 60


def describe_path(net: Net, plain: PlainNet, path: Sequence[Event]) -> tuple[str, ...]:
    """A line for each event."""
    return tuple(
        f"{number}. {describe_event(net, plain, event)}" for number, event in enumerate(path, 1)
    )


def describe_event(net: Net, plain: PlainNet, event: Event) -> str:
    """A line for an event."""
    if event.kind == "inject":
        return f"{describe_token(event.bound[0])} comes into {event.name}"
    transition = net.transitions.get(event.name)
    given = []
    if transition is not None:
        for arc, value in zip(transition.arcs, event.bound, strict=True):
            if arc.binds and arc.kind != "read":
                tokens = (plain.atoms[atom].value for atom in plan.tokens_of(value))
                given += [describe_token(token, arc.place.keys) for token in tokens]
    who = f"{event.name}({', '.join(given)})"
    if is_fault(event):
        return f"{who} raises {event.outcome}"
    outcome = "" if event.outcome is None else f" {describe_token(event.outcome)}"
    picks = f", which picks{outcome}" if event.kind == "fire" and outcome else ""
    return f"{who} {WORDS[event.kind]}{outcome if event.kind in {'end', 'again'} else ''}{picks}"


def describe_token(token: Any, keys: tuple[str, ...] = ()) -> str:
    """A token by its URL or its keys, else by what it consists of."""
    url = getattr(token, "url", None)
    if isinstance(url, str):
        return url
    if keys:
        return ", ".join(str(getattr(token, key)) for key in keys)
    names = getattr(token, "__struct_fields__", None)
    text = repr(token) if names is None else _fields(token, names)
    return text if len(text) <= LONG else f"{text[: LONG - 3]}..."


def _fields(token: Any, names: tuple[str, ...]) -> str:
    values = (getattr(token, name) for name in names)
    return f"{type(token).__name__}({', '.join(map(_field, values))})"


def _field(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(describe_token, value))}]"
    return describe_token(value)
