"""Rust source as it is compiled with a crate's default features.

Owns: which features those are, what `#[cfg(...)]` says under them, and blanking what it disables;
lines keep their numbers. `cfg!(...)` and `cfg_attr` are left as they are: both are compiled.
Must not know: which functions are counted, how.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from bench.report.code.rust_tokens import CLOSE, OPEN, RustToken, blank, closing, tokens

_TRUE = frozenset({"unix", 'target_os="linux"', 'target_family="unix"', 'target_arch="x86_64"'})
_TRUE_WORDS = frozenset({"not", "all", "any"})
_WITH_BODY = frozenset({"fn", "impl", "mod", "struct", "enum", "trait", "union", "macro_rules"})
_TO_SEMICOLON = frozenset({"const", "static", "type", "use", "let", "extern"})
_BLOCKS = frozenset({"if", "match", "loop", "while", "for", "{"})
_BEFORE = frozenset({"pub", "async", "unsafe", "default", "extern"})


def default_features(cargo_toml: str) -> frozenset[str]:
    """The features that a manifest enables by default, with all that they bring."""
    table: dict[str, list[str]] = tomllib.loads(cargo_toml).get("features", {})
    found: set[str] = set()
    waiting = ["default"]
    while waiting:
        name = waiting.pop()
        if name in found or name not in table:
            continue
        found.add(name)
        waiting += table[name]
    return frozenset(found - {"default"})


def compiled_files(root: Path, features: frozenset[str]) -> dict[Path, str]:
    """The files of the crate at *root* that are compiled, each with what is disabled blanked."""
    found: dict[Path, str] = {}
    waiting = [root / "src" / "lib.rs"]
    while waiting:
        file = waiting.pop()
        if file in found or not file.is_file():
            continue
        found[file] = compiled(file.read_text(encoding="utf-8"), features)
        waiting += [path for name in _modules(found[file]) for path in _places(file, name)]
    return found


def _modules(source: str) -> list[str]:
    code = tokens(source)
    return [
        code[index + 1].text
        for index, token in enumerate(code[:-2])
        if token.text == "mod" and code[index + 2].text == ";"
    ]


def _places(file: Path, module: str) -> tuple[Path, Path]:
    inside = file.parent if file.stem in {"lib", "mod", "main"} else file.with_suffix("")
    return inside / f"{module}.rs", inside / module / "mod.rs"


def compiled(source: str, features: frozenset[str]) -> str:
    """The source with spaces for conditions and for what they disable."""
    code = tokens(source)
    pieces, kept, at = [], 0, 0
    while at < len(code):
        if not _is_cfg(code, at):
            at += 1
            continue
        last = end = closing(code, at + 1)
        if not _holds(code[at + 4 : end - 1], features):
            last = _last_of(code, end + 1)
        first, after = code[at].start, code[last].end
        pieces += [source[kept:first], blank(source[first:after])]
        kept, at = after, last + 1
    return "".join([*pieces, source[kept:]])


def _is_cfg(code: list[RustToken], at: int) -> bool:
    return [token.text for token in code[at : at + 4]] == ["#", "[", "cfg", "("]


def _holds(code: list[RustToken], features: frozenset[str]) -> bool:
    """Whether a condition holds: the tokens between the brackets of `cfg`."""
    head = code[0].text
    if head in _TRUE_WORDS and len(code) > 1 and code[1].text == "(":
        parts = [_holds(part, features) for part in _parts(code[2:-1])]
        return {"not": not all(parts), "all": all(parts), "any": any(parts)}[head]
    if head == "feature":
        return code[2].text.strip('"') in features
    return "".join(token.text for token in code) in _TRUE


def _parts(code: list[RustToken]) -> list[list[RustToken]]:
    """What commas separate, outside of brackets."""
    parts: list[list[RustToken]] = [[]]
    depth = 0
    for token in code:
        depth += (token.text in OPEN) - (token.text in CLOSE)
        if depth == 0 and token.text == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _last_of(code: list[RustToken], at: int) -> int:
    """The index of the last token of the item, statement, arm, field or expression at *at*."""
    while code[at].text == "#":
        at = closing(code, at + 1) + 1
    head = _head(code, at)
    if head in _WITH_BODY:
        return _to(code, at, ends={";"}, block=True)
    if head in _TO_SEMICOLON:
        return _to(code, at, ends={";"})
    if head in _BLOCKS:
        return _after_block(code, at)
    field = code[at + 1].text == ":" or code[at].text == "pub"
    return _to(code, at, ends={";", ","}, arm=True, angles=field)


def _head(code: list[RustToken], at: int) -> str:
    """The word that says what stands at an index."""
    if code[at].kind == "lifetime" and code[at + 1].text == ":":
        at += 2
    start = at
    while code[at].text in _BEFORE or (code[at].text == "const" and code[at + 1].text == "fn"):
        at += 1
        if code[at].text == "(":
            at = closing(code, at) + 1
        if code[at].kind == "string":
            at += 1
    word = code[at].text
    return word if at == start or word in _WITH_BODY | _TO_SEMICOLON | _BLOCKS else code[start].text


def _to(
    code: list[RustToken],
    at: int,
    *,
    ends: set[str],
    block: bool = False,
    arm: bool = False,
    angles: bool = False,
) -> int:
    """The index of the first of *ends* outside of brackets; the bracket around stays."""
    depth = angle = 0
    index = at
    while index < len(code):
        text = code[index].text
        if code[index].kind == "mark":
            if depth == 0 and text in CLOSE:
                return index - 1
            if depth == 0 and text in ends and not (angles and angle and text == ","):
                return index
            if depth == 0 and arm and text == "=>" and code[index + 1].text == "{":
                return _with_comma(code, closing(code, index + 1))
            depth += (text in OPEN) - (text in CLOSE)
            angle += (text == "<") - (text == ">")
            if block and depth == 0 and text == "}":
                return index
        index += 1
    return len(code) - 1


def _with_comma(code: list[RustToken], at: int) -> int:
    return at + 1 if at + 1 < len(code) and code[at + 1].text == "," else at


def _after_block(code: list[RustToken], at: int) -> int:
    """The end of `if`, `match` and the like, with what follows: `else`, a method, a comma."""
    last = _to(code, at, ends={";"}, block=True)
    if last + 1 >= len(code):
        return last
    after = code[last + 1].text
    if after == "else":
        return _after_block(code, last + 2)
    if after in {".", "?"}:
        return _to(code, last + 1, ends={";", ","})
    return last + 1 if after in {";", ","} else last


def manifest(root: Path) -> dict[str, Any]:
    """The `[package]` table of the crate at *root*."""
    package: dict[str, Any] = tomllib.loads((root / "Cargo.toml").read_text("utf-8"))["package"]
    return package
