"""`python -m bench.peers`: every installed crawler crawls every scenario.

Owns: the arguments and the output. Must not know: how a crawl is measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable

from bench.peers import loops, results
from bench.peers.run import Crawl, crawl
from bench.peers.scenarios import SCENARIOS
from bench.peers.subjects import SUBJECTS


def main(arguments: list[str] | None = None) -> None:
    """Run the requested crawls; *arguments* are those of the process by default."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="crawlers, scenarios")
    parser.add_argument("--keep", action="store_true", help=f"put them into {results.KEPT.name}")
    args = parser.parse_args(arguments)
    names = {each.name for each in (*SUBJECTS, *SCENARIOS)}
    unknown = [name for name in args.only if name not in names]
    if unknown:
        parser.error(f"{unknown[0]!r} is none of {', '.join(sorted(names))}")
    done = crawls(args.only, say=lambda line: print(line, flush=True))
    found = [] if args.only else loops.measure()
    for each in found:
        print(
            f"{each.program} {each.mode}: {each.cpu_us:.2f} us of CPU for each of {each.decisions}"
        )
    if args.keep:
        results.write(results.with_new(results.read(), done, found))


def crawls(only: Iterable[str], say: Callable[[str], None]) -> list[Crawl]:
    """Run the installed crawlers.

    Args:
        only: names of crawlers and scenarios; without a crawler among them all are run, without a scenario all
            but those that must be named.
        say: is called with each crawl.
    """
    wanted = frozenset(only)
    done = []
    for subject in SUBJECTS:
        if not subject.is_here:
            print(f"{subject.name} is not here; `make peers` builds it", file=sys.stderr)
    usual = [each for each in SCENARIOS if not each.named]
    scenarios = [each for each in SCENARIOS if each.name in wanted] or usual
    subjects = [each for each in SUBJECTS if each.name in wanted] or SUBJECTS
    for scenario in scenarios:
        for subject in subjects:
            if subject.is_here:
                done.append(crawl(scenario, subject))
                say(_line(done[-1]))
    return done


def _line(result: Crawl) -> str:
    return (
        f"{result.scenario:<14} {result.program:<22} {result.pages:>5} of {result.reachable} pages, "
        f"{result.wall_s:7.2f} s, {result.cpu_s:6.2f} s CPU, {result.rss_bytes / 2**20:5.0f} MiB, "
        f"received {result.received}, {result.violations or 'no violation'}"
        f"{'' if result.ended else ', did not end'}"
    )


if __name__ == "__main__":
    main()
