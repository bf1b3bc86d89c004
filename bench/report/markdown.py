"""A report as Markdown.

Owns: its form. Plots are files beside it. Must not know: what the report says.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.document import Block, Document, Listed, Plot, Table, Text


def markdown(document: Document, plots: str) -> str:
    """The text; *plots* is the folder of the plots, as seen from it."""
    lines = [f"# {document.title}"]
    for section in document.sections:
        lines += ["", f"## {section.title}"]
        for block in section.blocks:
            lines += ["", *_lines(block, plots)]
    return "\n".join([*lines, ""])


def _lines(block: Block, plots: str) -> Iterator[str]:
    match block:
        case Text(text):
            yield text
        case Listed(items):
            yield from (f"- {item}" for item in items)
        case Table():
            yield from _table(block)
        case Plot(name, caption):
            yield f"![{caption}]({plots}/{name}.svg)"


def _table(table: Table) -> Iterator[str]:
    yield f"**{table.caption}**"
    yield ""
    yield _row(table.head)
    yield "|" + "|".join(["---", *("---:" for _ in table.head[1:])]) + "|"
    yield from (_row(row) for row in table.rows)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
