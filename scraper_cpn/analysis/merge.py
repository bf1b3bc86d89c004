"""Firings that have begun and firings that have started as one, where nothing tells them apart: fewer states.

Owns: `merged`, and `unmerged`, which puts the starts back into a way.
Must not know: coloured nets, how states are found, what a property means.

A start that changes nothing but the stage of its firing can always happen, and hides nothing from anybody. On every
run it may as well come right before the end of its firing, and a revocation without any start. So each state with
the firing in one of both stages stands for the other, too, and no claim that sees both alike loses or gains a
counterexample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from scraper_cpn.analysis.monitor import Monitor
from scraper_cpn.analysis.plain import Event, PlainNet


def merged(plain: PlainNet, monitors: Sequence[Monitor]) -> PlainNet:
    """The net with the same atoms in which firings need no start, where that is the same for all *monitors*.

    Args:
        plain: with all its events.
        monitors: what is asked. A claim about ways as a whole must not be among them.
    """
    pairs = dict(_pairs(plain, monitors))
    if not pairs:
        return plain
    one_for = {started: begun for begun, started in pairs.items()}
    events = [
        _renamed(event, one_for)
        for event in plain.events
        if not (event.kind == "start" and pairs.keys() & event.needs.keys())
    ]
    return replace(plain, events=events)


def unmerged(plain: PlainNet, path: Sequence[Event]) -> list[Event]:
    """A way through a merged net as one through the net that it was made of: each firing starts right before it ends."""
    starts: dict[tuple[object, ...], Event] = {}
    for event in plain.events:
        if event.kind == "start" and _is_plain(event):
            starts[event.name, event.bound] = event
    found: list[Event] = []
    running: list[tuple[object, ...]] = []
    for event in path:
        mark = (event.name, event.bound)
        if event.kind == "start":
            running.append(mark)
        elif event.kind in {"end", "again"} and mark in running:
            running.remove(mark)
        elif event.kind in {"end", "again"} and mark in starts:
            found.append(starts[mark])
        found.append(event)
    return found


def _pairs(plain: PlainNet, monitors: Sequence[Monitor]) -> Iterator[tuple[int, int]]:
    """The atoms of firings that have begun, each with that of the started one, which nothing tells apart."""
    told_apart = set(_tested_otherwise(plain))
    for event in plain.events:
        if event.kind != "start" or not _is_plain(event):
            continue
        (begun,) = event.needs
        (started,) = (atom for atom in event.change if atom != begun)
        if told_apart & {begun, started}:
            continue
        if all(m.watched(event) is None and m.alike(plain, begun, started) for m in monitors):
            yield begun, started


def _is_plain(event: Event) -> bool:
    """Whether a start changes nothing but the stage of its firing, and waits for nothing."""
    if event.absent or event.room or event.news or len(event.needs) != 1:
        return False
    (begun,) = event.needs
    return sorted(event.change.values()) == [-1, 1] and event.change.get(begun) == -1


def _tested_otherwise(plain: PlainNet) -> Iterator[int]:
    """Atoms for which it is not enough that there are some."""
    for event in plain.events:
        yield from (*event.absent, *event.room)
        for new in event.news:
            yield from (new.key, *new.fresh)


def _renamed(event: Event, one_for: Mapping[int, int]) -> Event:
    if not one_for.keys() & {*event.needs, *event.change}:
        return event
    return replace(
        event, needs=_joined(event.needs, one_for), change=_joined(event.change, one_for)
    )


def _joined(numbers: Mapping[int, int], one_for: Mapping[int, int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for atom, number in numbers.items():
        atom = one_for.get(atom, atom)
        found[atom] = found.get(atom, 0) + number
    return found
