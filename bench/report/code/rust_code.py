"""The measures of functions in Rust source.

Owns: lizard's figures, and beside them nesting, awaits and primitives from the tokens. Cognitive
complexity and written fields are not measured: lizard has neither for Rust.
Must not know: crates, features, which functions are coordination.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from itertools import pairwise
from typing import Any

import lizard

from bench.report.code.functions import Measured
from bench.report.code.rust_tokens import Lines, RustToken, blank, closing, tokens

PRIMITIVES = {
    "task": r"\.spawn\w*\(|\bspawn\w*\(|\bJoinSet::new\b|\bjoin_next\b",
    "select": r"\bselect!",
    "semaphore": r"\bSemaphore::\w+|\bacquire\w*\(|\b(?:add|forget)_permits\(",
    "channel": r"\b(?:broadcast|mpsc|oneshot|watch)::channel\w*\b|\b\w*[tr]x\.(?:try_)?(?:send|recv)\(",
    "lock": r"\b(?:Mutex|RwLock|OnceCell|OnceLock|Notify|DashMap)::new\b|\.(?:lock|read|write)\(\)",
    "atomic": r"\.(?:load|store|swap|fetch_\w+|compare_exchange\w*)\(|\bfence\(",
    "timer": r"\b(?:sleep|timeout|interval)(?:_at|_until)?\(",
    "cancel": r"\.abort\w*\(|\.shutdown\(",
}
"""Kinds of primitives and what each looks like in code without strings and comments."""
_KINDS = {kind: re.compile(text) for kind, text in PRIMITIVES.items()}


def measure(source: str, file: str) -> list[Measured]:
    """The functions of a source, in the order in which they stand."""
    source = _without_declarations(source)
    info = lizard.analyze_file.analyze_source_code(file, source)
    code, lines = tokens(source), Lines(source)
    starts = [lines.of(token.start) for token in code]
    seen: Counter[str] = Counter()
    found = []
    for each in sorted(info.function_list, key=lambda each: each.start_line):
        name = each.name.rpartition("::")[2]
        first, after = bisect_left(starts, each.start_line), bisect_left(starts, each.end_line + 1)
        found.append(_measured(file, name, seen[name], each, code[first:after]))
        seen[name] += 1
    return found


def _without_declarations(source: str) -> str:
    """Without functions that have no body, in traits: lizard takes the next body for theirs."""
    code, kept, pieces = tokens(source), 0, []
    for at, token in enumerate(code[:-1]):
        if token.text == "fn" and code[at + 1].kind == "name":
            last = _end_of_header(code, at)
            if code[last].text == ";":
                pieces += [source[kept : token.start], blank(source[token.start : code[last].end])]
                kept = code[last].end
    return "".join([*pieces, source[kept:]])


def _end_of_header(code: list[RustToken], at: int) -> int:
    while code[at].text not in {"{", ";"}:
        at = closing(code, at) + 1 if code[at].text in {"(", "["} else at + 1
    return at


def _measured(file: str, name: str, nth: int, each: Any, code: list[RustToken]) -> Measured:
    texts = [token.text for token in code]
    plain = _plain(code)
    return Measured(
        file=file,
        name=name,
        nth=nth,
        start=each.start_line,
        nloc=each.nloc,
        tokens=each.token_count,
        ccn=each.cyclomatic_complexity,
        cognitive=None,
        nesting=_nesting(texts),
        awaits=sum(pair == (".", "await") for pair in pairwise(texts)),
        writes=None,
        primitives=_primitives(plain),
    )


def _nesting(texts: list[str]) -> int:
    """The deepest brace below that of the body."""
    depth = deepest = 0
    for text in texts:
        depth += (text == "{") - (text == "}")
        deepest = max(deepest, depth)
    return max(0, deepest - 1)


def _plain(code: list[RustToken]) -> str:
    """The code in one line; spaces only between words, strings empty."""
    pieces: list[str] = []
    word = False
    for token in code:
        is_word = token.kind in {"name", "number"}
        pieces.append(" " if word and is_word else "")
        pieces.append('""' if token.kind == "string" else token.text)
        word = is_word
    return "".join(pieces)


def _primitives(plain: str) -> dict[str, int]:
    counts = {kind: len(pattern.findall(plain)) for kind, pattern in _KINDS.items()}
    return {kind: count for kind, count in counts.items() if count}
