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

from scraper_cpn.native.building import FORM, NativeError, built, refuse_strangers
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
    path = _path(source)
    try:
        if not path.exists():
            built(_closed(source), path, begun)
        refuse_strangers(path.parent)
        refuse_strangers(path)
        module = loaded(path)
    except OSError as error:
        raise NativeError(f"{path.parent}: {error.strerror}; set XDG_CACHE_HOME") from None
    except ImportError as error:  # nothing is in it, or it is from another machine
        module = _replaced(source, path, begun, error)
    build: Build = module.closed(source.names)
    return build


def _replaced(
    source: Source, path: Path, begun: Callable[[], None], error: ImportError
) -> ModuleType:
    """Build anew what can't be loaded."""
    try:
        built(_closed(source), path, begun)
        return loaded(path)
    except (ImportError, NativeError) as again:
        raise NativeError(f"{path} can't be loaded ({error}), nor replaced: {again}") from None


def _closed(source: Source) -> str:
    """Return a source whose free names are variables of a function around it.

    As globals, which one module has once, they would be the same for all kernels of a source; and a
    variable of a function is a field of a C structure, where a global is looked up.
    """
    given = "".join(f"    {name} = NAMES[{name!r}]\n" for name in source.names)
    return f"def closed(NAMES):\n{given}{indent(source.text, '    ')}    return build\n"


def _path(source: Source) -> Path:
    known = f"{FORM} {sysconfig.get_platform()} {_closed(source)}"
    digest = blake2b(known.encode(), digest_size=8).hexdigest()
    stem = _STEM.sub("_", source.title)[:_NAME_MAX]
    return folder() / f"{stem}_{digest}{EXTENSION_SUFFIXES[0]}"


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
