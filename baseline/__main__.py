"""`python -m baseline`: the command `scrape URL...`, with the scheduler by hand.

Owns: the same options as the command's crawl, a line at the end, and how it ends.
Must not know: how a crawl runs. What only the net can do (a state, a trace) is left out.
"""

from __future__ import annotations

import sys

import anyio

from baseline.crawl import Crawl
from scraper_cpn.cli.arguments import parse
from scraper_cpn.cli.job import CrawlJob, job_of
from scraper_cpn.scrape.account.report import Summary
from scraper_cpn.scrape.colours import Link
from scraper_cpn.scrape.fetch.loop import loop_options
from scraper_cpn.scrape.fetch.open_files import make_room
from scraper_cpn.scrape.items.outputs import OutputError
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError


def main(arguments: list[str] | None = None) -> int:
    """Run a crawl; *arguments* are those of the process by default. Returns the exit code."""
    try:
        job = job_of(parse(sys.argv[1:] if arguments is None else arguments))
        _refuse(job)
        make_room(job.settings.concurrency)
        summary = anyio.run(_crawl, job, backend_options=loop_options())
    except (UsageError, OutputError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130
    seconds = summary.elapsed_ns / SECOND
    print(
        f"{summary.ended}: {summary.pages} pages, {summary.items} items, {summary.failed} failed, "
        f"{summary.skipped} skipped, in {seconds:.1f} s",
        file=sys.stderr,
    )
    return 0 if summary.items and not summary.seeds_failed else 1


def _refuse(job: CrawlJob) -> None:
    """What this scheduler does not do."""
    for name, value in (("--state", job.keeping), ("--trace", job.trace), ("--failed", job.failed)):
        if value is not None:
            raise UsageError(f"the scheduler by hand has no {name}; use scrape, or leave it out")
    if job.hooks:
        raise UsageError(
            "the scheduler by hand calls no before, after, item and done functions; use scrape"
        )
    _refuse_limits(job.settings)
    if job.settings.adaptive or job.settings.hours or job.settings.has_site_hours:
        raise UsageError(
            "the scheduler by hand has no --adaptive and no --hours; use scrape, or leave them out"
        )
    volume = (job.settings.max_bytes, job.settings.max_bytes_per_domain, job.settings.rate_bytes)
    if job.settings.max_pages_per_domain or any(volume):
        raise UsageError(
            "the scheduler by hand has no --max-pages-per-domain, --max-bytes, --max-bytes-per-domain and --rate-limit; use scrape, "
            "or leave them out"
        )
    if job.settings.shares:
        raise UsageError("the scheduler by hand has no --shares; use scrape, or leave it out")
    if job.settings.max_items is not None:
        raise UsageError("the scheduler by hand has no --max-items; use scrape, or leave it out")
    if job.settings.sitemaps or job.settings.compares or job.settings.dedupe != "off":
        raise UsageError(
            "the scheduler by hand has no --sitemaps, --revisit, --since and --dedupe; use scrape, or leave them out"
        )
    _refuse_routes(job.settings)
    if job.settings.save_bodies is not None:
        raise UsageError("the scheduler by hand has no --save-bodies; use scrape, or leave it out")
    if job.settings.login is not None or job.settings.sessions is not None:
        raise UsageError(
            "the scheduler by hand has no logins and no pool of sessions; use scrape, or leave them out"
        )
    if job.settings.kernel != "python":
        raise UsageError("the scheduler by hand has no --kernel; use scrape, or leave it out")


def _refuse_limits(settings: Settings) -> None:
    for what, number, delay_ns in (
        ("host", settings.per_host, settings.host_delay_ns),
        ("address", settings.per_address, settings.address_delay_ns),
    ):
        if number is not None or delay_ns:
            raise UsageError(
                f"the scheduler by hand has no --per-{what} and no --{what}-delay; use scrape, or leave them out"
            )
    if settings.dead_host_after:
        raise UsageError(
            "the scheduler by hand has no --dead-host-after; use scrape, or leave it out"
        )


def _refuse_routes(settings: Settings) -> None:
    if settings.has_routes or any(proxy.bytes is not None for proxy in settings.proxies):
        raise UsageError(
            "the scheduler by hand has no --ban-status, no --proxy-for and no bytes= of a proxy; use scrape, or "
            "leave them out"
        )


def _url(seed: str | Link) -> str:
    if isinstance(seed, str):
        return seed
    raise UsageError("the scheduler by hand begins with URLs alone, not with a Link; use scrape")


async def _crawl(job: CrawlJob) -> Summary:
    crawl = Crawl(job.settings, list(map(_url, job.seeds)), handlers=job.handlers, output=job.sink)
    if job.sink is None:
        return await crawl.run()
    await job.sink.open()
    try:
        return await crawl.run()
    finally:
        await job.sink.close()


if __name__ == "__main__":
    sys.exit(main())
