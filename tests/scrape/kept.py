"""Crawls in virtual time that are kept in a store."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from scraper_cpn.scrape.colours import Failure, Found
from scraper_cpn.scrape.policy import Policy, sites_of
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.state.rows import failures
from scraper_cpn.scrape.state.run import (
    CrawlRecord,
    Opening,
    codec_of,
    codec_of_opening,
    first_metadata,
    opened,
    openings,
)
from scraper_cpn.scrape.virtual import VirtualWeb
from scraper_cpn.simulate import driver
from scraper_cpn.simulate.web import SyntheticWeb
from scraper_cpn.simulate.webspec import WebSpec
from scraper_cpn.store.memory import MemoryStore
from scraper_cpn.store.port import SavedMarking, Store, StoreError
from scraper_cpn.store.replay import JournalReplay
from scraper_cpn.store.restore import restore
from scraper_cpn.store.retention import JournalLimits
from scraper_cpn.store.sqlite import create


class KeptCrawl:
    """A crawl of a synthetic web that can be left and gone on with, as by other processes.

    Attributes:
        store: what it is kept in; open, to be closed where it is a file.
        path: of the file; None: it is in memory.
        first: the metadata with which it was made.
        asked: how often each URL was asked for.
        asked_ns: when it was, the last time.
    """

    def __init__(
        self,
        spec: WebSpec,
        settings: Settings,
        path: Path | None = None,
        limits: JournalLimits | None = None,
    ) -> None:
        web = SyntheticWeb(spec)
        seeds = tuple(web.seeds())
        self.opening = Opening(settings, sites_of(settings, seeds))
        self.policy = Policy(settings, self.opening.sites)
        self.path = path
        self.first = metadata = first_metadata(self.opening, CrawlRecord(seeds=seeds))
        self.store: Store = (
            MemoryStore(metadata)
            if path is None
            else create(path, "main", metadata, limits=limits or JournalLimits())
        )
        self.asked: Counter[str] = Counter()
        self.asked_ns: dict[str, int] = {}
        self._web = VirtualWeb(settings, web, self.policy, self._heard)

    def changes(self, spec: WebSpec) -> None:
        """The web is another one from now on."""
        settings = self.opening.settings
        self._web = VirtualWeb(settings, SyntheticWeb(spec), self.policy, self._heard)

    def _heard(self, start_ns: int, _end_ns: int, _proxy: str, url: str, _answer: Any) -> None:
        self.asked[url] += 1
        self.asked_ns[url] = start_ns

    async def crawl(self, lasts_ns: int | None = None) -> driver.Run:
        """Go on with it to its end, or for some time; then what is in flight stays so."""
        state = await opened(self.store, self.opening)
        now_ns = state.clock.now_ns()
        until_ns = None if lasts_ns is None else now_ns + lasts_ns
        run = driver.run(state.recorder, self._web.effects(), now_ns, until_ns=until_ns)
        batch = state.recorder.cut(list)
        if batch is not None:
            await state.commit(batch)
        self._state = state
        return run

    async def ended(self, metadata: list[tuple[str, bytes]]) -> None:
        """Write how it has ended."""
        await self._state.end(lambda: metadata)

    def live(self) -> list[str]:
        """The URLs that wait or are on their way, each as often as there are targets of it."""
        saved: SavedMarking = self.store.saved()
        durable = restore(saved, codec_of(self.policy), paged=False).durable
        colours = [token.colour for token in durable.tokens.values()]
        pages = [each.target.url for each in colours if hasattr(each, "target")]
        found = [t.url for each in colours if isinstance(each, Found) for t in each.targets]
        return pages + found + [each.url for each in colours if hasattr(each, "attempt") and
                                hasattr(each, "depth")]  # fmt: skip

    def ends(self) -> list[Failure]:
        """Rows of the failed log that are the end of their URL."""
        return [row for row in failures(self.store) if row.final]

    def stored(self) -> list[str]:
        """The URLs that were stored."""
        return [name for _, name, _ in self.store.rows("stored")]

    def replayed(self) -> JournalReplay:
        """The journal, played from its base to its end. Raises `StoreError` where it is not sound."""
        opening = msgspec.to_builtins(openings(self.store.metadata())[0][1])
        replay = JournalReplay(self.store.base(), opening, codec_of_opening)
        replay.play(self.store.journal())
        if replay.marking_hash != self.store.saved().marking_hash:
            raise StoreError("damaged", "the replay ends elsewhere")
        return replay
