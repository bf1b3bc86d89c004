"""What has been given something before its request (a proxy, an address), without it.

Owns: the way back.
Must not know: what is given, the net.
"""

from __future__ import annotations

from scraper_cpn.scrape.colours import (
    FileJob,
    RequestTarget,
    RobotsJob,
    SitemapJob,
    StagedFile,
    StagedJob,
    StagedMap,
    StagedTarget,
    Target,
)
from scraper_cpn.scrape.request import PLAIN


def plain_target(target: Target) -> Target:
    """A target without what it was given."""
    if not isinstance(target, StagedTarget):
        return target
    common = {name: getattr(target, name) for name in Target.__struct_fields__}
    if target.request == PLAIN:
        return Target(**common)
    return RequestTarget(**common, request=target.request)


def plain_job(job: RobotsJob) -> RobotsJob:
    """The job of a robots.txt without what it was given."""
    if not isinstance(job, StagedJob):
        return job
    return RobotsJob(**{name: getattr(job, name) for name in RobotsJob.__struct_fields__})


def plain_file(job: FileJob) -> FileJob:
    """The job of a file without what it was given."""
    if not isinstance(job, StagedFile):
        return job
    return FileJob(**{name: getattr(job, name) for name in FileJob.__struct_fields__})


def plain_map(job: SitemapJob) -> SitemapJob:
    """The job of a sitemap without what it was given."""
    if not isinstance(job, StagedMap):
        return job
    return SitemapJob(**{name: getattr(job, name) for name in SitemapJob.__struct_fields__})
