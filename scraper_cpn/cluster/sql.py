"""The statements of workers and ports, which are in the .sql files beside this one.

Owns: finding them. Must not know: connections.
"""

from functools import partial

from scraper_cpn.store.postgres import sql

PACKAGE = "scraper_cpn.cluster"

query = partial(sql.query, package=PACKAGE)
"""The statement called so in queries.sql."""


def schema() -> str:
    """The tables and functions, made where they are missing."""
    return sql.text("schema.sql", PACKAGE)
