"""Cycles that can fire endlessly without time passing are reported, unless something may stop them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import Lost, Net, NetWarning, checked, on, put, take
from scraper_cpn.net.endless import endless


class Ball(Struct, frozen=True):
    hits: int = 0


class Hit(Struct, frozen=True):
    pass


def rally(back: Callable[[Net, Any, Any], Any]) -> Net:
    """A ball goes from left to right, and back in some way."""
    net = Net("rally")
    left = net.place("left", Ball, source=True, timed=True)
    right = net.place("right", Ball)
    net.transition("over", [left], outputs=[put(right)])
    back(net, left, right)
    return net


def at_once(net: Net, left: Any, right: Any) -> None:
    net.transition("back", [right], outputs=[put(left)])


def later(net: Net, left: Any, right: Any) -> None:
    net.transition("back", [right], outputs=[put(left, after_ns=1)])


def counted(net: Net, left: Any, right: Any) -> None:
    net.transition("back", [right], outputs=[put(left, lambda ball: Ball(ball.hits + 1), right)])


def guarded(net: Net, left: Any, right: Any) -> None:
    net.transition("back", [take(right, when=lambda ball: ball.hits < 3)], outputs=[put(left)])


def by_hand(net: Net, left: Any, right: Any) -> None:
    net.transition("back", [right], outputs=[put(left)], manual=True)


def with_an_effect(net: Net, left: Any, right: Any) -> None:
    hit = net.effect("hit", Hit)
    outcomes = [on(Hit, put(left, lambda ball: ball, right)), on(Lost)]
    net.transition("back", [right], effect=hit(right), outcomes=outcomes)


def test_a_ball_that_nobody_stops_is_reported() -> None:
    """The line names the transitions, and the net is accepted."""
    with pytest.warns(
        NetWarning, match="net rally may fire endlessly: back, over: can fire endlessly"
    ):
        checked(rally(at_once))


@pytest.mark.parametrize("back", [later, counted, guarded, by_hand, with_an_effect])
def test_a_cycle_that_something_may_stop_is_not_reported(
    back: Callable[[Net, Any, Any], Any],
) -> None:
    """Time, a function that makes the token, a guard, a hand, an effect."""
    assert endless(rally(back)) == []


def test_a_cycle_of_numbers_is_reported() -> None:
    """Two lights that share one right of way, as a classic net."""
    net = Net("lights")
    free = net.counter("free", start=1)
    for side in ("north", "east"):
        red, green = net.counter(f"{side}_red", start=1), net.counter(f"{side}_green", start=0)
        net.transition(f"{side}_go", [take(red), take(free)], outputs=[put(green)])
        net.transition(f"{side}_stop", [take(green)], outputs=[put(red), put(free)])
    assert [line.split(":")[0] for line in endless(net)] == [
        "north_go, north_stop",
        "east_go, east_stop",
    ]


def test_a_long_chain_costs_little() -> None:
    """What leads nowhere is looked at within bounds."""
    net = Net("chain")
    places = [net.counter(f"p{n}", start=int(n == 0)) for n in range(400)]
    for number, (here, there) in enumerate(pairwise(places)):
        net.transition(f"t{number}", [take(here)], outputs=[put(there)])
    assert endless(net) == []
