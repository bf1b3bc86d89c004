"""The limits of an IP address: a pause of its own, and how many requests at a time, whatever hosts share it.

Owns: what is known of the addresses of hosts, the pacing tokens of addresses and their slots. A crawl has them only with
`--address-delay` or `--per-address`, and without proxies, which look names up by themselves.
Must not know: how a name is looked up, the limits of domains and hosts. A request needs all of them at once.

A host is looked up once a request lacks nothing but its address. The request then goes to that address, whatever the
name leads to by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scraper_cpn.net import (
    Lost,
    Net,
    Output,
    Place,
    Wording,
    absent,
    expired,
    hold,
    on,
    put,
    put_new,
    read,
    spend,
    take,
)
from scraper_cpn.scrape.colours import (
    Address,
    AddressFault,
    AddressPace,
    Failed,
    HostName,
    LocatedFile,
    LocatedJob,
    LocatedMap,
    LocatedTarget,
    Redirected,
)
from scraper_cpn.scrape.parts.domains import Domains
from scraper_cpn.scrape.parts.promises import requests_of
from scraper_cpn.scrape.parts.stages import Stage, Staged, Waiting
from scraper_cpn.scrape.policy.addresses import AddressPolicy
from scraper_cpn.scrape.policy.pauses import gap_after
from scraper_cpn.scrape.settings import SECOND

PATIENCE_NS = 20 * SECOND
"""So long something waits for its address; then what is first in the order of its queue has the turn."""
LOOKUPS_MAX = 16
"""Lookups at a time."""
_LOCATED = Staged("located", "address", LocatedTarget, LocatedJob, LocatedMap, LocatedFile)


class Addresses(Stage):
    """One pacing token (`--address-delay`) and a number of slots (`--per-address`) for each address.

    Args:
        net: of a crawl.
        p: the policy.
        domains: the limits of domains.
        keys: the fields by which the other limits of requests count: of a robots.txt, and of a page.
        turn: the fields of a target by which waiting targets are ordered.
    """

    counts_by = ("host",)

    def __init__(
        self,
        net: Net,
        p: AddressPolicy,
        domains: Domains,
        keys: tuple[tuple[str, ...], tuple[str, ...]],
        turn: tuple[str, ...],
    ) -> None:
        settings = p.settings
        super().__init__(
            net,
            "addresses",
            _LOCATED,
            slots=domains.p.slots,
            keys=keys,
            turn=turn,
            mapped=bool(settings.sitemaps),
            filed=bool(settings.files),
        )
        self.p, self._delay_ns = p, settings.address_delay_ns
        self._most = settings.per_address or settings.concurrency
        self._timeout_ns = settings.timeout_ns
        self.names = self.place("host_names", HostName, key="host")
        self.known = self.set("known_names", HostName, key="host")
        self.lookups = self.counter("lookups", start=LOOKUPS_MAX)
        self.addresses = self.place("addresses", Address, key=("host", "address"), expires=True)
        self.next = self.place("next_addresses", Address, key=("host", "address"))
        self.faults = self.place("address_faults", AddressFault, key=("host", "address"))
        self.pacing = self.place("address_pacing", AddressPace, key="address", timed=True)
        self.known_addresses = self.set("known_addresses", AddressPace, key="address")
        self.slots = self.counter("address_slots", key="address", start=self._most)
        self.takes = [
            spend(self.pacing, after_ns=gap_after(self._delay_ns)),
            hold(self.slots),
        ]
        self.wording = {
            self.names: Wording("the address of {key} to be looked up"),
            self.addresses: Wording("the address of {key}"),
            self.lanes: Wording("a request to {key} to end (--per-domain)"),
            self.pacing: Wording(
                "a request to the address {key} to start", pause="the pause of the address {key}"
            ),
            self.slots: Wording("a request to the address {key} to end (--per-address)"),
        }
        forgotten = put(self.names, p.forgotten, self.addresses)
        self.transition("forget_address", [expired(self.addresses)], outputs=[forgotten])

    def brings(self, source: Place[Any] | type[Any]) -> Sequence[Output]:
        """Puts the name of a host seen for the first time, for a new URL or a redirected robots.txt."""
        make: Any = self.p.hop_name if source is Redirected else self.p.name
        return [put_new(self.known, self.names, make, source)]

    def signs(self, place: Place[Any], outcome: type[Any]) -> list[Output]:
        """The fault of the address that could not be connected to."""
        return [put(self.faults, self.p.fault, place, Failed)] if outcome is Failed else []

    def connect(self, queues: Iterator[Waiting]) -> None:
        """Look hosts up, and give each target and job its address, once nothing else keeps it."""
        look_up = self.effect("resolve", Address)
        make: dict[type[Any], Any] = {
            LocatedTarget: self.p.target, LocatedJob: self.p.job, LocatedMap: self.p.map,
            LocatedFile: self.p.file,
        }  # fmt: skip
        for queue in queues:
            waiting, located = queue.waiting, queue.staged
            self.transition(
                f"look_up_{queue.name}",
                [read(waiting), self.names, *queue.ready, read(self.lanes), hold(self.lookups)],
                effect=look_up(self.names),
                deadline_ns=2 * self._timeout_ns,
                outcomes=[on(Address, *self._arrives(Address)), on(Lost, put(self.names))],
                priority=queue.priority,
            )
            given = put(located, make[located.colour], waiting, self.addresses, lasts_ns=_patience)
            self.transition(
                f"locate_{queue.name}",
                [waiting, read(self.addresses), take(self.lanes), *queue.ready],
                outputs=[given],
                priority=queue.priority,
            )
        self._next()

    def _arrives(self, address: Any) -> list[Output]:
        """What an address puts that was looked up, or that follows another one."""
        p = self.p
        return [
            put(self.addresses, p.same, address, lasts_ns=p.lasts_ns),
            put_new(self.known_addresses, self.pacing, p.pace, address),
        ]

    def _next(self) -> None:
        """Try another address of a host after a fault of the one that was chosen."""
        p, faults, addresses = self.p, self.faults, self.addresses
        after = self.next
        self.transition(
            "turn_address",
            [faults, addresses],
            outputs=[put(after, p.next, addresses)],
            priority=-1,
        )
        self.transition("next_address", [after], outputs=self._arrives(after), priority=-1)
        self.transition("end_fault", [faults, absent(addresses)], outputs=[], priority=-1)

    def properties(self) -> Iterator[Any]:
        """Pauses, and requests to an address at a time."""
        from scraper_cpn.analysis import at_most, conserved, min_gap

        requests = requests_of(self.net)
        yield conserved(
            self.names.name,
            self.addresses.name,
            self.next.name,
            minus=self.known.name,
            by="host",
            claim="G2 a host has one address",
        )
        yield conserved(
            self.pacing.name,
            minus=self.known_addresses.name,
            by="address",
            claim="G2 an address has one pacing token",
        )
        yield min_gap(
            self.pacing.name,
            *requests,
            at_least=lambda _: self._delay_ns,
            claim="G2 starts to an address are its delay apart",
        )
        yield at_most(
            self._most,
            in_flight=requests,
            by="address",
            claim="G2 requests to an address at a time",
        )


def addresses_of(
    net: Net,
    p: AddressPolicy,
    domains: Domains,
    keys: tuple[tuple[str, ...], tuple[str, ...]],
    turn: tuple[str, ...],
) -> list[Addresses]:
    """The limits of addresses, if the user has given any that have an effect."""
    return [Addresses(net, p, domains, keys, turn)] if p.settings.has_addresses else []


def _patience(*_: object) -> int:
    return PATIENCE_NS
