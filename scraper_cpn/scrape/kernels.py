"""The choice of the kernel that executes a crawl's net.

Owns: the meaning of the option `kernel`, and the message if that kernel is unavailable.
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
    """Return the builder of the crawl's kernel; the builder raises `UsageError` if the kernel is unavailable."""
    return _native if settings.kernel == "native" else in_python


def build_first(
    settings: Settings,
    *,
    kept: bool = False,
    traced: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Build the kernel of a crawl if necessary, before anything else is opened.

    Args:
        settings: the settings of the crawl.
        kept: whether the crawl is kept in a state.
        traced: whether its decisions are traced.
        tell: is called with a line that says that building takes a while.

    Raises:
        UsageError: the kernel can't be built.
    """
    if settings.kernel == "native":
        net = ScrapeNet(Policy(settings))
        source = generated(net, traced=traced, recorded=kept, printed=kept)
        _native(source, lambda: tell("building a kernel of machine code, once: 5 to 20 seconds"))


def _native(source: Source, begun: Callable[[], None] = lambda: None) -> Build:
    try:
        return native(source, begun)
    except NativeError as error:
        raise UsageError(
            f"kernel: native is unavailable: {error}; or choose kernel python"
        ) from None
