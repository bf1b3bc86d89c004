"""Which functions are coordination code of which subject, and what each is for.

Owns: reading `classes.toml`, and that it names every function of its files and none that isn't there.
Must not know: how anything is counted, what a report says.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct, field

from bench.report.code.functions import Measured, Total, total
from bench.report.code.python_code import measure

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CLASSES = HERE / "classes.toml"
NONE = "none"
"""The concern of functions that are not coordination."""


class ClassesError(Exception):
    """The classification and the code differ; says where."""


class FileClasses(Struct, frozen=True, forbid_unknown_fields=True):
    """How the functions of a file are classified."""

    concern: str | None = None
    """Of all functions that are not named."""
    functions: dict[str, list[str]] = field(default_factory=dict)


class PartClasses(Struct, frozen=True, forbid_unknown_fields=True):
    """Files that belong together."""

    name: str
    subjects: list[str]
    layer: str
    files: dict[str, FileClasses]


class Classes(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    concerns: dict[str, str]
    parts: list[PartClasses]


class Classified(Struct, frozen=True):
    """A function, and what it is for."""

    function: Measured
    concern: str


class Part(Struct, frozen=True):
    """A part with its functions."""

    name: str
    subjects: tuple[str, ...]
    layer: str
    rows: tuple[Classified, ...]

    @property
    def total(self) -> Total:
        """The sums of all its functions."""
        return total(row.function for row in self.rows)

    @property
    def lines(self) -> dict[str, int]:
        """Lines by concern."""
        counts: Counter[str] = Counter()
        for row in self.rows:
            counts[row.concern] += row.function.nloc
        return dict(counts)


def the_classes(path: Path = CLASSES) -> Classes:
    """The classification as it is written."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Classes)


def parts_of(classes: Classes, root: Path = ROOT) -> list[Part]:
    """Each part with its functions as they are in the code at *root*.

    Raises:
        ClassesError: a function has no concern, or a name no function.
    """
    return [_part(part, classes, root) for part in classes.parts]


def _part(part: PartClasses, classes: Classes, root: Path) -> Part:
    rows: list[Classified] = []
    for pattern, how in part.files.items():
        files = sorted(root.glob(pattern))
        if not files:
            raise ClassesError(f"{pattern}: no such file")
        unknown = {*how.functions, how.concern} - {*classes.concerns, None}
        if unknown:
            raise ClassesError(f"{pattern}: no concern has the name {min(map(str, unknown))!r}")
        for file in files:
            rows += _file(file, file.relative_to(root).as_posix(), how)
    return Part(part.name, tuple(part.subjects), part.layer, tuple(rows))


def _file(path: Path, file: str, how: FileClasses) -> list[Classified]:
    source = path.read_text(encoding="utf-8")
    functions = measure(source, file)
    named = _named(file, how.functions)
    unknown = named.keys() - {each.name for each in functions}
    if unknown:
        raise ClassesError(f"{file}: has no function {min(unknown)!r}")
    rows = []
    for each in functions:
        concern = named.get(each.name, how.concern)
        if concern is None:
            raise ClassesError(f"{file}: the function {each.name!r} has no concern")
        if concern == NONE:
            continue
        rows.append(Classified(each, concern))
    return rows


def _named(file: str, concerns: dict[str, list[str]]) -> dict[str, str]:
    pairs = [(name, concern) for concern, names in concerns.items() for name in names]
    _refuse_doubles(file, (name for name, _ in pairs))
    return dict(pairs)


def _refuse_doubles(file: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ClassesError(f"{file}: {name!r} has more than one concern")
