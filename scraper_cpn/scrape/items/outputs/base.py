"""What all outputs have in common: the port, its errors, and items as rows.

Owns: `Output`, which the keep effect writes to; `Shape`, the columns of items where a format has
columns; the value of a cell.
Must not know: files, databases, pages, the net.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from scraper_cpn.scrape.pages.extract import Item
from scraper_cpn.scrape.settings import FieldRule, UsageError

Cell = str | int | float | bool | None

_json = msgspec.json.Encoder().encode


class OutputError(Exception):
    """An output that can't be written any more (a full disk, say), in one line. Not retried."""


class OutputClosed(OutputError):  # noqa: N818 - no error to the reader, who has all it wants
    """Whoever reads the output has gone away, as `head` does; the crawl may end quietly."""


class Output(Protocol):
    """Where items go. Used by one task at a time."""

    @property
    def length(self) -> int | None:
        """How much of the output is written for good: bytes of a file, the last row of a table.

        It grows with each `write`, and an output that is cut to it (`open_output`, *keep*) holds
        what it held then. None for an output that can't be cut.
        """
        return None

    async def write(self, batch: Sequence[Any]) -> None:
        """Write all items of *batch*, or raise.

        When it returns, the items survive the end of the process, and of the machine where the
        format says so. Raises `OutputError` or `OutputClosed`.
        """

    async def close(self) -> None:
        """Close the output; closing it again does nothing. Raises as `write` does."""


class Shape:
    """The columns of items: their names and kinds, and each item as a row of them.

    *kinds* has for each column "text", "integer", "real", or "any" for what may be one or the
    other, or is nested.
    """

    def __init__(self, kinds: dict[str, str], row: Callable[[Any], Sequence[Cell]]) -> None:
        self.kinds = kinds
        self.row = row

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""
        return tuple(self.kinds)


def default_shape(rules: Sequence[FieldRule] = ()) -> Shape:
    """Return the shape of `Item`, with a column for each field that the user asked for.

    A field that is called as a column already is, is called `field_NAME`.
    """
    kinds = {name: kind for name, kind in _kinds(Item).items() if name != "fields"}
    own = tuple(kinds)
    for rule in rules:
        kinds[rule.name if rule.name not in own else f"field_{rule.name}"] = "text"

    def row(item: Item) -> list[Cell]:
        cells = [getattr(item, name) for name in own]
        return cells + [cell(item.fields.get(rule.name)) for rule in rules]

    return Shape(kinds, row)


def shape_of(item_type: Any) -> Shape | None:
    """Return the shape of a program's item type, or None where it has no fixed columns.

    Structs, dataclasses, attrs classes and TypedDicts have; dicts and unions have not. Columns are
    called as the fields are in JSON. Raises `UsageError` for what msgspec does not support.
    """
    try:
        kinds = _kinds(item_type)
    except (TypeError, ValueError) as error:
        raise UsageError(f"items can't be of the type {item_type!r}: {error}") from None
    if not kinds:
        return None
    names = tuple(kinds)

    def row(item: Any) -> list[Cell]:
        values = msgspec.to_builtins(item)
        return [cell(values.get(name)) for name in names]

    return Shape(kinds, row)


def cell(value: Any) -> Cell:
    """Return a value of JSON as one cell: scalars as they are, lists and objects as JSON."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    return _json(value).decode()


_FIELD_TYPES = (
    msgspec.inspect.StructType,
    msgspec.inspect.DataclassType,
    msgspec.inspect.TypedDictType,
)
_SCALARS: dict[type, str] = {
    msgspec.inspect.StrType: "text",
    msgspec.inspect.IntType: "integer",
    msgspec.inspect.BoolType: "integer",
    msgspec.inspect.FloatType: "real",
    msgspec.inspect.DateTimeType: "text",
    msgspec.inspect.DateType: "text",
}


def _kinds(item_type: Any) -> dict[str, str]:
    """Return name and kind of each field, or nothing for a type that has no fixed fields."""
    info = msgspec.inspect.type_info(item_type)
    if not isinstance(info, _FIELD_TYPES):
        return {}
    if isinstance(info, msgspec.inspect.StructType) and info.array_like:
        return {}
    return {field.encode_name: _kind(field.type) for field in info.fields}


def _kind(info: msgspec.inspect.Type) -> str:
    if isinstance(info, msgspec.inspect.UnionType):
        kinds = {_SCALARS.get(type(t), "any") for t in info.types if not _is_none(t)}
        return kinds.pop() if len(kinds) == 1 else "any"
    return _SCALARS.get(type(info), "any")


def _is_none(info: msgspec.inspect.Type) -> bool:
    return isinstance(info, msgspec.inspect.NoneType)
