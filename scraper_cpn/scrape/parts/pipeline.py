"""The way of a page from the wire to the output: parsed, validated, kept.

Owns: the stages. They are bounded, and a firing has a slot in the next stage from its start: a slow stage
stops fetching instead of growing memory.
Must not know: how a page is fetched.
"""

from scraper_cpn.net import Lost, Net, Part, Place, Sink, Wording, hold, on, put
from scraper_cpn.scrape.colours import (
    Bad,
    Checked,
    Extracted,
    Failure,
    Found,
    KeepOutcome,
    Kept,
    Parsed,
    ParseOutcome,
    Raw,
    Stored,
    Valid,
    ValidateOutcome,
)  # fmt: skip
from scraper_cpn.scrape.policy import Policy

STAGE = 256
"""Pages that may wait to be validated, and to be kept."""

PARSERS = 16
"""Pages that are parsed at a time: of those that take long, few at once, so that the others pass them."""


class Pipeline(Part):
    """A page that is lost on its way is fetched again; what is wrong with its content ends in the log."""

    def __init__(self, net: Net, p: Policy) -> None:
        super().__init__(net, "pipeline")
        self._p = p.pipeline
        self.raw_html = self.place("raw_html", Raw, capacity=2 * p.settings.concurrency, work=True)
        self.parsers = self.counter("parsers", start=PARSERS)
        self.parsed = self.place("parsed", Extracted, capacity=STAGE, work=True)
        self.validated = self.place("validated", Checked, capacity=STAGE, work=True)
        self.stored = self.sink("stored", Stored)
        self.wording = {self.parsers: Wording("a page to be parsed")}

    @property
    def stages(self) -> tuple[Place[Raw], Place[Extracted], Place[Checked]]:
        """The places of pages that were fetched and are not stored yet."""
        return self.raw_html, self.parsed, self.validated

    def run(self, *, links: Place[Found], lost: Place[Failure], log: Sink[Failure]) -> None:
        """Lead pages to `stored`, their *links* to the frontier, and pages that were *lost* to another attempt."""
        p = self._p
        parse = self.effect("parse", ParseOutcome)
        raw, parsed, validated = self.stages
        self.transition(
            "parse",
            [raw, hold(self.parsers)],
            effect=parse(raw),
            outcomes=[
                on(Parsed, put(parsed, p.extracted, raw, Parsed), put(links, p.links, Parsed)),
                on(Bad, put(log, p.bad, raw, Bad)),
                on(Lost, put(lost, p.lost_page, raw, Lost)),
            ],
        )
        validate = self.effect("validate", ValidateOutcome)
        good = put(validated, p.checked, parsed, Valid)
        self.transition(
            "validate",
            [parsed],
            effect=validate(parsed),
            outcomes=[
                on(Valid, good, put(log, p.invalid, parsed, Valid)),
                on(Bad, put(log, p.bad, parsed, Bad)),
                on(Lost, put(lost, p.lost_page, parsed, Lost)),
            ],
        )
        keep = self.effect("keep", KeepOutcome)
        self.transition(
            "keep",
            [validated],
            effect=keep(validated),
            outcomes=[
                on(Kept, put(self.stored, p.stored, validated, Kept)),
                on(Lost, put(lost, p.lost_page, validated, Lost)),
            ],
        )
