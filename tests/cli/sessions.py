"""What tests of a running crawl share: a session and a view that do as a test says."""

import io
from collections.abc import Callable
from typing import Any

import anyio
from rich.console import Console

from scraper_cpn.scrape.account.report import Snapshot, Summary
from scraper_cpn.show.progress import QuietView

MS = 10**6
SNAPSHOT = Snapshot(
    elapsed_ns=0, pages=0, items=0, attempts=0, failed=0, skipped=0, in_flight=3, bytes=0,
    waiting={},
)  # fmt: skip
DONE = Summary(ended="finished", pages=1, items=1)
STOPPED = Summary(ended="interrupted", pages=1, items=1)


class Watched(QuietView):
    """A view that records its calls."""

    interval_ns = MS

    def __init__(self) -> None:
        super().__init__(Console(file=io.StringIO()))
        self.updates = 0
        self.seen = anyio.Event()
        self.notes: list[str] = []

    def update(self, snapshot: Snapshot) -> None:
        self.updates += 1
        if self.updates == 3:
            self.seen.set()

    def note(self, line: str) -> None:
        self.notes.append(line)


class Crawling:
    """A session that runs until it is stopped, or ends as a test says."""

    def __init__(self, work: Callable[["Crawling"], Any] | None = None) -> None:
        self.calls: list[str] = []
        self._work = work
        self.stopped = anyio.Event()
        self._ended = anyio.Event()

    async def run(self) -> Summary:
        if self._work is None:
            return DONE
        await self._work(self)
        await self._ended.wait()
        return STOPPED

    def snapshot(self) -> Snapshot:
        return SNAPSHOT

    def stop(self) -> None:
        self.calls.append("stop")
        self.stopped.set()

    def abort(self) -> None:
        self.calls.append("abort")
        self._ended.set()
