"""Invariants: sums that hold in every state that is reached, and rounds after which everything is as before."""

from __future__ import annotations

from random import Random

import pytest

from scraper_cpn.analysis import AnalysisError, Instance
from scraper_cpn.analysis.explore import Explorer
from scraper_cpn.analysis.invariants import (
    bounds,
    place_invariants,
    structure,
    transition_invariants,
)
from scraper_cpn.analysis.monitor import Everything
from scraper_cpn.analysis.plain import Atom, Event, PlainNet
from scraper_cpn.net import Net, put, take
from scraper_cpn.nets.buildfarm import Broken, Build, Built, Machine, Uploaded, build_farm
from tests.analysis.contest import kanban, philosophers


@pytest.mark.parametrize("net", [kanban(2), philosophers(4)], ids=["kanban", "philosophers"])
def test_sums_hold_in_every_state(net: PlainNet) -> None:
    """And each atom stays within the bound that they give, which is reached."""
    space = Explorer(net, [Everything()]).run()
    found, most = place_invariants(net), bounds(net)
    seen = dict.fromkeys(most, 0)
    for state in space.parents:
        numbers = space.numbers(state)
        for each in found:
            assert sum(numbers.get(a, 0) * n for a, n in each.weights.items()) == each.total
        for atom in most:
            seen[atom] = max(seen[atom], numbers.get(atom, 0))
    assert seen == most
    assert len(most) == len(net.atoms)


def test_the_invariants_of_published_nets_are_found() -> None:
    """Six sums of cards in Kanban; a fork and a seat for each philosopher."""
    assert [each.total for each in place_invariants(kanban(5))] == [5] * 6
    assert len(place_invariants(philosophers(6))) == 12


def test_a_round_changes_nothing() -> None:
    """Each philosopher eats in one order of forks, or in the other."""
    net = philosophers(5)
    rounds = transition_invariants(net)
    assert len(rounds) == 10
    for events in rounds:
        total = [0] * len(net.atoms)
        for number, times in events.items():
            for atom, change in net.events[number].change.items():
                total[atom] += change * times
        assert not any(total)


def test_sums_of_random_nets_hold_after_any_events() -> None:
    """Weights of several, and nets without invariants, too."""
    random = Random(1)
    for _ in range(60):
        net = PlainNet("n")
        atoms = [net.atom(Atom("token", f"p{n}"), random.randrange(4)) for n in range(5)]
        for _ in range(random.randrange(1, 5)):
            change = {atom: random.randrange(-2, 3) for atom in random.sample(atoms, 3)}
            net.events.append(Event("fire", "t", {}, change))
        for each in place_invariants(net):
            assert min(each.weights.values()) > 0
            for event in net.events:
                assert not sum(each.weights.get(a, 0) * n for a, n in event.change.items())


def test_the_structure_of_a_net_is_described_by_its_places() -> None:
    """What a build takes, it gives back; no state was looked at."""
    message = structure(
        build_farm(licences=2),
        Instance(
            tokens={
                "machines": [Machine("m1", "arm"), Machine("m2", "arm")],
                "builds": [Build("app", "arm", 1)],
            },
            outcomes={
                "build": lambda *_: [Built(1000), Broken("no network")],
                "upload": lambda _: [Uploaded()],
            },
        ),
    )
    assert "build in flight + machines = 1 (2 times)" in message.conserved
    assert "build in flight + licences = 2" in message.conserved
    assert "end upload, begin upload, start upload" not in str(message.conserved)
    assert str(message).startswith("net build farm\n\nwhat is conserved\n  ")


def test_too_many_invariants_are_an_error() -> None:
    """In one line, instead of an endless search."""
    many = PlainNet("many")
    for n in range(200):
        many.atom(Atom("token", f"p{n}"), 1)
    many.events.append(Event("fire", "t", {}, {n: 1 if n < 100 else -1 for n in range(200)}))
    with pytest.raises(AnalysisError, match="candidates for invariants"):
        place_invariants(many)


@pytest.mark.parametrize(("number", "shown"), [(1, True), (2, False)])
def test_equal_tokens_are_taken_together(number: int, shown: bool) -> None:
    """Two jobs become one batch, so that nothing is conserved; where no sum shows that there is one at most, that is said."""
    net = Net("batches")
    jobs = net.place("jobs", Build, source=True, work=True)
    batches = net.place("batches", Build, work=True)
    every = take(jobs, all=True)
    packed = put(batches, lambda found: found[0], every)
    net.transition("pack", [every], outputs=[packed])
    again = put(jobs, lambda job: job, batches)
    net.transition("unpack", [batches], outputs=[again], manual=True)
    found = structure(net, Instance(tokens={"jobs": [Build("app", "arm", 1)] * number}))
    assert bool(found.conserved) is shown
    assert ("jobs never has more" in str(found)) is not shown
