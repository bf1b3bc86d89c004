"""JSON Lines: each item is one line of JSON, in UTF-8.

Owns: the encoding, and the check and the repair of a file's end.
Must not know: files and streams, columns, pages, the net.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from scraper_cpn.scrape.items.outputs.appended import Appended, Encoding
from scraper_cpn.scrape.items.outputs.base import Shape
from scraper_cpn.scrape.items.outputs.files import last_line
from scraper_cpn.scrape.settings import UsageError

_encode = msgspec.json.Encoder().encode_lines


class Lines(Encoding):
    """Items as lines of JSON."""

    def encode(self, batch: Sequence[Any], *, first: bool) -> bytes:
        """Return a line for each item."""
        return _encode(batch)


class JsonLines(Appended):
    """The format."""

    def encoding(self, shape: Shape | None) -> Encoding:
        """Return the encoding, the same for all items."""
        return Lines()

    def check_end(self, path: Path, shape: Shape | None) -> None:
        """Raise `UsageError` if a file does not end as JSON Lines do.

        A complete last line that only lacks its line break is fine.
        """
        start, line = last_line(path)
        try:
            msgspec.json.decode(line or b"null")
        except msgspec.DecodeError:
            raise UsageError(
                f"--output {path}: its last line is incomplete (not JSON from byte {start} on); "
                f"cut it off with: truncate -s {start} '{path}'"
            ) from None

    def prepare(self, path: Path) -> None:
        """Complete a last line that lacks its line break."""
        if last_line(path)[1]:
            with path.open("ab") as file:
                file.write(b"\n")


FORMAT = JsonLines()
