"""Whether a net can be divided into partitions: what the check at definition refuses, and that its messages help."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Credit,
    Lost,
    Net,
    NetError,
    Share,
    absent,
    channel,
    checked,
    constant,
    credit,
    hold,
    keyed,
    leased,
    local,
    on,
    put,
    put_new,
    read,
    remove,
    spend,
    take,
)


class Job(Struct, frozen=True):
    host: str
    page: str = ""

    @property
    def site(self) -> str:
        return self.host


class Pace(Struct, frozen=True):
    host: str


class Proxy(Struct, frozen=True):
    proxy: str


class Fault(Struct, frozen=True):
    proxy: str


class Rule(Struct, frozen=True):
    text: str


class Fine(Struct, frozen=True):
    pass


def host_of(page: str) -> str:
    return page.partition("/")[0]


def whole(**changed: Any) -> Net:
    """A small crawler that can be divided; *changed*: shares that differ from the right ones, by place, and faults."""

    def share(name: str, right: Share | None) -> Any:
        return changed.get(name, right)

    net = Net(
        "small",
        partition=changed.get("partition", "host"),
        tells=changed.get("tells", {"page": host_of}),
    )
    jobs = net.place("jobs", Job, key="host", source=True, work=True, share=share("jobs", None))
    paces = net.place("paces", Pace, key="host", timed=True, share=share("paces", None))
    slots = net.counter("slots", key="host", start=1, share=share("slots", None))
    permits = net.counter("permits", start=4, share=share("permits", local))
    budget = net.counter("budget", start=100, budget=True, share=share("budget", credit))
    proxies = net.place(
        "proxies",
        Proxy,
        key="proxy",
        timed=True,
        source=changed.get("leased_source", True),
        share=share("proxies", leased),
    )
    uses = net.counter("uses", key="proxy", start=1, share=share("uses", leased))
    faults = net.place("faults", Fault, key="proxy", share=share("faults", local))
    rules = net.place("rules", Rule, source=True, share=share("rules", constant))
    links = net.place("links", Job, source=True, work=True, share=share("links", channel("host")))
    seen = net.set("seen", Job, key="page", share=share("seen", None))
    known = net.set("known", Pace, key="host", share=share("known", None))
    waiting = net.place(
        "waiting", Job, timed=True, work=True, share=share("waiting", keyed("site"))
    )
    pages = net.place(
        "pages",
        Job,
        capacity=changed.get("capacity", 8),
        work=True,
        share=share("pages", keyed("host")),
    )
    done = net.sink("done", Job)
    fetch = net.effect("fetch", Fine)
    net.transition(
        "fetch",
        [
            jobs,
            spend(paces, after_ns=5),
            hold(slots),
            hold(permits),
            hold(budget),
            hold(proxies),
            hold(uses),
            read(rules),
        ],
        effect=fetch(jobs),
        outcomes=[
            on(Fine, put(pages, job, jobs)),
            on(Lost, put(waiting, job, jobs, after_ns=9), put(faults, fault, proxies)),
        ],
    )
    net.transition("read", [pages], outputs=[put(done), put(links, more, pages)])
    net.transition(
        "admit",
        [links],
        outputs=[put_new(seen, jobs, same, links), put_new(known, paces, pace, links)],
    )
    net.transition("wake", [waiting], outputs=[put(jobs)])
    net.transition("rest", [faults, take(proxies, include_waiting=True)], outputs=[put(proxies)])
    if changed.get("releases", True):
        net.release(proxies, [absent(faults), read(uses)])
    changed.get("more", lambda _: None)(net)
    return net


def job(job: Job) -> Job:
    return job


def same(job: Job) -> list[Job]:
    return [job]


def more(job: Job) -> list[Job]:
    return [Job(job.host + "x")]


def pace(job: Job) -> Pace:
    return Pace(job.host)


def fault(proxy: Proxy) -> Fault:
    return Fault(proxy.proxy)


def a_gift(net: Net) -> None:
    budget: Any = net.places["budget"]
    net.transition("gift", [net.places["waiting"]], outputs=[put(budget)])  # type: ignore[list-item]


def two_keys(net: Net) -> None:
    other = net.place("other", Pace, source=True, share=keyed("host"))
    net.transition("mix", [net.places["jobs"], other], outputs=[])  # type: ignore[list-item]


def joined_on_no_key(net: Net) -> None:
    letters = net.place("letters", Job, key=("host", "site"), source=True)
    sites = net.place("sites", Job, key="site", source=True, share=keyed("host"))
    net.transition("pair", [letters, sites], outputs=[])


def all_of_a_place(net: Net) -> None:
    jobs: Any = net.places["jobs"]
    net.transition("sweep", [take(jobs, all=True)], outputs=[])


def some_of_a_place(net: Net) -> None:
    jobs: Any = net.places["jobs"]
    net.transition("three", [take(jobs, 3)], outputs=[])


def none_in_the_world(net: Net) -> None:
    jobs: Any = net.places["jobs"]
    late = net.place("late", Job, source=True, share=local)
    net.transition("when_idle", [late, absent(jobs)], outputs=[])


def none_waits_in_the_world(net: Net) -> None:
    waiting: Any = net.places["waiting"]
    late = net.place("late", Job, source=True, share=local)
    net.transition("when_idle", [late, absent(waiting)], outputs=[])


def forgets_without_a_key(net: Net) -> None:
    known: Any = net.places["known"]
    late = net.place("late", Pace, source=True, share=local)
    net.transition("forget", [late], outputs=[remove(known, late)])


def new_into_a_channel(net: Net) -> None:
    known, links, jobs = net.places["known"], net.places["links"], net.places["jobs"]
    every = net.set("every", Job, key="page")
    del known
    net.transition("relink", [jobs], outputs=[put_new(every, links, same, jobs)])  # type: ignore[arg-type,list-item]


def a_lease_out_of_nothing(net: Net) -> None:
    proxies: Any = net.places["proxies"]
    net.transition("rent", [net.places["pages"]], outputs=[put(proxies, _rented)])  # type: ignore[list-item]


def _rented() -> Proxy:
    return Proxy("new")


def a_lease_of_another(net: Net) -> None:
    proxies: Any = net.places["proxies"]
    bills = net.place("bills", Fault, key="proxy", share=leased, source=True)
    net.transition("bill", [net.places["pages"]], outputs=[put(bills, _billed)])  # type: ignore[list-item]
    net.transition("pay", [bills, hold(proxies)], outputs=[])


def _billed() -> Fault:
    return Fault("x")


def a_changing_constant(net: Net) -> None:
    rules: Any = net.places["rules"]
    net.transition("change", [rules], outputs=[])


def a_growing_constant(net: Net) -> None:
    rules: Any = net.places["rules"]
    net.transition("learn", [net.places["pages"]], outputs=[put(rules, _rule)])  # type: ignore[list-item]


def _rule() -> Rule:
    return Rule("")


def counts_what_is_elsewhere(net: Net) -> None:
    visits = net.counter("visits", key="host", start=0)
    notes = net.place("notes", Pace, key="host", source=True, share=local)
    net.transition("note", [notes, net.places["jobs"]], outputs=[put(visits)])  # type: ignore[list-item]


def shows_what_has_no_key(net: Net) -> None:
    busy = net.place("busy", Job, key="host")
    late = net.place("late", Job, source=True, share=local)
    work = net.effect("work", Fine)
    ends = [on(Fine), on(Lost)]
    net.transition("work", [late], effect=work(late), outcomes=ends, during=busy)


def two_arguments(job: Job, other: Job) -> str:
    return job.host + other.host


wrong: Any = two_arguments


class Order(Struct, frozen=True):
    host: str
    depot: str
    ways: list[str]


def two_fields(net: Net) -> None:
    orders = net.place("orders", Order, source=True, share=keyed("depot"))
    queue = net.place("queue", Order, key="host")
    net.transition("queue_up", [orders], outputs=[put(queue)])
    net.transition("end_order", [queue])


def a_list_as_key(net: Net) -> None:
    orders = net.place("orders", Order, source=True, share=channel("ways"))
    net.transition("end_order", [orders])


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "one token by two fields": ({"more": two_fields}, "transition queue_up, put(queue): the token comes from orders, where the field depot gives its host; in queue host does"),
    "a list as a key": ({"more": a_list_as_key}, "place orders: the field ways of Order is a collection, which is no host"),
    "a place without a share": ({"permits": None}, "place permits: has no share, and no key that tells host; declare share="),
    "a place of tokens without one": ({"waiting": None}, "place waiting: has no share"),
    "a word for a share": ({"permits": "local"}, "place permits: share is 'local'; give keyed, local"),
    "keyed, and no key": ({"permits": keyed()}, "place permits: is keyed, but has no key that tells host; name the field"),
    "keyed by a field that is not there": ({"waiting": keyed("domain")}, "place waiting: Job has no field domain; name the one"),
    "keyed by a function of two": ({"waiting": keyed(wrong)}, "place waiting: two_arguments can't be called with (Job)"),
    "keyed twice": ({"jobs": keyed("site")}, "place jobs: has the key host, which tells host; leave out site of its share"),
    "a counter by a function": ({"permits": keyed(host_of)}, "counter, whose tokens have no colour"),
    "a set by a field": ({"tells": {}, "seen": keyed("host")}, "set, whose keys have no colour; give it a key that tells host"),
    "a channel without a key": ({"links": channel()}, "place links: is channel, but has no key that tells host"),
    "a channel with slots": ({"pages": channel("host")}, "place pages: tokens cross it without slots and times"),
    "a channel with times": ({"waiting": channel("host")}, "place waiting: tokens cross it without slots and times"),
    "a channel of numbers": ({"slots": channel()}, "place slots: is a counter, and only tokens of places can cross"),
    "a channel of keys": ({"seen": channel()}, "place seen: is a set, and only tokens of places can cross"),
    "new keys in a channel": ({"more": new_into_a_channel}, "put_new(links): every is keyed, so that another partition may know the key"),
    "links that don't cross": ({"links": local}, "transition admit, put_new(jobs): jobs is keyed, but no input tells host; declare"),
    "waiting here alone": ({"waiting": local}, "transition wake, put(jobs): jobs is keyed, but no input tells host"),
    "a local pipeline": ({"pages": local, "links": keyed("host")}, "transition read, put(links): links is keyed, but no input tells host; declare the share of an input as keyed, or that of links as a channel"),
    "a set that forgets": ({"more": forgets_without_a_key}, "transition forget, remove(known): known is keyed, but no input tells host"),
    "two keys in one firing": ({"more": two_keys}, "transition mix, take(other): agrees with take(jobs) on no key that tells host"),
    "joined on what tells nothing": ({"more": joined_on_no_key}, "transition pair, take(sites): agrees with take(letters) on no key that tells host"),
    "pages that tell no host": ({"tells": {}}, "place seen: has no share"),
    "tells that is no function": ({"tells": {"page": "host"}}, "tells page: is 'host'; give the pure function"),
    "a partition key of nobody": ({"partition": "domain"}, "partition domain: no place has this key"),
    "all tokens": ({"more": all_of_a_place}, "transition sweep, take(jobs): binds tokens of any host, but a partition has only its own; join it"),
    "three tokens": ({"more": some_of_a_place}, "transition three, take(jobs): binds tokens of any host"),
    "an empty world": ({"more": none_in_the_world}, "transition when_idle, absent(jobs): looks for tokens of any host"),
    "an empty world without keys": ({"more": none_waits_in_the_world}, "absent(waiting): looks for tokens of any host"),
    "work in each copy": ({"jobs": constant}, "place jobs: is the same in each partition, so that its tokens can't be work"),
    "a set in each copy": ({"known": constant}, "place known: is a set, which grows; make it keyed or local"),
    "a constant that changes": ({"more": a_changing_constant}, "place rules: never changes, but transition change has take(rules); read it"),
    "a constant that grows": ({"more": a_growing_constant}, "place rules: never changes, but transition learn has put(rules)"),
    "a budget per host": ({"slots": credit}, "place slots: only a plain counter that starts with a number can be credit"),
    "a budget of tokens": ({"pages": credit}, "place pages: only a plain counter that starts with a number can be credit"),
    "a budget that grows": ({"more": a_gift}, "place budget: is one budget of all partitions, but transition gift has put(budget), which makes units"),
    "a lease without a name": ({"permits": leased}, "place permits: is leased, but has no key that names what is leased"),
    "a lease that nothing releases": ({"releases": False}, "place proxies: nothing releases its tokens; declare net.release(proxies)"),
    "a lease that can't come in": ({"leased_source": False, "more": a_lease_out_of_nothing}, "place proxies: its tokens come from other partitions; declare it with source=True"),
    "a lease out of nothing": ({"more": a_lease_out_of_nothing}, "transition rent, put(proxies): proxies is leased, but the firing holds no lease of its key"),
    "a bill for another's lease": ({"more": a_lease_of_another}, "transition bill, put(bills): bills is leased, but the firing holds no lease"),
    "a shown token without a key": ({"more": shows_what_has_no_key}, "transition work, during busy: is keyed, but take(late) is not; make busy local"),
    "a number by a local token": ({"more": counts_what_is_elsewhere}, "transition note, put(visits): take(notes) tells the key, but may be of another partition"),
}  # fmt: skip


def test_a_net_that_can_be_divided_is_accepted() -> None:
    """The small crawler has no fault, with and without a partition key, and only with one it has places to cross by."""
    divided, undivided = checked(whole()), checked(whole(partition=None, tells={}))
    assert set(divided.places) - set(undivided.places) == {
        "links_out", "links_sent", "budget_drawn", "budget_returned", "proxies_released"
    }  # fmt: skip
    assert set(divided.transitions) - set(undivided.transitions) == {
        "send_links", "draw_budget", "return_budget", "release_proxies"
    }  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_each_planted_fault_is_refused_by_the_right_message(fault: str) -> None:
    """A wrong share, key or arc is named with what to declare instead (R51)."""
    changed, message = REFUSED[fault]
    with pytest.raises(NetError) as caught:
        checked(whole(**changed))
    assert any(message in problem for problem in caught.value.problems), caught.value.problems


@pytest.mark.parametrize("fault", REFUSED)
def test_without_a_partition_key_shares_mean_nothing(fault: str) -> None:
    """The same nets are accepted where they are not to be divided, unless `tells` is given in vain."""
    changed = {
        name: each for name, each in REFUSED[fault][0].items() if name not in {"partition", "tells"}
    }
    if changed.get("leased_source") is False or fault == "a channel with slots":
        return
    checked(whole(partition=None, tells={}, **changed))


def test_tells_without_a_partition_key_is_refused() -> None:
    """A map of keys means nothing without the key that they tell."""
    with pytest.raises(NetError, match="tells page: the net has no partition key; give it one"):
        checked(whole(partition=None))


def test_a_unit_is_drawn_and_given_back() -> None:
    """A credit starts at 0, and its units come and go one at a time."""
    from scraper_cpn.net import Interpreter, Partition, compile_net

    for make in (Interpreter, compile_net):
        net = checked(whole())
        kernel = make(net, partition=Partition(0, 1))
        drawn = net.credits["budget"]
        assert (kernel.count("budget"), drawn.total) == (0, 100)
        for _ in range(3):
            kernel.inject(drawn.drawn, Credit(), 0)
        kernel.step(0)
        assert kernel.count("budget") == 3
        kernel.begin(kernel.bindings(drawn.give_back, 0)[0], 0)
        assert (kernel.count("budget"), [row.sink for row in kernel.drain()]) == (
            2,
            ["budget_returned"],
        )
