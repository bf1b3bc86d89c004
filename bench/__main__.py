"""`python -m bench`: the measurements and their arguments.

Owns: the arguments. Must not know: what any measurement does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import cluster, crawl, durability, hostile, pages, performance_page, ring
from bench.decisions import command as decisions
from bench.web import FETCHERS


def main(arguments: list[str] | None = None) -> None:
    """Run a measurement; *arguments* are those of the process by default."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure, and print figures."
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    kind = kinds.add_parser("durability", help="what a state costs, and what it can do")
    kind.add_argument("--quick", action="store_true", help="small sizes: a minute, rough figures")
    kind.add_argument("--json", action="store_true", help="every value of every run")
    kind.add_argument(
        "--in", dest="where", type=Path, metavar="FOLDER", help="where the states are"
    )
    kind.add_argument("--database", metavar="URL", help="measure a state on PostgreSQL, too")
    kind = kinds.add_parser("ring", help="what a firing costs, beside DiPeN's published figures")
    kind.add_argument("--quick", action="store_true", help="fewer firings: seconds, rough figures")
    kind.add_argument("--json", action="store_true", help="every value")
    kind.add_argument(
        "--in", dest="where", type=Path, metavar="FOLDER", help="where the states are"
    )
    kind = kinds.add_parser("pages", help="what a page costs from its bytes to its item")
    kind.add_argument("--quick", action="store_true", help="fewer rounds: seconds, rough figures")
    kind.add_argument("--json", action="store_true", help="every value")
    _decisions(kinds.add_parser("decisions", help="what a decision costs, in virtual time"))
    _crawl(kinds.add_parser("crawl", help="whole crawls on loopback, with a real HTTP client"))
    kinds.add_parser("page", help="write what bench/results has into docs/performance.md")
    kind = kinds.add_parser("cluster", help="what many workers do on one PostgreSQL")
    kind.add_argument("--quick", action="store_true", help="smaller sizes: rough figures")
    kind.add_argument("--json", action="store_true", help="every value")
    kind.add_argument(
        "--database", metavar="ADDRESS", help="of a PostgreSQL; by default one is started for it"
    )
    kind = kinds.add_parser("hostile", help="pages that attack the parser, beside honest hosts")
    kind.add_argument("--pages", type=_positive, default=1_000, metavar="N", help="hostile ones")
    args = parser.parse_args(arguments)
    try:
        if args.kind == "durability":
            durability.main(
                quick=args.quick, as_json=args.json, where=args.where, database=args.database
            )
        elif args.kind == "ring":
            ring.main(quick=args.quick, as_json=args.json, where=args.where)
        elif args.kind == "pages":
            pages.main(quick=args.quick, as_json=args.json)
        elif args.kind == "decisions":
            decisions.main(_wanted(args))
        elif args.kind == "hostile":
            hostile.main(args.pages)
        elif args.kind == "cluster":
            cluster.main(quick=args.quick, as_json=args.json, database=args.database)
        elif args.kind == "page":
            performance_page.main()
        else:
            crawl.main(
                quick=args.quick,
                as_json=args.json,
                fetchers=args.fetcher or FETCHERS,
                rounds=args.rounds,
                out=args.out,
            )
    except ValueError as error:
        parser.error(str(error))


def _decisions(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("--quick", action="store_true", help="small sizes: a minute, rough figures")
    kind.add_argument("--json", action="store_true", help="every value of every run")
    kind.add_argument("--only", default="", metavar="TEXT", help="points whose name has it")
    kind.add_argument("--rounds", type=_positive, metavar="N", help="runs of each subject")
    kind.add_argument("--out", type=Path, metavar="FILE", help="write the results, as JSON")
    kind.add_argument("--plots", type=Path, metavar="FOLDER", help="draw them, as PNG and SVG")
    kind.add_argument("--against", type=Path, metavar="FILE", help="compare with an earlier --out")


def _crawl(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("--quick", action="store_true", help="small webs: half a minute")
    kind.add_argument("--json", action="store_true", help="every value of every crawl")
    kind.add_argument(
        "--fetcher", action="append", choices=FETCHERS, help="only this one (repeatable)"
    )
    kind.add_argument("--rounds", type=_positive, default=1, metavar="N", help="crawls of each")
    kind.add_argument("--out", type=Path, metavar="FILE", help="write the results, as JSON")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


_positive.__name__ = "number above 0"  # what argparse calls it


def _wanted(args: argparse.Namespace) -> decisions.Wanted:
    return decisions.Wanted(
        plan=decisions.plan_of(quick=args.quick, rounds=args.rounds),
        only=args.only,
        as_json=args.json,
        out=args.out,
        plots=args.plots,
        against=args.against,
    )


if __name__ == "__main__":
    main()
