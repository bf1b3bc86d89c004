"""`make demo`: a crawl of a synthetic web through forward proxies, live, judged from the wire log.

Owns: what the demonstration is made of. It uses the commands that users have: `python -m mocks serve`,
`scrape`, `python -m mocks judge`.
Must not know: how any of them works.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mocks.serving import served

OUT = Path("demo-out")
DELAY = "700ms"
WEB = [
    *("--seed", "7", "--hosts", "40", "--pages", "25", "--proxies", "8", "--body-bytes", "8000"),
    *("--latency", "30ms", "--latency-spread", "40ms", "--fail", "0.1", "--busy-hosts", "1"),
    *("--robots", "delay,disallow,allow,absent", "--crawl-delay", "1s", "--redirect", "0.05"),
    *("--redirect-kinds", "own,chain,other"),
]
LIMITS = ["--delay", DELAY, "--per-proxy", "2", "--backoff", "500ms"]


def main() -> int:
    """Serve, crawl, judge. Returns 1 if the referee found a violation."""
    OUT.mkdir(exist_ok=True)
    log, items = OUT / "wire.jsonl", OUT / "items.db"
    say("a web of 40 hosts x 25 pages on loopback, behind 8 forward proxies;")
    say("10 % of the pages fail at first, one host answers 429, one wants a Crawl-delay,")
    say(f"one forbids a tree. Crawling it with a delay of {DELAY} for each domain:\n")
    with served(log, WEB) as web:
        proxies = [part for url in web["proxies"] for part in ("--proxy", url)]
        done = scrape(*web["seeds"], *proxies, *LIMITS, "-o", str(items), "--overwrite")
    if done:
        return done
    say("\nThe referee, from what the server saw on the wire:\n")
    verdict = run("-m", "mocks", "judge", str(log), "--delay", DELAY, "--per-proxy", "2")
    say(
        f"\n{'Violations!' if verdict else 'No violation.'} The items are in {items} (SQLite, table items);"
    )
    say(f"the wire log is {log}.")
    return verdict


def scrape(*arguments: str) -> int:
    """The command, on this terminal."""
    return run("-m", "scraper_cpn", *arguments)


def run(*arguments: str) -> int:
    """Python with *arguments*, on this terminal; returns its exit code."""
    return subprocess.run([sys.executable, *arguments], check=False).returncode


def say(line: str) -> None:
    """A line for the person who watches."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
