"""The coordination code of the crate `spider`, function by function.

Owns: the map of its functions (`spider_map.json`), its sets, finding the released source, and what was
measured once and is kept (`spider.json`), so that a report needs no Rust.
Must not know: how Rust is read, how a report looks.

The map names a function by its file, its name and how many of that name stand before it. It was made
by hand for the repository of 2.52.4 and carried over to the released crate; three functions of another
crate, `spider_worker`, are not in it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct

from bench.report.code import rust_cfg
from bench.report.code.functions import Measured, Total, total
from bench.report.code.rust_code import measure

CRATE, VERSION = "spider", "2.52.4"
SETS = {
    "S0": "what every crawl over HTTP runs, default build, without robots.txt",
    "S1": "S0 with robots.txt, the retry strategy and `scrape`",
    "A": "everything wired on the HTTP path, default build",
    "D": "every listed function as written: browsers, sitemaps, backends, helpers without a caller",
}
"""Each is a subset of the next. Only D is counted as written, features that are off included."""
_HERE = Path(__file__).parent
MAP, KEPT = _HERE / "spider_map.json", _HERE / "spider.json"


class Function(Struct, frozen=True, array_like=True):
    """A function of the map."""

    file: str
    name: str
    nth: int
    concern: str
    sets: tuple[str, ...]


class _Map(Struct, frozen=True):
    functions: list[Function]


class Row(Struct, frozen=True):
    """A function with its figures: as written, and as compiled by default (None: it is not)."""

    function: Function
    written: Measured
    compiled: Measured | None

    def counted(self, name: str) -> Measured | None:
        """What counts of it in a set; None if it is not in it."""
        if name not in self.function.sets:
            return None
        return self.written if name == "D" else self.compiled


class SourceMeasure(Struct, frozen=True, kw_only=True):
    """What was measured of one source.

    Attributes:
        crate: its name and version.
        lizard: the version of lizard.
        features: of the default build.
        sha256: of each file that has functions of the map.
        missing: functions of the map that the source does not have.
        rows: the others.
    """

    crate: str
    lizard: str
    features: tuple[str, ...]
    sha256: dict[str, str]
    missing: tuple[str, ...]
    rows: tuple[Row, ...]

    def total(self, name: str, concern: str | None = None) -> Total:
        """The sums of a set, or of the functions of one concern in it."""
        rows = (row for row in self.rows if concern in {None, row.function.concern})
        return total(counted for row in rows if (counted := row.counted(name)) is not None)


def the_map() -> list[Function]:
    """All functions of the map."""
    return msgspec.json.decode(MAP.read_bytes(), type=_Map).functions


def kept() -> SourceMeasure:
    """What is in the repository."""
    return msgspec.json.decode(KEPT.read_bytes(), type=SourceMeasure)


def measure_crate(root: Path, functions: Iterable[Function]) -> SourceMeasure:
    """Measure the functions of the map in the crate at *root*. Cost: some seconds a megabyte."""
    wanted = list(functions)
    features = rust_cfg.default_features((root / "Cargo.toml").read_text(encoding="utf-8"))
    compiled = rust_cfg.compiled_files(root, features)
    sums: dict[str, str] = {}
    written: dict[tuple[str, str, int], Measured] = {}
    built: dict[tuple[str, str, int], Measured] = {}
    for file in dict.fromkeys(each.file for each in wanted):
        path = root / file
        if path.is_file():
            source = path.read_text(encoding="utf-8")
            sums[file] = hashlib.sha256(source.encode()).hexdigest()
            written |= {(file, each.name, each.nth): each for each in measure(source, file)}
            default = measure(compiled.get(path, ""), file)
            built |= {(file, each.name, each.start): each for each in default}
    rows = list(_rows(wanted, written, built))
    there = {row.function for row in rows}
    package = rust_cfg.manifest(root)
    return SourceMeasure(
        crate=f"{package['name']} {package['version']}",
        lizard=version("lizard"),
        features=tuple(sorted(features)),
        sha256=sums,
        missing=tuple(f"{each.file} {each.name}" for each in wanted if each not in there),
        rows=tuple(rows),
    )


def _rows(
    wanted: Iterable[Function],
    written: dict[tuple[str, str, int], Measured],
    built: dict[tuple[str, str, int], Measured],
) -> Iterator[Row]:
    for each in wanted:
        found = written.get((each.file, each.name, each.nth))
        if found is not None:
            yield Row(each, found, built.get((each.file, each.name, found.start)))


def fetched(folder: Path) -> Path:
    """The source of the released crate, fetched by cargo with a project in *folder*.

    Raises CalledProcessError when cargo can't.
    """
    manifest = f'[package]\nname = "source"\nversion = "0.0.0"\nedition = "2021"\n\n[dependencies]\n{CRATE} = "={VERSION}"\n'
    (folder / "src").mkdir()
    (folder / "src" / "lib.rs").touch()
    (folder / "Cargo.toml").write_text(manifest, encoding="utf-8")
    run(["cargo", "fetch", "--quiet"], cwd=folder, check=True)
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    return next(home.glob(f"registry/src/*/{CRATE}-{VERSION}"))


def main() -> None:
    """Measure the released crate, or a checkout of it, and keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.report.code.spider")
    parser.add_argument(
        "--source", type=Path, help="the folder of the crate; else cargo fetches it"
    )
    args = parser.parse_args()
    with TemporaryDirectory() as folder:
        found = measure_crate(args.source or fetched(Path(folder)), the_map())
    KEPT.write_bytes(_lines(found))
    for name in SETS:
        print(name, found.total(name))
    for missing in found.missing:
        print("not found:", missing)


def _lines(found: SourceMeasure) -> bytes:
    """JSON with a function a line."""
    head = msgspec.json.encode(msgspec.structs.replace(found, rows=()))
    rows = b",\n".join(msgspec.json.encode(row) for row in found.rows)
    return head.removesuffix(b"]}") + b"\n" + rows + b"\n]}\n"


if __name__ == "__main__":
    main()
