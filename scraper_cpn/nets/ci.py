"""Continuous integration: builds fork into steps by a matrix, steps need agents of their tag, artifacts are joined.

A step and an agent are joined by their tag, the artifacts of a build by the build; a release takes exactly as many
artifacts as the matrix has rows. A build that is cancelled, or one of whose steps is broken, gives up the steps that
wait and the artifacts that are there; what runs meanwhile ends by itself and is swept up.
"""

from __future__ import annotations

import anyio
from msgspec import Struct

from scraper_cpn.net import Lost, Net, absent, hold, on, put, read, take
from scraper_cpn.nets.scene import Scene, main

MATRIX = (("linux", "3.11"), ("linux", "3.12"), ("mac", "3.12"))
"""Tag of the agent, and version: the steps of every build."""


ATTEMPTS = 3


class Build(Struct, frozen=True):
    """Something to build."""

    build: str


class Step(Struct, frozen=True):
    """One row of the matrix, of a build."""

    build: str
    tag: str
    version: str


class Agent(Struct, frozen=True):
    """A machine that runs steps of one tag, one at a time."""

    name: str
    tag: str


class Artifact(Struct, frozen=True):
    """What a step made."""

    build: str
    name: str


class Release(Struct, frozen=True):
    """A build all of whose steps passed."""

    build: str
    artifacts: tuple[str, ...]


class Stopped(Struct, frozen=True):
    """A build that was cancelled or is broken."""

    build: str
    reason: str


class Passed(Struct, frozen=True):
    """The outcome of a step that made something."""

    name: str


class Broken(Struct, frozen=True):
    """The outcome of a step that did not."""

    reason: str


def ci_net() -> Net:
    """Builds, agents and cancellations come in; releases and stopped builds leave."""
    net = Net("ci")
    builds = net.place("builds", Build, source=True, work=True)
    cancels = net.place("cancels", Build, key="build", source=True)
    agents = net.place("agents", Agent, key="tag", source=True)
    open_builds = net.place("open_builds", Build, key="build", work=True)
    steps = net.place("steps", Step, key=("build", "tag"), work=True)
    artifacts = net.place("artifacts", Artifact, key="build")
    stopping = net.place("stopping", Stopped, key="build", work=True)
    over = net.place("over", Build, key="build")
    releases, stopped = net.sink("releases", Release), net.sink("stopped", Stopped)
    run = net.effect("run", Passed | Broken)

    net.transition("fork", [builds], outputs=[put(open_builds), put(steps, _forked, builds)])
    # Before anything else, so that nothing begins for a build that is over.
    net.transition(
        "cancel",
        [cancels, read(open_builds)],
        outputs=[put(stopping, _cancelled, cancels)],
        priority=-2,
    )
    ending = [put(stopped), put(over, _ended, stopping)]
    net.transition("stop", [stopping, take(open_builds)], outputs=ending, priority=-2)
    net.transition("stop_twice", [stopping, absent(open_builds)], priority=-1)
    net.transition("cancel_late", [cancels, absent(open_builds)], priority=1)
    net.transition("drop", [read(over), take(steps, all=True)], priority=-1)
    net.transition("sweep", [read(over), take(artifacts, all=True)], priority=-1)

    net.transition(
        "run",
        [steps, hold(agents)],
        join="tag",
        effect=run(steps, agents),
        outcomes=[
            on(Passed, put(artifacts, _artifact, steps, Passed)),
            on(Broken, put(stopping, _broken, steps, Broken)),
            on(Lost, put(stopping, _lost, steps, Lost)),
        ],
        attempts=ATTEMPTS,
    )
    made = take(artifacts, len(MATRIX))
    net.transition(
        "release", [open_builds, made], outputs=[put(releases, _release, open_builds, made)]
    )
    return net


def _forked(build: Build) -> list[Step]:
    return [Step(build.build, tag, version) for tag, version in MATRIX]


def _cancelled(build: Build) -> Stopped:
    return Stopped(build.build, "it was cancelled")


def _ended(stopped: Stopped) -> Build:
    return Build(stopped.build)


def _broken(step: Step, why: Broken) -> Stopped:
    return Stopped(step.build, f"{step.tag} {step.version}: {why.reason}")


def _lost(step: Step, why: Lost) -> Stopped:
    return Stopped(step.build, why.reason)


def _artifact(step: Step, passed: Passed) -> Artifact:
    return Artifact(step.build, passed.name)


def _release(build: Build, made: tuple[Artifact, ...]) -> Release:
    return Release(build.build, tuple(sorted(artifact.name for artifact in made)))


async def run(step: Step, agent: Agent) -> Passed | Broken:
    """Pretend to run a step: whatever is called `bad` is broken."""
    await anyio.sleep(0.02)
    if step.build == "bad":
        return Broken(f"a test failed on {agent.name}")
    return Passed(f"{step.build}-{step.tag}-{step.version}")


def scene(builds: int = 6) -> Scene:
    """Some builds, one of them bad, on three agents."""
    listed = [Build(f"b{number}") for number in range(builds)] + [Build("bad")]
    agents = [Agent("l1", "linux"), Agent("l2", "linux"), Agent("m1", "mac")]
    return Scene(ci_net(), {"run": run}, {"agents": agents, "builds": listed})


if __name__ == "__main__":
    raise SystemExit(main(scene()))
