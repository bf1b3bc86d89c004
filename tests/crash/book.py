"""What a state says of a crawl, read as it lies there between two lives.

Owns: which URLs have come to an end, and whose answers went with the process.
Must not know: processes, the wire.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from scraper_cpn.net.changes import Durable
from scraper_cpn.scrape.colours import (
    Checked,
    Extracted,
    Failure,
    Raw,
    RobotsJob,
    Target,
)
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.state.run import codec_of, codec_of_opening, openings
from scraper_cpn.store.replay import JournalReplay
from scraper_cpn.store.restore import restore
from scraper_cpn.store.states import Location, RunView, look, verify

PIPELINE = (Raw, Extracted, Checked)


@dataclass(frozen=True)
class Book:
    """A run of a state at one moment."""

    stored: dict[str, int]
    """Items by URL."""
    failures: list[Failure]
    """All rows of the failed log."""
    seen: frozenset[str]
    """URLs that were admitted."""
    waiting: Counter[str]
    """Tokens by place."""
    items: list[dict[str, Any]]
    flights: frozenset[str]
    """URLs that were being asked for, as far as was known."""
    pipeline: frozenset[str]
    """URLs of pages that had been fetched and not kept."""
    unjudged: tuple[str, ...]
    """URLs of attempts that have failed and are in no log yet."""
    dropped: frozenset[str]
    """URLs of pages that were cancelled at the end of the process, whatever the server had sent."""

    @property
    def ends(self) -> Counter[str]:
        """How often each URL has come to an end: stored, failed or skipped."""
        final = [row.target.url for row in self.failures if row.final]
        return Counter([*self.stored, *(url for url in final if url in self.seen)])

    @property
    def attempts(self) -> Counter[str]:
        """How many requests the state knows of, or more, by URL; not those for robots.txt."""
        ended = [*self.stored, *(row.target.url for row in self.failures)]
        return Counter([*ended, *self.flights, *self.pipeline, *self.unjudged])

    @property
    def lost(self) -> frozenset[str]:
        """URLs whose answers, if any, went with the process.

        Those in flight, those on their way down the pipeline, and those that were let go when the
        process was asked to end.
        """
        return self.flights | self.pipeline | self.dropped


def read(path: Location, run: str | None = None) -> Book:
    """What a state says now; its marking hash is checked."""
    with look(path) as reader:
        rows = reader.run(run)
        opening = openings(rows.metadata())[-1][1]
        codec = codec_of(Policy(opening.settings, opening.sites))
        durable = restore(rows.saved(), codec, paged=False).durable
        stored = [(name, msgspec.json.decode(body)) for _, name, body in rows.rows("stored")]
        assert len(dict(stored)) == len(stored), "a URL is stored twice"
        failed = [msgspec.json.decode(row[2], type=Failure) for row in rows.rows("failed_log")]
        return Book(
            stored={name: row["items"] for name, row in stored},
            failures=failed,
            seen=frozenset(map(str, durable.seen.get("seen", ()))),
            waiting=Counter(token.place for token in durable.tokens.values()),
            items=[msgspec.json.decode(row[3]) for row in rows.items()],
            flights=frozenset(_flying(durable)),
            pipeline=frozenset(
                token.colour.target.url
                for token in durable.tokens.values()
                if isinstance(token.colour, PIPELINE)
            ),
            unjudged=tuple(
                token.colour.target.url
                for token in durable.tokens.values()
                if isinstance(token.colour, Failure)
            ),
            dropped=frozenset(_dropped(durable)),
        )


def replayed(path: Location) -> int:
    """Verify a state and play its journals again; returns the firings. Raises `StoreError`."""
    assert verify(path) == []
    with look(path) as reader:
        return sum(_replayed(reader.run(each.name)) for each in reader.runs())


def _replayed(rows: RunView) -> int:
    base = rows.base()
    known = openings(rows.metadata())
    last = [opening for after, opening in known if after <= base.seq][-1]
    replay = JournalReplay(base, msgspec.to_builtins(last), codec_of_opening)
    replay.play(rows.journal())
    assert replay.marking_hash == rows.saved().marking_hash
    return replay.firings


def _flying(durable: Durable) -> Iterator[str]:
    for flying in durable.flights.values():
        for bound in flying.inputs:
            colour = getattr(bound, "colour", None)
            if isinstance(colour, Target | RobotsJob):
                yield colour.url
            if isinstance(colour, RobotsJob):
                # Behind a redirect of it the next attempt begins with the first hop.
                yield f"{colour.origin.removesuffix(':80')}/robots.txt"


def _dropped(durable: Durable) -> Iterator[str]:
    for token in durable.tokens.values():
        colour = token.colour
        if isinstance(colour, Failure) and colour.kind == "lost":
            yield colour.target.url
        if isinstance(colour, RobotsJob) and colour.attempt > 1:
            # It has failed: no robots.txt of these webs does so by itself.
            yield colour.url
