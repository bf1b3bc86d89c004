"""Calling a hook of a program, and the failure of its page if it raises.

Owns: the calls of `after` functions, and the wording of a hook's error.
Must not know: which hooks there are, when they are called, the net.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from typing import Any

from scraper_cpn.scrape.colours import Bad
from scraper_cpn.scrape.pages.page import HostilePageError, Page
from scraper_cpn.scrape.pages.parameters import name_of
from scraper_cpn.scrape.pages.verdicts import HandlerDecision
from scraper_cpn.scrape.redact import writable

Hook = Callable[..., Any]
RAISED = (Exception, SystemExit)
"""What costs a page: a function that ends its program does not end the crawl."""
DETAIL_CHARS_MAX = 10_000
"""A longer traceback is cut at its beginning."""


class HookError(Exception):
    """A hook raised; *outcome* is what becomes of its page."""

    def __init__(self, outcome: Bad) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


def is_async(function: Hook) -> bool:
    """Return whether a function has to be awaited, as far as that is known before it is called."""
    plain = getattr(function, "func", function)  # of a partial
    return inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain)


def look(hook: Hook, page: Page) -> None:
    """Call a plain `after` function. Raises `HandlerDecision` if it does, and `HookError` if it raises anything else."""
    try:
        hook(page)
    except HandlerDecision:
        raise
    except RAISED as error:
        raise HookError(bad(hook, error)) from error


async def look_async(hook: Hook, page: Page) -> None:
    """Call an `after` function, and await what it returns if that can be awaited; as `look`."""
    try:
        found = hook(page)
        if inspect.isawaitable(found):
            await found
    except HandlerDecision:
        raise
    except RAISED as error:
        raise HookError(bad(hook, error)) from error


def bad(hook: Hook, error: BaseException) -> Bad:
    """Return what becomes of a page on which a hook raised."""
    if isinstance(error, HostilePageError):
        return Bad("parse", str(error))
    detail = writable("".join(traceback.format_exception(error)))
    return Bad("hook", raised(hook, error), detail[-DETAIL_CHARS_MAX:])


def raised(hook: Hook, error: BaseException) -> str:
    """Return in one line what a hook raised, and in which line of its file."""
    code = getattr(hook, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if code and frame.filename == code.co_filename]
    where = f" (line {lines[-1]})" if lines else ""
    return writable(f"{name_of(hook)} raised {error_line(error)}{where}")


def error_line(error: BaseException) -> str:
    """Return an exception in one line; the text of a program's own may raise another one."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a program may raise anything
        text = "(its text can't be read)"
    return " ".join(f"{type(error).__name__}: {text}".split()).removesuffix(":")
