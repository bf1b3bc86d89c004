"""Parquet: a table of columns, written when the crawl ends.

Owns: the file beside it in which items wait, and turning it into the table.
Must not know: pages, the net. It is the only user of pyarrow, which is an extra: `pip install scraper-cpn[parquet]`.

A Parquet file has its index at its end, so that nothing can be added to it and half of one can't be read. So items
wait, as lines of JSON, in a file beside it (`FILE.parquet.rows`), where each batch is on the disk when `write`
returns. `close` writes them into a new table, behind the rows of the old one, and replaces the file in one step.
The first line of the waiting file says how many rows the table had when it was begun: where a crash left both,
no row counts twice.

Columns have types: texts, 64-bit integers, floats, booleans; lists and objects are JSON, decimals texts. A column
with an integer beyond 64 bits becomes a column of texts, which keep all digits.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import msgspec
from anyio import CancelScope, to_thread

from scraper_cpn.scrape.items.outputs.base import (
    Cell,
    Format,
    ItemOutput,
    OutputError,
    Shape,
    json_shape,
)
from scraper_cpn.scrape.items.outputs.files import DurableFile, last_line, missing, sync_folder
from scraper_cpn.scrape.settings import UsageError

try:
    import pyarrow as pa
    from pyarrow import parquet as pq
except ImportError:
    pa = None

ROWS_AT_ONCE = 10_000
"""Rows of one row group, which are in memory together."""

_INTEGER = range(-(2**63), 2**63)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Any]).decode


class Parquet(Format):
    """The format."""

    has_columns = True

    def check_items(self, shape: Shape | None) -> None:
        """Raise `UsageError` where pyarrow is not installed; see `Format.check_items`."""
        if pa is None:
            raise UsageError("--output: Parquet needs pyarrow: pip install 'scraper-cpn[parquet]'")

    def check_end(self, path: Path, shape: Shape | None) -> None:
        """See `Format.check_end`."""
        _check_columns(path, shape or json_shape())
        _check_rows(path)

    def check_kept(self, path: Path, shape: Shape | None, keep: int) -> None:
        """See `Format.check_kept`."""
        _check_columns(path, shape or json_shape())
        found = _length(path)
        if found < keep:
            raise missing(path, f"{keep:,} rows", f"it has {found:,}")

    def is_there(self, path: Path) -> bool:
        """See `Format.is_there`: the rows may wait beside it."""
        return path.exists() or _rows_of(path).exists()

    async def open(
        self, path: Path, shape: Shape | None, *, keep: int | None, replace: bool
    ) -> ItemOutput:
        """See `Format.open`."""
        return await ParquetFile.open(path, shape or json_shape(), keep=0 if replace else keep)


FORMAT = Parquet()


class ParquetFile:
    """Writes items to a file; made by `open`."""

    def __init__(
        self, path: Path, shape: Shape, base: int, waiting: int, file: DurableFile
    ) -> None:
        self.length = base + waiting
        """Rows of the table and of the waiting file."""
        self._path = path
        self._shape = shape
        self._base = base
        self._file: DurableFile | None = file

    @classmethod
    async def open(cls, path: Path, shape: Shape, *, keep: int | None) -> "ParquetFile":
        """Open or create a file, and truncate it to its first *keep* rows; None keeps all. Raises `OutputError`."""
        try:
            base, waiting, kept_bytes = await to_thread.run_sync(_truncated, path, shape, keep)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise _error(path, error) from error
        file = await DurableFile.open(_rows_of(path), keep=kept_bytes)
        if file.length == 0:
            await file.append(b"%d\n" % base)
        return cls(path, shape, base, waiting, file)

    async def write(self, batch: Sequence[Any]) -> None:
        """Let items wait, and wait until they are on the disk."""
        assert self._file is not None, "closed"
        rows = (_encode(list(self._shape.row(item))) for item in batch)
        await self._file.append(b"".join(row + b"\n" for row in rows))
        self.length += len(batch)

    async def close(self) -> None:
        """Write the table. Raises `OutputError`; then the items still wait, and `--append` continues them."""
        file, self._file = self._file, None
        if file is None:
            return
        with CancelScope(shield=True):
            await file.close()
            try:
                await to_thread.run_sync(_merge, self._path, self._shape)
            except (OSError, ValueError, pa.ArrowException) as error:
                raise _error(self._path, error) from error


def _rows_of(path: Path) -> Path:
    return Path(f"{path}.rows")


def _length(path: Path) -> int:
    base, rows = _standing(path)
    return base + sum(1 for _ in rows)


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _standing(path: Path) -> tuple[int, Iterator[bytes]]:
    """Return how many rows the table has, and the lines that wait to be added to it."""
    base = pq.read_metadata(path).num_rows if _has_content(path) else 0
    return base, _waiting(path, base)


def _waiting(path: Path, base: int) -> Iterator[bytes]:
    """Yield the complete lines that are not in the table yet."""
    with contextlib.suppress(FileNotFoundError), _rows_of(path).open("rb") as file:
        begun_at = int(file.readline() or base)
        for number, line in enumerate(file, begun_at):
            if number >= base and line.endswith(b"\n"):
                yield line


def _truncated(path: Path, shape: Shape, keep: int | None) -> tuple[int, int, int]:
    """Truncate to *keep* rows; return the rows of the table, those that wait, and the bytes of these."""
    if keep == 0:
        path.unlink(missing_ok=True)
        _rows_of(path).unlink(missing_ok=True)
        return 0, 0, 0
    base, lines = _standing(path)
    if keep is not None and keep < base:
        rows = islice(_table_rows(path), keep)
        _write(path, rows, _schema(shape, _texts(path)))
        _rows_of(path).unlink(missing_ok=True)
        return keep, 0, 0
    return base, *_rewritten(path, base, islice(lines, None if keep is None else keep - base))


def _rewritten(path: Path, base: int, lines: Iterator[bytes]) -> tuple[int, int]:
    """Let only these lines wait; return how many they are, and the bytes of their file."""
    new = Path(f"{_rows_of(path)}.new")
    count = 0
    with new.open("wb") as file:
        file.write(b"%d\n" % base)
        for line in lines:
            file.write(line)
            count += 1
        size = file.tell()
        _replace(file, _rows_of(path))
    return count, size


def _merge(path: Path, shape: Shape) -> None:
    """Write a table of the rows of the old one and those that wait, in place of both."""
    base, lines = _standing(path)
    texts = _texts(path) | _long_integers(shape, map(_decode, lines))
    _, lines = _standing(path)
    old = _table_rows(path) if base else iter(())
    _write(path, chain(old, map(_decode, lines)), _schema(shape, texts))
    _rows_of(path).unlink()


def _write(path: Path, rows: Iterator[list[Cell]], schema: "pa.Schema") -> None:
    new = Path(f"{path}.new")
    with new.open("wb") as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            while chunk := list(islice(rows, ROWS_AT_ONCE)):
                columns = zip(*chunk, strict=True)
                arrays = [
                    _array(cells, each.type) for cells, each in zip(columns, schema, strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        _replace(file, path)


def _replace(file: IO[bytes], path: Path) -> None:
    """Put a file that was written in the place of another, durably."""
    file.flush()
    os.fsync(file.fileno())
    Path(file.name).replace(path)
    sync_folder(path.parent)


def _array(cells: Sequence[Cell], kind: "pa.DataType") -> "pa.Array":
    return pa.array([_text(cell) for cell in cells] if kind == pa.string() else cells, kind)


def _text(value: Cell) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return _encode(value).decode()


def _schema(shape: Shape, texts: set[str]) -> "pa.Schema":
    types = {
        "boolean": pa.bool_(),
        "integer": pa.int64(),
        "big integer": pa.int64(),
        "real": pa.float64(),
    }
    return pa.schema(
        (name, pa.string() if name in texts else types.get(kind, pa.string()))
        for name, kind in shape.kinds.items()
    )


def _texts(path: Path) -> set[str]:
    """Return the columns that are texts in the table."""
    if not _has_content(path):
        return set()
    return {each.name for each in pq.read_schema(path) if each.type == pa.string()}


def _long_integers(shape: Shape, rows: Iterator[list[Cell]]) -> set[str]:
    """Return the columns of integers in which one does not fit 64 bits."""
    at = {name: i for i, (name, kind) in enumerate(shape.kinds.items()) if kind == "big integer"}
    found: set[str] = set()
    for row in rows if at else ():
        found |= {
            name for name, i in at.items() if isinstance(row[i], int) and row[i] not in _INTEGER
        }
    return found


def _table_rows(path: Path) -> Iterator[list[Cell]]:
    with pq.ParquetFile(path) as table:
        for batch in table.iter_batches(ROWS_AT_ONCE):
            yield from map(
                list, zip(*(column.to_pylist() for column in batch.columns), strict=True)
            )


def _check_columns(path: Path, shape: Shape) -> None:
    try:
        found = pq.read_schema(path).names if _has_content(path) else None
    except pa.ArrowException:
        raise UsageError(
            f"--output {path}: can't read it as a Parquet file; name another file"
        ) from None
    if found is not None and found != list(shape.names):
        raise UsageError(
            f"--output {path}: its columns are {', '.join(found)}, "
            f"those of this crawl {', '.join(shape.names)}; name another file"
        )


def _check_rows(path: Path) -> None:
    start, line = last_line(_rows_of(path)) if _rows_of(path).exists() else (0, b"")
    if line:
        raise UsageError(
            f"--output {path}: the last of the rows that wait beside it is torn; "
            f"cut it off with: truncate -s {start} '{_rows_of(path)}'"
        )


def _error(path: Path, error: Exception) -> OutputError:
    return OutputError(f"can't write {path}: {error}")
