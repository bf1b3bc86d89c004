"""A wire log reads as it was written, and says where it is broken."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocks.wirelog import Request, WireLog, WireLogError, read_log, write_log
from scraper_cpn.simulate.web import WebSpec

ONE = Request(start_ns=5, end_ns=9, url="http://h0.example/", status=200)


@given(st.lists(st.builds(Request)))
def test_a_log_reads_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, requests: list[Request]
) -> None:
    """Whatever is appended comes back, in order, and so does the spec."""
    path = tmp_path_factory.mktemp("log") / "wire.jsonl"
    write_log(path, requests, WebSpec(seed=7))
    header, read = read_log(path)
    assert read == requests
    assert header.spec == WebSpec(seed=7)


def test_a_log_grows_in_memory_and_on_disk(tmp_path: Path) -> None:
    """Appended requests are kept, unless that is switched off, and are on disk when it is closed."""
    path = tmp_path / "wire.jsonl"
    with WireLog(path=path) as log, WireLog(path=tmp_path / "other", keep=False) as lean:
        log.append(ONE)
        lean.append(ONE)
        assert list(log) == [ONE]
        assert len(lean) == 0
    log.close()
    assert read_log(path)[1] == read_log(tmp_path / "other")[1] == [ONE]


def test_a_log_needs_no_file() -> None:
    """Without a path, memory is all."""
    log = WireLog()
    log.append(ONE)
    log.close()
    assert log.requests == [ONE]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("{}\n", "line 1"),
        ('{"utc_ns":1,"version":2}\n', "line 1"),
        ('{"utc_ns":1}\n{"start_ns":1,"end_ns":2,"url":"http://a/"}\nnonsense\n', "line 3"),
        ('{"utc_ns":1}\n{"start_ns":"soon"}\n', "line 2"),
    ],
)
def test_a_broken_log_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """A line that is no record is one clear error with file and line."""
    path = tmp_path / "broken.jsonl"
    path.write_text(text)
    with pytest.raises(WireLogError, match=message) as caught:
        read_log(path)
    assert str(path) in str(caught.value)


def test_a_missing_log_is_named(tmp_path: Path) -> None:
    """A file that can't be read is one clear error."""
    with pytest.raises(WireLogError, match="No such file"):
        read_log(tmp_path / "none")


@pytest.mark.parametrize(
    ("status", "fate", "fetched"),
    [
        (200, "complete", True),
        (204, "complete", True),
        (301, "complete", False),
        (200, "dropped", False),
        (0, "dropped", False),
        (503, "complete", False),
    ],
)
def test_only_a_complete_2xx_is_fetched(status: int, fate: str, fetched: bool) -> None:
    """Half a page is no page."""
    request = Request(start_ns=5, end_ns=9, url="http://a/", status=status, fate=fate)  # type: ignore[arg-type]
    assert request.fetched is fetched
    assert request.duration_ns == 4
