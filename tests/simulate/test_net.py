"""What `simulate_net`, `run_net` and `draw` are given that they can't take is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from scraper_cpn.draw import draw
from scraper_cpn.net import Net, NetError, checked, compile_net
from scraper_cpn.run.live import run_net
from scraper_cpn.simulate.net import simulate_net
from tests.net.ping import Host, Job, Ok, ping_net

NET = ping_net()
JOBS = NET.places["jobs"]


def simulated(tokens: Any, durations: Any = None) -> object:
    """Simulate pings."""
    return simulate_net(NET, {"ping": (1, Ok())} if durations is None else durations, tokens)


def live(tokens: Any, effects: Any = None) -> object:
    """Ping live."""

    async def ping(_: Job) -> Ok:
        return Ok()

    async def main() -> object:
        return await run_net(NET, {"ping": ping} if effects is None else effects, tokens)

    return anyio.run(main)


@pytest.mark.parametrize("run", [simulated, live])
@pytest.mark.parametrize(
    ("tokens", "line"),
    [
        ([Job("a")], "net ping: its tokens are [Job(host='a', attempt=1)]; give {place: [token, ...]}"),
        ({JOBS: Job("a")}, "net ping, place jobs: its tokens are Job(host='a', attempt=1); give a list of them"),
        ({JOBS: "ab"}, "net ping, place jobs: its tokens are 'ab'; give a list of them"),
        ({"jobs": [Job("a")]}, "net ping: inject wants a place of this net, not 'jobs'"),
        ({JOBS: ["a"]}, "net ping, place jobs: takes Job, not str"),
    ],
)  # fmt: skip
def test_tokens_that_are_none(run: Callable[[Any], object], tokens: Any, line: str) -> None:
    """Initial tokens are lists by place."""
    with pytest.raises(NetError) as error:
        run(tokens)
    assert error.value.problems == (line,)


_GIVE = "give (nanoseconds from 0 up, outcome), or a function that returns that"


@pytest.mark.parametrize(
    ("durations", "line"),
    [
        ([], "net ping: its durations are []; give {effect: (duration in ns, outcome)}"),
        ({"ping": 5}, f"net ping, effect ping: 5 is no duration; {_GIVE}"),
        ({"ping": (1.5, Ok())}, f"net ping, effect ping: (1.5, Ok(size=0)) is no duration; {_GIVE}"),
        ({"ping": (-1, Ok())}, f"net ping, effect ping: (-1, Ok(size=0)) is no duration; {_GIVE}"),
        ({"ping": lambda *_: None}, f"net ping, effect ping: None is no duration; {_GIVE}"),
        ({"ping": (1, Ok()), "pong": (1, Ok())}, "net ping, effect pong: is not in the net, which has ping; leave it out"),
    ],
)  # fmt: skip
def test_durations_that_are_none(durations: Any, line: str) -> None:
    """A duration is an integer and an outcome, whoever gives it."""
    with pytest.raises(NetError) as error:
        simulated({JOBS: [Job("a")], NET.places["hosts"]: [Host("a")]}, durations)
    assert error.value.problems == (line,)


def test_effects_that_are_none() -> None:
    """Effects are functions by name."""
    with pytest.raises(NetError, match=r"net ping: its effects are \[\]; give {name: function}"):
        live({}, [])


@pytest.mark.parametrize("call", [checked, compile_net])
def test_what_is_no_net(call: Callable[[Any], Net]) -> None:
    """It says what it was given."""
    with pytest.raises(NetError, match="'ping' is no net"):
        call("ping")


def test_a_form_that_nobody_draws() -> None:
    """The forms that there are are listed."""
    with pytest.raises(NetError, match="net ping: is not drawn as 'png'; give one of mermaid, dot"):
        draw(NET, form="png")  # type: ignore[arg-type]
