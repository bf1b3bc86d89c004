"""The choice of the kernel that executes a crawl's net.

Owns: the meaning of the option `kernel`, for proofs as well, and the message if that kernel is unavailable.
Must not know: how a kernel is built, what it decides.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from scraper_cpn.native import NativeError, extension, native
from scraper_cpn.net.compiled.source import Build, Source, generated, in_python
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings, UsageError

if TYPE_CHECKING:
    from scraper_cpn.analysis.compiled import Builder as Search


class Prepared(NamedTuple):
    """The net of a crawl, and the code of its kernel."""

    net: ScrapeNet
    build: Build


def prepare(
    policy: Policy,
    *,
    kept: bool = False,
    traced: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Prepared:
    """Make the net of a crawl and the code of its kernel, before anything else is opened.

    Args:
        policy: the decisions of the crawl.
        kept: whether the crawl is kept in a state.
        traced: whether its decisions are traced.
        tell: is called with a line that says that building takes a while.

    Raises:
        UsageError: the kernel can't be built.
    """
    net = ScrapeNet(policy)
    source = generated(net, traced=traced, recorded=kept, printed=kept)
    if policy.settings.kernel != "native":
        return Prepared(net, in_python(source))
    begun = partial(tell, "building a kernel of machine code, once: 5 to 20 seconds")
    return Prepared(net, _native(source, begun))


def searching(settings: Settings, tell: Callable[[str], None] = lambda _: None) -> Search | None:
    """What builds the search of a proof in machine code; None if the kernel is not native.

    *tell* is called with a line that says that building takes a while. Raises `UsageError` if it can't be built.
    """
    if settings.kernel != "native":
        return None
    from scraper_cpn.analysis.compiled import SEARCH  # a crawl does without the analysis

    begun = partial(tell, "building the search for states in machine code, once: 5 to 20 seconds")
    try:
        extension(*SEARCH, begun)
    except NativeError as error:
        raise _unavailable(error) from None
    return extension


def _native(source: Source, begun: Callable[[], None]) -> Build:
    try:
        return native(source, begun)
    except NativeError as error:
        raise _unavailable(error) from None


def _unavailable(error: NativeError) -> UsageError:
    return UsageError(f"kernel: native is unavailable: {error}; or choose kernel python")
