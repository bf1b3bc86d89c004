"""A ring through regions: the same net on one machine and, region by region, on a database."""

import doctest
import json

import pytest

from scraper_cpn.nets import regions, ring
from scraper_cpn.nets.scene import main


def test_the_example_of_the_page_holds() -> None:
    """What its docstring shows is what it does."""
    result = doctest.testmod(regions)
    assert result.attempted
    assert not result.failed


def test_its_balls_come_out_on_one_machine_and_in_partitions(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both ways the same rows come out; a second worker of the run finds it finished."""
    scene = regions.scene(regions=3, balls=5, passes=4)
    assert main(scene, []) == 0
    alone = sorted(capsys.readouterr().out.splitlines())
    assert len(alone) == 5
    assert main(scene, ["--database", f"{database}&name=ring"]) == 0
    assert sorted(capsys.readouterr().out.splitlines()) == alone
    assert main(scene, ["--database", f"{database}&name=ring"]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(alone[0])["left"] == 0


def test_a_net_without_a_partition_key_is_for_one_process(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says why, exit code 2."""
    assert main(ring.scene(), ["--database", database]) == 2
    assert capsys.readouterr().err.startswith("ring: net ring: has no partition key")
