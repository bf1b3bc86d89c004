"""A way through a grounded net, told for people.

Owns: the lines of a story. Must not know: how the way was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scraper_cpn.analysis.plain import Event, PlainNet
from scraper_cpn.net import Net

WORDS = {
    "begin": "begins", "start": "starts", "revoke": "is revoked", "end": "ends in", "fire": "fires"
}  # fmt: skip


def told(net: Net, plain: PlainNet, path: Sequence[Event]) -> tuple[str, ...]:
    """A line for each event."""
    return tuple(f"{number}. {_line(net, plain, event)}" for number, event in enumerate(path, 1))


def _line(net: Net, plain: PlainNet, event: Event) -> str:
    if event.kind == "inject":
        return f"{_short(event.bound[0], ())} comes into {event.name}"
    transition = net.transitions.get(event.name)
    given = []
    if transition is not None:
        for arc, value in zip(transition.arcs, event.bound, strict=True):
            if arc.binds and arc.kind != "read":
                given.append(_short(plain.atoms[value].value, arc.place.keys))
    outcome = "" if event.outcome is None else f" {_short(event.outcome, ())}"
    said = WORDS[event.kind] + (outcome if event.kind == "end" else "")
    picks = f", which picks{outcome}" if event.kind == "fire" and outcome else ""
    return f"{event.name}({', '.join(given)}) {said}{picks}"


def _short(token: Any, keys: tuple[str, ...]) -> str:
    """A token by its keys, or by what it says of itself, shortened."""
    url = getattr(token, "url", None)
    if isinstance(url, str):
        return url
    if keys:
        return ", ".join(str(getattr(token, key)) for key in keys)
    text = repr(token)
    return text if len(text) <= 60 else f"{text[:57]}..."
