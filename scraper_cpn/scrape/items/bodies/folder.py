"""Bodies in a folder, each in a file that is named after its content.

Owns: the names of the files, writing them durably.
Must not know: which bodies are saved, items.

A file is `ab/abcdef....html`: the SHA-256 of the body, in folders by its first two digits, with a suffix by the
media type. Equal bodies of one type are one file. A file appears whole or not at all.
"""

import mimetypes
import os
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from scraper_cpn.scrape.colours import Raw, Saved
from scraper_cpn.scrape.items.bodies import BodyStore
from scraper_cpn.scrape.items.outputs.base import OutputError
from scraper_cpn.scrape.items.outputs.files import sync_folder

_SUFFIXES = mimetypes.MimeTypes()  # those of Python alone: a name must not depend on the machine


class Folder(BodyStore):
    """Writes bodies to a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> None:
        """Create the folder. Raises `OutputError`."""
        try:
            self._path.mkdir(exist_ok=True)
        except OSError as error:
            raise self._error(error) from error

    def save(self, raws: Sequence[tuple[Raw, str]]) -> list[Saved]:
        """See `Place.save`."""
        try:
            saved = [self._save(raw, digest) for raw, digest in raws]
            for folder in {Path(each.path).parent for each in saved}:
                sync_folder(self._path / folder)
            sync_folder(self._path)
        except OSError as error:
            raise self._error(error) from error
        return saved

    def close(self) -> None:
        """Nothing is open."""

    def _save(self, raw: Raw, digest: str) -> Saved:
        suffix = _SUFFIXES.guess_extension(raw.response.content_type) or ""
        name = f"{digest[:2]}/{digest}{suffix}"
        path = self._path / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            new = path.with_name(f".{path.name}.{uuid4().hex}")  # workers may share the folder
            with new.open("wb") as file:
                file.write(raw.response.body)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        return Saved(name, digest)

    def _error(self, error: OSError) -> OutputError:
        return OutputError(f"can't write {self._path}: {error.strerror}")
