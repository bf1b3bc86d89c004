"""Many runs in one net: each ends on its own."""

from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import Lost, Net, NetError, hold, on, put
from tests.net.running import Execution, boom, inject, kernel_of

pytestmark = pytest.mark.usefixtures("both_executions")


class Job(Struct, frozen=True):
    run: str
    n: int


class Good(Struct, frozen=True):
    pass


def farm() -> Net:
    net = Net("farm", run="run")
    jobs = net.place("jobs", Job, key="run", timed=True, source=True, work=True)
    parts = net.place("parts", Job, key="run", source=True)
    machines = net.counter("machines", start=2)
    left = net.counter("left", start=2, key="run", budget=True)
    done = net.sink("done", Job)
    work = net.effect("work", Good)
    net.transition(
        "work",
        [jobs, parts, hold(machines), hold(left)],
        effect=work(jobs),
        outcomes=[on(Good, put(done, lambda job: job, jobs)), on(Lost)],
    )
    return net


def ends(kernel: Execution, now_ns: int = 0) -> list[str | None]:
    return [kernel.ended(now_ns, run=run) for run in ("a", "b", "c")]


def finish(kernel: Execution, firing_id: int) -> None:
    kernel.started(firing_id, 0)
    kernel.complete(firing_id, Good(), 0)


def test_each_run_ends_on_its_own() -> None:
    """R50: one is finished while another works, and a third is stuck once nothing can help it."""
    kernel, _ = kernel_of(farm())
    inject(kernel, "jobs", Job("a", 1), Job("b", 1), Job("c", 1))
    inject(kernel, "parts", Job("a", 1), Job("b", 1))
    first, second = kernel.step(0).firings
    assert ends(kernel) == [None, None, None]
    finish(kernel, first.id)
    assert ends(kernel) == ["finished", None, None]
    assert kernel.ended(0) is None
    finish(kernel, second.id)
    assert ends(kernel) == ["finished", "finished", "stuck"]


def test_a_useful_time_of_another_run_keeps_no_run_alive() -> None:
    """R50: what waits for its time keeps its own run going, and no other one."""
    kernel, _ = kernel_of(farm())
    inject(kernel, "jobs", Job("a", 1), ready_at_ns=9)
    inject(kernel, "parts", Job("a", 1))
    inject(kernel, "jobs", Job("b", 1))
    assert ends(kernel) == [None, "stuck", "finished"]
    inject(kernel, "parts", Job("b", 1))
    assert ends(kernel)[1] is None


def test_a_run_whose_budget_is_at_its_end_is_spent() -> None:
    """R30, R50: of a budget with a number for each run, its own one counts."""
    net = farm()
    net.transition("waste", [net.places["parts"], net.places["left"]], join="run", priority=-1)  # type: ignore[list-item]
    kernel, _ = kernel_of(net)
    inject(kernel, "parts", *(Job(run, n) for run in "aab" for n in (1, 2)))
    inject(kernel, "jobs", Job("a", 1), Job("c", 1))
    kernel.step(0)
    assert ends(kernel) == ["spent", "finished", "stuck"]


def test_a_run_with_tokens_that_were_set_aside_is_faulted() -> None:
    """R27, R50: what was set aside of another run is its own affair."""
    net = farm()
    parts: Any = net.places["parts"]
    net.transition("waste", [parts], outputs=[put(net.places["done"], boom, parts)])  # type: ignore[arg-type]
    kernel, _ = kernel_of(net)
    inject(kernel, "parts", Job("a", 1))
    kernel.step(0)
    assert ends(kernel) == ["faulted", "finished", "finished"]
    assert ends(type(kernel).load(net, kernel.marking())) == ends(kernel)


def test_a_net_without_a_key_for_runs_says_so() -> None:
    """R35: what to declare."""
    kernel, _ = kernel_of(Net("plain"))
    with pytest.raises(NetError, match='declare one: Net\\("plain", run="key"\\)'):
        kernel.ended(0, run="a")
