"""The build farm: the kernel alone runs something that has nothing to do with scraping."""

import ast
import doctest
from pathlib import Path
from typing import Any

from scraper_cpn.net import Interpreter, Lost, Marking
from scraper_cpn.nets import buildfarm
from scraper_cpn.nets.buildfarm import (
    SECOND,
    Broken,
    Build,
    Built,
    Failure,
    Machine,
    Package,
    Uploaded,
    build_farm,
)

HOUR = 3600 * SECOND


def farm(licences: int = 9, builds: int = 1, machines: int = 1) -> Interpreter:
    """A farm for one platform."""
    kernel = Interpreter(build_farm(licences))
    for number in range(machines):
        inject(kernel, "machines", Machine(f"m{number}", "arm"))
    for number in range(builds):
        inject(kernel, "builds", Build(f"b{number}", "arm", HOUR), expires_at_ns=HOUR)
    return kernel


def inject(kernel: Interpreter, place: str, colour: Any, **times: int) -> None:
    kernel.inject(kernel.net.places[place], colour, 0, **times)  # type: ignore[arg-type]


def begun(kernel: Interpreter, now_ns: int = 0) -> list[tuple[int, str]]:
    """Start all that can start: the firings' ids and effects."""
    firings = kernel.step(now_ns).firings
    for firing in firings:
        kernel.started(firing.id, now_ns)
    return [(firing.id, firing.effect) for firing in firings]


def stands(marking: Marking, place: str) -> list[Any]:
    return [token.colour for token in marking.tokens if token.place == place]


def test_the_example_in_the_documentation_runs() -> None:
    """Its trace is what the page says."""
    result = doctest.testmod(buildfarm)
    assert (result.failed, result.attempted > 10) == (0, True)


def test_it_imports_the_kernel_and_nothing_else_of_ours() -> None:
    """The package is usable alone."""
    tree = ast.parse(Path(buildfarm.__file__).read_text())
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert sorted(str(module) for module in modules) == ["msgspec", "scraper_cpn.net"]


def test_a_build_needs_a_machine_and_a_licence() -> None:
    """Whichever is fewer says how many run."""
    assert len(begun(farm(licences=2, builds=5, machines=3))) == 2
    assert len(begun(farm(licences=4, builds=5, machines=3))) == 3


def test_a_build_fails_three_times_and_is_given_up() -> None:
    """Two seconds after the first failure, four after the second; a crash counts as one."""
    kernel, now_ns = farm(), 0
    for outcome, wait_ns in ((Broken("x"), 2 * SECOND), (Lost("y"), 4 * SECOND), (Broken("z"), 0)):
        ((firing, _),) = begun(kernel, now_ns)
        kernel.complete(firing, outcome, now_ns)
        wake_ns = kernel.step(now_ns).wake_ns
        assert wake_ns == (now_ns + wait_ns if wait_ns else None)
        now_ns += wait_ns
    assert [row.colour for row in kernel.drain()] == [Failure("b0", "z")]
    assert kernel.ended(now_ns) == "finished"


def test_a_build_loses_patience() -> None:
    """Without a machine it is given up when its time has passed, not before."""
    kernel = farm(machines=0)
    assert kernel.step(0).wake_ns == HOUR
    assert kernel.step(HOUR).wake_ns is None
    assert [row.colour for row in kernel.drain()] == [Failure("b0", "no machine in time")]


def test_a_slow_upload_stops_the_builds() -> None:
    """One upload and room for four packages: the room is reserved before a build begins."""
    kernel = farm(builds=9, machines=9)
    for _ in range(2):
        for firing, effect in begun(kernel):
            if effect == "build":
                kernel.complete(firing, Built(1), 0)
    assert begun(kernel) == []
    assert (kernel.count("builds"), kernel.in_flight()) == (5, 1)
    (uploading,) = kernel.marking().flights
    kernel.complete(uploading.id, Uploaded(), 0)
    assert [effect for _, effect in begun(kernel)] == ["build", "upload"]
    assert [row.colour for row in kernel.drain()] == [Package("b0", 1)]


def test_a_lost_upload_is_tried_again() -> None:
    """The package goes back to its place, and the line is free for it."""
    kernel = farm()
    ((build, _),) = begun(kernel)
    kernel.complete(build, Built(7), 0)
    ((upload, effect),) = begun(kernel)
    assert effect == "upload"
    kernel.complete(upload, Lost("line cut"), 0)
    assert stands(kernel.marking(), "packages") == [Package("b0", 7)]
    assert [effect for _, effect in begun(kernel)] == ["upload"]
