"""The marking of a kept crawl around one URL: without the others that wait.

Owns: where the target of a URL may wait in a state, and what is read to find it.
Must not know: what is told of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from scraper_cpn.net import Place
from scraper_cpn.net.changes import Durable
from scraper_cpn.net.marking import Standing, one_key
from scraper_cpn.scrape.colours import STEPS, gate_of
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.parts.logins import LOGINS
from scraper_cpn.scrape.parts.sessions import SESSIONS
from scraper_cpn.scrape.policy.sessions import place_name
from scraper_cpn.scrape.state.run import ScrapeCodec
from scraper_cpn.scrape.urls import host_of, names_above, origin_of
from scraper_cpn.store.port import PagedRow
from scraper_cpn.store.states import RunView


def marking_around(reader: RunView, codec: ScrapeCodec, url: str) -> tuple[Durable, dict[str, int]]:
    """The marking without the other waiting URLs; and how many of those come before this one, by place.

    Cost: reads the waiting URLs of its domain, those that rest, and all tokens of places that are not paged.
    """
    saved = reader.saved()
    durable = Durable(saved.at_ns, saved.next_serial, saved.next_id)
    durable.tokens = {row[0]: codec.standing(row) for row in saved.tokens}
    durable.numbers = {codec.number_key(row): row[2] for row in saved.numbers}
    flights = list(saved.flights)
    held = {serial for row in flights for serial in codec.holds(row)}
    # The domain is the one from when the URL was found; today's suffix list may give another one.
    asks, targets = codec.net.robots.asks.name, codec.net.frontier.targets.name
    turns = _turns(codec.net, durable)
    keys = _keys(codec, url, turns, _levels(codec.net, durable))
    queues = [(asks, origin_of(url)), *((targets, key) for key in keys)]
    before: dict[str, int] = {}
    for row, token in _holding(reader, codec, queues, url):
        durable.tokens[token.serial] = token
        before[token.place] = reader.ahead(row, held)
    rests = [(name, codec.key(name, None)) for name in _by_time(codec.net)]
    for _, token in _holding(reader, codec, rests, url):
        durable.tokens[token.serial] = token
    # If a firing holds another URL, only the firing's existence matters, not the URL.
    others = {serial: Standing(targets, serial, None, 0) for serial in held}
    known = others | durable.tokens
    durable.flights = {row[0]: codec.flying(row, known) for row in flights}
    durable.faulted = [codec.faulted(row) for row in saved.faulted]
    return durable, before


def _holding(
    reader: RunView, codec: ScrapeCodec, queues: Iterable[tuple[str, str]], url: str
) -> Iterator[tuple[PagedRow, Standing]]:
    """The tokens of a URL in paged places, with their rows; *queues* are places and encoded keys."""
    for place, key in queues:
        for row in reader.holding(place, key, url.encode()):
            token = codec.standing_of_paged(row)
            if token.colour.url == url:
                yield row, token


def _by_time(net: ScrapeNet) -> list[str]:
    """The paged places whose tokens go by their times."""
    return [p.name for p in net.places.values() if isinstance(p, Place) and p.by_time]


def _turns(net: ScrapeNet, durable: Durable) -> list[tuple[str, str]]:
    """The gates of logins and the sessions for which a target may wait."""
    names = [
        each.colour.session for each in durable.tokens.values() if each.place in (LOGINS, SESSIONS)
    ]
    number = net.policy.settings.sessions or 0
    sessions = dict.fromkeys([*names, *map(place_name, range(1, number + 1))])
    return [(gate, each) for each in sessions or [""] for gate in (gate_of(each), STEPS)]


def _levels(net: ScrapeNet, durable: Durable) -> list[int]:
    """The levels of priority for which a target may wait, in a crawl with shares."""
    places = {each.levels.name for each in net.shares}
    found = [each.colour.priority for each in durable.tokens.values() if each.place in places]
    return found or [0]


def _keys(
    codec: ScrapeCodec, url: str, turns: Sequence[tuple[str, str]], levels: Sequence[int]
) -> Iterator[str]:
    """The encoded keys under which the target of a URL may wait for its turn; *turns* are gates and sessions."""
    targets = codec.net.frontier.targets
    host = host_of(url)
    for domain, (gate, session), level in product(names_above(host), turns, levels):
        known = {
            "domain": domain,
            "host": host,
            "gate": gate,
            "session": session,
            "priority": level,
        }
        yield codec.key(targets.name, one_key(known[name] for name in targets.keys))
