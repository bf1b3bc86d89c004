"""The status of a crawl of many workers, for people.

Owns: the words of `scrape status --database`.
Must not know: how it is read, how commands are parsed.
"""

from collections.abc import Iterator

from rich.text import Text

from scraper_cpn.scrape.many.status import ManyStatus
from scraper_cpn.show.words import counted, lasted, moment, number, plain, rate, size

_LABEL = 10
_BUDGETS = {"budget": "pages of --max-pages", "byte_shares": "shares of --max-bytes"}
"""What a unit of a budget is."""
_ENDED = {
    "finished": ("finished", "bold green"),
    "spent": ("stopped at a limit", "bold green"),
    "stuck": ("stuck", "bold red"),
    "faulted": ("ended with faults", "bold red"),
}


def many_lines(status: ManyStatus) -> Iterator[Text]:
    """Yield the lines about a crawl."""
    yield Text.assemble((plain(status.database), "bold"), "  ", _stands(status))
    passed_ns = status.now_ns - status.created_ns
    yield _line("begun", f"{moment(status.created_ns)}, {lasted(passed_ns)} ago")
    if not status.workers:
        yield _line("workers", "none")
    label = "workers"
    for each in status.workers:
        seen = f"seen {lasted(each.seen_ns)} ago"
        parts = counted(each.partitions, "partition")
        yield _line(label, f"{plain(each.process)}: {parts}, {seen}")
        label = ""
    idle = f"{number(status.idle)} of {counted(status.partitions, 'partition')} have nothing to do"
    yield _line("divided", f"{idle}, {counted(status.on_the_way, 'token')} between them")
    yield _line(
        "fetched",
        f"{counted(status.pages, 'page')}, {rate(status.pages, passed_ns)}, {size(status.bytes)}",
    )
    yield _line("kept", f"{counted(status.items, 'item')} of {counted(status.stored, 'page')}")
    yield _line(
        "ended", f"{counted(status.failed, 'URL')} failed, {number(status.skipped)} skipped"
    )
    for kind in status.failures:
        yield Text.assemble(
            f"{number(kind.count):>6}  ", (plain(kind.kind), "bold"), f": {plain(kind.example)}"
        )
    waiting = [f"{number(urls)} for {what}" for what, urls in status.waiting.items() if urls]
    yield _line("waiting", ", ".join(waiting) or "nothing")
    for name, left in status.budgets.items():
        yield _line("budget", f"{number(left)} {_BUDGETS.get(name, plain(name))} not drawn yet")
    label = "backlog"
    for domain in status.backlog:
        yield _line(label, f"{number(domain.urls):>7}  {plain(domain.domain)}")
        label = ""


def _stands(status: ManyStatus) -> tuple[str, str]:
    if status.ended is not None:
        return _ENDED.get(status.ended, (status.ended, "bold"))
    if status.stopping:
        return "stopped; scrape resume --database lets workers go on", "bold yellow"
    working = sum(each.partitions > 0 for each in status.workers)
    if not working:
        return "no worker is at work", "bold yellow"
    return f"running: {counted(working, 'worker')}", "bold green"


def _line(label: str, text: str) -> Text:
    return Text.assemble((f"{label:<{_LABEL}}", "dim"), text)
