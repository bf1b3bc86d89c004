"""Waiting for a commit to its end, whoever cancels the wait.

Owns: `finished`.
Must not know: stores.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

from anyio import CancelScope

T = TypeVar("T")


async def finished(work: asyncio.Future[T]) -> T:
    """The result of *work*, for which even a caller waits that is cancelled: it is cancelled afterwards."""
    cancelled: asyncio.CancelledError | None = None
    with CancelScope(shield=True):
        while not work.done():
            try:
                await asyncio.wait([work])
            except asyncio.CancelledError as error:
                cancelled = error
    result = work.result()
    if cancelled is not None:
        raise cancelled
    return result
