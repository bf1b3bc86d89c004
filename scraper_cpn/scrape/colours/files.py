"""The files that items name (`--files`): their jobs, how they end, and the pages whose items wait for them.

Owns: these types; sizes are bytes.
"""

from typing import Any

from msgspec import Struct

from scraper_cpn.scrape.colours.outcomes import Failed, Parsed, Redirected, Throttled
from scraper_cpn.scrape.colours.robots import NOT_WIRED, Wired
from scraper_cpn.scrape.colours.targets import Target, url_host


class File(Struct, frozen=True, omit_defaults=True):
    """A file that an item names: where it is saved, or why it is not."""

    url: str
    """As the page names it, absolute and normalised."""
    path: str | None = None
    """Relative to `--save-bodies DIR`, or the archive itself; None if it was not saved."""
    sha256: str | None = None
    """Of its content, in hexadecimal."""
    bytes: int | None = None
    """The length of its content."""
    media_type: str | None = None
    """From the Content-Type header, in lower case, without parameters; empty if the server sent none."""
    error: str | None = None
    """Why it was not saved, in one line."""


class FileJob(Struct, frozen=True, gc=False, kw_only=True):
    """A file that is to be fetched."""

    asked: str
    """The URL in the item, by which the file is known."""
    url: str
    """`asked`, or the next hop of a redirect of it."""
    domain: str
    """The pacing key of `url`."""
    origin: str
    """Of `url`, the key of robots.txt."""
    parent: str
    """The page that named it first."""
    attempt: int = 1
    lost: int = 0
    """As `Target.lost`."""
    hops: int = 0

    @property
    def host(self) -> str:
        """The host of `url`, by which `--per-host` and `--host-delay` count."""
        return url_host(self.url)


class StagedFile(FileJob, frozen=True, gc=False, kw_only=True):
    """A file that has been given what its request needs; as `StagedTarget`."""


class RoutedFile(StagedFile, frozen=True, gc=False, kw_only=True):
    """A file that has been given a proxy; as `RoutedTarget`."""

    proxy: str
    watched: bool = False


class LocatedFile(StagedFile, frozen=True, gc=False, kw_only=True):
    """A file that has been given its address; as `LocatedTarget`."""

    address: str
    ip: str


class FileEnd(Struct, frozen=True, gc=False):
    """A file was saved, or will not be."""

    asked: str
    """As `FileJob.asked`."""
    file: File


class Filed(Struct, frozen=True, gc=False):
    """A file has come, and is saved if its type and size permit that."""

    file: File
    size: int
    """The length of its body."""


FileOutcome = Filed | Redirected | Throttled | Failed


class ParsedWithFiles(Parsed, frozen=True, kw_only=True):
    """A page whose items name files."""

    files: tuple[FileJob, ...]
    """Different ones, at least one."""


class Awaiting(Struct, frozen=True):
    """A page whose items wait for files."""

    target: Target
    asked: str
    """The file that it waits for; it has those before."""
    rest: tuple[str, ...]
    """The files that it will wait for then."""
    items: tuple[Any, ...]
    ends: tuple[File, ...] = ()
    """The files that have ended."""
    wired: Wired = NOT_WIRED
    cut: tuple[str, ...] = ()
    """See `Parsed`."""


class More(Struct, frozen=True, gc=False):
    """The page waits for another file."""


class Complete(Struct, frozen=True, gc=False):
    """All files of the page have ended."""


Collected = More | Complete
