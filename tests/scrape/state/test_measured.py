"""A page whose size and times the net decides by keeps them in the journal, so that a replay decides the same."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Domain, Fetched, Wired
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.visits import state_of
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.state.packing import GONE, packings

PAGE = Fetched(replace(GONE, body=b"x" * 999, elapsed_ns=3 * SECOND, wired=Wired(7, 2, SECOND)))


@pytest.mark.parametrize("given", [{"adaptive": 0.5}, {"max_bytes": 9}, {"rate_bytes": 9}])
def test_the_decisions_are_the_same_without_the_body(given: dict[str, Any]) -> None:
    policy = Policy(Settings(**{"adaptive": 0.25, **given}))
    packing = packings(policy)[Fetched]
    read = packing.unpack(packing.pack(PAGE))
    assert read.response.body == b""
    assert policy.volume.received(read) == policy.volume.received(PAGE)
    domain = Domain("d", SECOND)
    assert policy.domains.adapted(domain, read) == policy.domains.adapted(domain, PAGE)


def test_other_crawls_keep_nothing_of_it() -> None:
    packing = packings(Policy(Settings()))[Fetched]
    assert packing.pack(PAGE) is None
    assert packing.unpack(None) == Fetched(GONE)


def test_whether_a_page_has_changed_is_the_same_without_it() -> None:
    """What the next visit asks for, and what it is compared with, come back from a state."""
    page = Fetched(replace(GONE, body=b"x", headers=(("etag", '"1"'), ("last-modified", "then"))))
    packing = packings(Policy(Settings(revisit_ns=SECOND)))[Fetched]
    read = packing.unpack(msgspec.msgpack.decode(msgspec.msgpack.encode(packing.pack(page))))
    assert read.response.body == b""
    known = state_of(read)
    assert known == state_of(page)
    assert (known.etag, known.modified) == ('"1"', "then")
    assert known.content != state_of(PAGE).content
