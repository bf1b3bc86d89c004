"""What a net says of its own costs."""

from __future__ import annotations

from scraper_cpn.draw import draw
from scraper_cpn.net import Net, choose, take
from scraper_cpn.net.costs import costs
from tests.net.ping import Job, ping_net


def alike(first: Job, second: Job) -> bool:
    return first == second


def test_only_what_tries_combinations_is_slow() -> None:
    """A scan, two arcs on a place, several tokens that wait; each with what would be better."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    more = net.place("more", Job, source=True)
    later = net.place("later", Job, source=True, timed=True)
    net.transition("scan", [jobs, more], scan=choose(alike, jobs, more))
    net.transition("pair", [take(jobs), take(jobs)])
    net.transition("batch", [take(later, 2)])
    net.transition("one", [jobs])
    message = [
        "transition scan: tries combinations of jobs, more until alike is true; prefer a key or a choice",
        "transition pair: tries combinations, because two inputs bind tokens of jobs; take them by one input with a count",
        "transition batch: take(later) sorts all waiting tokens of its key at each look-up",
    ]
    assert costs(net) == message
    assert draw(net, form="text").endswith("\n  ".join(["what is slow", *message]) + "\n")
    assert costs(ping_net()) == []
    assert "what is slow" not in draw(ping_net(), form="text")
