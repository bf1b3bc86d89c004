"""What the tests of the scraper share."""

import os

import pytest

from scraper_cpn.scrape.fetch import client_aiohttp
from scraper_cpn.scrape.settings import SECOND, Settings
from tests.scrape.fetching import CLIENTS


def clients() -> tuple[str, ...]:
    """The clients that the contract is tested for; one of yours with `FETCHER=module:Class`."""
    own = os.environ.get("FETCHER")
    return CLIENTS if own is None else (own,)


@pytest.fixture(params=clients())
def limits(request: pytest.FixtureRequest) -> Settings:
    """The settings of a fetcher: a test that takes them is part of the contract of all fetchers."""
    return Settings(timeout_ns=10 * SECOND, max_body_bytes=100_000, fetcher=request.param)


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections of servers that are little known are used again at once."""
    monkeypatch.setattr(client_aiohttp, "REST_S", 0.0)
