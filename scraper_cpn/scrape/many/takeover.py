"""How the marking of a crawl's partition changes when a worker takes it over.

Owns: the first tokens of a partition, pages whose bodies were lost with a worker, and what they give back.
Must not know: the database, leases, how a partition is run.

Pauses need no change: all workers live by the clock of the database, and a request whose worker has ended counts as sent
at the moment of the take-over, which is later than any moment at which it can have been sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scraper_cpn.net.changes import Durable
from scraper_cpn.net.shares import Partition, local
from scraper_cpn.scrape.colours import Gate
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import direct, first_tokens
from scraper_cpn.scrape.policy.proxies import copies_of
from scraper_cpn.scrape.seeds import BadSeed
from scraper_cpn.scrape.state.resume import by_place, lose_pages
from scraper_cpn.scrape.state.resume_limits import give_back_to_domains, put_windows
from scraper_cpn.store.edit import Edit

TAKEN_OVER = "the worker ended meanwhile"


def first_edit(
    net: ScrapeNet,
    now_ns: int,
    end_ns: int | None,
    *,
    partition: Partition,
    slots: Mapping[str, int],
    bad: Sequence[BadSeed],
) -> Edit:
    """The edit with which a partition begins.

    Args:
        net: divided into partitions.
        now_ns: the kernel's time.
        end_ns: the end of the crawl (`--max-time`).
        partition: which one it is; the first has what only one has.
        slots: how many requests at a time each proxy carries for this partition.
        bad: lines of the input that are not URLs.
    """
    edit, settings = Edit(now_ns), net.policy.settings
    edit.put(net.gate.open, Gate(), expires_at_ns=end_ns)
    put_windows(edit, net, {}, partition.owns)
    if not settings.proxies:
        for copy in copies_of(direct(settings)):
            edit.put(net.proxies.pool, copy)
    for proxy, number in slots.items():
        edit.set_number(net.proxies.slots, proxy, number)
    for place, colour in first_tokens(net):
        if partition.number == 0 or place.share == local:
            edit.put(place, colour)
    if partition.number == 0:
        for each in bad:
            edit.put(net.seeds.bad, net.policy.frontier.bad_seed(each.text, each.reason))
    return edit


def next_edit(
    durable: Durable, net: ScrapeNet, now_ns: int, again: Mapping[str, int], partition: Partition
) -> Edit:
    """The edit with which a worker takes over a partition.

    Args:
        durable: the marking, with nothing in flight.
        net: divided into partitions.
        now_ns: the kernel's time.
        again: how many pages of each domain were fetched and not stored; see `resume.in_pipeline`.
        partition: which one it is.
    """
    edit, tokens = Edit(now_ns), by_place(durable)
    put_windows(edit, net, tokens, partition.owns)
    lose_pages(edit, net, tokens, TAKEN_OVER)
    give_back_to_domains(edit, durable, net, again)
    lost = sum(again.values())
    if lost and net.policy.settings.max_pages is not None:
        left = durable.numbers.get((net.budget.left.name, None), 0)
        edit.set_number(net.budget.left, None, left + lost)
    return edit
