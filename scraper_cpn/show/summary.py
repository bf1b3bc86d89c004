"""The summary of a crawl: what was stored, what failed and why, what is left, how to continue.

Owns: the words of the summary.
Must not know: how a crawl works; how the retry command is made.
"""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from scraper_cpn.scrape.account.report import Changes, FailureGroup, Level, Summary
from scraper_cpn.scrape.colours import Failure
from scraper_cpn.show.words import counted, lasted, number, plain, rate, size

_ENDED = {
    "finished": ("finished", "bold green"),
    "spent": ("stopped at a limit", "bold green"),
    "interrupted": ("interrupted", "bold yellow"),
    "stuck": ("stuck", "bold red"),
    "faulted": ("ended with faults", "bold red"),
}

_SEEDS_SHOWN = 20
"""The most seeds shown: more would push everything else off the screen. The file of --failed has them all."""


def show_summary(console: Console, summary: Summary, *, output: str, retry: str | None) -> None:
    """Print the summary. *output* is where items went; *retry* is the command that retries failed URLs.

    Lines are not wrapped, so that URLs and the command can be copied.
    """
    for line in summary_lines(summary, output=output, retry=retry):
        console.print(line, soft_wrap=True)


def summary_lines(summary: Summary, *, output: str, retry: str | None) -> Iterator[Text]:
    """Yield the lines of the summary."""
    yield from _head(summary, output)
    if summary.failed or summary.skipped:
        yield Text(f"{counted(summary.failed, 'URL')} failed, {number(summary.skipped)} skipped:")
    for group in summary.failures:
        yield from _group(group)
    if summary.cut:
        yield Text(f"{counted(summary.cut, 'page')} had parts left out:")
    for example in summary.cut_examples:
        yield Text(f"         {plain(example)}")
    if summary.changes is not None:
        yield Text(f"compared with before: {changes_text(summary.changes)}")
    yield from _links(summary)
    yield from _dropped(summary)
    yield from _seeds(summary)
    if dropped := summary.connections_dropped:
        yield Text(f"{counted(dropped, 'connection')} dropped because of unsolicited bytes")
    if given_up := summary.sessions_given_up:
        yield Text(f"{counted(given_up, 'session')} given up after errors")
    for why, dropped in summary.cookies_dropped.items():
        yield Text(f"{counted(dropped, 'cookie')} not kept: {why}")
    if summary.left:
        yield Text(f"{counted(summary.left, 'URL')} found but not fetched")
    if len(summary.levels) > 1:
        yield from map(Text, map(level_text, summary.levels))
    if retry:
        yield Text("retry what failed:")
        yield Text(f"  {retry}", style="bold")


def _links(summary: Summary) -> Iterator[Text]:
    if summary.sitemaps:
        urls = counted(summary.mapped, "URL")
        yield Text(f"{counted(summary.sitemaps, 'sitemap')} read, with {urls} in scope")
    if summary.files:
        yield Text(f"{counted(summary.files, 'file')} of items saved")
    if summary.not_followed:
        links = counted(summary.not_followed, "link")
        yield Text(f"{links} not followed: out of scope, filtered out or too deep")
    if summary.no_address:
        yield Text(f"{counted(summary.no_address, 'link')} to no web address skipped")


def _dropped(summary: Summary) -> Iterator[Text]:
    if summary.dropped:
        yield Text(f"{counted(sum(summary.dropped.values()), 'item')} dropped by the program:")
    for reason, items in summary.dropped.items():
        yield Text(f"{number(items):>7}  {plain(reason)}")


def _seeds(summary: Summary) -> Iterator[Text]:
    for seed in summary.seeds_failed[:_SEEDS_SHOWN]:
        yield Text(f"seed failed: {plain(seed)}", style="red")
    if (more := len(summary.seeds_failed) - _SEEDS_SHOWN) > 0:
        yield Text(f"seed failed: ... and {number(more)} more", style="red")
    if summary.unread_lines:
        yield Text(f"{counted(summary.unread_lines, 'line')} of seeds not read")


def changes_text(changes: Changes) -> str:
    """Return what has become of pages since the visit before, or since an earlier crawl."""
    return (
        f"{counted(changes.new, 'page')} new, {number(changes.changed)} changed, "
        f"{number(changes.unchanged)} unchanged, {number(changes.gone)} gone"
    )


def level_text(level: Level) -> str:
    """Return how many URLs of a priority wait, and how long."""
    oldest = lasted(level.longest_ns)
    return f"{number(level.urls):>7}  of priority {level.priority}, the oldest found {oldest} ago"


def _head(summary: Summary, output: str) -> Iterator[Text]:
    words, style = _ENDED[summary.ended]
    reason = f": {plain(summary.reason)}" if summary.reason else ""
    yield Text.assemble((words, style), f" after {lasted(summary.elapsed_ns)}", reason)
    where = "to standard output" if output == "-" else f"in {plain(output)}"
    yield Text(
        f"{counted(summary.pages, 'page')} ({rate(summary.pages, summary.elapsed_ns)}, "
        f"{size(summary.bytes)}), {counted(summary.items, 'item')} {where}"
    )


def _group(group: FailureGroup) -> Iterator[Text]:
    text = Text(f"{number(group.count):>7}  ")
    text.append(plain(group.kind), style="bold")
    yield text.append(f": {plain(group.meaning)}")
    for example in group.examples:
        yield Text(f"         {_example(example)}", style="dim")
    if group.examples and group.count > len(group.examples):
        yield Text(
            f"         ... and {number(group.count - len(group.examples))} more", style="dim"
        )


def _example(failure: Failure) -> str:
    tries = f" (attempt {failure.target.attempt})" if failure.target.attempt > 1 else ""
    return plain(f"{failure.target.url}  {failure.reason}{tries}")
