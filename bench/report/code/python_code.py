"""The measures of functions in Python source.

Owns: lizard's and complexipy's figures, and beside them nesting, awaits, written fields and primitives
from the syntax tree. Docstrings count as documentation: not as lines, though as one token.
Must not know: which functions are coordination.
"""

from __future__ import annotations

import ast
import tokenize
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from typing import Any, TypeAlias

import complexipy
import lizard

from bench.report.code.functions import Measured

PRIMITIVES = {
    "task": "create_task ensure_future gather start_soon TaskGroup create_task_group add_done_callback "
    "call_soon call_soon_threadsafe run_in_executor to_thread",
    "select": "as_completed select",
    "semaphore": "Semaphore BoundedSemaphore CapacityLimiter acquire",
    "channel": "Queue PriorityQueue create_memory_object_stream put_nowait get_nowait create_future "
    "Future set_result set_exception",
    "lock": "Lock RLock Event Condition wait notify notify_all",
    "atomic": "",
    "timer": "sleep sleep_until wait_for timeout timeout_at call_later call_at move_on_after fail_after",
    "cancel": "cancel CancelScope shield",
}
"""Kinds of primitives and the names that are called for them, as functions or methods."""
_KINDS = {name: kind for kind, names in PRIMITIVES.items() for name in names.split()}
_MUTATORS = frozenset(
    [
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "popleft",
        "remove",
        "setdefault",
        "sort",
        "update",
    ]
)
_HEAPS = frozenset({"heappush", "heappop", "heapreplace", "heappushpop", "heapify", "insort"})

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith),
    *(ast.Try, ast.TryStar, ast.match_case),
)
_AWAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith)


def measure(source: str, file: str) -> list[Measured]:
    """The functions and methods of a module, in the order in which they stand."""
    parts = lizard.analyze_file.analyze_source_code(file, source).function_list
    cognitive = {each.line_start: each.complexity for each in _cognitive(source)}
    seen: Counter[str] = Counter()
    found = []
    for name, node in _functions(ast.parse(source).body):
        inside = [
            part for part in parts if node.lineno <= part.start_line <= (node.end_lineno or 0)
        ]
        found.append(_measured(file, name, seen[name], node, inside, cognitive[_first_line(node)]))
        seen[name] += 1
    return found


def code_lines(source: str) -> frozenset[int]:
    """The numbers of the lines that have code, or a docstring."""
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    return frozenset(
        line
        for token in tokenize.generate_tokens(StringIO(source).readline)
        if token.type not in skipped and token.string
        for line in range(token.start[0], token.end[0] + 1)
    )


def _cognitive(source: str) -> list[Any]:
    return list(complexipy.code_complexity(source).functions)


def _functions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, _Function]]:
    for node in body:
        if isinstance(node, _FUNCTIONS):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}.")


def _first_line(node: _Function) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _measured(
    file: str, name: str, nth: int, node: _Function, parts: list[Any], cognitive: int
) -> Measured:
    return Measured(
        file=file,
        name=name,
        nth=nth,
        start=node.lineno,
        nloc=sum(part.nloc for part in parts) - (len(parts) - 1),  # a nested head is counted twice
        tokens=sum(part.token_count for part in parts),
        ccn=sum(part.cyclomatic_complexity for part in parts),
        cognitive=cognitive,
        nesting=_nesting(node),
        awaits=sum(isinstance(each, _AWAITS) for each in ast.walk(node)),
        writes=tuple(sorted(set(_writes(node)))),
        primitives=_primitives(node),
    )


def _nesting(node: ast.AST) -> int:
    """The deepest level of blocks; `elif` is no deeper than its `if`."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        deeper = isinstance(child, _BLOCKS) and not _is_elif(node, child)
        deepest = max(deepest, _nesting(child) + deeper)
    return deepest


def _is_elif(parent: ast.AST, child: ast.AST) -> bool:
    return isinstance(parent, ast.If) and parent.orelse == [child] and isinstance(child, ast.If)


def _writes(node: ast.AST) -> Iterator[str]:
    """The names of fields that are assigned or whose contents change."""
    for each in ast.walk(node):
        if isinstance(each, (ast.Attribute, ast.Subscript)) and not isinstance(each.ctx, ast.Load):
            yield from _field(each)
        elif isinstance(each, ast.Call):
            yield from _changed(each)


def _field(target: ast.expr) -> Iterator[str]:
    while isinstance(target, ast.Subscript):
        target = target.value
    if isinstance(target, ast.Attribute):
        yield target.attr


def _changed(call: ast.Call) -> Iterator[str]:
    """The field whose contents a call changes."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in _MUTATORS:
        yield from _field(call.func.value)
    elif isinstance(call.func, ast.Name) and call.func.id in _HEAPS:
        yield from _field(call.args[0])


def _primitives(node: ast.AST) -> dict[str, int]:
    calls = (each.func for each in ast.walk(node) if isinstance(each, ast.Call))
    names = (each.attr if isinstance(each, ast.Attribute) else _name(each) for each in calls)
    return dict(sorted(Counter(_KINDS[name] for name in names if name in _KINDS).items()))


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""
