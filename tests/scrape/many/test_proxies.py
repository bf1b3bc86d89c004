"""Proxies are divided among partitions: no slot is lost or given twice, and passwords are each worker's own."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.many.proxies import slots_of, tokens, with_passwords
from scraper_cpn.scrape.settings import UsageError

proxies = st.lists(
    st.builds(
        Proxy,
        proxy=st.uuids().map(lambda name: f"http://{name}"),
        url=st.just("http://p.test:1"),
        slots=st.integers(1, 9),
        delay_ns=st.sampled_from([0, 0, 5]),
        quota=st.sampled_from([None, None, 7]),
    ),
    min_size=1,
    max_size=6,
)


@given(proxies, st.integers(2, 8))
def test_slots_add_up(given: list[Proxy], partitions: int) -> None:
    """Over all partitions a proxy has as many slots as it has on one machine, and tokens for them."""
    slots = [slots_of(given, partitions, pid) for pid in range(partitions)]
    for proxy in given:
        assert sum(each.get(proxy.proxy, 0) for each in slots) == proxy.slots
    for pid, own in enumerate(slots):
        dealt = tokens(given, partitions)[pid::partitions]
        assert {each.proxy: each.slots for each in dealt} == own
        for name, number in Counter(each.proxy for each in dealt).items():
            assert number == own[name] or number == 1
            assert sum(not each.spare for each in dealt if each.proxy == name) == 1


def test_only_passwords_are_a_workers_own() -> None:
    """Slots, delays and quotas are those of the crawl."""
    law = Proxy("http://u@p.test", "http://u:***@p.test", slots=3, delay_ns=5)
    mine = Proxy("http://u@p.test", "http://u:secret@p.test", slots=9)
    (found,) = with_passwords([law], [mine])
    assert (found.url, found.slots, found.delay_ns) == (mine.url, 3, 5)


ONE, OTHER = Proxy("http://one.test", "u"), Proxy("http://other.test", "u")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], r": http://one\.test is missing$"),
        ([OTHER], r"one\.test is missing and http://other\.test is not one of them$"),
        ([ONE, OTHER], r": http://other\.test is not one of them$"),
    ],
)
def test_other_proxies_are_refused(given: list[Proxy], message: str) -> None:
    """The message names one that is missing and one that is too many."""
    with pytest.raises(UsageError, match=message):
        with_passwords([ONE], given)
