"""The statements of the store on PostgreSQL, which are in the .sql files beside this one; and those of others.

Owns: the schema's version, loading the files, finding a statement by its name.
Must not know: connections, what a statement's values are.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

SCHEMA_VERSION = 2
"""The version of the tables and functions. A database with another one is refused."""


HERE = "scraper_cpn.store.postgres"


@cache
def query(name: str, package: str = HERE) -> str:
    """The statement called *name* in the file queries.sql of a package."""
    return _queries(package)[name]


def installation() -> str:
    """The statements that make an empty database ready, for one transaction."""
    version = f"INSERT INTO scrape.version (schema) VALUES ({SCHEMA_VERSION});"  # noqa: S608  (our number)
    return "\n".join((text("schema.sql"), text("functions.sql"), version))


@cache
def _queries(package: str) -> dict[str, str]:
    parts = text("queries.sql", package).split("-- name: ")[1:]
    return {
        name.strip(): statement.strip()
        for name, _, statement in (each.partition("\n") for each in parts)
    }


def text(name: str, package: str = HERE) -> str:
    """A file of a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")
