"""How the proxies of a crawl are divided among its partitions, and what of them each worker gives.

Owns: which slots of a proxy a partition has, and whose passwords are used.
Must not know: the database, where options come from.

A proxy has a slot for each request that it may carry at a time. Its slots are dealt out in turn; a partition that has some of them
has a proxy with so many slots, of its own. A proxy with a delay or a quota is not divided: all of it is one partition's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.policy.proxies import copies_of, tokens_of
from scraper_cpn.scrape.settings import Settings, UsageError


def tokens(proxies: Sequence[Proxy], partitions: int) -> list[Proxy]:
    """The tokens of all proxies. They are dealt out in turn: number n goes to partition n modulo *partitions*."""
    dealt = list[Proxy]()
    for proxy, owners in _dealt(proxies, partitions):
        slots = Counter(owners)
        own = {
            owner: iter(copies_of(_with(proxy, owners, number))) for owner, number in slots.items()
        }
        dealt += [next(own[owner]) for owner in owners]
    return dealt


def slots_of(proxies: Sequence[Proxy], partitions: int, pid: int) -> dict[str, int]:
    """How many requests at a time each proxy carries for a partition that has some of it."""
    return {
        proxy.proxy: _with(proxy, owners, owners.count(pid)).slots
        for proxy, owners in _dealt(proxies, partitions)
        if pid in owners
    }


def _dealt(proxies: Sequence[Proxy], partitions: int) -> Iterator[tuple[Proxy, list[int]]]:
    """Each proxy, with the partitions of its tokens."""
    turn = 0
    for proxy in proxies:
        number = tokens_of(proxy)
        yield proxy, [each % partitions for each in range(turn, turn + number)]
        turn += number


def _with(proxy: Proxy, owners: Sequence[int], number: int) -> Proxy:
    """A proxy with so many of its slots; one that is not divided has all of them."""
    return proxy if len(owners) == 1 else replace(proxy, slots=number)


def check_divisible(settings: Settings, partitions: int) -> None:
    """Raise `UsageError` unless each partition gets something of a proxy, or there are none."""
    number = sum(map(tokens_of, settings.proxies))
    if settings.proxies and number < partitions:
        raise UsageError(
            f"--partitions: {number} slots of proxies can't be divided among {partitions} partitions; "
            "give more proxies, or fewer partitions"
        )
    for proxy in settings.proxies:
        if proxy.not_before_ns is not None or proxy.not_after_ns is not None:
            raise UsageError(
                f"--database: the proxy {proxy.proxy} has a time from which or until which it may be used, which can't "
                "be divided among partitions yet; leave it out, or crawl with --state"
            )


def with_passwords(proxies: Sequence[Proxy], given: Sequence[Proxy]) -> tuple[Proxy, ...]:
    """The proxies of a crawl, with the passwords of those that a worker is given.

    Their slots, delays and quotas are those of the crawl: all workers share them.

    Raises:
        UsageError: they are not the same proxies.
    """
    known, mine = {each.proxy for each in proxies}, {each.proxy: each for each in given}
    lacking = [each.proxy for each in proxies if each.proxy not in mine]
    surplus = [name for name in mine if name not in known]
    if lacking or surplus:
        words = [f"{name} is missing" for name in lacking[:1]]
        words += [f"{name} is not one of them" for name in surplus[:1]]
        raise UsageError(
            f"--proxies: a worker is given the same proxies as the crawl: {' and '.join(words)}"
        )
    return tuple(replace(each, url=mine[each.proxy].url) for each in proxies)
