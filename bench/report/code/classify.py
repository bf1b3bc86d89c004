"""Which functions are coordination code of which subject, and what each is for.

Owns: reading `classes.toml`, and that it names every function of its files and none that isn't there.
Must not know: how anything is counted, what a report says.
"""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from bench.report.code.functions import Measured, Total, total
from bench.report.code.python_code import code_lines, measure

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
    statements: dict[str, list[str]] = field(default_factory=dict)
    """Of the file's only function: concern to keys of its statements."""


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
    """A function, what it is for, and the lines of other concerns in it."""

    function: Measured
    concern: str
    lines: dict[str, int]
    """Lines by concern; of one concern but where statements are classified."""


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
            counts.update(row.lines)
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
        unknown = {*how.functions, *how.statements, how.concern} - {*classes.concerns, None}
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
        lines = _statements(source, file, how) if how.statements else {concern: each.nloc}
        rows.append(Classified(each, concern, lines))
    return rows


def _named(file: str, concerns: dict[str, list[str]]) -> dict[str, str]:
    pairs = [(name, concern) for concern, names in concerns.items() for name in names]
    _refuse_doubles(file, (name for name, _ in pairs))
    return dict(pairs)


def _refuse_doubles(file: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ClassesError(f"{file}: {name!r} has more than one concern")


def _statements(source: str, file: str, how: FileClasses) -> dict[str, int]:
    """Lines by concern in the one function of a file; its first line is of the file's concern."""
    named = _named(file, how.statements)
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1:
        raise ClassesError(f"{file}: statements are classified where there is one function")
    lines: Counter[str] = Counter({str(how.concern): 1})
    code = code_lines(source)
    found = dict(_keyed(functions[0].body))
    if found.keys() != named.keys():
        differ = min(found.keys() ^ named.keys())
        raise ClassesError(f"{file}: the statement {differ!r} is {_where(differ in found)}")
    for key, node in found.items():
        last = node.end_lineno or node.lineno
        lines[named[key]] += len(code & set(range(node.lineno, last + 1)))
    return dict(lines)


def _where(found: bool) -> str:
    return "not classified" if found else "classified, but not there"


def _keyed(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """Statements with their keys: the first name that they bind, or the first text in their call."""
    seen: Counter[str] = Counter()
    for node in body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        key = _key(node)
        seen[key] += 1
        yield (key if seen[key] == 1 else f"{key}#{seen[key]}"), node


def _key(node: ast.stmt) -> str:
    if isinstance(node, ast.FunctionDef):
        return node.name
    if isinstance(node, ast.Return):
        return "return"
    names = [each for each in ast.walk(node) if isinstance(each, (ast.Name, ast.Constant))]
    bound = [each.id for each in names if isinstance(each, ast.Name) and _binds(each)]
    texts = [str(each.value) for each in names if isinstance(each, ast.Constant)]
    return (bound or texts)[0]


def _binds(name: Any) -> bool:
    return isinstance(name.ctx, ast.Store)
