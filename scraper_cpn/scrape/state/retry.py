"""Retrying failed targets: they return to the frontier of a kept crawl.

Owns: which rows of the failed log are put back, and the edit of the marking for that.
Must not know: files, SQL, the command line, how a crawl is resumed afterwards.

Putting back is one batch: the edit, as an input of the journal, and a value that records the rows. A row is
final until it is put back, and a target has one final row at a time: so no target is put back twice, or
while it waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from msgspec.structs import replace

from scraper_cpn.net.changes import Durable
from scraper_cpn.scrape.account.ledger import UNSURE, may_be_sent_again
from scraper_cpn.scrape.colours import KINDS, Failure, HostSilence, Rules
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.state.rows import Logged, failures, retried_entry, retried_kinds
from scraper_cpn.scrape.state.run import (
    Opening,
    ScrapeCodec,
    clock_of,
    codec_of,
    edited,
    last_opening,
)
from scraper_cpn.store.edit import Edit
from scraper_cpn.store.port import Store
from scraper_cpn.store.restore import restore

_UNREACHABLE = "unreachable"
"""The kind of targets whose robots.txt was unreachable: it is requested again."""


async def retry_failed(
    store: Store,
    kinds: Collection[str] | None = None,
    divided: tuple[Opening, ScrapeCodec] | None = None,
) -> dict[str, int]:
    """Put failed targets back as if they were new; returns how many of each kind.

    Depth, priority, age and handler are kept; attempts are counted from 1. If there are no such targets,
    nothing is written.

    Args:
        store: the crawl's store, open for writing.
        kinds: keys of `KINDS`; None for all but `UNSURE`. A failure that another attempt can't mend (a 404) stays final.
        divided: the laws of a crawl in partitions, and the codec of its net, if *store* is that of a partition.

    Raises:
        StoreError: the state is damaged, belongs to another net, or can't be written.
    """
    chosen = set(KINDS) - {UNSURE} if kinds is None else set(kinds)
    metadata = store.metadata()
    opening, codec = divided or _laws(metadata)
    numbered = enumerate(failures(store), start=1)
    ends = [each for each in numbered if each[1].kind in chosen and may_be_sent_again(each[1])]
    if not ends:
        return {}
    rows = [row for _, row in ends]
    saved = store.saved()
    restored = restore(saved, codec)
    clock = clock_of(metadata, saved.at_ns)
    edit = _edit(codec.net, restored.durable, rows, clock.now_ns())
    done = retried_entry(retried_kinds(metadata), chosen, ends[-1][0])
    await store.commit(edited(restored, codec, opening, edit, clock, [done]))
    return dict(Counter(row.kind for row in rows))


def unsure_rows(log: Logged) -> int:
    """The number of requests that may have been processed, and were not put back."""
    return sum(row.final and row.kind == UNSURE for row in failures(log))


def _laws(metadata: dict[str, bytes]) -> tuple[Opening, ScrapeCodec]:
    opening = last_opening(metadata)
    return opening, codec_of(opening.policy)


def _edit(net: ScrapeNet, durable: Durable, rows: list[Failure], now_ns: int) -> Edit:
    edit = Edit(now_ns)
    asking = set()
    for row in rows:
        target = replace(row.target, attempt=1, lost=0)
        if row.kind == _UNREACHABLE:
            asking.add(target.origin)
        edit.put(net.robots.asks if row.kind == _UNREACHABLE else net.frontier.targets, target)
    for token in durable.tokens.values():
        if token.place == net.health.given_up.name:
            edit.gone.append(token.serial)
    for silences in net.silences:
        for token in durable.tokens.values():
            if token.place == silences.dead.name:
                edit.gone.append(token.serial)
            elif token.place == silences.counts.name and token.colour.silent:
                edit.replace(token, HostSilence(token.colour.host), token.ready_at_ns)
    for serial, rules in _unreachable(durable):
        if rules.origin in asking:
            edit.gone.append(serial)
            edit.put(net.robots.jobs, net.policy.robots.refresh(rules))
    return edit


def _unreachable(durable: Durable) -> Iterator[tuple[int, Rules]]:
    """The rules that stand for an unreachable robots.txt. After a day the net itself requests it again."""
    for token in durable.tokens.values():
        if isinstance(token.colour, Rules) and token.colour.kind == _UNREACHABLE:
            yield token.serial, token.colour
