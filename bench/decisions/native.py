"""The scheduler by hand as machine code: its modules through the same Cython as a net's kernel.

Owns: the renamed copy of its modules that is built. Must not know: what they do, what is measured.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import blake2b
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

import baseline
from scraper_cpn.native import NativeError, folder
from scraper_cpn.native.building import built

_PACKAGE = "baseline_native"
_LEFT_OUT = {"__init__", "__main__", "crawl", "shell", "virtual"}
"""What does not decide."""


@cache
def works_here() -> bool:
    """Whether Cython and a C compiler are here; tried once."""
    path = folder() / f"nothing{EXTENSION_SUFFIXES[0]}"
    try:
        built("", path)
    except NativeError as error:
        print(f"left out what is compiled to machine code: {error}", file=sys.stderr)
        return False
    return True


def by_hand(module: str) -> ModuleType:
    """A module of the scheduler by hand, of machine code. Raises `NativeError`."""
    return import_module(f"{_PACKAGE}.{_built()}.{module}")


@cache
def _built() -> str:
    """Build what is not there yet; the name of the package within its folder."""
    sources = sorted(Path(baseline.__path__[0]).glob("*.py"))
    texts = {path.stem: path.read_text() for path in sources if path.stem not in _LEFT_OUT}
    digest = blake2b("".join(texts.values()).encode(), digest_size=8).hexdigest()
    version = f"v{digest}"
    where = folder() / _PACKAGE / version
    wanted = {where / f"{name}{EXTENSION_SUFFIXES[0]}": text for name, text in texts.items()}
    missing = {
        path: text.replace("from baseline.", f"from {_PACKAGE}.{version}.")
        for path, text in wanted.items()
        if not path.exists()
    }
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(built, missing.values(), missing))
    sys.path.append(str(folder()))
    return version
