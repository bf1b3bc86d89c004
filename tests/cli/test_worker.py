"""A worker that starts before its database, or outlives the process that has started it."""

from __future__ import annotations

from typing import Any

import pytest

from scraper_cpn.cli import worker
from scraper_cpn.store.port import StoreError

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for."""
    monkeypatch.setattr(worker, "AGAIN_S", 0.0)


@pytest.mark.parametrize("kind", ["io", "standby"])
async def test_a_database_that_is_about_to_start_is_waited_for(kind: str) -> None:
    """It is told once that the database does not answer yet."""
    troubles, said = [StoreError(kind, "no server answers")] * 3, list[str]()

    async def join() -> str:
        if troubles:
            raise troubles.pop()
        return "joined"

    assert await worker._patiently(join, said.append) == "joined"
    assert said == ["no server answers; trying again for 60 s"]


@pytest.mark.parametrize(("kind", "seconds"), [("refused", 60.0), ("foreign", 60.0), ("io", 0.0)])
async def test_what_does_not_pass_is_an_error(
    kind: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is a database that does not come waited for without end."""
    monkeypatch.setattr(worker, "DATABASE_S", seconds)
    said = list[str]()

    async def join() -> None:
        raise StoreError(kind, "the last word")

    with pytest.raises(StoreError, match="the last word"):
        await worker._patiently(join, said.append)
    assert not said


async def test_a_worker_leaves_when_its_parent_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that has started it is not its parent any more, whatever has ended that."""
    said, stopped = list[str](), list[bool]()

    class One:
        def stop(self) -> None:
            stopped.append(True)

    one: Any = One()
    monkeypatch.setenv(worker.PARENT, "1000000000")
    await worker._outlive_nobody(one, said.append)
    assert (said, stopped) == (
        ["leaving: the process has ended that has started this worker"],
        [True],
    )
