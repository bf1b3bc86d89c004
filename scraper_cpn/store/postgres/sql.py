"""The statements of the store on PostgreSQL, which are in the .sql files beside this one.

Owns: the schema's version, loading the files, finding a statement by its name.
Must not know: connections, what a statement's values are.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

SCHEMA_VERSION = 1
"""The version of the tables and functions. A database with another one is refused."""


@cache
def query(name: str) -> str:
    """The statement of queries.sql called *name*."""
    return _queries()[name]


def installation() -> str:
    """The statements that make an empty database ready, for one transaction."""
    version = f"INSERT INTO scrape.version (schema) VALUES ({SCHEMA_VERSION});"  # noqa: S608  (our number)
    return "\n".join((_text("schema.sql"), _text("functions.sql"), version))


@cache
def _queries() -> dict[str, str]:
    parts = _text("queries.sql").split("-- name: ")[1:]
    return {
        name.strip(): statement.strip()
        for name, _, statement in (each.partition("\n") for each in parts)
    }


def _text(name: str) -> str:
    return files("scraper_cpn.store.postgres").joinpath(name).read_text(encoding="utf-8")
