"""A state and the libraries that decided for it: a crawl goes on with others, and nothing of it is worked out again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from scraper_cpn.scrape import urls
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.state import libraries
from scraper_cpn.scrape.state.libraries import FACT, others_since, with_versions
from scraper_cpn.simulate.webspec import WebSpec
from tests.scrape.kept import KeptCrawl

pytestmark = pytest.mark.anyio


class Merging:
    """A suffix list by which the last label of a host is its domain."""

    def privatesuffix(self, host: str) -> str:
        """As that of `publicsuffixlist`."""
        return host.rpartition(".")[2]


@pytest.fixture
def other_list(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A function that lets all hosts count as one domain from now on."""
    remembering = (urls._suffixes, urls._domain, urls._registrable, urls._pace)

    def forget() -> None:
        for each in remembering:
            each.cache_clear()

    def take() -> None:
        forget()
        monkeypatch.setattr(urls, "_suffixes", Merging)

    yield take
    monkeypatch.undo()
    forget()


async def test_a_crawl_goes_on_with_another_suffix_list(other_list: Any) -> None:
    """Every page that waited is fetched, once, also where its host has another domain today."""
    whole = KeptCrawl(WebSpec(seed=3, hosts=3, pages=12), Settings(delay_ns=SECOND))
    await whole.crawl()
    domains = {urls.domain_of(url, "domain") for url in whole.stored()}
    crawl = KeptCrawl(WebSpec(seed=3, hosts=3, pages=12), Settings(delay_ns=SECOND))
    await crawl.crawl(lasts_ns=6 * SECOND)
    before = set(crawl.stored())
    assert 0 < len(before) < len(whole.stored())
    other_list()
    assert {urls.domain_of(url, "domain") for url in before} == {"example"} != domains
    await crawl.crawl()
    assert sorted(crawl.stored()) == sorted(whole.stored())
    assert not crawl.ends()


def test_it_is_known_which_versions_wrote_a_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change is a row; what was written by others is named, for who plays the journal again."""
    metadata = {FACT: with_versions({}, 0)}
    assert with_versions(metadata, 5) == metadata[FACT]
    assert others_since(metadata, 0) == []
    newer = libraries.versions() | {"ada-url": "99"}
    monkeypatch.setattr(libraries, "versions", lambda: newer)
    metadata[FACT] = with_versions(metadata, 7)
    assert [seq for seq, _ in msgspec.json.decode(metadata[FACT])] == [0, 7]
    assert [line.endswith("is 99") for line in others_since(metadata, 3)] == [True]
    assert others_since(metadata, 7) == []
