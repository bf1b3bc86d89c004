"""The log of the wire, one record per request.

Owns: the record, and its form on disk: JSONL, the first line a `Header`, every other a `Request`.
Must not know: who sent the requests, who answered them, what is polite.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self, TypeVar

import msgspec
from msgspec import Struct

from scraper_cpn.simulate.webspec import WebSpec

_T = TypeVar("_T")

DIRECT = "direct"
"""The name in `Request.proxy` of a request that came without a proxy."""

Fate = Literal["complete", "dropped", "stalled", "abandoned"]


class Request(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A request as the server saw it. Times are nanoseconds of one monotonic clock."""

    start_ns: int
    """When it had arrived, as the kernel dated it where it does; else when it was read."""
    end_ns: int
    """Just before the last byte of the answer was handed to the system, or the connection ended."""
    url: str
    """`scheme://host/path?query`, with the port unless it is the scheme's default."""
    proxy: str = DIRECT
    """The proxy's URL without credentials."""
    method: str = "GET"
    status: int = 0
    """0: no answer was begun."""
    fate: Fate = "complete"
    """`dropped` and `stalled`: by the server; `abandoned`: the client left before the end."""
    user_agent: str = ""
    origin: bool = True
    """Whether it got past the proxy; False where the proxy itself refused it (407, 501)."""
    hold_ns: int | None = None
    """Retry-After, from `end_ns`."""
    location: str | None = None
    """Where a redirect led."""
    robots: str | None = None
    """The text of a robots.txt that was served with 2xx."""

    address: str = ""
    """The IP address that the request came to; empty if it is unknown."""

    @property
    def duration_ns(self) -> int:
        """From start to end."""
        return self.end_ns - self.start_ns

    @property
    def fetched(self) -> bool:
        """Whether a 2xx answer was sent in full."""
        return self.fate == "complete" and 200 <= self.status < 300


class Header(Struct, frozen=True, kw_only=True):
    """The first line of a log: what a referee can't see in the requests."""

    version: Literal[1] = 1
    utc_ns: int
    """UTC (since 1970) minus the clock of the requests."""
    spec: WebSpec | None = None
    """The web that was served; None where it is not a synthetic one."""


class WireLogError(Exception):
    """A wire log that can't be read: one line with file, line and reason."""


class WireLog:
    """A log that grows in memory, in a file, or both.

    Args:
        spec: the web that is served, for the header.
        path: the file to write; an existing one is replaced. OSError when that is impossible.
        keep: whether requests stay in memory too.
    """

    def __init__(
        self, spec: WebSpec | None = None, path: Path | None = None, *, keep: bool = True
    ) -> None:
        self.header = Header(utc_ns=time.time_ns() - time.monotonic_ns(), spec=spec)
        self.requests: list[Request] = []
        self._keep = keep
        self._encoder = msgspec.json.Encoder()
        self._file: BinaryIO | None = path.open("wb") if path else None
        self._write(self.header)

    def append(self, request: Request) -> None:
        """Add a request; it is on disk after `close`."""
        if self._keep:
            self.requests.append(request)
        self._write(request)

    def _write(self, record: Header | Request) -> None:
        if self._file:
            self._file.write(self._encoder.encode(record) + b"\n")

    def close(self) -> None:
        """Flush and close the file; nothing can be added to it after that. Idempotent."""
        if self._file:
            self._file.close()

    def __len__(self) -> int:
        return len(self.requests)

    def __iter__(self) -> Iterator[Request]:
        return iter(self.requests)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def write_log(path: Path, requests: Iterable[Request], spec: WebSpec | None = None) -> None:
    """Write a whole log to a file."""
    with WireLog(spec, path, keep=False) as log:
        for request in requests:
            log.append(request)


def read_log(path: Path) -> tuple[Header, list[Request]]:
    """Read a log from a file.

    Raises:
        WireLogError: the file can't be read or a line is no record; names file and line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise WireLogError(f"wire log {path}: {error.strerror}") from None
    if not lines:
        raise WireLogError(f"wire log {path}: empty; its first line must be a header")
    header = _decode(lines[0], Header, path, 1)
    decoder = msgspec.json.Decoder(Request)
    try:
        return header, [decoder.decode(line) for line in lines[1:]]
    except msgspec.DecodeError:
        for number, line in enumerate(lines[1:], 2):
            _decode(line, Request, path, number)
        raise AssertionError("unreachable") from None


def _decode(line: bytes, kind: type[_T], path: Path, number: int) -> _T:
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.DecodeError as error:
        raise WireLogError(f"wire log {path}, line {number}: {error}") from None
