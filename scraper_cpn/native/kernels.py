"""Built kernels: a file for each source, loaded once in a process.

Owns: the names and the place of these files, the form of a source that is built.
Must not know: compilers.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import blake2b
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from textwrap import indent
from types import ModuleType
from typing import Any

from scraper_cpn.native.building import built
from scraper_cpn.net.compile import Build

_LOG = logging.getLogger(__name__)
_STEM = re.compile(r"\W+", re.ASCII)


def folder() -> Path:
    """Where built kernels are kept: `scraper_cpn` in the user's folder of caches (XDG)."""
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "scraper_cpn"


def native(title: str, text: str, names: Mapping[str, Any]) -> Build:
    """Have a kernel of machine code run a source; a `Builder` of `net.compile`.

    Cost: 5 to 20 seconds for a source that was never built here, else milliseconds.

    Raises:
        NativeError: it was not built and can't be; one line that says what is missing.
    """
    whole = _closed(text, names)
    path = _path(title, whole)
    if not path.exists():
        _LOG.warning("building a kernel of machine code: 5 to 20 seconds, once")
        built(whole, path)
    build: Build = _loaded(path).closed(names)
    return build


def _closed(text: str, names: Iterable[str]) -> str:
    """Return a source whose free names are variables of a function around it.

    As globals, which one module has once, they would be the same for all kernels of a source; and a
    variable of a function is a field of a C structure, where a global is looked up.
    """
    given = "".join(f"    {name} = NAMES[{name!r}]\n" for name in names if name != "__builtins__")
    return f"def closed(NAMES):\n{given}{indent(text, '    ')}    return build\n"


def _path(title: str, whole: str) -> Path:
    digest = blake2b(whole.encode(), digest_size=8).hexdigest()
    return folder() / f"{_STEM.sub('_', title)}_{digest}{EXTENSION_SUFFIXES[0]}"


@cache
def _loaded(path: Path) -> ModuleType:
    name = path.name.partition(".")[0]
    spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
