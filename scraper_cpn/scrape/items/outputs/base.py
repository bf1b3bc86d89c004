"""The common base of all outputs: the ports, their errors, and items as rows.

Owns: `ItemOutput`, which the keep effect writes to; `Format`, which opens outputs; `Shape`, the columns of
items in formats that have columns; the value of a cell.
Must not know: files, databases, pages, the net.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from scraper_cpn.scrape.colours import Length
from scraper_cpn.scrape.pages.extract import Item
from scraper_cpn.scrape.settings import FieldRule, UsageError

Cell = str | int | float | bool | None

_json = msgspec.json.Encoder().encode


class OutputError(Exception):
    """An output that can't be written any more (a full disk, say), in one line. Not retried."""


class OutputClosed(OutputError):  # noqa: N818 - not an error for the reader, which has all it needs
    """The reader of the output has closed it, as `head` does; the crawl may end quietly."""


class ItemOutput(Protocol):
    """An output for items. Used by one task at a time."""

    @property
    def length(self) -> Length:
        """How much of the output is durable: bytes of a file, the last row of a table.

        It grows with each `write`, and truncating the output to it (`open_output`, *keep*) restores the
        content of that time. None for an output that can't be truncated. Several outputs have one each.
        """
        return None

    async def write(self, batch: Sequence[Any]) -> None:
        """Write all items of *batch*, or raise.

        When it returns, the items survive the end of the process, and a crash of the machine if the
        format promises that. Raises `OutputError` or `OutputClosed`.
        """

    async def close(self) -> None:
        """Close the output; a second call does nothing. Raises as `write` does."""


class Shape:
    """The columns of items: their names and kinds, and each item as a row of them.

    *kinds* maps each column to "text", "boolean", "integer" (64 bits), "big integer" (any length), "real",
    "decimal" (a text of digits), or "any" for values that are mixed or nested.
    """

    def __init__(self, kinds: dict[str, str], row: Callable[[Any], Sequence[Cell]]) -> None:
        self.kinds = kinds
        self.row = row

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""
        return tuple(self.kinds)


class Format(ABC):
    """A format of outputs. Each is a module of its own, and a line of the registry."""

    has_columns = False
    """Whether items are rows with columns, if their type has fixed fields."""
    has_streams = False
    """Whether it may go to standard output."""

    def is_there(self, path: Path) -> bool:
        """Tell whether there is an output of that name already."""
        return path.exists()

    @abstractmethod
    def check_items(self, shape: Shape | None) -> None:
        """Raise `UsageError` for items that the format can't have; *shape* is None for any items."""

    @abstractmethod
    def check_end(self, path: Path, shape: Shape | None) -> None:
        """Raise `UsageError` if items can't be added to a file that exists. Raises `OSError`, too."""

    @abstractmethod
    def check_kept(self, path: Path, shape: Shape | None, keep: int) -> None:
        """Raise `UsageError` if a file that exists does not have its first *keep* units any more.

        See `ItemOutput.length` for the unit. Raises `OSError`, too.
        """

    @abstractmethod
    async def open(
        self, path: Path, shape: Shape | None, *, keep: int | None, replace: bool
    ) -> ItemOutput:
        """Open or create a file, and truncate it to *keep*; None keeps all that `check_end` has accepted.

        With *replace* nothing of it is kept, whatever is in it. Raises `OutputError`.
        """

    def stream(self, where: Path | int, shape: Shape | None) -> ItemOutput:
        """Return an output to a device, a pipe or a file descriptor. Raises `OutputError`."""
        raise NotImplementedError


def default_shape(rules: Sequence[FieldRule] = (), *, bodies: bool = False) -> Shape:
    """Return the shape of `Item`, with a column for each field that the user asked for.

    A field whose name is already taken by a column gets the column `field_NAME`. With *bodies* there are
    columns for where the body was saved.
    """
    kinds = {name: kind for name, kind in _kinds(Item).items() if name not in ("fields", "body")}
    own = tuple(kinds)
    kinds |= dict.fromkeys(("body_path", "body_sha256") if bodies else (), "text")
    for rule in rules:
        kinds[rule.name if rule.name not in kinds else f"field_{rule.name}"] = "text"

    def row(item: Item) -> list[Cell]:
        cells = [getattr(item, name) for name in own]
        if bodies:
            saved = item.body or None
            cells += [None, None] if saved is None else [saved.path, saved.sha256]
        return cells + [cell(item.fields.get(rule.name)) for rule in rules]

    return Shape(kinds, row)


def shape_of(item_type: Any) -> Shape | None:
    """Return the shape of a program's item type, or None if it has no fixed columns.

    Structs, dataclasses, attrs classes and TypedDicts have fixed columns; dicts and unions do not. Columns
    have the JSON names of the fields. Raises `UsageError` for a type that msgspec does not support.
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


def json_shape() -> Shape:
    """Return the shape of items without fixed fields in a table: one column, `item`, as JSON."""
    return Shape({"item": "text"}, lambda item: [_json(item).decode()])


def cell(value: Any) -> Cell:
    """Return a JSON value as one cell: scalars unchanged, lists and objects as JSON text."""
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
    msgspec.inspect.BoolType: "boolean",
    msgspec.inspect.DecimalType: "decimal",
    msgspec.inspect.FloatType: "real",
    msgspec.inspect.DateTimeType: "text",
    msgspec.inspect.DateType: "text",
}


def _kinds(item_type: Any) -> dict[str, str]:
    """Return name and kind of each field; empty for a type without fixed fields."""
    info = msgspec.inspect.type_info(item_type)
    if not isinstance(info, _FIELD_TYPES):
        return {}
    if isinstance(info, msgspec.inspect.StructType) and info.array_like:
        return {}
    return {field.encode_name: _kind(field.type) for field in info.fields}


def _kind(info: msgspec.inspect.Type) -> str:
    if isinstance(info, msgspec.inspect.UnionType):
        kinds = {_kind(each) for each in info.types if not _is_none(each)}
        return kinds.pop() if len(kinds) == 1 else "any"
    if isinstance(info, msgspec.inspect.Metadata):
        return _kind(info.type)
    if isinstance(info, msgspec.inspect.IntType):
        return "integer" if _is_bounded(info) else "big integer"
    return _SCALARS.get(type(info), "any")


def _is_bounded(info: msgspec.inspect.IntType) -> bool:
    """Whether all values fit 64 bits: msgspec has no larger bounds."""
    below = info.le if info.le is not None else info.lt
    above = info.ge if info.ge is not None else info.gt
    return below is not None and above is not None


def _is_none(info: msgspec.inspect.Type) -> bool:
    return isinstance(info, msgspec.inspect.NoneType)
