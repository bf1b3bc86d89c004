"""Partitions in virtual time: they do what the whole net does, whatever delays and crashes there are."""

from __future__ import annotations

from collections import Counter as Counts
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Lost,
    Marking,
    Net,
    consume,
    credit,
    hold,
    leased,
    on,
    put,
    read,
    spend,
)
from scraper_cpn.nets.regions import Ball, Passed, regions_net
from scraper_cpn.simulate.net import simulate_net
from scraper_cpn.simulate.partitions import Divided, Hazards, simulate_partitions
from tests.net.divided import KEYS, Done, Item, random_net, same

HARSH = Hazards(seed=1, delay_ns=50, crashes=20, between=4, away_ns=30)


class Tool(Struct, frozen=True):
    tool: str


class Crashed(Struct, frozen=True):
    pass


def all_tokens(markings: tuple[Marking, ...]) -> Counts[Any]:
    """The tokens of all partitions together."""
    return Counts((token.place, token.colour) for each in markings for token in each.tokens)


def all_numbers(markings: tuple[Marking, ...]) -> Counts[Any]:
    """The numbers of all partitions together: a key has one in one partition alone."""
    return Counts(
        (name, key, number)
        for each in markings
        for name, known in each.counters.items()
        for key, number in known
    )


def all_keys(markings: tuple[Marking, ...]) -> Counts[Any]:
    """The keys of the sets of all partitions together."""
    return Counts(
        (name, key) for each in markings for name, keys in each.sets.items() for key in keys
    )


def compared(seed: int, partitions: int, hazards: Hazards) -> None:
    """Run a random net whole and divided, and compare what is left and what came out."""
    random = Random(seed)
    net = random_net(random)
    items = [Item(random.choice(KEYS), number, random.randint(0, 9)) for number in range(30)]
    tokens = {net.places["p0"]: items}
    durations: dict[str, Any] = {"work": lambda item, now_ns: (item.id % 7, Done())}
    whole = simulate_net(net, durations, tokens)  # type: ignore[arg-type]
    divided = simulate_partitions(net, durations, tokens, partitions, hazards=hazards)  # type: ignore[arg-type]
    assert whole.ended == divided.ended == "finished"
    assert Counts(whole.rows) == Counts(divided.rows)
    assert all_tokens((whole.marking,)) == all_tokens(divided.markings)
    assert all_numbers((whole.marking,)) == all_numbers(divided.markings)
    assert all_keys((whole.marking,)) == all_keys(divided.markings)


@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(n, marks=pytest.mark.slow) for n in range(6, 60))]
)
def test_partitions_end_with_the_tokens_of_the_whole_net(seed: int) -> None:
    """Random nets, with delays and crashes: the same rows, tokens, numbers and keys as undivided (R51)."""
    hazards = Hazards(seed=seed, delay_ns=seed % 40, crashes=seed % 12, between=5, away_ns=seed % 9)
    compared(seed, 1 + seed % 5, hazards)


def test_balls_go_round_in_two_regions_whatever_crashes() -> None:
    """Each ball arrives once, and each pass crosses from one region to the other."""
    net, place, _ = regions_net(2)
    balls = {place: [Ball(number, number % 2, 20) for number in range(8)]}
    done = simulate_partitions(net, {"hand": (1, Passed())}, balls, 2, hazards=HARSH)
    assert (done.ended, done.crashes, done.carried) == ("finished", 20, 160)
    assert sorted(row.colour.number for row in done.rows) == list(range(8))


def budgeted(total: int) -> Net:
    """Items that cost one unit each, of a budget of all partitions; some give theirs back."""
    net = Net("budgeted", partition="key")
    items = net.place("items", Item, key="key", source=True, work=True)
    units = net.counter("units", start=total, budget=True, share=credit)
    bought, work = net.sink("bought", Item), net.effect("work", Done | Crashed)
    outcomes = [
        on(Done, put(bought, same, items), consume(units)),
        on(Crashed),
        on(Lost, put(items)),
    ]
    net.transition("buy", [items, hold(units)], effect=work(items), outcomes=outcomes)
    return net


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("total", [0, 7, 40])
def test_a_budget_of_all_partitions_is_exact(seed: int, total: int) -> None:
    """Free, held and used units are the budget at the end, and no more than the budget is used. Who fails pays nothing."""
    net = budgeted(total)
    items = [Item(KEYS[number % 5], number, 0) for number in range(50)]
    ends = {"work": lambda item, now_ns: (item.id % 5, Crashed() if item.id % 3 == 0 else Done())}
    hazards = Hazards(seed=seed, delay_ns=20, crashes=10, between=4, away_ns=15)
    done = simulate_partitions(net, ends, {net.places["items"]: items}, 4, hazards=hazards)  # type: ignore[dict-item]
    used, payers = len(done.rows), sum(item.id % 3 != 0 for item in items)
    held = sum(number for *_, number in all_numbers(done.markings))
    assert used == min(total, payers)
    assert used + held + done.free["units"] == total
    assert done.ended == ("spent" if used < payers or total == 0 else "finished")


def lending() -> Net:
    """Items that are worked on with tools, of which each is in one partition at a time."""
    net = Net("lending", partition="key")
    items = net.place("items", Item, key="key", source=True, work=True)
    tools = net.place("tools", Tool, key="tool", source=True, timed=True, share=leased)
    uses = net.counter("uses", key="tool", start=1, share=leased)
    made, work = net.sink("made", Item), net.effect("work", Done)
    net.transition(
        "work",
        [items, spend(tools, after_ns=5), hold(uses)],
        effect=work(items, tools),
        outcomes=[on(Done, put(made, same, items)), on(Lost, put(items))],
        join="tool",
    )
    net.release(tools, [read(uses)])
    return net


@pytest.mark.parametrize("seed", range(4))
def test_a_leased_token_is_in_one_partition_and_keeps_its_times(seed: int) -> None:
    """Tools are conserved, are never used twice at a time, and rest as long as they ask, whoever has them."""
    net = lending()
    starts: dict[str, list[int]] = {}

    def work(item: Item, tool: Tool, now_ns: int) -> tuple[int, Any]:
        starts.setdefault(tool.tool, []).append(now_ns)
        return 3, Done()

    tools = [Tool(f"t{number}") for number in range(6)]
    tokens: Any = {
        net.places["items"]: [Item(KEYS[n % 5], n, 0) for n in range(60)],
        net.places["tools"]: tools,
    }
    hazards = Hazards(seed=seed, delay_ns=9, crashes=5, between=6, away_ns=10, moves=30)
    done = simulate_partitions(net, {"work": work}, tokens, 3, hazards=hazards, until_ns=100_000)
    left = all_tokens(done.markings)
    assert sum(left["tools", tool] for tool in tools) == sum(left.values()) == len(tools)
    assert Counts(row.colour.id for row in done.rows) == Counts(range(60))
    for times in starts.values():
        assert all(after - before >= 5 for before, after in pairwise(times))


def test_the_same_seed_gives_the_same_run() -> None:
    """Rows, times and markings are a function of the seed."""

    def ran(seed: int) -> Divided:
        net = random_net(Random(3))
        items: Any = {net.places["p0"]: [Item("a", n, 6) for n in range(9)]}
        hazards = Hazards(seed=seed, delay_ns=30, crashes=6, between=3, away_ns=8)
        return simulate_partitions(net, {"work": (2, Done())}, items, 3, hazards=hazards)

    assert ran(1) == ran(1)
    assert ran(1).now_ns != ran(2).now_ns
