"""Reports of retry, export, check and backup for people.

Owns: the words of these reports.
Must not know: how the work is done.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from scraper_cpn.scrape.colours import KINDS
from scraper_cpn.scrape.state.check import Audit
from scraper_cpn.show.words import counted, lasted, number, plain, size


def retry_lines(
    found: Mapping[str, int], command: str, unsure: int = 0, again: str = ""
) -> Iterator[Text]:
    """Yield how many URLs of each kind were put back, and how to continue.

    *unsure* requests may have been processed and were left; *again* is the command that sends them nevertheless.
    """
    yield from _put_back(found, command)
    if unsure:
        yield Text(
            f"{counted(unsure, 'request')} may have been processed, and {_are(unsure)} not sent twice: scrape explain "
            "tells of each; to send what was not processed again, on purpose:"
        )
        yield Text(f"  {again}", style="bold")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _put_back(found: Mapping[str, int], command: str) -> Iterator[Text]:
    if not found:
        yield Text("nothing to retry: no URL has failed for a reason that another attempt may cure")
        return
    yield Text(f"{counted(sum(found.values()), 'URL')} put back:", style="bold green")
    for kind, urls in sorted(found.items(), key=lambda each: (-each[1], each[0])):
        yield Text.assemble(f"{number(urls):>7}  ", (kind, "bold"), f": {KINDS[kind]}")
    yield Text("resume:")
    yield Text(f"  {command}", style="bold")


def check_lines(
    path: str, audits: Sequence[Audit], lasted_ns: int, copied_bytes: int | None
) -> Iterator[Text]:
    """Yield what was checked in an intact state, or in a backup with its size."""
    if copied_bytes is not None:
        yield Text(f"{plain(path)}: a copy of {size(copied_bytes)}")
    yield Text.assemble(
        (f"{plain(path)} is sound", "bold green"), f" (checked in {lasted(lasted_ns)})"
    )
    for audit in audits:
        since = f" since batch {number(audit.base)}" if audit.base else ""
        yield Text(
            f"  {plain(audit.run)}: {counted(audit.tokens, 'token')}, "
            f"{counted(audit.pages, 'page')}, {counted(audit.items, 'item')}, "
            f"{counted(audit.failures, 'failed attempt')}"
        )
        yield Text(
            f"  replayed to the same marking: {counted(audit.batches, 'batch', 'batches')}{since}, "
            f"{counted(audit.firings, 'firing')}"
        )


def export_lines(account: Mapping[str, Any]) -> Iterator[Text]:
    """Yield how many items and rows of the failed log were written, and where."""
    where = "to standard output" if account["output"] == "-" else f"in {plain(account['output'])}"
    yield Text(f"{counted(account['items'], 'item')} {where}")
    if "failed" in account:
        rows = counted(account["failed_rows"], "failed attempt")
        yield Text(f"{rows} in {plain(account['failed'])}")
