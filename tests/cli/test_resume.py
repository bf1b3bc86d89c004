"""What of a crawl may be given anew to `scrape resume`."""

from pathlib import Path

import pytest

from scraper_cpn.cli.resume import resume_job
from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.store.port import StoreError


@pytest.mark.parametrize(
    ("option", "value"),
    [("--ageing", "5m"), ("--scope", "any"), ("--field", "a=b"), ("--seed", "3"), ("--state", "b.db")],
)  # fmt: skip
def test_what_a_crawl_is_does_not_change(tmp_path: Path, option: str, value: str) -> None:
    """It is refused, named as it was given, before the state is looked at."""
    with pytest.raises(UsageError, match=f"{option}: this can't change after a crawl has begun"):
        resume_job([str(tmp_path / "a.db"), option, value])


@pytest.mark.parametrize(("option", "value"), [("--delay", "5s"), ("--max-pages", "9")])
def test_limits_may_change(tmp_path: Path, option: str, value: str) -> None:
    """What is missing is the state alone."""
    with pytest.raises(StoreError):
        resume_job([str(tmp_path / "a.db"), option, value])
