"""Saving the bodies of pages and files as they came: in a folder, or in a web archive.

Owns: which bodies are saved, and writing those that wait together.
Must not know: how a folder or an archive is written, items, the net.

A body is saved before its page is parsed, so that no item names a file that is not there. A page that is fetched
again after a crash is saved again: in a folder under the same name, in an archive as the second capture that it is.
"""

import fnmatch
from abc import ABC, abstractmethod
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self

import anyio
from anyio import CancelScope, to_thread
from msgspec.structs import replace

from scraper_cpn.scrape.colours import File, Filed, Raw, Saved
from scraper_cpn.scrape.items.outputs.base import OutputError
from scraper_cpn.scrape.settings import Settings, UsageError

ARCHIVE = (".warc", ".warc.gz")


def is_archive(where: str) -> bool:
    """Whether bodies that are saved in *where* go into a web archive, which is one process's, and not into a folder."""
    return where.lower().endswith(ARCHIVE)


class BodyStore(ABC):
    """Where bodies are saved."""

    @abstractmethod
    def open(self) -> None:
        """Create or continue the place. Raises `OutputError`."""

    @abstractmethod
    def save(self, raws: Sequence[tuple[Raw, str]]) -> list[Saved]:
        """Save pages, each given with the SHA-256 of its body; they are on the disk when it returns.

        Raises `OutputError`.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the place. Raises `OutputError`."""


class Bodies:
    """Saves the bodies that a crawl wants saved."""

    def __init__(self, place: BodyStore, settings: Settings) -> None:
        self._place = place
        self._types = settings.save_types
        self._most = settings.max_saved_bytes
        self._waiting: list[tuple[Raw, str]] = []
        self._saved: dict[int, Saved] = {}
        self._lock = anyio.Lock()
        self._failure: OutputError | None = None

    async def __aenter__(self) -> Self:
        """Create or continue the place. Raises `OutputError`."""
        with CancelScope(shield=True):
            await to_thread.run_sync(self._place.open)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the place. Raises `OutputError`."""
        with CancelScope(shield=True):
            await to_thread.run_sync(self._place.close)

    def refusal(self, raw: Raw) -> str | None:
        """Return why a body is not saved, for the record of its page; None if it is, or is not wanted."""
        size = len(raw.response.body)
        if self._most is not None and size > self._most and self._is_wanted(raw):
            return f"its body has {size:,} bytes; --max-saved saves {self._most:,}"
        return None

    def objection(self, raw: Raw) -> str | None:
        """Return why a file is not saved: its type, or its size, or that it has none; None if it is."""
        if not raw.response.body:
            return "it is empty"
        if self._is_wanted(raw):
            return self.refusal(raw)
        kind = raw.response.content_type or "unknown"
        return f"its type is {kind}; --save-types saves {','.join(self._types)}"

    async def save(self, raw: Raw) -> Saved | None:
        """Save a body durably, together with all that wait; None if it is not to be saved.

        Raises `OutputError`; then the crawl can't continue.
        """
        if not self._is_wanted(raw) or self.refusal(raw) is not None:
            return None
        self._waiting.append((raw, sha256(raw.response.body).hexdigest()))
        async with self._lock:
            if id(raw) not in self._saved:
                await self._save_waiting()
        return self._saved.pop(id(raw))

    async def file(self, raw: Raw) -> Filed:
        """Save a file that an item names, as `save` does, and return what the item says about it."""
        response = raw.response
        file = File(
            raw.target.requested_url, bytes=len(response.body), media_type=response.content_type
        )
        objection = self.objection(raw)
        saved = None if objection else await self.save(raw)
        if saved is None:
            return Filed(replace(file, error=objection), len(response.body))
        return Filed(replace(file, path=saved.path, sha256=saved.sha256), len(response.body))

    async def _save_waiting(self) -> None:
        if self._failure is not None:
            raise self._failure
        batch, self._waiting = self._waiting, []
        try:
            with CancelScope(shield=True):  # half a record would be worse than a late end
                saved = await to_thread.run_sync(self._place.save, batch)
        except OutputError as error:
            self._failure = error
            raise
        for (raw, _), each in zip(batch, saved, strict=True):
            self._saved[id(raw)] = each

    def _is_wanted(self, raw: Raw) -> bool:
        kind = raw.response.content_type
        return any(fnmatch.fnmatchcase(kind, each) for each in self._types)


def bodies_of(settings: Settings, *, continued: bool = False) -> Bodies | None:
    """Return what saves the bodies of a crawl; None if it saves none. Changes nothing yet.

    *continued* tells that an archive that exists belongs to the crawl's state. Raises `UsageError`.
    """
    where = settings.save_bodies
    if where is None:
        return None
    path = Path(where)
    if not path.parent.is_dir():
        raise UsageError(f"--save-bodies {path}: the folder {path.parent} does not exist")
    if is_archive(path.name):
        from scraper_cpn.scrape.items.bodies.warc import Archive, check_archive

        check_archive(path, continued=continued)
        return Bodies(Archive(path, settings), settings)
    if path.exists() and not path.is_dir():
        raise UsageError(
            f"--save-bodies {path}: it is no folder; name one, or an archive: FILE.warc.gz"
        )
    from scraper_cpn.scrape.items.bodies.folder import Folder

    return Bodies(Folder(path), settings)
