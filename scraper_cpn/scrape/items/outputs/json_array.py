"""JSON: all items are one array, an item a line, in UTF-8.

Owns: the encoding, and the check of a file's end.
Must not know: files and streams, columns, pages, the net.

The file is valid JSON after each batch: a batch overwrites the closing bracket and writes another one.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from scraper_cpn.scrape.items.outputs.appended import Appended, Encoding
from scraper_cpn.scrape.items.outputs.base import Shape
from scraper_cpn.scrape.items.outputs.files import check_length, missing
from scraper_cpn.scrape.settings import UsageError

_encode = msgspec.json.Encoder().encode
_TAIL_BYTES = 4096
_CLOSED = re.compile(rb"[ \t\r\n]*+\][ \t\r\n]*+\Z")
_VALUE_END = re.compile(rb"[]}\"0-9a-z[]")
_HEAD = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*+\[")


class Array(Encoding):
    """Items as elements of an array."""

    start = b"["
    end = b"\n]\n"

    def encode(self, batch: Sequence[Any], *, first: bool) -> bytes:
        """Return the elements with the commas before them."""
        joined = b",\n".join(map(_encode, batch))
        return (b"\n" if first else b",\n") + joined


class JsonArray(Appended):
    """The format."""

    has_end = True

    def encoding(self, shape: Shape | None) -> Encoding:
        """Return the encoding, the same for all items."""
        return Array()

    def check_end(self, path: Path, shape: Shape | None) -> None:
        """Raise `UsageError` if a file is no array of JSON. Cost: reads the whole file once."""
        content = path.read_bytes()
        try:
            is_array = not content or isinstance(msgspec.json.decode(content), list)
        except (msgspec.DecodeError, RecursionError):
            is_array = False
        if not is_array:
            raise UsageError(
                f"--output {path}: it is no complete array of JSON; name another file, "
                "or write JSON Lines (.jsonl)"
            )

    def check_kept(self, path: Path, shape: Shape | None, keep: int) -> None:
        """See `Format.check_kept`: an item must end there."""
        check_length(path, keep)
        with path.open("rb") as file:
            head = file.read(_TAIL_BYTES)
            file.seek(max(0, keep - 1))
            last = file.read(1)
        if keep and not (_HEAD.match(head) and _VALUE_END.match(last)):
            raise missing(path, f"an item that ends at byte {keep:,}", "it was changed")

    def kept_bytes(self, path: Path) -> int | None:
        """Return where the closing bracket and the space before it begin."""
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, size - _TAIL_BYTES))
            tail = file.read()
        closed = _CLOSED.search(tail)
        kept = size - len(tail) + (closed.start() if closed else len(tail))
        return kept if kept > 1 else 0


FORMAT = JsonArray()
