"""What is reported on standard error may be lost; it is never a reason to stop."""

import os
import sys

import pytest

from scraper_cpn.cli.streams import _Unfailing, mend_streams


def test_what_has_no_reader_is_lost() -> None:
    """A reader that went away is no error, as often as something is written."""
    reader, writer = os.pipe()
    os.close(reader)
    with _Unfailing(writer, "w") as file:
        assert file.write(b"message") == 7
        assert file.write(memoryview(b"again")) == 5


def test_what_finds_no_room_is_lost() -> None:
    """A pipe that is full and would not wait is no error either; what fits arrives."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with _Unfailing(writer, "w") as file:
        taken = file.write(b"x" * 10_000_000)
        assert 0 < taken < 10_000_000
        assert file.write(b"y" * 100_000) > 0
        assert file.write(b"more") == 4
    received = 0
    while chunk := os.read(reader, 1 << 20):
        received += len(chunk)
    os.close(reader)
    assert received >= taken


def test_a_stream_of_the_caller_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the standard error that Python made is replaced, and only once, in the same words."""
    mine = sys.stderr
    mend_streams()
    assert sys.stderr is mine
    usual = sys.__stderr__
    assert usual is not None
    monkeypatch.setattr(sys, "stderr", usual)
    mend_streams()
    mended = sys.stderr
    assert mended is not usual
    assert (mended.encoding, mended.errors) == (usual.encoding, usual.errors)
    assert (mended.fileno(), mended.isatty()) == (usual.fileno(), usual.isatty())
    mend_streams()
    assert sys.stderr is mended
