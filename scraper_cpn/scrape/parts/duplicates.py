"""Duplicates: of pages with the same content the first one counts. Only crawls with `--dedupe content` have this part.

Owns: the contents that have come, each with the URL that brought it.
Must not know: how a page is fetched or parsed, what a content is.
"""

from scraper_cpn.net import Net, Output, Part, Place, Sink, absent, choose, on, put, read
from scraper_cpn.scrape.colours import (
    Content,
    Duplicate,
    Failure,
    Original,
    Raw,
)
from scraper_cpn.scrape.policy.duplicates import DuplicatePolicy

ARRIVED = "arrived"
"""The name of the stage before pages are parsed."""


class Duplicates(Part):
    """Pages come in as `arrived`, and go on if their content is new, or came from the same URL before."""

    def __init__(self, net: Net, p: DuplicatePolicy, most: int) -> None:
        super().__init__(net, "duplicates")
        self._p = p
        self.arrived = self.place(ARRIVED, Raw, key="content", capacity=most, work=True)
        self.contents = self.place("contents", Content, key="content")
        self.refused = self.place("refused_contents", Content, key="content", work=True)

    def compare(self, fresh: Place[Raw], log: Sink[Failure]) -> None:
        """Let pages go on to *fresh*, and log duplicates.

        A page waits while another one with its content is there or is parsed: it may be no page at all.
        """
        p, arrived, contents = self._p, self.arrived, self.contents
        self.transition(
            "remember",
            [arrived, absent(contents)],
            outputs=[put(fresh), put(contents, p.content, arrived)],
        )
        self.transition(
            "compare",
            [arrived, read(contents), absent(fresh, include_in_use=True), absent(self.refused)],
            choice=choose(p.verdict, arrived, contents),
            outcomes=[
                on(Original, put(fresh)),
                on(Duplicate, put(log, p.duplicate, arrived, contents)),
            ],
        )
        self.transition("forget", [self.refused, contents])

    def at_refused(self, pages: Place[Raw]) -> Output:
        """Forget the content of a page that is requested again: a refusal looks the same for each URL."""
        return put(self.refused, self._p.content, pages)


def duplicates_of(net: Net, p: DuplicatePolicy, most: int) -> Duplicates | None:
    """The comparison of contents, if there is one; *most* pages wait for it."""
    return Duplicates(net, p, most) if p.settings.dedupe == "content" else None
