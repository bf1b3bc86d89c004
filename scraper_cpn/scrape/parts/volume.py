"""Limits on how much is fetched: pages and bytes of one domain, bytes in all, and bytes a second.

Owns: the budget of pages and the bytes of each domain, the bytes that are left in all, and the pause after many bytes. A crawl has each of
them only with its option.
Must not know: what is requested.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from scraper_cpn.net import (
    Arc,
    KeySet,
    Limit,
    Net,
    Output,
    Place,
    Wording,
    absent,
    consume,
    credit,
    hold,
    local,
    put,
    put_new,
    read,
    take,
)  # fmt: skip
from scraper_cpn.scrape.colours import (
    Allowance,
    Bandwidth,
    Domain,
    DomainAllowance,
    DomainReceived,
    Failure,
    Fetched,
    Filed,
    Owed,
    Received,
    Target,
)  # fmt: skip
from scraper_cpn.scrape.parts.promises import bodies_of, pages_of
from scraper_cpn.scrape.parts.waiting import Waiting
from scraper_cpn.scrape.policy.volume import BytePolicy, RatePolicy, VolumePolicy
from scraper_cpn.scrape.settings import SECOND


def bytes_count(net: Net, count: str, left: Place[Any], received: Place[Any]) -> Iterator[Any]:
    """The properties of an allowance: a page comes with its bytes, and they are taken off when they are counted."""
    from scraper_cpn.analysis import end, every, fire

    yield every(
        end(*pages_of(net)),
        lambda seen: (
            not isinstance(seen.outcome, Fetched)
            or sum(each.bytes for each in seen.puts(received.name)) >= seen.outcome.size
        ),
        claim="G7 each page comes with its bytes",
    )
    yield every(
        fire(count),
        lambda seen: all(
            each.bytes <= seen[left.name].bytes - seen[received.name].bytes
            for each in seen.puts(left.name)
        ),
        claim="G7 an allowance loses the bytes that came",
    )


class DomainLimit(Limit):
    """A limit of each domain that is over once it is reached: what still waits for the domain then ends."""

    over: tuple[str, Arc[Any], Callable[[Target], Failure]]
    """The transition that ends it, what holds when the limit is over, and the row of a target."""

    def skip(self, waiting: Waiting, known: Sequence[KeySet[Any]]) -> None:
        """End what waits for a domain whose limit is over; *known* as in `Health.give_up`."""
        name, reached, failure = self.over
        row = put(waiting.log, failure, waiting.targets)
        waiting.end_targets(self, name, reached, row, known)


class DomainBudget(DomainLimit):
    """Limits how many pages of a domain may be fetched: a request reserves one, a fetched page uses it up."""

    def __init__(self, net: Net, p: VolumePolicy, most: int) -> None:
        super().__init__(net, "domain_budget")
        self.most = most
        self.left = self.counter("domain_budget", key="domain", start=most)
        self.fetched = self.counter("domain_pages", key="domain", start=0)
        self.takes = [hold(self.left)]
        self.puts = {Fetched: [consume(self.left), put(self.fetched)]}
        self.over = ("skip", read(self.fetched, at_least=most), p.skipped)
        more = (
            "more pages of {key}: --max-pages-per-domain is reached, or will be by those in flight"
        )
        self.wording = {self.left: Wording(more, outlasts=True)}

    def properties(self) -> Iterator[Any]:
        """What a page costs."""
        from scraper_cpn.analysis import costs

        for name in pages_of(self.net):
            yield costs(
                self.left.name,
                name,
                Fetched,
                claim="G7 each page fetched costs one of its domain's budget",
            )


class DomainBytes(DomainLimit):
    """No request to a domain starts once so many bytes have come from it. Those in flight then still arrive."""

    def __init__(self, net: Net, p: VolumePolicy, pacing: Place[Domain]) -> None:
        super().__init__(net, "domain_bytes")
        self._p = p
        self.left = self.place("domain_bytes_left", DomainAllowance, key="domain")
        self.known = self.set("known_allowances", DomainAllowance, key="domain")
        self.received = self.place("domain_bytes_received", DomainReceived, key="domain")
        received = self.received
        self.takes = [read(self.left)]
        self.over = ("skip_full", absent(self.left), p.full)
        self.puts = {Fetched: [put(received, p.received_from, pacing, Fetched)]}
        more = "more bytes of {key}: --max-bytes-per-domain is reached"
        self.wording = {self.left: Wording(more, outlasts=True)}
        left = put(self.left, p.left_there, self.left, received)
        self.transition("count_domain", [received, self.left], outputs=[left], priority=-1)
        # What still arrives after the last of the allowance is not counted.
        self.transition("count_more", [received, absent(self.left)], outputs=[], priority=-1)

    def brings(self, source: Place[Any] | type[Any]) -> Sequence[Output]:
        """Puts the allowance of a domain seen for the first time."""
        place: Any = source
        return [put_new(self.known, self.left, self._p.allowance, place)]

    def properties(self) -> Iterator[Any]:
        """No page is requested from a domain once its bytes are used up."""
        from scraper_cpn.analysis import begin, never

        yield never(
            begin(*pages_of(self.net)),
            without=self.left.name,
            by="domain",
            claim="G7 no page of a domain begins after so many bytes",
        )
        yield from bytes_count(self.net, "count_domain", self.left, self.received)


class Bytes(Limit):
    """No request starts once so many bytes have come. Those in flight then still arrive.

    In a crawl that is divided, a partition draws shares of the bytes: it has some left, or it owes some, at any time one
    of the two, and pays what it owes with its next shares.
    """

    def __init__(self, net: Net, p: VolumePolicy, partitions: int) -> None:
        super().__init__(net, "bytes")
        self.left = self.place("bytes_left", Allowance, source=True, budget=True, share=local)
        self.received = self.place("bytes_received", Received, share=local)
        self.owed: Place[Owed] | None = None
        """What a partition has had beyond its shares; None in a crawl that is not divided."""
        self.takes = [read(self.left)]
        self.puts = {
            arrived: [put(self.received, p.received, arrived)] for arrived in (Fetched, Filed)
        }
        self.wording = {self.left: Wording("more bytes: --max-bytes is reached", outlasts=True)}
        count = [put(self.left, p.left, self.left, self.received)]
        if partitions > 1:
            shares = BytePolicy(p.settings, partitions)
            self.owed = self._shares(shares)
            count.append(put(self.owed, shares.overdrawn, self.left, self.received))
        self.transition("count_bytes", [self.received, self.left], outputs=count, priority=-1)

    def _shares(self, p: BytePolicy) -> Place[Owed]:
        """The shares of the bytes, and what is owed until there are some."""
        shares = self.counter("byte_shares", start=p.number, share=credit)
        owed = self.place("bytes_owed", Owed, source=True, share=local)
        more = put(owed, p.owes_more, owed, self.received)
        self.transition("count_overdrawn", [self.received, owed], outputs=[more], priority=-1)
        paid = [put(self.left, p.paid, owed), put(owed, p.still_owed, owed)]
        self.transition("pay_bytes", [owed, take(shares)], outputs=paid, priority=-1)
        return owed

    def properties(self) -> Iterator[Any]:
        """No request for a page or a file begins once the bytes are used up; one for a robots.txt or a sitemap may."""
        from scraper_cpn.analysis import begin, each, never

        yield never(
            begin(*bodies_of(self.net)),
            without=self.left.name,
            claim="G7 no page or file begins after so many bytes",
        )
        yield each(
            self.left.name, lambda left: left.bytes > 0, claim="G7 an allowance of bytes has some"
        )
        yield from bytes_count(self.net, "count_bytes", self.left, self.received)


class Rate(Limit):
    """No request starts while the bytes that have come are more than `--rate-limit` allows until now.

    In a crawl that is divided, that is so for each partition, of an equal share of the limit.
    """

    def __init__(self, net: Net, p: VolumePolicy, partitions: int) -> None:
        super().__init__(net, "rate")
        assert p.settings.rate_bytes is not None
        self._rate_bytes = p.settings.rate_bytes
        self._partitions = partitions
        rate = RatePolicy(p.settings, partitions)
        self.free = self.place("bandwidth", Bandwidth, source=True, timed=True, share=local)
        self.arrived = self.place("bytes_arrived", Received, share=local)
        self.takes = [read(self.free)]
        self.puts = {
            arrived: [put(self.arrived, p.received, arrived)] for arrived in (Fetched, Filed)
        }
        pause = "the pause after the bytes that came (--rate-limit)"
        self.wording = {self.free: Wording(pause, pause=pause)}
        # Each page takes the bandwidth for as long as its bytes may take, one page after another.
        self.use = self.transition(
            "use_bandwidth",
            [self.arrived, self.free],
            outputs=[put(self.free, rate.used, self.free, self.arrived, after_ns=rate.use_ns)],
            priority=-1,
        )

    def properties(self) -> Iterator[Any]:
        """How long each page takes the bandwidth."""
        from scraper_cpn.analysis import paused

        yield paused(
            self.use.name,
            self.free.name,
            at_least=lambda seen: (
                seen[self.arrived.name].bytes * self._partitions * SECOND // self._rate_bytes
            ),
            claim="G7 each page takes the bandwidth as long as its bytes may take",
        )


def volume_limits(net: Net, p: VolumePolicy, pacing: Place[Domain], partitions: int) -> list[Limit]:
    """The limits on how much is fetched that the user has given."""
    settings, found = p.settings, list[Limit]()
    if settings.max_pages_per_domain is not None:
        found.append(DomainBudget(net, p, settings.max_pages_per_domain))
    if settings.max_bytes_per_domain is not None:
        found.append(DomainBytes(net, p, pacing))
    if settings.max_bytes is not None:
        found.append(Bytes(net, p, partitions))
    if settings.rate_bytes is not None:
        found.append(Rate(net, p, partitions))
    return found
