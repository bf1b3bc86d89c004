"""Crawls on PostgreSQL that are killed, and whose server is stopped: nothing is lost, doubled or too soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from mocks.postgres import Postgres
from tests.crash.command import Web, scrape
from tests.crash.lives import Lives
from tests.crash.rounds import Round, plan_of
from tests.crash.test_goes_on import PAGES, found, items
from tests.effort import effort

ROUNDS = effort(1, 20)
FIRST_SEED = 13


def test_a_killed_crawl_is_resumed_at_once(web: Web, tmp_path: Path, database: str) -> None:
    """On this machine nobody waits for its lease; every page is there once, and nobody is asked too soon."""
    state = f"{database}&name=crawl"
    lives = Lives(tmp_path, state)
    lives.kill(web.crawl("-o", "items.jsonl", state=state), 8)
    lives.kill(("resume", state), 8)
    assert lives.live(("resume", state, "-q")).code == 0
    assert len(lives.books[-1].stored) == PAGES
    assert items(tmp_path / "items.jsonl") == lives.books[-1].stored
    requests = web.requests()
    lives.check_wire(requests)
    assert found(requests, *lives.deaths) == []
    assert scrape(tmp_path, "check", state).code == 0


@pytest.mark.slow
def test_crawls_that_are_killed_until_they_are_done(tmp_path: Path, own_postgres: Postgres) -> None:
    """Whatever ends their processes, and though the server is stopped at once again and again, as by a crash."""
    for seed in range(FIRST_SEED, FIRST_SEED + ROUNDS):
        state = f"{own_postgres.new_database()}&name=crawl"
        play = Round(plan_of(seed), tmp_path / f"{seed}", state, own_postgres.restart)
        result = play.run()
        assert result.manners["shaken"]
        assert result.deaths
