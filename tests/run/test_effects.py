"""Effects are bound before anything runs: what is missing or wrong is one line each."""

from __future__ import annotations

from typing import Any

import pytest

from scraper_cpn.net import Net, NetError, compile_net
from scraper_cpn.run.clock import Clock
from scraper_cpn.run.effects import Plain
from scraper_cpn.run.shell import Shell
from scraper_cpn.simulate.driver import run
from tests.net.ping import Host, Job, Ok, ping_net

pytestmark = pytest.mark.anyio


def ping(_job: Job) -> Ok:
    return Ok()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "net ping, effect ping: is bound to nothing; give a function for it in the effects"),
    (
        {"ping": ping, "pong": ping},
        "net ping, effect pong: is no effect of the net, which has ping; remove it",
    ),
    (
        {"ping": "ping"},
        "net ping, effect ping: is bound to 'ping', which can't be called; give a function",
    ),
]


@pytest.mark.parametrize(("effects", "line"), WRONG)
def test_effects_that_are_bound_wrongly_are_refused(effects: dict[str, Any], line: str) -> None:
    """When the shell is made, not when an effect is needed for the first time."""
    with pytest.raises(NetError) as caught:
        Shell(compile_net(ping_net()), effects, Clock())
    assert caught.value.problems == (line,)


def test_virtual_effects_that_are_missing_are_refused() -> None:
    """The same in virtual time."""
    with pytest.raises(NetError, match="effect ping: is bound to nothing"):
        run(compile_net(ping_net()), {}, 0)


@pytest.mark.parametrize("effect", [ping, Plain(ping)])
async def test_a_bare_function_is_an_effect(effect: Any) -> None:
    """Whether it is wrapped or not, the run ends."""
    net: Net = ping_net()
    kernel, clock = compile_net(net), Clock()
    places: Any = net.places
    kernel.inject(places["jobs"], Job("a"), clock.now_ns())
    kernel.inject(places["hosts"], Host("a"), clock.now_ns())
    assert await Shell(kernel, {"ping": effect}, clock).run() == "finished"
