"""Values that come back from a store as they went into it.

Owns: finding out which ones do not, before they are written: a state whose tokens can't be read, or are others than
before, would be lost.
Must not know: rows, what a net is for.

Records are not checked when they are made: a field that is annotated `int` may have a string, which can't be
read back, and one that is annotated `Any` may have a tuple, which comes back as a list.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode

_PLAIN = (int, str, bytes, bool, float)
"""Types whose values come back as they are."""


def exactly(
    kind: type[Any], pack: Callable[[Any], Any], unpack: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """*pack*, which also raises `TypeError` for a value that would not come back from *unpack* as it was.

    Cost: a microsecond for a record of numbers and text; for any other, that of reading it.
    """
    plain = _plain_types(kind)

    def packed(value: Any) -> Any:
        found = pack(value)
        if plain is None or tuple(map(type, found)) != plain:
            _refuse_changed(kind, value, _read(kind, unpack, found))
        return found

    return packed


def _plain_types(kind: type[Any]) -> tuple[type[Any], ...] | None:
    """The types of a record's fields; None if one is not plain, or it is no such record."""
    if not issubclass(kind, msgspec.Struct):
        return None
    hints = get_type_hints(kind)
    found = tuple(hints[name] for name in kind.__struct_fields__)
    return found if all(each in _PLAIN for each in found) else None


def _read(kind: type[Any], unpack: Callable[[Any], Any], found: Any) -> Any:
    try:
        return unpack(_decode(_encode(found)))
    except msgspec.ValidationError as error:
        raise TypeError(f"{kind.__name__} could not be read back: {error}") from error


def _refuse_changed(kind: type[Any], value: Any, back: Any) -> None:
    if _same(value, back):
        return
    for name in _fields(value):
        one, other = getattr(value, name), getattr(back, name)
        if not _same(one, other):
            raise TypeError(
                f"the field {name} of {kind.__name__} would come back as another {type(other).__name__}"
                if type(one) is type(other)
                else f"the field {name} of {kind.__name__} is a {type(one).__name__}, and would come back as a "
                f"{type(other).__name__}; annotate it with the type that it has"
            )
    raise TypeError(f"what is of type {kind.__name__} would come back as another one")


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal: records by their fields, even where they are not compared so, and NaN is NaN."""
    if one == other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    names = _fields(one)
    if names:
        return all(_same(getattr(one, name), getattr(other, name)) for name in names)
    return bool(one != one and other != other)


def _fields(value: Any) -> tuple[str, ...]:
    """The names of a record's fields."""
    if dataclasses.is_dataclass(value):
        return tuple(field.name for field in dataclasses.fields(value))
    return getattr(value, "__struct_fields__", ())
