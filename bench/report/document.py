"""The elements of a report, independent of its format.

Owns: these records. Must not know: Markdown, HTML, what a report says.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct


class Text(Struct, frozen=True):
    """A paragraph. `code` in back quotes and **emphasis** are the only marks in it."""

    text: str


class Listed(Struct, frozen=True):
    """Points, one line each."""

    items: tuple[str, ...]


class Table(Struct, frozen=True):
    """A table. The first column says what a row is about; the others hold numbers or words."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Bar(Struct, frozen=True):
    """A bar of a plot; its parts stand one after another."""

    name: str
    parts: tuple[float, ...]
    label: str


class Plot(Struct, frozen=True):
    """Horizontal bars from zero.

    Attributes:
        name: of its file, where it has one.
        caption: what the bars show, with the unit.
        parts: what the parts of a bar are; empty for bars of one part.
        bars: from the top.
    """

    name: str
    caption: str
    parts: tuple[str, ...]
    bars: tuple[Bar, ...]


Block: TypeAlias = Text | Listed | Table | Plot


class Section(Struct, frozen=True):
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


class Document(Struct, frozen=True):
    """A whole report."""

    title: str
    sections: tuple[Section, ...]


def number(value: float | None, digits: int = 0) -> str:
    """A number for people, or a dash for what was not measured."""
    return "-" if value is None else f"{value:,.{digits}f}"
