"""`python -m bench`: what can be measured.

Owns: the arguments. Must not know: what any measurement does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import durability
from bench.decisions import command as decisions


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
    kind = kinds.add_parser("decisions", help="what a decision costs, in virtual time")
    kind.add_argument("--quick", action="store_true", help="small sizes: a minute, rough figures")
    kind.add_argument("--json", action="store_true", help="every value of every run")
    kind.add_argument("--only", default="", metavar="TEXT", help="points whose name has it")
    args = parser.parse_args(arguments)
    if args.kind == "durability":
        durability.main(quick=args.quick, as_json=args.json, where=args.where)
    else:
        decisions.main(quick=args.quick, as_json=args.json, only=args.only)


if __name__ == "__main__":
    main()
