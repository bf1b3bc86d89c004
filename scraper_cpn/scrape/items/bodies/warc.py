"""Bodies in a web archive: WARC 1.1 (ISO 28500:2017), by warcio, which is an extra.

Owns: the records of a page, and the check and the repair of an archive that is continued.
Must not know: which bodies are saved, items.

A page is a `request`, a `response` and a `metadata` record; a body that the archive has already is a `revisit`
(profile "identical payload digest"). Bodies are decompressed and whole, as the crawl sees them: the header fields that
described how they were sent (Content-Encoding, Transfer-Encoding, Content-Length) stand in the record as `X-Crawler-...`.
Every record is a gzip member of its own, so that an archive can be truncated to any record.
"""

import io
import os
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from http.client import responses
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from scraper_cpn.scrape.colours import Raw, Response, Saved
from scraper_cpn.scrape.fetch.client import with_usual
from scraper_cpn.scrape.items.bodies import BodyStore
from scraper_cpn.scrape.items.outputs.base import OutputError
from scraper_cpn.scrape.items.outputs.files import removed, sync_folder
from scraper_cpn.scrape.redact import HARMLESS_HEADERS, HIDDEN
from scraper_cpn.scrape.request import Request
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from scraper_cpn.version import __version__

try:
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter
except ImportError:
    WARCWriter = None

VERSION = "WARC/1.1"
REMEMBERED_MAX = 100_000
"""Bodies whose repetitions become `revisit` records: those saved last, by this process."""
_BLOCK_BYTES = 1024 * 1024
_RECORD_END = b"\r\n\r\n"
_FRAMING = frozenset({"content-encoding", "transfer-encoding", "content-length"})


class Archive(BodyStore):
    """Appends pages to an archive."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path = path
        self._settings = settings
        self._captures: dict[str, tuple[str, str]] = {}

    def open(self) -> None:
        """Create or continue the archive; a torn record at its end is removed. Raises `OutputError`."""
        try:
            if self._path.exists():
                os.truncate(self._path, sound_bytes(self._path))
            self._file = self._path.open("ab", buffering=0)
            sync_folder(self._path.parent)
            if not self._file.tell():
                self._append(self._info)
        except OSError as error:
            raise self._error(error) from error

    def save(self, raws: Sequence[tuple[Raw, str]]) -> list[Saved]:
        """See `Place.save`."""
        try:
            self._append(lambda writer: self._write_all(writer, raws))
        except OSError as error:
            raise self._error(error) from error
        return [Saved(self._path.name, digest) for _, digest in raws]

    def close(self) -> None:
        """Close the archive. Raises `OutputError` if it was removed meanwhile."""
        gone = os.fstat(self._file.fileno()).st_nlink == 0
        self._file.close()
        if gone:
            raise removed(self._path)

    def _append(self, write: Any) -> None:
        """Append records, durably and all or none."""
        buffer = io.BytesIO()
        write(WARCWriter(buffer, gzip=self._path.suffix == ".gz", warc_version=VERSION))
        start, rest = os.fstat(self._file.fileno()).st_size, buffer.getbuffer()
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            os.truncate(self._path, start)
            raise

    def _info(self, writer: Any) -> None:
        about = {
            "software": f"scraper_cpn/{__version__}",
            "format": "WARC File Format 1.1",
            "http-header-user-agent": self._settings.agent,
            "robots": self._settings.robots,
        }
        writer.write_record(writer.create_warcinfo_record(self._path.name, about))

    def _write_all(self, writer: Any, raws: Sequence[tuple[Raw, str]]) -> None:
        for raw, digest in raws:
            self._write(writer, raw, digest)

    def _write(self, writer: Any, raw: Raw, digest: str) -> None:
        response, url = raw.response, raw.response.url
        arrived_ns = response.fetched_at_ns
        date = _date(arrived_ns - response.elapsed_ns)
        answer = self._answer(writer, response, digest, date)
        request = writer.create_warc_record(
            url,
            "request",
            http_headers=_request(url, raw.target.request, self._settings),
            warc_headers_dict={"WARC-Date": date},
        )
        identifier = answer.rec_headers.get_header("WARC-Record-ID")
        request.rec_headers.add_header("WARC-Concurrent-To", identifier)
        fields = _metadata(raw).encode()
        metadata = writer.create_warc_record(
            url,
            "metadata",
            payload=io.BytesIO(fields),
            length=len(fields),
            warc_content_type="application/warc-fields",
            warc_headers_dict={"WARC-Date": date, "WARC-Concurrent-To": identifier},
        )
        for record in (answer, request, metadata):
            writer.write_record(record)

    def _answer(self, writer: Any, response: Response, digest: str, date: str) -> Any:
        """Return the record of an answer: the whole of it, or that it is the same as one before."""
        url, headers = response.url, _headers(response)
        payload = f"sha256:{digest}"
        before = self._captures.get(digest)
        if before is not None:
            return writer.create_revisit_record(
                url,
                payload,
                before[0],
                before[1],
                http_headers=headers,
                warc_headers_dict={"WARC-Date": date},
            )
        if len(self._captures) >= REMEMBERED_MAX:
            del self._captures[next(iter(self._captures))]
        self._captures[digest] = url, date
        return writer.create_warc_record(
            url,
            "response",
            payload=io.BytesIO(response.body),
            length=len(response.body),
            http_headers=headers,
            warc_headers_dict={"WARC-Date": date, "WARC-Payload-Digest": payload},
        )

    def _error(self, error: OSError) -> OutputError:
        return OutputError(f"can't write {self._path}: {error.strerror}")


def check_archive(path: Path, *, continued: bool) -> None:
    """Raise `UsageError` if an archive can't be written: without warcio, or where another one is."""
    if WARCWriter is None:
        raise UsageError("--save-bodies: WARC needs warcio: pip install 'scraper-cpn[warc]'")
    if path.is_dir():
        raise UsageError(f"--save-bodies {path}: it is a folder; give the name of a file")
    if path.exists() and not continued:
        raise UsageError(f"--save-bodies {path}: it exists; name another file, or remove it first")


def sound_bytes(path: Path) -> int:
    """Return how many bytes of an archive are whole records. Cost: reads it once."""
    with path.open("rb") as file:
        return _sound_members(file) if path.suffix.lower() == ".gz" else _sound_records(file)


def _sound_members(file: BinaryIO) -> int:
    sound, data = 0, file.read(_BLOCK_BYTES)
    while data:
        member, size = zlib.decompressobj(wbits=31), 0
        try:
            while data and not member.eof:
                member.decompress(data)
                size += len(data) - len(member.unused_data)
                data = member.unused_data or file.read(_BLOCK_BYTES)
        except zlib.error:
            break
        if not member.eof:
            break
        sound += size
    return sound


def _sound_records(file: BinaryIO) -> int:
    sound = 0
    while line := file.readline():
        length = None
        while line.strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length" and value.strip().isdigit():
                length = int(value)
            line = file.readline()
        if length is None or not line:
            break
        file.seek(length, os.SEEK_CUR)
        if file.read(len(_RECORD_END)) != _RECORD_END:
            break
        sound = file.tell()
    return sound


def _headers(response: Response) -> Any:
    reason = response.reason or responses.get(response.status, "")
    fields = [
        (
            f"X-Crawler-{_cased(name)}" if name in _FRAMING else _cased(name),
            HIDDEN if name == "set-cookie" else value,  # whoever has a cookie is its user
        )
        for name, value in response.headers
    ]
    fields.append(("Content-Length", str(len(response.body))))
    return StatusAndHeaders(f"{response.status} {reason}", fields, protocol="HTTP/1.1")


def _request(url: str, request: Request, settings: Settings) -> Any:
    """Return the head of a request, without headers that may be secret. A body, which may hold a password, is left out."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    given = {name.lower(): (name, value) for name, value in (*settings.headers, *request.headers)}
    own = [each for name, each in given.items() if name in HARMLESS_HEADERS]
    if request.content_type:
        own.append(("Content-Type", request.content_type))
    fields = [("Host", parts.netloc), *with_usual(settings, own)]
    return StatusAndHeaders(f"{request.method} {target} HTTP/1.1", fields, is_http_request=True)


def _metadata(raw: Raw) -> str:
    target, response = raw.target, raw.response
    fields = {
        "via": target.parent,
        "hopsFromSeed": str(target.depth),
        "fetchTimeMs": str(response.elapsed_ns // 1_000_000),
        "requestedUrl": target.requested_url if target.requested_url != response.url else None,
    }
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)


def _date(time_ns: int) -> str:
    when = datetime.fromtimestamp(time_ns // SECOND, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{time_ns % SECOND // 1000:06d}Z"


def _cased(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
