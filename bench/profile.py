"""Where the CPU time of a whole crawl goes: what each of its parts takes of a page.

Owns: one crawl of each subject and fetcher under `bench.sampled`, and the figures of it.
Must not know: what belongs to which part.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct

from bench.figures import Figure
from bench.web import Web, command, run, serving


class Profile(Struct, frozen=True, kw_only=True):
    """One crawl."""

    web: str
    subject: str
    fetcher: str
    us: dict[str, float]
    """CPU for a page, in microseconds, by part; the greatest first."""


def profiled(web: Web, subject: str, fetcher: str) -> Profile:
    """Crawl a web to its end. Raises `RuntimeError` as `crawled` does."""
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        file = folder / "spent.json"
        with serving(web, folder / "wire.jsonl") as where:
            python, m, *rest = command(web, subject, fetcher, where, folder / "items.jsonl")
            run([python, m, "bench.sampled", str(file), *rest])
        spent_ns = msgspec.json.decode(file.read_bytes(), type=dict[str, int])
    most = sorted(spent_ns.items(), key=lambda each: -each[1])
    us = {part: ns / 1_000 / web.all_pages for part, ns in most}
    return Profile(web=web.name, subject=subject, fetcher=fetcher, us=us)


def profiles(web: Web, subjects: Sequence[str], fetchers: Sequence[str]) -> Iterator[Profile]:
    """Every subject with every fetcher, in turn."""
    for fetcher in fetchers:
        for subject in subjects:
            print(f"sampling {web.name}: {subject}, {fetcher}", file=sys.stderr)
            yield profiled(web, subject, fetcher)


def figures(found: Sequence[Profile]) -> list[Figure]:
    """The parts of each, for people."""
    return [
        Figure(f"CPU of a page, {each.web}", f"{each.subject}, {each.fetcher}: {part}", "us", (us,))
        for each in found
        for part, us in [("all", sum(each.us.values())), *each.us.items()]
    ]
