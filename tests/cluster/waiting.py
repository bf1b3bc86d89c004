"""Waiting in tests for what tells nobody."""

from __future__ import annotations

from collections.abc import Callable

import anyio


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; for a minute at most, however busy the machine is."""
    with anyio.fail_after(60):
        while not holds():  # noqa: ASYNC110  (it is read, and nobody tells)
            await anyio.sleep(0.01)
