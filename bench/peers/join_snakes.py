"""The join of targets, domains and proxies in SNAKES, a general engine for coloured nets.

Run by a Python that has SNAKES: `python join_snakes.py TARGETS DOMAINS PROXIES DECISIONS`. Prints
JSON. The net has no time: a domain and a proxy are free again at once, and a page leads to a new
target of its domain, so that as many wait as before. SNAKES lists every binding before it fires one.
"""

import json
import sys
import time
from importlib.metadata import version

from snakes.nets import Expression, PetriNet, Place, Transition, Tuple, Variable


def main() -> None:
    """Measure, and print."""
    targets, domains, proxies, decisions = map(int, sys.argv[1:])
    net = PetriNet("join")
    net.add_place(Place("targets", [(n * 7_919 % 1_009 % domains, n) for n in range(targets)]))
    net.add_place(Place("domains", list(range(domains))))
    net.add_place(Place("proxies", list(range(proxies))))
    net.add_transition(Transition("fetch"))
    net.add_input("targets", "fetch", Tuple([Variable("domain"), Variable("page")]))
    net.add_input("domains", "fetch", Variable("domain"))
    net.add_input("proxies", "fetch", Variable("proxy"))
    net.add_output("targets", "fetch", Expression(f"(domain, page + {targets})"))
    net.add_output("domains", "fetch", Variable("domain"))
    net.add_output("proxies", "fetch", Variable("proxy"))
    fetch = net.transition("fetch")
    began = time.process_time()
    for _ in range(decisions):
        fetch.fire(fetch.modes()[0])
    cpu_s = time.process_time() - began
    print(json.dumps({"version": version("SNAKES"), "decisions": decisions, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main()
