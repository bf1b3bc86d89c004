"""Running a job: its session, signals, view, files and exit code.

Owns: opening and closing files, choosing the view, the exit code.
Must not know: how a crawl works, how options are spelled.
"""

import gc
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol, TextIO

import anyio
import msgspec
from rich.console import Console

from scraper_cpn.cli.arguments import retry_command
from scraper_cpn.cli.ending import run_to_end
from scraper_cpn.cli.job import CrawlJob
from scraper_cpn.cli.signals import SIGNALLED, Hearing, Obedience, Stoppable
from scraper_cpn.cli.streams import teller
from scraper_cpn.scrape.account.report import Summary
from scraper_cpn.scrape.fetch.open_files import make_room
from scraper_cpn.scrape.items.outputs import CheckedOutput, OutputError
from scraper_cpn.scrape.kernels import Prepared, prepare
from scraper_cpn.scrape.options.contact import missing_contact
from scraper_cpn.scrape.options.read import without_effect
from scraper_cpn.scrape.policy import Policy, first_policy
from scraper_cpn.scrape.robots.agent import doubtful_name
from scraper_cpn.scrape.session import GRACE_NS, Session
from scraper_cpn.scrape.settings import SECOND
from scraper_cpn.show.progress import JsonView, LiveView, PlainView, ProgressView, QuietView
from scraper_cpn.show.summary import show_summary
from scraper_cpn.store.port import StoreError

DONE, INCOMPLETE = 0, 1
_OBJECTS_PER_COLLECTION = 10_000
_USUAL_WIDTH = 80
_FEW_URLS = 5
"""The most URLs in a retry command; more go into a file."""


class Running(Stoppable, Protocol):
    """The part of a session that this file uses."""

    async def run(self) -> Summary:
        """Crawl until the end."""


def run_job(job: CrawlJob) -> int:
    """Run a job and return the exit code of the command.

    Raises `UsageError` before anything is fetched or written, `OutputError` if writing failed.
    """
    with Hearing(GRACE_NS / SECOND) as hearing:
        console = console_for(job)
        kept, traced = job.keeping is not None, job.trace is not None
        tell = teller(silent=job.quiet or job.json)
        make_room(job.settings.concurrency)
        prepared = prepare(_policy_of(job), kept=kept, traced=traced, tell=tell)
        hearing.check()
        if (doubt := doubtful_name(job.settings.robots_name)) and job.settings.robots == "obey":
            tell(doubt)
        if idle := without_effect(job.settings):
            tell(idle)
        if nameless := missing_contact(job.settings, job.seeds):
            tell(nameless)
        view = view_for(job, console)
        try:
            summary, error = run_to_end(partial(_crawl, job, prepared, view, hearing))
        finally:
            view.close()
            hearing.listen()
        if summary is None:
            return SIGNALLED + hearing.received[-1]
        _tell(job, console, view, summary)
        if error is not None:
            raise error
        return exit_code(summary, hearing.received)


def exit_code(summary: Summary, received: list[int]) -> int:
    """Return the exit code of a crawl that has ended, now or in an earlier process.

    *received* are the signals that came.
    """
    if summary.ended == "interrupted":
        return SIGNALLED + (received[-1] if received else signal.SIGINT)
    kept = summary.items or (summary.changes is not None and summary.changes.unchanged)
    complete = summary.ended not in {"stuck", "faulted"} and kept and not summary.seeds_failed
    return DONE if complete else INCOMPLETE


def console_for(job: CrawlJob) -> Console:
    """Return the console on stderr. `--color` decides; for `auto`, NO_COLOR (no-color.org) is respected.

    Some programs set COLUMNS=0 if they know no width; on such a console nothing would be visible.
    """
    plain = job.color == "never" or (job.color == "auto" and bool(os.environ.get("NO_COLOR")))
    forced = job.color == "always"
    return Console(
        stderr=True,
        highlight=False,
        width=None if os.environ.get("COLUMNS") != "0" else _USUAL_WIDTH,
        force_terminal=True if forced else None,
        color_system=None if plain else "standard" if forced else "auto",
    )


def view_for(job: CrawlJob, console: Console) -> ProgressView:
    """Return the view that suits the options and the terminal."""
    if job.json:
        return JsonView(console)
    if job.quiet:
        return QuietView(console)
    items_are_shown = job.output == "-" and sys.stdout.isatty()
    if sys.stderr.isatty() and not console.is_dumb_terminal and not items_are_shown:
        return LiveView(console, events=job.verbose)
    return PlainView(console, events=job.verbose)


async def _crawl(
    job: CrawlJob, prepared: Prepared, view: ProgressView, hearing: Hearing
) -> tuple[Summary | None, Exception | None]:
    """Open the job's files, run its session, and close the files in any case.

    Returns the summary, and the error that occurred, if any.
    """
    summary: Summary | None = None
    try:
        async with AsyncExitStack() as stack:
            session = await _opened_session(job, prepared, view, stack)
            obedience = Obedience(session, view, hearing.received)
            hearing.tell(obedience)
            try:
                with seldom_collecting():
                    summary = await supervised(session, view)
            finally:
                obedience.over = True
    except (OutputError, StoreError) as error:
        if summary is None:
            raise
        return summary, error
    if job.hooks is not None and summary is not None:
        await job.hooks.end(summary)
    return summary, None


async def _opened_session(
    job: CrawlJob, prepared: Prepared, view: ProgressView, stack: AsyncExitStack
) -> Session:
    trace = _opened(job.trace, stack)
    state = None
    if job.keeping is not None:
        from scraper_cpn.scrape.state.files import kept_in  # takes 10 ms, and only states need it

        output = None if job.sink is None else job.output
        given = (job.keeping, job.settings, job.seeds, job.sink, output)
        kept = kept_in(*given, trace=trace, prepared=prepared)
        state = await stack.enter_async_context(kept)
    elif job.sink is not None:
        stack.push_async_callback(_close, job.sink)
        await job.sink.open()
    return Session(
        job.settings,
        job.seeds,
        handlers=job.handlers,
        hooks=job.hooks,
        validator=job.validator,
        output=job.sink,
        trace=trace,
        failed=_opened(job.failed, stack),
        on_event=view.event,
        state=state,
        unread=job.unread,
        bad=job.bad,
        bodies=job.bodies,
        prepared=prepared,
    )


def _policy_of(job: CrawlJob) -> Policy:
    """The decisions of the crawl; those of a kept one depend on what its state has."""
    if job.keeping is None:
        return first_policy(job.settings, job.seeds, fed=job.unread is not None)
    policy: Policy = job.keeping.opening(job.settings, job.seeds).policy
    return policy


async def _close(sink: CheckedOutput) -> None:
    with anyio.CancelScope(shield=True):
        await sink.close()


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Exempt existing objects from garbage collection, and collect less often.

    A crawl makes hardly any cyclic garbage, yet with Python's default settings the collector took a
    twentieth of its time, and each full collection delayed due requests by 20 ms. The process belongs to
    the command; in library use these settings are not changed.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS_PER_COLLECTION, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


async def supervised(session: Running, view: ProgressView) -> Summary | None:
    """Run a session with its view. Return None if it was aborted without a summary."""
    summary = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_show, session, view)
        summary = await session.run()
        tasks.cancel_scope.cancel()
    return summary


async def _show(session: Running, view: ProgressView) -> None:
    while True:
        await anyio.sleep(view.interval_ns / 1e9)
        view.update(session.snapshot())


def _opened(path: str | None, stack: AsyncExitStack) -> TextIO | None:
    if path is None:
        return None
    return stack.enter_context(Path(path).open("w", encoding="utf-8"))


def _tell(job: CrawlJob, console: Console, view: ProgressView, summary: Summary) -> None:
    if job.json:
        view.event({"event": "summary", **msgspec.to_builtins(summary)})
    elif not job.quiet:
        output = job.output if isinstance(job.output, str) else ", ".join(job.output)
        show_summary(console, summary, output=output, retry=_retry(job, summary))
        if job.keeping is not None:
            from scraper_cpn.show.next_commands import hints

            for line in hints(job.keeping, summary):
                console.print(line, soft_wrap=True)


def _retry(job: CrawlJob, summary: Summary) -> str | None:
    urls = summary.failed_urls
    if not urls or job.keeping is not None or job.sink is None:
        return None
    if job.failed is None and summary.failed_requests:
        return None  # their URLs alone would be other requests
    failed = job.failed or (_list_of(urls) if len(urls) > _FEW_URLS else None)
    output = job.output if isinstance(job.output, str) else None
    return retry_command(job.arguments, output=output, failed=failed, urls=urls)


def _list_of(urls: tuple[str, ...]) -> str:
    """Write URLs to a new file of the system's temporary folder, and return its path."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="scrape-failed-", suffix=".txt", delete=False
    ) as file:
        file.writelines(f"{url}\n" for url in urls)
        return file.name
