"""The validate effect: which items of a page fit what the user wants.

Owns: the three kinds of check (a msgspec type, a JSON Schema file, none but that JSON can carry the
item), and the line that is said about an item that does not fit.
Must not know: the net, pages, outputs. Nothing here reads the network: a `$ref` that leaves the
schema file is refused, and `format` is an annotation, as JSON Schema 2020-12 has it by default.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from jsonschema import SchemaError
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator as SchemaValidator
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from scraper_cpn.scrape.colours import Bad, Extracted, Valid, ValidateOutcome
from scraper_cpn.scrape.extract import Item
from scraper_cpn.scrape.settings import UsageError

LINE_CHARS_MAX = 300
"""A longer complaint is cut: it quotes the item, and an item may be as long as a page."""

_encode = msgspec.json.Encoder().encode

Check = Callable[[Any], str | None]
"""Says what is wrong with an item, naming the path in it and what is wanted; None for nothing."""


class Validator:
    """Checks the items of one crawl, against a type or a JSON Schema file or both or neither.

    *item_type* is any type that msgspec can decode. A program may build a Struct with wrong values
    in it, so an item of that type is checked like any other: as the JSON that an output writes.
    Raises `UsageError` for a schema file that can't be read or is no JSON Schema, and for a type
    that msgspec has no decoder for. Cost of a check: microseconds by type, 100 times that by schema.
    """

    def __init__(self, item_type: Any = None, schema: str | None = None) -> None:
        checks = [] if item_type is None else [_type_check(item_type)]
        if schema is not None:
            checks.append(_schema_check(schema))
        self._checks = checks or [_carried]

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
                errors.append(_line(f"item {number}: {complaint}"))
        if errors and not good:
            more = f" (and {len(errors) - 1:,} more items)" if len(errors) > 1 else ""
            return Bad("invalid", errors[0] + more, detail="\n".join(errors))
        return Valid(tuple(good), tuple(errors))

    def _complaint(self, item: Any) -> str | None:
        return next(filter(None, (check(item) for check in self._checks)), None)


def _carried(item: Any) -> str | None:
    """Check that JSON can carry an item; without type or schema nothing else is wanted."""
    if type(item) is Item:
        return None  # made by ourselves, of strings and numbers
    encoded = _encoded(item)
    return encoded if isinstance(encoded, str) else None


def _encoded(item: Any) -> bytes | str:
    """Return an item as JSON, or what keeps it from being JSON."""
    try:
        return _encode(item)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        return f"JSON can't carry it: {error}"


def _type_check(item_type: Any) -> Check:
    try:
        decode = msgspec.json.Decoder(item_type).decode
    except (TypeError, ValueError) as error:
        raise UsageError(f"items can't be of the type {item_type!r}: {error}") from None

    def check(item: Any) -> str | None:
        encoded = _encoded(item)
        if isinstance(encoded, str):
            return encoded
        try:
            decode(encoded)
        except (msgspec.MsgspecError, RecursionError) as error:
            return str(error)
        return None

    return check


def _schema_check(path: str) -> Check:
    validator = _read_schema(path)

    def check(item: Any) -> str | None:
        encoded = _encoded(item)
        if isinstance(encoded, str):
            return encoded
        try:
            error = best_match(validator.iter_errors(msgspec.json.decode(encoded)))
        except (RecursionError, ArithmeticError) as error_of_check:
            return f"it can't be checked: {error_of_check}"
        return None if error is None else f"{error.message} - at `{error.json_path}`"

    return check


def _read_schema(path: str) -> SchemaValidator:
    schema = _read_json(path)
    if not isinstance(schema, dict):
        raise UsageError(f"--schema {path}: a JSON Schema is an object, not {_kind(schema)}")
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        at = error.json_path
        raise UsageError(
            _line(f"--schema {path}: no JSON Schema at {at}: {error.message}")
        ) from None
    # An empty registry: references reach what is in the file, and never the network.
    validator: SchemaValidator = kind(schema, registry=Registry())
    for reference in _dangling(schema):
        raise UsageError(
            f"--schema {path}: $ref {reference!r} leads nowhere; "
            "only what is in the file itself can be referred to"
        )
    return validator


def _read_json(path: str) -> Any:
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as error:
        raise UsageError(f"--schema {path}: {error.strerror or error}") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise UsageError(f"--schema {path}: no JSON at {place}: {error.msg}") from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"--schema {path}: no JSON: {error}") from None


def _dangling(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the references in *schema* that nothing in it answers."""
    specification = specification_with(validator_for(schema).META_SCHEMA["$schema"])
    root = specification.create_resource(schema)
    registry: Registry[Any] = Registry()
    waiting = [(root, registry.resolver_with_root(root))]
    while waiting:
        resource, resolver = waiting.pop()
        for reference in _references(resource.contents):
            try:
                resolver.lookup(reference)
            except Unresolvable:
                yield reference
        waiting += [(sub, resolver.in_subresource(sub)) for sub in resource.subresources()]


def _references(contents: Any) -> list[str]:
    if not isinstance(contents, dict):
        return []  # true and false are schemas too
    found = (contents.get(key) for key in ("$ref", "$dynamicRef"))
    return [reference for reference in found if isinstance(reference, str)]


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"  # a schema by the standard, but true and false check nothing
    return {list: "an array", str: "a string", type(None): "null"}.get(type(value), "a number")


def _line(text: str) -> str:
    """Return *text* as one line of bearable length; its end, which names the path, is kept."""
    text = " ".join(text.split())
    if len(text) <= LINE_CHARS_MAX:
        return text
    return f"{text[: LINE_CHARS_MAX - 103]}...{text[-100:]}"
