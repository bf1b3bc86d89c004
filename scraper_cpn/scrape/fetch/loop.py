"""The event loop that a crawl runs on.

Owns: that a pause ends when it should.
Must not know: what is waited for.
"""

from __future__ import annotations

import asyncio
import select
import selectors
import sys
from typing import Any

SHORT_S, SHARE_OF_A_LONG_WAIT = 0.01, 0.99
"""A wait that is not short ends at this share of it, and another one follows; see `PreciseSelector`."""
SELECT_MAX = 1_024
"""FD_SETSIZE: select(2) knows no descriptor from here on."""


def loop_options() -> dict[str, Any]:
    """Return the options of the asyncio backend of anyio for a crawl."""
    return {"loop_factory": precise_loop}


def precise_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop; on Linux one that does what is due within some 0.2 ms.

    asyncio's own waits with epoll_wait(2), which counts milliseconds, so that a pause between requests
    is longer than it has to be. A loop that a program has chosen by a policy is left as it is.
    """
    usual = asyncio.new_event_loop()
    if sys.platform != "linux" or type(usual) is not asyncio.SelectorEventLoop:
        return usual
    usual.close()
    return asyncio.SelectorEventLoop(PreciseSelector())


class PreciseSelector(selectors.DefaultSelector):
    """Waits with select(2), which counts microseconds, for epoll's own descriptor to have something.

    A long wait ends early, with nothing, and who waits comes again for the rest: both system calls may
    take a thousandth longer than asked, and five in a process that is nice. For Linux. Costs a system call
    more for each wait that has an end, 1 us.
    """

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for ready files as the base class does; *timeout* is in seconds."""
        if timeout is not None and timeout > 0 and self.fileno() < SELECT_MAX:
            wait_s = timeout if timeout < SHORT_S else timeout * SHARE_OF_A_LONG_WAIT
            select.select((self.fileno(),), (), (), wait_s)
            timeout = 0
        return super().select(timeout)
