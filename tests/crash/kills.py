"""`python -m tests.crash.kills`: rounds of crawls that are killed until they are done.

Owns: how many rounds, which seeds, what is printed; the folder of a round that failed is kept.
Must not know: what a round is made of.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import count, islice, takewhile
from pathlib import Path

from tests.crash.rounds import Result, Round, plan_of


def played(
    seeds: Iterable[int], folder: Path, jobs: int
) -> Iterator[tuple[int, Result | BaseException]]:
    """Play the rounds of *seeds*, some at a time; gives each with what came of it.

    What a round leaves behind when it fails is in *folder*, under its seed.
    """
    waiting, running = iter(seeds), dict[Future[Result], int]()
    with ThreadPoolExecutor(jobs) as threads:
        while True:
            for seed in islice(waiting, jobs - len(running)):
                running[threads.submit(Round(plan_of(seed), folder / f"{seed}").run)] = seed
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(done), done.exception() or done.result()


def until(minutes: float) -> Iterator[bool]:
    """True again and again until so many minutes have passed."""
    end_ns = time.monotonic_ns() + int(minutes * 60e9)
    return takewhile(bool, (time.monotonic_ns() < end_ns for _ in count()))


def main(argv: list[str] | None = None) -> int:
    """Play rounds, print a line for each, and return 1 if one has failed."""
    args = _arguments(argv)
    rounds = range(args.rounds) if args.minutes is None else until(args.minutes)
    seeds = (args.seed + number for number, _ in enumerate(rounds))
    total, failed = Counter[str](), list[int]()
    for number, (seed, result) in enumerate(played(seeds, args.folder, args.jobs), 1):
        if isinstance(result, BaseException):
            failed.append(seed)
            traceback.print_exception(result)
            print(f"round {number}: seed {seed} FAILED; see {args.folder / str(seed)}", flush=True)
            continue
        total.update(deaths=result.deaths, requests=result.requests, again=result.again)
        manners = ", ".join(f"{n} {manner}" for manner, n in sorted(result.manners.items()))
        print(f"round {number}: seed {seed}, {result.requests} requests; {manners}", flush=True)
    print(
        f"{total['deaths']} deaths, {total['requests']} requests, {total['again']} of them for pages "
        f"whose answers were lost; failed: {failed or 'none'}"
    )
    return 1 if failed else 0


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.kills", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="how many (default 20)")
    parser.add_argument("--minutes", type=float, help="begin rounds for so long instead")
    parser.add_argument("--seed", type=int, default=1, help="of the first round (default 1)")
    parser.add_argument("--jobs", type=int, default=2, help="rounds at a time (default 2)")
    parser.add_argument(
        "--folder", type=Path, default=Path("kills-out"), help="for rounds that fail"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
