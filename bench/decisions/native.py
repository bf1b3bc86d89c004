"""The scheduler by hand as machine code: its modules through the same Cython as a net's kernel.

Owns: the renamed copy of its modules that is built. Must not know: what they do, what is measured.
"""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import blake2b
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import baseline
from scraper_cpn.native import NativeError, folder
from scraper_cpn.native.building import FORM, built, kernel_program

_PACKAGE = "baseline_native"
_LEFT_OUT = {"__init__", "__main__", "crawl", "shell", "virtual"}
"""What does not decide."""


@cache
def works_here() -> bool:
    """Whether Cython and a C compiler are installed; tested once."""
    try:
        with tempfile.TemporaryDirectory() as empty:
            built(kernel_program(""), Path(empty), "nothing")
    except NativeError as error:
        print(f"left out what is compiled to machine code: {error}", file=sys.stderr)
        return False
    return True


def by_hand(module: str) -> ModuleType:
    """A module of the scheduler by hand as machine code. Raises `NativeError`."""
    return import_module(f"{_PACKAGE}.{_built()}.{module}")


def _make(text: str, path: Path) -> None:
    """Build a module under the file name that an import expects."""
    built(kernel_program(text), path.parent, path.name.partition(".")[0]).replace(path)


@cache
def _built() -> str:
    """Build the missing modules; returns the name of the package within its folder."""
    sources = sorted(Path(baseline.__path__[0]).glob("*.py"))
    texts = {path.stem: path.read_text() for path in sources if path.stem not in _LEFT_OUT}
    known = f"{FORM} {version('cython')} {texts}"
    digest = blake2b(known.encode(), digest_size=8).hexdigest()
    package = f"v{digest}"
    where = folder() / _PACKAGE / package
    wanted = {where / f"{name}{EXTENSION_SUFFIXES[0]}": text for name, text in texts.items()}
    missing = {
        path: text.replace("from baseline.", f"from {_PACKAGE}.{package}.")
        for path, text in wanted.items()
        if not path.exists()
    }
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_make, missing.values(), missing))
    sys.path.append(str(folder()))
    return package
