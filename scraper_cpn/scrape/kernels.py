"""Which execution decides for a crawl.

Owns: what the option `kernel` stands for, and what is said where that is not to be had.
Must not know: how a kernel is built, what it decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scraper_cpn.native import NativeError, can_build, native
from scraper_cpn.net.compile import Build, Builder, compile_net, in_python
from scraper_cpn.net.shelf import MemoryShelf
from scraper_cpn.scrape.client import EXTRA
from scraper_cpn.scrape.net import scrape_net
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings, UsageError


def check_native() -> None:
    """Raise `UsageError` where what builds native kernels is not installed."""
    if not can_build():
        raise UsageError(
            f"kernel: native is built with Cython and setuptools; install with {EXTRA}"
        )


def builder_of(settings: Settings) -> Builder:
    """Return what runs the source of the crawl's net; it raises `UsageError` where that can't be."""
    return _native if settings.kernel == "native" else in_python


def build_first(settings: Settings, *, traced: bool) -> None:
    """Build what a kept crawl will need, if that was never done: before there is a state to be in the way.

    Raises `UsageError` where that can't be done.
    """
    if settings.kernel == "native":
        net, trace = scrape_net(Policy(settings)), print if traced else None
        compile_net(net, trace, recorded=True, shelf=MemoryShelf(), builder=_native)


def _native(title: str, text: str, names: Mapping[str, Any]) -> Build:
    try:
        return native(title, text, names)
    except NativeError as error:
        raise UsageError(f"kernel: {error}; or leave out kernel") from None
