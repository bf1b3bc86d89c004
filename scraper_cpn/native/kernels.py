"""Built kernels: a file for each source, loaded once in a process.

Owns: the names and the place of these files, who may have written them, the form of a source that is built.
Must not know: compilers.
"""

from __future__ import annotations

import os
import re
import stat
import sysconfig
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from textwrap import indent
from types import ModuleType

from scraper_cpn.native.building import NativeError, built
from scraper_cpn.net.compile import Build, Source

_FORM = 1
"""Another one where the same source is to be built anew."""
_NAME_MAX = 60
_STEM = re.compile(r"\W+", re.ASCII)


def folder() -> Path:
    """Where built kernels are kept: `scraper_cpn` in the user's folder of caches (XDG).

    Raises `NativeError` where there is none.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if caches.is_absolute():  # others are to be ignored (XDG Base Directory Specification)
        return caches / "scraper_cpn"
    try:
        return Path.home() / ".cache" / "scraper_cpn"
    except RuntimeError:
        raise NativeError("there is no home to keep it in; set XDG_CACHE_HOME") from None


def native(source: Source, begun: Callable[[], None] = lambda: None) -> Build:
    """Have a kernel of machine code run a source; a `Builder` of `net.compile`.

    *begun* is called where it is built, which was never done here: that takes 5 to 20 seconds. To load a
    kernel takes milliseconds.

    Raises:
        NativeError: it was not built and can't be, or can't be loaded; one line that says why.
    """
    path = _path(source)
    if not path.exists():
        built(_closed(source), path, begun)
    _refuse_strangers(path)
    try:
        module = _loaded(path)
    except ImportError:  # nothing is in it, or it is from another machine
        built(_closed(source), path, begun)
        module = _reloaded(path)
    build: Build = module.closed(source.names)
    return build


def _closed(source: Source) -> str:
    """Return a source whose free names are variables of a function around it.

    As globals, which one module has once, they would be the same for all kernels of a source; and a
    variable of a function is a field of a C structure, where a global is looked up.
    """
    given = "".join(f"    {name} = NAMES[{name!r}]\n" for name in source.names)
    return f"def closed(NAMES):\n{given}{indent(source.text, '    ')}    return build\n"


def _path(source: Source) -> Path:
    known = f"{_FORM} {sysconfig.get_platform()} {_closed(source)}"
    digest = blake2b(known.encode(), digest_size=8).hexdigest()
    stem = _STEM.sub("_", source.title)[:_NAME_MAX]
    return folder() / f"{stem}_{digest}{EXTENSION_SUFFIXES[0]}"


def _refuse_strangers(path: Path) -> None:
    """Run nothing that somebody else may have written."""
    if os.name == "posix":
        for each in (path.parent, path):
            found = each.stat()
            if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise NativeError(
                    f"{each} is not yours alone to write; set XDG_CACHE_HOME to a folder that is"
                )


@cache
def _loaded(path: Path) -> ModuleType:
    name = path.name.partition(".")[0]
    spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _reloaded(path: Path) -> ModuleType:
    try:
        return _loaded(path)
    except ImportError as error:
        raise NativeError(f"{path} can't be loaded: {error}; set XDG_CACHE_HOME") from None
