"""What a page handler may raise on purpose, to say what becomes of its page or of the crawl.

Owns: these exceptions. Must not know: how handlers are called, what the net does then.
"""

from scraper_cpn.scrape.options.quantities import duration


class HandlerDecision(Exception):  # noqa: N818 - no mistake, but a decision
    """A decision of a handler; *reason* is one line for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = " ".join(str(reason).split())


class Retry(HandlerDecision):
    """The page is requested again, as after a failed attempt; after the last attempt it has failed.

    Args:
        reason: why.
        after: the least wait, in seconds or as text such as "5m"; None: the usual back-off.
        elsewhere: whether the proxy that brought the page rests, so that another one is used.

    Raises:
        ValueError: *after* is no duration.
    """

    def __init__(
        self, reason: str, after: float | str | None = None, *, elsewhere: bool = False
    ) -> None:
        super().__init__(reason)
        self.after_ns = None if after is None else duration(after)
        self.elsewhere = elsewhere


class Drop(HandlerDecision):
    """Nothing of the page is kept, and it is not requested again; it counts as skipped, not as failed."""


class Stop(HandlerDecision):
    """The crawl starts no more requests. What the handler has yielded before is kept."""
