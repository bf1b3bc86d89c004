"""`python -m bench`: what can be measured.

Owns: the arguments. Must not know: what any measurement does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import durability


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
    args = parser.parse_args(arguments)
    durability.main(quick=args.quick, as_json=args.json, where=args.where)


if __name__ == "__main__":
    main()
