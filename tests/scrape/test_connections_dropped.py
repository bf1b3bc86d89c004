"""What a crawl tells of connections that it dropped, and of the connection that each page came on."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import PIPE
from typing import Any

import anyio
import pytest

from mocks.injecting import SURPLUS, InjectingServer, Moment, body_of
from scraper_cpn.scrape.state.explain import explain
from scraper_cpn.show.explanation import explanation_lines

pytestmark = pytest.mark.anyio

PAGES = 4


async def events_of(folder: Path, *argv: str) -> list[dict[str, Any]]:
    """Run the command, and return what it tells with --json."""
    command = [sys.executable, "-m", "scraper_cpn", *argv, "--json", "--robots", "ignore"]
    done = await anyio.run_process(command, stdout=PIPE, stderr=PIPE, cwd=folder, check=False)
    return [json.loads(line) for line in done.stderr.splitlines()]


def of_kind(events: Sequence[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the events of a kind."""
    return [event for event in events if event["event"] == kind]


async def test_dropped_connections_are_reported(tmp_path: Path) -> None:
    """Each connection that is dropped is an event and counts in the summary; each page says how it came."""
    async with InjectingServer(Moment.WITH_BODY, SURPLUS["garbage"]) as server:
        urls = [f"{server.root}/{number}" for number in range(PAGES)]
        events = await events_of(
            tmp_path, *urls, "--delay", "0", "-o", "o.jsonl", "--state", "c.db"
        )
    dropped, stored = of_kind(events, "connection_dropped"), of_kind(events, "stored")
    assert [event["url"] for event in stored] == urls
    assert {(event["origin"], event["proxy"], event["requests"]) for event in dropped} == {
        (server.root, "direct", 1)
    }
    came = {event["connection"]: event["ordinal"] for event in stored}
    assert came == dict.fromkeys((event["connection"] for event in dropped), 1)
    assert len(came) == events[-1]["connections_dropped"] == PAGES
    where = explain(tmp_path / "c.db", urls[0])
    assert (where.connection, where.ordinal) == (stored[0]["connection"], 1)
    assert f"answer 1 of connection {where.connection}" in str([*explanation_lines(where, "c.db")])


@pytest.mark.parametrize("fetcher", ["aiohttp", "httpx"])
async def test_an_answer_too_many(fetcher: str, tmp_path: Path) -> None:
    """With the options that everybody has, an answer 20 ms behind a page becomes that of no other page."""
    async with InjectingServer(Moment.AFTER_A_WHILE, SURPLUS["answer"]) as server:
        urls = [f"{server.root}/{number}" for number in range(PAGES)]
        await events_of(
            tmp_path,
            *urls,
            "--delay",
            "50ms",
            "-o",
            "o.jsonl",
            "--fetcher",
            fetcher,
        )
    items = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert {item["title"] for item in items} == {f"/{number}" for number in range(PAGES)}
    assert all(item["title"].encode() in body_of(item["title"]) for item in items)
