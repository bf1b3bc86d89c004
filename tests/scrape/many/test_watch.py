"""The whole crawl is watched from its database: again and again, as a page, and as metrics."""

from __future__ import annotations

import json

import anyio
import asyncpg
import pytest
from aiohttp.test_utils import TestClient, TestServer

from scraper_cpn.cli.main import main
from scraper_cpn.cli.watch import Looking, _application
from scraper_cpn.scrape.many.crawls import create, look
from scraper_cpn.scrape.options.read import settings_from

SEEDS = ["http://a.test/<b>", "http://b.test/"]


async def _ended(database: str) -> None:
    on = await asyncpg.connect(database)
    try:
        await on.execute("UPDATE scrape.cluster SET ended = 'finished'")
    finally:
        await on.close()


async def _served(dsn: str, database: str) -> list[tuple[int, str, str]]:
    """The page and the metrics while the crawl goes on, and the page when it has ended."""
    found = []
    for path in ("/", "/metrics", "/"):
        application = _application(Looking(await look(dsn)))
        async with TestClient(TestServer(application)) as client, client.get(path) as answer:
            found.append((answer.status, answer.content_type, await answer.text()))
        await _ended(database) if path == "/metrics" else None
    return found


def test_the_whole_crawl_is_a_page_and_metrics(database: str) -> None:
    """The page loads itself again until the crawl has ended; each value of the metrics is a number with a name."""
    dsn = f"{database}&name=<watched>"
    settings = settings_from({"max_pages": 9})
    anyio.run(lambda: create(dsn, settings, SEEDS, partitions=2))
    page, metrics, last = anyio.run(_served, dsn, database)
    assert [page[:2], metrics[:2]] == [(200, "text/html"), (200, "text/plain")]
    assert "watched" in page[2]
    assert "<watched>" not in page[2]
    assert ("refresh" in page[2], "refresh" in last[2]) == (True, False)
    values = dict(line.rsplit(" ", 1) for line in metrics[2].splitlines() if line[0] != "#")
    assert {name.partition("{")[0] for name in values} <= {
        line.split()[2] for line in metrics[2].splitlines() if line.startswith("# TYPE")
    }
    assert all(float(value) >= 0 for value in values.values())
    assert (values["scrape_running"], values["scrape_partitions"]) == ("1", "2")
    assert values['scrape_budget_left{budget="budget"}'] == "9"


def test_following_ends_with_the_crawl(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`status --follow` shows the crawl once more when it has ended, and a port that is none is refused."""
    dsn = f"{database}&name=over"
    anyio.run(lambda: create(dsn, settings_from({}), SEEDS, partitions=2))
    anyio.run(_ended, database)
    words = ["status", "--database", database, "--name", "over"]
    assert main([*words, "--follow", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ended"] == "finished"
    assert main([*words, "--metrics", "70000"]) == 2
    assert "--metrics: 70000 is out of range; give 0 to 65535" in capsys.readouterr().err
