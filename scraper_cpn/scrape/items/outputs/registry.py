"""All formats of outputs.

Owns: their names and suffixes, and which module has each. A new format is a module and a line here.
Must not know: how a format works.

Modules are imported on use: those of databases are slow to import, and start threads.
"""

import importlib
from pathlib import Path
from typing import Any

from msgspec import Struct

from scraper_cpn.scrape.items.outputs.base import Format
from scraper_cpn.scrape.redact import hidden
from scraper_cpn.scrape.settings import UsageError


class Entry(Struct, frozen=True):
    """A format, and where to find it."""

    name: str
    suffixes: str
    """The suffixes of its files, separated by spaces."""
    module: str
    attribute: str = "FORMAT"


FORMATS = (
    Entry("jsonl", ".jsonl .ndjson", "jsonl"),
    Entry("json", ".json", "json_array"),
    Entry("csv", ".csv", "csv_file"),
    Entry("csv-excel", "", "csv_file", "EXCEL"),
    Entry("sqlite", ".sqlite .sqlite3 .db", "sqlite"),
    Entry("parquet", ".parquet", "parquet"),
)
COMPRESSIONS = (
    Entry("gz", ".gz", "compressed", "GZIP"),
    Entry("zst", ".zst", "compressed", "ZSTANDARD"),
)
"""Compressions, named after the suffix or the name of a format that is a sequence of encoded items."""


def chosen(where: str, name: str | None, *, excel: bool, stream: bool) -> Format:
    """Return the format of an output: *name*, or else what the suffix of its file says.

    A *stream* has JSON Lines if neither says anything; *excel* makes CSV that for spreadsheets.
    Raises `UsageError`.
    """
    if name is not None:
        inner, _, compression = name.lower().partition(".")
        known = inner in _BY_NAME and (not compression or f".{compression}" in _COMPRESSED_BY)
        entry, behind = _BY_NAME.get(inner), compression and f".{compression}"
    else:
        suffix, behind = _suffixes(Path(where))
        entry = _BY_SUFFIX.get(suffix)
        known = entry is not None and where != "-"
    if not known and name is None and stream:
        entry, behind, known = _BY_NAME["csv" if excel else "jsonl"], "", True
    if not known or entry is None:
        raise UsageError(_unknown(where, name))
    return _combined(where, _for_excel(where, entry) if excel else entry, behind)


def _for_excel(where: str, entry: Entry) -> Entry:
    if entry.module != "csv_file":
        raise UsageError(f"--csv-excel: {where} is no CSV; name a file that ends in .csv")
    return _BY_NAME["csv-excel"]


def _combined(where: str, entry: Entry, behind: str) -> Format:
    found: Format = _loaded(entry)
    if not behind:
        return found
    from scraper_cpn.scrape.items.outputs.appended import Appended
    from scraper_cpn.scrape.items.outputs.compressed import Compressed

    if not isinstance(found, Appended) or found.has_end:
        raise UsageError(f"--output {where}: only JSON Lines and CSV can be compressed")
    return Compressed(found, _loaded(_COMPRESSED_BY[behind]))


def _suffixes(path: Path) -> tuple[str, str]:
    *_, before, last = ["", "", *(each.lower() for each in path.suffixes)]
    return (before, last) if last in _COMPRESSED_BY else (last, "")


def _loaded(entry: Entry) -> Any:
    module = importlib.import_module(f"{__package__}.{entry.module}")
    return getattr(module, entry.attribute)


def _unknown(where: str, name: str | None) -> str:
    if name is not None:
        return f"--format {hidden(name)}: this is not a format; give one of {', '.join(_BY_NAME)}, or jsonl.gz and the like"
    return (
        f"--output {hidden(where)}: its suffix names no format; end the name with one of {', '.join(_BY_SUFFIX)} "
        "(then .gz or .zst to compress), or give --format, or - for standard output"
    )


def _by_suffix(entries: tuple[Entry, ...]) -> dict[str, Entry]:
    return {suffix: entry for entry in entries for suffix in entry.suffixes.split()}


_BY_NAME = {entry.name: entry for entry in FORMATS}
_BY_SUFFIX = _by_suffix(FORMATS)
_COMPRESSED_BY = _by_suffix(COMPRESSIONS)
