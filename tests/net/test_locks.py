"""Deadlocks that the structure of a net shows are reported, and nothing is reported of nets that have none."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import Lost, Net, NetWarning, checked, hold, on, put, read, take
from scraper_cpn.net.locks import deadlocks
from scraper_cpn.nets.ci import ci_net
from scraper_cpn.nets.jobs import jobs_net
from scraper_cpn.nets.judge import judge_net
from scraper_cpn.nets.philosophers import philosophers_net
from scraper_cpn.nets.pool import pool_net
from scraper_cpn.nets.ring import ring_net
from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings

PROXY = Proxy("p", "http://p.test:1", quota=1)


class Order(Struct, frozen=True):
    number: int


class Sent(Struct, frozen=True):
    pass


def transfers(orders: Sequence[str]) -> Net:
    """Orders that lock two accounts, one after the other, in such an order; then an effect, and both are free."""
    net = Net("transfers")
    accounts = {name: net.counter(name, start=1) for name in ("ann", "bob")}
    done = net.sink("done", Order)
    send = net.effect("send", Sent)
    for name in orders:
        first, second = (accounts[each] for each in name.split("_"))
        wanted = net.place(name, Order, source=True, work=True)
        locked = net.place(f"locked_{name}", Order)
        net.transition(f"lock_{name}", [wanted, take(first)], outputs=[put(locked)])
        free = [put(first), put(second)]
        net.transition(
            f"send_{name}",
            [locked, take(second)],
            effect=send(locked),
            outcomes=[on(Sent, put(done), *free), on(Lost, put(wanted), *free)],
        )
    return net


def test_two_locks_in_opposite_orders_are_reported() -> None:
    """The line names the resources and who takes them, and says what to do; the net is accepted."""
    net = transfers(["ann_bob", "bob_ann"])
    (line,) = deadlocks(net)
    assert line.startswith("ann, bob: lock_ann_bob, lock_bob_ann may block each other for ever")
    with pytest.warns(NetWarning, match="net transfers may deadlock: ann, bob"):
        assert checked(net) is net


@pytest.mark.parametrize("orders", [["ann_bob"], ["bob_ann"]])
def test_locks_in_one_order_are_not_reported(orders: list[str]) -> None:
    """Whoever has the first can always get the second."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", NetWarning)
        checked(transfers(orders))


def test_a_fork_that_is_kept_while_another_is_wanted_is_reported() -> None:
    """Chairs are numbers, which structure does not see: they are reported, too, and a proof distinguishes them."""
    assert [line.split(":")[0] for line in deadlocks(philosophers_net(3, 3))] == ["forks"]
    assert [line.split(":")[0] for line in deadlocks(philosophers_net(3, 2))] == ["forks"]


def test_what_is_held_or_read_comes_back() -> None:
    """A slot that a firing holds, and a token that it only reads, are no resources that run out."""
    net = Net("n")
    jobs = net.place("jobs", Order, source=True, work=True)
    key = net.place("key", Order, source=True)
    slots = net.counter("slots", start=2)
    send = net.effect("send", Sent)
    again = [put(key, lambda order: order, key)]
    net.transition("renew", [key], outputs=again)
    arcs: list[Any] = [jobs, hold(slots), read(key)]
    net.transition("go", arcs, effect=send(jobs), outcomes=[on(Sent), on(Lost)])
    assert deadlocks(net) == []


@pytest.mark.parametrize(
    "net",
    [
        ScrapeNet(Policy(Settings())),
        ScrapeNet(Policy(Settings(per_host=2))),
        ScrapeNet(Policy(Settings(sessions=2, sticky_proxies=True, proxies=(PROXY,)))),
        ci_net(),
        jobs_net(1),
        judge_net(),
        pool_net(3, idle_ns=1, retry_ns=1),
        ring_net(2, 2),
    ],
    ids=[
        "scrape",
        "scrape_with_hosts",
        "scrape_with_sticky_proxies",
        "ci",
        "jobs",
        "judge",
        "pool",
        "ring",
    ],
)
def test_nothing_is_reported_of_nets_that_work(net: Net) -> None:
    """Budgets, a gate that closes and proxies that are used up end by design."""
    assert deadlocks(net) == []
