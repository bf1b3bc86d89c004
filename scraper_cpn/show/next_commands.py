"""Hints about a crawl's state at its end.

Owns: the commands to continue with. Must not know: how a crawl works, what is in a state.
"""

import shlex
from collections.abc import Iterator

from rich.text import Text

from scraper_cpn.scrape.account.ledger import UNSURE
from scraper_cpn.scrape.account.report import Summary
from scraper_cpn.scrape.state.files import MAIN, Keeping


def hints(keeping: Keeping, summary: Summary) -> Iterator[Text]:
    """Yield what can be done with the state; the commands come first."""
    named = ["--run", keeping.name] if keeping.name != MAIN else []
    if summary.failed_urls:
        yield from _hint("retry what failed:", "retry", str(keeping.path), *named)
    if any(group.kind == UNSURE for group in summary.failures):
        words = ("retry", str(keeping.path), *named, "--kind", UNSURE)
        yield from _hint("send again, on purpose, what may have been processed:", *words)
    if summary.ended in {"interrupted", "spent"}:
        yield from _hint("resume:", "resume", str(keeping.path), *named)
    if summary.items:
        yield from _hint("get the items:", "export", str(keeping.path), *named, "-o", "items.jsonl")


def _hint(what: str, *words: str) -> Iterator[Text]:
    yield Text(what)
    yield Text(f"  {shlex.join(['scrape', *words])}", style="bold")
