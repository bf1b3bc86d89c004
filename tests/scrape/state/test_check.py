"""`check` finds what is wrong with a state, and finds nothing wrong with a sound one."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from scraper_cpn.scrape.settings import MILLISECOND, Settings
from scraper_cpn.scrape.state.check import audits
from scraper_cpn.scrape.state.explain import explain
from scraper_cpn.scrape.state.retry import retry_failed
from scraper_cpn.scrape.state.run import CrawlRecord, Opening, first_metadata
from scraper_cpn.scrape.state.status import state_status
from scraper_cpn.scrape.state.unread import Input, text_checksum
from scraper_cpn.simulate.webspec import WebSpec
from scraper_cpn.store.backup import backup
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.reader import StateReader
from scraper_cpn.store.retention import JournalLimits
from scraper_cpn.store.sqlite import create
from tests.effort import effort
from tests.scrape.kept import KeptCrawl

MANY = effort(12, 400)
pytestmark = pytest.mark.anyio

WEB = WebSpec(
    hosts=2, pages=6, fail=0.5, latency_ns=30 * MILLISECOND, fail_kinds=("500", "dropped")
)
ONCE = Settings(delay_ns=50 * MILLISECOND, retries=0)


async def lived(path: Path) -> KeptCrawl:
    """A crawl that was left, gone on with, put back and left again; its store is open."""
    kept = KeptCrawl(WEB, ONCE, path)
    await kept.crawl(100 * MILLISECOND)
    await kept.crawl()
    assert await retry_failed(kept.store)
    await kept.crawl(100 * MILLISECOND)
    return kept


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    """The file of such a crawl, closed."""
    path = tmp_path / "c.db"
    await (await lived(path)).store.close()
    return path


async def test_a_sound_state(tmp_path: Path) -> None:
    """All its batches are played again, also while a writer has it, and nothing is changed."""
    path = tmp_path / "c.db"
    kept = await lived(path)
    before = kept.store.saved()
    (audit,) = audits(path)
    head_seq = before.seq
    assert (audit.run, audit.base, audit.batches) == ("main", 0, head_seq)
    assert audit.tokens == len(kept.live()) + len(list(before.tokens)) - _targets(kept)
    assert audit.firings == sum(row[2] for row in kept.store.journal())
    assert (audit.pages, audit.failures) == (len(kept.stored()), _rows(kept))
    assert kept.store.saved().seq == before.seq
    await kept.store.close()


def _targets(kept: KeptCrawl) -> int:
    """The URLs in places that are not paged."""
    paged = {row[4] for row in kept.store.saved().paged}
    return len(kept.live()) - len(paged)


def _rows(kept: KeptCrawl) -> int:
    return sum(1 for _ in kept.store.rows("failed_log"))


async def test_the_journal_may_begin_later(tmp_path: Path) -> None:
    """Then it is played from the base, under the settings that applied there."""
    path = tmp_path / "c.db"
    kept = KeptCrawl(WEB, ONCE, path, limits=JournalLimits(size_bytes=2_000))
    for _ in range(12):
        await kept.crawl(70 * MILLISECOND)
        await retry_failed(kept.store)
    await kept.store.close()
    (audit,) = audits(path)
    assert audit.base > 0
    with StateReader(path) as reader:
        assert audit.base + audit.batches == reader.run().head().seq


async def test_a_backup_is_sound(state: Path, tmp_path: Path) -> None:
    """It has the same marking, and the same journal."""
    backup(state, tmp_path / "copy.db")
    assert audits(tmp_path / "copy.db") == audits(state)


async def test_a_run_that_has_done_nothing(tmp_path: Path) -> None:
    """It crashed before its first batch; there is nothing to play."""
    path = tmp_path / "c.db"
    await KeptCrawl(WEB, ONCE, path).store.close()
    (audit,) = audits(path)
    assert (audit.tokens, audit.batches, audit.firings) == (0, 0, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "UPDATE text SET body = replace(body, 'http', 'ftp') WHERE n = 3",
            "has changed since it was read from urls.txt",
        ),
        ("UPDATE text SET line = 7 WHERE n = 2", "has changed since it was read from urls.txt"),
        ("DELETE FROM text WHERE n = 3", "has 2 blocks, of which 0 were read; there were 3"),
    ],
)
async def test_seeds_that_are_not_read_yet(change: str, message: str, tmp_path: Path) -> None:
    """Their text is that of the input, or the state is damaged."""
    path, texts = tmp_path / "c.db", [(n, f"http://a.test/{n}\n") for n in range(1, 4)]
    opening = Opening(ONCE, ())
    given = Input("urls.txt", 3, 3, text_checksum(texts))
    metadata = first_metadata(opening, CrawlRecord(seeds=(), input=given))
    await create(path, "main", metadata, texts).close()
    assert audits(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(change)
    with pytest.raises(StoreError, match=message) as error:
        audits(path)
    assert error.value.kind == "damaged"


async def test_progress_is_reported(state: Path) -> None:
    """Once a batch, up to the last."""
    message: list[tuple[str, int, int]] = []
    (audit,) = audits(state, on_progress=lambda *each: message.append(each))
    assert message == [("main", n, audit.batches) for n in range(1, audit.batches + 1)]


DAMAGE = {
    "a token that is gone": "DELETE FROM token WHERE serial = (SELECT min(serial) FROM token)",
    "a target that is gone, and not counted": """
        DELETE FROM paged WHERE serial = (SELECT min(serial) FROM paged);
        UPDATE run SET paged = paged - 1""",
    "another time": "UPDATE token SET ready_ns = ready_ns + 1 WHERE place = 'domains'",
    "another target": "UPDATE paged SET colour = CAST(replace(CAST(colour AS TEXT), 'h1', 'h0') AS BLOB)",
    "a colour that can't be read": "UPDATE token SET colour = x'c1' WHERE place = 'domains'",
    "a target in another place": "UPDATE paged SET place = 'nowhere'",
    "a batch that is gone": "DELETE FROM journal WHERE seq = 2",
    "a last batch that is gone, and not counted": """
        DELETE FROM journal WHERE seq = (SELECT seq FROM run); UPDATE run SET seq = seq - 1""",
    "inputs that are gone": "UPDATE journal SET inputs = x'90' WHERE seq = 2",
    "inputs that can't be read": "UPDATE journal SET inputs = x'c1' WHERE seq = 2",
    "inputs of another kind": "UPDATE journal SET inputs = x'9193a173a17801' WHERE seq = 2",
    "another hash": "UPDATE journal SET marking_hash = marking_hash + 1 WHERE seq = 2",
    "another hash of the tables": "UPDATE run SET marking_hash = marking_hash + 1",
    "a seen URL that is gone": "DELETE FROM seen WHERE n = 3; UPDATE run SET seen = seen - 1",
    "another number": "REPLACE INTO number VALUES (1, 'budget', 'null', 5)",
    "a stored page that is gone": """
        DELETE FROM sink_row WHERE n = (SELECT max(n) FROM sink_row WHERE sink = 'stored');
        UPDATE run SET sunk = sunk - 1""",
    "a page that can't be read": "UPDATE sink_row SET body = x'7b' WHERE sink = 'stored'",
    "a failure that can't be read": "UPDATE sink_row SET body = x'7b7d' WHERE sink = 'failed_log'",
    "an item that nobody kept": """
        INSERT INTO item VALUES (1, (SELECT max(n) + 1 FROM item), x'00', 1, 0, x'7b7d');
        UPDATE run SET items = items + 1""",
    "another item": "UPDATE item SET body = CAST(replace(CAST(body AS TEXT), 'h0', 'h1') AS BLOB) WHERE n = 2",
    "an item that is gone": """
        DELETE FROM item WHERE n = (SELECT max(n) FROM item); UPDATE run SET items = items - 1""",
    "an item in the place of another": """
        UPDATE item SET body = (SELECT body FROM item AS other WHERE other.n = 1) WHERE n = 2""",
    "another page": """
        UPDATE sink_row SET body = CAST(replace(CAST(body AS TEXT), '"depth":1', '"depth":2') AS BLOB)
        WHERE sink = 'stored'""",
    "rows of no run": "PRAGMA foreign_keys = OFF; INSERT INTO metadata VALUES (9, 'x', x'31')",
    "metadata that can't be read": "UPDATE metadata SET value = x'7b' WHERE name = 'openings'",
    "metadata that are gone": "DELETE FROM metadata WHERE name = 'openings'",
}


@pytest.mark.parametrize("what", DAMAGE)
async def test_damage_is_found(state: Path, what: str) -> None:
    """One line that names the file; never another error, nor silence."""
    with closing(sqlite3.connect(state)) as connection:
        connection.executescript(DAMAGE[what])
        assert connection.total_changes
    with pytest.raises(StoreError) as error:
        audits(state)
    assert error.value.kind == "damaged"
    assert str(error.value).startswith(f"{state} is damaged")
    assert "\n" not in str(error.value)


async def test_those_who_only_look_say_what_they_can_not_read(state: Path) -> None:
    """A row that is no token any more is damage, and no bug of ours."""
    with closing(sqlite3.connect(state)) as connection, connection:
        connection.execute("UPDATE token SET colour = x'c1'")
    for look in (state_status, lambda file: explain(file, "http://h0.example/")):
        with pytest.raises(StoreError, match=r"a row can't be read: .*; see scrape check") as error:
            look(state)
        assert error.value.kind == "damaged"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state to be damaged in copies."""
    path = tmp_path_factory.mktemp("original") / "c.db"

    async def make() -> None:
        kept = KeptCrawl(WebSpec(hosts=1, pages=4), ONCE, path)
        await kept.crawl(120 * MILLISECOND)
        await kept.store.close()

    anyio.run(make)
    return path


@pytest.mark.slow
@given(data=st.data())
@examples(max_examples=MANY, deadline=None)
def test_any_damaged_bytes(original: Path, data: st.DataObject) -> None:
    """Whatever byte is changed: it is found, and no bug of ours; or nothing that counts was changed.

    Those who only look may not see it, but have no bug with it either.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "c.db"
        shutil.copy(original, path)
        with path.open("r+b") as file:
            offset = data.draw(st.integers(0, path.stat().st_size - 1), label="offset")
            file.seek(offset)
            old = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([data.draw(st.integers(0, 255).filter(lambda b: b != old))]))
        for look in (state_status, lambda file: explain(file, "http://h0.example/")):
            with suppress(StoreError):
                look(path)
        try:
            found = audits(path)
        except StoreError:
            return
        assert found == audits(original)


async def test_a_state_of_another_net(state: Path) -> None:
    """It is not damaged: it says which version it needs."""
    with closing(sqlite3.connect(state)) as connection, connection:
        connection.execute("UPDATE metadata SET value = x'223022' WHERE name = 'net_hash'")
        connection.execute("UPDATE metadata SET value = x'7b7d' WHERE name = 'net'")
    with pytest.raises(StoreError, match="use that version") as error:
        audits(state)
    assert error.value.kind == "foreign"
