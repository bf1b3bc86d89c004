"""The versions by which a state knows the functions of the scrape net."""

import ast
import hashlib
from pathlib import Path
from typing import Any

import pytest

from scraper_cpn.scrape import policy, survival

CODE = {
    policy: ("3", "8d3e2cd476b42b39"),
    survival: ("2", "09897012fd0fa69e"),
}
"""Of each module its version, and the digest of its code that has this version."""


def digest(path: Path) -> str:
    """Of a module's code: comments, docstrings and layout don't count, nor does the Python version."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return hashlib.sha256(repr(_plain(tree)).encode()).hexdigest()[:16]


def _plain(node: Any) -> Any:
    """A syntax tree without what newer versions of Python add to it, and without docstrings."""
    if isinstance(node, list):
        return [_plain(each) for each in node if not _is_text(each)]
    if not isinstance(node, ast.AST):
        return node
    fields = ((name, _plain(value)) for name, value in ast.iter_fields(node))
    return (
        type(node).__name__,
        [(name, value) for name, value in fields if value not in ([], None)],
    )


def _is_text(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@pytest.mark.parametrize("module", CODE, ids=lambda module: module.__name__)
def test_code_that_decides_has_a_version(module: Any) -> None:
    """Who changes it says whether states that exist may still be read: by the version, or by the digest."""
    version, code = CODE[module]
    assert (module.VERSION, digest(Path(module.__file__))) == (version, code), (
        "the code has changed: if it decides or writes otherwise, raise its VERSION; "
        "then note version and digest here"
    )
