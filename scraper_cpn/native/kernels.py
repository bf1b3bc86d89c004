"""Built kernels: one file for each source, loaded once in a process.

Owns: the names and the folder of these files, the form in which a source is built.
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
    Program,
    built,
    cython_program,
    file_name,
    kernel_program,
    refuse_strangers,
)
from scraper_cpn.net.compiled.source import Build, Source

_NAME_MAX = 60
_STEM = re.compile(r"\W+", re.ASCII)


def folder() -> Path:
    """The folder of built kernels: `scraper_cpn` in the user's cache folder (XDG).

    Raises `NativeError` if there is no such folder.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if caches.is_absolute():  # others are to be ignored (XDG Base Directory Specification)
        return caches / "scraper_cpn"
    try:
        return Path.home() / ".cache" / "scraper_cpn"
    except RuntimeError:
        raise NativeError("there is no home folder for its cache; set XDG_CACHE_HOME") from None


def native(source: Source, begun: Callable[[], None] = lambda: None) -> Build:
    """Build or load the native kernel of a source; a `Builder` for `net.compile`.

    *begun* is called if the kernel must be built, which takes 5 to 20 seconds. Loading a built kernel takes
    milliseconds.

    Raises:
        NativeError: the kernel can't be built or loaded; one line says why.
    """
    text = _closed(source)
    module = _module(_name(source.title, text), lambda: kernel_program(text), begun)
    build: Build = module.closed(source.names)
    return build


def extension(title: str, text: str, begun: Callable[[], None] = lambda: None) -> ModuleType:
    """Build or load an extension module from a source in Cython's own language.

    *begun* is called if it must be built, which takes 5 to 20 seconds. Loading a built one takes milliseconds.

    Raises:
        NativeError: it can't be built or loaded; one line says why.
    """
    return _module(_name(title, text), lambda: cython_program(text), begun)


def _module(name: str, program: Callable[[], Program], begun: Callable[[], None]) -> ModuleType:
    try:
        path = _kept(name) or built(program(), folder(), name, begun)
        refuse_strangers(path.parent)
        refuse_strangers(path)
        return _loaded(name, program, path, begun)
    except OSError as error:
        raise NativeError(f"{folder()}: {error.strerror}; set XDG_CACHE_HOME") from None


def _kept(name: str) -> Path | None:
    """The intact file of a kernel that was built before; None if there is none.

    Its name has a digest of its content, since loading an incomplete file would crash the process. A file
    that does not match its digest is removed.
    """
    found = sorted(folder().glob(f"{name}.*{SUFFIX}"))
    if found:
        refuse_strangers(folder())
    for path in found:
        if path.name == file_name(name, path.read_bytes()):
            return path
        path.unlink()
    return None


def _loaded(
    name: str, program: Callable[[], Program], path: Path, begun: Callable[[], None]
) -> ModuleType:
    """Load a module; one that can't be loaded, for example one from another machine, is built again."""
    try:
        return loaded(path)
    except ImportError as first:
        error = first
    try:
        path.unlink(missing_ok=True)
        return loaded(built(program(), folder(), name, begun))
    except (ImportError, NativeError) as again:
        raise NativeError(f"{path} can't be loaded ({error}), nor replaced: {again}") from None


def _closed(source: Source) -> str:
    """Return a source in which free names are variables of an enclosing function.

    A module has its globals only once, so as globals they would be shared by all kernels of a source. Besides,
    a variable of a function is a field of a C structure, whereas a global is looked up.
    """
    given = "".join(f"    {name} = NAMES[{name!r}]\n" for name in source.names)
    return f"def closed(NAMES):\n{given}{indent(source.text, '    ')}    return build\n"


def _name(title: str, text: str) -> str:
    known = f"{FORM} {sysconfig.get_platform()} {EXTENSION_SUFFIXES[0]} {text}"
    digest = blake2b(known.encode(), digest_size=8).hexdigest()
    stem = _STEM.sub("_", title)[:_NAME_MAX]
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
