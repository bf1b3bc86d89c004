"""The pool: whose turn it is, pauses, slots, rests, quotas, leases."""

from __future__ import annotations

from baseline.proxies import Pool, Seat
from baseline.timers import NEVER
from scraper_cpn.scrape.colours import Proxy, ProxyFault
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings


def pool_of(*proxies: Proxy, now_ns: int = 0, until_ns: int | None = None) -> Pool:
    pool = Pool(Policy(Settings(proxies=proxies, backoff_ns=1000, backoff_max_ns=1000)))
    for proxy in proxies:
        pool.add(proxy, 0, until_ns, now_ns)
    return pool


def taken(pool: Pool, now_ns: int) -> Seat:
    """The next token, whose request starts at once and has not ended."""
    assert pool.first(now_ns) is not None
    seat = pool.pop(now_ns)
    pool.spend(seat, now_ns)
    return seat


def name(seat: Seat) -> str:
    return seat.proxy.proxy


def test_who_has_waited_longest_is_next() -> None:
    """Not who was ready first: a token comes to the back when its request starts."""
    pool = pool_of(Proxy("a", delay_ns=500), Proxy("b", delay_ns=10), Proxy("c", delay_ns=10))
    used = [taken(pool, 0) for _ in range(3)]
    assert [name(seat) for seat in used] == ["a", "b", "c"]
    assert pool.first(0) is None
    for seat in used:
        pool.release(seat.carrier, 1)
    assert pool.next_ns(1) == 10
    pool.mature(600)
    assert [name(taken(pool, 600)) for _ in range(3)] == ["a", "b", "c"]


def test_a_proxy_without_a_slot_has_no_useful_time() -> None:
    """Its pause ends, but no request can use that before another has ended."""
    pool = pool_of(Proxy("a", delay_ns=10))
    seat = taken(pool, 0)
    assert pool.next_ns(0) == NEVER
    pool.release(seat.carrier, 3)
    assert pool.next_ns(3) == 10
    pool.mature(10)
    assert pool.next_ns(10) == 10
    seat = taken(pool, 10)
    pool.mature(25)
    assert pool.first(25) is None
    pool.release(seat.carrier, 25)
    assert pool.first(25) is seat


def test_a_timer_that_is_set_is_parked_when_the_last_slot_goes() -> None:
    """Of a proxy with two tokens, one rests while the other takes both slots."""
    proxy = Proxy("a", slots=2)
    pool = pool_of(proxy, proxy)
    pool.blame([ProxyFault("a")])
    pool.rest(0)
    rested_ns = pool.timers.times[0]
    assert rested_ns >= 500
    other = taken(pool, 0)
    assert taken(pool, 0) is other
    assert pool.next_ns(0) == NEVER
    pool.release(other.carrier, 5)
    assert taken(pool, 5) is other
    pool.release(other.carrier, rested_ns)
    pool.mature(rested_ns)
    assert taken(pool, rested_ns) is not other, "it has waited longer, from its rest on"


def test_what_is_called_off_is_as_before() -> None:
    """A token that is given back unused stands where it stood."""
    pool = pool_of(Proxy("a"), Proxy("b"))
    a, b = pool.pop(0), pool.pop(0)
    pool.restore(b, 0)
    pool.restore(a, 0)
    assert [name(taken(pool, 0)) for _ in range(2)] == ["a", "b"]


def test_a_fault_rests_a_token_until_it_is_over() -> None:
    """The rest begins with the step; a token that is away rests when it is back."""
    pool = pool_of(Proxy("a"))
    seat = pool.pop(0)
    pool.blame([ProxyFault("a")])
    pool.rest(5)
    assert len(pool.faults) == 1
    assert seat.proxy.strikes == 0
    pool.spend(seat, 6)
    pool.release(seat.carrier, 6)
    pool.rest(7)
    assert not pool.faults
    assert seat.proxy.strikes == 1
    assert pool.first(7) is None
    ready_ns = pool.next_ns(7)
    assert 507 <= ready_ns <= 1007
    pool.mature(ready_ns)
    assert pool.first(ready_ns) is seat


def test_a_quota_ends_with_its_last_request() -> None:
    """A token whose quota is used up is retired; one with something left is not."""
    pool = pool_of(Proxy("a", quota=2), Proxy("b"))
    for _ in range(2):
        seat = taken(pool, 0)
        pool.release(seat.carrier, 0)
        assert pool.retire(0) == []
    seat = taken(pool, 0)
    assert name(seat) == "a"
    assert [(gone.proxy, gone.quota) for gone in pool.retire(0)] == [("a", 0)]
    pool.release(seat.carrier, 0)
    assert name(taken(pool, 0)) == "b"
    assert pool.seats == 1


def test_a_lease_ends_for_what_is_here_and_for_what_comes_back() -> None:
    """Retired oldest first, at the end of the lease or when it is back."""
    pool = pool_of(Proxy("a"), Proxy("b"), Proxy("c"), until_ns=50)
    away = pool.pop(0)
    assert pool.ends_ns == 50
    assert [gone.proxy for gone in pool.retire(50)] == ["b", "c"]
    assert pool.ends_ns == NEVER
    pool.restore(away, 60)
    assert pool.ends_ns == 50
    assert [gone.proxy for gone in pool.retire(60)] == ["a"]
    assert pool.seats == 0


def test_faults_of_a_proxy_that_is_gone_are_forgotten() -> None:
    """Nothing of it is left to rest."""
    pool = pool_of(Proxy("a"), until_ns=5)
    pool.blame([ProxyFault("a")])
    pool.retire(5)
    pool.rest(6)
    assert not pool.faults
