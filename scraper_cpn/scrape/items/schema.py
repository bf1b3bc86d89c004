"""JSON Schema: reading a schema file, and reporting what in a JSON text does not fit it.

Owns: the only use of jsonschema. Its import takes longer than a crawl of a few pages, so this file is
imported only if a crawl has a schema. Nothing here reads the network: a `$ref` that leaves the schema file
is refused, and `format` is an annotation, the default of JSON Schema 2020-12.
Must not know: items, the net, pages, outputs.
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

from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.scrape.text import one_line


def read_schema(path: str) -> Callable[[bytes], str | None]:
    """Return a function that says why a JSON text does not fit the schema in a file; it returns None if it fits.

    Raises `UsageError` for a file that can't be read or is not a JSON Schema. A check costs some hundred
    microseconds.
    """
    validator = _validator(path)

    def complaint(text: bytes) -> str | None:
        try:
            error = best_match(validator.iter_errors(msgspec.json.decode(text)))
        except (RecursionError, ArithmeticError) as error_of_check:
            return f"it can't be checked: {error_of_check}"
        return None if error is None else f"{error.message} - at `{error.json_path}`"

    return complaint


def _validator(path: str) -> SchemaValidator:
    schema = _read_json(path)
    if not isinstance(schema, dict):
        raise UsageError(f"--schema {path}: a JSON Schema is an object, not {_kind(schema)}")
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        at = error.json_path
        raise UsageError(
            one_line(f"--schema {path}: no JSON Schema at {at}: {error.message}")
        ) from None
    # With an empty registry, references can only lead into the file, never to the network.
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
    """Yield the references in *schema* that can't be resolved within it."""
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
        return "a boolean"  # the standard permits it, but true and false check nothing
    return {list: "an array", str: "a string", type(None): "null"}.get(type(value), "a number")
