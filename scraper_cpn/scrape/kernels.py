"""Which execution decides for a crawl.

Owns: what the option `kernel` stands for, and what is said where that is not to be had.
Must not know: how a kernel is built, what it decides.
"""

from __future__ import annotations

from collections.abc import Callable

from scraper_cpn.native import NativeError, native
from scraper_cpn.net.compiled.kernel import Build, Builder, Source, generated, in_python
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings, UsageError


def builder_of(settings: Settings) -> Builder:
    """Return what runs the source of the crawl's net; it raises `UsageError` where that can't be."""
    return _native if settings.kernel == "native" else in_python


def build_first(
    settings: Settings,
    *,
    kept: bool = False,
    traced: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Build the kernel of a crawl, if that has to be done: before anything is opened that it may concern.

    Args:
        settings: of the crawl.
        kept: whether it is kept in a state.
        traced: whether its decisions are traced.
        tell: is told in a line that it takes a while.

    Raises:
        UsageError: it can't be built.
    """
    if settings.kernel == "native":
        net = ScrapeNet(Policy(settings))
        source = generated(net, traced=traced, recorded=kept, printed=kept)
        _native(source, lambda: tell("building a kernel of machine code, once: 5 to 20 seconds"))


def _native(source: Source, begun: Callable[[], None] = lambda: None) -> Build:
    try:
        return native(source, begun)
    except NativeError as error:
        raise UsageError(f"kernel: native can't be had: {error}; or choose kernel python") from None
