"""What becomes of a page whose handler does not end as usual.

Owns: the outcome, and its reason in words.
Must not know: where handlers run.
"""

import asyncio
import signal
import traceback

from scraper_cpn.scrape.colours import (
    Bad,
    Deferred,
    Target,
)
from scraper_cpn.scrape.pages.handlers import (
    Handler,
    HandlerError,
    Handlers,
)
from scraper_cpn.scrape.pages.hooked import (
    DETAIL_CHARS_MAX,
    HookError,
    error_line,
)
from scraper_cpn.scrape.pages.page import HostilePageError, Page
from scraper_cpn.scrape.pages.verdicts import Drop, Retry
from scraper_cpn.scrape.redact import writable


def ended_by(error: BaseException) -> Bad | Deferred | None:
    """Return the outcome of a page that the program does not want, or on which a hook raised; None in all other cases."""
    if isinstance(error, Retry):
        return Deferred(writable(error.reason), error.after_ns, error.elsewhere)
    if isinstance(error, Drop):
        return Bad("drop", writable(error.reason))
    return error.outcome if isinstance(error, HookError) else None


def unclaimed(page: Page, target: Target, handlers: Handlers) -> Bad:
    """Return what becomes of a page that no handler takes."""
    known = ", ".join(handlers.names)
    if target.handler:
        return Bad("handler", f"there is no page handler {target.handler!r}; there are: {known}")
    others = ", ".join(handlers.of_other_statuses(page.url))
    if others:
        return Bad("handler", f"no page handler takes the status {page.status} here; {others}")
    return Bad("handler", f"no page handler's pattern fits the URL; there are: {known}")


def is_cancelled(error: BaseException) -> bool:
    """Return whether the task is being cancelled; a handler may raise `CancelledError` on its own."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def raised(handler: Handler, error: BaseException) -> Bad:
    """Return what becomes of a page whose handler raised. `KeyboardInterrupt` does what Ctrl-C does, too."""
    if isinstance(error, KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    if isinstance(error, HostilePageError):
        return Bad("parse", str(error))
    if isinstance(error, HandlerError):
        return Bad("handler", writable(f"{handler.name} {error}"))
    line = f"{handler.name} raised {error_line(error)}"
    detail = writable("".join(traceback.format_exception(error)))
    return Bad("handler", writable(line), detail[-DETAIL_CHARS_MAX:])
