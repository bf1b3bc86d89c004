"""The join of targets, domains and proxies in SimPN, a simulator of timed coloured nets.

Run by a Python that has SimPN: `python join_simpn.py TARGETS DOMAINS PROXIES DECISIONS`. Prints JSON.
A domain is free again after a second, a proxy after a tenth. SimPN fires the first binding that it
finds, from the oldest tokens on; the targets are mixed, so that it has to look for it.
"""

import json
import sys
import time
from importlib.metadata import version
from typing import Any

from simpn.simulator import SimProblem, SimToken


def main() -> None:
    """Measure, and print."""
    targets, domains, proxies, decisions = map(int, sys.argv[1:])
    net = SimProblem()
    places = [net.add_var(name) for name in ("targets", "domains", "proxies")]
    for page in range(targets):
        places[0].put((page * 7_919 % 1_009 % domains, page))
    for domain in range(domains):
        places[1].put(domain)
    for proxy in range(proxies):
        places[2].put(proxy)

    def fetched(target: Any, domain: Any, proxy: Any) -> list[Any]:
        return [
            SimToken((domain, target[1] + targets)),
            SimToken(domain, delay=1),
            SimToken(proxy, delay=0.1),
        ]

    net.add_event(
        places, places, fetched, name="fetch", guard=lambda target, domain, _: target[0] == domain
    )
    began = time.process_time()
    for _ in range(decisions):
        assert net.step() is not None, "nothing could fire"
    cpu_s = time.process_time() - began
    print(json.dumps({"version": version("simpn"), "decisions": decisions, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main()
