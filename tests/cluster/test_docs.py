"""The program of docs/cluster.md does what the page says."""

from typing import Any

import anyio

from tests.docs.pages import ROOT, blocks


def test_the_program_of_the_page_runs(database: str) -> None:
    """It makes the run, works until the ball has made its rounds, and reads it."""
    names: dict[str, Any] = {"__name__": "docs_cluster"}
    for code in blocks(ROOT / "docs" / "cluster.md", "python"):
        exec(compile(code, "cluster.md", "exec"), names)
    address = f"{database}&name=ring"
    anyio.run(names["begin"], address)
    assert anyio.run(names["help_along"], address) == "finished"
    assert anyio.run(names["results"], address) == [{"region": 0, "left": 0}]
