"""The status of a state's crawls, for people.

Owns: the words of `scrape status`.
Must not know: how a state is read, how commands are parsed.
"""

import shlex
from collections.abc import Iterable, Iterator
from itertools import chain

from rich.text import Text

from scraper_cpn.scrape.state.run import resuming
from scraper_cpn.scrape.state.status import (
    Barred,
    Failures,
    LongPause,
    Resting,
    RunStatus,
    StateStatus,
)
from scraper_cpn.show.summary import changes_text, level_text
from scraper_cpn.show.words import ahead, counted, lasted, moment, number, plain, rate, size

_ENDED = {
    "finished": ("finished", "bold green"),
    "spent": ("stopped at a limit", "bold green"),
    "interrupted": ("interrupted", "bold yellow"),
    "stuck": ("stuck", "bold red"),
    "faulted": ("ended with faults", "bold red"),
    None: ("not running, and not finished", "bold yellow"),
}
_LABEL = 10


def status_lines(status: StateStatus) -> Iterator[Text]:
    """Yield the lines about a state."""
    more = f", {size(status.wal_bytes)} in its journal" if status.wal_bytes else ""
    sizes = "" if status.file_bytes is None else f"  {size(status.file_bytes)}{more}"
    yield Text.assemble((plain(status.state), "bold"), sizes)
    for run in status.runs:
        yield Text()
        named = f" --run {shlex.quote(run.run)}" if len(status.runs) > 1 else ""
        yield from _run(run, shlex.quote(status.state) + named)


def _run(run: RunStatus, state: str) -> Iterator[Text]:
    yield from _head(run)
    for label, text in _metadata(run):
        yield from _column(label, [text])
        if label == "ended":
            yield from chain.from_iterable(map(_failures, run.failures))
    yield from _column("levels", _levels(run) if len(run.levels) > 1 else ())
    yield from _column("backlog", _backlog(run) if run.backlog else ())
    yield from _column("paused", (_paused(each, run.now_ns) for each in run.paused))
    yield from _column("given up", (f"{plain(name)}: {plain(why)}" for name, why in run.given_up))
    yield from _column("at rest", (_resting(proxy, run.now_ns) for proxy in run.resting))
    yield from _column("refused", (_barred(each, run.now_ns) for each in run.barred))
    yield from _column("retired", map(plain, run.retired))
    if run.pid is None:
        yield from _commands(run, state)


def _head(run: RunStatus) -> Iterator[Text]:
    words, style = _ENDED[run.ended]
    if run.pid is not None:
        on = f" on {plain(run.host)}" if run.host else ""
        words, style = f"running in process {run.pid}{on}", "bold green"
    reason = f": {plain(run.reason)}" if run.reason else ""
    yield Text.assemble((plain(run.run), "bold"), "  ", (words, style), reason)


def _metadata(run: RunStatus) -> Iterator[tuple[str, str]]:
    yield "begun", f"{moment(run.created_ns)}, has run for {lasted(run.elapsed_ns)}"
    yield "fetched", f"{counted(run.pages, 'page')}, {_rates(run)}, {size(run.bytes)}"
    yield "kept", f"{counted(run.items, 'item')} of {counted(run.stored, 'page')}"
    again = f" ({number(run.retriable)} worth a retry)" if run.retriable else ""
    if run.changes is not None:
        yield "compared", changes_text(run.changes)
    yield "ended", f"{counted(run.failed, 'URL')} failed{again}, {number(run.skipped)} skipped"
    waiting = [f"{number(urls)} for {what}" for what, urls in run.waiting.items() if urls]
    yield "waiting", ", ".join(waiting) or "nothing"
    if run.opens_ns is not None:
        turn = f"{ahead(run.opens_ns - run.now_ns)}, at {moment(run.opens_ns)}"
        yield "hours", f"the next request starts {turn} (--hours)"
    if run.unread_lines:
        yield "seeds", f"{counted(run.unread_lines, 'line')} not read yet"
    if run.in_flight or run.pipeline:
        yield (
            "under way",
            f"{number(run.in_flight)} in flight, {number(run.pipeline)} in the pipeline",
        )
    if run.set_aside:
        yield "set aside", f"{number(run.set_aside)} after an internal error; see scrape explain"
    yield (
        "journal",
        f"{counted(run.batches, 'batch', 'batches')}, {size(run.journal_bytes)}",
    )


def _column(label: str, texts: Iterable[str]) -> Iterator[Text]:
    """Yield lines, the first one after a label."""
    for text in texts:
        yield Text.assemble((f"{label:<{_LABEL}}", "dim"), text)
        label = ""


def _rates(run: RunStatus) -> str:
    whole = rate(run.pages, run.elapsed_ns)
    return whole if run.recent is None else f"{run.recent:.1f}/s lately, {whole} in all"


def _failures(kind: Failures) -> Iterator[Text]:
    such_as = ", such as" if kind.count > 1 else ":"
    yield Text.assemble(
        f"{number(kind.count):>6}  ", (plain(kind.kind), "bold"), f"{such_as} {plain(kind.example)}"
    )
    yield Text(f"{'':8}{plain(kind.meaning)}", style="dim")


def _backlog(run: RunStatus) -> Iterator[str]:
    wide = max(len(plain(each.domain)) for each in run.backlog)
    for each in run.backlog:
        turn = ahead(each.ready_at_ns - run.now_ns)
        yield f"{number(each.urls):>7}  {plain(each.domain):<{wide}}  next one {turn}"
    if (more := run.domains - len(run.backlog)) > 0:
        yield f"{'':7}  ... and {counted(more, 'more domain')}"


def _levels(run: RunStatus) -> Iterator[str]:
    yield from map(level_text, run.levels)
    if run.ageing_ns is not None:
        yield f"{'':7}  priority rises by one level for each {lasted(run.ageing_ns)} of waiting"


def _paused(paused: LongPause, now_ns: int) -> str:
    turn = f"{ahead(paused.until_ns - now_ns)}, at {moment(paused.until_ns)}"
    return f"{plain(paused.domain)}  goes on {turn}: {plain(paused.why)}"


def _resting(proxy: Resting, now_ns: int) -> str:
    why = f", after {counted(proxy.faults, 'fault')} of its own" if proxy.faults else ""
    return f"{plain(proxy.proxy)}  ready {ahead(proxy.until_ns - now_ns)}{why}"


def _barred(barred: Barred, now_ns: int) -> str:
    back = ahead(barred.until_ns - now_ns)
    return f"{plain(barred.domain)} refuses {plain(barred.proxy)}, which is tried again {back}"


def _commands(run: RunStatus, state: str) -> Iterator[Text]:
    if run.ended != "finished":
        yield from _hint("resume:", resuming(state, handled=run.handled))
    if run.retriable:
        yield from _hint("retry failed URLs:", f"scrape retry {state}")


def _hint(what: str, command: str) -> Iterator[Text]:
    yield Text(what)
    yield Text(f"  {command}", style="bold")
