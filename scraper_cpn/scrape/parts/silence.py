"""Hosts that are given up because they don't answer while others of their domain do. Only with `--dead-host-after`.

Owns: the count of each host, the verdicts, and how the URLs of such a host end.
Must not know: domains that are dead as a whole (`parts/health.py`), how a request is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scraper_cpn.net import (
    KeySet,
    Limit,
    Net,
    Output,
    Place,
    Wording,
    put,
    put_new,
    read,
)
from scraper_cpn.scrape.colours import (
    DeadHost,
    Failed,
    Fetched,
    Filed,
    HostSign,
    HostSilence,
    Mapped,
    Redirected,
    Rules,
    Throttled,
    Unchanged,
)
from scraper_cpn.scrape.parts.waiting import Waiting
from scraper_cpn.scrape.policy.silence import SilencePolicy

if TYPE_CHECKING:
    from scraper_cpn.scrape.parts.domains import Domains

ANSWERS: tuple[type[Any], ...] = (
    Fetched, Unchanged, Rules, Mapped, Filed, Redirected, Throttled,
)  # fmt: skip


class HostSilences(Limit):
    """Each request sees the count of its host, and changes it by how it ends."""

    counts_by = ("host",)

    def __init__(self, net: Net, p: SilencePolicy, domains: Domains) -> None:
        super().__init__(net, "silence")
        self._p = p
        self.counts = self.place("host_silence", HostSilence, key="host")
        self.known = self.set("known_silences", HostSilence, key="host")
        self.signs = self.place("host_signs", HostSign, key="host")
        self.dead = self.place("dead_hosts", DeadHost, key="host")
        self.takes = [read(self.counts)]
        answered = put(self.signs, p.answered, self.counts)
        self.puts = {outcome: [answered] for outcome in ANSWERS}
        self.puts[Failed] = [put(self.signs, p.failed, self.counts, domains.pacing, Failed)]
        self.wording = {self.counts: Wording("the end of another request to {key}")}
        self.transition(
            "hear_host",
            [self.signs, self.counts],
            outputs=[
                put(self.counts, p.heard, self.counts, self.signs),
                put(self.dead, p.verdict, self.counts, self.signs),
            ],
            priority=-1,
        )

    def brings(self, source: Place[Any] | type[Any]) -> Sequence[Output]:
        """Puts the count of a host seen for the first time, for a new URL or a redirected robots.txt."""
        make: Any = self._p.new_hop if source is Redirected else self._p.new
        return [put_new(self.known, self.counts, make, source)]

    def give_up(self, waiting: Waiting, known: Sequence[KeySet[Any]]) -> None:
        """End what waits for a host that was given up; as `Health.give_up`."""
        p = self._p
        waiting.give_up(self, "give_up_host", self.dead, p.ending, p.rules, known)


def silences_of(net: Net, p: SilencePolicy, domains: Domains) -> list[HostSilences]:
    """The counts of hosts, if the user has asked for them."""
    return [HostSilences(net, p, domains)] if p.settings.dead_host_after else []
