"""A small make: wants spread to the parts that they need, and each part is built once, as soon as it can be.

    python -m scraper_cpn.nets.databuild FILE.toml WANT...

The file has a table for each part: `[NAME]`, with `run` (a command for the shell) and, where it has some,
`needs` (a list of names). A part that is wanted by several is built once. A command that fails is run again, up to
three times; a part that can't be built fails those that need it. With `--keep FILE`, what was built stays
built across a crash, and `--again NAME` builds a part anew.

A part reads as many tokens of its own key as it has needs: each need that is there has put one.
"""

from __future__ import annotations

import asyncio
import sys
import tomllib
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import msgspec
from msgspec import Struct

from scraper_cpn.net import Lost, Net, NetError, Row, choose, hold, on, put, put_new, read, remove
from scraper_cpn.run.live import running
from scraper_cpn.store.port import StoreError

ATTEMPTS = 3
Needs = Mapping[str, Sequence[str]]
"""The needs of each part."""


class Want(Struct, frozen=True):
    """A requested part."""

    part: str


class Job(Struct, frozen=True):
    """A part to build."""

    part: str
    attempt: int = 1


class Ready(Struct, frozen=True):
    """One of a part's needs is there."""

    part: str
    need: str


class Fault(Struct, frozen=True):
    """An attempt that did not work."""

    job: Job
    detail: str


class Part(Struct, frozen=True):
    """A row: what became of a part."""

    part: str
    detail: str = ""


class Built(Struct, frozen=True):
    """The outcome of a command that worked."""


class Failed(Struct, frozen=True):
    """The outcome of one that did not."""

    detail: str


class Again(Struct, frozen=True):
    """Try once more."""


class Over(Struct, frozen=True):
    """Give up."""


def databuild_net(needs: Needs, jobs_at_once: int = 4) -> Net:
    """The net of a file: `wants` and parts to build `anew` come in; `built` and `broken` parts leave."""
    users: dict[str, list[str]] = {name: [] for name in needs}
    for name, listed in needs.items():
        for need in listed:
            users[need].append(name)

    def needed(want: Want) -> list[Want]:
        return [Want(need) for need in needs[want.part]]

    def node(want: Want) -> Job | None:
        return Job(want.part) if needs[want.part] else None

    def leaf(want: Want) -> Job | None:
        return None if needs[want.part] else Job(want.part)

    def ready_for_users(job: Job) -> list[Ready]:
        return [Ready(user, job.part) for user in users[job.part]]

    net = Net("databuild")
    wants = net.place("wants", Want, source=True, work=True)
    anew = net.place("anew", Want, source=True, work=True)
    wanted = net.set("wanted", Want, key="part")
    spread = net.place("new_wants", Want, work=True)
    waiting = net.place("waiting", Job, key="part", work=True)
    ready = net.place("ready", Ready, key="part")
    known = net.set("known", Ready, key=("part", "need"))
    jobs = net.place("jobs", Job, work=True)
    faults = net.place("faults", Fault, work=True)
    slots = net.counter("slots", start=jobs_at_once)
    built, broken = net.sink("built", Part), net.sink("broken", Part)
    run = net.effect("run", Built | Failed)

    net.transition("again", [anew], outputs=[remove(wanted, anew), put(wants)], priority=-1)
    net.transition("want", [wants], outputs=[put_new(wanted, spread, _same, wants)])
    spreading = [put(wants, needed, spread), put(waiting, node, spread), put(jobs, leaf, spread)]
    net.transition("spread", [spread], outputs=spreading)
    all_there = read(ready, at_least=lambda part: len(needs[part]))
    net.transition("wait", [waiting, all_there], outputs=[put(jobs)])
    net.transition(
        "run",
        [jobs, hold(slots)],
        effect=run(jobs),
        outcomes=[
            on(Built, put(built, _built, jobs), put_new(known, ready, ready_for_users, jobs)),
            on(Failed, put(faults, _failed, jobs, Failed)),
            on(Lost, put(faults, _lost, jobs, Lost)),
        ],
    )
    ends = [on(Again, put(jobs, _again, faults)), on(Over, put(broken, _broken, faults))]
    net.transition("judge", [faults], choice=choose(_verdict, faults), outcomes=ends)
    return net


def _same(want: Want) -> Want:
    return want


def _built(job: Job) -> Part:
    return Part(job.part)


def _failed(job: Job, failed: Failed) -> Fault:
    return Fault(job, failed.detail)


def _lost(job: Job, lost: Lost) -> Fault:
    return Fault(job, lost.reason)


def _verdict(fault: Fault) -> Again | Over:
    return Again() if fault.job.attempt < ATTEMPTS else Over()


def _again(fault: Fault) -> Job:
    return Job(fault.job.part, fault.job.attempt + 1)


def _broken(fault: Fault) -> Part:
    return Part(fault.job.part, fault.detail)


class Table(Struct, forbid_unknown_fields=True):
    """What a file says of a part."""

    run: str
    needs: list[str] = []


def read_file(path: Path) -> dict[str, Table]:
    """The parts of a file.

    Raises:
        ValueError: in one line: it can't be read, or a part needs what is not there, or itself.
    """
    try:
        parts = msgspec.convert(tomllib.loads(path.read_text()), dict[str, Table])
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error
    for name, part in parts.items():
        for need in part.needs:
            if need not in parts:
                raise ValueError(f"{path}: {name} needs {need}, which has no table; add [{need}]")
    try:
        for name in parts:
            _refuse_circle(parts, name, ())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return parts


def _refuse_circle(parts: Mapping[str, Table], name: str, above: tuple[str, ...]) -> None:
    if name in above:
        raise ValueError(f"{' needs '.join([*above[above.index(name) :], name])}; break the circle")
    for need in parts[name].needs:
        _refuse_circle(parts, need, (*above, name))


async def build(
    parts: Mapping[str, Table], wants: Sequence[str], anew: Sequence[str], keep: str | None
) -> int:
    """Build what is wanted; returns the exit code: 0 if everything was built."""
    net = databuild_net({name: part.needs for name, part in parts.items()})
    broken: list[str] = []

    async def run(job: Job) -> Built | Failed:
        process = await asyncio.create_subprocess_shell(parts[job.part].run)
        code = await process.wait()
        return Built() if code == 0 else Failed(f"exit code {code}")

    def tell(row: Row) -> None:
        part: Part = row.colour
        broken.extend([part.part] if row.sink == "broken" else [])
        sys.stdout.write(f"{row.sink:7} {part.part}{f': {part.detail}' if part.detail else ''}\n")

    async with running(net, {"run": run}, keep=keep, on_row=tell) as live:
        places: Any = net.places
        for name in anew:
            live.inject(places["anew"], Want(name))
        for name in wants:
            live.inject(places["wants"], Want(name))
        ran = await live.finish()
    for token in ran.marking.tokens:
        if token.place == "waiting":
            sys.stdout.write(f"not built {token.colour.part}: what it needs is broken\n")
    return 0 if ran.ended == "finished" and not broken else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code: 2 on a mistake."""
    parser = ArgumentParser(prog="databuild", description="Build parts and what they need.")
    parser.add_argument("file", type=Path, metavar="FILE.toml")
    parser.add_argument("wants", nargs="*", metavar="WANT", help="parts to build")
    parser.add_argument(
        "--again", action="append", default=[], metavar="PART", help="build it anew"
    )
    parser.add_argument("--keep", metavar="FILE", help="remember in FILE what was built")
    given = parser.parse_args(arguments)
    try:
        parts = read_file(given.file)
        for name in (*given.wants, *given.again):
            if name not in parts:
                raise ValueError(f"{given.file}: has no part {name}; it has {', '.join(parts)}")
        return anyio.run(build, parts, given.wants, given.again, given.keep)
    except (ValueError, NetError, StoreError) as error:
        sys.stderr.write(f"databuild: {error}\n")
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
