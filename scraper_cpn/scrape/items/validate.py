"""The validate effect: which items of a page fit the user's type or schema.

Owns: the three kinds of check (a msgspec type, a JSON Schema file, or only whether the item can be JSON),
and the message about an item that does not fit.
Must not know: the net, pages, outputs, how JSON Schema works (`schema` does).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import msgspec

from scraper_cpn.scrape.colours import Bad, Extracted, Valid, ValidateOutcome
from scraper_cpn.scrape.items.files import other_than_files
from scraper_cpn.scrape.pages.extract import Item
from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.scrape.text import one_line

_encode = msgspec.json.Encoder().encode

Check = Callable[[Any], str | None]
"""Returns what is wrong with an item, with the path in it and what is expected; None if nothing is."""


class Validator:
    """Checks the items of one crawl against a type, a JSON Schema file, both, or neither.

    The fields *files* of an item may only have files, or None.

    *item_type* is any type that msgspec can decode. A program may build a Struct with wrong values
    in it, so an item of that type is checked like any other: as the JSON that an output writes.
    Raises `UsageError` for a schema file that can't be read or is no JSON Schema, and for a type
    that msgspec has no decoder for. Cost of a check: microseconds by type, 100 times that by schema.
    """

    def __init__(
        self, item_type: Any = None, schema: str | None = None, files: tuple[str, ...] = ()
    ) -> None:
        checks = [] if item_type is None else [_type_check(item_type)]
        if schema is not None:
            checks.append(_schema_check(schema))
        self._checks = checks or [_carried]
        if files:
            self._checks.append(partial(_files_check, files))

    def validate(self, extracted: Extracted) -> ValidateOutcome:
        """Return the items that fit, unchanged, and a line for each that does not.

        A page whose items are all wrong is `Bad`; a page without items is fine.
        """
        good: list[Any] = []
        errors: list[str] = []
        for number, item in enumerate(extracted.items, start=1):
            complaint = self._complaint(item)
            if complaint is None:
                good.append(item)
            else:
                errors.append(one_line(f"item {number}: {complaint}"))
        if errors and not good:
            more = f" (and {len(errors) - 1:,} more items)" if len(errors) > 1 else ""
            return Bad("invalid", errors[0] + more, detail="\n".join(errors))
        return Valid(tuple(good), tuple(errors))

    def _complaint(self, item: Any) -> str | None:
        return next(filter(None, (check(item) for check in self._checks)), None)


def _carried(item: Any) -> str | None:
    """Check that an item can be JSON, which is the only check without a type or schema."""
    if type(item) is Item:
        return None  # our own items consist of strings and numbers
    encoded = _encoded(item)
    return encoded if isinstance(encoded, str) else None


def _files_check(names: tuple[str, ...], item: Any) -> str | None:
    """Check that an item has files where it was asked for them; anything else would be ignored."""
    found = other_than_files(item, names)
    if found is None:
        return None
    return (
        f"the field {found[0]} has {found[1]!r:.60}; give a URL, a File, a list of these, or None"
    )


def _encoded(item: Any) -> bytes | str:
    """Return an item as JSON, or the reason why it can't be JSON."""
    try:
        return _encode(item)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        return f"JSON can't carry it: {error}"


def _without_tags(item_type: Any) -> str:
    """What is wrong with a union of Structs that can't be told from each other; empty for anything else."""
    structs = [each for each in get_args(item_type) if isinstance(each, type(msgspec.Struct))]
    bare = [each.__name__ for each in structs if each.__struct_config__.tag is None]
    if len(structs) < 2 or not bare:
        return ""
    return (
        f"{', '.join(bare)} can't be told from each other; declare each with a tag, such as "
        f"class {bare[0]}(msgspec.Struct, tag=True), or give Crawl no type: it then takes items of any"
    )


def _type_check(item_type: Any) -> Check:
    try:
        decode = msgspec.json.Decoder(item_type).decode
        names = _names(item_type)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"items can't be of the type {item_type!r:.200}: {_without_tags(item_type) or error}"
        ) from None

    def check(item: Any) -> str | None:
        if (
            names
            and isinstance(item, dict)
            and (unknown := [key for key in item if key not in names])
        ):
            return f"Object contains unknown field `{unknown[0]}`"
        encoded = _encoded(item)
        if isinstance(encoded, str):
            return encoded
        try:
            decode(encoded)
        except (msgspec.MsgspecError, RecursionError) as error:
            return str(error)
        return None

    return check


def _names(item_type: Any) -> frozenset[str]:
    """Return the JSON names of a type's fields; empty for a type without fixed fields.

    A msgspec decoder ignores other fields, and a table has no column for them: they would be lost.
    """
    fields = getattr(msgspec.inspect.type_info(item_type), "fields", ())
    return frozenset(field.encode_name for field in fields)


def _schema_check(path: str) -> Check:
    from scraper_cpn.scrape.items.schema import (
        read_schema,  # takes 50 ms, and few crawls have a schema
    )

    complaint = read_schema(path)

    def check(item: Any) -> str | None:
        encoded = _encoded(item)
        return encoded if isinstance(encoded, str) else complaint(encoded)

    return check
