"""Bodies are saved as they came, whole, once; another library than ours reads the archive."""

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType
from msgspec import structs
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Raw, RequestTarget, Saved
from scraper_cpn.scrape.items.bodies import bodies_of
from scraper_cpn.scrape.items.bodies.warc import sound_bytes
from scraper_cpn.scrape.items.outputs.base import OutputError
from scraper_cpn.scrape.request import Request
from scraper_cpn.scrape.settings import Settings, UsageError
from tests.scrape.sample_pages import URL, raw

HEADERS = (("content-type", "text/html"), ("content-encoding", "gzip"), ("x-a", "b"))


def page(body: bytes, path: str = "", **given: Any) -> Raw:
    """A page with that body."""
    fetched = raw(body, **given)
    response = replace(fetched.response, url=URL + path, headers=HEADERS, reason="Fine")
    return replace(fetched, response=response)


def saved_in(where: Path, *pages: Raw, continued: bool = False, **options: Any) -> list[Any]:
    """Save pages, all at a time, and return what came of each."""
    settings = Settings(save_bodies=str(where), **options)
    found: list[Any] = [None] * len(pages)

    async def work() -> None:
        bodies = bodies_of(settings, continued=continued)
        assert bodies is not None

        async def save(number: int) -> None:
            found[number] = await bodies.save(pages[number])

        async with bodies, anyio.create_task_group() as tasks:
            for number in range(len(pages)):
                tasks.start_soon(save, number)

    anyio.run(work)
    return found


def records(path: Path) -> list[tuple[WarcRecordType, dict[str, str], Any, bytes]]:
    """Type, fields, HTTP head and content of each record; its digests are verified."""
    found = []
    with path.open("rb") as file:
        for record in ArchiveIterator(file, parse_http=False):
            if record.headers.get("WARC-Block-Digest"):
                assert record.verify_block_digest()
            record.parse_http()
            if record.record_type == WarcRecordType.response:
                assert record.verify_payload_digest()
            content = record.reader.read()
            found.append((record.record_type, dict(record.headers), record.http_headers, content))
    return found


def test_a_folder_by_content(tmp_path: Path) -> None:
    """A body is a file that is named after its content, and equal ones are one."""
    first, second, third = saved_in(tmp_path / "b", page(b"a"), page(b"b"), page(b"a", "2"))
    digest = hashlib.sha256(b"a").hexdigest()
    assert first == third == Saved(f"{digest[:2]}/{digest}.html", digest)
    assert (tmp_path / "b" / first.path).read_bytes() == b"a"
    assert sum(path.is_file() for path in (tmp_path / "b").rglob("*")) == 2
    assert second.sha256 == hashlib.sha256(b"b").hexdigest()


def test_limits_by_type_and_size(tmp_path: Path) -> None:
    """Other types are left out, and what is too large is said."""
    pages = [
        page(b"abc", content_type="image/png"),
        page(b"abc"),
        page(b"abcd", content_type="image/x"),
    ]
    limits: dict[str, Any] = {"save_types": ("image/*",), "max_saved_bytes": 3}
    first, second, third = saved_in(tmp_path / "b", *pages, **limits)
    assert (first.path[-4:], second, third) == (".png", None, None)
    bodies = bodies_of(Settings(save_bodies=str(tmp_path / "b"), **limits))
    assert bodies is not None
    assert [bodies.refusal(each) for each in pages] == [
        None, None, "its body has 4 bytes; --max-saved saves 3",
    ]  # fmt: skip


def test_why_a_file_is_not_saved(tmp_path: Path) -> None:
    """Its type, its size, or that there is nothing in it."""
    options: dict[str, Any] = {"save_types": ("image/*",), "max_saved_bytes": 3}
    bodies = bodies_of(Settings(save_bodies=str(tmp_path / "b"), **options))
    assert bodies is not None
    pages = [page(body, content_type=kind) for body, kind in (
        (b"", "image/png"), (b"abcd", "image/png"), (b"a", ""), (b"a", "text/css"), (b"a", "image/x"),
    )]  # fmt: skip
    assert [bodies.objection(each) for each in pages] == [
        "it is empty",
        "its body has 4 bytes; --max-saved saves 3",
        "its type is unknown; --save-types saves image/*",
        "its type is text/css; --save-types saves image/*",
        None,
    ]


@pytest.mark.parametrize("suffix", ["warc", "warc.gz"])
def test_an_archive(tmp_path: Path, suffix: str) -> None:
    """WARC 1.1: a request, a response and metadata for each page; a body that is there already is a revisit."""
    path = tmp_path / f"out.{suffix}"
    first, again = saved_in(
        path, page(b"<p>\xff", "?q=1", parent="https://a.example/"), page(b"<p>\xff")
    )
    assert first == again == Saved(path.name, hashlib.sha256(b"<p>\xff").hexdigest())
    info, response, request, metadata, revisit, *_ = records(path)
    assert path.read_bytes().startswith(b"WARC/1.1" if suffix == "warc" else b"\x1f\x8b")
    assert b"software: scraper_cpn/" in info[3]
    kind, fields, http, content = response
    assert (kind, content) == (WarcRecordType.response, b"<p>\xff")
    assert fields["WARC-Target-URI"] == f"{URL}?q=1"
    assert fields["WARC-Payload-Digest"].startswith("sha256:")
    assert http.status_line == "HTTP/1.1 200 Fine"
    assert dict(http) == {
        "Content-Type": "text/html",
        "X-Crawler-Content-Encoding": "gzip",
        "X-A": "b",
        "Content-Length": "4",
    }
    assert request[0] == WarcRecordType.request
    assert request[2].status_line == "GET /list/page?q=1 HTTP/1.1"
    assert request[1]["WARC-Concurrent-To"] == fields["WARC-Record-ID"]
    assert metadata[0] == WarcRecordType.metadata
    assert metadata[3].decode().splitlines() == [
        "via: https://a.example/",
        "hopsFromSeed: 0",
        "fetchTimeMs: 0",
        f"requestedUrl: {URL}",
    ]
    assert revisit[0] == WarcRecordType.revisit
    assert revisit[1]["WARC-Refers-To-Target-URI"] == f"{URL}?q=1"
    assert revisit[1]["WARC-Profile"].endswith("/1.1/revisit/identical-payload-digest")


def test_a_request_without_secrets(tmp_path: Path) -> None:
    """Headers of the user that may be secret are in no archive, nor are cookies of the server, nor is what was posted."""
    headers = (("Authorization", "Bearer s3cret"), ("Accept-Language", "de"))
    path = tmp_path / "out.warc"
    fetched = page(b"x")
    cookies = (*fetched.response.headers, ("set-cookie", "sid=s3cret"))
    fetched = replace(fetched, response=replace(fetched.response, headers=cookies))
    request = Request(
        method="POST", headers=(("X-Key", "s3cret"),), body=b"a=s3cret", content_type="text/plain"
    )
    target = RequestTarget(**structs.asdict(fetched.target), request=request)
    saved_in(path, replace(fetched, target=target), headers=headers)
    content = path.read_bytes()
    assert b"s3cret" not in content
    assert b"POST /list/page HTTP/1.1\r\n" in content
    assert b"Accept-Language: de\r\nContent-Type: text/plain\r\n\r\n" in content


@pytest.mark.parametrize("suffix", ["warc", "warc.gz"])
def test_an_archive_is_continued_behind_its_last_whole_record(tmp_path: Path, suffix: str) -> None:
    """What a crash has torn is removed, wherever it is torn, and nothing else."""
    path = tmp_path / f"out.{suffix}"
    saved_in(path, page(b"a"), page(b"b" * 100))
    whole = path.read_bytes()
    assert sound_bytes(path) == len(whole)
    ends = {0}
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        assert sound_bytes(path) <= cut
        ends.add(sound_bytes(path))
    assert len(ends) == len(records_of(whole, tmp_path))
    path.write_bytes(whole[:-1])
    saved_in(path, page(b"c"), continued=True)
    bodies = [content for kind, _, _, content in records(path) if kind == WarcRecordType.response]
    assert bodies == [b"a", b"b" * 100, b"c"]


def records_of(whole: bytes, folder: Path) -> list[Any]:
    return list(ArchiveIterator(io.BytesIO(whole)))


def test_places_that_are_refused(tmp_path: Path) -> None:
    """One line each, before anything is fetched."""
    (tmp_path / "file").touch()
    (tmp_path / "old.warc.gz").touch()
    (tmp_path / "dir.warc").mkdir()
    for name, message in (
        ("file", "it is no folder"),
        ("old.warc.gz", "it exists; name another file"),
        ("dir.warc", "it is a folder"),
        ("gone/x", "does not exist"),
    ):
        with pytest.raises(UsageError, match=message):
            bodies_of(Settings(save_bodies=str(tmp_path / name)))


@pytest.mark.parametrize("name", ["b", "b.warc.gz"])
def test_a_disk_that_is_full(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error of the output, for all that wait, and what is there stays whole."""

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / name
    saved_in(path, page(b"a"))
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(BaseExceptionGroup) as caught:
        saved_in(path, page(b"b"), page(b"c"), continued=True)
    assert all(isinstance(each, OutputError) for each in caught.value.exceptions)
    if name != "b":
        assert sound_bytes(path) == path.stat().st_size
