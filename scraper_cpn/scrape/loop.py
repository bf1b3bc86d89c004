"""The event loop that a crawl runs on.

Owns: which one suits an HTTP client, and that a pause ends when it should.
Must not know: what is waited for.
"""

from __future__ import annotations

import asyncio
import select
import selectors
import sys
from typing import Any

from scraper_cpn.scrape.client import is_here
from scraper_cpn.scrape.settings import Settings


def loop_options(settings: Settings) -> dict[str, Any]:
    """Return the options of the asyncio backend of anyio for a crawl."""
    return {"use_uvloop": True} if on_uvloop(settings) else {"loop_factory": precise_loop}


def on_uvloop(settings: Settings) -> bool:
    """Whether a crawl runs on uvloop.

    With it a crawl by pyreqwest has a quarter more pages a second, and one by aiohttp fewer.
    """
    return settings.fetcher == "pyreqwest" and is_here("uvloop")


def precise_loop() -> asyncio.AbstractEventLoop:
    """Return asyncio's own event loop, such that what is due is done within some 0.1 ms.

    asyncio waits with epoll_wait(2), which counts milliseconds: its timers are up to one late, and a
    pause between requests is longer by that than it has to be.
    """
    if sys.platform == "linux":
        return asyncio.SelectorEventLoop(PreciseSelector())
    return asyncio.new_event_loop()


if sys.platform == "linux":

    class PreciseSelector(selectors.EpollSelector):
        """Waits with select(2), which counts microseconds, for epoll's own descriptor to have something.

        Costs a system call more for each wait that has an end, 1 us.
        """

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """As its base class, with the timeout in seconds."""
            if timeout is not None and timeout > 0 and self.fileno() < _SELECT_MAX:
                select.select((self.fileno(),), (), (), timeout)
                timeout = 0
            return super().select(timeout)


_SELECT_MAX = 1_024
"""FD_SETSIZE: select(2) knows no descriptor from here on."""
