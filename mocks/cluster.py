"""`make cluster`: three workers crawl the synthetic web from one PostgreSQL, and one of them is killed.

Owns: what this demonstration is made of. It uses the commands that users have: `python -m mocks serve`, `scrape`,
`scrape worker`, `scrape status`, `scrape export`, `python -m mocks judge`.
Must not know: how any of them works.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mocks.demo import OUT, run, say
from mocks.postgres import new_server
from mocks.serving import served

HOSTS, PAGES, WORKERS = 30, 20, 3
DELAY = "300ms"
WEB = [
    *("--seed", "7", "--hosts", str(HOSTS), "--pages", str(PAGES), "--links-out", "2", "--proxies", "8"),
    *("--latency", "100ms", "--latency-spread", "200ms", "--fail", "0.05", "--robots", "allow,redirected,absent"),
]  # fmt: skip
LIMITS = [
    *("--delay", DELAY, "--per-proxy", "4", "--partitions", "12", "--scope", "any"),
    *("--backoff", "600ms"),
]
JUDGED = ["--delay", DELAY, "--per-proxy", "4", "--scope", "any", "--backoff", "300ms"]
"""A backoff is shortened by up to a half, at random."""
FAILED = OUT / "cluster-failed.jsonl"
KILLED_AT = 150
"""How many pages are stored when a worker is killed."""


def main() -> int:
    """Serve, create a crawl, work, kill, judge. Returns 1 if something was lost, doubled or asked too fast."""
    OUT.mkdir(exist_ok=True)
    log = OUT / "cluster-wire.jsonl"
    say(f"PostgreSQL, {WORKERS} workers, and a web of {HOSTS} hosts x {PAGES} pages on loopback behind 8 proxies.\n")  # fmt: skip
    with new_server(fsync="on") as server:
        crawl = ["--database", server.new_database(), "--name", "demo"]
        with served(log, WEB) as web:
            proxies = [part for url in web["proxies"] for part in ("--proxy", url)]
            if done := run("-m", "scraper_cpn", *web["seeds"], *proxies, *LIMITS, *crawl):
                return done
            if done := work(crawl):
                return done
        run("-m", "scraper_cpn", "status", *crawl)
        urls, lost = exported(crawl)
    return verdict(log, urls, lost)


def work(crawl: list[str]) -> int:
    """Let workers do the crawl, and kill the first of them in the middle; returns the worst exit code of the others."""
    with workers(crawl) as running:
        first, *others = running
        wait_for_pages(crawl, KILLED_AT, first)
        say(f"\nkill -9 {first.pid}: its partitions go to the others\n")
        first.kill()
        wait_for_pages(crawl, HOSTS * PAGES, others[0])
        return max(abs(each.wait()) for each in others)


@contextmanager
def workers(crawl: list[str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers within `with`; none of them outlives it."""
    command = [sys.executable, "-m", "scraper_cpn", "worker", *crawl, "--quiet"]
    running = [subprocess.Popen(command) for _ in range(WORKERS)]
    try:
        yield running
    finally:
        for each in running:
            each.kill()
            each.wait()


def wait_for_pages(crawl: list[str], pages: int, worker: subprocess.Popen[bytes]) -> None:
    """Show how far the crawl is, until so many pages are stored or a worker has ended."""
    while worker.poll() is None:
        status = output("status", *crawl, "--json")
        shares = ", ".join(str(each["partitions"]) for each in status["workers"])
        say(f"{status['stored']:4} pages stored; partitions of each worker: {shares or 'none yet'}")
        if status["stored"] >= pages or status["ended"]:
            return
        time.sleep(1)


def exported(crawl: list[str]) -> tuple[Counter[str], int]:
    """How often each page is among the items, and how many attempts were lost with a worker."""
    items = OUT / "cluster.jsonl"
    output("export", *crawl, "-o", str(items), "--failed", str(FAILED), "--overwrite", "--json")
    return Counter(row["url"] for row in rows(items)), sum(r["kind"] == "lost" for r in rows(FAILED))  # fmt: skip


def rows(file: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def output(*arguments: str) -> Any:
    """What a command prints as JSON."""
    command = [sys.executable, "-m", "scraper_cpn", *arguments]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def verdict(log: Path, urls: Counter[str], lost: int) -> int:
    """Show the referee's table, and say what it means; returns 1 if a promise was broken."""
    say("\nThe referee, from what the server saw on the wire:\n")
    broken = run("-m", "mocks", "judge", str(log), *JUDGED, "--failed", str(FAILED)) != 0
    doubled = sum(number > 1 for number in urls.values())
    say(f"\n{len(urls)} pages stored, {doubled} of them twice.")
    say(f"The worker that was killed took {lost} attempts with it, which were made again.")
    broken = broken or doubled > 0 or len(urls) != HOSTS * PAGES
    say("A promise was broken!" if broken else "Nothing was lost or stored twice, and no domain was asked too fast.")  # fmt: skip
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
