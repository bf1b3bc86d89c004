"""A reduced search finds the same dead states as the whole one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from scraper_cpn.analysis import ExplorationLimits, stubborn
from scraper_cpn.analysis.explore import Explorer
from scraper_cpn.analysis.ground import Grounder
from scraper_cpn.analysis.monitor import Everything
from scraper_cpn.analysis.plain import Atom, Event, New, PlainNet
from scraper_cpn.analysis.pnml import write_pnml
from scraper_cpn.analysis.space import Space
from scraper_cpn.analysis.stubborn import StubbornExplorer, Touched
from scraper_cpn.cli.main import main
from tests.analysis import cases
from tests.analysis.contest import databases, kanban, philosophers
from tests.effort import effort

NETS = effort(300, 20_000)
LIMITS = ExplorationLimits(states=2_000)


def random_net(seed: int) -> PlainNet:
    """A few resources that events pass on; some test, lack, are bounded, put what is new, forget or go first."""
    random = Random(seed)
    plain = PlainNet("random")
    atoms = [plain.atom(Atom("token", f"p{n}"), random.randrange(3)) for n in range(7)]
    keys = [plain.atom(Atom("key", f"k{n}"), random.randrange(2)) for n in range(2)]
    odd = random.randrange(6)
    for number in range(random.randrange(3, 9)):
        taken, *put = random.sample(atoms, random.choice((1, 2, 2, 2, 3)))
        change = {taken: -1, **dict.fromkeys(put[:1], 1)}
        needs = {taken: random.choice((1, 1, 2))}
        more: dict[str, Any] = {}
        if odd == 1 and random.random() < 0.6:
            needs.setdefault(random.choice(atoms), 1)
        if odd == 2 and random.random() < 0.6:
            more["absent"] = tuple({random.choice(atoms)} - needs.keys())
        if odd == 3:
            more["room"] = dict.fromkeys(put[:1], random.choice((0, 1)))
        if odd == 4 and random.random() < 0.7:
            more["news"] = (_new(random, random.choice(keys), atoms, keys),)
        if odd == 5:
            rank = random.randrange(3)
            more |= {"rank": rank, "urgent": random.random() < 0.5}
        plain.events.append(Event("fire", f"t{number}", needs, change, **more))
    return plain


def _new(random: Random, key: int, atoms: list[int], keys: list[int]) -> New:
    if random.random() < 0.4:
        return New(key, {}, forgets=True)
    fresh = tuple(other for other in keys if other != key and random.random() < 0.5)
    return New(key, {random.choice(atoms): 1}, fresh)


def dead(space: Space) -> set[frozenset[tuple[int, int]]]:
    """The dead states, by the numbers of their atoms."""
    return {frozenset(space.numbers(state).items()) for state in space.dead}


def whole(plain: PlainNet, limits: ExplorationLimits | None = None) -> Space:
    """All states."""
    return Explorer(plain, [Everything()], limits).run()


@cache
def random_nets() -> list[tuple[PlainNet, Space]]:
    """Those of which all states were found."""
    plains = [random_net(seed) for seed in range(NETS)]
    explored = [(plain, whole(plain, LIMITS)) for plain in plains]
    return [(plain, space) for plain, space in explored if space.whole]


def lost(nets: Iterable[tuple[PlainNet, Space]]) -> int:
    """In how many nets the reduced search finds other dead states."""
    return sum(dead(StubbornExplorer(plain, LIMITS).run()) != dead(space) for plain, space in nets)


def test_random_nets_have_the_same_dead_states() -> None:
    """With tests, absences, bounds, new keys, forgetting and priorities; many of the nets have fewer states so."""
    nets = random_nets()
    assert lost(nets) == 0
    fewer = [StubbornExplorer(plain).run().states < space.states for plain, space in nets]
    several = [len(space.dead) > 1 for _, space in nets]
    assert min(sum(fewer), sum(several)) > NETS // 5


NOTHING: set[int] = set()


@pytest.mark.parametrize("part", ["needs", "bears", "decide", "raises", "lowers", "order"])
def test_a_mistake_in_what_depends_is_found(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part of the relation is needed: without it dead states are lost."""
    if part == "order":
        monkeypatch.setattr(stubborn, "ordered", lambda events: [])
    else:
        true = stubborn.touched
        less: Mapping[str, Any] = {part: NOTHING}

        def wrong(event: Event) -> Touched:
            return replace(true(event), **less)

        monkeypatch.setattr(stubborn, "touched", wrong)
    assert lost(random_nets()) > 0


@pytest.mark.parametrize(
    ("plain", "most"),
    [
        (philosophers(5), 243),
        (philosophers(6), 610),
        (philosophers(7), 1_600),
        (kanban(2), 100),
        (kanban(3), 100),
        (databases(6), 70),
    ],
    ids=lambda value: value.name if isinstance(value, PlainNet) else "",
)
def test_known_nets_have_the_same_dead_states_in_fewer(plain: PlainNet, most: int) -> None:
    """Each dead state has a way to it."""
    reduced = StubbornExplorer(plain).run()
    assert dead(reduced) == dead(whole(plain))
    assert reduced.states < most
    for state in reduced.dead:
        assert reduced.path(state)[-1][1] == state


@pytest.mark.parametrize(
    "case",
    [
        cases.databuild_case(),
        cases.jobs_case(),
        cases.ring_case(),
        cases.philosophers_case(3),
    ],
    ids=lambda case: case[0].name,
)
def test_grounded_nets_have_the_same_dead_states(case: cases.Case) -> None:
    """Of the nets that come with the kernel."""
    grounder = Grounder(*case, cap=1)
    grounder.relaxed()
    assert dead(StubbornExplorer(grounder.plain).run()) == dead(whole(grounder.plain))


@pytest.mark.slow
def test_large_nets_have_the_same_dead_states_in_fewer() -> None:
    """Ten philosophers in 25,087 states instead of 59,049."""
    plain = philosophers(10)
    reduced = StubbornExplorer(plain).run()
    assert (reduced.states, dead(reduced)) == (25_087, dead(whole(plain)))


def test_the_command_says_that_it_is_reduced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It counts dead states alone; for any other question it is refused in one line."""
    path = str(tmp_path / "net.pnml")
    write_pnml(kanban(2), path)
    assert main(["verify", path, "--reduce"]) == 0
    assert capsys.readouterr().out == "Kanban: 0 dead; reduced: 50 states were seen\n"
    for words, line in (
        (["--reduce"], "keeps the dead states of a net in PNML"),
        ([path, "--reduce", "--kernel", "native"], "leave out --kernel native"),
    ):
        assert main(["verify", *words]) == 2
        message = capsys.readouterr().err
        assert line in message
        assert message.count("\n") == 1
