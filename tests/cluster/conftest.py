"""Tests of workers have the tables in their databases from the beginning."""

import pytest

from mocks.postgres import Postgres


@pytest.fixture
def database(postgres: Postgres, made_tables: str) -> str:
    """A database with the tables of crawls, and no crawl; where to connect."""
    return postgres.new_database(made_tables)
