"""Asking a net whether it has properties.

Owns: `verify`, which puts grounding, exploration, replay and verdicts together.
Must not know: any net.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import process_time

from scraper_cpn.analysis import story
from scraper_cpn.analysis.compiled import Builder, explorer_of
from scraper_cpn.analysis.ground import Grounder, TooMuchError
from scraper_cpn.analysis.instance import AnalysisError, Instance, refuse_misfit
from scraper_cpn.analysis.merge import merged, unmerged
from scraper_cpn.analysis.monitor import Monitor
from scraper_cpn.analysis.plain import PlainNet
from scraper_cpn.analysis.properties import Property, Watch
from scraper_cpn.analysis.properties.response import Escape, ResponseWatch
from scraper_cpn.analysis.replay import replayed
from scraper_cpn.analysis.space import ExplorationLimits, Space
from scraper_cpn.analysis.verdict import Report, Status, Verdict
from scraper_cpn.net import Net, checked

ABSTRACTION = (
    "time is ignored: a waiting token may be taken, and an expiring one may expire, at any moment; any "
    "binding may be chosen; only priorities that time cannot change are kept"
)
"""Only adds behaviour, so that what is proved of all runs holds for each real one."""
CAPS = (1, 3, 7)
"""How many equal tokens an arc that takes all tokens is bound to, one after the other, until it is enough."""
NOT_FOR_EVER = "no firing is revoked for ever"
PURE = "functions of the net are pure, as the net's own rules ask"


def verify(
    net: Net,
    instance: Instance,
    *properties: Property,
    limits: ExplorationLimits | None = None,
    builder: Builder | None = None,
) -> Report:
    """Prove or refute properties of a net for an instance, over all interleavings.

    Args:
        net: is checked first.
        instance: the tokens and outcomes to look at.
        properties: what is asked.
        limits: when to give up, by states, time or memory; by default five million states.
        builder: `scraper_cpn.native.extension`, to explore in machine code, which is built once; None: in Python.

    Raises:
        NetError: the net can't work.
        AnalysisError: the instance does not fit it, or a property names what it does not have.

    Cost: CPython explores a hundred thousand states a second, each of which takes some 200 bytes; machine code
    six to eight times as many, in half the memory.
    """
    checked(net)
    refuse_misfit(net, instance)
    problems = [text for asked in properties for text in asked.problems(net)]
    if problems:
        raise AnalysisError(*(f"net {net.name}, property: {text}" for text in problems))
    return Report(
        net.name, tuple(_verdicts(net, instance, properties, limits, builder)), ABSTRACTION
    )


def _verdicts(
    net: Net,
    instance: Instance,
    properties: Sequence[Property],
    limits: ExplorationLimits | None,
    builder: Builder | None,
) -> Iterator[Verdict]:
    for cap in CAPS:
        try:
            yield from list(_with_cap(net, instance, properties, limits, builder, cap))
        except _CapError as error:
            why = str(error)
        else:
            return
    for asked in properties:
        yield Verdict(asked.claim, "gave up", _scope(instance), why=why)


def _with_cap(
    net: Net,
    instance: Instance,
    properties: Sequence[Property],
    limits: ExplorationLimits | None,
    builder: Builder | None,
    cap: int,
) -> Iterator[Verdict]:
    """The verdicts if there are never more equal tokens than *cap* where an arc takes all; else `_CapError`."""
    began = process_time()
    grounder, live = _grounded(net, instance, cap)
    watches = [asked.monitor(net, grounder.plain) for asked in properties]
    late = live is not None or grounder.takes_all
    sure = [False] * len(watches) if late else _sure(properties, watches)
    seconds = process_time() - began
    open_ = [
        watch
        for asked, watch, is_sure in zip(properties, watches, sure, strict=True)
        if not (is_sure or asked.structural)
    ]
    space = None
    if open_ or late:
        monitors = [*open_, *_caps(grounder)]
        explored = merged(grounder.plain, monitors) if live is None else grounder.plain
        explorer = explorer_of(explored, monitors, limits, live=live, builder=builder)
        try:
            space = explorer.run()
        except TooMuchError as error:
            space = explorer.space
            space.whole, space.why = False, f"there are too many possible firings: {error}"
        if late and space.whole:  # only now are all events known
            sure = _sure(properties, watches)
    for asked, watch, is_sure in zip(properties, watches, sure, strict=True):
        if is_sure:
            yield _invariant(asked, watch, instance, grounder, seconds)
        elif late and space is not None and not space.whole and asked.structural:
            yield Verdict(asked.claim, "gave up", _scope(instance), why=space.why)
        elif asked.structural or space is None:
            yield _by_declaration(asked, watch, instance, grounder, seconds)
        else:
            yield _explored(asked, watch, open_.index(watch), instance, grounder, space)


def _sure(properties: Sequence[Property], watches: Sequence[Watch]) -> list[bool]:
    """Which properties each event keeps, whatever the state."""
    return [
        asked.invariant and watch.holds_always()
        for asked, watch in zip(properties, watches, strict=True)
    ]


class _CapError(Exception):
    """There are more equal tokens than were bound together."""


class _Cap(Monitor):
    """Sees whether there are more equal tokens than an arc that takes all was bound to."""

    def __init__(self, grounder: Grounder) -> None:
        self._grounder = grounder

    def observed(self, plain: PlainNet) -> Sequence[int]:
        return self._grounder.capped()

    def seen(self, plain: PlainNet) -> Sequence[int]:
        return self._grounder.capped()

    def bad(self, numbers: dict[int, int]) -> bool:
        for atom, number in numbers.items():
            if number > self._grounder.cap:
                place = self._grounder.plain.atoms[atom].name
                raise _CapError(
                    f"{place} has more than {self._grounder.cap} equal tokens, of which an arc takes all"
                )
        return False


def _caps(grounder: Grounder) -> list[Monitor]:
    return [_Cap(grounder)] if grounder.takes_all else []


def _grounded(
    net: Net, instance: Instance, cap: int
) -> tuple[Grounder, Callable[[list[int]], object] | None]:
    """All atoms and events; or, where they have no end, what adds those of atoms that are reached."""
    grounder = Grounder(net, instance, cap=cap)
    try:
        grounder.relaxed()
    except TooMuchError:
        grounder = Grounder(net, instance, cap=cap)
        return grounder, grounder.live
    return grounder, None


def _assumes(grounder: Grounder, watch: Watch | None = None) -> tuple[str, ...]:
    lines = [PURE, *([NOT_FOR_EVER] if isinstance(watch, ResponseWatch) else [])]
    lines += [f"{name} never runs out" for name in sorted(grounder.atoms.endless)]
    lines += [
        f"{name} fires at most {n} time{'' if n == 1 else 's'}"
        for name, n in grounder.instance.times.items()
    ]
    for colour, names in grounder.instance.forget.items():
        listed = names if isinstance(names, str) else ", ".join(names)
        lines.append(
            f"{listed} of {colour.__name__} has no influence on decisions: each call was repeated with other values"
        )
    return tuple(lines)


def _scope(instance: Instance) -> str:
    return instance.note or "this instance"


def _invariant(
    asked: Property, watch: Watch, instance: Instance, grounder: Grounder, seconds: float
) -> Verdict:
    if not watch.exercised:
        return Verdict(
            asked.claim, "not proved", _scope(instance), why=f"proves nothing: {watch.vacuous}"
        )
    how = "invariant: each event keeps it, whatever the state"
    scope = "all sizes" if asked.everywhere else _scope(instance)
    return Verdict(asked.claim, "proved", scope, how, _assumes(grounder), 0, seconds)


def _by_declaration(
    asked: Property, watch: Watch, instance: Instance, grounder: Grounder, seconds: float
) -> Verdict:
    """What the declaration breaks, or does not show; with a run of the kernel that breaks it, if there is one."""
    why = watch.broken or "an event of the net breaks it, or its declaration does not show it"
    example = watch.example(grounder) if watch.broken else None
    if example is None:
        return Verdict(asked.claim, "not proved", _scope(instance), seconds=seconds, why=why)
    return Verdict(
        asked.claim, "refuted", _scope(instance), "a run of the kernel", (), 0, seconds,
        f"{why}; a kernel takes these steps", *example,
    )  # fmt: skip


def _explored(
    asked: Property, watch: Watch, number: int, instance: Instance, grounder: Grounder, space: Space
) -> Verdict:
    if number in space.bad:
        return _refuted(asked, watch, number, instance, grounder, space)
    escape = watch.escape(space) if space.whole and isinstance(watch, ResponseWatch) else None
    if escape is not None:
        return _escaped(asked, watch, escape, instance, grounder, space)
    status: Status = "proved"
    why = ""
    if not space.whole:
        status, why = "gave up", f"no counterexample was found within {space.why}"
    elif not watch.exercised:
        status, why = "not proved", f"proves nothing: {watch.vacuous} in this instance"
    return Verdict(
        asked.claim, status, _scope(instance), "exploration of all interleavings; " + ABSTRACTION,
        _assumes(grounder, watch), space.states, space.seconds, why,
    )  # fmt: skip


def _escaped(
    asked: Property,
    watch: Watch,
    escape: Escape,
    instance: Instance,
    grounder: Grounder,
    space: Space,
) -> Verdict:
    """A run on which the effect never comes: one that ends is replayed, a circular one stays open."""
    path = [step for step, _ in escape.path]
    steps = story.describe_path(grounder.net, grounder.plain, path)
    calls = None
    why = "this run may repeat for ever"
    if not escape.circular:
        assert isinstance(watch, ResponseWatch)
        watch.replaying = True
        calls = replayed(grounder, watch, path, None)
        why = "may be broken so; no times were found at which a kernel takes these steps"
    if calls is not None:
        why = "a kernel takes these steps when it is replayed"
    return Verdict(
        asked.claim, "not proved" if calls is None else "refuted", _scope(instance), "exploration; " + ABSTRACTION,
        _assumes(grounder, watch), space.states, space.seconds, why, steps, calls or (),
    )  # fmt: skip


def _refuted(
    asked: Property, watch: Watch, number: int, instance: Instance, grounder: Grounder, space: Space
) -> Verdict:
    state, event = space.bad[number]
    path = unmerged(grounder.plain, [step for step, _ in space.path(state)])
    calls = replayed(grounder, watch, path, event)
    steps = story.describe_path(
        grounder.net, grounder.plain, path if event is None else [*path, event]
    )
    status: Status = "refuted"
    why = "a kernel takes these steps when it is replayed"
    if calls is None:
        status, why = (
            "not proved",
            "may be broken so; no times were found at which a kernel takes these steps",
        )
    return Verdict(
        asked.claim, status, _scope(instance), "exploration; " + ABSTRACTION, _assumes(grounder, watch),
        space.states, space.seconds, why, steps, calls or (),
    )  # fmt: skip
