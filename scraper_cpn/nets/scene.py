"""What the nets of this folder share as programs: `python -m scraper_cpn.nets.NAME`.

Owns: their command line. A net of this folder is a `Scene`: the net, its effects, and tokens to begin with.
Must not know: any of the nets.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import anyio
import msgspec
from msgspec import Struct

from scraper_cpn.cluster import Work, create, join, run_worker
from scraper_cpn.draw import draw
from scraper_cpn.net import Net, NetError, Row
from scraper_cpn.run.live import run_net
from scraper_cpn.store.port import StoreError


class Scene(Struct, frozen=True):
    """A net that can be run.

    Attributes:
        net: the net.
        effects: what each of its effects does.
        tokens: to begin with, by the name of their place.
        partitions: into how many it is divided on a database, if its net has a partition key.
    """

    net: Net
    effects: Mapping[str, Any]
    tokens: Mapping[str, Sequence[Any]]
    partitions: int = 1


def main(scene: Scene, arguments: Sequence[str] | None = None) -> int:
    """Run a scene, or draw it; returns the exit code: 0 if the run has finished, 1 if it ended otherwise, 2 on a mistake.

    What reaches a sink is printed, a line of JSON each.
    """
    parser = argparse.ArgumentParser(description=f"Run the net {scene.net.name}.")
    parser.add_argument(
        "--keep", metavar="FILE", help="keep the run in FILE; if FILE exists, continue its run"
    )
    parser.add_argument(
        "--wait", action="store_true", help="wait until another process leaves FILE"
    )
    parser.add_argument(
        "--database",
        metavar="ADDRESS",
        help="be one of many workers that run it on a PostgreSQL, postgres://user@host/db?name=run; "
        "the first one begins the run",
    )
    parser.add_argument(
        "--draw", action="store_true", help="print the net as Mermaid, and do not run it"
    )
    given = parser.parse_args(arguments)
    if given.draw:
        sys.stdout.write(draw(scene.net))
        return 0
    try:
        if given.database is not None:
            return anyio.run(_share, scene, given.database)
        return anyio.run(_run, scene, given.keep, given.wait)
    except (NetError, StoreError) as error:
        sys.stderr.write(f"{scene.net.name}: {error}\n")
        return 2


async def _run(scene: Scene, keep: str | None, wait: bool) -> int:
    tokens = _tokens(scene)
    ran = await run_net(scene.net, scene.effects, tokens, keep=keep, wait=wait, on_row=_tell)
    sys.stderr.write(f"{scene.net.name}: {ran.ended}\n")
    return 0 if ran.ended == "finished" else 1


async def _share(scene: Scene, address: str) -> int:
    """Be a worker of the scene's run, which the first one makes."""
    if scene.net.partition is None:
        raise NetError(
            f"net {scene.net.name}: has no partition key, and so is run by one process; leave out --database"
        )
    work = Work(scene.net, scene.effects, on_row=_tell)
    try:
        crawl = await create(address, work, _tokens(scene), partitions=scene.partitions)
    except StoreError as error:
        if error.kind != "exists":
            raise
        crawl = await join(address, work)
    ended = await run_worker(crawl, work, tell=_complain)
    sys.stderr.write(f"{scene.net.name}: {ended}\n")
    return 0 if ended == "finished" else 1


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _tokens(scene: Scene) -> dict[Any, Sequence[Any]]:
    return {scene.net.places[name]: colours for name, colours in scene.tokens.items()}


def _tell(row: Row) -> None:
    line = {"sink": row.sink, **msgspec.to_builtins(row.colour)}
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()
