"""Built kernels: a file for each source, loaded once in a process.

Owns: the names and the place of these files, the form of a source that is built.
Must not know: compilers.
"""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from textwrap import indent
from types import ModuleType

from scraper_cpn.native.building import (
    FORM,
    SUFFIX,
    NativeError,
    built,
    file_name,
    refuse_strangers,
)
from scraper_cpn.net.compiled.kernel import Build, Source

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
    name = _name(source)
    try:
        path = _kept(name) or built(_closed(source), folder(), name, begun)
        refuse_strangers(path.parent)
        refuse_strangers(path)
        module = _loaded(source, path, begun)
    except OSError as error:
        raise NativeError(f"{folder()}: {error.strerror}; set XDG_CACHE_HOME") from None
    build: Build = module.closed(source.names)
    return build


def _kept(name: str) -> Path | None:
    """The file of a kernel that was built, and is what was built then; None where there is none.

    Its name has a digest of its content: half of a file would kill who loads it. What is not what it was
    is removed.
    """
    found = sorted(folder().glob(f"{name}.*{SUFFIX}"))
    if found:
        refuse_strangers(folder())
    for path in found:
        if path.name == file_name(name, path.read_bytes()):
            return path
        path.unlink()
    return None


def _loaded(source: Source, path: Path, begun: Callable[[], None]) -> ModuleType:
    """Load a module; what can't be loaded, as it is from another machine, is built anew."""
    try:
        return loaded(path)
    except ImportError as first:
        error = first
    try:
        path.unlink(missing_ok=True)
        return loaded(built(_closed(source), folder(), _name(source), begun))
    except (ImportError, NativeError) as again:
        raise NativeError(f"{path} can't be loaded ({error}), nor replaced: {again}") from None


def _closed(source: Source) -> str:
    """Return a source whose free names are variables of a function around it.

    As globals, which one module has once, they would be the same for all kernels of a source; and a
    variable of a function is a field of a C structure, where a global is looked up.
    """
    given = "".join(f"    {name} = NAMES[{name!r}]\n" for name in source.names)
    return f"def closed(NAMES):\n{given}{indent(source.text, '    ')}    return build\n"


def _name(source: Source) -> str:
    known = f"{FORM} {sysconfig.get_platform()} {EXTENSION_SUFFIXES[0]} {_closed(source)}"
    digest = blake2b(known.encode(), digest_size=8).hexdigest()
    stem = _STEM.sub("_", source.title)[:_NAME_MAX]
    return f"{stem}_{digest}"


@cache
def loaded(path: Path) -> ModuleType:
    """The extension module in a file. Raises `ImportError`."""
    name = path.name.partition(".")[0]
    spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
