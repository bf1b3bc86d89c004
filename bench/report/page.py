"""A report as one HTML page that needs nothing else: no script, no file, no network.

Owns: what the template `page.html.jinja` is filled with. Must not know: what the report says.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.report.document import Block, Document, Plot, Table
from bench.report.plots import svg

_NUMBER = re.compile(r"[-0-9., %]*")
_MARK = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*")


def page(document: Document) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "kind": _kind,
        "marked": _marked,
        "embedded": _embedded,
        "columns_of_words": _columns_of_words,
    }
    return environment.get_template("page.html.jinja").render(document=document)


def _kind(block: Block) -> str:
    """The name of the macro that writes a block."""
    return type(block).__name__


def _marked(text: str) -> Iterator[tuple[str, str]]:
    """Text as pieces, each with the element that it stands in; an empty name is plain text."""
    end = 0
    for mark in _MARK.finditer(text):
        yield "", text[end : mark.start()]
        name = str(mark.lastgroup)
        yield name, mark[name]
        end = mark.end()
    yield "", text[end:]


def _embedded(plot: Plot, *, dark: bool = False) -> str:
    """The picture as a URL that holds it."""
    return "data:image/svg+xml;base64," + b64encode(svg(plot, dark=dark).encode()).decode()


def _columns_of_words(table: Table) -> frozenset[int]:
    """The columns that have more than numbers."""
    return frozenset(
        column
        for row in table.rows
        for column, cell in enumerate(row)
        if not _NUMBER.fullmatch(cell)
    )
