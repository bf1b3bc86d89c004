"""Files that items name: how they are fetched, how they end, and how they come into the items.

Owns: the jobs that fetch files, the pages that wait for them, and the rows of those that were not saved.
Must not know: the net, where files are saved.

Scope, filters and traps are about links. The user has named these URLs by a field, so they are fetched wherever
they are, under robots.txt and the limits of all requests.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    Awaiting,
    Clearance,
    Collected,
    Complete,
    Denied,
    Extracted,
    Failure,
    File,
    Filed,
    FileEnd,
    FileJob,
    GivenUp,
    More,
    ParsedWithFiles,
    Raw,
    Redirected,
    Rules,
    Target,
    Throttled,
)
from scraper_cpn.scrape.items.files import with_files
from scraper_cpn.scrape.policy.frontier import FrontierPolicy
from scraper_cpn.scrape.policy.pauses import backoff_ns
from scraper_cpn.scrape.policy.retries import is_unsent, next_attempt, was_last
from scraper_cpn.scrape.policy.robots import RobotsPolicy
from scraper_cpn.scrape.policy.routes import is_ban
from scraper_cpn.scrape.policy.stages import plain_file
from scraper_cpn.scrape.policy.visits import planned
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import pace_of


@dataclass(frozen=True)
class FilePolicy:
    """Which files are fetched, and what becomes of the items that name them."""

    settings: Settings
    frontier: FrontierPolicy
    robots: RobotsPolicy

    # How a file is fetched.

    def job(self, url: str, page: Target) -> FileJob:
        """The job that fetches a file of a page."""
        domain, origin = pace_of(url, self.settings.limit_by)
        return FileJob(asked=url, url=url, domain=domain, origin=origin, parent=page.url)

    def jobs(self, parsed: ParsedWithFiles) -> tuple[FileJob, ...]:
        """The jobs that fetch the files of a page."""
        return parsed.files

    def target(self, job: FileJob) -> Target:
        """The request of a job, as that of a page would be."""
        return self.frontier.target(
            job.url,
            site=self.frontier.site_of(job.url),
            requested_url=job.asked,
            parent=job.parent,
            attempt=job.attempt,
            hops=job.hops,
        )

    def clearance(self, job: FileJob, rules: Rules) -> Clearance:
        """Whether robots.txt allows a file."""
        return self.robots.clearance(self.target(job), rules)

    def hop(self, job: FileJob, redirect: Redirected) -> FileJob | None:
        """The next hop of a file that is redirected."""
        if self._strayed(job, redirect):
            return None
        domain, origin = pace_of(redirect.url, self.settings.limit_by)
        there = plain_file(job)
        return replace(there, url=redirect.url, domain=domain, origin=origin, hops=job.hops + 1)

    def again(self, job: FileJob, outcome: object) -> FileJob | None:
        """The next attempt; None after the last one."""
        if self._is_over(job, outcome):
            return None
        job = plain_file(job)
        return next_attempt(job, outcome)

    def wait_ns(self, job: FileJob, outcome: object) -> int:
        """How long the next attempt waits, in addition to its domain's pause."""
        if isinstance(outcome, Throttled) and outcome.wait_ns is not None:
            return outcome.wait_ns
        return 0 if is_unsent(outcome) else backoff_ns(self.settings, job.attempt, job.url)

    def _is_over(self, job: FileJob, outcome: object) -> bool:
        last = was_last(self.settings, job, outcome)
        refused = is_ban(self.settings, job, getattr(outcome, "status", None))
        return last or not (refused or getattr(outcome, "retry", True))

    # How it ends.

    def filed(self, job: FileJob, filed: Filed) -> FileEnd:
        """The end of a file that has come."""
        return FileEnd(job.asked, replace(filed.file, url=job.asked))

    def strayed(self, job: FileJob, redirect: Redirected) -> FileEnd | None:
        """The end of a file that redirects too often, or to itself."""
        reason = self._strayed(job, redirect)
        return _ended(job, reason) if reason else None

    def denied(self, job: FileJob, denied: Denied) -> FileEnd:
        """The end of a file that robots.txt forbids."""
        return _ended(job, denied.reason)

    def failed(self, job: FileJob, outcome: object) -> FileEnd | None:
        """The end of a file after its last attempt."""
        return _ended(job, _said(outcome)) if self._is_over(job, outcome) else None

    def given_up(self, job: FileJob, given_up: GivenUp) -> FileEnd:
        """The end of a file whose domain was given up."""
        return _ended(job, given_up.reason)

    def _strayed(self, job: FileJob, redirect: Redirected) -> str:
        """Why a redirect is not followed; empty if it is."""
        if redirect.url == job.url:
            return "redirects in a circle, back to itself"
        most = self.settings.max_redirects
        return "" if job.hops < most else f"more than {most} redirects"

    # The rows about it.

    def attempt_row(self, job: FileJob, outcome: object) -> Failure:
        """The row of an attempt that failed."""
        last, status = self._is_over(job, outcome), getattr(outcome, "status", None)
        kind = "file" if last else getattr(outcome, "kind", "lost")
        target, reason = self.target(job), _said(outcome)
        return Failure(target=target, kind=kind, reason=reason, status=status, retry=not last)

    def filed_row(self, job: FileJob, filed: Filed) -> Failure | None:
        """The row of a file that is not of the type or size to be saved."""
        return self._row(job, filed.file.error)

    def strayed_row(self, job: FileJob, redirect: Redirected) -> Failure | None:
        """The row of a redirect that is not followed."""
        return self._row(job, self._strayed(job, redirect), redirect.status)

    def denied_row(self, job: FileJob, denied: Denied) -> Failure | None:
        """The row of a file that robots.txt forbids."""
        return self._row(job, denied.reason)

    def given_up_row(self, job: FileJob, given_up: GivenUp) -> Failure | None:
        """The row of a file whose domain was given up."""
        return self._row(job, given_up.reason)

    def _row(self, job: FileJob, reason: str | None, status: int | None = None) -> Failure | None:
        if not reason:
            return None
        return Failure(target=self.target(job), kind="file", reason=reason, status=status)

    # The page that waits for it.

    def awaiting(self, page: Raw, parsed: ParsedWithFiles) -> Awaiting:
        """The page, waiting for the first of its files."""
        first, *rest = (job.asked for job in parsed.files)
        wired = page.response.wired
        return Awaiting(
            planned(page.target, parsed),
            first,
            tuple(rest),
            parsed.items,
            wired=wired,
            cut=parsed.cut,
        )

    def collected(self, page: Awaiting, end: FileEnd) -> Collected:
        """Whether a page waits for another file."""
        del end
        return More() if page.rest else Complete()

    def next(self, page: Awaiting, end: FileEnd) -> Awaiting:
        """The page, waiting for the next of its files."""
        first, *rest = page.rest
        return replace(page, asked=first, rest=tuple(rest), ends=(*page.ends, end.file))

    def complete(self, page: Awaiting, end: FileEnd) -> Extracted:
        """The page, whose items have all of their files."""
        return self._extracted(page, (*page.ends, end.file))

    def incomplete(self, page: Awaiting) -> Extracted:
        """The page, whose items have the files that have come when the crawl is over."""
        missing = (File(url, error="the crawl was over before") for url in (page.asked, *page.rest))
        return self._extracted(page, (*page.ends, *missing))

    def _extracted(self, page: Awaiting, ends: tuple[File, ...]) -> Extracted:
        lost = [each for each in ends if each.error]
        cut = page.cut
        if lost:
            line = f"{len(lost)} of its {len(ends)} files not saved: {lost[0].url}: {lost[0].error}"
            cut = (*cut, line)
        files = {each.url: each for each in ends}
        items = with_files(page.items, self.settings.files, files)
        return Extracted(page.target, items, page.wired, cut)


def _ended(job: FileJob, reason: str) -> FileEnd:
    return FileEnd(job.asked, File(job.asked, error=reason))


def _said(outcome: object) -> str:
    """The reason of an outcome, in one line."""
    return getattr(outcome, "reason", "") or f"HTTP {getattr(outcome, 'status', '')}"
