"""The classification of coordination code, and the code that it is about."""

from pathlib import Path

import pytest

from bench.report.code import spider
from bench.report.code.classify import ClassesError, Part, parts_of, the_classes
from bench.report.code.functions import total

CODE = '''
def wait():
    """Documentation."""
    return 1


class Queue:
    def push(self):
        self.waiting = True
'''
CLASSES = """
[concerns]
delay = "pauses"
frontier = "order"
none = "not counted"

[[parts]]
name = "small"
subjects = ["net"]
layer = "policy"
[parts.files."small.py".functions]
delay = ["wait"]
"""


def _parts(folder: Path, classes: str) -> list[Part]:
    (folder / "small.py").write_text(CODE)
    (folder / "classes.toml").write_text(classes)
    return parts_of(the_classes(folder / "classes.toml"), folder)


def test_every_function_of_the_measured_modules_is_classified_and_none_that_is_not_there() -> None:
    """The kept classes fit the code as it is, and each line of a part is under one concern."""
    parts = parts_of(the_classes())
    assert all(part.rows for part in parts)
    assert {subject for part in parts for subject in part.subjects} == {"net", "baseline"}
    for part in parts:
        assert sum(part.lines.values()) == sum(row.function.nloc for row in part.rows)


def test_a_function_without_a_concern_is_an_error(tmp_path: Path) -> None:
    """A new function can't stay out of the sums unseen: the error names it with its class."""
    with pytest.raises(ClassesError, match=r"the function 'Queue.push' has no concern"):
        _parts(tmp_path, CLASSES)


def test_a_name_without_a_function_is_an_error(tmp_path: Path) -> None:
    """After a function is renamed or deleted, its old name can't stay among the classes."""
    with pytest.raises(ClassesError, match="has no function 'sleep'"):
        _parts(tmp_path, CLASSES + 'frontier = ["Queue.push", "sleep"]')


def test_a_function_with_two_concerns_is_an_error(tmp_path: Path) -> None:
    """Else its lines would be in the sums twice."""
    with pytest.raises(ClassesError, match="'wait' has more than one concern"):
        _parts(tmp_path, CLASSES + 'frontier = ["Queue.push", "wait"]')


def test_what_is_no_coordination_is_not_counted(tmp_path: Path) -> None:
    """A function of the concern `none` is in no row and no sum; its neighbour is counted."""
    (part,) = _parts(tmp_path, CLASSES + 'none = ["Queue.push"]')
    assert [row.function.name for row in part.rows] == ["wait"]
    assert (part.lines, part.total.nloc) == ({"delay": 2}, 2)


def test_the_kept_figures_of_spider_have_every_function_of_the_map() -> None:
    """None is missing, and crate, version and the files' hashes say what was measured."""
    kept = spider.kept()
    assert [row.function for row in kept.rows] == spider.the_map()
    assert (kept.crate, kept.missing) == (f"{spider.CRATE} {spider.VERSION}", ())
    assert kept.sha256.keys() == {each.file for each in spider.the_map()}


def test_the_sets_of_spider_are_each_inside_the_next() -> None:
    """A function in one of S0, S1, A and D is in all after it, so the sums never fall."""
    names = list(spider.SETS)
    for each in spider.the_map():
        held = [name in each.sets for name in names]
        assert held == sorted(held)


def test_the_kept_figures_are_those_that_the_definition_states() -> None:
    """The sums of S0 are pinned: new kept figures can't silently depart from the document's."""
    sums = spider.kept().total("S0")
    assert (sums.functions, sums.nloc, sums.ccn, sums.tokens) == (101, 1662, 407, 11056)


def test_a_crate_is_measured_as_written_and_as_compiled_by_default(tmp_path: Path) -> None:
    """D counts a function of tests and a branch behind a feature that is off; A counts neither.

    A function that the source does not have is listed as missing.
    """
    source = 'fn a() {\n#[cfg(feature = "slow")]\nif x { y(); }\nz();\n}\n#[cfg(test)]\nfn b() {}\n'
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.rs").write_text(source)
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "small"\nversion = "1.0.0"\n')
    functions = [
        spider.Function("src/lib.rs", "a", 0, "delay", ("A", "D")),
        spider.Function("src/lib.rs", "b", 0, "delay", ("D",)),
        spider.Function("src/gone.rs", "c", 0, "delay", ("D",)),
    ]
    found = spider.measure_crate(tmp_path, functions)
    assert (found.crate, found.missing) == ("small 1.0.0", ("src/gone.rs c",))
    assert [found.total("D").functions, found.total("A").functions] == [2, 1]
    assert (found.total("D").ccn, found.total("A").ccn) == (3, 1)
    assert found.total("A", "frontier") == total([])
