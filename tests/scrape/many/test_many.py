"""Workers share a crawl by domain: nothing is lost, doubled or asked too fast, also if one of them is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest

from mocks.referee import Expectations, ProxyRule, Verdict, judge
from mocks.serving import served
from mocks.wirelog import read_log
from scraper_cpn.cli import worker
from scraper_cpn.cli.main import main
from scraper_cpn.cluster.partition import Partition
from scraper_cpn.cluster.worker import Pace, run_worker
from scraper_cpn.net import Row
from scraper_cpn.scrape.hooks import Hooks
from scraper_cpn.scrape.many.check import audit
from scraper_cpn.scrape.many.crawls import create, join, look
from scraper_cpn.scrape.many.export import export_crawl
from scraper_cpn.scrape.many.status import ManyStatus, many_status
from scraper_cpn.scrape.many.work import Program, ScrapeWork
from scraper_cpn.scrape.options.read import settings_from
from scraper_cpn.scrape.settings import Settings, UsageError
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.restore import restore

HOSTS, PAGES = 5, 6
WEB = ("--hosts", str(HOSTS), "--pages", str(PAGES), "--links-out", "2", "--proxies", "4")
PACE = Pace(lease_s=120.0, poll_s=0.005)
"""On a busy machine no lease ends by itself."""
MS = 1_000_000


class Web:
    """A web on loopback, which a crawl reaches through proxies."""

    def __init__(self, where: dict[str, Any], log: Path) -> None:
        self.seeds: list[str] = where["seeds"]
        self.proxies: list[str] = where["proxies"]
        self.log = log

    def settings(self, **options: Any) -> Settings:
        """Of a crawl of this web."""
        given = {"scope": "any", "delay": 0.02, "proxy": self.proxies, "per_proxy": 2}
        return settings_from({**given, **options})


@contextmanager
def web(folder: Path, *options: str) -> Iterator[Web]:
    with served(folder / "wire.jsonl", (*WEB, *options)) as where:
        yield Web(where, folder / "wire.jsonl")


def _judged(of: Web, **more: Any) -> Verdict:
    _, log = read_log(of.log)
    return judge(log, Expectations(delay_ns=20 * MS, proxy=ProxyRule(slots=2), **more))


def _worked(dsn: str, settings: Settings, number: int = 1) -> list[str | None]:
    """Let workers do a crawl, each with its own kernels and connections; returns how each has seen it end."""
    ended: list[str | None] = []

    async def one() -> None:
        crawl, work = await join(dsn, {"proxies": True}, settings)
        async with work:
            ended.append(await run_worker(crawl, work, pace=PACE))

    async def all_of_them() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(number):
                tasks.start_soon(one)

    anyio.run(all_of_them)
    return ended


def _status(dsn: str) -> ManyStatus:
    return many_status(anyio.run(look, dsn))


def _items(dsn: str, file: Path) -> list[str]:
    export_crawl(
        anyio.run(look, dsn), str(file), failed=None, overwrite=True, on_progress=lambda *_: None
    )
    return sorted(json.loads(line)["url"] for line in file.read_text().splitlines())


def test_two_workers_fetch_each_page_once_and_politely(database: str, tmp_path: Path) -> None:
    """Links cross to the worker of their domain; every page is stored once, with its body, and no domain is asked too fast."""
    dsn, bodies = f"{database}&name=books", tmp_path / "bodies"
    with web(tmp_path) as of:
        settings = of.settings(save_bodies=str(bodies))
        anyio.run(lambda: create(dsn, settings, of.seeds, partitions=4))
        assert _worked(dsn, settings, 2) == ["finished", "finished"]
    verdict = _judged(of)
    assert verdict.violations == ()
    assert verdict.pages == HOSTS * PAGES
    urls = _items(dsn, tmp_path / "items.jsonl")
    assert len(urls) == len(set(urls)) == HOSTS * PAGES
    status = _status(dsn)
    assert (status.ended, status.pages, status.stored, status.failed) == (
        "finished",
        HOSTS * PAGES,
        HOSTS * PAGES,
        0,
    )
    saved = [each for each in bodies.rglob("*") if each.is_file()]
    assert len(saved) == HOSTS * PAGES
    assert all(sha256(each.read_bytes()).hexdigest() == each.stem for each in saved)
    assert status.workers == ()
    assert status.on_the_way == 0
    assert not any(status.waiting.values())


def test_slots_and_passwords_of_proxies_reach_all_partitions(database: str, tmp_path: Path) -> None:
    """Partitions that share a proxy keep its slots together, and use the password that their worker has of it."""
    dsn = f"{database}&name=slots"
    slow = ("--latency", "60ms", "--hosts", "12", "--pages", "2", "--proxies", "2")
    with web(tmp_path, *slow, "--proxy-auth", "u:tops3cret") as of:
        secret = [url.replace("://", "://u:tops3cret@") for url in of.proxies if "@" not in url]
        settings = of.settings(proxy=secret or of.proxies, per_proxy=2)
        anyio.run(lambda: create(dsn, settings, of.seeds, partitions=4))
        assert _worked(dsn, settings) == ["finished"]
    verdict = _judged(of)
    assert verdict.violations == ()
    assert verdict.pages == 24


def test_max_pages_is_exact_over_all_partitions(database: str, tmp_path: Path) -> None:
    """The budget of pages is one for all partitions."""
    dsn = f"{database}&name=few"
    with web(tmp_path) as of:
        settings = of.settings(max_pages=7)
        anyio.run(lambda: create(dsn, settings, of.seeds, partitions=4))
        assert _worked(dsn, settings) == ["spent"]
    assert audit(anyio.run(look, dsn), lambda *_: None).firings > 7
    assert _judged(of, max_pages=7).violations == ()
    assert len(_items(dsn, tmp_path / "items.jsonl")) == 7


def test_bytes_are_counted_over_all_partitions(database: str, tmp_path: Path) -> None:
    """`--max-bytes` ends the crawl for all workers; what was in flight then still arrives."""
    dsn = f"{database}&name=bytes"
    with web(tmp_path) as of:
        settings = of.settings(max_bytes=8_000, concurrency=4)
        anyio.run(lambda: create(dsn, settings, of.seeds, partitions=4))
        assert _worked(dsn, settings, 2) == ["spent", "spent"]
    audit(anyio.run(look, dsn), lambda *_: None)
    status = _status(dsn)
    assert 8_000 * 63 // 64 <= status.bytes < 8_000 + 4 * 5_000
    assert status.budgets["byte_shares"] == 0


def test_a_crawl_that_was_stopped_goes_on_where_it_was(database: str, tmp_path: Path) -> None:
    """`stop` lets workers leave with nothing in flight and nothing fetched in vain; `resume` lets others go on."""
    dsn = f"{database}&name=paused"
    words = ("--database", database, "--name", "paused")
    with web(tmp_path) as of:
        settings = of.settings(delay=0.4)
        assert anyio.run(_until_stopped, dsn, settings, of.seeds, words) is None
        before = _status(dsn)
        assert before.stopping
        assert 0 < before.stored <= HOSTS * PAGES
        assert before.pages == before.stored
        assert main(["resume", *words]) == 0
        assert _worked(dsn, settings) == ["finished"]
    assert _judged(of).violations == ()
    assert len(_items(dsn, tmp_path / "items.jsonl")) == HOSTS * PAGES


class _Counting(ScrapeWork):
    """Says when some pages are stored."""

    def watch(self, most: int) -> anyio.Event:
        """An event that comes when so many are."""
        self._most, self._enough = most, anyio.Event()
        return self._enough

    def rows(self, partition: Partition, rows: list[Row]) -> None:
        """Count rows."""
        super().rows(partition, rows)
        if sum(each.ledger.stored for each in self.accounts.values()) >= self._most:
            self._enough.set()


async def _until_stopped(
    dsn: str, settings: Settings, seeds: list[str], words: tuple[str, ...]
) -> str | None:
    """Work until somebody else stops the crawl, after three pages."""
    await create(dsn, settings, seeds, partitions=4)
    crawl, work = await join(dsn, {"proxies": True}, settings, work_type=_Counting)
    assert isinstance(work, _Counting)
    enough = work.watch(3)
    ended: list[str | None] = []

    async def one() -> None:
        ended.append(await run_worker(crawl, work, pace=PACE))

    async with work, anyio.create_task_group() as tasks:
        tasks.start_soon(one)
        await enough.wait()
        await anyio.to_thread.run_sync(lambda: main(["stop", *words]))
    return ended[0]


def test_what_failed_is_put_back_and_each_url_can_be_explained(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`retry` puts failed URLs back while no worker runs; `explain` asks a partition; `check` finds any change."""
    dsn = f"{database}&name=again"
    words = ("--database", database, "--name", "again")
    with web(tmp_path, "--fail", "1", "--fail-times", "1", "--fail-kinds", "500") as of:
        settings = of.settings(retries=0)
        anyio.run(lambda: create(dsn, settings, of.seeds, partitions=4))
        _worked(dsn, settings)
        assert _status(dsn).failed == HOSTS
        assert main(["explain", *words, of.seeds[0]]) == 0
        assert "failed" in capsys.readouterr().out
        assert main(["retry", *words, "--kind", "nonsense"]) == 2
        assert main(["retry", *words]) == 0
        assert f"put back: {HOSTS}" in capsys.readouterr().out
        assert _worked(dsn, settings) == ["finished"]
    status = _status(dsn)
    assert status.stored >= HOSTS
    log = tmp_path / "failed.jsonl"
    assert main(["export", *words, "-o", str(tmp_path / "a.jsonl"), "--failed", str(log)]) == 0
    final = [row["final"] for row in map(json.loads, log.read_text().splitlines())]
    assert (sum(final), len(final)) == (status.failed, HOSTS + status.failed)
    capsys.readouterr()
    assert main(["explain", *words, of.seeds[0], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stands"] == "stored"
    assert main(["explain", *words, "http://elsewhere.test/"]) == 0
    capsys.readouterr()
    assert main(["check", *words, "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert (checked["pages"], checked["bases"]) == (status.stored, 0)
    assert checked["batches"] > 4
    anyio.run(_changed, database, _ANOTHER_DECISION)
    assert main(["check", *words]) == 3
    assert "leads to another marking when it is replayed" in capsys.readouterr().err
    anyio.run(_changed, database, _ANOTHER_LIBRARY)
    assert main(["check", *words]) == 2
    assert "can't be replayed here, where workers would be refused" in capsys.readouterr().err
    anyio.run(_changed, database, "UPDATE scrape.item SET body = '{}' WHERE n = 1")
    assert main(["check", *words]) == 3
    assert "have changed since they were stored" in capsys.readouterr().err
    anyio.run(_changed, database, "DELETE FROM scrape.seen WHERE n = 1")
    assert main(["check", *words]) == 3
    assert "table seen has" in capsys.readouterr().err


def test_a_crawl_is_checked_while_workers_change_it(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each partition is read as it was at one moment: what is committed between two reads of it is no damage."""
    dsn = f"{database}&name=busy"
    with web(tmp_path) as of:
        settings = of.settings(max_pages=1)
        anyio.run(lambda: create(dsn, settings, of.seeds, partitions=4))
        known, began = anyio.run(look, dsn), list[int]()

        def restored(saved: Any, codec: Any) -> Any:
            if not began:
                began.append(saved.seq)
                _worked(dsn, settings)
            return restore(saved, codec)

        monkeypatch.setattr("scraper_cpn.scrape.many.check.restore", restored)
        found = audit(known, lambda *_: None)
    assert began == [0]
    assert found.pages <= _status(dsn).stored


def test_a_worker_that_was_lost_is_not_at_work(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker whose leases are over has no partitions, and `status` does not say that the crawl is running."""
    dsn = f"{database}&name=lost"
    limited = settings_from({"max_pages": 7})
    anyio.run(lambda: create(dsn, limited, ["http://a.test/"], partitions=2))
    anyio.run(_lose_a_worker, database)
    assert [each.partitions for each in _status(dsn).workers] == [0]
    assert main(["status", "--database", database, "--name", "lost"]) == 0
    told = capsys.readouterr().out
    assert "no worker is at work" in told
    assert "budget    7 pages of --max-pages not drawn yet" in told


async def _lose_a_worker(database: str) -> None:
    on = await asyncpg.connect(database)
    try:
        await on.execute(
            """INSERT INTO scrape.worker (crawl, id, holder, seen_at)
            SELECT id, 'w', '', clock_timestamp() - interval '1 hour' FROM scrape.crawl;
            UPDATE scrape.part SET owner = 'w', lease_until = clock_timestamp() - interval '1 hour'"""
        )
    finally:
        await on.close()


def test_a_crawl_of_many_workers_is_no_state(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands on states refuse it in one line that says what to use."""
    dsn = f"{database}&name=many"
    anyio.run(lambda: create(dsn, settings_from({}), ["http://a.test/"], partitions=2))
    for command in ("status", "resume", "check", "export"):
        assert main([command, dsn]) == 2
        assert "is a crawl of many workers; use its commands" in capsys.readouterr().err


_ANOTHER_DECISION = """UPDATE scrape.journal j SET marking_hash = j.marking_hash + 1
FROM scrape.part p WHERE p.id = j.part AND p.seq > 3 AND j.seq = 3"""
_ANOTHER_LIBRARY = """UPDATE scrape.cluster
SET laws = convert_to(replace(convert_from(laws, 'UTF8'), '"setting Python":"', '"setting Python":"2.'), 'UTF8')"""


async def _changed(database: str, statement: str) -> None:
    on = await asyncpg.connect(database)
    try:
        await on.execute(statement)
    finally:
        await on.close()


def test_an_export_follows_a_crawl_to_its_end(database: str, tmp_path: Path) -> None:
    """Items are written as they become durable, each once; the export ends when the crawl has ended."""
    dsn = f"{database}&name=followed"
    out = tmp_path / "items.jsonl"
    with web(tmp_path) as of:
        settings = of.settings()
        anyio.run(lambda: create(dsn, settings, of.seeds, partitions=4))
        words = ("--database", database, "--name", "followed", "--follow", "-o", str(out))
        command = [sys.executable, "-m", "scraper_cpn", "export", *words]
        with subprocess.Popen(command) as following:
            assert _worked(dsn, settings) == ["finished"]
            assert following.wait(120) == 0
    urls = [json.loads(line)["url"] for line in out.read_text().splitlines()]
    assert len(urls) == len(set(urls)) == HOSTS * PAGES
    assert main(["export", *words[:4], "--follow", "-o", str(tmp_path / "items.csv")]) == 2


def test_no_worker_is_started_again_after_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--processes` starts a worker again that was killed, unless it was told to end meanwhile."""
    started: list[list[str]] = []

    def start(command: list[str]) -> subprocess.Popen[bytes]:
        started.append(command)
        return subprocess.Popen([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])

    def sleep(seconds: float) -> None:
        if seconds == worker.AGAIN_S:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(worker, "_started", start)
    monkeypatch.setattr(time, "sleep", sleep)
    words = ["worker", "--database", "postgres://h/d", "--processes", "2"]
    assert main(words) == 128 + signal.SIGTERM
    assert len(started) == 2


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing(database: str, tmp_path: Path) -> None:
    """A worker is killed in the middle, and another goes on: each page is stored once, no domain is asked too fast."""
    words = ("--database", database, "--name", "killed")
    (tmp_path / "proxies.txt").touch()
    with web(tmp_path) as of:
        listed = tmp_path / "proxies.txt"
        listed.write_text("\n".join(of.proxies))
        own = ("--proxies", str(listed))
        begun = _scrape(
            *of.seeds,
            *words,
            *own,
            "--per-proxy",
            "2",
            "--partitions",
            "4",
            "--delay",
            "0.1",
            "--scope",
            "any",
        )
        assert (begun.returncode, begun.stdout) == (0, "")
        first, second = _worker(*words, *own), _worker(*words, *own)
        dsn = f"{database}&name=killed"
        while _status(dsn).stored < 8:
            assert first.poll() is None
            time.sleep(0.05)
        os.kill(first.pid, signal.SIGKILL)
        assert second.wait(300) == 0
        first.wait()
    audit(anyio.run(look, dsn), lambda *_: None)
    found = {each.guarantee for each in _judged(of).violations}
    assert found <= {"G4"}, "pages whose answers went with the worker may be fetched again"
    urls = _items(dsn, tmp_path / "items.jsonl")
    assert len(urls) == len(set(urls)) == HOSTS * PAGES


def _scrape(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scraper_cpn", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def _worker(*words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "scraper_cpn", "worker", *words, "--quiet"]
    return subprocess.Popen(command)


# What is refused.


def test_a_worker_with_another_program_is_refused(database: str) -> None:
    """All workers have the same program: the message names what differs."""
    dsn = f"{database}&name=program"
    settings = settings_from({})
    seeds = ["http://a.test/"]
    anyio.run(lambda: create(dsn, settings, seeds, partitions=2, does=Program(digest="0123")))
    with pytest.raises(StoreError, match="page handlers"):
        anyio.run(lambda: join(dsn, {}, settings, Program(digest="4567")))
    with pytest.raises(UsageError, match="was created with a program"):
        anyio.run(lambda: join(dsn, {}, settings))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"max_items": 3}, "--max-items can't be divided among partitions yet"),
    (
        {"save_bodies": "pages.warc"},
        "workers can't share --save-bodies into an archive",
    ),
    ({"keep_cookies": True}, "workers can't share --keep-cookies yet"),
    (
        {"proxy": ["http://p.test:1"], "per_proxy": 1},
        "1 slots of proxies can't be divided among 4",
    ),
]


def test_what_cannot_be_divided_is_refused(database: str) -> None:
    """One line says what, and nothing is created."""
    for options, message in REFUSED:
        settings = settings_from(options)
        with pytest.raises(UsageError, match=message):
            anyio.run(
                partial(create, f"{database}&name=x", settings, ["http://a.test/"], partitions=4)
            )
    with pytest.raises(StoreError):
        _status(f"{database}&name=x")


def test_what_a_program_keeps_in_one_process_is_refused(database: str) -> None:
    """Unique items and the end of the crawl are known to no single worker."""
    hooks = Hooks()
    hooks.unique.add(("sku",))
    with pytest.raises(UsageError, match="workers can't share unique of the program yet"):
        anyio.run(
            lambda: create(
                f"{database}&name=x",
                settings_from({}),
                ["http://a.test/"],
                partitions=2,
                does=Program(hooks=hooks),
            )
        )


def test_workers_know_the_origin_of_every_seed(database: str) -> None:
    """A user's headers go to the origins of all seeds, however many there are."""
    seeds = [f"http://host-{number % 600}.test/{number}" for number in range(1_200)]
    dsn = f"{database}&name=origins"
    anyio.run(lambda: create(dsn, settings_from({}), seeds, partitions=2))
    assert list(anyio.run(look, dsn).record.seeds) == seeds[:600]


def test_credentials_are_not_in_the_database(database: str) -> None:
    """A password and a secret header are each worker's own: one that lacks them is told which."""
    dsn = f"{database}&name=secrets"
    secret = settings_from(
        {
            "header": ["X-Key: tops3cret"],
            "proxy": ["http://u:tops3cret@p.test:1", "http://u:tops3cret@p.test:2"],
        }
    )
    anyio.run(lambda: create(dsn, secret, ["http://a.test/"], partitions=2))
    assert b"tops3cret" not in anyio.run(_everything, database)
    with pytest.raises(UsageError, match="proxies"):
        anyio.run(lambda: join(dsn, {}, settings_from({})))
    with pytest.raises(UsageError, match="X-Key"):
        anyio.run(lambda: join(dsn, {"proxies": True}, secret))


async def _everything(database: str) -> bytes:
    on = await asyncpg.connect(database)
    try:
        rows = await on.fetch("SELECT value FROM scrape.metadata")
        rows += await on.fetch("SELECT body FROM scrape.outbox")
        return b"\n".join(bytes(row[0]) for row in rows)
    finally:
        await on.close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("status", "--database", "crawls.db"), "no address of a database"),
        (
            ("status", "--database", "postgres://[x/d", "--name", "a"),
            "not an address of a database",
        ),
        (("worker",), "--database: give the address of the database"),
        (("worker", "--database", "postgres://h/d", "--lease", "10ms"), "--lease: give 1s or more"),
        (("http://a.test/", "--name", "books"), "--name: it is for a crawl in a database"),
        (("http://a.test/", "--partitions", "4"), "give --database ADDRESS as well"),
        (("explode", "--database", "postgres://h/d"), "neither a command nor a URL"),
        (
            ("http://a.test/", "--database", "postgres://h/d", "-o", "x.jsonl"),
            "-o: not with --database; write items with scrape export --database",
        ),
        (("http://a.test/", "--database", "postgres://h/d", "--partitions", "1"), "--partitions"),
    ],
)
def test_mistakes_are_one_line(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake is told in one line, with what to do."""
    assert main(list(words)) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_program_with_an_output_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Workers have no common file: items are exported, and that is said before the crawl is created."""
    file = tmp_path / "job.py"
    file.write_text("from scraper_cpn import Crawl\ncrawl = Crawl(output='a.jsonl')\n")
    assert main(["run", str(file), "http://a.test/", "--database", "postgres://h/d"]) == 2
    said = capsys.readouterr().err
    assert "leave it out, and write items with scrape export --database" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "command", ["status", "explain", "retry", "check", "export", "stop", "resume"]
)
def test_each_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`-h` with --database is about crawls in a database."""
    assert main([command, "--database", "postgres://h/d", "-h"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: scrape {command} --database")
    assert all(len(line) <= 80 for line in said.splitlines())
